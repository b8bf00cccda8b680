"""`hub user`: the hub's accounts, for its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, team_option, url_option, yes_option

if TYPE_CHECKING:
    from arkitekt_next.cli.hub_api import HubApi

ROLES = click.Choice(["owner", "admin", "member", "guest"])


@click.command(
    name="list",
    epilog="""\b
Examples:
  arkitekt-next hub user list
  arkitekt-next hub user list --json | jq '.[].email'""",
)
@url_option
@json_option
def list_users(url: str | None, as_json: bool) -> None:
    """List the hub's accounts, whatever team they belong to."""
    people = _open(url).every("/api/people")
    if as_json:
        output.print_json(people)
        return
    rows = [(p["id"], p["name"], p["email"] or "-", output.when(p["created_at_us"]), _state(p)) for p in people]
    output.show_table(("ID", "NAME", "E-MAIL", "SINCE", "STATE"), rows)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub user add ada@lab.org
  arkitekt-next hub user add ada@lab.org --role admin --team imaging

To let people make their accounts themselves: arkitekt-next hub team invite"""
)
@click.argument("email")
@click.option("--name", help="How others see them. Default: what stands before the @.")
@click.option("--role", type=ROLES, default="member", help="What they are to be in the team. Default: member.")
@team_option
@url_option
@json_option
def add(email: str, name: str | None, role: str, team: str | None, url: str | None, as_json: bool) -> None:
    """Make an account for EMAIL in a team, and print the link by which its person chooses a password.

    The link works once, for half an hour; `hub user link` makes another one.
    """
    given = {"name": name} if name is not None else {}
    made = _open(url, team).post("/api/people", {"email": email, "role": role, **given})
    if as_json:
        output.print_json(made)
        return
    output.say(f"{_ok()} {output.clean(made['name'])} has an account, as {role}. Send them this link:")
    show_link(made["link"], made["link_expires_at_us"])


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub user link ada@lab.org"""
)
@click.argument("person")
@url_option
@json_option
def link(person: str, url: str | None, as_json: bool) -> None:
    """Print a link by which PERSON chooses a new password. It voids the one before."""
    api = _open(url)
    found = _find(api, person)
    made = api.post(f"/api/people/{found['id']}/link")
    if as_json:
        output.print_json({"person": found["id"], **made})
        return
    output.say(f"{_ok()} A link to the account of {output.clean(found['name'])}:")
    show_link(made["link"], made["link_expires_at_us"])


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub user disable ada@lab.org --yes"""
)
@click.argument("person")
@yes_option
@url_option
@json_option
def disable(person: str, is_sure: bool, url: str | None, as_json: bool) -> None:
    """Let PERSON in no longer: their sign-ins end, their apps lose the connection. Nothing of theirs is removed."""
    api = _open(url)
    found = _find(api, person)
    output.confirm(f"Disable the account of {found['name']}, and end all of its sign-ins?", is_sure=is_sure)
    _change(api, found, {"is_disabled": True}, "can't come in any more", as_json=as_json)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub user enable ada@lab.org"""
)
@click.argument("person")
@url_option
@json_option
def enable(person: str, url: str | None, as_json: bool) -> None:
    """Let PERSON in again. They sign in anew."""
    api = _open(url)
    _change(api, _find(api, person), {"is_disabled": False}, "can come in again", as_json=as_json)


@click.command(
    name="make-owner",
    epilog="""\b
Examples:
  arkitekt-next hub user make-owner ada@lab.org
  arkitekt-next hub user make-owner ada@lab.org --undo""",
)
@click.argument("person")
@click.option("--undo", is_flag=True, help="Take it from them again.")
@yes_option
@url_option
@json_option
def make_owner(person: str, undo: bool, is_sure: bool, url: str | None, as_json: bool) -> None:
    """Give the hub itself into PERSON's keeping: its accounts, keys, audit log and teams."""
    api = _open(url)
    found = _find(api, person)
    if not undo:
        output.confirm(f"Make {found['name']} an owner of the hub, who may do what you may?", is_sure=is_sure)
    said = "keeps the hub no longer" if undo else "is an owner of the hub now"
    _change(api, found, {"is_hub_owner": not undo}, said, as_json=as_json)


def show_link(link: str, expires_at_us: int) -> None:
    """Print a link that is told once."""
    output.say(f"  {output.paint(link, 'cyan')}")
    output.say(f"  It works until {output.when(expires_at_us)}, and is not shown again.")


def _change(api: HubApi, found: dict[str, Any], change: dict[str, bool], said: str, *, as_json: bool) -> None:
    changed = api.patch(f"/api/people/{found['id']}", dict(change))
    if as_json:
        output.print_json(changed)
        return
    output.say(f"{_ok()} {output.clean(found['name'])} {said}.")


def _open(url: str | None, team: str | None = None) -> HubApi:
    from arkitekt_next.cli.hub_api import HubApi

    return HubApi.open(url, team)


def _find(api: HubApi, person: str) -> dict[str, Any]:
    from arkitekt_next.cli.hub_api import pick

    return pick(api.every("/api/people"), person, what="account")


def _state(person: dict[str, Any]) -> str:
    states = [
        "disabled" if person["is_disabled"] else "",
        "hub owner" if person["is_hub_owner"] else "",
        "" if person["has_password"] else "no password yet",
    ]
    return ", ".join(state for state in states if state) or "-"


def _ok() -> str:
    return output.paint(output.mark("ok"), "green")
