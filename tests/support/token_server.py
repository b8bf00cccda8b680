"""A token endpoint that a test scripts: it answers as told and notes what it was asked.

What a hub does is tested against a hub; this is for what a hub does not do at will: be away, be slow, lose its mind.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Reply = tuple[int, dict[str, Any]] | tuple[int, dict[str, Any], dict[str, str]]


def grant(number: int = 1, *, expires_in: float = 1800) -> dict[str, Any]:
    """Give the answer that holds a pair of tokens."""
    return {
        "access_token": f"access-{number}",
        "refresh_token": f"refresh-{number}",
        "token_type": "Bearer",
        "expires_in": expires_in,
        "scope": "call read",
        "team": {"id": "t1", "name": "home"},
        "person": {"id": "p1", "name": "ada"},
        "app": "lab",
    }


class TokenServer:
    """`answer` gets the path and the form of each request; `asked` has them all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str]], Reply] = lambda path, form: (200, grant(len(self.asked)))
        self.url = ""

    def reply(self, path: str, form: dict[str, str]) -> Reply:
        """Note a request and answer it."""
        self.asked.append((path, form))
        return self.answer(path, form)


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """Serve on a free port of this machine."""
    script = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, body, *more = script.reply(self.path, {name: values[0] for name, values in parse_qs(text).items()})
            raw = json.dumps(body).encode()
            self.send_response(status)
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
