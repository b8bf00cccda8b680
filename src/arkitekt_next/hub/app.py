"""The hub as one ASGI app: REST, the websocket, health and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from .accounts.routes import router as accounts_router
from .agents.socket import endpoint
from .core.config import HubSettings
from .core.context import open_hub
from .core.http import install_errors
from .core.routes import router as core_router


def create_app(settings: HubSettings) -> FastAPI:
    """Make the app of one hub; the hub opens with the app's lifespan and lies at `app.state.hub`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_hub(settings) as hub:
            app.state.hub = hub
            yield

    app = FastAPI(
        title="arkitekt-next hub",
        version="1",
        summary="Find, call, watch and compose a team's functions.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    install_errors(app)
    for router in (core_router, accounts_router):
        app.include_router(router)
    app.router.routes.append(WebSocketRoute("/ws", endpoint))
    return app
