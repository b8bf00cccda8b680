"""Where values that travel by reference are stored and fetched just now: the hub of the app that calls or runs.

It says what a store is and leaves being one to the SDK. The rule: whoever writes or reads arguments says for which app
(`acting`), so that two apps in one process, on two hubs, never mix what they store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from arkitekt_next.errors import WrongContext


class ItemStore(ABC):
    """Keeps values as items and gives them back."""

    @abstractmethod
    async def put(self, value: Any, identifier: str) -> str:
        """Store a value of a function; give the id of the item, which is committed by then."""

    @abstractmethod
    async def get(self, id: str, holder: str) -> Any:
        """Fetch an item into the class of this qualified name."""


class ActingCodec:
    """A blueprint or port codec whose values are stored and fetched in one store."""

    def __init__(self, codec: Any, store: Callable[[], ItemStore]) -> None:
        self._codec = codec
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    async def adump_args(self, *args: Any) -> Any:
        """Store what is passed."""
        with acting(self._store()):
            return await self._codec.adump_args(*args)

    async def aload_args(self, *args: Any) -> Any:
        """Fetch what was passed."""
        with acting(self._store()):
            return await self._codec.aload_args(*args)

    async def adump_return(self, *args: Any) -> Any:
        """Store what is returned."""
        with acting(self._store()):
            return await self._codec.adump_return(*args)

    async def aload_return(self, *args: Any) -> Any:
        """Fetch what was returned."""
        with acting(self._store()):
            return await self._codec.aload_return(*args)


_STORE: ContextVar[ItemStore | None] = ContextVar("arkitekt_items", default=None)
_usual: list[Callable[[], ItemStore]] = []


def acting_store() -> ItemStore:
    """Give the store that the code here acts with: what `acting` said, else the usual one. Raises `WrongContext`."""
    store = _STORE.get()
    if store is not None:
        return store
    if not _usual:
        raise WrongContext(
            problem="there is no app here whose hub could store or give data", remedy="Call through an app, or local()"
        )
    return _usual[0]()


def set_usual_store(find: Callable[[], ItemStore]) -> None:
    """Say where to store and fetch when nobody said so."""
    _usual[:] = [find]


@contextmanager
def acting(store: ItemStore) -> Iterator[None]:
    """Store and fetch there, in this context and what it starts."""
    token = _STORE.set(store)
    try:
        yield
    finally:
        _STORE.reset(token)
