"""Hubs behind TLS for tests: certificates made on the spot, and a small server that shows them and passes bytes on."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key; `der` is what is shown, `file` holds both for a server."""

    file: Path
    der: bytes
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


_SIGNS_ALL = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def make_certificate(
    folder: Path, name: str = "lab", *, signer: Certificate | None = None, is_authority: bool = False, age_days: int = 0
) -> Certificate:
    """Make a certificate for localhost and 127.0.0.1, valid for ten days: its own, or one that `signer` has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.now(UTC) - timedelta(days=age_days, minutes=5)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=10))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if signer:  # what Python asks of a certificate from 3.13 on; source: RFC 5280 §4.2.1
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if is_authority:
        builder = builder.add_extension(_SIGNS_ALL, critical=True)
    made = builder.sign(signer.key if signer else key, hashes.SHA256())
    file = folder / f"{name}-{made.serial_number:x}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return Certificate(file, made.public_bytes(serialization.Encoding.DER), made, key)


@dataclass
class Front:
    """A listening TLS server. `heard` is all that clients have said inside TLS, `said_bytes` what they were told;
    `certificate` may be replaced.
    """

    port: int
    certificate: Certificate
    heard: bytearray = field(default_factory=bytearray)
    said_bytes: int = 0
    handshakes: int = 0
    connected: list[tuple[socket.socket, threading.Thread]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://localhost:{self.port}"

    def replace(self, certificate: Certificate) -> None:
        """Show another certificate from now on; what was connected under the old one is gone when this comes back."""
        self.certificate = certificate
        while self.connected:
            secured, serving = self.connected.pop()
            with suppress(OSError):
                socket.socket.shutdown(secured, socket.SHUT_RDWR)
            serving.join(5)


@contextmanager
def tls_front(certificate: Certificate, hub_port: int | None = None, *, closes_after: bytes = b"\n") -> Iterator[Front]:
    """Show a certificate on a free port of this machine; pass what comes on to a hub, or hear some words and close."""
    listener = socket.create_server(("127.0.0.1", 0))
    front = Front(listener.getsockname()[1], certificate)

    def accept() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_serve, args=(front, plain, hub_port, closes_after), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield front
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _serve(front: Front, plain: socket.socket, hub_port: int | None, closes_after: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(front.certificate.file)
    with suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
        front.handshakes += 1
        front.connected.append((secured, threading.current_thread()))
        behind = socket.create_connection(("127.0.0.1", hub_port)) if hub_port is not None else None
        if behind is not None:
            threading.Thread(target=_pass_back, args=(front, behind, secured), daemon=True).start()
        while data := secured.recv(65536):
            front.heard += data
            if behind is not None:
                behind.sendall(data)
            elif closes_after in front.heard:
                return
        if behind is not None:
            behind.close()


def _pass_back(front: Front, behind: socket.socket, secured: ssl.SSLSocket) -> None:
    with suppress(OSError):
        while data := behind.recv(65536):
            front.said_bytes += len(data)
            secured.sendall(data)
        secured.shutdown(socket.SHUT_RDWR)
