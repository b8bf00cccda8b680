"""`hub login` and `hub token`: which apps act for whom, and what apps that nobody watches sign in with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, team_option, url_option, yes_option

if TYPE_CHECKING:
    from arkitekt_next.cli.hub_api import HubApi

SCOPES = click.Choice(["read", "call", "provide", "manage"])
_DAY_S = 86_400

_ALL = click.option("--all", "shows_all", is_flag=True, help="Everybody's of the team, for those who manage it.")


@click.command(
    name="list",
    epilog="""\b
Examples:
  arkitekt-next hub login list
  arkitekt-next hub login list --all --team imaging""",
)
@_ALL
@team_option
@url_option
@json_option
def list_logins(shows_all: bool, team: str | None, url: str | None, as_json: bool) -> None:
    """List the apps that act for you; the one that asks has a star."""
    found = _open(url, team).every("/api/logins", all=shows_all)
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            i["id"],
            f"{i['app']}{' *' if i['is_current'] else ''}",
            *((i["person"]["name"],) if shows_all else ()),
            i["kind"],
            i["machine"] or "-",
            "now" if i["is_connected"] else output.when(i["used_at_us"]),
            " ".join(i["scopes"]),
        )
        for i in found
    ]
    titles = ("ID", "APP", *(("PERSON",) if shows_all else ()), "HOW", "MACHINE", "USED", "MAY")
    output.show_table(titles, rows)


@click.command(
    name="revoke",
    epilog="""\b
Examples:
  arkitekt-next hub login revoke 01a1fb9b-0005-7000-8000-000000000005""",
)
@click.argument("login", metavar="ID")
@yes_option
@team_option
@url_option
@json_option
def revoke_login(login: str, is_sure: bool, team: str | None, url: str | None, as_json: bool) -> None:
    """End the sign-in ID: its app loses the connection at once, and has to be let in again."""
    api = _open(url, team)
    output.confirm("End this sign-in? Its app has to be let in again.", is_sure=is_sure)
    api.delete("/api/logins", login)
    if as_json:
        output.print_json({"revoked": login})
        return
    output.say(f"{_ok()} The sign-in has ended.")


@click.command(
    name="list",
    epilog="""\b
Examples:
  arkitekt-next hub token list""",
)
@_ALL
@team_option
@url_option
@json_option
def list_tokens(shows_all: bool, team: str | None, url: str | None, as_json: bool) -> None:
    """List the redeem tokens that can still be used. Their secrets are not known any more."""
    found = _open(url, team).every("/api/redeem-tokens", all=shows_all)
    if as_json:
        output.print_json(found)
    elif not found:
        output.say("There is no redeem token. Make one: arkitekt-next hub token create --app my-app")
    else:
        rows = [
            (
                i["id"],
                i["app"] or "any, once",
                *((i["person"]["name"],) if shows_all else ()),
                str(i["uses"]),
                output.when(i["expires_at_us"]),
                " ".join(i["scopes"]),
            )
            for i in found
        ]
        titles = ("ID", "FOR APP", *(("PERSON",) if shows_all else ()), "USED", "UNTIL", "MAY")
        output.show_table(titles, rows)


@click.command(
    name="create",
    epilog="""\b
Examples:
  arkitekt-next hub token create --app segment --days 365     each time it starts
  arkitekt-next hub token create                              any app, once
  ARKITEKT_REDEEM_TOKEN=… arkitekt-next run prod              on the machine that runs it""",
)
@click.option("--app", metavar="NAME", help="The only app it works for, as often as it starts. Default: any, once.")
@click.option("--scope", "scopes", type=SCOPES, multiple=True, help="What the app may. Default: read, call, provide.")
@click.option("--days", type=click.FloatRange(0.001, 366), default=30, help="How long it holds. Default: 30.")
@team_option
@url_option
@json_option
def create_token(
    app: str | None, scopes: tuple[str, ...], days: float, team: str | None, url: str | None, as_json: bool
) -> None:
    """Make a token by which an app signs in for you where nobody can approve it. It is shown this once."""
    body: dict[str, Any] = {"expires_s": days * _DAY_S}
    if app is not None:
        body["app"] = app
    if scopes:
        body["scopes"] = list(scopes)
    made = _open(url, team).post("/api/redeem-tokens", body)
    if as_json:
        output.print_json(made)
        return
    whose = f"the app {app}, each time it starts" if app is not None else "any app, once"
    output.say(f"{_ok()} A token for {whose}; set it as ARKITEKT_REDEEM_TOKEN there:")
    output.say(f"  {output.paint(made['secret'], 'cyan')}")
    output.say(f"  It works until {output.when(made['expires_at_us'])}, and is not shown again.")


@click.command(
    name="revoke",
    epilog="""\b
Examples:
  arkitekt-next hub token revoke 01a1fb9b-0006-7000-8000-000000000006""",
)
@click.argument("token", metavar="ID")
@team_option
@url_option
@json_option
def revoke_token(token: str, team: str | None, url: str | None, as_json: bool) -> None:
    """Take the redeem token ID back. What has signed in by it goes on: end that with `hub login revoke`."""
    _open(url, team).delete("/api/redeem-tokens", token)
    if as_json:
        output.print_json({"revoked": token})
        return
    output.say(f"{_ok()} No app signs in by it any more.")


def _open(url: str | None, team: str | None) -> HubApi:
    from arkitekt_next.cli.hub_api import HubApi

    return HubApi.open(url, team)


def _ok() -> str:
    return output.paint(output.mark("ok"), "green")
