"""`data import` and `data put`: files of this machine as images, or as they are.

Reading files is `sdk.data.formats`. The rule: what was stored before, by its content, is not stored again unasked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.data.jobs import Done, Job, run_jobs
from arkitekt_next.cli.data.opening import opened
from arkitekt_next.cli.data.options import PLACE, image_options, item_options, name_option, said, told
from arkitekt_next.cli.data.turns import taking_turns
from arkitekt_next.cli.options import json_option, url_option
from arkitekt_next.errors import NotFound

if TYPE_CHECKING:
    from arkitekt_next.cli.data.jobs import Work
    from arkitekt_next.sdk.data.item import Item
    from arkitekt_next.sdk.data.origins import Known
    from arkitekt_next.sdk.data.progress import Progress
    from arkitekt_next.sdk.data.store import HubItems

_PATHS = click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=PLACE)


@click.command(
    "import",
    epilog="""\b
Examples:
  arkitekt-next data import cells.ome.tif --tag control --folder 'plate 3'
  arkitekt-next data import run7/                  every image in the folder
  arkitekt-next data import frames/ --as-stack --step 7s --colors green
  arkitekt-next data import stack.tif --axis z --step 0.5um --pixel-size 0.1625
  arkitekt-next data import plate.lif --series all

\b
Read are OME-TIFF, TIFF, PNG, JPEG and OME-Zarr; CZI, ND2 and LIF with the extra `formats`. What a file
is, its content says. With --json there is one object a line, for each file.""",
)
@_PATHS
@name_option("image")
@click.option(
    "--as-stack", is_flag=True, help="Take each folder as one image: its files in the order of their numbers."
)
@image_options
@click.option("--series", default="0", metavar="N", help="Which image of a file with several, or 'all'. Default: 0.")
@click.option("--recursive", is_flag=True, help="Also what lies in folders of the folder.")
@item_options
@click.option("--again", is_flag=True, help="Store also what was imported before.")
@url_option
@json_option
def import_images(
    paths: tuple[Path, ...],
    name: str | None,
    as_stack: bool,
    series: str,
    recursive: bool,
    again: bool,
    url: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Store image files, or all those in folders, as images with their sizes, times and channels."""
    pixels = told(*(options.pop(key) for key in ("steps", "pixel_size", "channels", "colors", "axis")))
    if series != "all" and not series.isdecimal():
        raise click.BadParameter(f"expected a number or 'all', got '{series}'", param_hint="--series")
    with opened(url) as items:
        found = _images(paths, as_stack=as_stack, recursive=recursive)
        chosen = [(path, number) for path in found for number in _series(path, series)]
        if name is not None and len(chosen) > 1:
            raise click.UsageError(f"--name is for a single image, and these are {len(chosen)}.")
        known = {**pixels, **said(**options), "name": name}
        titles = {path: path.name or str(path) for path, _ in chosen}
        before = None if again else _known(items, found, known)
        jobs = [
            Job(
                path,
                titles[path] + (f" ({number + 1})" if series == "all" else ""),
                _loading(items, number, before, known),
            )
            for path, number in chosen
        ]
        return run_jobs(jobs, as_json=as_json)


def _images(paths: tuple[Path, ...], *, as_stack: bool, recursive: bool) -> list[Path]:
    """Give what is to become an image each; files of a folder that are none are left out, and that is said."""
    from arkitekt_next.sdk.data.formats.recognising import Format, recognise
    from arkitekt_next.sdk.data.loading import images_in

    found: list[Path] = []
    for path in paths:
        if as_stack and not path.is_dir():
            raise NotFound(what="folder", name=str(path), remedy="--as-stack takes folders of files")
        if as_stack or not path.is_dir() or recognise(path) is Format.OME_ZARR:
            found.append(path)
            continue
        inside = list(images_in(path, recursive=recursive))
        found += [file for file, is_image in inside if is_image]
        others = [file.name for file, is_image in inside if not is_image]
        if others:
            named = ", ".join(others[:3]) + (" and others" if len(others) > 3 else "")
            count = "One file" if len(others) == 1 else f"{len(others)} files"
            output.note(f"{count} of {path} left out, since no image: {output.clean(named)}")
        if len(inside) == len(others):
            deeper = "" if recursive else " (--recursive also looks into its folders)"
            raise NotFound(what="image", name=str(path), remedy=f"Nothing in that folder is one{deeper}")
    return list(dict.fromkeys(found))


def _series(path: Path, series: str) -> Iterator[int]:
    from arkitekt_next.errors import ArkitektError
    from arkitekt_next.sdk.data.loading import count_images

    if series != "all":
        yield int(series)
        return
    try:
        count = 1 if path.is_dir() else count_images(path)
    except (ArkitektError, OSError):  # said when it is read, beside the other files
        count = 1
    yield from range(count)


def _known(items: HubItems, paths: Sequence[Path], wanted: dict[str, Any]) -> Known:
    from arkitekt_next.sdk.data.origins import Known, name_of

    names = [name_of(path) for path in paths]
    return Known(items, names=names, folder=wanted["folder"], visibility=wanted["visibility"])


def _there_already(item: Item, wanted: dict[str, Any]) -> Done:
    from arkitekt_next.sdk.data.origins import say_anew

    about = {name: wanted[name] for name in ("tags", "name", "note", "folder")}
    return Done(item, was_known=True, changes=tuple(say_anew(item, **about)))


def _loading(items: HubItems, number: int, before: Known | None, wanted: dict[str, Any]) -> Work:
    def work(path: Path, progress: Progress) -> Done:
        from arkitekt_next.sdk.data.image import Image
        from arkitekt_next.sdk.data.loading import hints_of, load_image, would_be
        from arkitekt_next.sdk.data.origins import origin_of

        origin = origin_of(path, series=number)
        hints, rest = hints_of({**wanted, "series": number})
        with taking_turns(items.session.url, origin.sha256):
            record = (
                None
                if before is None
                else before.image(origin, hints, lambda: would_be(path, hints=hints, series=number))
            )
            if record is not None:
                return _there_already(Image(items, record), wanted)
            return Done(load_image(Image, path, hints=hints, origin=origin, progress=progress, **rest))

    return work


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data put protocol.pdf --tag methods
  arkitekt-next data put raw/*.bin --folder 'run 7' --private
  arkitekt-next data put big.raw                   begun again, it goes on where it was stopped
  tar cz raw | arkitekt-next data put - --name raw.tar.gz"""
)
@_PATHS
@name_option("file")
@item_options
@click.option("--again", is_flag=True, help="Store also what is there already.")
@url_option
@json_option
def put(paths: tuple[Path, ...], name: str | None, again: bool, url: str | None, as_json: bool, **options: Any) -> int:
    """Store files as they are, of any kind and size; `-` is the standard input."""
    if name is not None and len(paths) > 1:
        raise click.UsageError(f"--name is for a single file, and these are {len(paths)}.")
    with opened(url) as items:
        known = {**said(**options), "name": name}
        work = _putting(items, None if again else _known(items, paths, known), known)
        jobs = [Job(path, "standard input" if str(path) == "-" else path.name, work) for path in paths]
        return run_jobs(jobs, as_json=as_json)


def _putting(items: HubItems, before: Known | None, wanted: dict[str, Any]) -> Work:
    def work(path: Path, progress: Progress) -> Done:
        from arkitekt_next.errors import InvalidValue
        from arkitekt_next.sdk.data.file import File
        from arkitekt_next.sdk.data.origins import origin_of

        if str(path) == "-":
            named = {**wanted, "name": wanted["name"] or "standard input"}
            return Done(File.save(sys.stdin.buffer, progress=progress, **named))
        if path.is_dir():
            raise InvalidValue(where=str(path), expected="a file", got="a folder. Pack it first, as tar or zip")
        origin = origin_of(path)
        with taking_turns(items.session.url, origin.sha256):
            record = None if before is None else before.file(origin)
            if record is not None:
                return _there_already(File(items, record), wanted)
            return Done(File.save(path, progress=progress, **wanted))

    return work
