"""Passkeys as requests make and use them, on a hub in this process."""

from __future__ import annotations

from typing import Any

import httpx2

from .authenticator import Authenticator
from .browsing import Browser, accounts, on_hub


def address(server: Any) -> str:
    return str(server.app.state.hub.url)


def last_events(server: Any, count: int = 3) -> list[Any]:
    return list(on_hub(server, accounts(server).audit.read(limit=count)))


def passkeys_of(server: Any, person: str) -> list[Any]:
    async def read() -> list[Any]:
        found = await accounts(server).people.find(f"{person}@lab.org")
        return list(await accounts(server).passkeys.list_of(found.id))

    return on_hub(server, read())


def add(browser: Browser, device: Authenticator, name: str = "Laptop", **wrong: Any) -> httpx2.Response:
    """Add a passkey as the page does."""
    browser.open("/account")
    browser.submit("/passkeys/new", name=name)
    return browser.submit("/passkeys/add", credential=device.make(browser.passkey_options(), **wrong))


def asked(browser: Browser) -> dict[str, Any]:
    """Go to where the page asks for a passkey, on the way to the account; give what it asks."""
    browser.open("/sign-in?next=/account")
    browser.submit("/sign-in/passkey")
    return browser.passkey_options()


def answer(browser: Browser, credential: str) -> httpx2.Response:
    return browser.submit("/sign-in/passkey/answer", credential=credential)
