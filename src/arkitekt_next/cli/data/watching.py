"""`data watch`: a folder whose images become images at the hub as they appear, until Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.data.jobs import what_of, with_command
from arkitekt_next.cli.data.opening import opened
from arkitekt_next.cli.data.options import image_options, item_options, said, told
from arkitekt_next.cli.options import json_option, url_option

if TYPE_CHECKING:
    from types import FrameType

    from arkitekt_next.sdk.data.watching import Event, FolderWatch


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data watch /data/scope --tag today --folder 'run 7'
  arkitekt-next data watch /data/scope --pattern '*.tif' --pixel-size 0.1625 --json

\b
A file counts when it has not changed for a while. What was stored before is known again by its content,
also after this command was started anew. Ctrl-C ends it after the file under way, with exit code 0; a
second one ends it at once."""
)
@click.argument("folder_path", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--pattern", default="*", metavar="PATTERN", help="Only files with such names, as '*.tif'.")
@click.option("--recursive", is_flag=True, help="Also in folders of the folder.")
@click.option(
    "--settle", default=2.0, type=click.FloatRange(min=0.1), metavar="S", help="How long unchanged. Default: 2."
)
@image_options
@item_options
@url_option
@json_option
def watch(
    folder_path: Path,
    pattern: str,
    recursive: bool,
    settle: float,
    url: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Store every image in FOLDER, those that are there and each that appears, until Ctrl-C."""
    pixels = told(*(options.pop(key) for key in ("steps", "pixel_size", "channels", "colors", "axis")))
    with opened(url) as items:
        from arkitekt_next.sdk.data.watching import FolderWatch

        watched = FolderWatch(
            items,
            folder_path,
            pattern=pattern,
            recursive=recursive,
            settle_s=settle,
            options={**pixels, **said(**options)},
        )
        _stop_by_signal(watched)
        if not as_json:
            output.note(f"Watching {output.clean(watched.folder)}. Ctrl-C ends it.")
        for event in watched.events():
            _tell(event, watched.folder, as_json=as_json)


def _stop_by_signal(watched: FolderWatch) -> None:
    """Let the first signal end the watch after the file under way, and the second one at once."""

    def stop(number: int, _: FrameType | None) -> None:
        watched.stop()
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _tell(event: Event, folder: Path, *, as_json: bool) -> None:
    from arkitekt_next.sdk.data.watching import Appeared, Held, Refused

    if as_json:
        output.print_json_line(_as_json(event))
    elif isinstance(event, Appeared):
        image, name = event.image, output.clean(event.path.relative_to(folder))
        shown = f"image {output.clean(image.name)}, {what_of(image)}  {image.id}"
        output.say(
            f"{output.mark('dot')} {name} is there already: {shown}"
            if event.was_known
            else f"{output.mark('ok')} {name}: {shown}"
        )
    elif isinstance(event, Refused):
        name = output.clean(event.path.relative_to(folder))
        output.note(f"{output.mark('bad')} {name} is left out: {output.clean(with_command(event.error))}")
    elif isinstance(event, Held):
        output.note(f"{output.mark('warn')} {output.clean(event.reason)} It goes on by itself.")
    else:
        output.note(f"{output.mark('ok')} It goes on.")


def _as_json(event: Event) -> dict[str, Any]:
    from arkitekt_next.cli.failures import as_json
    from arkitekt_next.sdk.data.watching import Appeared, Held, Refused

    if isinstance(event, Appeared):
        state = "known" if event.was_known else "stored"
        return {"path": str(event.path), "state": state, "item": event.image.record}
    if isinstance(event, Refused):
        return {"path": str(event.path), "state": "failed", "error": as_json(event.error)}
    return {"state": "held", "reason": event.reason} if isinstance(event, Held) else {"state": "resumed"}
