"""`hub audit`: what was done to accounts, sign-ins and rights, and whether the log is as it was written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit
from arkitekt_next.cli.options import json_option, url_option

if TYPE_CHECKING:
    from arkitekt_next.cli.hub_api import HubApi

_EVERY_S = 1.0
_MOST = 500


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub audit
  arkitekt-next hub audit --team                   the part of your team
  arkitekt-next hub audit --follow --json          one JSON object a line, as it happens
  arkitekt-next hub audit --verify                 exit code 1 when a row was changed"""
)
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, help="How many entries. Default: 50.")
@click.option("--team", "of_team", is_flag=True, help="Only those of your team, for who does not own the hub.")
@click.option("--follow", is_flag=True, help="Go on with what happens next, until Ctrl-C.")
@click.option("--verify", is_flag=True, help="Check that no row was changed or removed, instead of listing.")
@url_option
@json_option
def audit(limit: int, of_team: bool, follow: bool, verify: bool, url: str | None, as_json: bool) -> int:
    """Show the audit log, the newest entry last."""
    from arkitekt_next.cli.hub_api import HubApi

    if verify and (of_team or follow):
        raise click.UsageError("--verify checks the whole log: leave --team and --follow out.")
    api = HubApi.open(url)
    if verify:
        return _verify(api, as_json=as_json)
    path = "/api/team/audit" if of_team else "/api/audit"
    found = list(reversed(api.get(path, limit=limit)["items"]))
    if as_json and not follow:
        output.print_json(found)
        return Exit.OK
    if not found and not follow:
        output.say("Nothing was done yet.")
    _show(api, found, of_team=of_team, as_json=as_json)
    if follow:
        _follow(api, path, found[-1]["number"] if found else 0, of_team=of_team, as_json=as_json)
    return Exit.OK


def _verify(api: HubApi, *, as_json: bool) -> int:
    verdict = api.get("/api/audit/verify")
    if as_json:
        output.print_json(verdict)
    elif verdict["is_whole"]:
        output.say(f"{output.paint(output.mark('ok'), 'green')} All {verdict['entries']} entries are as written.")
    else:
        output.say(
            f"{output.paint(output.mark('bad'), 'red')} Entry {verdict['broken_at']} was changed, or is not there any "
            f"more. The {verdict['entries']} before it are as written."
        )
    return Exit.OK if verdict["is_whole"] else Exit.FAILED


def _follow(api: HubApi, path: str, seen: int, *, of_team: bool, as_json: bool) -> None:
    while True:
        time.sleep(_EVERY_S)
        new = [entry for entry in api.get(path, limit=_MOST)["items"] if entry["number"] > seen]
        _show(api, new[::-1], of_team=of_team, as_json=as_json)
        seen = max([seen, *(entry["number"] for entry in new)])


def _show(api: HubApi, entries: list[dict[str, Any]], *, of_team: bool, as_json: bool) -> None:
    """Print entries; for people, with the names of those who are still there instead of their ids."""
    if as_json:
        for entry in entries:
            output.print_json_line(entry)
    elif entries:
        people = api.every("/api/members" if of_team else "/api/people")
        names = {one["id"]: one["name"] for one in people}
        for entry in entries:
            _show_line(entry, names)


def _show_line(entry: dict[str, Any], names: dict[str, str]) -> None:
    about = " ".join(f"{name}={_said(value)}" for name, value in entry["data"].items())
    who, what = (names.get(entry[key], entry[key]) or "-" for key in ("person", "subject"))
    when, number = output.when(entry["at_us"]), f"{entry['number']:>5}"
    parts = [when, number, f"{entry['event']:<22}", f"{who:<16}", what, about]
    output.say(output.clean("  ".join(parts).rstrip()))


def _said(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
