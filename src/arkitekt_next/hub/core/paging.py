"""Pages of lists: what a client may ask for, and how ids and texts look in addresses.

Keyset pagination: `next` of one page is the `cursor` of the following one, and null on the last. A page may hold fewer
items than its limit, even none, while `next` is set: filters look at a bounded number of rows a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, TypeVar

from fastapi import Path
from pydantic import Field

from .http import Form

T = TypeVar("T")

Text = Annotated[str, Field(max_length=256, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$", examples=["01a1fb9b-022b-7774-861b-fc7c8f838aa7"])]
TimeUs = Annotated[int, Field(ge=0, le=2**53, examples=[1795222602284847])]
IdInPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{1,64}$", examples=["01a1fb9b-022b-7774-861b-fc7c8f838aa7"])]
ActionInPath = Annotated[
    str,
    Path(
        pattern=r"^[a-z][a-z0-9_-]{0,63}\.[A-Za-z_][A-Za-z0-9_-]{0,127}$",
        description="The full name, `app.function`.",
        examples=["segment.nuclei"],
    ),
]
AppInPath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,63}$", examples=["segment"])]
HashInPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["3f" * 32])]


class Paged(Form):
    """Which part of a list is wanted."""

    cursor: Annotated[Text | None, Field(description="`next` of the page before; nothing for the first page.")] = None
    limit: Annotated[int, Field(ge=1, le=500, description="The most items a page holds.")] = 50


def page_of(items: Sequence[T], limit: int, key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """Cut what was read, one more than the limit, to the page; give it and the cursor of the next one."""
    page = items[:limit]
    return page, key(page[-1]) if len(items) > limit else None


def page_after(items: Iterable[T], wanted: Paged, key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """Cut a page, in the order of `key`, out of a list that memory holds anyway."""
    cursor = wanted.cursor
    rest = sorted((item for item in items if cursor is None or key(item) > cursor), key=key)
    return page_of(rest, wanted.limit, key)
