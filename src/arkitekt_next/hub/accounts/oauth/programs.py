"""What a program says about itself: the app it is, its version, its machine. Said by it, so never believed further."""

from __future__ import annotations

import re

from arkitekt_next.hub.accounts.clients import NATIVE, Client

_APP = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def app_of(client: Client, asked: str | None) -> str | None:
    """Give the app identifier of a sign-in; None for what is none.

    Programs that a team has registered are called as they were registered; the built-in client speaks for many.
    """
    if client.id != NATIVE:
        return _slug(client.name)
    app = asked or client.name
    return app if _APP.fullmatch(app) is not None else None


def printable(text: str | None, limit: int) -> str:
    """Give a text as it may be shown to people, cut to a length."""
    return "".join(letter for letter in (text or "")[: 2 * limit] if letter.isprintable())[:limit]


def _slug(name: str) -> str:
    letters = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")
    return (letters if letters[:1].isalpha() else f"app-{letters}".rstrip("-"))[:64]
