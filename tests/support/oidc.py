"""Signing in with a provider as tests do it: attempts, invitations, links, and what is there afterwards."""

from __future__ import annotations

from typing import Any

import httpx2

from arkitekt_next.auth.principal import Role
from tests.support.browsing import Browser, accounts, on_hub
from tests.support.provider import agree, asked_of


def start(browser: Browser) -> dict[str, str]:
    """Begin an attempt that leads to the account; give what the provider is asked."""
    browser.open("/oidc/start?next=/account")
    return asked_of(browser)


def census(server: Any) -> tuple[int, list[tuple[str, str]]]:
    """Count the accounts, and list which identity opens which."""
    everybody = on_hub(server, accounts(server).people.everybody())
    linked = [
        (one.subject, person.id)
        for person in everybody
        for one in on_hub(server, accounts(server).identities.list_of(person.id))
    ]
    return len(everybody), sorted(linked)


def replaced(browser: Browser, sealed: str) -> None:
    """Put something else into the attempt's cookie."""
    browser.web.cookies.clear()
    browser.web.cookies.set("arkitekt_attempt", sealed, domain="localhost.local", path="/")


def attempt_in(browser: Browser) -> str:
    return next(cookie.value or "" for cookie in browser.web.cookies.jar if cookie.name == "arkitekt_attempt")


def people(server: Any) -> dict[str, Any]:
    return {person.name: person for person in on_hub(server, accounts(server).people.everybody())}


def opens(server: Any, issuer: str, subject: str) -> str | None:
    """Give whose account an identity opens."""
    found: str | None = on_hub(server, accounts(server).identities.find(issuer, subject))
    return found


def invite(server: Any, role: str = "member", uses: int = 1) -> str:
    """Make an invitation; give its secret."""
    hub = server.app.state.hub
    who = on_hub(server, hub.accounts.logins.issue(team=hub.accounts.team, person=hub.accounts.owner, app="t"))[1]
    made = hub.accounts.invitations.create(who, Role(role), expires_s=600, uses=uses)
    return str(on_hub(server, made)[1])


def join_there(browser: Browser, secret: str, subject: str) -> httpx2.Response:
    """Accept an invitation with the provider."""
    browser.open("/invite")
    browser.submit("/invite", secret=secret)
    browser.submit("/oidc/join")
    return browser.open(agree(browser, subject))


def link_there(browser: Browser, subject: str) -> httpx2.Response:
    """Link an account of the provider from the account."""
    browser.open("/account")
    browser.submit("/oidc/link")
    return browser.open(agree(browser, subject))
