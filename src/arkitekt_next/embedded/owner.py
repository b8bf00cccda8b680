"""What the user of this machine asks of their own hub: one-time links for a browser.

The hub is asked by the local sign-in and answers this process alone, so that no secret passes through its log.
"""

from __future__ import annotations

import hmac
import json
import secrets
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from arkitekt_next.embedded.beside import Announcement, opener_of
from arkitekt_next.errors import ArkitektError, HubUnavailable, NotAuthenticated, ProtocolError
from arkitekt_next.hub.accounts.local import load_or_make_key, prove

_APP = "arkitekt-cli"
_TIMEOUT_S = 10.0


def setup_link(found: Announcement) -> str | None:
    """Give a link that sets up the owner's account, which replaces the one before; None when it is set up.

    Raises `HubUnavailable` when the hub does not answer.
    """
    token = _sign_in(found)
    if _ask(found, "GET", "/api/account/setup", token=token)["is_set_up"]:
        return None
    return str(_ask(found, "POST", "/api/account/link", token=token)["url"])


def page_link(found: Announcement) -> str:
    """Give a link that signs one browser in, once, within two minutes. Raises as `setup_link` does."""
    return str(_ask(found, "POST", "/api/account/page-link", token=_sign_in(found))["url"])


def _sign_in(found: Announcement) -> str:
    key, authority, nonce = load_or_make_key(found.folder), urlsplit(found.url).netloc, secrets.token_hex(32)
    opened = _ask(found, "POST", "/api/auth/local/challenge", {"client_nonce": nonce})
    server_nonce = str(opened["server_nonce"])
    expected = prove(key, "hub", authority, nonce, server_nonce)
    if not hmac.compare_digest(expected.encode(), str(opened["proof"]).encode()):
        raise NotAuthenticated(
            reason=f"whatever answers at {found.url} could not prove that it is the hub of {found.folder}",
            remedy="Stop it, and start the hub anew",
        )
    form = {
        "challenge": opened["challenge"],
        "proof": prove(key, "client", authority, nonce, server_nonce),
        "app": _APP,
    }
    return str(_ask(found, "POST", "/api/auth/local/token", form)["token"])


def _ask(
    found: Announcement, method: str, path: str, body: dict[str, Any] | None = None, *, token: str | None = None
) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{found.url}{path}", data, headers, method=method)
    try:
        with opener_of(found).open(request, timeout=_TIMEOUT_S) as response:
            answer = json.loads(response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            raise _refusal(refused.read(), f"{found.url}{path}") from None
    except (OSError, ValueError) as failed:
        raise HubUnavailable(url=found.url, reason=str(failed), remedy="See its log") from failed
    if not isinstance(answer, dict):
        raise ProtocolError(where=f"{found.url}{path}", problem="expected a JSON object")
    return answer


def _refusal(body: bytes, where: str) -> ArkitektError:
    try:
        return ArkitektError.from_json(json.loads(body))
    except (ValueError, AttributeError, TypeError):
        return ProtocolError(where=where, problem="expected an answer of a hub")
