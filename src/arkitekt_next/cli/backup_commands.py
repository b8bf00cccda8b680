"""`hub backup` and `hub restore`. The work is in `storage.backup`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import hub_folder_option, json_option
from arkitekt_next.cli.progress import Bar, bar
from arkitekt_next.errors import NotFound, RequestRefused

if TYPE_CHECKING:
    from arkitekt_next.storage.backup_objects import Taken


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub backup hub-2026-11-21.db
  arkitekt-next hub backup /mnt/safe/hub.db --folder /data/hub

FILE is a SQLite file, readable by you only; what the hub stores goes into a folder beside it, FILE.objects, by hard
links where that can be done. The key that lets you sign in on this machine is not in it."""
)
@click.argument("file", type=click.Path(path_type=Path))
@hub_folder_option
@click.option("--without-data", is_flag=True, help="Leave out stored files; keep what is known of them.")
@json_option
def backup(file: Path, folder: Path, without_data: bool, as_json: bool) -> None:
    """Write everything a hub keeps to FILE, while it runs or not.

    The copy is of one moment, is checked row by row and file by file, and is complete when FILE appears. An existing
    file is never replaced.
    """
    from arkitekt_next.storage import backup as storage
    from arkitekt_next.storage.backup_objects import FOLDER

    _refuse_other_database()
    source, target = folder.resolve(), file.resolve()
    if not target.parent.is_dir():
        raise NotFound(f"There is no folder {target.parent}. Make it first", what="folder", name=str(target.parent))
    with bar("Backup", wanted=not as_json) as shown:
        made = storage.backup(source, target, with_data=not without_data, report=_reporter(shown))
    contents = made.contents
    if as_json:
        described = {"file": str(made.path), "size_bytes": made.size_bytes, "rows": contents.rows}
        place = {"data_place": made.place}
        output.print_json({**described, "revision": contents.revision, **_data_json(made.data), **place})
        return
    output.say(f"{output.paint(output.mark('ok'), 'green')} Wrote {output.paint(str(made.path), bold=True)}")
    _say_contents(contents.rows, made.size_bytes, made.data)
    if made.place != FOLDER and not without_data:
        output.say(f"  stored data is not in it: it lies in {made.place}. Keep its versions there, or copy it yourself")
    output.say(f"  put it back with: arkitekt-next hub restore {file}")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub restore hub-2026-11-21.db --folder /data/new-hub
  arkitekt-next hub restore hub-2026-11-21.db --force      replaces yours, keeps the old one beside it"""
)
@click.argument("file", type=click.Path(path_type=Path))
@hub_folder_option
@click.option("--force", is_flag=True, help="Replace a database that is there; the old one is kept beside it.")
@click.option("--without-data", is_flag=True, help="Leave stored files as they are in the folder.")
@json_option
def restore(file: Path, folder: Path, force: bool, without_data: bool, as_json: bool) -> None:
    """Put a backup in place. Refused while a hub runs over the folder.

    Everything is checked before anything is replaced, and what is replaced is kept as hub.db.before-restore and
    objects.before-restore.
    """
    from arkitekt_next.cli.hub_commands import hub_line
    from arkitekt_next.storage import backup as storage

    place = folder.resolve()
    with bar("Restore", wanted=not as_json) as shown:
        made = storage.restore(file.resolve(), place, force, with_data=not without_data, report=_reporter(shown))
    if as_json:
        kept = [str(path) for path in made.kept]
        output.print_json({"folder": str(place), "rows": made.contents.rows, "kept": kept, **_data_json(made.data)})
        return
    output.say(f"{output.paint(output.mark('ok'), 'green')} Restored {output.paint(str(place), bold=True)}")
    _say_contents(made.contents.rows, made.path.stat().st_size, made.data)
    if made.kept:
        output.say(f"  what was there is kept: {', '.join(path.name for path in made.kept)}")
    output.say(f"  start it with: {hub_line('start', place)}")


def _refuse_other_database() -> None:
    url = os.environ.get("ARKITEKT_HUB_DATABASE_URL", "")
    if url:
        raise RequestRefused(
            where="ARKITEKT_HUB_DATABASE_URL",
            problem=f"this hub keeps its records in another database ({url.partition(':')[0]}). Back it up with that "
            "database's own tools, such as pg_dump",
        )


def _reporter(shown: Bar) -> Callable[[str, int, int], None]:
    def report(what: str, done: int, total: int) -> None:
        shown.show(done, total, what)

    return report


def _data_json(data: Taken) -> dict[str, int]:
    return {"data_files": data.files, "data_bytes": data.size_bytes}


def _say_contents(rows: Mapping[str, int], size_bytes: int, data: Taken) -> None:
    from arkitekt_next.cli.hub_commands import size_text

    counted = ", ".join(f"{rows.get(name, 0)} {name}s" for name in ("action", "task", "event", "item"))
    output.say(f"  {counted}; {size_text(size_bytes)}; checked")
    if data.files:
        output.say(f"  {data.files} stored files; {size_text(data.size_bytes)}; checked")
