"""A provider that was not written here, a hub that believes it, and a browser; and one that lies as it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.browsing import Browser, add_person, set_up_owner
from tests.support.provider import Liar, at_home, independent_provider, lying_provider, told_of


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with independent_provider() as running:
        yield running


@pytest.fixture(scope="module")
def server(issuer: str) -> Iterator[Any]:
    """A hub where newcomers need an invitation. Ada is its owner, Mia a member."""
    with serve(**told_of(issuer, oidc_name="Lab login")) as running:
        set_up_owner(running)
        add_person(running, "mia", "member")
        yield running


@pytest.fixture
def browser(server: Any) -> Iterator[Browser]:
    with at_home(server) as opened:
        yield opened


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying_provider() as running:
        yield running
