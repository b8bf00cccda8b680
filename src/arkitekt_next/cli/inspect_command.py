"""`inspect`: what there is to call, on the hub or in this folder."""

from __future__ import annotations

from typing import Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, module_option, url_option


@click.command(
    epilog="""\b
Examples:
  arkitekt-next inspect                            everything on the hub
  arkitekt-next inspect --search nuclei
  arkitekt-next inspect my-app.pixel_size          its arguments, docs, versions, and who provides it
  arkitekt-next inspect --local                    what this folder's app would publish"""
)
@click.argument("action", required=False)
@url_option
@click.option("--local", is_flag=True, help="The app of this folder instead of the hub.")
@click.option("--app", metavar="NAME", help="Only functions of this app.")
@click.option("--all", "shows_all", is_flag=True, help="Also what only ended development sessions have provided.")
@click.option("--search", metavar="WORDS", help="Only functions whose name or description contains these words.")
@module_option
@json_option
def inspect(
    action: str | None,
    url: str | None,
    local: bool,
    app: str | None,
    search: str | None,
    shows_all: bool,
    module: str | None,
    as_json: bool,
) -> None:
    """List the functions there are, or describe the one named ACTION (app.function)."""
    if local:
        _inspect_local(action, module, as_json=as_json)
    elif action is not None:
        _inspect_one(action, url, as_json=as_json)
    else:
        _inspect_all(url, app, search, shows_all=shows_all, as_json=as_json)


def _inspect_all(url: str | None, app: str | None, search: str | None, *, shows_all: bool, as_json: bool) -> None:
    from arkitekt_next.cli.catalogue import Catalogue

    catalogue = Catalogue.open(url)
    find = catalogue.all_actions if shows_all else catalogue.actions
    found = find(app=app, words=search)
    if as_json:
        output.print_json(found)
    elif not found:
        _say_empty(catalogue.url, app or search)
    else:
        rows = [(a["name"], _online(int(a["agents_online"])), a["description"] or "") for a in found]
        output.show_table(("FUNCTION", "ONLINE", "WHAT IT DOES"), rows)


def _say_empty(url: str, filtered: str | None) -> None:
    if filtered:
        output.say(f"Nothing on {url} fits '{output.clean(filtered)}'. `arkitekt-next inspect` lists everything.")
        return
    output.say(f"There is nothing on {url} that you may see yet. Connect an app: arkitekt-next run dev")


def _online(count: int) -> str:
    return "-" if count == 0 else "yes" if count == 1 else f"{count} agents"


def _inspect_one(action: str, url: str | None, *, as_json: bool) -> None:
    from arkitekt_next.cli.catalogue import Catalogue
    from arkitekt_next.cli.describe import details

    found = Catalogue.open(url).describe(action)
    if as_json:
        output.print_json(found.raw)
        return
    for line in details(found.definition, found.name):
        output.say(line)
    output.say(f"Call it: {output.paint(_example(found.name, found.definition), 'cyan')}")
    _say_providers(found.providers)
    _say_versions(found.versions)


def _example(name: str, definition: Any) -> str:
    needed = [f"{port.key}=…" for port in definition.args if port.required]
    return " ".join(["arkitekt-next call", output.clean(name), *needed])


def _say_providers(providers: tuple[dict[str, Any], ...]) -> None:
    output.say("")
    if not providers:
        output.say("Nobody provides it now: a call would wait until its app is started.")
        return
    rows = [
        (
            str(p["agent"]),
            str(p["host"]),
            f"{p['release']} ({p['mode']})",
            f"{p['running']} of {p['concurrency'] or p['capacity']}",
            ", ".join(p["labels"]) or "-",
        )
        for p in providers
    ]
    output.show_table(("PROVIDED BY", "ON", "RELEASE", "RUNNING", "LABELS"), rows)


def _say_versions(versions: tuple[dict[str, Any], ...]) -> None:
    from datetime import UTC, datetime

    output.say("")
    rows = []
    for version in versions:
        offered = datetime.fromtimestamp(version["offered_at_us"] / 1e6, UTC).astimezone()
        rows.append((version["definition_hash"][:12], version["signature_hash"][:12], f"{offered:%Y-%m-%d %H:%M}"))
    output.show_table(("DEFINITION", "SIGNATURE", "LAST OFFERED"), rows)


def _inspect_local(action: str | None, module: str | None, *, as_json: bool) -> None:
    from arkitekt_next.cli.describe import details, signature
    from arkitekt_next.cli.loading import load_app
    from arkitekt_next.cli.project import find_project
    from arkitekt_next.errors import NotFound

    loaded = load_app(find_project(module=module))
    identifier, definitions = loaded.app.identifier, loaded.definitions
    if action is not None:
        name = action.removeprefix(f"{identifier}.")
        if name not in definitions:
            known = ", ".join(definitions) or "it declares none"
            raise NotFound(what="function", name=action, remedy=f"The app of this folder has: {known}")
        if as_json:
            output.print_json(definitions[name].to_json())
            return
        for line in details(definitions[name], f"{identifier}.{name}"):
            output.say(line)
    elif as_json:
        output.print_json([{"name": f"{identifier}.{name}", **_hashes(d)} for name, d in definitions.items()])
    elif not definitions:
        output.say(f"{loaded.project.module}.py declares no function yet. Put @register on one.")
    else:
        rows = [
            (signature(d, f"{identifier}.{name}", short=True), d.description or "") for name, d in definitions.items()
        ]
        output.show_table(("FUNCTION", "WHAT IT DOES"), rows)


def _hashes(definition: Any) -> dict[str, Any]:
    return {
        "definition_hash": definition.definition_hash,
        "signature_hash": definition.signature_hash,
        "definition": definition.to_json(),
    }
