"""One hub for each file of tests about stored data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=0.5, log_level="error") as running:
        yield running
