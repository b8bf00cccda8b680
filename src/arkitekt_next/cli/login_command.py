"""`login`: an app signed in at a hub by a person, once, and kept for all its runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, url_option

_SCOPES = ("read", "call", "provide", "manage")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next login --url https://lab.example.org
  arkitekt-next login --url https://lab.example.org --app camera --scope call --scope provide
  arkitekt-next login --headless                   prints the link and waits; open it on any machine
  arkitekt-next login --reauth                     as somebody else, or with other rights

Exit code 0: signed in. 5: denied, expired, or the certificate is not trusted. 3: no hub answers."""
)
@url_option
@click.option(
    "--app",
    metavar="NAME",
    help="The app to sign in. Default: the one of this folder's pyproject.toml, else the command line itself.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    help="What it may do for you. Repeatable. Default: read, call and provide; the command line: read, call, manage.",
)
@click.option("--headless", is_flag=True, help="Open no browser; print the link and the code, and wait.")
@click.option("--reauth", is_flag=True, help="Sign in anew, though it is signed in already.")
@click.option(
    "--fingerprint",
    metavar="SHA256",
    help="What the hub's certificate has to be; from then on nothing else is believed at its address.",
)
@json_option
def login(
    url: str | None,
    app: str | None,
    scopes: tuple[str, ...],
    headless: bool,
    reauth: bool,
    fingerprint: str | None,
    as_json: bool,
) -> None:
    """Sign an app in at a hub: you approve it in a browser, here or on any other machine.

    The sign-in is kept for your user and renews itself, so this is needed once for each app and hub. An app on the
    machine of its hub, run by the same user, needs none.
    """
    from arkitekt_next.cli.entering import JsonLines, ask_person, say_who, settle_certificate
    from arkitekt_next.cli.reach import named_url, reach
    from arkitekt_next.cli.scopes import default_scopes
    from arkitekt_next.errors import SignInNeeded

    address = named_url(url) or reach(None)
    wanted = whose(app)
    settle_certificate(address, fingerprint)
    if not reauth:
        try:
            standing = _standing(address, wanted.app, scopes)
        except SignInNeeded as ended:
            standing = None
            if ended.fields.get("has_ended"):
                output.note(output.clean(f"{ended.fields['reason']}."))
        if standing is not None:
            _say_standing(standing, as_json=as_json)
            return
    screen = JsonLines() if as_json else None
    found = ask_person(
        address, wanted.app, version=wanted.version, scopes=scopes, screen=screen, headless=headless or as_json
    )
    if as_json:
        named = {"url": address, "app": found.app, "person": found.person, "team": found.team}
        missing = set(scopes or default_scopes(found.app)) - set(found.scopes)
        output.print_json_line(
            {"event": "signed_in", **named, "scopes": sorted(found.scopes), "not_given": sorted(missing)}
        )
    else:
        say_who(found, scopes or default_scopes(found.app))
        _hint(address, wanted)
    _warn_of_token()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The app that a command is about, and its version."""

    app: str
    version: str


def whose(app: str | None) -> Wanted:
    """Give the app that is named, else the one of this folder, else the command line itself."""
    from arkitekt_next import __version__
    from arkitekt_next.cli.project import check_identifier, find_project
    from arkitekt_next.cli.scopes import CLI_APP

    project = find_project()
    own = os.environ.get("ARKITEKT_APP") or (project.identifier if project.is_declared else CLI_APP)
    chosen = check_identifier(app or own)
    return Wanted(chosen, project.version if project.is_declared and chosen == project.identifier else __version__)


def _standing(address: str, app: str, scopes: tuple[str, ...]) -> dict[str, Any] | None:
    """Give whom the app acts for already, or None when that is not enough. Raises `SignInNeeded`."""
    from arkitekt_next.sdk.login import TOKEN
    from arkitekt_next.sdk.session import Session

    session = Session.open(address, app, {name: value for name, value in os.environ.items() if name != TOKEN})
    me = session.get("/api/me")
    if not set(scopes) <= set(me["scopes"]):
        return None
    return {
        "url": session.url,
        "app": str(me["app"]),
        "person": str(me["person"]["name"]),
        "team": str(me["team"]["name"]),
        "scopes": sorted(me["scopes"]),
    }


def _say_standing(standing: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.print_json_line({"event": "signed_in", **standing, "not_given": []})
        return
    sign = output.paint(output.mark("ok"), "green")
    who = output.clean(f"{standing['app']} is signed in at {standing['url']} as {standing['person']}")
    output.say(f"{sign} {who} in team {output.clean(standing['team'])} already")
    output.say("  To sign in as somebody else, or with other rights: --reauth")


def _hint(address: str, wanted: Wanted) -> None:
    from arkitekt_next.cli.scopes import CLI_APP
    from arkitekt_next.sdk.login import can_sign_in, login_line

    if wanted.app != CLI_APP and not can_sign_in(address, CLI_APP):
        output.note(f"  For call, inspect and the like, sign the command line in too: {login_line(address, CLI_APP)}")


def _warn_of_token() -> None:
    from arkitekt_next.sdk.login import TOKEN

    if os.environ.get(TOKEN):
        output.warn(f"{TOKEN} is set, and goes before what is kept of this sign-in.")
