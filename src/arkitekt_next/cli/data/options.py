"""Options that several of the `data` commands share, each spelt once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from arkitekt_next.cli.data.quantities import read_steps
from arkitekt_next.data.keys import ID
from arkitekt_next.data.names import NAME_CHARS, NOT_IN_TAGS, TAG_CHARS

F = TypeVar("F", bound=Callable[..., Any])


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


class _Words(click.ParamType):  # type: ignore[type-arg]  # older releases of click know no arguments
    """Text of a bounded length, some with forbidden characters; else said as what the hub would refuse."""

    name = "text"

    def __init__(self, most: int, *, without: str = "") -> None:
        self._most, self._without = most, without

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> str:
        """Refuse what the hub would."""
        is_fine = (
            value.strip() != ""
            and len(value) <= self._most
            and (not self._without or value.strip() not in (".", ".."))
            and not any(c in self._without or ord(c) < 32 for c in value)
        )
        if not is_fine:
            besides = ", without line breaks"
            if self._without:
                besides = f", none of them a '{self._without}' or a line break, and not '.' or '..'"
            shown = value if len(value) <= 40 else f"{value[:40]}… ({len(value)} characters)"
            self.fail(f"expected 1 to {self._most} characters{besides}, got {shown!r}", param, context)
        return value


class _ItemId(click.ParamType):  # type: ignore[type-arg]  # older releases of click know no arguments
    """The id of an item."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> str:
        """Refuse what can't be one."""
        if not ID.fullmatch(value):
            self.fail(f"expected the id of an item, as `data ls` shows it, got '{value}'", param, context)
        return value


ITEM_ID = _ItemId()


class _Place(click.Path):
    """A path that says something: an empty one, as of an unset variable, would be the folder one is in."""

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """Refuse an empty path."""
        if not str(value).strip():
            self.fail("expected a path, got nothing", param, context)
        return super().convert(value, param, context)


PLACE = _Place(path_type=Path)
NAME = _Words(NAME_CHARS)
TAG = _Words(TAG_CHARS, without=NOT_IN_TAGS)


def name_option(what: str) -> Callable[[F], F]:
    """Make the option `--name` of a command that stores such things."""
    text = f"What to call it, for a single {what}. Default: as the file."
    return click.option("--name", type=NAME, metavar="NAME", help=text)


item_options = _all(
    click.option("--tag", "tags", type=TAG, multiple=True, metavar="TAG", help="A tag to put on it. Repeatable."),
    click.option("--folder", metavar="PATH", help="The folder to file it in, as 'plate 3/A1'; made where need be."),
    click.option("--note", default="", metavar="TEXT", help="What to say of it."),
    click.option("--private", "is_private", is_flag=True, help="Only you see it, not the team."),
)

image_options = _all(
    click.option(
        "--step", "steps", multiple=True, metavar="STEP", help="Between frames (7s) or z (0.5um). Repeatable."
    ),
    click.option("--pixel-size", metavar="SIZE", help="Of a pixel in y and x, as 0.1625 (micrometers) or 65nm."),
    click.option("--channels", metavar="NAMES", help="Names of the channels, with commas: DNA,actin."),
    click.option(
        "--colors",
        type=click.Choice(["auto", "keep", "red", "green", "blue"]),
        default="auto",
        help="Red, green, blue: one channel when they are equal (auto), all three, or one of them.",
    ),
    click.option(
        "--axis", type=click.Choice(["t", "z", "c"]), help="What pages without a meaning, or files of a stack, are."
    ),
)


def said(tags: tuple[str, ...], folder: str | None, note: str, is_private: bool) -> dict[str, Any]:
    """Give what `save` and `load` are told of these options; makes the folder. An app's items have to be open."""
    from arkitekt_next.sdk.data.folder import Folder

    filed = None if folder is None else Folder.make(folder, visibility="private" if is_private else "team").id
    return {"tags": tags, "note": note, "folder": filed, "visibility": "private" if is_private else None}


def told(
    steps: tuple[str, ...], pixel_size: str | None, channels: str | None, colors: str, axis: str | None
) -> dict[str, Any]:
    """Give what `Image.load` is told of the pixels. Raises `click.BadParameter`."""
    scale, units = read_steps(steps, pixel_size)
    names = [name.strip() for name in (channels or "").split(",") if name.strip()]
    return {"scale": scale, "units": units, "channels": names, "colors": colors, "stack_axis": axis}
