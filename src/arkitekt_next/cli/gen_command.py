"""`gen`: a typed client module out of the catalogue. The writing is in `codegen`.

The rule: only a file that `gen` made is replaced without being asked twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit
from arkitekt_next.cli.options import json_option, url_option
from arkitekt_next.errors import Conflict, NotFound, RequestRefused

if TYPE_CHECKING:
    from arkitekt_next.cli.codegen.module import Source


@click.command(
    epilog="""\b
Examples:
  arkitekt-next gen --app my-app -o my_app_client.py
  arkitekt-next gen --app camera --app segment -o lab.py     functions are called camera_… and segment_…
  arkitekt-next gen --app my-app -o client.py --check        exit code 7 when the file is out of date

\b
Using it:
  from arkitekt_next import easy
  import my_app_client
  with easy("caller"):
      my_app_client.pixel_size(magnification=40.0)"""
)
@click.option("--app", "apps", multiple=True, metavar="NAME", help="Functions of this app. Repeatable. Default: all.")
@click.option(
    "--output",
    "-o",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. Default: standard output.",
)
@url_option
@click.option("--check", is_flag=True, help="Write nothing; say whether the file is up to date.")
@click.option("--force", is_flag=True, help="Replace a file that gen did not make.")
@json_option
def gen(apps: tuple[str, ...], target: Path | None, url: str | None, check: bool, force: bool, as_json: bool) -> int:
    """Write a typed Python client for functions of the hub: signatures, docs, models, and async twins.

    The module passes mypy --strict. It carries the hashes of the definitions it was made from, so that running this
    again says what changed.
    """
    from arkitekt_next.cli.codegen.module import write_module

    if check and target is None:
        raise RequestRefused(where="--check", problem="it compares with a file. Name it with --output")
    sources = _sources(url, apps)
    text = write_module(sources, command=_command(apps, target))
    if target is None:
        click.echo(text, nl=False)
        return Exit.OK
    before = _read(target, force=force or check)
    changes = _changes(before, sources)
    # A formatter may have been over the file: what counts is what it was made from.
    is_same = before is not None and (not changes if check else before == text)
    if not check and not is_same:
        target.write_text(text, encoding="utf-8", newline="\n")
    _report(target, sources, changes, is_same=is_same, is_check=check, as_json=as_json)
    return Exit.INCOMPATIBLE if check and not is_same else Exit.OK


def _command(apps: tuple[str, ...], target: Path | None) -> str:
    named = [f"--app {app}" for app in apps]
    return " ".join(["arkitekt-next gen", *named, *([f"-o {target.name}"] if target else [])])


def _sources(url: str | None, apps: tuple[str, ...]) -> list[Source]:
    from arkitekt_next.cli.catalogue import Catalogue
    from arkitekt_next.cli.codegen.module import Source

    catalogue = Catalogue.open(url)
    listed = catalogue.actions()
    known = {str(action["app"]) for action in listed}
    for app in apps:
        if app not in known:
            there = ", ".join(sorted(known)) or "none yet"
            raise NotFound(what="app", name=app, remedy=f"The hub has: {there}")
    wanted = [str(action["name"]) for action in listed if not apps or action["app"] in apps]
    return [Source(name, catalogue.describe(name).definition) for name in wanted]


def _read(target: Path, *, force: bool) -> str | None:
    from arkitekt_next.cli.codegen.module import definitions_of

    try:
        text = target.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    if definitions_of(text) is None and not force:
        raise Conflict(problem=f"{target} was not made by gen", remedy="Choose another file, or use --force")
    return text


def _changes(before: str | None, sources: list[Source]) -> list[str]:
    from arkitekt_next.cli.codegen.module import definitions_of

    old = (definitions_of(before) if before is not None else None) or {}
    new = {source.name: source.definition.definition_hash for source in sources}
    changes = [f"+ {name}" for name in new if name not in old]
    changes += [f"~ {name}" for name in new if name in old and old[name] != new[name]]
    return [*changes, *(f"- {name}" for name in old if name not in new)]


def _report(
    target: Path, sources: list[Source], changes: list[str], *, is_same: bool, is_check: bool, as_json: bool
) -> None:
    if as_json:
        output.print_json(
            {"file": str(target), "functions": len(sources), "up_to_date": is_same or not is_check, "changes": changes}
        )
        return
    if is_same:
        output.say(f"{output.paint(output.mark('ok'), 'green')} {target} is up to date: {len(sources)} functions")
        return
    verb = "is out of date" if is_check else "written"
    sign = output.paint(output.mark("bad"), "red") if is_check else output.paint(output.mark("ok"), "green")
    output.say(f"{sign} {target} {verb}: {len(sources)} functions")
    for change in changes:
        output.say(f"  {output.clean(change)}")
