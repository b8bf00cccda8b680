"""Which hub to speak to, and with which token.

The address comes from the argument, else `ARKITEKT_URL`, else the `hub.json` of the hub on this machine. A token
comes from `ARKITEKT_TOKEN`, else from the local sign-in of docs/reference/protocol.md §1: a mutual proof that both
ends can read the hub's 0600 key file. The rule: the key never leaves this process, and nothing is proven to a
server that hasn't proven itself first.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arkitekt_next.errors import ArkitektError, HubUnavailable, NotAuthenticated, ProtocolError
from arkitekt_next.platform import hub_folder

URL = "ARKITEKT_URL"
TOKEN = "ARKITEKT_TOKEN"

_TIMEOUT_S = 10.0
_START_HUB = (
    "Start one with 'arkitekt-next hub start', or name one with url= (--url on the command line) or the environment "
    "variable ARKITEKT_URL"
)
_SIGN_IN = "Give a token in the environment variable ARKITEKT_TOKEN"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Access:
    """A hub's address and a token that it accepts."""

    url: str
    token: str = field(repr=False)


def discover(url: str | None = None) -> str:
    """Give the address of the hub to use; raise `HubUnavailable` when there is none to be found."""
    chosen = url or os.environ.get(URL)
    if chosen:
        return normalize(chosen)
    known = read_hub_file(hub_folder())
    if known is None:
        raise HubUnavailable(
            f"No hub was found: url= and {URL} are not set, and there is no hub.json in {hub_folder()}. {_START_HUB}",
            url="",
            remedy=_START_HUB,
        )
    return normalize(str(known["url"]))


def normalize(url: str) -> str:
    """Bring an address into the form `scheme://host:port`; a bare `host:port` means http."""
    text = url.strip().rstrip("/")
    if "://" not in text:
        text = f"http://{text}"
    parts = urlsplit(text)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https") or not parts.hostname:
        raise HubUnavailable(url=url, reason="expected an address like http://host:port", remedy="Correct it")
    return f"{scheme}://{parts.netloc}"


def read_hub_file(folder: Path) -> dict[str, Any] | None:
    """Read what the hub of `folder` says about itself; None when it says nothing sound."""
    try:
        known = json.loads((folder / "hub.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) and isinstance(known.get("url"), str) else None


def sign_in(app: str, *, url: str | None = None, token: str | None = None) -> Access:
    """Find the hub and get a token for `app`. Blocks on the network: never call it on an event loop.

    Raises `HubUnavailable` when nothing answers, `NotAuthenticated` when there is no way to sign in there.
    """
    address = discover(url)
    given = token or os.environ.get(TOKEN)
    if given:
        return Access(address, given)
    key = _local_key(address)
    parts = urlsplit(address)
    nonce = secrets.token_hex(32)
    opened = _post(address, "/api/auth/local/challenge", {"client_nonce": nonce})
    server_nonce = str(opened.get("server_nonce", ""))
    expected = _prove(key, "arkitekt-hub", parts.netloc, nonce, server_nonce)
    if not hmac.compare_digest(expected.encode(), str(opened.get("proof", "")).encode()):
        raise NotAuthenticated(
            reason=f"whatever answers at {address} could not prove that it is the hub of {hub_folder()}",
            remedy="If its folder is another one, name it in ARKITEKT_HUB_FOLDER; else restart it with "
            "'arkitekt-next hub start'",
        )
    proof = _prove(key, "arkitekt-client", parts.netloc, nonce, server_nonce)
    answer = _post(address, "/api/auth/local/token", {"challenge": opened.get("challenge"), "proof": proof, "app": app})
    if not isinstance(answer.get("token"), str):
        raise ProtocolError(where=f"{address}/api/auth/local/token", problem="expected a token in the answer")
    return Access(address, answer["token"])


def _local_key(address: str) -> bytes:
    folder = hub_folder()
    if urlsplit(address).hostname not in _LOOPBACK:
        raise NotAuthenticated(reason=f"there is no token for {address}", remedy=_SIGN_IN)
    try:
        key = bytes.fromhex((folder / "local.key").read_text(encoding="ascii").strip())
    except FileNotFoundError:
        reason = f"there is no key of a local hub in {folder}"
        raise NotAuthenticated(reason=reason, remedy=f"{_SIGN_IN}, or set ARKITEKT_HUB_FOLDER") from None
    except (OSError, ValueError) as broken:
        raise NotAuthenticated(reason=f"{folder / 'local.key'} can't be read: {broken}", remedy=_SIGN_IN) from broken
    return key


def _prove(key: bytes, who: str, authority: str, client_nonce: str, server_nonce: str) -> str:
    text = f"{who}|{authority}|{client_nonce}|{server_nonce}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _post(address: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = fetch(address, "POST", path, body=body)
    if status >= 400:
        raise _refusal(status, answer, f"{address}{path}")
    if not isinstance(answer, dict):
        raise ProtocolError(where=f"{address}{path}", problem=f"expected a JSON object, got {type(answer).__name__}")
    return answer


def fetch(address: str, method: str, path: str, *, body: Any = None, token: str | None = None) -> tuple[int, Any]:
    """Make one JSON request to a hub; give the status and the decoded answer (None when it is no JSON)."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        raw = response.read()
    except (OSError, http.client.HTTPException) as failed:
        reason = getattr(failed, "strerror", None) or str(failed) or type(failed).__name__
        raise HubUnavailable(url=address, reason=reason, remedy=_START_HUB) from failed
    finally:
        connection.close()
    try:
        return response.status, json.loads(raw)
    except ValueError:
        return response.status, None


def _refusal(status: int, answer: Any, where: str) -> ArkitektError:
    raw = answer.get("error", answer) if isinstance(answer, dict) else None
    if isinstance(raw, dict) and "code" in raw:
        return ArkitektError.from_json(raw)
    return ProtocolError(where=where, problem=f"expected an answer of a hub, got HTTP status {status}")
