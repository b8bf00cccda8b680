"""`init`: makes an app of a folder.

The rule: everything is checked before anything is written, and what was there is never lost.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit
from arkitekt_next.cli.project import (
    IDENTIFIER,
    IDENTIFIER_RULE,
    check_identifier,
    has_table,
    read_pyproject,
    slug,
    with_identifier,
)
from arkitekt_next.cli.templates import TEMPLATES
from arkitekt_next.errors import Conflict, RequestRefused

_KEPT = ".before-init"


@click.command(
    epilog="""\b
Examples:
  arkitekt-next init                               asks three questions
  arkitekt-next init --yes                         takes the defaults
  arkitekt-next init --yes --template stream --identifier lab-camera"""
)
@click.option("--yes", "-y", is_flag=True, help="Ask nothing, take the defaults.")
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    help="What app.py starts with: " + "; ".join(f"{n}: {t.summary}" for n, t in TEMPLATES.items()) + ".",
)
@click.option("--identifier", metavar="NAME", help="The app's name on the hub. Default: the name of the folder.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("."), help="Where to. Default: here.")
@click.option("--force", is_flag=True, help=f"Replace an app that is there; app.py is kept as app.py{_KEPT}.")
def init(yes: bool, template: str | None, identifier: str | None, folder: Path, force: bool) -> None:
    """Make an app of this folder: app.py, and its identifier in pyproject.toml.

    An existing pyproject.toml keeps everything it holds, comments included.
    """
    place = folder.resolve()
    if place.exists() and not place.is_dir():
        raise RequestRefused(where="--folder", problem=f"expected a folder, got the file {place}")
    if not force:
        _refuse_existing(place)
    read_pyproject(place)
    if not yes:
        _require_terminal(place, template)
        template, identifier = _ask(place, template, identifier)
    chosen = template or "simple"
    name = check_identifier(identifier or slug(place.name))
    written = _write(place, name, TEMPLATES[chosen].text)
    _report(place, name, chosen, written)


def _refuse_existing(place: Path) -> None:
    if has_table(place):
        raise Conflict(
            problem=f"{place / 'pyproject.toml'} already names an app ([tool.arkitekt_next])",
            remedy="Run it with `arkitekt-next run dev`, or start anew with --force",
        )
    if (place / "app.py").exists():
        raise Conflict(
            problem=f"{place / 'app.py'} is there already",
            remedy=f"Run it with `arkitekt-next run dev`, or use --force (it is kept as app.py{_KEPT})",
        )


def _require_terminal(place: Path, template: str | None) -> None:
    if not output.can_ask():
        raise RequestRefused(
            where="init",
            problem="there is no terminal to ask in. Add --yes to take the defaults "
            f"(identifier {slug(place.name)}, template {template or 'simple'})",
        )


def _ask(place: Path, template: str | None, identifier: str | None) -> tuple[str, str]:
    import questionary

    def valid(text: str) -> bool | str:
        return True if IDENTIFIER.fullmatch(text) else f"Expected {IDENTIFIER_RULE}"

    if identifier is None:
        question = questionary.text("What is your app called?", default=slug(place.name), validate=valid)
        identifier = _answer(question)
    if template is None:
        choices = [questionary.Choice(f"{n}: {t.summary}", value=n) for n, t in TEMPLATES.items()]
        template = _answer(questionary.select("What should it start with?", choices=choices))
    if not _answer(questionary.confirm(f"Write app.py and pyproject.toml to {place}?", default=True)):
        output.say("Nothing was written.")
        raise click.exceptions.Exit(Exit.OK)
    return str(template), str(identifier)


def _answer(question: Any) -> Any:
    """Ask; a Ctrl-C at the question ends the command like everywhere else."""
    return question.unsafe_ask()


def _write(place: Path, identifier: str, text: str) -> list[str]:
    pyproject, app = place / "pyproject.toml", place / "app.py"
    old = _read_exactly(pyproject) if pyproject.exists() else ""
    new = with_identifier(old, identifier)
    place.mkdir(parents=True, exist_ok=True)
    written = []
    if app.exists():
        kept = _unused(app.with_name(app.name + _KEPT))
        app.replace(kept)
        written.append(f"{app.name} was kept as {kept.name}")
    app.write_text(text, encoding="utf-8")
    pyproject.write_text(new, encoding="utf-8", newline="")
    return written


def _read_exactly(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _unused(path: Path) -> Path:
    tried, number = path, 2
    while tried.exists():
        tried, number = path.with_name(f"{path.name}-{number}"), number + 1
    return tried


def _report(place: Path, identifier: str, template: str, notes: list[str]) -> None:
    found = TEMPLATES[template]
    where = "" if place == Path.cwd() else f"cd {place}\n  "
    output.say(f"{output.paint(output.mark('ok'), 'green')} Made the app {output.paint(identifier, bold=True)}")
    output.say(f"  app.py          {found.summary} (template {template})")
    output.say("  pyproject.toml  its identifier")
    for line in notes:
        output.say(f"  {line}")
    missing = [name for name in found.needs if importlib.util.find_spec(name) is None]
    if missing:
        output.warn(f"this template needs {', '.join(missing)}, which is not installed here.")
    output.say("\nStart it; it reloads whenever you save app.py:")
    output.say(f"  {where}{output.paint('arkitekt-next run dev', 'cyan')}")
    output.say("Then call it from another terminal:")
    output.say(f"  {output.paint(f'arkitekt-next call {identifier}.{found.example}', 'cyan')}")
