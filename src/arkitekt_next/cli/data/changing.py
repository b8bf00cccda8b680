"""`data tag`, `untag`, `rm`, `restore`: what people say of items, and the trash. The content never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.data.opening import find_item, opened
from arkitekt_next.cli.data.options import TAG
from arkitekt_next.cli.options import json_option, url_option, yes_option

if TYPE_CHECKING:
    from arkitekt_next.sdk.data.item import Item


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data tag 'cells, field 3' checked control"""
)
@click.argument("wanted", metavar="ITEM")
@click.argument("tags", type=TAG, nargs=-1, required=True, metavar="TAG...")
@url_option
@json_option
def tag(wanted: str, tags: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Put tags on an item."""
    with opened(url):
        _show_tags(find_item(wanted).tag(*tags), as_json=as_json)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data untag 'cells, field 3' checked"""
)
@click.argument("wanted", metavar="ITEM")
@click.argument("tags", type=TAG, nargs=-1, required=True, metavar="TAG...")
@url_option
@json_option
def untag(wanted: str, tags: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Take tags off an item."""
    with opened(url):
        _show_tags(find_item(wanted).untag(*tags), as_json=as_json)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data rm 'cells, field 3'
  arkitekt-next data rm ID ID --yes"""
)
@click.argument("wanted", nargs=-1, required=True, metavar="ITEM...")
@yes_option
@url_option
@json_option
def rm(wanted: tuple[str, ...], is_sure: bool, url: str | None, as_json: bool) -> None:
    """Put items into the trash, where they stay for 30 days and can be restored."""
    with opened(url):
        items = [find_item(text) for text in wanted]
        for item in items:
            output.note(f"  {item.kind} {output.clean(item.name)}  {item.id}")
        output.confirm(f"Put {_counted(len(items))} into the trash?", is_sure=is_sure)
        for item in items:
            item.trash()
    if as_json:
        output.print_json([item.record for item in items])
    else:
        output.say(f"{output.mark('ok')} In the trash: {_counted(len(items))}. Back: arkitekt-next data restore ITEM")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next data restore 'cells, field 3'"""
)
@click.argument("wanted", nargs=-1, required=True, metavar="ITEM...")
@url_option
@json_option
def restore(wanted: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Take items out of the trash."""
    with opened(url):
        items = [find_item(text, in_trash=True).restore() for text in wanted]
    if as_json:
        output.print_json([item.record for item in items])
    else:
        output.say(f"{output.mark('ok')} Out of the trash: {_counted(len(items))}.")


def _counted(count: int) -> str:
    return "one item" if count == 1 else f"{count} items"


def _show_tags(item: Item, *, as_json: bool) -> None:
    if as_json:
        output.print_json(item.record)
    else:
        output.say(f"{output.clean(item.name)}: {output.clean(', '.join(item.tags)) or 'no tags'}")
