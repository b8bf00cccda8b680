"""Whose certificate is believed, against servers that show one and note every byte that they are told."""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from arkitekt_next.errors import ArkitektError, HubUntrusted, RequestRefused
from arkitekt_next.sdk import trust
from arkitekt_next.sdk.data.grants import Grant
from arkitekt_next.sdk.data.pinned import PinnedObjects
from arkitekt_next.sdk.data.requests import Connections, Requests
from arkitekt_next.sdk.transport.websocket import dial
from arkitekt_next.sdk.web import fetch, post_form
from tests.support.tls import Certificate, make_certificate, tls_front

SECRET = "the-token-that-nobody-else-may-hear"


class _Nobody:
    def received(self, frame: str | bytes) -> None: ...

    def writable(self) -> None: ...

    def closed(self, code: int, reason: str) -> None: ...


def ask(url: str) -> None:
    fetch(url, "GET", "/api/me", token=SECRET)


def post(url: str) -> None:
    post_form(url, "/oauth/token", {"refresh_token": SECRET})


def connect(url: str) -> None:
    asyncio.run(dial(url, SECRET, _Nobody()))


def connect_on_uvloop(url: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(dial(url, SECRET, _Nobody()))


def store(url: str) -> None:
    grant = Grant("id", "write", url, "data", "us-east-1", "team/item/", "key", SECRET, SECRET, 2**62)
    PinnedObjects(Requests(grant, lambda: grant, Connections())).put("a", SECRET.encode())


WAYS = (ask, post, connect, connect_on_uvloop)


def others(folder: Path, pinned: Certificate, system: Certificate) -> list[tuple[str, Certificate]]:
    """Give what somebody in between might show."""
    return [
        ("another of the same name", make_certificate(folder)),
        ("one of another name", make_certificate(folder, "other")),
        ("one that the pinned one has signed", make_certificate(folder, "signed", signer=pinned)),
        ("an authority of the same name", make_certificate(folder, is_authority=True)),
        ("one that the system vouches for", make_certificate(folder, signer=system)),
        ("one that is out of date", make_certificate(folder, age_days=100)),
    ]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """An authority that this system vouches for."""
    made = make_certificate(tmp_path, "system", is_authority=True)
    place = tmp_path / "authorities.pem"
    place.write_text(ssl.DER_cert_to_PEM_cert(made.der))
    monkeypatch.setenv("SSL_CERT_FILE", str(place))
    return made


@pytest.mark.requirement("signin.certificates", "data.pinned")
@pytest.mark.parametrize("is_authority", [False, True])
def test_another_certificate_than_the_pinned_one_hears_no_secret(
    tmp_path: Path, system: Certificate, is_authority: bool
) -> None:
    pinned = make_certificate(tmp_path, is_authority=is_authority)
    tried = 0
    for name, shown in others(tmp_path, pinned, system):
        with tls_front(shown) as front:
            trust.pin(front.url, pinned.der)
            for way in (*WAYS, store):
                with pytest.raises(HubUntrusted, match=r"arkitekt-next login .* --fingerprint"):
                    way(front.url)
                tried += 1
            assert front.heard == b"", name
    print(f"{tried} connections to a hub that shows another certificate: no byte was said to it")


@pytest.mark.requirement("signin.certificates")
@pytest.mark.parametrize("way", [*WAYS, store])
def test_a_certificate_nobody_vouches_for_hears_no_secret(tmp_path: Path, way: Callable[[str], None]) -> None:
    with tls_front(make_certificate(tmp_path)) as front:
        with pytest.raises(HubUntrusted, match="arkitekt-next login --url https://localhost"):
            way(front.url)
        assert front.heard == b""


@pytest.mark.requirement("signin.certificates")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["self-made", "self-made authority", "signed by an unknown authority"])
def test_the_pinned_certificate_is_believed(tmp_path: Path, way: Callable[[str], None], kind: str) -> None:
    signer = make_certificate(tmp_path, "unknown", is_authority=True) if kind.startswith("signed") else None
    shown = make_certificate(tmp_path, "elsewhere", signer=signer, is_authority=kind.endswith("authority"))
    with tls_front(shown, closes_after=SECRET.encode()) as front:
        address = front.url.replace("localhost", "127.0.0.1")
        trust.pin(address, shown.der)
        with pytest.raises(ArkitektError) as failed:  # the server closes, having heard everything
            way(address)
        assert not isinstance(failed.value, HubUntrusted)
        assert SECRET.encode() in front.heard


@pytest.mark.requirement("signin.certificates")
@pytest.mark.parametrize("way", WAYS)
def test_what_the_system_vouches_for_needs_no_pin(
    tmp_path: Path, system: Certificate, way: Callable[[str], None]
) -> None:
    with tls_front(make_certificate(tmp_path, signer=system)) as front:
        with pytest.raises(ArkitektError) as failed:
            way(front.url)
        assert not isinstance(failed.value, HubUntrusted)
        assert trust.doubts(front.url) is None


def test_an_address_without_tls_needs_no_context() -> None:
    assert trust.context_for("http://lab.example.org") is None


@pytest.mark.requirement("signin.certificates")
def test_a_pin_is_kept_for_its_address_and_private(tmp_path: Path) -> None:
    one, other = make_certificate(tmp_path), make_certificate(tmp_path)
    trust.pin("https://lab:1", one.der)
    trust.pin("https://lab:2", other.der)
    assert trust.pinned_fingerprint("https://lab:1") == trust.fingerprint_of(one.der)
    assert trust.pinned_fingerprint("https://lab:2") == trust.fingerprint_of(other.der)
    assert trust.pinned_fingerprint("https://lab") is None
    places = list((tmp_path / "state" / "trust").iterdir())
    if os.name != "nt":
        assert {stat.S_IMODE(place.stat().st_mode) for place in places} == {0o600}
    trust.unpin("https://lab:1")
    assert trust.pinned_fingerprint("https://lab:1") is None


def test_a_spoilt_pin_is_no_reason_to_believe_anybody(tmp_path: Path) -> None:
    trust.pin("https://lab", make_certificate(tmp_path).der)
    (place,) = (tmp_path / "state" / "trust").iterdir()
    place.write_text("spoilt")
    with pytest.raises(HubUntrusted, match="holds no certificate"):
        trust.context_for("https://lab")


DIGEST = "AB" * 32


@pytest.mark.parametrize(
    "given",
    [DIGEST, DIGEST.lower(), ":".join(["AB"] * 32), f"SHA256:{DIGEST}", f"sha-256={DIGEST}", f" {'ab ' * 32}"],
)
def test_a_fingerprint_is_read_as_people_write_it(given: str) -> None:
    assert trust.normal_fingerprint(given) == ":".join(["AB"] * 32)


@pytest.mark.parametrize("given", ["", "AB", "AB" * 20, "XY" * 32, DIGEST + "AB"])
def test_what_is_no_fingerprint_is_refused(given: str) -> None:
    with pytest.raises(RequestRefused, match="--fingerprint: expected a SHA-256"):
        trust.normal_fingerprint(given)


def test_file_names_never_meet() -> None:
    names: list[Any] = [
        trust.file_name(*parts) for parts in [("a", "b"), ("a--b",), ("a-", "b"), ("a", "-b"), ("A", "b")]
    ]
    assert len({name.lower() for name in names}) == len(names)
