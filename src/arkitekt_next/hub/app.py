"""The hub as one ASGI app: REST, the websocket, health and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from arkitekt_next import __version__
from arkitekt_next.errors import ArkitektError

from .accounts.routes import ROUTERS as ACCOUNTS
from .agents.routes import router as agents_router
from .agents.socket import endpoint
from .catalog.right_routes import router as right_router
from .catalog.routes import router as catalog_router
from .core.config import HubSettings
from .core.context import open_hub
from .core.exposure import Exposure, settle
from .core.guard import guarded
from .core.http import describe_errors, install_errors, restore_examples
from .core.routes import router as core_router
from .data.gateway.route import routes as gateway_routes
from .data.routes import ROUTERS as DATA
from .pages.routes import ROUTERS as PAGES
from .tasks.routes import router as tasks_router

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

_ROUTERS = (
    core_router,
    *ACCOUNTS,
    catalog_router,
    right_router,
    agents_router,
    tasks_router,
    *DATA,
    *PAGES,
)
_DESCRIPTION = """Find, call, watch and compose a team's functions.

Every route but the sign-in asks for a bearer token; everything is seen from inside the token's team, so what belongs
to another team is answered 404. Every error has the same shape: a stable `code`, a sentence, typed `fields`. Unknown
fields and query parameters are refused. Times are UTC microseconds (`*_us`), durations seconds (`*_s`). Lists are
paged by `cursor`. A hub answers 421 to any Host but its own names: on this machine only, `localhost`, `127.0.0.1` and
`[::1]`.
"""
_TAGS = [
    {"name": "sign-in", "description": "How a program gets a token."},
    {"name": "accounts", "description": "Who a token stands for, what acts for a person, and the hub's accounts."},
    {"name": "teams", "description": "Who belongs to a team, as what, and how they come in."},
    {"name": "catalogue", "description": "Apps, actions and their definitions."},
    {"name": "agents", "description": "Who provides the actions."},
    {"name": "tasks", "description": "Calls: submit, list, follow, steer."},
    {
        "name": "data",
        "description": "What the team keeps: images, arrays, tables, files; and the right to their content.",
    },
    {"name": "hub", "description": "The hub itself."},
]


class HubApp(FastAPI):
    """The app, behind what holds for every request."""

    exposure: Exposure

    def openapi(self) -> dict[str, Any]:
        """Describe the routes; the examples as they were written, nulls included."""
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            describe_errors(document)
            restore_examples(document)
        return document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, websocket or lifespan."""
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, partial(self._answer_lifespan, send))
        else:
            await guarded(super().__call__, scope, receive, send, exposure=self.exposure)

    async def _answer_lifespan(self, send: Send, message: Message) -> None:
        """Spare the log the traceback of what says by itself what is wrong; whoever serves the app raises it."""
        if message["type"] == "lifespan.startup.failed" and hasattr(self.state, "refused"):
            message = {**message, "message": str(self.state.refused)}
        await send(message)


def create_app(settings: HubSettings, address: str = "http://localhost", exposure: Exposure | None = None) -> HubApp:
    """Make the app of one hub; the hub opens with the app's lifespan and lies at `app.state.hub`.

    `address` is the one people reach it by. What keeps the hub from opening lies at `app.state.refused`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                app.state.hub = await stack.enter_async_context(open_hub(settings, address))
            except ArkitektError as refused:
                app.state.refused = refused
                raise
            yield

    app = HubApp(
        title="arkitekt-next hub",
        version=__version__,
        summary="Find, call, watch and compose a team's functions.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.exposure = exposure or settle(settings)
    install_errors(app)
    for router in _ROUTERS:
        app.router.routes += router.routes  # as they are: one flat list of `Route`, whatever FastAPI's version
    app.router.routes.append(WebSocketRoute("/ws", endpoint))
    app.router.routes += gateway_routes()
    return app
