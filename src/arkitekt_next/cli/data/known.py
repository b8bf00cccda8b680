"""Files that the hub has already: what is said of them anew, and one command after the other.

The rule: content is not stored twice by two commands at once, and nothing that was asked for is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli import output
from arkitekt_next.cli.data.jobs import Done

if TYPE_CHECKING:
    from arkitekt_next.sdk.data.item import Item

_LONGEST_WAIT_S = 24 * 3600.0
_SAID_AFTER_S = 1.0


def say_anew(item: Item, wanted: dict[str, Any]) -> Done:
    """Say of an item that is there already what is said now: tags are added, the rest takes the place of the old."""
    changes = []
    tags = [tag for tag in wanted["tags"] if tag not in item.tags]
    if tags:
        item.tag(*tags)
        changes.append(f"tagged {', '.join(tags)}")
    if wanted["name"] is not None and wanted["name"] != item.name:
        item.rename(wanted["name"])
        changes.append(f"called {item.name}")
    if wanted["note"] and wanted["note"] != item.note:
        item.describe(wanted["note"])
        changes.append("with another note")
    if wanted["folder"] is not None and wanted["folder"] != item.folder:
        item.file(wanted["folder"])
        changes.append("filed in that folder")
    if wanted["visibility"] is not None and wanted["visibility"] != item.record["visibility"]:
        item.hide()
        changes.append("private")
    return Done(item, was_known=True, changes=tuple(changes))


@contextmanager
def taking_turns(hub: str, sha256: str) -> Iterator[None]:
    """Wait for other commands of this machine that store the same content at the same hub, and say so."""
    import hashlib

    from arkitekt_next.platform import FileLock, state_folder

    mark = hashlib.sha256(f"{hub}\0{sha256}".encode()).hexdigest()[:3]  # few files, though others wait now and then
    lock = FileLock(state_folder() / "storing" / f"{mark}.lock")
    try:
        lock.acquire(_SAID_AFTER_S)
    except TimeoutError:
        output.note("Another command is storing this just now. Waiting for it.")
        lock.acquire(_LONGEST_WAIT_S)
    try:
        yield
    finally:
        lock.release()
