"""What passkeys are bound to, and challenges: rules without HTTP."""

from __future__ import annotations

import subprocess
import sys

import pytest

from arkitekt_next.auth.passkeys import PasskeyRefused, Site, decode, site_of
from arkitekt_next.hub.accounts.challenges import Challenges

pytestmark = pytest.mark.requirement("pages.passkeys")


@pytest.mark.parametrize(
    ("url", "name", "origin"),
    [
        ("http://localhost:8765", "localhost", "http://localhost:8765"),
        ("https://localhost:8765", "localhost", "https://localhost:8765"),
        ("https://lab.example.org", "lab.example.org", "https://lab.example.org"),
        ("https://Lab.Example.org:443", "lab.example.org", "https://lab.example.org"),
        ("https://lab.example.org:8443", "lab.example.org", "https://lab.example.org:8443"),
        ("https://gpu-box:8443", "gpu-box", "https://gpu-box:8443"),
        ("http://localhost:80", "localhost", "http://localhost"),
    ],
)
def test_a_passkey_is_bound_to_the_name_and_the_origin_as_browsers_write_it(url: str, name: str, origin: str) -> None:
    assert site_of(url) == Site(name, origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8765",
        "https://192.168.1.5",
        "https://[::1]:8765",
        "http://lab.example.org",
        "http://gpu-box:80",
        "http://localhost.example.org",
        "ftp://localhost",
        "https://",
    ],
)
def test_there_are_no_passkeys_by_number_or_without_tls(url: str) -> None:
    assert site_of(url) is None


def test_a_challenge_is_long_and_sealed_to_purpose_holder_and_hub() -> None:
    ours, others = Challenges(b"a" * 32), Challenges(b"b" * 32)
    challenge, sealed = ours.make("add", "session")
    assert len(challenge) == 32
    assert ours.use(sealed, "sign in", "session") is None
    assert ours.use(sealed, "add", "another session") is None
    assert others.use(sealed, "add", "session") is None
    assert ours.use(sealed, "add", "session") == challenge
    assert ours.use(sealed, "add", "session") is None
    assert len({ours.make("add", "session")[0] for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", [None, 7, "ä", "%%%", "A", "a b"])
def test_what_is_no_base64url_is_refused(text: object) -> None:
    with pytest.raises(PasskeyRefused):
        decode(text)


def test_what_verifies_passkeys_is_loaded_when_one_is_used() -> None:
    code = "import sys, arkitekt_next.hub.listener; print(sorted({'webauthn', 'cbor2', 'OpenSSL'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
