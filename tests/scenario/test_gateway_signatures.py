"""A request counts as it was signed, for as long as it may: nothing of it can be changed, kept or replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.testing.objects_contract import failing
from tests.support.data import BUCKET, Access, Got, Sent, commit_item, expire, give, new_item, on_loop, send, set_item
from tests.support.neighbours import Neighbours, attacked, refused

pytestmark = pytest.mark.requirement("data.grants")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with attacked(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def near(server: Any) -> Neighbours:
    return Neighbours(server)


def _set(**fields: Any) -> Callable[[Sent], None]:
    def change(sent: Sent) -> None:
        for name, value in fields.items():
            setattr(sent, name, value)

    return change


def _header(name: str, value: str | None) -> Callable[[Sent], None]:
    def change(sent: Sent) -> None:
        sent.headers.pop(name, None)
        if value is not None:
            sent.headers[name] = value

    return change


def _in_authorization(old: str, new: str) -> Callable[[Sent], None]:
    def change(sent: Sent) -> None:
        before = sent.headers["authorization"]
        sent.headers["authorization"] = before.replace(old, new)
        assert sent.headers["authorization"] != before

    return change


def test_a_signed_request_is_taken_as_it_was_signed_only(near: Neighbours) -> None:
    key, path = near.mine, f"/{BUCKET}/{near.mine}"
    token, day = near.own.keys.session_token, datetime.now(UTC).strftime("%Y%m%d")
    changes = [
        *(_set(method=method) for method in ("GET", "DELETE", "POST", "HEAD", "OPTIONS")),
        *(_set(path=changed) for changed in (f"{path}x", path[:-1] + "b", path.replace("team", "Team"), f"{path}/b")),
        *(_set(query=[pair]) for pair in (("uploads", ""), ("a", "b"), ("x-id", "PutObject"), ("uploadId", "1"))),
        *(_set(body=body) for body in (b"", b"nice", b"minf", b"mine ")),
        *(_header("x-amz-date", value) for value in (None, f"{day}T000000Z", "20000101T000000Z", "x", "")),
        *(_header("x-amz-content-sha256", value) for value in (None, "UNSIGNED-PAYLOAD", "0" * 64, "E3B0" * 16, "")),
        *(_header("x-amz-security-token", value) for value in (None, "", "x", token[:-1], token + "A", token.lower())),
        *(_header("host", value) for value in ("localhost:1", "LOCALHOST", "127.0.0.1")),
        _header("x-amz-copy-source", f"/{BUCKET}/{near.secret}"),
        _header("x-amz-meta-a", "b"),
        _header("x-amz-acl", "private"),
        _header("x-amz-trailer", "x-amz-checksum-crc32"),
        _header("x-amz-decoded-content-length", "4"),
        _header("content-length", "5"),
        _header("if-match", '"x"'),
        *(
            _in_authorization("AWS4-HMAC-SHA256", name)
            for name in ("AWS4-HMAC-SHA1", "AWS4-HMAC-SHA512", "none", "AWS")
        ),
        _in_authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        _in_authorization("AWS4-HMAC-SHA256", "aws4-hmac-sha256"),
        *(_in_authorization("us-east-1", name) for name in ("eu-west-1", "*", "", "us-east-1/us-east-1")),
        *(_in_authorization("/s3/", name) for name in ("/sts/", "/S3/", "//")),
        _in_authorization("aws4_request", "aws3_request"),
        _in_authorization(f"/{day}/", "/20200101/"),
        _in_authorization("host;", ""),
        _in_authorization("x-amz-content-sha256;", ""),
        _in_authorization(";x-amz-security-token", ""),
        _in_authorization("host;", "host;host;"),
        _in_authorization("host;", "x-amz-z;host;"),
        _in_authorization("Signature=", "Signature=0"),
        _in_authorization("Signature=", "Signature=,Signature="),
        _in_authorization("Signature=", "Sig="),
        _in_authorization(near.own.grant.id, near.theirs.grant.id),
        _in_authorization(near.own.grant.id, "00000000-0000-7000-8000-000000000000"),
        _in_authorization(near.own.grant.id, "' OR 1=1 --"),
        lambda sent: sent.headers.update(authorization=sent.headers["authorization"][:-1]),
        lambda sent: sent.headers.update(authorization=sent.headers["authorization"] + "0"),
        lambda sent: sent.headers.update(authorization="AWS " + near.own.grant.id + ":c2lnbmF0dXJl"),
        lambda sent: sent.headers.pop("authorization"),
    ]
    for number, change in enumerate(changes):
        if change.__closure__ and "content-length" in repr([c.cell_contents for c in change.__closure__]):
            continue  # a length that is too long has the hub wait for more: see below
        answer = near.own.ask("PUT", key, body=b"mine", headers={"content-type": "text/a"}, change=change)
        near.check(answer)
        assert 400 <= answer.status < 500, (number, answer)
    assert near.own.ask("GET", key).body == b"mine"
    assert near.own.ask("GET", key).headers["content-type"] == "binary/octet-stream"
    near.check_all()
    print(f"N = {len(changes)} changes of a signed request, 0 taken")


def test_a_presigned_address_is_taken_as_it_was_signed_only(near: Neighbours) -> None:
    path, _, query = near.own.presigned(near.mine).partition("?")
    pairs = [(name, httpx2.QueryParams(query)[name]) for name in httpx2.QueryParams(query)]
    host = {"host": near.server.url.split("//")[1]}
    right = Sent("GET", path, pairs, dict(host), b"")
    assert send(near.server.url, right).body == b"mine"
    values = dict(pairs)

    def having(**changed: str | None) -> list[tuple[str, str]]:
        full = {**values, **{f"X-Amz-{name}": value for name, value in changed.items()}}
        return [(name, value) for name, value in full.items() if value is not None]

    later = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y%m%dT%H%M%SZ")
    changed = [
        *(
            replace(right, method=method, body=b"evil" * (method == "PUT"))
            for method in ("PUT", "POST", "DELETE", "HEAD")
        ),
        *(replace(right, path=f"/{BUCKET}/{key}") for key in (near.secret, near.mine + "x", near.own.prefix + "b", "")),
        *(
            replace(right, query=having(Expires=value))
            for value in ("61", "900", "901", "604800", "0", "-1", "x", "6e1")
        ),
        *(replace(right, query=having(Date=value)) for value in (later, "20000101T000000Z", "", "x")),
        *(replace(right, query=having(Algorithm=value)) for value in ("AWS4-HMAC-SHA1", "none", "")),
        *(
            replace(right, query=having(SignedHeaders=value))
            for value in ("", "Host", "host;range", "host;host", "date")
        ),
        *(replace(right, query=having(Signature=value)) for value in ("", "0" * 64, values["X-Amz-Signature"][:-1])),
        *(replace(right, query=having(**{name: None})) for name in ("Date", "Expires", "Signature", "Credential")),
        *(replace(right, query=having(**{name: None})) for name in ("Algorithm", "SignedHeaders", "Security-Token")),
        replace(right, query=having(Credential=values["X-Amz-Credential"].replace("s3", "sts"))),
        replace(right, query=having(Credential=f"{near.theirs.grant.id}{values['X-Amz-Credential'][36:]}")),
        replace(right, query=having(**{"Security-Token": near.theirs.keys.session_token})),
        replace(right, query=[*pairs, ("X-Amz-Expires", "900")]),
        replace(right, query=[*pairs, ("x-amz-expires", "900")]),
        replace(right, query=[*pairs, ("response-content-type", "text/html")]),
        replace(right, query=[*pairs, ("versionId", "1")]),
        replace(right, headers={**host, "x-amz-copy-source": near.secret}),
        replace(right, headers={**host, "authorization": "AWS4-HMAC-SHA256 Credential=a"}),
        replace(right, headers={"host": "localhost:" + near.server.url.rsplit(":", 1)[1]}),
    ]
    for sent in changed:
        answer = send(near.server.url, sent)
        near.check(answer)
        assert 400 <= answer.status < 500, (sent, answer)
        assert b"mine" not in answer.body
    near.check_all()
    print(f"N = {len(changed)} changes of a presigned address, 0 taken")


def test_the_session_token_is_asked_for_as_well_as_the_secret_key(near: Neighbours) -> None:
    token = near.own.keys.session_token
    wrong = ("", "x", token[:-1], token + "A", token.swapcase(), near.theirs.keys.session_token)
    for text in wrong:
        access = replace(near.own, keys=replace(near.own.keys, session_token=text))
        signed = [access.ask("PUT", near.mine, body=b"evil"), access.ask("GET", near.mine)]
        path, _, query = access.presigned(near.mine).partition("?")
        host = {"host": near.server.url.split("//")[1]}
        signed.append(send(near.server.url, Sent("GET", f"{path}?{query}", [], host, b"")))
        near.check(*signed)
        assert [(answer.status, answer.code) for answer in signed] == [(403, "InvalidToken")] * 3, text
    without = replace(near.own.place, session_token=None).boto3()
    with failing("InvalidToken"):
        without.get_object(Bucket=BUCKET, Key=near.mine)
    address = without.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": near.mine}, ExpiresIn=60)
    assert httpx2.get(address).status_code == 403
    assert near.own.ask("GET", near.mine).body == b"mine"
    print(f"N = {3 * len(wrong) + 2} wrong session tokens, 0 taken")


def test_a_presigned_address_holds_no_longer_than_a_quarter_of_an_hour_or_its_grant(near: Neighbours) -> None:
    host = {"host": near.server.url.split("//")[1]}

    def ask(**options: Any) -> Got:
        path, _, query = near.own.presigned(near.mine, **options).partition("?")
        return send(near.server.url, Sent("GET", f"{path}?{query}", [], host, b""))

    now = datetime.now(UTC)
    assert ask(expires_s=900).status == 200
    assert ask(expires_s=100, at=now - timedelta(seconds=90)).status == 200
    for options in ({"expires_s": 901}, {"expires_s": 100, "at": now - timedelta(seconds=102)}, {"expires_s": 10**6}):
        assert refused(ask(**options)), options
    assert refused(ask(at=now + timedelta(minutes=16)))
    kept = near.own.presigned(near.mine, expires_s=900)
    expire(near.server, near.own)
    answer = send(near.server.url, Sent("GET", kept, [], host, b""))
    assert (answer.status, answer.code) == (403, "ExpiredToken")


# -- times and replays -----------------------------------------------------------------------------------------


def test_a_put_is_not_replayed_once_it_must_not_be(near: Neighbours) -> None:
    kept: list[Sent] = []
    own, server = near.own, near.server
    assert own.ask("PUT", near.mine, body=b"first", change=kept.append).status == 200
    assert own.ask("PUT", near.mine, body=b"second").status == 200
    commit_item(server, own.grant.item)
    after_commit = send(server.url, kept[0])
    assert (after_commit.status, after_commit.code) == (403, "AccessDenied")
    assert b"committed" in after_commit.body
    assert own.ask("GET", near.mine).body == b"second"

    def begin() -> tuple[Access, Sent]:
        access, sent = give(server, new_item(server), login="a login"), []
        assert access.ask("PUT", f"{access.prefix}a", body=b"x", change=sent.append).status == 200
        return access, sent[0]

    grants = server.app.state.hub.grants
    ways: list[tuple[Callable[[Access], None], int]] = [
        (lambda a: expire(server, a), 403),
        (lambda a: on_loop(server, grants.revoke(id=a.grant.id)), 403),
        (lambda a: on_loop(server, grants.revoke(item=a.grant.item)), 403),
        (lambda a: on_loop(server, grants.revoke(login="a login")), 403),
        (lambda a: on_loop(server, grants.revoke(person=a.grant.person)), 403),
        (lambda a: set_item(server, a.grant.item, removed_at_us=now_us()), 404),
    ]
    for number, (end, status) in enumerate(ways):
        access, sent = begin()
        end(access)
        assert send(server.url, sent).status == status, number
        assert access.ask("GET", f"{access.prefix}a").status == status, number
    print(f"N = {len(ways) + 1} replayed writes, 0 taken")


def test_the_grants_of_a_sign_in_end_with_it(near: Neighbours) -> None:
    hub = near.server.app.state.hub

    async def sign_in_again() -> str:
        _, who = await hub.accounts.logins.issue(
            team=hub.accounts.team, person=hub.accounts.owner, app="a", kind="device"
        )
        return str(who.login)

    login = on_loop(near.server, sign_in_again())
    access = give(near.server, new_item(near.server), login=login)
    assert access.ask("PUT", f"{access.prefix}a", body=b"x").status == 200
    on_loop(near.server, hub.accounts.logins.revoke([login]))
    assert access.ask("GET", f"{access.prefix}a").status == 403
    fresh = give(near.server, access.grant.item, login=login)
    assert fresh.ask("GET", f"{access.prefix}a").status == 403


@pytest.mark.parametrize("end", ["leave", "disable"])
def test_the_grants_of_a_person_end_when_they_leave(near: Neighbours, end: str) -> None:
    hub = near.server.app.state.hub

    async def join() -> str:
        person = await hub.accounts.people.add(name="bo", email=f"{end}@lab.org")
        await hub.accounts.people.join(hub.accounts.team, person.id, Role.MEMBER)
        return str(person.id)

    person = on_loop(near.server, join())
    access = give(near.server, near.own.grant.item, person=person)
    assert access.ask("GET", near.mine).status == 200
    if end == "leave":
        on_loop(near.server, hub.accounts.people.leave(hub.accounts.team, person))
    else:
        on_loop(near.server, hub.accounts.people.set_disabled(person, True))
    assert access.ask("GET", near.mine).status == 403


def test_a_presigned_write_is_of_the_size_that_was_signed(near: Neighbours) -> None:
    asked = {"Bucket": BUCKET, "Key": f"{near.own.prefix}sized", "ContentLength": 4, "ContentType": "text/a"}
    address = near.own.boto3().generate_presigned_url("put_object", Params=asked, ExpiresIn=60)
    right = {"content-type": "text/a"}
    for body in (b"", b"x", b"12345", bytes(100_000)):
        assert httpx2.put(address, content=body, headers=right).status_code == 403, len(body)
    assert httpx2.put(address, content=b"1234", headers={"content-type": "text/html"}).status_code == 403
    assert httpx2.put(address, content=b"1234", headers=right).status_code == 200
    assert httpx2.put(address, content=b"4321", headers=right).status_code == 200
    commit_item(near.server, near.own.grant.item)
    assert httpx2.put(address, content=b"evil", headers=right).status_code == 403
    assert near.own.ask("GET", f"{near.own.prefix}sized").body == b"4321"


def test_a_clock_that_is_far_off_is_told_so(near: Neighbours) -> None:
    now = datetime.now(UTC)
    minutes = (-(60 * 24 * 365), -60, -16, 16, 60, 60 * 24 * 365 * 50)
    for off in minutes:
        answer = near.own.ask("GET", near.mine, at=now + timedelta(minutes=off))
        assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed"), off
    for off in (-14, 14):
        assert near.own.ask("GET", near.mine, at=now + timedelta(minutes=off)).status == 200
    print(f"N = {len(minutes)} clocks")
