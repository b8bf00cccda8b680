"""How far a hub can be reached, and under what protection. Decided once, before it listens.

This machine only: plain HTTP. Beyond it: TLS with a certificate that was given, or with one it makes itself; or behind
a proxy that does TLS; or, only if told so in as many words, without. The rule: nobody's sign-in crosses a network in
clear by default.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from arkitekt_next.errors import RequestRefused
from arkitekt_next.platform import make_private_folder, write_private

if TYPE_CHECKING:
    from .config import HubSettings

_VALID_DAYS = 3650
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Exposure:
    """What protects a hub. `names` are those it answers to; beyond this machine also to addresses in numbers.

    `is_made` says that it made its certificate itself, so that a client has to pin it.
    """

    is_local: bool
    certificate: Path | None
    key: Path | None
    is_made: bool
    proxies: tuple[str, ...]
    names: frozenset[str]

    @property
    def scheme(self) -> str:
        """What the hub itself speaks."""
        return "https" if self.certificate is not None else "http"

    @property
    def is_only_by_proxy(self) -> bool:
        """Whether nobody but the proxy, and this machine, may come in: it has no TLS of its own."""
        return bool(self.proxies) and not self.is_local and self.certificate is None

    def answers_to(self, name: str) -> bool:
        """Whether a Host header's name is one of this hub's. Source: the defence against DNS rebinding."""
        if name in self.names:
            return True
        return not self.is_local and _is_number(name)


def settle(settings: HubSettings) -> Exposure:
    """Decide how a hub is protected, making a certificate where it needs one. Raises `RequestRefused`."""
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise RequestRefused(where="tls_cert", problem="expected a certificate and its key, got one of the two")
    is_local = is_loopback(settings.host)
    names = _LOCAL_NAMES | _public_names(settings)
    proxies = tuple(settings.trusted_proxy)
    for proxy in proxies:
        _check_proxy(proxy)
    if settings.tls_cert is not None and settings.tls_key is not None:
        _check_pair(settings.tls_cert, settings.tls_key)
        return Exposure(is_local, settings.tls_cert, settings.tls_key, False, proxies, names | _own_names(is_local))
    if is_local or settings.insecure:
        return Exposure(is_local, None, None, False, proxies, names | _own_names(is_local))
    if proxies:
        if settings.public_url is None or not settings.public_url.startswith("https://"):
            raise RequestRefused(
                where="trusted_proxy", problem="expected public_url too, the https address that the proxy serves"
            )
        return Exposure(False, None, None, False, proxies, names | _own_names(False))
    certificate, key = _own_certificate(settings)
    return Exposure(False, certificate, key, True, (), names | _own_names(False))


def is_loopback(host: str) -> bool:
    """Whether a hub that listens on `host` is reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def fingerprint_of(certificate: Path) -> str:
    """Give the SHA-256 fingerprint of a certificate, as pairs with colons, the way browsers show it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _public_names(settings: HubSettings) -> frozenset[str]:
    if settings.public_url is None:
        return frozenset()
    return frozenset({_bracketed(urlsplit(settings.public_url).hostname or "")})


def _own_names(is_local: bool) -> frozenset[str]:
    """Name this machine as its neighbours do."""
    if is_local:
        return frozenset()
    name = socket.gethostname().lower()
    return frozenset({name, f"{name.partition('.')[0]}.local", name.partition(".")[0]})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()


def _check_proxy(proxy: str) -> None:
    try:
        ipaddress.ip_network(proxy, strict=False)
    except ValueError:
        problem = f"expected an address or network in numbers, such as 10.0.0.7 or 10.0.0.0/24, got '{proxy}'"
        raise RequestRefused(where="trusted_proxy", problem=problem) from None


def _check_pair(certificate: Path, key: Path) -> None:
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise RequestRefused(
            where="tls_cert", problem=f"expected a PEM certificate and its key, {certificate} and {key}: {error}"
        ) from error


def _own_certificate(settings: HubSettings) -> tuple[Path, Path]:
    """Give the certificate that this hub made itself, at its first start. It stays, since clients have pinned it."""
    folder = make_private_folder(settings.folder / "tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if not (certificate.exists() and key.exists()):
        certificate_text, key_text = _make_certificate(settings)
        write_private(key, key_text)
        write_private(certificate, certificate_text)
    _check_pair(certificate, key)
    return certificate, key


def _make_certificate(settings: HubSettings) -> tuple[str, str]:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    pair = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "arkitekt-next hub")])
    names: list[x509.GeneralName] = []
    for name in sorted({"localhost", *_own_names(False), *_public_names(settings)}):
        if not _is_number(name):
            with suppress(ValueError):
                names.append(x509.DNSName(name))
    for number in sorted({"127.0.0.1", "::1", settings.host.strip("[]"), *_numbers()}):
        if _is_number(number) and not ipaddress.ip_address(number).is_unspecified:
            names.append(x509.IPAddress(ipaddress.ip_address(number)))
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(pair.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .sign(pair, hashes.SHA256())
    )
    key = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), key.decode()


def _numbers() -> set[str]:
    """Give this machine's own addresses, as far as its name tells them."""
    with suppress(OSError):
        found = socket.getaddrinfo(socket.gethostname(), None)
        return {str(address[4][0]).partition("%")[0] for address in found}
    return set()
