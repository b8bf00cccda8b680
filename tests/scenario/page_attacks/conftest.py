"""A hub with an owner and two members, and the owner's browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.browsing import Browser, add_person, forget_tries, set_up_owner


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        set_up_owner(running)
        for name in ("mia", "vic"):
            add_person(running, name, "member")
        yield running


@pytest.fixture
def owner(server: Any) -> Iterator[Browser]:
    """The browser of the hub's owner, signed in."""
    with Browser(server.url) as browser:
        forget_tries(server)
        browser.sign_in("ada@lab.org")
        yield browser
