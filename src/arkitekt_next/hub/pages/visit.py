"""One request of a browser: who asks, by which session, and what its form says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request

from arkitekt_next.auth.principal import Principal

if TYPE_CHECKING:
    from arkitekt_next.hub.core.context import HubContext


CSRF_FIELD = "csrf"


@dataclass(slots=True)
class Visit:
    """One request of a browser. `who` is None on pages that need no session when there is none."""

    hub: HubContext
    who: Principal | None = None
    session: str | None = None
    visit: str = ""
    is_new: bool = False
    form: dict[str, list[str]] = field(default_factory=dict)

    @property
    def csrf(self) -> str:
        """The token for the forms of the page that answers."""
        return self.hub.cookies.csrf_of(self.session or self.visit)

    @property
    def principal(self) -> Principal:
        """Who is signed in, on a page whose policy asks for it."""
        assert self.who is not None
        return self.who

    def get(self, name: str) -> str:
        """Give a field of the form; empty when it was not sent."""
        return self.form.get(name, [""])[0]

    def get_all(self, name: str) -> list[str]:
        """Give all values of a field that may be repeated."""
        return self.form.get(name, [])

    def secret(self) -> str:
        """Give the secret of a link, which may have been pasted with the link around it."""
        return self.get("secret").strip().rpartition("#")[2][:200]


def visit_of(request: Request) -> Visit:
    """Give the visit that a page's request belongs to."""
    visit: Visit = request.scope["visit"]
    return visit
