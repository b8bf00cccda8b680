"""An authenticator in software: makes passkeys and uses them, as well or as badly as a test wants it.

It writes by itself what a browser and its authenticator write together, so that whatever the hub judges is not made by
the library it judges with. Source: Web Authentication Level 3, §5.8.1, §6.1 and §6.5.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256, EDDSA, RS256 = -7, -8, -257
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_key(algorithm: int) -> tuple[PrivateKey, dict[int, Any]]:
    """Make a private key, and its public half as COSE has it. Source: RFC 9053 §2 and §7, RFC 8230 §4."""
    if algorithm == ES256:
        curve = ec.generate_private_key(ec.SECP256R1())
        point = curve.public_key().public_numbers()
        return curve, {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    if algorithm == EDDSA:
        edwards = ed25519.Ed25519PrivateKey.generate()
        return edwards, {1: 1, 3: EDDSA, -1: 6, -2: edwards.public_key().public_bytes_raw()}
    return _rsa(2048)


def _rsa(bits: int) -> tuple[PrivateKey, dict[int, Any]]:
    key = rsa.generate_private_key(65537, bits)
    numbers = key.public_key().public_numbers()
    return key, {1: 3, 3: RS256, -1: numbers.n.to_bytes(bits // 8, "big"), -2: b"\x01\x00\x01"}


@dataclass
class Passkey:
    """A passkey that lies in the authenticator. `counts` None: it counts nothing, as those that are synced."""

    id: bytes
    site: str
    person: bytes
    key: PrivateKey
    public_key: dict[int, Any]
    count: int = 0
    counts: bool = True


@dataclass
class Authenticator:
    """Holds passkeys, and answers what a hub asks, as a browser at `origin` would."""

    origin: str
    passkeys: list[Passkey] = field(default_factory=list)

    def make(self, options: dict[str, Any], *, algorithm: int = ES256, **wrong: Any) -> str:
        """Make a passkey, and write the answer. `wrong` changes parts of it; see `answer` for the names."""
        key, public_key = wrong.pop("key", None) or make_key(algorithm)
        person, site = decode(options["user"]["id"]), options["rp"]["id"]
        made = Passkey(wrong.pop("id", None) or secrets.token_bytes(32), site, person, key, public_key)
        self.passkeys.append(made)
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + cbor2.dumps(public_key)
        flags = wrong.pop("flags", PRESENT | VERIFIED | ATTESTED)
        data = self._data(wrong.pop("site", site), flags, made.count) + (attested if flags & ATTESTED else b"")
        client = self._client("webauthn.create", options, wrong)
        statement = {"fmt": "none", "attStmt": {}, "authData": data} | wrong.pop("attestation", {})
        if wrong.pop("attests_itself", False):
            proof = sign(key, data + hashlib.sha256(client).digest())
            statement |= {"fmt": "packed", "attStmt": {"alg": algorithm, "sig": proof}}
        response = {"clientDataJSON": encode(client), "attestationObject": encode(cbor2.dumps(statement))}
        assert wrong == {}, wrong
        return json.dumps({"id": encode(made.id), "rawId": encode(made.id), "type": "public-key", "response": response})

    def use(self, options: dict[str, Any], passkey: Passkey | None = None, **wrong: Any) -> str:
        """Use a passkey, by default the newest, and write the answer. `wrong` changes parts of it, before it is signed."""
        used = passkey or self.passkeys[-1]
        used.count += 1 if used.counts else 0
        data = self._data(
            wrong.pop("site", used.site), wrong.pop("flags", PRESENT | VERIFIED), wrong.pop("count", used.count)
        )
        client = self._client("webauthn.get", options, wrong)
        response = {
            "clientDataJSON": encode(client),
            "authenticatorData": encode(data),
            "signature": encode(wrong.pop("signature", None) or sign(used.key, data + hashlib.sha256(client).digest())),
            "userHandle": encode(wrong.pop("person", used.person)),
        }
        id = wrong.pop("id", used.id)
        assert wrong == {}, wrong
        return json.dumps({"id": encode(id), "rawId": encode(id), "type": "public-key", "response": response})

    def _client(self, kind: str, options: dict[str, Any], wrong: dict[str, Any]) -> bytes:
        said = {
            "type": wrong.pop("kind", kind),
            "challenge": wrong.pop("challenge", options["challenge"]),
            "origin": wrong.pop("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(said | wrong.pop("client", {})).encode()

    def _data(self, site: str, flags: int, count: int) -> bytes:
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")


def sign(key: PrivateKey, text: bytes) -> bytes:
    """Sign as the key's algorithm does."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(text, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(text)
