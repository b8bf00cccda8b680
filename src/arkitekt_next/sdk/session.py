"""Requests to a hub's REST face as a signed-in app. The rule: every error of the hub comes back as its class."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from arkitekt_next.errors import ArkitektError, ProtocolError
from arkitekt_next.sdk.login import Access, SignIn
from arkitekt_next.sdk.web import fetch

_NO_CONTENT = 204
_NOT_AUTHENTICATED = 401


class Session:
    """One app's requests to one hub, with one sign-in; a token that is out of date is replaced once.

    It may be used from any thread, and blocks: never on an event loop.
    """

    def __init__(self, sign_in: Callable[[], Access], refuse: Callable[[str, str], None]) -> None:
        self._sign_in = sign_in
        self._refuse = refuse
        self._lock = threading.Lock()
        self._access: Access | None = None

    @classmethod
    def open(cls, address: str, app: str, environment: Mapping[str, str] = os.environ) -> Session:
        """Sign an app in; raise `HubUnavailable`, `SignInNeeded` or `NotAuthenticated`."""
        return cls.of(SignIn(app, url=address, environment=environment))

    @classmethod
    def of(cls, sign_in: SignIn) -> Session:
        """Sign in, and go on with that sign-in."""
        made = cls(sign_in, sign_in.refuse)
        made._entered()
        return made

    @property
    def url(self) -> str:
        """The hub's address."""
        return self._entered().url

    def renew(self) -> None:
        """Find the hub and sign in anew before the next request: a hub that went may come back elsewhere."""
        with self._lock:
            self._access = None

    def _entered(self) -> Access:
        with self._lock:
            if self._access is None or self._access.has_expired:
                self._access = self._sign_in()
            return self._access

    def _leave(self, access: Access, reason: str) -> None:
        with self._lock:
            if self._access is access:
                self._refuse(access.token, reason)
                self._access = None

    def get(self, path: str) -> dict[str, Any]:
        """Ask for a JSON object. Raises what the hub answers with."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make a request; give the JSON object of the answer, empty when it has none. Raises what the hub answers."""
        access = self._entered()
        status, answer = _fetch(access, method, path, body)
        if status == _NOT_AUTHENTICATED:
            reason = str(answer.get("message", "")) if isinstance(answer, dict) else ""
            self._leave(access, reason or "the hub does not accept the token")
            access = self._entered()
            status, answer = _fetch(access, method, path, body)
        if status >= 400:
            if isinstance(answer, dict) and "code" in answer:
                raise ArkitektError.from_json(answer)
            raise ProtocolError(where=f"{access.url}{path}", problem=f"expected an answer, got status {status}")
        if status == _NO_CONTENT:
            return {}
        if not isinstance(answer, dict):
            raise ProtocolError(where=f"{access.url}{path}", problem="expected a JSON object")
        return answer


def _fetch(access: Access, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
    return fetch(access.url, method, path, body=body, token=access.token)
