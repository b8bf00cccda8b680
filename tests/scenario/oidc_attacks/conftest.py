"""A provider that lies as it is told to, and a hub that believes it: Ada is its owner, Mia and Vic are members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.browsing import Browser, add_person, forget_tries, set_up_owner
from tests.support.provider import Liar, at_home, lying_provider, told_of


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    with lying_provider() as running:
        yield running


@pytest.fixture(scope="module")
def server(liar: Liar) -> Iterator[Any]:
    """A hub that would let everybody in whom the provider vouches for. Ada is its owner, Mia and Vic are members."""
    with serve(**told_of(liar.issuer, oidc_team="home", oidc_role="member")) as running:
        set_up_owner(running)
        for name in ("mia", "vic"):
            add_person(running, name, "member")
        running.app.state.hub.guard_public = lambda *_: None  # how often is not what is asked here
        yield running


@pytest.fixture
def browser(server: Any, liar: Liar) -> Iterator[Browser]:
    liar.tell_truth()
    hub = server.app.state.hub
    hub.provider._metadata = hub.provider._keys = None
    forget_tries(server)
    with at_home(server) as opened:
        yield opened
