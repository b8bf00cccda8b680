"""A hub whose people have a role each, one that nobody has set up, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.browsing import Browser, add_person, set_up_owner


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A hub of which Ada is the owner, and Bob, Mia and Gil are admin, member and guest."""
    with serve(log_level="error") as running:
        set_up_owner(running)
        for name, role in (("bob", "admin"), ("mia", "member"), ("gil", "guest")):
            add_person(running, name, role)
        yield running


@pytest.fixture
def fresh() -> Iterator[Any]:
    """A hub that nobody has set up."""
    with serve(log_level="error") as running:
        yield running


@pytest.fixture
def browser(server: Any) -> Iterator[Browser]:
    with Browser(server.url) as opened:
        yield opened
