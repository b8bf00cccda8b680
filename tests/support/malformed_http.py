"""Requests no HTTP library would send, made from a number, and the little that is needed to read their answers."""

from __future__ import annotations

import json
import random
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from tests.support.malformed import junk, mutate, paths_of, written

_METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "get", "BREW"]
_TYPES = ["application/json"] * 4 + ["text/plain", "application/x-www-form-urlencoded", "", "a/b;charset=utf-9"]
_HEADERS = ["Idempotency-Key", "Last-Event-ID", "Accept", "Range", "Cookie", "Origin", "X-Forwarded-For", "Via"]
_QUERY = ["limit", "cursor", "status", "after", "from", "wait", "q", "since_us", "text", "root", "online", "colour"]
_DEADLINE_S = 20.0


class Requests:
    """Makes raw requests about the given routes; the same number gives the same bytes."""

    def __init__(self, authority: str, token: str, routes: list[tuple[str, str]], bodies: list[Any]) -> None:
        self._authority, self._token, self._routes = authority, token, routes
        self._bodies = [(body, paths_of(body)) for body in bodies]

    def framed(self, number: int) -> tuple[str, bytes]:
        """A request whose length is as it says; everything else may be anything."""
        rng = random.Random(number)
        method, path = rng.choice(self._routes)
        if rng.randrange(8) == 0:
            method = rng.choice(_METHODS)
        if rng.randrange(3) == 0:
            place = rng.randrange(1, len(path) + 1)
            path = path[:place] + quote(str(junk(rng))[:200], safe="/%", errors="surrogatepass") + path[place:]
        if rng.randrange(2):
            values = [quote(str(junk(rng))[:300], errors="surrogatepass") for _ in range(rng.randrange(1, 4))]
            path += "?" + "&".join(f"{rng.choice(_QUERY)}={value}" for value in values)
        body = self._body(rng) if method in ("POST", "PUT", "PATCH", "DELETE") else b""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._authority}"]
        lines.append(f"Authorization: {'Bearer ' + self._token if rng.randrange(10) else _latin(junk(rng))}")
        lines += [f"{rng.choice(_HEADERS)}: {_latin(junk(rng))}" for _ in range(rng.randrange(3))]
        lines += [f"Content-Type: {rng.choice(_TYPES)}", f"Content-Length: {len(body)}", "", ""]
        return method, "\r\n".join(lines).encode("latin-1") + body

    def _body(self, rng: random.Random) -> bytes:
        choice = rng.randrange(10)
        if choice == 0:
            return rng.randbytes(rng.randrange(64))
        if choice == 1:
            return written(junk(rng)).encode()
        form, places = rng.choice(self._bodies)
        text = written(mutate(rng, form, places))
        if choice == 2:
            text = text[: rng.randrange(len(text))]
        elif choice == 3:
            text = text.replace("1", rng.choice(["NaN", "1e999", "9" * 5000, "[" * 3000]))
        return text.encode()

    def unframed(self, number: int) -> bytes:
        """Bytes that are hardly a request."""
        rng = random.Random(number)
        _, whole = self.framed(number)
        return rng.choice(
            [
                rng.randbytes(rng.randrange(1, 200)) + b"\r\n\r\n",
                whole[: rng.randrange(1, len(whole))],
                whole.replace(b"Host", b"Hots"),
                whole.replace(b"\r\n", b"\n"),
                whole.replace(b"Content-Length: ", b"Content-Length: -"),
                whole.replace(b"Content-Length: ", b"Transfer-Encoding: chunked\r\nContent-Length: "),
                b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
                b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            ]
        )


def _latin(value: Any) -> str:
    text = str(value)[:300].encode("latin-1", "replace").decode("latin-1")
    return "".join(c for c in text if c.isprintable()).strip()


class Line:
    """A kept-alive connection that sends raw requests and reads the answers."""

    def __init__(self, authority: str) -> None:
        host, port = authority.split(":")
        self._address = (host, int(port))
        self._socket: socket.socket | None = None
        self._rest = b""

    def ask(self, method: str, request: bytes) -> tuple[int, Any]:
        """Give status and body; the body is JSON or None."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _DEADLINE_S)
            self._rest = b""
        try:
            self._socket.sendall(request)
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            status = int(head[0].split()[1])
            length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
            body = self._exactly(length)
            if headers.get("connection") == "close":
                self.close()
        except (ConnectionError, EOFError):
            self.close()
            return 0, None
        is_json = headers.get("content-type") == "application/json" and body
        return status, json.loads(body) if is_json else None

    def throw(self, request: bytes) -> int:
        """Send bytes, say that there is no more, and read until the end; give the status, 0 for none."""
        with socket.create_connection(self._address, _DEADLINE_S) as thrown:
            try:
                thrown.sendall(request)
                with suppress(OSError):  # the hub may have answered and cut the connection already
                    thrown.shutdown(socket.SHUT_WR)
                answer = b""
                while part := thrown.recv(65536):
                    answer += part
            except ConnectionError:
                return 0
        words = answer.split(None, 2)
        return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else 0

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._more()
        found, _, self._rest = self._rest.partition(mark)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._more()
        found, self._rest = self._rest[:count], self._rest[count:]
        return found

    def _more(self) -> None:
        assert self._socket is not None
        part = self._socket.recv(65536)
        if not part:
            raise EOFError
        self._rest += part
