"""An item with its history as an RO-Crate: a folder or a zip that others can read without a hub.

The rule: what is written is there as a whole or not at all, and nothing is written outside the crate.
"""

from __future__ import annotations

import json
import mimetypes
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from arkitekt_next.data import keys, rocrate
from arkitekt_next.data.provenance import Graph, ItemNode
from arkitekt_next.errors import Conflict, InvalidValue

if TYPE_CHECKING:
    from .objects import Objects
    from .store import HubItems


def export(items: HubItems, graph: Graph, path: Path, *, inputs: bool, licence: str | None) -> Path:
    """Write the root of a graph, and what it was made of when `inputs` says so; give where it was written.

    A path that ends in `.zip` becomes a zip. Raises `Conflict` for one that is there already.
    """
    if path.exists():
        raise Conflict(problem=f"{path} is there already", remedy="Choose another place, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with _zip(part) if path.suffix == ".zip" else _folder(part) as crate:
            contents = {id: _copy(items.open(id), id, crate) for id in _chosen(graph, inputs)}
            metadata = rocrate.write(graph, items.session.url, contents, licence=licence)
            with crate.new(rocrate.FILE_NAME) as sink:
                sink.write(json.dumps(metadata, indent=2, ensure_ascii=False).encode())
        part.replace(path)
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)
    return path


def _chosen(graph: Graph, inputs: bool) -> list[str]:
    """Give the items whose content goes in: the root, and those of the others that still have one."""
    here = [
        node.id
        for node in graph.nodes
        if isinstance(node, ItemNode) and node.removed_at_us is None and node.trashed_at_us is None
    ]
    root = graph.root.partition(":")[2]
    return [id for id in here if inputs or id == root]


def _copy(objects: Objects, item: str, crate: _Crate) -> list[rocrate.Part]:
    parts: list[rocrate.Part] = []
    for found in objects.list():
        keys.check(found.key)
        path = rocrate.folder_of(item) + found.key
        with crate.new(path) as sink:
            for data in objects.steps(found.key):
                sink.write(data)
        kind = mimetypes.guess_type(found.key)[0] or "application/octet-stream"
        parts.append(rocrate.Part(path, found.size_bytes, kind))
    return parts


class _Crate(Protocol):
    """Where the files of a crate are written."""

    def new(self, name: str) -> AbstractContextManager[IO[bytes]]: ...


class _Folder:
    def __init__(self, top: Path) -> None:
        self._top = top

    @contextmanager
    def new(self, name: str) -> Iterator[IO[bytes]]:
        path = self._top / name
        if not path.resolve().is_relative_to(self._top.resolve()):
            raise InvalidValue(where="crate", expected="paths that stay in it", got=ascii(name)[:100])
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as sink:
            yield sink


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    @contextmanager
    def new(self, name: str) -> Iterator[IO[bytes]]:
        with self._archive.open(name, "w", force_zip64=True) as sink:
            yield sink


@contextmanager
def _folder(part: Path) -> Iterator[_Crate]:
    part.mkdir()
    yield _Folder(part)


@contextmanager
def _zip(part: Path) -> Iterator[_Crate]:
    with zipfile.ZipFile(part, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        yield _Zip(archive)
