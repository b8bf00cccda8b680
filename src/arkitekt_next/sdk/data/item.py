"""What all items have in common in Python: what the hub knows of them, and what people say of them.

Their classes are structures: pass one to a function, and its id travels. The rule: an item's content never changes;
`rename`, `tag` and the like change what is said of it, at once and for everybody.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from urllib.parse import urlencode

from arkitekt_next.data.keys import ID
from arkitekt_next.data.names import NAME_CHARS, TAG_CHARS, is_tag
from arkitekt_next.data.provenance import DEPTH, EdgeKind, Graph
from arkitekt_next.errors import InvalidValue
from arkitekt_next.ports.acting import acting_store
from arkitekt_next.sdk import current
from arkitekt_next.sdk.again import Version, maker_of, run_again

from .listing import every, item_query
from .store import HubItems, Record, refuse_kind

if TYPE_CHECKING:
    from arkitekt_next.sdk.handle import TaskHandle

    from .compare import Comparison
    from .folder import Folder
    from .store import Fill


class Item:
    """Something that the hub keeps, of one kind."""

    kind: ClassVar[str]

    def __init__(self, items: HubItems, record: Record) -> None:
        self._items = items
        self._record = record

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Item) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def id(self) -> str:
        """The hub's id of it."""
        return str(self._record["id"])

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self._record["name"])

    @property
    def note(self) -> str:
        """What people say of it."""
        return str(self._record["note"])

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags it carries, in the order of the alphabet."""
        return tuple(self._record["tags"])

    @property
    def size_bytes(self) -> int:
        """What its objects take in the store."""
        return int(self._record["size_bytes"])

    @property
    def created_at(self) -> datetime:
        """When it was made, by the hub's clock."""
        return datetime.fromtimestamp(self._record["created_at_us"] / 1e6, UTC)

    @property
    def task(self) -> str | None:
        """The task it was made in."""
        task = self._record["task"]
        return None if task is None else str(task)

    @property
    def parent(self) -> str | None:
        """The id of the item it is attached to, as labels are to an image."""
        parent = self._record["parent"]
        return None if parent is None else str(parent)

    @property
    def digest(self) -> str:
        """The SHA-256 over all its objects but a thumbnail: items with the same content have the same one."""
        return str(self._record["digest"])

    @property
    def record(self) -> dict[str, Any]:
        """All that the hub says of it, as its REST face shows it."""
        return dict(self._record)

    @property
    def folder(self) -> str | None:
        """The id of the folder it is filed in."""
        folder = self._record["folder"]
        return None if folder is None else str(folder)

    @property
    def person(self) -> str:
        """The name of whom it belongs to."""
        return str(self._record["person"]["name"])

    @property
    def is_trashed(self) -> bool:
        """Whether it lies in the trash."""
        return self._record["trashed_at_us"] is not None

    @property
    def meta(self) -> dict[str, Any]:
        """What is known of its content, as the hub keeps it."""
        return dict(self._record["meta"])

    # -- changing what is said of it -----------------------------------------------------------------------------

    def rename(self, name: str) -> Self:
        """Call it something else."""
        return self._change(name=name)

    def describe(self, note: str) -> Self:
        """Say something else of it."""
        return self._change(note=note)

    def share(self) -> Self:
        """Let everybody in the team see it."""
        return self._change(visibility="team")

    def hide(self) -> Self:
        """Let nobody but its owner see it by itself; who may read a task it went through still does."""
        return self._change(visibility="private")

    def keep(self, name: str | None = None) -> Self:
        """Keep a value of a call for good, under a name; else it goes 30 days after it was last used."""
        return self._change(is_temporary=False, **({} if name is None else {"name": name}))

    def file(self, folder: str | None) -> Self:
        """File it in a folder, by the folder's id; None takes it out."""
        return self._change(folder=folder)

    def tag(self, *tags: str) -> Self:
        """Put tags on it. Raises `InvalidValue` for one that is empty, longer than 64 characters, or has a slash."""
        for tag in _checked_tags(tags):
            self._record = self._items.session.ask("PUT", f"{self._path}/tags/{_quoted(tag)}")
        return self

    def untag(self, *tags: str) -> Self:
        """Take tags off it."""
        for tag in _checked_tags(tags):
            self._items.session.ask("DELETE", f"{self._path}/tags/{_quoted(tag)}")
        return self.refresh()

    def trash(self) -> Self:
        """Put it into the trash, where it stays for 30 days."""
        self._record = self._items.session.ask("POST", f"{self._path}/trash")
        return self

    def restore(self) -> Self:
        """Take it out of the trash."""
        self._record = self._items.session.ask("POST", f"{self._path}/restore")
        return self

    def refresh(self) -> Self:
        """Ask the hub anew what is said of it."""
        self._record = self._items.record(self.id)
        return self

    @property
    def _path(self) -> str:
        return f"/api/items/{self.id}"

    def _change(self, **changes: Any) -> Self:
        self._record = self._items.session.ask("PATCH", self._path, changes)
        return self

    # -- where it comes from and where it went -------------------------------------------------------------------

    def provenance(self, direction: str = "back", *, depth: int = DEPTH) -> Graph:
        """Tell how it was made (`back`), what was made of it (`forward`), or `both`: calls, items, people, releases.

        Looks `depth` calls far; where it was cut short, and what this person may not read, the graph says.
        """
        wanted = urlencode({"direction": direction, "depth": depth})
        return Graph.model_validate(self._items.session.get(f"{self._path}/provenance?{wanted}"))

    async def aprovenance(self, direction: str = "back", *, depth: int = DEPTH) -> Graph:
        """Tell how it was made, or what was made of it, without blocking the loop."""
        return await asyncio.to_thread(self.provenance, direction, depth=depth)

    def made_from(self) -> list[Item]:
        """Give the items that the call which made it was given; those whose content was removed are left out."""
        graph = self.provenance(depth=1)
        makers = graph.sources(EdgeKind.GENERATED, graph.root)
        return self._shown(graph, [ref for task in makers for ref in graph.targets(EdgeKind.USED, task)])

    def used_by(self) -> list[Item]:
        """Give what calls that were given it returned, and what they kept under a name."""
        graph = self.provenance("forward", depth=1)
        found: list[str] = []
        for task in graph.sources(EdgeKind.USED, graph.root):
            found += graph.targets(EdgeKind.RETURNED, task)
            kept = (graph.node_of(ref) for ref in graph.targets(EdgeKind.GENERATED, task))
            found += [node.ref for node in kept if node.node == "item" and not node.is_temporary]
        return self._shown(graph, found)

    def run_again(self, version: Version = "same", *, discreet: bool | None = None) -> TaskHandle:
        """Have the call that made it run again, and give the new task: the very release that ran, or the `current` one.

        Raises `WrongContext` for what no call made, and what `TaskHandle.run_again` does.
        """
        return run_again(current.current_app(), maker_of(self), version, discreet=discreet)

    async def arun_again(self, version: Version = "same", *, discreet: bool | None = None) -> TaskHandle:
        """Have the call that made it run again, without blocking the loop."""
        return await asyncio.to_thread(self.run_again, version, discreet=discreet)

    def compare(self, other: Item) -> Comparison:
        """Say whether another item holds the same, else where and how much they differ; reads both a piece at a time.

        Raises `InvalidValue` for one of another kind.
        """
        from .compare import compare

        return compare(self, other)

    async def acompare(self, other: Item) -> Comparison:
        """Compare it with another item without blocking the loop."""
        return await asyncio.to_thread(self.compare, other)

    def export_crate(
        self, path: str | os.PathLike[str], *, inputs: bool = False, licence: str | None = None, depth: int = DEPTH
    ) -> Path:
        """Write it with its history as an RO-Crate: a zip when the path ends in `.zip`, else a folder.

        `inputs` also puts in what it was made of. `licence` is the address of one, or words. Raises `Conflict` for a
        path that is there already.
        """
        from .crate import export

        return export(self._items, self.provenance(depth=depth), Path(path), inputs=inputs, licence=licence)

    async def aexport_crate(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write it as an RO-Crate without blocking the loop; options as in `export_crate`."""
        return await asyncio.to_thread(self.export_crate, path, **options)

    def _shown(self, graph: Graph, refs: list[str]) -> list[Item]:
        from .containers import item_of

        nodes = [graph.node_of(ref) for ref in dict.fromkeys(refs) if ref != graph.root]
        found = [node.id for node in nodes if node.node == "item" and node.removed_at_us is None]
        return [item_of(self._items, self._items.record(id)) for id in found]

    # -- making and finding --------------------------------------------------------------------------------------

    @classmethod
    def get(cls, id: str) -> Self:
        """Find an item by its id; `Item.get` gives one in the class of its kind.

        Raises `NotFound`, and `InvalidValue` for one of another kind and for what is no id.
        """
        if not isinstance(id, str) or not ID.fullmatch(id):
            expected = "the id of an item, as 01a1fb9b-0100-7000-8000-000000000001; Item.search finds one by its name"
            raise InvalidValue(where="id", expected=expected, got=repr(id)[:100])
        items = here()
        return cls._of(items, items.record(id))

    @classmethod
    async def aget(cls, id: str) -> Self:
        """Find an item by its id, without blocking the loop."""
        return await asyncio.to_thread(cls.get, id)

    @classmethod
    def search(cls, text: str | None = None, *, limit: int | None = None, **filters: Any) -> Iterator[Self]:
        """Give the items that fit, the newest first; they are asked for as they are read.

        `text` is a part of the name or the note. Filters: `tags` (all of them), `folder`, `parent`, `task`, `person`
        (an item, a folder, or an id), `app`, `shape` (`(None, 512, 512)`: None fits any size), `dtype`, `sha256`,
        `since` and `until` (when they were made), `mine=True` (your own), `trashed=True` (those in the trash instead),
        `temporary=True` (also unnamed values of calls). `Image.search` gives images only, `Item.search` all kinds.
        """
        from .containers import item_of

        items = here()
        kind = getattr(cls, "kind", None)
        for record in every(items.session, "/api/items", item_query(kind, {"text": text, **filters}), limit=limit):
            yield cast("Self", item_of(items, record))

    @classmethod
    async def asearch(cls, text: str | None = None, **filters: Any) -> list[Self]:
        """Give the items that fit without blocking the loop; filters as in `search`."""
        return await asyncio.to_thread(lambda: list(cls.search(text, **filters)))

    @classmethod
    def _of(cls, items: HubItems, record: Record) -> Self:
        if cls is Item:
            from .containers import item_of

            return cast("Self", item_of(items, record))
        if record["kind"] != cls.kind:
            raise refuse_kind(record, cls.kind)
        return cls(items, record)

    @classmethod
    def _stored(cls, fill: Fill, **said: Any) -> Self:
        items = here()
        return cls(items, items.write(cls._wanted(**said), fill))

    @classmethod
    def _wanted(
        cls,
        *,
        name: str,
        note: str,
        tags: str | Iterable[str],
        folder: Folder | str | None,
        visibility: str | None,
        parent: Item | str | None,
    ) -> dict[str, Any]:
        """Give what the hub is told of a new item. Items and folders stand for their ids; one tag may be a text."""
        labels = _checked_tags([tags] if isinstance(tags, str) else tags)
        if not isinstance(name, str) or not name.strip() or len(name) > NAME_CHARS:
            raise InvalidValue(where="name", expected=f"1 to {NAME_CHARS} characters", got=_short(name))
        wanted: dict[str, Any] = {"kind": cls.kind, "name": name, "note": note, "tags": labels}
        named = {
            "folder": _id_of(folder, "folder", "a Folder (see Folder.make and Folder.find)"),
            "visibility": visibility,
            "parent": _id_of(parent, "parent", "an item"),
        }
        return wanted | {key: value for key, value in named.items() if value is not None}


def _checked_tags(tags: Iterable[str]) -> list[str]:
    """Give the tags. Raises `InvalidValue` for what can't be one."""
    found = list(tags)
    for tag in found:
        if not is_tag(tag):
            expected = f"1 to {TAG_CHARS} characters, none of them a slash or a control character, and not '.' or '..'"
            raise InvalidValue(where="tag", expected=expected, got=_short(tag))
    return found


def _short(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:50]}… ({len(text) - 2} characters)"


def _id_of(given: Any, where: str, expected: str) -> str | None:
    """Give the id of what is meant. Raises `InvalidValue` for what has none."""
    id = getattr(given, "id", given)
    if id is None or (isinstance(id, str) and ID.fullmatch(id)):
        return id
    raise InvalidValue(where=where, expected=f"{expected}, or its id", got=repr(given)[:100])


def here() -> HubItems:
    """Give the items of the hub that the code here acts with."""
    current.act_for_current_app()
    store = acting_store()
    if not isinstance(store, HubItems):
        from arkitekt_next.errors import WrongContext

        raise WrongContext(problem="a call without a hub keeps nothing", remedy="Call it through a hub")
    return store


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
