"""Nothing outside a grant is reached at the S3 subset: 0 bytes read, 0 changed, whatever is asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.data import BUCKET, give
from tests.support.neighbours import Neighbours, attacked, refused

pytestmark = pytest.mark.requirement("data.grants")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with attacked(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def near(server: Any) -> Neighbours:
    return Neighbours(server)


UPS = (
    *("..", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "..%2f..", "%2e%2e%2f%2e%2e", "..%5c..", "..\\..", "%5c..%5c.."),
    *(".", "%2e", "./.", "", "%2f", "%2f%2f", "..%00", "%00", "a%00/..", "%0a..", "%0d%0a..", "..%7f", "%c2%85"),
    *("%c0%ae%c0%ae", "%c0%af", "%e0%80%ae", "%f0%80%80%ae", "%ff", "%ed%a0%80", "..%c0%af", "%80", "%e2%80%a8"),
)
TAILS = ("{secret}", "master.key", "etc/passwd", "{secret_tail}", "hub.db", "evil", "../evil", "..%2fevil")


def test_no_spelling_of_a_path_leads_out(near: Neighbours) -> None:
    tried = 0
    for up, tail in itertools.product(UPS, TAILS):
        tail = tail.format(secret=near.secret, secret_tail=f"../{near.theirs.grant.item}/secret")
        path = f"/{BUCKET}/{near.own.prefix}{up}/{tail}"
        answers = [near.own.ask("PUT", path=path, body=b"evil"), near.own.ask("GET", path=path)]
        near.check(*answers)
        assert all(refused(answer) for answer in answers), path
        tried += 2
    near.check_all()
    assert tried >= 200
    print(f"N = {tried} traversal keys, 0 bytes outside the grant")


def test_what_looks_like_a_path_of_the_system_is_a_name_like_any_other(near: Neighbours) -> None:
    names = (
        "%252e%252e/evil",
        "...",
        "..a",
        "C:",
        "con",
        "\uff0e\uff0e/evil",
        "~root",
        "$HOME",
        "*",
        "a;rm -rf",
        "..\u2215x",
    )
    for name in names:
        key = f"{near.own.prefix}{name}"
        assert near.own.ask("PUT", key, body=name.encode()).status == 200, name
        assert near.own.ask("GET", key).body == name.encode()
    near.check_all()
    print(f"N = {len(names)} odd names")


def test_a_neighbour_is_not_reached_by_what_its_name_begins_with(near: Neighbours) -> None:
    own, other = near.own, near.theirs.prefix
    item, team = own.grant.item, own.grant.team
    keys = (
        *(near.secret, f"{other}new", f"team/{team}/{item}x/a", f"team/{team}/{item[:-1]}/a", f"team/{team}/a"),
        *(f"team/{team}/{item.upper()}/A", f"Team/{team}/{item}/a", f"team/{team}x/{item}/a", f"a/{own.prefix}a"),
        *(f"team/{item}/{team}/a", f"team/{team}/{item}", "team", "a", f"{BUCKET}/{own.prefix}a"),
    )
    tried = 0
    for key in keys:
        answers = [own.ask(method, key, body=b"x" if method == "PUT" else b"") for method in ("GET", "PUT", "DELETE")]
        answers.append(own.ask("PUT", near.mine, headers={"x-amz-copy-source": f"/{BUCKET}/{key}"}))
        answers.append(own.ask("POST", key, query=[("uploads", "")]))
        near.check(*answers)
        assert [answer.status for answer in answers] == [403] * 5, key
        tried += 5
    prefixes = ("", "t", "team/", f"team/{team}/", own.prefix[:-1], other, f"{own.prefix}../", own.prefix.upper(), "/")
    for prefix, version in itertools.product(prefixes, ([("list-type", "2")], [])):
        answer = own.ask("GET", query=[*version, ("prefix", prefix)])
        allowed = prefix == f"{own.prefix}../"
        assert answer.status == (200 if allowed else 403), prefix
        assert b"<Key>" not in answer.body
        tried += 1
    for name, value in (
        ("continuation-token", "AAAA"),
        ("start-after", "a"),
        ("start-after", other),
        ("delimiter", "/"),
    ):
        answer = own.ask("GET", query=[("list-type", "2"), ("prefix", own.prefix), (name, value)])
        near.check(answer)
        assert near.secret.encode() not in answer.body
        tried += 1
    named = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    answer = own.ask("POST", query=[("delete", "")], body=f"<Delete>{named}</Delete>".encode())
    assert answer.body.count(b"<Code>AccessDenied</Code>") == len(keys)
    assert b"<Deleted>" not in answer.body
    near.check_all()
    assert own.ask("GET", near.mine).body == b"mine"
    print(f"N = {tried + len(keys)} ways to a neighbour, 0 bytes outside the grant")


def test_an_upload_of_a_neighbour_is_not_gone_on_with(near: Neighbours) -> None:
    begun = near.theirs.ask("POST", f"{near.theirs.prefix}up", query=[("uploads", "")])
    id = begun.body.split(b"<UploadId>")[1].split(b"<")[0].decode()
    body = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
    for key in (f"{near.own.prefix}up", f"{near.theirs.prefix}up"):
        expected = 404 if key.startswith(near.own.prefix) else 403
        query = [("uploadId", id)]
        asked = (
            ("PUT", [*query, ("partNumber", "1")], b"x"),
            ("GET", query, b""),
            ("POST", query, body),
            ("DELETE", query, b""),
        )
        for method, parameters, sent in asked:
            assert near.own.ask(method, key, query=parameters, body=sent).status == expected, (method, key)
    assert near.theirs.ask("GET", f"{near.theirs.prefix}up", query=[("uploadId", id)]).status == 200


def test_a_grant_to_read_does_not_write(near: Neighbours) -> None:
    reader = give(near.server, near.own.grant.item, "read")
    assert reader.ask("GET", near.mine).body == b"mine"
    assert reader.ask("GET", query=[("prefix", reader.prefix)]).status == 200
    key, other = near.mine, f"{reader.prefix}b"
    asked = (
        *(("PUT", key, [], {}), ("DELETE", key, [], {}), ("POST", key, [("uploads", "")], {})),
        *(("PUT", other, [], {"x-amz-copy-source": f"/{BUCKET}/{key}"}), ("POST", "", [("delete", "")], {})),
        *(("PUT", key, [("uploadId", "a"), ("partNumber", "1")], {}), ("POST", key, [("uploadId", "a")], {})),
        *(("DELETE", key, [("uploadId", "a")], {}), ("GET", key, [("uploadId", "a")], {})),
    )
    for method, name, query, headers in asked:
        body = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode() if not name else b"x" * (method == "PUT")
        answer = reader.ask(method, name, query=query, headers=headers, body=body)
        assert (answer.status, answer.code) == (403, "AccessDenied"), (method, query)
    assert near.own.ask("GET", near.mine).body == b"mine"
    print(f"N = {len(asked)} ways to write")
