"""Lists of the hub's, page by page as they are read, and what items can be searched by.

The rule: a page may be short or empty while there is another one, so a list is at its end when the hub says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from arkitekt_next.errors import InvalidValue

if TYPE_CHECKING:
    from arkitekt_next.sdk.session import Session

PAGE = 200


def every(session: Session, path: str, query: Mapping[str, Any], *, limit: int | None = None) -> Iterator[Any]:
    """Give the entries of a list, at most `limit`; a page is asked for when the one before was read."""
    left, cursor = limit, None
    while left is None or left > 0:
        wanted = {**query, "limit": PAGE if left is None else min(PAGE, left)}
        if cursor is not None:
            wanted["cursor"] = cursor
        page = session.get(f"{path}?{urlencode(wanted, doseq=True)}")
        entries = page["items"] if left is None else page["items"][:left]
        yield from entries
        left = None if left is None else left - len(entries)
        cursor = page["next"]
        if cursor is None:
            return


def item_query(kind: str | None, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Bring what `Item.search` is given into the form that REST takes. Raises `InvalidValue`."""
    given = dict(filters)
    query: dict[str, Any] = {"kind": kind, "tag": list(_texts(given.pop("tags", ())))}
    shape = given.pop("shape", None)
    if shape is not None:
        query["shape"] = shape if isinstance(shape, str) else ",".join("*" if n is None else str(n) for n in shape)
    for name in ("since", "until"):
        query[f"{name}_us"] = _moment_us(name, given.pop(name, None))
    for name in ("trashed", "temporary", "mine"):
        query[name] = "true" if given.pop(name, False) else None
    query |= {name: getattr(value, "id", value) for name, value in given.items()}
    return {name: value for name, value in query.items() if value not in (None, [])}


def _texts(tags: str | Iterable[str]) -> Iterable[str]:
    return [tags] if isinstance(tags, str) else tags


def _moment_us(name: str, at: datetime | None) -> int | None:
    if at is None:
        return None
    if not isinstance(at, datetime):
        raise InvalidValue(where=name, expected="a datetime", got=type(at).__qualname__)
    return round(at.timestamp() * 1e6)
