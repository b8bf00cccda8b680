"""Signing an app in by a person with a browser, wherever that is: the device grant of RFC 8628.

It leaves showing the code, and opening a browser, to whoever has the screen. The rule: the code is shown before
anything waits, and what came of it is kept before anybody is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from arkitekt_next.errors import ArkitektError, HubUnavailable, NotAuthenticated, ProtocolError

from . import oauth
from .credentials import Credentials, CredentialStore
from .login import login_line

_SLOWER_S = 5.0  # Source: RFC 8628 §3.5


class Screen(Protocol):
    """What a person is shown meanwhile."""

    def code(self, code: oauth.DeviceCode) -> None:
        """Show the code and the link."""

    def hub_is_gone(self, reason: str) -> None:
        """Say that the hub does not answer any more; said once, until it is back."""

    def hub_is_back(self) -> None:
        """Say that it answers again."""


def sign_in_by_device(
    address: str,
    app: str,
    *,
    version: str,
    scopes: Iterable[str],
    screen: Screen,
    stopping: threading.Event | None = None,
) -> Credentials:
    """Let a person approve an app; keep what the hub gives, and end the sign-in that it replaces.

    Blocks until somebody has decided, or the code has expired: up to ten minutes. Raises `NotAuthenticated` with an
    `outcome` of `denied`, `expired` or `stopped` (when `stopping` is set meanwhile), and `HubUnavailable`.
    """
    try:
        code = oauth.begin_device(address, app=app, version=version, scopes=scopes)
    except oauth.Refused as refused:
        raise _not_begun(address, refused) from refused
    screen.code(code)
    found = _wait(address, app, code, screen, stopping or threading.Event())
    store = CredentialStore()
    with store.locked(address, app):
        former = None
        with suppress(NotAuthenticated):
            former = store.read(address, app)
        store.write(found)
    if former is not None:
        with suppress(ArkitektError, oauth.Refused):  # it ends by itself, unused
            oauth.revoke(former)
    return found


def _not_begun(address: str, refused: oauth.Refused) -> ArkitektError:
    if refused.code == "slow_down":
        remedy = f"Try again in {refused.retry_after_s or 60:g} s"
        return HubUnavailable(url=address, reason="too many sign-ins at once", remedy=remedy)
    return ProtocolError(where=f"signing in at {address}", problem=f"{refused} ({refused.code})")


def _wait(address: str, app: str, code: oauth.DeviceCode, screen: Screen, stopping: threading.Event) -> Credentials:
    interval_s, is_gone = code.interval_s, False
    deadline = time.monotonic() + code.expires_s
    while time.monotonic() + interval_s < deadline:
        if stopping.wait(interval_s):
            remedy = f"Start again: {login_line(address, app)}"
            raise NotAuthenticated(reason=f"{app} was not signed in", remedy=remedy, outcome="stopped")
        try:
            return oauth.ask_device(address, code, app)
        except HubUnavailable as absent:
            if not is_gone:
                screen.hub_is_gone(absent.message)
            is_gone = True
            continue
        except oauth.Refused as refused:
            if refused.code == "slow_down":
                interval_s = max(interval_s + _SLOWER_S, refused.retry_after_s or 0)
            elif refused.code != "authorization_pending":
                raise _not_approved(address, app, refused) from refused
        if is_gone:
            screen.hub_is_back()
            is_gone = False
    if is_gone:
        remedy = f"Once it runs, start again: {login_line(address, app)}"
        raise HubUnavailable(url=address, reason="it went away before anybody had decided", remedy=remedy)
    raise _expired(address, app)


def _not_approved(address: str, app: str, refused: oauth.Refused) -> ArkitektError:
    if refused.code == "access_denied":
        return NotAuthenticated(
            reason=f"{app} was not let in at {address}: the request was denied",
            remedy=f"If that was a mistake, start again: {login_line(address, app)}",
            outcome="denied",
        )
    if refused.code in ("expired_token", "invalid_grant"):
        return _expired(address, app)
    return ProtocolError(where=f"signing in at {address}", problem=f"{refused} ({refused.code})")


def _expired(address: str, app: str) -> NotAuthenticated:
    return NotAuthenticated(
        reason=f"nobody has approved {app} at {address} in time: the code has expired",
        remedy=f"Get a new one: {login_line(address, app)}",
        outcome="expired",
    )
