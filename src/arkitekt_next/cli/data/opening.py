"""The items of a hub in the hands of the `data` commands: signed in, and found by what people call them.

The rule: an id names one item; a name does only while no other bears it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from arkitekt_next.cli import output
from arkitekt_next.cli.reach import enter_hub, named_url
from arkitekt_next.cli.scopes import CLI_APP
from arkitekt_next.data.keys import ID
from arkitekt_next.errors import Ambiguous, MissingExtra, NotFound
from arkitekt_next.ports.acting import acting
from arkitekt_next.ports.holders import can_store
from arkitekt_next.sdk.login import SignIn
from arkitekt_next.sdk.session import Session

if TYPE_CHECKING:
    from arkitekt_next.sdk.data.item import Item
    from arkitekt_next.sdk.data.store import HubItems

_NAMED = 20


@contextmanager
def opened(url: str | None) -> Iterator[HubItems]:
    """Act at the hub for as long as the block runs. Raises `MissingExtra`, `HubUnavailable`, `NotAuthenticated`."""
    if not can_store():
        raise MissingExtra(
            what="Storing and fetching data", package="zarr and others", remedy="pip install 'arkitekt-next[data]'"
        )
    from arkitekt_next.sdk.data.store import HubItems

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it says of broken files, our errors say
    enter_hub(url)
    items = HubItems(Session.of(SignIn(CLI_APP, url=named_url(url))))
    with acting(items):
        yield items


def find_item(text: str, *, in_trash: bool = False) -> Item:
    """Find an item by its id or its name. Raises `NotFound`, `Ambiguous`."""
    from arkitekt_next.sdk.data.item import Item

    place = "arkitekt-next data ls --trash" if in_trash else "arkitekt-next data ls"
    absent = NotFound(what="item", name=text, remedy=f"`{place}` lists what there is")
    if ID.fullmatch(text):
        try:
            return Item.get(text)
        except NotFound:
            raise absent from None
    if not text.strip():
        raise absent
    found = []
    for item in Item.search(text, trashed=in_trash):
        if item.name == text:
            found.append(item)
        if len(found) == _NAMED:
            break
    if len(found) == 1:
        return found[0]
    if found:
        candidates = "; ".join(_told(item) for item in found[:5]) + (" and more" if len(found) > 5 else "")
        raise Ambiguous(what="item", name=text, candidates=candidates, remedy="Name it by its id")
    raise absent


def _told(item: Item) -> str:
    """Give the id of an item, and by what a person tells it from another of the same name."""
    made = output.when(item.record["created_at_us"])
    return f"{item.id} ({item.kind}, {made}, {output.shorten(item.person, 30)})"


def id_of(text: str) -> str:
    """Give the id of an item by its id or its name. Raises `NotFound`, `Ambiguous`."""
    return text if ID.fullmatch(text) else find_item(text).id
