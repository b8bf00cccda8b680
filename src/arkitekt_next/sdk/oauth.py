"""The hub's OAuth endpoints, as a public native client uses them.

Each function is one request. The rule: what the hub refuses for good (`Refused`) is told apart from a hub that is away
or busy, because only the former may cost somebody a sign-in.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arkitekt_next.errors import HubUnavailable, ProtocolError

from .credentials import Credentials
from .local import refusal
from .web import Answer, post_form

CLIENT = "arkitekt-next"
_DEVICE = "/oauth/device_authorization"
_TOKEN = "/oauth/token"
_REVOKE = "/oauth/revoke"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_REDEEM_GRANT = "urn:arkitekt:params:oauth:grant-type:redeem_token"
_MARGIN_S = 60.0
_INTERVAL_S = 5.0  # when the hub names none. Source: RFC 8628 §3.2


class Refused(Exception):
    """The hub said no; `code` is one of OAuth's. Source: RFC 6749 §5.2, RFC 8628 §3.5."""

    def __init__(self, code: str, description: str, retry_after_s: float | None = None) -> None:
        super().__init__(description or code)
        self.code = code
        self.description = description
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a person is shown, and what the app asks with meanwhile."""

    device_code: str = field(repr=False)
    user_code: str
    link: str
    link_with_code: str
    expires_s: float
    interval_s: float


def begin_device(address: str, *, app: str, version: str, scopes: Iterable[str]) -> DeviceCode:
    """Ask for a code that a person may approve in a browser. Raises `Refused`."""
    fields = {**_about(app, version), "scope": " ".join(scopes)}
    body = _ask(address, _DEVICE, fields)
    try:
        link = str(body["verification_uri"])
        return DeviceCode(
            str(body["device_code"]),
            str(body["user_code"]),
            link,
            str(body.get("verification_uri_complete") or link),
            float(body["expires_in"]),
            float(body.get("interval") or _INTERVAL_S),
        )
    except (KeyError, TypeError, ValueError) as broken:
        raise ProtocolError(where=f"{address}{_DEVICE}", problem=f"the answer makes no sense: {broken!r}") from broken


def ask_device(address: str, code: DeviceCode, app: str) -> Credentials:
    """Ask whether the code has been approved. Raises `Refused`: `authorization_pending`, `slow_down` and the rest."""
    fields = {"grant_type": _DEVICE_GRANT, "client_id": CLIENT, "device_code": code.device_code}
    return _credentials(address, app, _ask(address, _TOKEN, fields))


def refresh(known: Credentials) -> Credentials:
    """Use the refresh token of an entry up; give the entry that replaces it. Raises `Refused`.

    To be called under the entry's lock only.
    """
    fields = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": known.refresh_token}
    return _credentials(known.address, known.app, _ask(known.address, _TOKEN, fields), known)


def redeem(address: str, token: str, *, app: str, version: str) -> Credentials:
    """Give a redeem token for a sign-in. Raises `Refused`."""
    fields = {"grant_type": _REDEEM_GRANT, "redeem_token": token, **_about(app, version)}
    return _credentials(address, app, _ask(address, _TOKEN, fields))


def revoke(known: Credentials) -> None:
    """End a sign-in at the hub; one that has ended already is no error. Raises `Refused`. Source: RFC 7009."""
    fields = {"client_id": CLIENT, "token": known.refresh_token, "token_type_hint": "refresh_token"}
    _succeeded(known.address, _REVOKE, post_form(known.address, _REVOKE, fields))


def _about(app: str, version: str) -> dict[str, str]:
    return {"client_id": CLIENT, "app": app, "version": version[:64], "machine": platform.node()[:128]}


def _ask(address: str, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
    answer = post_form(address, path, fields)
    _succeeded(address, path, answer)
    if not isinstance(answer.body, dict):
        raise ProtocolError(where=f"{address}{path}", problem="expected a JSON object")
    return answer.body


def _succeeded(address: str, path: str, answer: Answer) -> None:
    if answer.status < 400:
        return
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if answer.status == 429:
        raise Refused("slow_down", "the hub is asked too often", answer.retry_after_s)
    if answer.status >= 500:
        raise HubUnavailable(url=address, reason=f"it answers with HTTP status {answer.status}", remedy="Try again")
    if isinstance(error, str):
        raise Refused(error, str(answer.body.get("error_description") or ""), answer.retry_after_s)
    raise refusal(answer.status, answer.body, f"{address}{path}")


def _credentials(address: str, app: str, body: dict[str, Any], former: Credentials | None = None) -> Credentials:
    now = time.time()
    try:
        lasts_s = float(body["expires_in"])
        return Credentials(
            address=address,
            app=app,
            person=str(body["person"]["name"]),
            person_id=str(body["person"]["id"]),
            team=str(body["team"]["name"]),
            team_id=str(body["team"]["id"]),
            scopes=tuple(str(body["scope"]).split()),
            access_token=str(body["access_token"]),
            expires_at=now + lasts_s - min(_MARGIN_S, lasts_s / 10),
            refresh_token=str(body["refresh_token"]),
            signed_in_at=former.signed_in_at if former else now,
            refreshed_at=now,
        )
    except (KeyError, TypeError, ValueError) as broken:
        raise ProtocolError(where=f"{address}{_TOKEN}", problem=f"the answer makes no sense: {broken!r}") from broken
