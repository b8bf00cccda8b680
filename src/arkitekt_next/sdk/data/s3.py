"""An item's objects through obstore: the fast way, wherever the system's certificates are enough.

The rule: obstore is never told to believe every certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from arkitekt_next.errors import ArkitektError

from .objects import STEP_BYTES, WHOLE, BytesLike, Entry, Objects, Writer
from .outages import explained

if TYPE_CHECKING:
    from zarr.abc.store import Store

    from .grants import Grant


class S3Objects(Objects):
    """The objects that a grant reaches. `renew` gives the next grant when this one is about to run out."""

    def __init__(self, first: Grant, renew: Callable[[], Grant]) -> None:
        self._is_final = first.is_final
        held = [first]

        def provide() -> Any:
            if not held[0].is_fresh:
                held[0] = renew()
            grant = held[0]
            return {
                "access_key_id": grant.access_key,
                "secret_access_key": grant.secret_key,
                "token": grant.session_token,
                "expires_at": datetime.fromtimestamp(grant.expires_at_us / 1e6, UTC),
            }

        self._store = S3Store(
            first.bucket,
            prefix=first.prefix.rstrip("/"),
            endpoint=first.endpoint,
            region=first.region,
            virtual_hosted_style_request=False,
            unsigned_payload=True,  # the store hashes what comes; twice would take longer than the way
            credential_provider=provide,
            client_options={"allow_http": first.endpoint.startswith("http://"), "timeout": "300s"},
        )

    def get(self, key: str, part: slice = WHOLE) -> bytes:
        """Fetch an object, or a part of it."""
        with self._told(key):
            try:
                return self._get(key, part)
            except (BaseError, ValueError):  # a part in which nothing lies can't be asked for
                if part == WHOLE or range(*part.indices(obstore.head(self._store, key)["size"])):
                    raise
                return b""

    def _get(self, key: str, part: slice) -> bytes:
        start, stop = part.start or 0, part.stop
        if stop is not None:
            return bytes(obstore.get_range(self._store, key, start=start, end=stop))
        if start < 0:
            return bytes(obstore.get(self._store, key, options={"range": {"suffix": -start}}).bytes())
        if start > 0:
            return bytes(obstore.get(self._store, key, options={"range": {"offset": start}}).bytes())
        return bytes(obstore.get(self._store, key).bytes())

    def size(self, key: str) -> int:
        """Give how many bytes an object has."""
        with self._told(key):
            return obstore.head(self._store, key)["size"]

    def put(self, key: str, data: BytesLike) -> None:
        """Put an object."""
        with self._told(key):
            obstore.put(self._store, key, bytes(data), use_multipart=False)

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._told(key):
            obstore.delete(self._store, key)

    def list(self, folder: str = "") -> Iterator[Entry]:
        """List the objects below a folder."""
        with self._told(folder):
            for batch in obstore.list(self._store, folder or None):
                yield from (Entry(found["path"], found["size"]) for found in batch)

    def steps(self, key: str) -> Iterator[bytes]:
        """Fetch an object step by step, in one request."""
        with self._told(key):
            for data in obstore.get(self._store, key).stream(min_chunk_size=STEP_BYTES):
                yield bytes(data)

    def writer(self, key: str) -> Writer:
        """Begin to write an object."""
        return _Writer(self._store, key)

    def zarr(self) -> Store:
        """Give zarr's view of them."""
        from .zarr_stores import Tails, WholeObjects

        return WholeObjects(self._store, tails=Tails() if self._is_final else None)

    def _told(self, key: str) -> AbstractContextManager[None]:
        return _told(self._store, key)


class _Writer:
    """Lets obstore write an object, in parts as they fill up."""

    def __init__(self, store: S3Store, key: str) -> None:
        self._store = store
        self._key = key
        self._writer = obstore.open_writer(store, key, buffer_size=STEP_BYTES)

    def write(self, data: bytes, /) -> None:
        with _told(self._store, self._key):
            self._writer.write(data)

    def close(self) -> None:
        with _told(self._store, self._key):
            self._writer.close()


@contextmanager
def _told(store: S3Store, key: str) -> Iterator[None]:
    try:
        yield
    except ArkitektError:
        raise  # of the one who makes rights anew
    except (BaseError, OSError) as failed:  # writers raise the latter for everything
        raise explained(failed, store, key) from failed
