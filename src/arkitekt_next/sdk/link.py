"""An app's connection with its calling side, opened when first needed.

The rule: the first open may fail and says why; from then on the connection is kept up for ever and a break is only
a delay.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from arkitekt_next.wire.messages import Release

from .caller import Caller
from .connection import Connection
from .login import Access, SignIn
from .loop import transport_thread
from .session import Session
from .transport import Dial

if TYPE_CHECKING:
    from .data.store import HubItems

CLOSE_S = 15.0


class Link:
    """One app's way to its hub."""

    def __init__(
        self,
        app: str,
        release: Release,
        *,
        url: str | None,
        token: str | None,
        dial: Dial | None,
        access: Callable[[], Access] | None,
    ) -> None:
        ours = SignIn(app, url=url, token=token, version=release.version)
        self._sign_in, self._refuse = access or ours, ours.refuse
        self.connection = Connection(
            app=app, release=release, sign_in=self._sign_in, refuse=self._refuse, dial=dial or _dial_websocket()
        )
        self.caller = Caller(self.connection)
        self.was_opened = False

    @cached_property
    def items(self) -> HubItems:
        """What the app stores at the hub, and reads there."""
        from .data.store import HubItems

        return HubItems(self.session)

    @cached_property
    def session(self) -> Session:
        """The app's requests to the hub's REST face."""
        return Session(self._sign_in, self._refuse)

    def ensure_open(self) -> None:
        """Block until the hub has said welcome for the first time; raise what prevents it."""
        if not self.was_opened:
            self.connection.open().result()
            self.was_opened = True

    async def aensure_open(self) -> None:
        """Await that the hub has said welcome for the first time; raise what prevents it."""
        if not self.was_opened:
            await asyncio.wrap_future(self.connection.open())
            self.was_opened = True

    def open_in_background(self) -> None:
        """Begin to connect without waiting; later users wait, or are told what went wrong."""
        self.connection.open().add_done_callback(lambda done: done.exception())

    def close(self) -> None:
        """Say goodbye and block until the socket is gone, at most a few seconds."""
        self._leave_store()
        if not transport_thread().is_current:
            self.connection.close().result(CLOSE_S)

    async def aclose(self) -> None:
        """Say goodbye and await that the socket is gone, at most a few seconds."""
        self._leave_store()
        await asyncio.wait_for(asyncio.wrap_future(self.connection.close()), CLOSE_S)

    def _leave_store(self) -> None:
        if "items" in self.__dict__:  # else nothing was stored or fetched
            self.items.close()


def _dial_websocket() -> Any:
    return importlib.import_module(".transport.websocket", __package__).dial
