"""`check`: what is wrong with an app, and what its next release would break.

The rule: everything is reported at once, each with file and line, and the exit code tells the worst of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit
from arkitekt_next.cli.options import json_option, module_option, url_option
from arkitekt_next.errors import DeclarationError, HubUnavailable, NotAuthenticated, NotFound

if TYPE_CHECKING:
    from arkitekt_next.cli.loading import LoadedApp


@dataclass(slots=True)
class Findings:
    """What `check` found; every entry is a sentence."""

    identifier: str
    functions: int = 0
    problems: list[str] = field(default_factory=list)
    breaking: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    hub: str | None = None

    @property
    def exit_code(self) -> Exit:
        """The worst of it."""
        return Exit.BROKEN_APP if self.problems else Exit.INCOMPATIBLE if self.breaking else Exit.OK

    def to_json(self) -> dict[str, Any]:
        """Give the form `--json` prints."""
        return {
            "app": self.identifier,
            "functions": self.functions,
            "hub": self.hub,
            "problems": self.problems,
            "breaking": self.breaking,
            "changes": self.changes,
            "hints": self.hints,
        }


@click.command(
    epilog="""\b
Examples:
  arkitekt-next check                              the app, and what it would break on the hub
  arkitekt-next check --offline                    the app alone

Exit code 0: nothing is wrong. 6: the app is broken. 7: it breaks callers of what the hub has."""
)
@url_option
@click.option("--offline", is_flag=True, help="Don't compare with a hub.")
@module_option
@json_option
def check(url: str | None, offline: bool, module: str | None, as_json: bool) -> int:
    """Import the app, report every declaration that can't be published, and compare it with what the hub has."""
    from arkitekt_next.cli.loading import collecting_problems, load_app
    from arkitekt_next.cli.project import find_project

    project = find_project(module=module)
    found = Findings(project.identifier)
    with collecting_problems() as problems:
        try:
            loaded = load_app(project)
        except DeclarationError as broken:
            loaded = None
            problems.append(broken)
    found.problems += [_sentence(problem) for problem in problems]
    if loaded is not None:
        _look_at(loaded, found)
        if not offline:
            _compare(loaded, url, found)
    if as_json:
        output.print_json(found.to_json())
    else:
        _show(found)
    return found.exit_code


def _sentence(problem: DeclarationError) -> str:
    trace = problem.fields.get("trace")
    own = problem.fields.get("where")
    shown = trace if trace and not (own and ":" in str(own) and " in " in str(own)) else None
    return f"{problem.message}\n{shown}" if shown else problem.message


def _look_at(loaded: LoadedApp, found: Findings) -> None:
    found.identifier = loaded.app.identifier
    definitions = loaded.definitions
    found.functions = len(definitions)
    if not definitions and not found.problems:
        found.hints.append(f"{loaded.project.module}.py declares no function; put @register on one")
    if not loaded.project.is_declared:
        found.hints.append(
            f"the identifier '{found.identifier}' is only the folder's name; `init` writes one to pyproject.toml"
        )
    for name, definition in definitions.items():
        if not definition.description:
            found.hints.append(f"{name} has no docstring, so nobody will know what it does")


def _compare(loaded: LoadedApp, url: str | None, found: Findings) -> None:
    from arkitekt_next.cli.catalogue import Catalogue
    from arkitekt_next.ports import compatibility

    try:
        catalogue = Catalogue.open(url)
        published = {str(a["name"]): a for a in catalogue.actions(app=found.identifier)}
    except (HubUnavailable, NotAuthenticated) as absent:
        if url is not None:
            raise
        found.hints.append(f"not compared with a hub: {absent.message.partition('. ')[0]}")
        return
    found.hub = catalogue.url
    for name, definition in loaded.definitions.items():
        action = published.pop(f"{found.identifier}.{name}", None)
        if action is None:
            found.changes.append(f"{name} is new")
        elif action["definition_hash"] != definition.definition_hash:
            try:
                known = catalogue.describe(str(action["name"])).definition
            except NotFound:
                continue
            differences = compatibility(known, definition)
            found.breaking += [f"{name}: {text}" for text in differences.breaking]
            found.changes += [f"{name}: {text}" for text in differences.harmless]
    if not found.problems:
        gone = [name.partition(".")[2] for name, action in published.items() if action["is_released"]]
        found.breaking += [f"{name} is on the hub and no longer in the app" for name in gone]


def _show(found: Findings) -> None:
    title = output.paint(found.identifier, bold=True)
    output.say(f"{title}: {found.functions} function{'' if found.functions == 1 else 's'}")
    _list("Can't be published", found.problems, "red", output.mark("bad"))
    _list("Breaks callers of what the hub has", found.breaking, "red", output.mark("bad"))
    _list("Changes that break nobody", found.changes, "cyan", output.mark("dot"))
    _list("Worth a look", found.hints, "yellow", output.mark("dot"))
    if found.exit_code is Exit.OK:
        compared = f", and fits what {found.hub} has" if found.hub else ""
        output.say(f"{output.paint(output.mark('ok'), 'green')} Nothing is wrong with it{compared}.")


def _list(title: str, entries: list[str], colour: str, sign: str) -> None:
    if not entries:
        return
    output.say(f"{title}:")
    for entry in entries:
        first, *rest = output.clean(entry).splitlines()
        output.say(f"  {output.paint(sign, colour)} {first}")
        for line in rest:
            output.say(f"      {line}")
