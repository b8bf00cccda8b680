"""The sign-in of this machine's own user: docs/reference/protocol.md §1, seen from the client.

Both ends prove that they can read the hub's 0600 key file. The rule: the key never leaves this process, and nothing
is proven to a server that hasn't proven itself first.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit

from arkitekt_next.errors import ArkitektError, NotAuthenticated, ProtocolError
from arkitekt_next.platform import hub_folder

from .announced import is_loopback, read_hub_file
from .web import fetch


def find_key(address: str) -> bytes | None:
    """Give the key of this user's hub if that is the one at an address; None when it is another hub, or has no key.

    Raises `NotAuthenticated` for a key that can't be read.
    """
    folder = hub_folder()
    known = read_hub_file(folder)
    if not is_loopback(address) or (known is not None and _port(str(known["url"])) != _port(address)):
        return None
    place = folder / "local.key"
    try:
        return bytes.fromhex(place.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as broken:
        remedy = f"Make it readable, or sign in by a browser: arkitekt-next login --url {address} --reauth"
        raise NotAuthenticated(reason=f"{place} can't be read: {broken}", remedy=remedy) from broken


def _port(address: str) -> int | None:
    parts = urlsplit(address)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def prove(address: str, key: bytes, app: str) -> str | None:
    """Sign an app in by the key; give its token, or None when no hub of this folder is known to be at the address.

    Raises `NotAuthenticated` when the hub of this folder should be there and whatever answers can't prove to be it.
    """
    authority = urlsplit(address).netloc
    nonce = secrets.token_hex(32)
    opened = _post(address, "/api/auth/local/challenge", {"client_nonce": nonce})
    server_nonce = str(opened.get("server_nonce", ""))
    expected = _mac(key, "arkitekt-hub", authority, nonce, server_nonce)
    if not hmac.compare_digest(expected.encode(), str(opened.get("proof", "")).encode()):
        if read_hub_file(hub_folder()) is None:
            return None
        raise NotAuthenticated(
            reason=f"whatever answers at {address} could not prove that it is the hub of {hub_folder()}",
            remedy="If its folder is another one, name it in ARKITEKT_HUB_FOLDER; else restart it with "
            "'arkitekt-next hub start'",
        )
    mac = _mac(key, "arkitekt-client", authority, nonce, server_nonce)
    answer = _post(address, "/api/auth/local/token", {"challenge": opened.get("challenge"), "proof": mac, "app": app})
    if not isinstance(answer.get("token"), str):
        raise ProtocolError(where=f"{address}/api/auth/local/token", problem="expected a token in the answer")
    return str(answer["token"])


def _mac(key: bytes, who: str, authority: str, client_nonce: str, server_nonce: str) -> str:
    text = f"{who}|{authority}|{client_nonce}|{server_nonce}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _post(address: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = fetch(address, "POST", path, body=body)
    if status >= 400:
        raise refusal(status, answer, f"{address}{path}")
    if not isinstance(answer, dict):
        raise ProtocolError(where=f"{address}{path}", problem=f"expected a JSON object, got {type(answer).__name__}")
    return answer


def refusal(status: int, answer: Any, where: str) -> ArkitektError:
    """Give the error that a hub has answered with."""
    raw = answer.get("error", answer) if isinstance(answer, dict) else None
    if isinstance(raw, dict) and "code" in raw:
        return ArkitektError.from_json(raw)
    return ProtocolError(where=where, problem=f"expected an answer of a hub, got HTTP status {status}")
