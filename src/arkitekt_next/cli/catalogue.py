"""What the hub knows, asked over HTTP: its actions and their definitions.

It leaves printing to the commands. The rule: one sign-in a command, and every error of the hub comes back as its class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from arkitekt_next.cli.reach import enter_hub
from arkitekt_next.cli.scopes import CLI_APP
from arkitekt_next.errors import NotFound
from arkitekt_next.ports import Definition
from arkitekt_next.sdk.session import Session

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Described:
    """One action with the definition a call would get now, and who provides it."""

    name: str
    definition: Definition
    agents_online: int
    providers: tuple[dict[str, Any], ...]
    versions: tuple[dict[str, Any], ...]
    raw: dict[str, Any]


class Catalogue:
    """A hub's catalogue, as the signed-in person sees it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def open(cls, url: str | None) -> Catalogue:
        """Find the hub and sign in; raise `HubUnavailable` or `NotAuthenticated`."""
        return cls(Session.open(enter_hub(url), CLI_APP))

    @property
    def url(self) -> str:
        """The hub's address."""
        return self._session.url

    def actions(self, *, app: str | None = None, words: str | None = None) -> list[dict[str, Any]]:
        """List what there is to call, in the order of the names.

        What only development sessions have provided, and none does now, is left out: nobody can call it any more.
        """
        return [a for a in self.all_actions(app=app, words=words) if a["is_released"] or a["agents_online"]]

    def all_actions(self, *, app: str | None = None, words: str | None = None) -> list[dict[str, Any]]:
        """List all actions that fit, in the order of their names."""
        found: list[dict[str, Any]] = []
        wanted = {"app": app, "q": words, "limit": _PAGE}
        cursor: str | None = None
        while True:
            query = {key: value for key, value in {**wanted, "cursor": cursor}.items() if value is not None}
            page = self._session.get(f"/api/actions?{urlencode(query)}")
            found += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return found

    def describe(self, name: str) -> Described:
        """Give everything about one action; raise `NotFound` with the nearest names."""
        if not re.fullmatch(r"[^./]+\.[^./]+", name):
            there = ", ".join(str(action["name"]) for action in self.actions(app=name)[:5])
            remedy = f"The app has: {there}" if there else "It is named app.function; `arkitekt-next inspect` lists all"
            raise NotFound(what="action", name=name, remedy=remedy)
        raw = self._session.get(f"/api/actions/{quote(name, safe='')}")
        return Described(
            name=str(raw["name"]),
            definition=Definition.from_json(raw["definition"]),
            agents_online=int(raw["agents_online"]),
            providers=tuple(raw["providers"]),
            versions=tuple(raw["versions"]),
            raw=raw,
        )
