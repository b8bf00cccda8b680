"""What makes an answer of an authenticator good: asked for by this hub, at its address, by the person themselves.

The options for the browser are written here, and its answers are judged here; `webauthn` reads and verifies them, and
is loaded only then. The rule: whatever comes from a browser is refused with `PasskeyRefused`, however it is broken.
Source: Web Authentication Level 3, §7.1 (adding) and §7.2 (signing in).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from arkitekt_next.wire.codec import loads

ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA and RS256, in the order in which we like them. Source: IANA COSE Algorithms."""
ANSWER_MS = 300_000
_ID_BYTES = range(16, 1024)
_RSA_BITS = range(2048, 8193)
_HUB = "arkitekt-next"


class PasskeyRefused(ValueError):
    """An answer that is not taken; says why, for the audit log."""


@dataclass(frozen=True, slots=True)
class Site:
    """What passkeys are bound to: the hub's name, and the one origin that its pages have."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What is kept of a passkey; the private key never leaves its authenticator."""

    id: bytes
    public_key: bytes
    sign_count: int


def site_of(url: str) -> Site | None:
    """Give what passkeys of the hub at this address are bound to.

    None where browsers have none: at an address in numbers, and without TLS, but for this machine itself.
    """
    parts = urlsplit(url)
    name = (parts.hostname or "").rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        return None
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and name == "localhost")
    if not name or not is_secure:
        return None
    usual = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return Site(name, f"{parts.scheme}://{name}{port}")


# -- what is asked for -----------------------------------------------------------------------------------------------


def ask_for_new(
    site: Site, challenge: bytes, *, person: str, account: str, name: str, known: Iterable[bytes]
) -> dict[str, Any]:
    """Write what a browser needs to make a passkey for a person; not where one that is `known` lies already."""
    return {
        "rp": {"id": site.name, "name": _HUB},
        "user": {"id": encode(person.encode()), "name": account, "displayName": name},
        "challenge": encode(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": ANSWER_MS,
        "attestation": "none",
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "excludeCredentials": [{"type": "public-key", "id": encode(id)} for id in known],
    }


def ask_for_known(site: Site, challenge: bytes) -> dict[str, Any]:
    """Write what a browser needs to let a person choose among their passkeys of this hub."""
    return {
        "rpId": site.name,
        "challenge": encode(challenge),
        "timeout": ANSWER_MS,
        "userVerification": "required",
        "allowCredentials": [],
    }


# -- what comes back -------------------------------------------------------------------------------------------------


def check_new(answer: str, site: Site, challenge: bytes) -> NewPasskey:
    """Give the passkey that a browser has made. Raises `PasskeyRefused`.

    What an authenticator says of its make is neither asked for nor believed, so only answers without it are read.
    """
    given = _read(answer)
    from webauthn import verify_registration_response
    from webauthn.helpers import parse_attestation_object
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    try:
        said = parse_attestation_object(decode(given["response"]["attestationObject"]))
        if said.fmt not in ("none", "packed") or said.att_stmt.x5c is not None:
            raise PasskeyRefused(f"expected no attestation, got {str(said.fmt)[:32]}")
        made = verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(algorithm) for algorithm in ALGORITHMS],
        )
        _check_key(made.credential_public_key)
    except PasskeyRefused:
        raise
    except Exception as error:  # bytes from outside make the library's decoders raise whatever they raise
        raise PasskeyRefused(_said(error)) from error
    _refuse_framed(given)
    if made.credential_id != decode(given["rawId"]) or len(made.credential_id) not in _ID_BYTES:
        raise PasskeyRefused("expected an id of 16 to 1023 bytes, the same one everywhere")
    return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count)


def read_use(answer: str) -> tuple[bytes, str]:
    """Give which passkey a browser says to have used, and of which person; nothing of it is proven yet.

    Raises `PasskeyRefused`.
    """
    given = _read(answer)
    id, handle = decode(given.get("rawId")), decode(given["response"].get("userHandle"))
    try:
        return id, handle.decode("ascii")
    except UnicodeDecodeError:
        raise PasskeyRefused("expected the id of a person") from None


def check_use(answer: str, site: Site, challenge: bytes, *, public_key: bytes) -> int:
    """Give the count of a passkey that was rightly used; the caller compares it. Raises `PasskeyRefused`."""
    given = _read(answer)
    from webauthn import verify_authentication_response

    try:
        used = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            credential_public_key=public_key,
            # The library compares the count before the signature, so anybody could feign a clone.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise PasskeyRefused(_said(error)) from error
    _refuse_framed(given)
    return used.new_sign_count


def _read(answer: str) -> dict[str, Any]:
    try:
        given = loads(answer)
    except ValueError:
        raise PasskeyRefused("expected JSON") from None
    if not isinstance(given, dict) or not isinstance(given.get("response"), dict):
        raise PasskeyRefused("expected the answer of an authenticator")
    return given


def _refuse_framed(given: dict[str, Any]) -> None:
    """Refuse what was asked for inside a page of somebody else; our pages are shown in no frame."""
    client = _read_json(decode(given["response"]["clientDataJSON"]))
    if client.get("crossOrigin") or "topOrigin" in client:
        raise PasskeyRefused("expected a page of its own, got one in a frame")


def _read_json(text: bytes) -> dict[str, Any]:
    try:
        read = loads(text)
    except ValueError:
        raise PasskeyRefused("expected JSON") from None
    if not isinstance(read, dict):
        raise PasskeyRefused("expected an object")
    return read


def _check_key(public_key: bytes) -> None:
    """Refuse a key that can't be used, or is too weak to be."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography

    key = decoded_public_key_to_cryptography(decode_credential_public_key(public_key))
    if isinstance(key, EllipticCurvePublicKey) and not isinstance(key.curve, SECP256R1):
        raise PasskeyRefused(f"expected a key on P-256, got {key.curve.name}")
    if isinstance(key, RSAPublicKey) and key.key_size not in _RSA_BITS:
        raise PasskeyRefused(f"expected an RSA key of 2048 to 8192 bits, got {key.key_size}")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def encode(raw: bytes) -> str:
    """Write bytes as browsers' scripts take them."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: object) -> bytes:
    """Read bytes that a browser's script has written. Raises `PasskeyRefused`."""
    if not isinstance(text, str) or not text.isascii():
        raise PasskeyRefused("expected base64url")
    try:
        return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise PasskeyRefused("expected base64url") from None
