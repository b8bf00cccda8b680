"""`hub team share` and its opposite: letting a guest see and call one function.

They leave to the hub who may share what. The rule: a guest is found among the team's members, the function by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, team_option, url_option

if TYPE_CHECKING:
    from arkitekt_next.cli.hub_api import HubApi


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team share segment.nuclei gast@else.org"""
)
@click.argument("function", metavar="APP.FUNCTION")
@click.argument("person")
@team_option
@url_option
@json_option
def share(function: str, person: str, team: str | None, url: str | None, as_json: bool) -> None:
    """Let the guest PERSON see and call APP.FUNCTION, which you provide; owners and admins, any of the team's."""
    api = _open(url, team)
    found = _find(api, person)
    made = api.put(f"{_shares(function)}/{found['id']}")
    if as_json:
        output.print_json(made)
        return
    output.say(f"{_ok()} {output.clean(found['name'])} sees and calls {output.clean(function)} now.")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team unshare segment.nuclei gast@else.org"""
)
@click.argument("function", metavar="APP.FUNCTION")
@click.argument("person")
@team_option
@url_option
@json_option
def unshare(function: str, person: str, team: str | None, url: str | None, as_json: bool) -> None:
    """End that the guest PERSON sees and calls APP.FUNCTION. What they called already goes on."""
    api = _open(url, team)
    found = _find(api, person)
    api.delete(_shares(function), found["id"])
    if as_json:
        output.print_json({"function": function, "person": found["id"]})
        return
    output.say(f"{_ok()} {output.clean(function)} is not shared with {output.clean(found['name'])} any more.")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub team shares segment.nuclei"""
)
@click.argument("function", metavar="APP.FUNCTION")
@team_option
@url_option
@json_option
def shares(function: str, team: str | None, url: str | None, as_json: bool) -> None:
    """List the guests with whom APP.FUNCTION is shared."""
    found = _open(url, team).every(_shares(function))
    if as_json:
        output.print_json(found)
    elif not found:
        output.say(f"No guest sees {output.clean(function)}. Share it: arkitekt-next hub team share {function} PERSON")
    else:
        rows = [(s["person"]["name"], s["by"]["name"], output.when(s["created_at_us"])) for s in found]
        output.show_table(("GUEST", "SHARED BY", "SINCE"), rows)


def _shares(function: str) -> str:
    return f"/api/actions/{quote(function, safe='')}/shares"


def _open(url: str | None, team: str | None) -> HubApi:
    from arkitekt_next.cli.hub_api import HubApi

    return HubApi.open(url, team)


def _find(api: HubApi, person: str) -> dict[str, Any]:
    from arkitekt_next.cli.hub_api import pick

    return pick(api.every("/api/members"), person, what="member")


def _ok() -> str:
    return output.paint(output.mark("ok"), "green")
