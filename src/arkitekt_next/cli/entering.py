"""Signing in from the command line: the code and the link on the screen, the browser, the hub's certificate.

The rule: whoever sits at a terminal is asked; without one nothing is asked, and the command that would ask is named.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from arkitekt_next.cli import output
from arkitekt_next.cli.browser import open_code_link
from arkitekt_next.cli.scopes import default_scopes
from arkitekt_next.errors import HubUnavailable, HubUntrusted, RequestRefused
from arkitekt_next.sdk import trust
from arkitekt_next.sdk.announced import is_loopback
from arkitekt_next.sdk.credentials import Credentials
from arkitekt_next.sdk.device import Screen, sign_in_by_device
from arkitekt_next.sdk.login import can_sign_in
from arkitekt_next.sdk.oauth import DeviceCode
from arkitekt_next.sdk.web import fetch


class Lines:
    """A sign-in as a person reads it. All of it goes to standard error, so a result on standard output stays alone."""

    def __init__(self, address: str, app: str, *, opens_browser: bool) -> None:
        self._address = address
        self._app = app
        self._opens_browser = opens_browser

    def code(self, code: DeviceCode) -> None:
        """Show the code and the link, and open the link where there is a browser to open it in."""
        minutes = max(1, round(code.expires_s / 60))
        link, user_code = output.clean(code.link), output.clean(code.user_code)
        output.note(f"Signing {output.paint(self._app, bold=True)} in at {self._address}")
        output.note()
        output.note(f"  open  {output.paint(link, 'cyan')}")
        output.note(f"  code  {output.paint(user_code, bold=True)}")
        output.note()
        if self._opens_browser and open_code_link(code.link_with_code):
            output.note("A browser was opened. Approve only if it shows the same code.")
        output.note(f"Waiting until somebody approves it there, at most {minutes} minutes. Ctrl-C stops waiting.")

    def hub_is_gone(self, reason: str) -> None:
        """Say that the hub does not answer any more."""
        output.note(f"{output.clean(reason).partition('. ')[0]}. Trying again until the code expires.")

    def hub_is_back(self) -> None:
        """Say that it answers again."""
        output.note("The hub answers again.")


class JsonLines:
    """A sign-in as a script reads it: one object a line, each with its `event`."""

    def code(self, code: DeviceCode) -> None:
        """Print the code and the links."""
        output.print_json_line(
            {
                "event": "code",
                "user_code": code.user_code,
                "verification_uri": code.link,
                "verification_uri_complete": code.link_with_code,
                "expires_in": code.expires_s,
            }
        )

    def hub_is_gone(self, reason: str) -> None:
        """Print that the hub does not answer any more."""
        output.print_json_line({"event": "hub_is_gone", "reason": reason})

    def hub_is_back(self) -> None:
        """Print that it answers again."""
        output.print_json_line({"event": "hub_is_back"})


def ask_person(
    address: str,
    app: str,
    *,
    version: str,
    scopes: Sequence[str] = (),
    screen: Screen | None = None,
    headless: bool = False,
    stopping: threading.Event | None = None,
) -> Credentials:
    """Let a person sign an app in; blocks until that is decided. Raises what `sign_in_by_device` does."""
    if urlsplit(address).scheme == "http" and not is_loopback(address):
        output.warn(f"{address} is not encrypted: whoever is in between can read the sign-in and all that follows.")
    asked = scopes or default_scopes(app)
    shown = screen or Lines(address, app, opens_browser=not headless)
    found = sign_in_by_device(address, app, version=version, scopes=asked, screen=shown, stopping=stopping)
    return found


def say_who(found: Credentials, asked: Sequence[str]) -> None:
    """Say as whom an app is signed in, and what it may."""
    who = f"{found.person} in team {found.team}" if found.team else found.person
    may = ", ".join(sorted(found.scopes)) or "nothing"
    text = output.clean(f"{found.app} is signed in at {found.address} as {who}; it may: {may}")
    output.note(f"{output.paint(output.mark('ok'), 'green')} {text}")
    missing = sorted(set(asked) - set(found.scopes))
    if missing:
        output.note(f"  It was not given: {', '.join(missing)}")


def enter(address: str, app: str, *, version: str = "") -> None:
    """See to it that an app can sign in, by asking whoever sits at the terminal.

    Without a terminal only look whether there is a hub at all. Raises `HubUnavailable` when there is none.
    """
    if can_sign_in(address, app):
        return
    if not output.can_ask():
        with suppress(HubUntrusted):
            fetch(address, "GET", "/health")
    else:
        settle_certificate(address, None)
        say_who(ask_person(address, app, version=version), default_scopes(app))


def meet(address: str) -> None:
    """Ask whoever sits at the terminal whether an unknown certificate is the hub's; one that is away is let be."""
    if not output.can_ask() or trust.pinned_fingerprint(address) is not None:
        return
    with suppress(HubUnavailable):
        settle_certificate(address, None)


def settle_certificate(address: str, fingerprint: str | None) -> None:
    """See to it that the hub's certificate is believed: by the system, by a fingerprint given, or by being asked.

    Raises `HubUntrusted` when it is another one than it should be, `RequestRefused` when nobody can be asked.
    """
    if urlsplit(address).scheme != "https":
        if fingerprint is not None:
            raise RequestRefused(where="--fingerprint", problem=f"expected an https address, got {address}")
        return
    if fingerprint is not None:
        _pin_given(address, trust.normal_fingerprint(fingerprint))
        return
    doubt = trust.doubts(address)
    if doubt is None:
        return
    if trust.pinned_fingerprint(address) is not None:
        raise doubt
    certificate = trust.fetch_certificate(address)
    shown = trust.fingerprint_of(certificate)
    if not output.can_ask():
        line = f"arkitekt-next login --url {address} --fingerprint {shown}"
        problem = (
            f"the certificate of {address} is not vouched for ({doubt.fields.get('reason')}). Compare it with what "
        )
        raise RequestRefused(where="--fingerprint", problem=f"{problem}the hub said when it started, then: {line}")
    _confirm(address, shown, doubt)
    trust.pin(address, certificate)


def _pin_given(address: str, wanted: str) -> None:
    certificate = trust.fetch_certificate(address)
    shown = trust.fingerprint_of(certificate)
    if shown != wanted:
        raise HubUntrusted(
            url=address,
            reason=f"expected the fingerprint {wanted}, got {shown}",
            remedy="Somebody may be in between: ask who keeps the hub for its fingerprint",
        )
    trust.pin(address, certificate)


def _confirm(address: str, shown: str, doubt: HubUntrusted) -> None:
    import click

    reason: Any = doubt.fields.get("reason")
    output.note(f"Nobody vouches for the certificate of {address} ({output.clean(reason)}). Its SHA-256 fingerprint:")
    output.note()
    output.note(f"  {output.paint(shown, bold=True)}")
    output.note()
    output.note("The hub shows its own when it starts: ask whoever keeps it.")
    if not click.confirm("Are they the same?", default=False, err=True):
        raise HubUntrusted(
            url=address, reason="its fingerprint was not confirmed", remedy="Ask who keeps the hub for it"
        )
