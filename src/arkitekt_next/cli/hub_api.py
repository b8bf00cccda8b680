"""A hub's REST face in the hands of the commands that keep accounts, teams and sign-ins.

It leaves printing to the commands, and signing in to `session`. The rule: what a list holds is asked for page by page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from arkitekt_next.cli.reach import enter_hub
from arkitekt_next.cli.scopes import CLI_APP
from arkitekt_next.errors import Ambiguous, NotFound
from arkitekt_next.sdk.login import SignIn
from arkitekt_next.sdk.session import Session

_PAGE = 200


class HubApi:
    """What the signed-in person may ask of a hub."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def open(cls, url: str | None, team: str | None = None) -> HubApi:
        """Find the hub, sign in, and go to a team of the person's. Raises `HubUnavailable`, `NotAuthenticated`."""
        api = cls(Session.open(enter_hub(url), CLI_APP))
        if team is None:
            return api
        wanted = pick(api.every("/api/teams"), team, what="team", keys=("id", "name"))
        if wanted["id"] == api.get("/api/team")["id"]:
            return api
        token = api.post("/api/team/switch", {"team": wanted["id"]})["token"]
        return cls(Session.of(SignIn(CLI_APP, url=api._session.url, token=token)))

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask for one thing."""
        given = {name: str(value).lower() if value is True else value for name, value in query.items() if value}
        return self._session.ask("GET", f"{path}?{urlencode(given)}" if given else path)

    def every(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Ask for a whole list, page by page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **query, limit=_PAGE, cursor=cursor)
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make something."""
        return self._session.ask("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change something."""
        return self._session.ask("PATCH", path, body)

    def put(self, path: str) -> dict[str, Any]:
        """See to it that something is so."""
        return self._session.ask("PUT", path)

    def delete(self, path: str, id: str) -> None:
        """Remove something by its id."""
        self._session.ask("DELETE", f"{path}/{quote(id, safe='')}")


def pick(
    items: Sequence[dict[str, Any]], text: str, *, what: str, keys: Sequence[str] = ("id", "email", "name")
) -> dict[str, Any]:
    """Give the one item that a text names, by the first of the keys that fits. Raises `NotFound`, `Ambiguous`."""
    for key in keys:
        found = [item for item in items if (item[key] or "").casefold() == text.casefold()]
        if len(found) == 1:
            return found[0]
        if found:
            candidates = ", ".join(item["id"] for item in found)
            raise Ambiguous(what=what, name=text, candidates=candidates, remedy="Name it by its id")
    known = ", ".join(str(item["name"]) for item in items[:5])
    raise NotFound(what=what, name=text, remedy=f"There are: {known}" if known else "There is none")
