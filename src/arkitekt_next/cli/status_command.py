"""`status`: who this machine's apps act for, at which hubs, and whether those answer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit
from arkitekt_next.cli.options import json_option

if TYPE_CHECKING:
    from arkitekt_next.sdk.credentials import Credentials

_ANSWER_S = 3.0


@click.command(
    epilog="""\b
Examples:
  arkitekt-next status
  arkitekt-next status --json

Exit code 0: every sign-in holds, as far as its hub can be asked. 5: one has ended, or there is none."""
)
@json_option
def status(as_json: bool) -> int:
    """Show the sign-ins kept on this machine: hub, app, person, team, rights, and whether the hub answers."""
    found = collect()
    if as_json:
        output.print_json(found)
    else:
        _show(found)
    return Exit.REFUSED if not found or any(one["state"] == "ended" for one in found) else Exit.OK


def collect() -> list[dict[str, Any]]:
    """Give every sign-in, sorted by hub and app; those of this machine's own hub stand without having been made."""
    from arkitekt_next.sdk.credentials import CredentialStore

    entries = CredentialStore().list()
    own = _own_hub()
    answers = _look({entry.address for entry in entries} | ({own} if own else set()))
    found = [_describe(entry, answers[entry.address]) for entry in entries]
    if own is not None and all(one["url"] != own for one in found):
        found.append(_describe_own(own, answers[own]))
    return found


def _own_hub() -> str | None:
    from arkitekt_next.platform import hub_folder
    from arkitekt_next.sdk.announced import read_hub_file
    from arkitekt_next.sdk.local import find_key
    from arkitekt_next.sdk.login import normalize

    known = read_hub_file(hub_folder())
    address = normalize(str(known["url"]), "hub.json") if known is not None else None
    return address if address is not None and find_key(address) is not None else None


def _look(addresses: Iterable[str]) -> dict[str, str | None]:
    """Ask all hubs at once; give why each can't be asked, or None when it does."""
    places = list(addresses)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(places, pool.map(_problem_of, places), strict=True))


def _problem_of(address: str) -> str | None:
    from arkitekt_next.errors import HubUnavailable, HubUntrusted
    from arkitekt_next.sdk.web import fetch

    try:
        fetch(address, "GET", "/health", timeout_s=_ANSWER_S)
    except HubUntrusted as doubted:
        return f"its certificate is not trusted: {doubted.fields.get('reason') or doubted.message}"
    except HubUnavailable as absent:
        return f"the hub does not answer: {absent.fields.get('reason') or absent.message}"
    return None


def _describe(entry: Credentials, problem: str | None) -> dict[str, Any]:
    from arkitekt_next.sdk.trust import pinned_fingerprint

    described: dict[str, Any] = {
        "url": entry.address,
        "app": entry.app,
        "person": entry.person,
        "team": entry.team,
        "scopes": sorted(entry.scopes),
        "state": "unknown",
        "reachable": problem is None,
        "reason": problem,
        "signed_in_at": _iso(entry.signed_in_at),
        "refreshed_at": _iso(entry.refreshed_at),
        "token_expires_at": _iso(entry.expires_at),
        "fingerprint": pinned_fingerprint(entry.address),
    }
    return described if problem is not None else {**described, **_asked(entry.address, entry.app)}


def _describe_own(address: str, problem: str | None) -> dict[str, Any]:
    from arkitekt_next.cli.scopes import CLI_APP

    described: dict[str, Any] = {
        "url": address,
        "app": None,
        "person": None,
        "team": None,
        "scopes": [],
        "state": "unknown",
        "reachable": problem is None,
        "reason": problem,
    }
    return described if problem is not None else {**described, **_asked(address, CLI_APP), "app": None}


def _asked(address: str, app: str) -> dict[str, Any]:
    """Ask the hub whether a sign-in holds, renewing it when that is due; an ended one is forgotten by that."""
    from arkitekt_next.errors import ArkitektError, SignInNeeded
    from arkitekt_next.sdk.session import Session

    try:
        me = Session.open(address, app, environment={}).get("/api/me")
    except SignInNeeded as ended:
        return {"state": "ended", "reason": str(ended.fields["reason"])}
    except ArkitektError as failed:
        return {"state": "unknown", "reason": failed.message}
    return {
        "state": "signed in",
        "person": str(me["person"]["name"]),
        "team": str(me["team"]["name"]),
        "scopes": sorted(me["scopes"]),
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _show(found: list[dict[str, Any]]) -> None:
    from arkitekt_next.sdk.login import TOKEN

    if os.environ.get(TOKEN):
        output.note(f"{TOKEN} is set: it goes before everything below.")
    if not found:
        output.say("No app is signed in on this machine. Sign in: arkitekt-next login --url URL")
        return
    rows = [
        (
            str(one["url"]),
            str(one["app"] or "(any of yours)"),
            str(one["person"] or "-"),
            str(one["team"] or "-"),
            ", ".join(one["scopes"]) or "-",
            _state(one),
        )
        for one in found
    ]
    output.show_table(("HUB", "APP", "PERSON", "TEAM", "MAY", "STATE"), rows)
    for one in found:
        if one["state"] == "ended":
            output.say(f"Sign in again: arkitekt-next login --url {one['url']} --app {one['app']}")


def _state(one: dict[str, Any]) -> str:
    if not one["reachable"]:
        return str(one["reason"])
    if one["state"] == "ended":
        return "ended"
    if one["state"] == "unknown":
        return f"not known: {one['reason']}"
    if one["app"] is None:
        return "signed in by the key of this machine's hub"
    renewed = datetime.fromisoformat(one["refreshed_at"]).astimezone()
    return f"signed in, renewed {renewed:%Y-%m-%d %H:%M}"
