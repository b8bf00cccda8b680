"""`hub team`: teams, their members, and the invitations by which people come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, team_option, url_option, yes_option
from arkitekt_next.cli.user_commands import ROLES, show_link

if TYPE_CHECKING:
    from arkitekt_next.cli.hub_api import HubApi

_DAY_S = 86_400


@click.command(
    name="list",
    epilog="""\b
Examples:
  arkitekt-next hub team list""",
)
@url_option
@json_option
def list_teams(url: str | None, as_json: bool) -> None:
    """List the teams you belong to; the one you are signed in to has a star."""
    api = _open(url)
    teams, current = api.every("/api/teams"), api.get("/api/team")["id"]
    if as_json:
        output.print_json([{**team, "is_current": team["id"] == current} for team in teams])
        return
    rows = [
        (t["id"], str(t["role"]), str(t["members"]), f"{t['name']}{' *' if t['id'] == current else ''}") for t in teams
    ]
    output.show_table(("ID", "YOU ARE", "MEMBERS", "TEAM"), rows)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team create imaging
  arkitekt-next hub team create imaging --owner ada@lab.org"""
)
@click.argument("name")
@click.option("--owner", metavar="EMAIL", help="Its first owner, who has an account. Default: you.")
@url_option
@json_option
def create(name: str, owner: str | None, url: str | None, as_json: bool) -> None:
    """Make a team called NAME. For the owner of the hub; its first owner invites everybody else."""
    made = _open(url).post("/api/teams", {"name": name, **({"owner": owner} if owner is not None else {})})
    if as_json:
        output.print_json(made)
        return
    output.say(f"{_ok()} There is a team {output.clean(made['name'])} now.")
    if owner is None:
        output.say(f'  invite people: arkitekt-next hub team invite --team "{output.clean(made["name"])}"')


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team members
  arkitekt-next hub team members --team imaging --json"""
)
@team_option
@url_option
@json_option
def members(team: str | None, url: str | None, as_json: bool) -> None:
    """List who belongs to a team."""
    found = _open(url, team).every("/api/members")
    if as_json:
        output.print_json(found)
        return
    rows = [(m["name"], m["role"], m["email"] or "-", output.when(m["joined_at_us"]), _state(m)) for m in found]
    output.show_table(("NAME", "ROLE", "E-MAIL", "JOINED", "STATE"), rows)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team invite
  arkitekt-next hub team invite --role guest --uses 20 --days 1"""
)
@click.option("--role", type=ROLES, default="member", help="What they are to be. Default: member.")
@click.option("--uses", type=click.IntRange(1, 100), default=1, help="How many may come in by it. Default: 1.")
@click.option("--days", type=click.FloatRange(0.001, 30), default=7, help="How long it holds. Default: 7.")
@team_option
@url_option
@json_option
def invite(role: str, uses: int, days: float, team: str | None, url: str | None, as_json: bool) -> None:
    """Print a link by which people come into the team. Whoever has the link can use it."""
    body = {"role": role, "uses": uses, "expires_s": days * _DAY_S}
    made = _open(url, team).post("/api/invitations", body)
    if as_json:
        output.print_json(made)
        return
    whom = "One person comes" if uses == 1 else f"{uses} people come"
    output.say(f"{_ok()} {whom} in as {role} by this link:")
    show_link(made["link"], made["expires_at_us"])


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team invitations"""
)
@team_option
@url_option
@json_option
def invitations(team: str | None, url: str | None, as_json: bool) -> None:
    """List the invitations that somebody can still come in by."""
    found = _open(url, team).every("/api/invitations")
    if as_json:
        output.print_json(found)
    elif not found:
        output.say("No invitation is open. Make one: arkitekt-next hub team invite")
    else:
        rows = [
            (i["id"], i["role"], str(i["uses_left"]), output.when(i["expires_at_us"]), i["by"]["name"]) for i in found
        ]
        output.show_table(("ID", "ROLE", "USES LEFT", "UNTIL", "BY"), rows)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team uninvite 01a1fb9b-0004-7000-8000-000000000004"""
)
@click.argument("invitation", metavar="ID")
@team_option
@url_option
@json_option
def uninvite(invitation: str, team: str | None, url: str | None, as_json: bool) -> None:
    """Take the invitation ID back. Who has come in by it stays."""
    _open(url, team).delete("/api/invitations", invitation)
    if as_json:
        output.print_json({"revoked": invitation})
        return
    output.say(f"{_ok()} Nobody comes in by it any more.")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team role ada@lab.org admin
  arkitekt-next hub team role ada@lab.org owner     then change your own, to hand the team over"""
)
@click.argument("person")
@click.argument("new_role", metavar="ROLE", type=ROLES)
@team_option
@url_option
@json_option
def role(person: str, new_role: str, team: str | None, url: str | None, as_json: bool) -> None:
    """Make PERSON an owner, admin, member or guest of the team."""
    api = _open(url, team)
    found = _find(api, person)
    changed = api.patch(f"/api/members/{found['id']}", {"role": new_role})
    if as_json:
        output.print_json(changed)
        return
    output.say(f"{_ok()} {output.clean(found['name'])} was {found['role']}, and is {new_role} now.")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team remove ada@lab.org
  arkitekt-next hub team remove me@lab.org --yes    leave"""
)
@click.argument("person")
@yes_option
@team_option
@url_option
@json_option
def remove(person: str, is_sure: bool, team: str | None, url: str | None, as_json: bool) -> None:
    """Remove PERSON from the team, or leave it yourself: their apps lose the connection at once.

    What they have recorded stays the team's; their account stays, for their other teams.
    """
    api = _open(url, team)
    found = _find(api, person)
    output.confirm(f"Remove {found['name']} from the team, and end their sign-ins in it?", is_sure=is_sure)
    api.delete("/api/members", found["id"])
    if as_json:
        output.print_json({"removed": found["id"]})
        return
    output.say(f"{_ok()} {output.clean(found['name'])} does not belong to the team any more.")


def _state(member: dict[str, Any]) -> str:
    return "disabled" if member["is_disabled"] else "-"


def _open(url: str | None, team: str | None = None) -> HubApi:
    from arkitekt_next.cli.hub_api import HubApi

    return HubApi.open(url, team)


def _find(api: HubApi, person: str) -> dict[str, Any]:
    from arkitekt_next.cli.hub_api import pick

    return pick(api.every("/api/members"), person, what="member")


def _ok() -> str:
    return output.paint(output.mark("ok"), "green")
