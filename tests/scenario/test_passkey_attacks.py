"""Attacks on passkeys. Each prints how many tries it made; none may get through."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import cbor2
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from arkitekt_next.embedded import serve
from arkitekt_next.hub.accounts import challenges
from arkitekt_next.hub.core.ids import now_us
from tests.support.authenticator import (
    ATTESTED,
    EDDSA,
    ES256,
    PRESENT,
    RS256,
    VERIFIED,
    Authenticator,
    Passkey,
    decode,
    encode,
    make_key,
    sign,
)
from tests.support.browsing import Browser, add_person, forget_tries, is_in, set_up_owner
from tests.support.passkeys import add, address, answer, asked, last_events, passkeys_of

pytestmark = pytest.mark.requirement("pages.passkeys")

REFUSED = "This passkey was not accepted"
FUZZED = 150


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        set_up_owner(running)
        yield running


@pytest.fixture
def person(server: Any) -> str:
    """Somebody new with a password; their address is `name@lab.org`."""
    name = f"p{secrets.token_hex(6)}"
    add_person(server, name, "member")
    return name


@pytest.fixture
def browser(server: Any, person: str) -> Iterator[Browser]:
    """The browser of the person, signed in by the password."""
    with Browser(address(server)) as opened:
        forget_tries(server)
        opened.sign_in(f"{person}@lab.org")
        yield opened


@pytest.fixture
def device(server: Any) -> Authenticator:
    return Authenticator(address(server))


# -- what an answer has to be ----------------------------------------------------------------------------------------
def _other_key(device: Authenticator, options: dict[str, Any]) -> str:
    return device.use(options, signature=sign(make_key(ES256)[0], b"something else"))


def _changed(device: Authenticator, options: dict[str, Any], **fields: Any) -> str:
    given = json.loads(device.use(options))
    given["response"] |= {name: value for name, value in fields.items() if name in given["response"]}
    given |= {name: value for name, value in fields.items() if name not in given["response"]}
    return json.dumps(given)


def _resigned_by_another(device: Authenticator, options: dict[str, Any]) -> str:
    """Use a passkey of one's own under the id of the first one."""
    first = device.passkeys[0]
    own = Passkey(first.id, first.site, first.person, *make_key(ES256), count=100)
    return device.use(options, own)


WRONG_USES: dict[str, Callable[[Authenticator, dict[str, Any]], str]] = {
    "another origin": lambda d, o: d.use(o, origin="https://evil.example"),
    "the origin with another port": lambda d, o: d.use(o, origin="http://localhost:1"),
    "the origin in numbers": lambda d, o: d.use(o, origin=d.origin.replace("localhost", "127.0.0.1")),
    "the origin by https": lambda d, o: d.use(o, origin=d.origin.replace("http:", "https:")),
    "the origin with a slash": lambda d, o: d.use(o, origin=f"{d.origin}/"),
    "no origin": lambda d, o: d.use(o, origin=None),
    "a list of origins": lambda d, o: d.use(o, origin=[d.origin]),
    "another site": lambda d, o: d.use(o, site="evil.example"),
    "a site below": lambda d, o: d.use(o, site="x.localhost"),
    "another challenge": lambda d, o: d.use(o, challenge=encode(secrets.token_bytes(32))),
    "half the challenge": lambda d, o: d.use(o, challenge=o["challenge"][:22]),
    "no challenge": lambda d, o: d.use(o, challenge=""),
    "not verified": lambda d, o: d.use(o, flags=PRESENT),
    "not present": lambda d, o: d.use(o, flags=VERIFIED),
    "no flags": lambda d, o: d.use(o, flags=0),
    "backed up, but not to be": lambda d, o: d.use(o, flags=PRESENT | VERIFIED | 0x10),
    "made, not used": lambda d, o: d.use(o, kind="webauthn.create"),
    "a payment": lambda d, o: d.use(o, kind="payment.get"),
    "inside another page": lambda d, o: d.use(o, client={"crossOrigin": True}),
    "below another page": lambda d, o: d.use(o, client={"topOrigin": "https://evil.example"}),
    "another person": lambda d, o: d.use(o, person=b"0190b6a2-0000-7000-8000-000000000000"),
    "no person": lambda d, o: d.use(o, person=b""),
    "a person of bytes": lambda d, o: d.use(o, person=b"\xff\x00\xfe"),
    "another id": lambda d, o: d.use(o, id=secrets.token_bytes(32)),
    "no id": lambda d, o: d.use(o, id=b""),
    "the signature of another": _other_key,
    "the key of another": _resigned_by_another,
    "an empty signature": lambda d, o: _changed(d, o, signature=""),
    "data not signed": lambda d, o: _changed(d, o, authenticatorData=encode(bytes(37))),
    "no client data": lambda d, o: _changed(d, o, clientDataJSON=""),
    "client data that is a list": lambda d, o: _changed(d, o, clientDataJSON=encode(b"[]")),
    "no handle": lambda d, o: _changed(d, o, userHandle=None),
    "ids that differ": lambda d, o: _changed(d, o, id="AAAA"),
    "another type": lambda d, o: _changed(d, o, type="password"),
    "a response of text": lambda d, o: _changed(d, o, response="x"),
    "nothing": lambda d, o: "",
    "a list": lambda d, o: "[]",
    "null": lambda d, o: "null",
    "deep": lambda d, o: "[" * 15_000,
}


def test_only_the_right_answer_signs_in_and_all_wrong_ones_are_answered_alike(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    said = set()
    for what, make in WRONG_USES.items():
        forget_tries(server)
        refused = answer(browser, make(device, asked(browser)))
        assert refused.status_code == 401, what
        assert not is_in(browser), what
        assert last_events(server, 1)[0].event == "passkey.refused", what
        said.add(browser.text)
    assert len(said) == 1
    assert REFUSED in said.pop()
    answer(browser, device.use(asked(browser)))
    assert is_in(browser)
    print(f"\n{len(WRONG_USES)} wrong answers refused, all in the same words")


def test_a_passkey_of_somebody_else_signs_in_nobody_but_them(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device)
    victim = device.passkeys[0]
    add_person(server, f"x{person}", "member")
    tries = 0
    with Browser(address(server)) as attacker:
        attacker.sign_in(f"x{person}@lab.org")
        add(attacker, device)
        attacker.submit("/sign-out")
        own = device.passkeys[1]
        for wrong in ({"person": victim.person}, {"id": victim.id}, {"id": victim.id, "person": victim.person}):
            forget_tries(server)
            assert answer(attacker, device.use(asked(attacker), own, **wrong)).status_code == 401
            assert not is_in(attacker)
            tries += 1
        # An id that somebody has already is not taken over by adding it once more.
        attacker.sign_in(f"x{person}@lab.org")
        assert add(attacker, device, id=victim.id).status_code == 400
        tries += 1
    browser.submit("/sign-out")
    answer(browser, device.use(asked(browser), victim))
    assert person.title() in browser.text
    print(f"\n{tries} tries to be somebody else refused")


ADDING = PRESENT | VERIFIED | ATTESTED
P384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
WEAK = rsa.generate_private_key(65537, 1024)
WRONG_MAKES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "another port": {"origin": "http://localhost:1"},
    "another site": {"site": "evil.example"},
    "another challenge": {"challenge": encode(secrets.token_bytes(32))},
    "not verified": {"flags": PRESENT | ATTESTED},
    "not present": {"flags": VERIFIED | ATTESTED},
    "no key": {"flags": PRESENT | VERIFIED},
    "used, not made": {"kind": "webauthn.get"},
    "inside another page": {"client": {"crossOrigin": True}},
    "a short id": {"id": b"short"},
    "a long id": {"id": bytes(1024)},
    "an attestation of apple": {"attestation": {"fmt": "apple", "attStmt": {"x5c": [b"x"]}}},
    "an attestation of a maker": {"attestation": {"fmt": "packed", "attStmt": {"x5c": [b"x"], "alg": ES256}}},
    "a self-attestation that is none": {"attestation": {"fmt": "packed", "attStmt": {"sig": bytes(70), "alg": ES256}}},
    "an attestation of no known kind": {"attestation": {"fmt": "mine"}},
    "no authenticator data": {"attestation": {"authData": b""}},
    "P-384": {
        "key": (
            P384,
            {1: 2, 3: ES256, -1: 2, -2: P384.x.to_bytes(48, "big"), -3: P384.y.to_bytes(48, "big")},
        )
    },
    "a point beside the curve": {"key": (None, {1: 2, 3: ES256, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32})},
    "ES512": {"key": (None, {1: 2, 3: -36, -1: 3, -2: bytes(66), -3: bytes(66)})},
    "RSA-PSS": {"key": (None, {1: 3, 3: -37, -1: b"\xff" * 256, -2: b"\x01\x00\x01"})},
    "RSA of 1024 bits": {
        "key": (
            WEAK,
            {1: 3, 3: RS256, -1: WEAK.public_key().public_numbers().n.to_bytes(128, "big"), -2: b"\x01\x00\x01"},
        )
    },
    "an unknown algorithm": {"key": (None, {1: 2, 3: -65535, -1: 1, -2: bytes(32), -3: bytes(32)})},
    "a key that is none": {"key": (None, {1: 9})},
}


def test_only_what_was_asked_for_is_added(server: Any, browser: Browser, person: str, device: Authenticator) -> None:
    for what, wrong in WRONG_MAKES.items():
        refused = add(browser, device, **wrong)
        assert (refused.status_code, "was not added" in refused.text) == (400, True), what
        assert passkeys_of(server, person) == [], what
        noted = last_events(server, 1)[0]
        assert noted.event == "passkey.add_refused", what
        assert noted.data["reason"].startswith("expected no attestation") is what.startswith("an attestation of"), what
    for name in ("", " ", "x" * 65, "a\x00b"):
        browser.open("/account")
        assert browser.submit("/passkeys/new", name=name).status_code == 400
    print(f"\n{len(WRONG_MAKES)} wrong passkeys refused")
    assert add(browser, device).status_code == 200


# -- once, soon, here ------------------------------------------------------------------------------------------------
def test_an_answer_counts_once(server: Any, browser: Browser, device: Authenticator) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    device.passkeys[0].counts = False  # so that nothing but the challenge keeps it from counting twice
    tries = 0
    credential = device.use(asked(browser))
    sealed, visit = browser.cookie("arkitekt_passkey"), browser.cookie("arkitekt_visit")
    fields = [*browser.form("/sign-in/passkey/answer").fields, ("credential", credential)]
    fields = [(name, value) for name, value in fields if name != "credential" or value]
    for jar in (f"arkitekt_visit={visit}; arkitekt_passkey={sealed}", f"arkitekt_visit={visit}"):
        for expected in (303, 401, 401) if "passkey" in jar else (401, 401):
            forget_tries(server)
            headers = {"origin": browser.url, "cookie": jar}
            got = httpx2.post(f"{browser.url}/sign-in/passkey/answer", data=dict(fields), headers=headers)
            assert got.status_code == expected
            tries += expected == 401
    print(f"\n{tries} answers sent again refused")


def test_a_wrong_answer_spends_the_challenge_too(server: Any, browser: Browser, device: Authenticator) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    options = asked(browser)
    sealed = browser.cookie("arkitekt_passkey")
    form = browser.form("/sign-in/passkey/answer")
    answer(browser, device.use(options, origin="https://evil.example"))
    browser.web.cookies.set("arkitekt_passkey", sealed, domain="localhost.local")
    fields = [(name, value) for name, value in form.fields if name != "credential"]
    sent = browser.post("/sign-in/passkey/answer", [*fields, ("credential", device.use(options))])
    assert sent.status_code == 401


def test_a_challenge_ends_after_five_minutes(
    server: Any, browser: Browser, device: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    options = asked(browser)
    late = now_us() + 301_000_000
    monkeypatch.setattr(challenges, "now_us", lambda: late)
    assert answer(browser, device.use(options)).status_code == 401
    monkeypatch.undo()
    options = asked(browser)
    soon = now_us() + 290_000_000
    monkeypatch.setattr(challenges, "now_us", lambda: soon)
    answer(browser, device.use(options))
    assert is_in(browser)


def test_a_challenge_is_for_one_browser_and_one_purpose(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device)
    handed: list[tuple[str, dict[str, Any]]] = []
    browser.open("/account")
    browser.submit("/passkeys/new", name="Another")
    made = browser.passkey_options()
    handed.append((str(browser.cookie("arkitekt_passkey")), made))
    browser.submit("/sign-out")
    with Browser(browser.url) as other:
        options = asked(other)
        handed.append((str(other.cookie("arkitekt_passkey")), options))
    number, until, seal = handed[1][0].split(".")
    later = str(int(until) + 1)
    handed += [(text, options) for text in (f"{number}.{later}.{seal}", f"{number}.{until}.{'0' * 64}", "x.y.z", "ü")]
    handed += [(f"{number}..{seal}", options), (f".{until}.{seal}", options), (seal, options)]
    for sealed, wanted in handed:
        forget_tries(server)
        asked(browser)
        form = browser.form("/sign-in/passkey/answer")
        headers = {
            "origin": browser.url.encode(),
            "cookie": f"arkitekt_visit={browser.cookie('arkitekt_visit')}; ".encode(),
        }
        headers["cookie"] += f"arkitekt_passkey={sealed}".encode()
        fields = {**dict(form.fields), "credential": device.use(wanted)}
        got = httpx2.post(f"{browser.url}/sign-in/passkey/answer", data=fields, headers=headers)
        assert got.status_code == 401, sealed
    print(f"\n{len(handed)} challenges of another browser, purpose or maker refused")


# -- copies ----------------------------------------------------------------------------------------------------------
def test_a_passkey_that_counts_backwards_is_refused_and_noted(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    device.passkeys[0].count = 41
    answer(browser, device.use(asked(browser)))
    assert is_in(browser)
    browser.submit("/sign-out")
    tries = 0
    for count in (42, 41, 1, 0):
        forget_tries(server)
        refused = answer(browser, device.use(asked(browser), count=count))
        assert (refused.status_code, REFUSED in refused.text) == (401, True)
        noted = last_events(server, 1)[0]
        assert (noted.event, noted.data["known"], noted.data["given"]) == ("passkey.clone_suspected", 42, count)
        assert noted.subject == passkeys_of(server, person)[0].handle
        tries += 1
    # Who does not hold the key can't make the hub suspect its owner.
    answer(browser, device.use(asked(browser), count=1, signature=b"none"))
    assert last_events(server, 1)[0].event == "passkey.refused"
    forget_tries(server)
    device.passkeys[0].count = 42
    answer(browser, device.use(asked(browser)))
    assert is_in(browser)
    print(f"\n{tries} counts that do not grow refused")


# -- garbage ---------------------------------------------------------------------------------------------------------
def _spoil(rng: random.Random, credential: str) -> str:
    """Break an answer somewhere: its JSON, one of its parts, or the CBOR inside."""
    given = json.loads(credential)
    kind = rng.randrange(6)
    if kind == 0:
        text = bytearray(credential.encode())
        for _ in range(rng.randint(1, 8)):
            text[rng.randrange(len(text))] = rng.randrange(32, 127)
        return text.decode()
    if kind == 1:
        return credential[: rng.randrange(len(credential))]
    part = rng.choice(sorted(given["response"]))
    raw = bytearray(decode(given["response"][part]))
    if kind == 2:
        given["response"][part] = rng.choice([None, 7, [], {}, "", "%%%", "ä", "A", True, encode(rng.randbytes(4000))])
    elif kind == 3:
        raw = raw[: rng.randrange(len(raw) + 1)]
        given["response"][part] = encode(raw)
    elif kind == 4 and part == "attestationObject":
        value = rng.choice([[], {}, {"fmt": []}, {"authData": 1, "fmt": "none"}, b"", cbor2.CBORTag(2, b"\xff" * 99)])
        given["response"][part] = encode(cbor2.dumps(value) if value else b"\x9f" * rng.randint(1, 5000))
    else:
        for _ in range(rng.randint(1, 12)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        given["response"][part] = encode(raw)
    return json.dumps(given)


def test_garbage_is_refused_and_breaks_nothing(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    seed = 20_260_119
    rng = random.Random(seed)
    add(browser, device)
    statuses: dict[int, int] = {}
    for _ in range(FUZZED):
        browser.open("/account")
        browser.submit("/passkeys/new", name="Another")
        spoilt = _spoil(rng, device.make(browser.passkey_options(), algorithm=rng.choice([ES256, EDDSA])))
        device.passkeys.pop()
        before = len(passkeys_of(server, person))
        status = browser.submit("/passkeys/add", credential=spoilt).status_code
        if len(passkeys_of(server, person)) > before:  # what was changed is not looked at, as the attested make
            browser.submit("/passkeys/remove", of={"passkey": passkeys_of(server, person)[-1].handle})
        statuses[status] = statuses.get(status, 0) + 1
    browser.submit("/sign-out")
    for _ in range(FUZZED):
        forget_tries(server)
        spoilt = _spoil(rng, device.use(asked(browser)))
        status = answer(browser, spoilt).status_code
        statuses[status] = statuses.get(status, 0) + 1
        if is_in(browser):
            browser.submit("/sign-out")
    assert sum(statuses.values()) == 2 * FUZZED >= 200
    assert set(statuses) <= {200, 400, 401}
    assert statuses.get(200, 0) < FUZZED / 5
    forget_tries(server)
    answer(browser, device.use(asked(browser)))
    assert is_in(browser)
    print(f"\n{2 * FUZZED} spoilt answers (seed {seed}): {statuses}")


# -- guessing, and other sites ---------------------------------------------------------------------------------------
def test_wrong_answers_are_held_back_by_address(server: Any, browser: Browser, device: Authenticator) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    forget_tries(server)
    statuses = []
    for _ in range(12):
        options = asked(browser)
        statuses.append(answer(browser, device.use(options, origin="https://evil.example")).status_code)
    assert statuses == [401] * 10 + [429] * 2
    assert answer_status(browser, device) == 429
    forget_tries(server)
    assert answer_status(browser, device) == 200
    print(f"\n{statuses.count(401)} of {len(statuses)} wrong answers were looked at")


def answer_status(browser: Browser, device: Authenticator) -> int:
    return answer(browser, device.use(asked(browser))).status_code


def test_no_other_site_can_send_these_forms(server: Any, browser: Browser, person: str, device: Authenticator) -> None:
    add(browser, device)
    handle = passkeys_of(server, person)[0].handle
    csrf = dict(browser.form("/sign-out").fields)["csrf"]
    tries = 0
    for path in ("/passkeys/new", "/passkeys/add", "/passkeys/remove", "/sign-in/passkey", "/sign-in/passkey/answer"):
        fields = {"name": "x", "passkey": handle, "credential": "{}"}
        for headers, token in (
            ({"origin": "https://evil.example"}, csrf),
            ({"origin": "null"}, csrf),
            ({"sec-fetch-site": "cross-site"}, csrf),
            ({}, csrf),
            ({"origin": browser.url}, ""),
            ({"origin": browser.url}, "0" * 64),
        ):
            got = browser.web.post(path, data={**fields, "csrf": token}, headers=headers)
            assert got.status_code == 403, (path, headers)
            tries += 1
        assert browser.web.get(path).status_code == 405
    assert len(passkeys_of(server, person)) == 1
    print(f"\n{tries} forged forms refused")


def test_no_secret_of_a_passkey_is_in_the_audit_log(server: Any, browser: Browser, device: Authenticator) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    options = asked(browser)
    answer(browser, device.use(options, challenge=encode(b"x" * 32)))
    told = str(last_events(server, 50))
    assert options["challenge"] not in told
    assert encode(device.passkeys[0].id) not in told
