"""Which hub a TLS connection really leads to: the system vouches for its certificate, or a person has pinned it.

A hub that made its certificate itself is pinned when an app signs in there: the certificate is kept, one file an
address, and from then on nothing else is believed at that address. The rule: the comparison is part of the handshake,
so whoever shows another certificate is refused before a byte of ours is sent.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from arkitekt_next.errors import HubUnavailable, HubUntrusted, RequestRefused
from arkitekt_next.platform import hub_folder, state_folder, write_private

from .announced import is_loopback, read_hub_file

_TIMEOUT_S = 10.0
_END = "-----END CERTIFICATE-----"
_CHANGED = "it is another one than the one pinned for this address"


class _PinnedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _compare(self.context, self.getpeercert(binary_form=True))


class _PinnedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _compare(self.context, self.getpeercert(binary_form=True))


class PinnedContext(ssl.SSLContext):
    """Believes exactly one certificate, whatever name it carries; works wherever a client's context does."""

    sslsocket_class = _PinnedSocket
    sslobject_class = _PinnedObject
    fingerprint = ""

    @classmethod
    def of(cls, certificate: bytes) -> PinnedContext:
        """Make the context of a certificate (DER)."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        # The name is no matter: this certificate, and nobody else's, is what a person has looked at.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it may be signed by an authority we don't have
        context.load_verify_locations(cadata=certificate)
        context.fingerprint = fingerprint_of(certificate)
        return context


def _compare(context: ssl.SSLContext, certificate: bytes | None) -> None:
    pinned = context.fingerprint if isinstance(context, PinnedContext) else ""
    # What the pinned one has signed is vouched for by the chain, but it is not the pinned one.
    if certificate is None or fingerprint_of(certificate) != pinned:
        raise ssl.SSLCertVerificationError(_CHANGED)


def context_for(address: str) -> ssl.SSLContext | None:
    """Give how to check the hub at an address; None for one without TLS. Reads files: never call it on an event loop.

    Everything that connects to a hub takes its context from here.
    """
    if urlsplit(address).scheme != "https":
        return None
    certificate = _pinned(address)
    return PinnedContext.of(certificate) if certificate is not None else ssl.create_default_context()


def untrusted(address: str, doubted: ssl.SSLCertVerificationError) -> HubUntrusted:
    """Say why a certificate is not believed, and what to do about it."""
    known = pinned_fingerprint(address)
    if known is None:
        reason = getattr(doubted, "verify_message", "") or str(doubted)
        remedy = f"If the hub made it itself, compare its fingerprint: arkitekt-next login --url {address}"
    else:
        reason = f"{_CHANGED} ({known})"
        remedy = (
            "Somebody may be in between. If the hub has a new one, ask who keeps it for its fingerprint: "
            f"arkitekt-next login --url {address} --fingerprint …"
        )
    return HubUntrusted(url=address, reason=reason, remedy=remedy)


def fetch_certificate(address: str) -> bytes:
    """Get the certificate (DER) that is shown at an address, believed or not; nothing else is said there.

    Raises `HubUnavailable`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    certificate = _shake_hands(address, context)
    if certificate is None:
        raise HubUnavailable(url=address, reason="it shows no certificate", remedy="Check the address")
    return certificate


def doubts(address: str) -> HubUntrusted | None:
    """Give why the hub at an address is not believed as things are, or None when it is. Raises `HubUnavailable`."""
    context = context_for(address)
    if context is None:
        return None
    try:
        _shake_hands(address, context)
    except ssl.SSLCertVerificationError as doubted:
        return untrusted(address, doubted)
    return None


def _shake_hands(address: str, context: ssl.SSLContext) -> bytes | None:
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), timeout=_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError:
        raise
    except OSError as failed:
        reason = failed.strerror or str(failed) or type(failed).__name__
        raise HubUnavailable(url=address, reason=reason, remedy="Check the address, and that the hub runs") from failed


# -- pins ------------------------------------------------------------------------------------------------------------


def pin(address: str, certificate: bytes) -> None:
    """Believe this certificate (DER), and no other, at an address from now on."""
    write_private(_place(address), ssl.DER_cert_to_PEM_cert(certificate))


def unpin(address: str) -> None:
    """Forget what was pinned for an address."""
    with suppress(FileNotFoundError):
        _place(address).unlink()


def is_pinned(address: str) -> bool:
    """Tell whether one certificate and no other is believed at an address."""
    return urlsplit(address).scheme == "https" and _pinned(address) is not None


def pinned_fingerprint(address: str) -> str | None:
    """Give the fingerprint pinned for an address, or None."""
    certificate = _pinned(address)
    return fingerprint_of(certificate) if certificate is not None else None


def _pinned(address: str) -> bytes | None:
    place = _place(address)
    try:
        text = place.read_text(encoding="ascii")
    except FileNotFoundError:
        return _of_this_machine(address)
    try:
        return ssl.PEM_cert_to_DER_cert(text)
    except ValueError as broken:
        remedy = f"Remove it, then pin it anew: arkitekt-next login --url {address}"
        raise HubUntrusted(url=address, reason=f"{place} holds no certificate", remedy=remedy) from broken


def _of_this_machine(address: str) -> bytes | None:
    """Give the certificate of this user's own hub, which its folder names, when the address is that hub's."""
    told = read_hub_file(hub_folder())
    if told is None or not isinstance(told.get("certificate"), str) or _spot(address) != _spot(str(told["url"])):
        return None
    try:
        first = Path(told["certificate"]).read_text(encoding="ascii").partition(_END)
        return ssl.PEM_cert_to_DER_cert(first[0] + first[1])
    except (OSError, ValueError):
        return None


def _spot(address: str) -> tuple[str, int | None]:
    parts = urlsplit(address)
    return ("this machine" if is_loopback(address) else parts.hostname or "", parts.port)


def _place(address: str) -> Path:
    return state_folder() / "trust" / f"{file_name(address)}.pem"


def file_name(*parts: str) -> str:
    """Make a file name of an address and what else tells things apart: readable, and no two alike."""
    shown = "--".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-.") for part in parts)[:120]
    return f"{shown}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:8]}"


def fingerprint_of(certificate: bytes) -> str:
    """Give the SHA-256 fingerprint of a certificate (DER), as pairs with colons."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def normal_fingerprint(text: str) -> str:
    """Bring a fingerprint into the form of `fingerprint_of`; raise `RequestRefused` when it is none."""
    letters = re.sub(r"[\s:]", "", re.sub(r"^\s*sha-?256[:=\s]*", "", text, flags=re.IGNORECASE)).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", letters):
        problem = f"expected a SHA-256 fingerprint, 64 hexadecimal digits such as AB:CD:…, got '{text}'"
        raise RequestRefused(where="--fingerprint", problem=problem)
    return bytes.fromhex(letters).hex(":").upper()
