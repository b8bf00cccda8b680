"""A connection and its tokens: renewed when they expire or are refused, and over when a person is needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from arkitekt_next import App
from arkitekt_next.errors import NotAuthenticated, SignInNeeded
from arkitekt_next.sdk.credentials import Credentials, CredentialStore
from arkitekt_next.sdk.login import Access
from arkitekt_next.sdk.loop import transport_thread
from arkitekt_next.sdk.transport import Receiver, Transport
from arkitekt_next.wire import messages as m
from tests.support.scripted import ScriptedHub
from tests.support.token_server import TokenServer, grant, token_server
from tests.support.waiting import until

ENDED = (400, {"error": "invalid_grant", "error_description": "revoked"})


class Door:
    """A scripted hub that looks at tokens: it notes each, and turns those in `refused` away."""

    def __init__(self, scripted: ScriptedHub) -> None:
        self.tokens: list[str] = []
        self.refused: set[str] = set()
        self._scripted = scripted

    async def dial(self, url: str, token: str, receiver: Receiver) -> Transport:
        self.tokens.append(token)
        if token in self.refused:
            raise NotAuthenticated(reason="the hub does not accept the token", remedy="Sign in again")
        return await self._scripted.dial(url, token, receiver)


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server


@pytest.fixture
def door(scripted: ScriptedHub) -> Door:
    return Door(scripted)


@contextmanager
def signed_in(server: TokenServer, door: Door) -> Iterator[App]:
    """An app that is signed in at the server, by an access token that holds for long; it connects at once."""
    now = time.time()
    names = {"person": "ada", "person_id": "p1", "team": "home", "team_id": "t1", "scopes": ("call",)}
    tokens: dict[str, Any] = {"access_token": "access-0", "expires_at": now + 1000, "refresh_token": "refresh-0"}
    CredentialStore().write(Credentials(address=server.url, app="lab", **names, **tokens))  # type: ignore[arg-type]
    with App("lab", url=server.url, dial=door.dial) as app:
        yield app


@pytest.fixture
def app(server: TokenServer, door: Door) -> Iterator[App]:
    with signed_in(server, door) as app:
        yield app


@pytest.mark.requirement("signin.renewed")
def test_a_token_that_has_expired_is_replaced_before_the_next_dial(
    server: TokenServer, door: Door, scripted: ScriptedHub
) -> None:
    server.answer = lambda path, form: (200, grant(len(server.asked), expires_in=2 if len(server.asked) == 1 else 99))
    door.refused = {"access-0"}
    with signed_in(server, door) as app:
        app.link.ensure_open()
        assert door.tokens == ["access-0", "access-1"]
        access = app.link.connection._access
        assert access is not None
        assert until(lambda: access.has_expired)
        scripted.cut()
        scripted.expect(m.Hello)
        scripted.expect(m.Hello)
        assert door.tokens == ["access-0", "access-1", "access-2"]


@pytest.mark.requirement("signin.renewed")
@pytest.mark.parametrize(("code", "tokens"), [(1006, ["access-0"] * 2), (4401, ["access-0", "access-1"])])
def test_a_broken_line_keeps_the_token_and_one_that_was_closed_for_it_does_not(
    app: App, door: Door, scripted: ScriptedHub, code: int, tokens: list[str]
) -> None:
    app.link.ensure_open()
    scripted.cut(code)
    scripted.expect(m.Hello)
    scripted.expect(m.Hello)
    assert door.tokens == tokens


@pytest.mark.requirement("signin.renewed")
def test_a_sign_in_that_ends_ends_what_waits_and_what_serves(
    server: TokenServer, app: App, scripted: ScriptedHub
) -> None:
    @app.register
    def hold() -> int:
        return 1

    failed: list[BaseException] = []

    def until_it_ends(work: Callable[[], object]) -> None:
        try:
            work()
        except SignInNeeded as ended:
            failed.append(ended)

    serving = threading.Thread(target=until_it_ends, args=(app.run,))
    serving.start()
    scripted.provided()
    asking = threading.Thread(target=until_it_ends, args=(lambda: app.find("far.away"),))
    asking.start()
    scripted.expect(m.Lookup)
    server.answer = lambda path, form: ENDED
    scripted.cut(4401)
    serving.join(20)
    asking.join(20)
    assert not serving.is_alive()
    assert not asking.is_alive()
    assert [str(ended).partition(" Sign in again")[0] for ended in failed] == [
        f"the sign-in of lab at {server.url} has ended (revoked)."
    ] * 2
    assert app.host is None
    with pytest.raises(SignInNeeded, match="lab is not signed in"):
        app.find("far.away")


def test_whoever_asks_once_the_connection_has_ended_hears_of_the_sign_in_too(
    server: TokenServer, scripted: ScriptedHub
) -> None:
    with App("stranger", url=server.url, dial=scripted.dial) as app:
        link = app.link
        link.open_in_background()
        until(lambda: link.connection.is_closed)
        for _ in range(2):
            with pytest.raises(SignInNeeded, match="stranger is not signed in"):
                link.ensure_open()


def test_signing_in_never_holds_the_transport_loop_up(scripted: ScriptedHub) -> None:
    go, threads = threading.Event(), list[int]()

    def access() -> Access:
        threads.append(threading.get_ident())
        go.wait(10)
        return Access("memory://scripted", "t")

    with App("slow", dial=scripted.dial, access=access) as slow, scripted.app("quick") as quick:
        quick.link.ensure_open()
        assert not slow.link.connection.is_open
        go.set()
        slow.link.ensure_open()
    assert transport_thread().loop is not None
    assert threading.get_ident() not in threads
