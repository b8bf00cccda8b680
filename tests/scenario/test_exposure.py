"""How far a hub can be reached, and under what protection."""

from __future__ import annotations

import datetime
import http.client
import json
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from arkitekt_next import App, easy
from arkitekt_next.embedded import announced, find_hub, serve
from arkitekt_next.errors import Conflict, HubUntrusted, RequestRefused
from tests.support.waiting import find_soon


def ask(
    url: str, path: str = "/health", *, trusts: Path | None = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Make one request with exactly these headers; give status, headers and JSON."""
    scheme, _, authority = url.partition("://")
    if scheme == "https":
        context = ssl.create_default_context(cafile=trusts)
        context.check_hostname = False
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(authority, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection(authority, timeout=10)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    told = {name.lower(): value for name, value in response.getheaders()}
    text = response.read()
    connection.close()
    return response.status, told, json.loads(text) if text else None


def pair(folder: Path, *, name: str = "lab.example.org") -> tuple[Path, Path]:
    """Make a certificate for a name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "given.pem", folder / "given.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@pytest.fixture(scope="module")
def beyond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A hub that listens on every address, told nothing else."""
    with serve(tmp_path_factory.mktemp("hub"), host="0.0.0.0", log_level="error") as server:
        yield server


@pytest.mark.requirement("guard.exposure")
def test_beyond_this_machine_a_hub_makes_itself_a_certificate_and_keeps_it(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with serve(tmp_path, host="0.0.0.0", log_level="error") as server:
            found = find_hub(tmp_path)
            assert found is not None
            assert server.url.startswith("https://127.0.0.1:")
            seen.append((found.fingerprint, found.public_url.partition(":")[0]))
            assert ask(server.url, trusts=found.certificate)[0] == 200
    assert seen[0] == seen[1]
    assert len(str(seen[0][0])) == 95
    assert stat.S_IMODE((tmp_path / "tls" / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


@pytest.mark.requirement("guard.exposure")
def test_clear_text_gets_nothing_from_a_hub_that_speaks_tls(beyond: Any) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(beyond.url.replace("https://", "http://"))


@pytest.mark.requirement("guard.exposure")
def test_a_given_certificate_is_served_and_browsers_are_told_to_stay_with_tls(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path)
    settings = {"host": "0.0.0.0", "tls_cert": certificate, "tls_key": key, "public_url": "https://lab.example.org"}
    with serve(tmp_path / "hub", log_level="error", **settings) as server:
        status, headers, _ = ask(server.url, trusts=certificate, Host="lab.example.org")
        assert status == 200
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert announced(tmp_path / "hub").public_url == "https://lab.example.org"


@pytest.mark.requirement("guard.exposure")
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tls_cert": "{folder}/given.pem"}, "expected a certificate and its key, got one of the two"),
        ({"tls_cert": "{folder}/none.pem", "tls_key": "{folder}/given.key"}, "expected a PEM certificate and its key"),
        ({"tls_cert": "{folder}/given.key", "tls_key": "{folder}/given.key"}, "expected a PEM certificate"),
        ({"host": "0.0.0.0", "trusted_proxy": ["127.0.0.1"]}, "expected public_url too"),
        ({"host": "0.0.0.0", "trusted_proxy": ["127.0.0.1"], "public_url": "http://x.org"}, "expected public_url too"),
        ({"host": "0.0.0.0", "trusted_proxy": ["proxy.lab"]}, "expected an address or network in numbers"),
        ({"public_url": "lab.example.org"}, "public_url"),
    ],
)
def test_what_would_not_protect_is_refused_before_anything_listens(
    tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    pair(tmp_path)
    settings = {
        name: value.format(folder=tmp_path) if isinstance(value, str) else value for name, value in given.items()
    }
    with pytest.raises(RequestRefused, match=says), serve(tmp_path / "hub", **settings):
        pass
    assert not (tmp_path / "hub" / "hub.json").exists()


@pytest.mark.requirement("guard.exposure")
def test_without_tls_it_listens_further_only_when_told_to_be_insecure(tmp_path: Path) -> None:
    with serve(tmp_path, host="0.0.0.0", insecure=True, log_level="error") as server:
        assert server.url.startswith("http://")
        status, headers, _ = ask(server.url)
        assert (status, "strict-transport-security" in headers) == (200, False)


@pytest.mark.requirement("guard.exposure")
def test_behind_a_proxy_only_what_came_over_tls_is_answered_and_only_its_word_counts(tmp_path: Path) -> None:
    settings = {"host": "0.0.0.0", "public_url": "https://lab.example.org", "log_level": "error"}
    with serve(tmp_path / "trusted", trusted_proxy=["127.0.0.0/8"], **settings) as server:
        by_proxy = {"X_Forwarded_For": "203.0.113.9", "Host": "lab.example.org"}
        assert ask(server.url, X_Forwarded_Proto="https", **by_proxy)[0] == 200
        assert ask(server.url, X_Forwarded_Proto="http", **by_proxy)[0] == 421
        assert ask(server.url)[0] == 200  # this machine itself
    with serve(tmp_path / "other", trusted_proxy=["192.0.2.1"], **settings) as server:
        # 127.0.0.1 is no proxy here, so it can't pass for anybody else, nor for TLS
        status, headers, _ = ask(server.url, X_Forwarded_Proto="https", X_Forwarded_For="203.0.113.9")
        assert (status, "strict-transport-security" in headers) == (200, False)


@pytest.mark.requirement("guard.exposure")
def test_rebound_names_are_refused_wherever_a_hub_listens(beyond: Any, tmp_path: Path) -> None:
    names = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "lab", "0x7f.1", "", "[::1].evil"]
    certificate = announced(beyond.folder).certificate
    count = 0
    for name in names:
        for port in ("", ":80", f":{beyond.url.rpartition(':')[2]}"):
            status, _, body = ask(beyond.url, trusts=certificate, Host=f"{name}{port}")
            assert (status, body["code"]) == (421, "bad_request"), name
            count += 1
    for name in ("localhost", "127.0.0.1", "[::1]", "192.0.2.7"):
        assert ask(beyond.url, trusts=certificate, Host=name)[0] == 200
    print(f"N = {count} requests under foreign names refused")


@pytest.mark.requirement("guard.exposure", "signin.certificates")
def test_programs_of_its_own_machine_believe_what_the_hubs_folder_names(
    beyond: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(beyond.folder))
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path))
    monkeypatch.delenv("ARKITEKT_URL", raising=False)
    app = App("secured")

    @app.register
    def add(a: int, b: int) -> int:
        return a + b

    with app.run_detached(), easy("caller"):
        assert find_soon("secured.add")(1, 2) == 3
    with easy("other", url=beyond.url.replace("127.0.0.1", "localhost")):
        pass
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(tmp_path / "none"))
    stranger = App("stranger", url=beyond.url, token="x")
    with pytest.raises(HubUntrusted, match="login --url"):
        stranger.find("secured.add")
    stranger.close()


def _has_ipv6() -> bool:
    try:
        _squat(0).close()
    except OSError:
        return False
    return True


def _squat(port: int) -> socket.socket:
    """Listen at ::1, as another user of this machine could."""
    squatter = socket.socket(socket.AF_INET6)
    squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    squatter.bind(("::1", port))
    squatter.listen()
    return squatter


@pytest.mark.requirement("guard.loopback")
@pytest.mark.skipif("not _has_ipv6()", reason="this machine has no ::1")
@pytest.mark.parametrize("options", [{}, {"host": "::1"}, {"host": "0.0.0.0", "insecure": True}])
def test_nobody_else_on_this_machine_can_be_localhost_at_the_hubs_port(tmp_path: Path, options: Any) -> None:
    with serve(tmp_path / "hub", log_level="error", **options) as server:
        port = int(server.url.rpartition(":")[2])
        for host in ("127.0.0.1", "::1"):
            connection = http.client.HTTPConnection(host, port, timeout=5)
            connection.request("GET", "/health")
            assert json.loads(connection.getresponse().read())["hub"] == server.app.state.hub.id
            connection.close()
        with pytest.raises(OSError, match="in use"):
            _squat(port)


@pytest.mark.requirement("guard.loopback")
@pytest.mark.skipif("not _has_ipv6()", reason="this machine has no ::1")
def test_a_hub_does_not_listen_beside_somebody_who_is_localhost_too(tmp_path: Path) -> None:
    with serve(tmp_path / "hub", log_level="error") as server:
        port = int(server.url.rpartition(":")[2])
    with _squat(port):
        with serve(tmp_path / "hub", log_level="error") as server:
            assert int(server.url.rpartition(":")[2]) != port
        with pytest.raises(Conflict, match="Can't listen"), serve(tmp_path / "other", port=port, log_level="error"):
            pass
