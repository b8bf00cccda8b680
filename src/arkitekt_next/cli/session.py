"""Requests to a hub's REST face as a signed-in app. The rule: every error of the hub comes back as its class."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from arkitekt_next.errors import ArkitektError, ProtocolError
from arkitekt_next.sdk.login import Access, SignIn
from arkitekt_next.sdk.web import fetch

_NO_CONTENT = 204
_NOT_AUTHENTICATED = 401


class Session:
    """One app's requests to one hub, with one sign-in; a token that is out of date is replaced once."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._access: Access = sign_in()

    @classmethod
    def open(cls, address: str, app: str, environment: Mapping[str, str] = os.environ) -> Session:
        """Sign an app in; raise `HubUnavailable`, `SignInNeeded` or `NotAuthenticated`."""
        return cls(SignIn(app, url=address, environment=environment))

    @property
    def url(self) -> str:
        """The hub's address."""
        return self._access.url

    def get(self, path: str) -> dict[str, Any]:
        """Ask for a JSON object. Raises what the hub answers with."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make a request; give the JSON object of the answer, empty when it has none. Raises what the hub answers."""
        status, answer = self._fetch(method, path, body)
        if status == _NOT_AUTHENTICATED:
            reason = str(answer.get("message", "")) if isinstance(answer, dict) else ""
            self._sign_in.refuse(self._access.token, reason or "the hub does not accept the token")
            self._access = self._sign_in()
            status, answer = self._fetch(method, path, body)
        if status >= 400:
            if isinstance(answer, dict) and "code" in answer:
                raise ArkitektError.from_json(answer)
            raise ProtocolError(where=f"{self.url}{path}", problem=f"expected an answer, got status {status}")
        if status == _NO_CONTENT:
            return {}
        if not isinstance(answer, dict):
            raise ProtocolError(where=f"{self.url}{path}", problem="expected a JSON object")
        return answer

    def _fetch(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        return fetch(self._access.url, method, path, body=body, token=self._access.token)
