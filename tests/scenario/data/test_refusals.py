"""What is asked of stored things by mistake is refused in our words: what was expected, what came, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from arkitekt_next import App, Array, File, Image, Item, Table
from arkitekt_next.errors import InvalidValue

pytestmark = pytest.mark.requirement("data.commands")


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda: Image.get(""), "id: expected the id of an item"),
        (lambda: Item.get("../me"), "id: expected the id of an item"),
        (lambda: Item.get(None), "got None"),  # type: ignore[arg-type]
        (lambda: Table.save(pa.table({"a": [1]}), name="t").sql("  "), "query: expected SQL about the table 'data'"),
        (lambda: Array.save(np.zeros(3), name="a").compare(None), "compare: expected another item, got None"),
        (lambda: Array.save(np.zeros(3), name="a").tag("a/b"), "tag: expected 1 to 64 characters"),
        (lambda: Array.save(np.zeros(3), name="a").untag(""), "tag: expected 1 to 64 characters"),
        (lambda: Array.save(np.zeros(3), name="a", tags=["x" * 65]), "(65 characters)"),
        (lambda: Array.save(np.zeros(3), name=""), "name: expected 1 to 256 characters, got ''"),
        (lambda: File.save(__file__, name="n" * 300), "(300 characters)"),
    ],
)
def test_what_can_not_be_meant_is_refused_before_the_hub_is_asked(
    caller: App, ask: Callable[[], Any], expected: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        ask()
    assert expected in str(refused.value)
