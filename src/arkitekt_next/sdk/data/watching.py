"""A folder that is watched: every image file that is complete becomes an image at the hub, once.

A file is complete when size and time have not changed for a while. What was done is kept in a journal, and by the hash
of the content at the hub. The rule: trouble with a file leaves that file out, trouble with the hub only delays.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from arkitekt_next.errors import (
    ArkitektError,
    Conflict,
    HubBusy,
    HubUnavailable,
    InvalidValue,
    MissingExtra,
    NotFound,
    ProtocolError,
    StorageFull,
    UnknownFormat,
    UnreadableFile,
)
from arkitekt_next.ports.acting import acting
from arkitekt_next.sdk.context import log
from arkitekt_next.sdk.run import CURRENT, refuse_blocking

from .item import here
from .journal import Journal, Mark

if TYPE_CHECKING:
    from .image import Image
    from .store import HubItems

SETTLE_S = 2.0
RESCAN_S = 10.0
"""How often all of the folder is looked through: other machines' writing to a shared folder raises no events here."""
_BEAT_MS = 200
_AWAY_S = 1.0
_PATIENCE_S = 15.0
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", "~")


@dataclass(frozen=True, slots=True)
class Appeared:
    """A file was given as an image; one whose content the hub had already is `was_known`, and not stored again."""

    path: Path
    image: Image
    was_known: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A file can't be read as an image; it is looked at again when it changes."""

    path: Path
    error: Exception


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing can be stored just now; it goes on when that has passed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """What held the watch has passed."""


Event: TypeAlias = Appeared | Refused | Held | Resumed


def watch_folder(
    path: str | os.PathLike[str],
    *,
    pattern: str = "*",
    recursive: bool = False,
    settle_s: float = SETTLE_S,
    refused: Callable[[Path, Exception], object] | None = None,
    **options: Any,
) -> Iterator[Image]:
    """Give every image file in a folder as an image at the hub, those that are there and then each that appears.

    A file counts when it has not changed for `settle_s` seconds. It is given once, also after this program was started
    again; content that you stored before is not stored twice, but each of two equal files here is an image. `pattern`
    is what names have to match, `options` are those of `Image.load`. Files that can't be read go to `refused`, by
    default into the log. It ends when the task is cancelled, and never by itself. Raises `NotFound` for a folder that
    is not there, `NotAuthenticated`.
    """
    refuse_blocking("watch_folder()", "async for image in awatch_folder(...)")
    return _images(_watch(path, pattern, recursive, settle_s, options), refused or _log_refused)


async def awatch_folder(
    path: str | os.PathLike[str],
    *,
    pattern: str = "*",
    recursive: bool = False,
    settle_s: float = SETTLE_S,
    refused: Callable[[Path, Exception], object] | None = None,
    **options: Any,
) -> AsyncIterator[Image]:
    """Give every image file in a folder without blocking the loop; see `watch_folder`."""
    watch = await asyncio.to_thread(_watch, path, pattern, recursive, settle_s, options)
    images = _images(watch, refused or _log_refused)
    try:
        while (image := await asyncio.to_thread(next, images, None)) is not None:
            yield image
    finally:
        watch.stop()


def _watch(
    path: str | os.PathLike[str], pattern: str, recursive: bool, settle_s: float, options: Mapping[str, Any]
) -> FolderWatch:
    return FolderWatch(here(), Path(path), pattern=pattern, recursive=recursive, settle_s=settle_s, options=options)


def _images(watch: FolderWatch, refused: Callable[[Path, Exception], object]) -> Iterator[Image]:
    for event in watch.events():
        if isinstance(event, Appeared):
            yield event.image
        elif isinstance(event, Refused) and not isinstance(event.error, UnknownFormat):
            refused(event.path, event.error)
        elif isinstance(event, Held):
            log(event.reason, "warning")


def _log_refused(path: Path, error: Exception) -> None:
    log(f"{path.name} is left out: {error}", "warning")


class FolderWatch:
    """One watch; `events` goes on until `stop`, which any thread may call."""

    def __init__(
        self,
        items: HubItems,
        folder: Path,
        *,
        pattern: str = "*",
        recursive: bool = False,
        settle_s: float = SETTLE_S,
        options: Mapping[str, Any],
    ) -> None:
        if not folder.is_dir():
            raise NotFound(what="folder", name=str(folder), remedy="Make it first, or check the path")
        me = items.session.get("/api/me")
        self.folder = folder.resolve()
        self._items = items
        self._pattern = f"**/{pattern}" if recursive else pattern
        self._recursive = recursive
        self._settle_s = settle_s
        self._options = dict(options)
        self._journal = Journal(me["team"]["id"], me["app"], self.folder)
        self._done: dict[str, Mark] = self._journal.marks()
        self._pending: dict[str, tuple[Mark, float]] = {}
        self._stop = threading.Event()
        self._not_before = 0.0
        self._is_held = False

    def stop(self) -> None:
        """Let `events` end soon."""
        self._stop.set()

    def events(self) -> Iterator[Event]:
        """Give what happens, file by file in the order of their names."""
        from watchfiles import watch

        looked_at, look_s = -RESCAN_S, 0.0
        beats = watch(
            self.folder,
            recursive=self._recursive,
            watch_filter=None,
            step=50,
            rust_timeout=_BEAT_MS,
            yield_on_timeout=True,
            stop_event=self._stop,
        )
        for changes in beats:
            run = CURRENT.get()
            if run is not None and not run.is_on_loop:
                run.check()
            now = time.monotonic()
            is_due = changes or self._pending or now - looked_at >= RESCAN_S
            if is_due and now - looked_at >= 4 * look_s:  # a folder of very many files leaves time for other things
                looked_at = now
                self._look(now)
                look_s = time.monotonic() - now
            for name in self._settled(now):
                if self._stop.is_set() or time.monotonic() < self._not_before:
                    break
                yield from self._take(name)

    def _look(self, now: float) -> None:
        found: dict[str, tuple[Mark, float]] = {}
        for path in self.folder.glob(self._pattern):
            name = path.relative_to(self.folder).as_posix()
            if any(part.startswith(".") for part in name.split("/")) or name.lower().endswith(_UNFINISHED):
                continue
            try:
                mark = _mark(path) if path.is_file() else None
            except OSError:  # it went away, or is just being replaced
                continue
            if mark is None or self._done.get(name) == mark:
                continue
            before = self._pending.get(name)
            found[name] = before if before is not None and before[0] == mark else (mark, now)
        self._pending = found

    def _settled(self, now: float) -> list[str]:
        return sorted(name for name, (_, since) in self._pending.items() if now - since >= self._settle_s)

    def _take(self, name: str) -> Iterator[Event]:
        mark, _ = self._pending[name]
        path = self.folder / name
        try:
            event = self._given(path, name, mark)
        except NotFound as gone:
            if gone.fields.get("what") != "file":
                raise
            return
        except Conflict:  # it is written to again, or another watch has just begun with it
            self._pending[name] = (mark, time.monotonic())
            return
        except (UnreadableFile, InvalidValue, MissingExtra) as error:
            event = Refused(path, error)
        except (HubUnavailable, HubBusy, StorageFull, ProtocolError) as error:
            yield from self._wait(error)
            return
        except OSError as error:
            if isinstance(error, ArkitektError):
                raise
            event = Refused(path, error)
        self._done[name] = mark
        del self._pending[name]
        if self._is_held:
            self._is_held = False
            yield Resumed()
        yield event

    def _wait(self, error: ArkitektError) -> Iterator[Event]:
        """Try again in a while: soon where the hub does not answer, later where it says no."""
        self._not_before = time.monotonic() + (_AWAY_S if isinstance(error, HubUnavailable) else _PATIENCE_S)
        self._items.session.renew()
        if not self._is_held:
            self._is_held = True
            yield Held(str(error))

    def _given(self, path: Path, name: str, mark: Mark) -> Event:
        from .formats.recognising import recognise
        from .image import Image
        from .loading import hints_of, load_image, would_be
        from .origins import Known, origin_of, say_anew

        recognise(path)
        if not self._journal.lock.try_acquire():
            raise Conflict(problem=f"{path} is taken by another watch", remedy="Wait for it")
        try:
            with acting(self._items):
                self._journal.refresh()
                other = self._journal.item(name, mark)
                if other is not None:
                    return Appeared(path, Image.get(other), was_known=True)
                origin = origin_of(path)
                hints, said = hints_of(self._options)
                known = Known(
                    self._items,
                    is_taken=lambda id: self._is_of_another(name, id),
                    folder=_id_of(said.get("folder")),
                    visibility=said.get("visibility"),
                )
                record = known.image(origin, hints, lambda: would_be(path, hints=hints, series=0))
                if record is not None:
                    image = Image(self._items, record)
                    tags = said.get("tags", ())
                    say_anew(image, tags=[tags] if isinstance(tags, str) else tags, folder=_id_of(said.get("folder")))
                else:
                    image = load_image(Image, path, hints=hints, origin=origin, **said)
                self._journal.add(name, mark, image.id)
                return Appeared(path, image, was_known=record is not None)
        finally:
            self._journal.lock.release()

    def _is_of_another(self, name: str, item: str) -> bool:
        """Tell whether another file, which is still here, was given as this image: an equal one is an image itself."""
        return any(other != name and (self.folder / other).exists() for other in self._journal.names(item))


def _id_of(folder: Any) -> str | None:
    found = getattr(folder, "id", folder)
    return None if found is None else str(found)


def _mark(path: Path) -> Mark:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
