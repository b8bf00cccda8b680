"""`data export` and `data get`: items of the hub as files of this machine.

The rule: nothing that is there is overwritten unasked, and nothing appears before it is complete.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.data.opening import find_item, opened
from arkitekt_next.cli.data.options import PLACE
from arkitekt_next.cli.options import json_option, url_option
from arkitekt_next.cli.progress import bar
from arkitekt_next.errors import InvalidValue

if TYPE_CHECKING:
    from arkitekt_next.sdk.data.file import File
    from arkitekt_next.sdk.data.item import Item

_ENDINGS = {
    "ome-zarr": (".ome.zarr", ".zarr"),
    "ome-tiff": (".ome.tif", ".ome.tiff", ".tif", ".tiff"),
    "zarr": (".zarr",),
    "npy": (".npy",),
    "parquet": (".parquet",),
    "csv": (".csv",),
}
"""What names of files of each format may end with; the first one is what they get."""
_STEP_BYTES = 8 * 1024 * 1024


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data export 'cells, field 3'             OME-Zarr in this folder
  arkitekt-next data export 'cells, field 3' --as ome-tiff
  arkitekt-next data export areas --to areas.csv
  arkitekt-next data export ID ID ID --to results/      a folder, made when it is not there

\b
ITEM is an id or a name. Images become OME-Zarr or OME-TIFF, arrays zarr or npy, tables parquet or CSV;
files stay as they are. --to with an ending says which."""
)
@click.argument("wanted", nargs=-1, required=True, metavar="ITEM...")
@click.option(
    "--to", "place", default=".", metavar="PATH", help="A file, or a folder, which is made when PATH ends in /."
)
@click.option("--as", "form", type=click.Choice(list(_ENDINGS)), help="The format. Default: the ending of --to.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@url_option
@json_option
def export(wanted: tuple[str, ...], place: str, form: str | None, force: bool, url: str | None, as_json: bool) -> None:
    """Write items as files for other programs."""
    path = Path(place)
    if not place.strip():
        raise click.BadParameter("expected a path, got nothing", param_hint="--to")
    is_folder = len(wanted) > 1 or place.endswith(("/", os.sep))
    is_named_as_file = path.name.lower().endswith(tuple(ending for known in _ENDINGS.values() for ending in known))
    if is_folder and not path.is_dir() and (path.exists() or is_named_as_file):
        raise click.BadParameter(f"expected a folder for several items, got {place}", param_hint="--to")
    with opened(url):
        items = [find_item(text) for text in wanted]
        if is_folder:
            path.mkdir(parents=True, exist_ok=True)
        names = Counter(item.name for item in items)
        for item in items:
            named = _apart(item, form) if names[item.name] > 1 else None
            with bar(f"writing {output.clean(item.name)}", wanted=not as_json) as shown:
                made = _exported(
                    item, _place(item, path, form) if named is None else path / named, force=force, shown=shown.show
                )
            _tell(item, made, as_json=as_json)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data get protocol.pdf
  arkitekt-next data get ID big.raw                begun again, it goes on where it broke off
  arkitekt-next data get raw.tar.gz - | tar xz"""
)
@click.argument("wanted", metavar="ITEM")
@click.argument("place", default=".", metavar="[PATH]", type=PLACE)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@url_option
@json_option
def get(wanted: str, place: Path, force: bool, url: str | None, as_json: bool) -> None:
    """Fetch a stored file as it is, checked by its hash, to a folder or a name; `-` is the standard output."""
    with opened(url):
        item = find_item(wanted)
        file = _as_file(item)
        if str(place) == "-":
            with file.open() as source:
                while data := source.read(_STEP_BYTES):
                    sys.stdout.buffer.write(data)
            return
        with bar(f"fetching {output.clean(item.name)}", wanted=not as_json) as shown:
            made = file.export(place, overwrite=force, progress=shown.show)
        _tell(item, made, as_json=as_json)


def _apart(item: Item, form: str | None) -> str:
    """Give the name of a file that no other item of the same name gets."""
    from arkitekt_next.sdk.data.exporting import ENDINGS, name_of

    if item.kind == "file":
        own = Path(name_of(item))
        return f"{own.stem} {item.id}{own.suffix}"
    return f"{name_of(item)} {item.id}{_ENDINGS[form][0] if form is not None else ENDINGS[item.kind][0]}"


def _place(item: Item, place: Path, form: str | None) -> Path:
    from arkitekt_next.sdk.data.exporting import ENDINGS, name_of

    if form is None:
        return place
    if item.kind == "file":
        raise InvalidValue(where="--as", expected=f"none for the file '{item.name}', which stays as it is", got=form)
    endings = _ENDINGS[form]
    if endings[0] not in ENDINGS[item.kind]:
        known = [name for name, (first, *_) in _ENDINGS.items() if first in ENDINGS[item.kind]]
        raise InvalidValue(where="--as", expected=f"{' or '.join(known)} for the {item.kind} '{item.name}'", got=form)
    if place.is_dir() and not place.name.lower().endswith(endings):
        return place / f"{name_of(item)}{endings[0]}"
    if not place.name.lower().endswith(endings):
        raise InvalidValue(
            where="--to",
            expected=f"a folder that is there, or a name that ends in {' or '.join(endings)}, for --as {form}",
            got=repr(place.name),
        )
    return place


def _exported(item: Item, place: Path, *, force: bool, shown: object) -> Path:
    made: Path = item.export(place, overwrite=force, progress=shown)  # type: ignore[attr-defined]
    return made


def _as_file(item: Item) -> File:
    from arkitekt_next.sdk.data.file import File

    if not isinstance(item, File):
        raise InvalidValue(
            where=f"item {item.id}", expected="a file", got=f"the {item.kind} '{item.name}'. Use: data export"
        )
    return item


def _tell(item: Item, made: Path, *, as_json: bool) -> None:
    if as_json:
        output.print_json_line({"item": item.id, "path": str(made)})
    else:
        output.say(f"{output.mark('ok')} {item.kind} {output.clean(item.name)}: {output.clean(made)}")
