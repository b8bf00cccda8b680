"""A connection as the server underneath hands it over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.hub.agents.peer import Peer
from arkitekt_next.wire.messages import Ack

WHO = Principal("team", "ada", "app", frozenset(Scope), "login", 2**60)


@pytest.mark.parametrize(
    ("said", "raised"),
    [  # the first word for word what uvicorn raises when the other side has closed
        ("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.", WebSocketDisconnect),
        ("dictionary changed size during iteration", RuntimeError),
    ],
)
def test_sending_to_a_side_that_has_just_closed_is_a_disconnect_and_all_else_a_defect(
    said: str, raised: type[Exception]
) -> None:
    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            raise RuntimeError(said)

    async def scenario() -> None:
        websocket = WebSocket({"type": "websocket", "headers": []}, receive, send)
        await websocket.accept()
        assert websocket.application_state is WebSocketState.CONNECTED
        peer = Peer("1", websocket, WHO, reader_limit_bytes=65536)
        peer.send(Ack(seq=1))
        with pytest.raises(raised):
            await asyncio.wait_for(peer.pump(lambda _: None), 5)

    asyncio.run(scenario())
