"""Single requests to the store, signed with a grant, made again while the hub is away.

What obstore does not offer is done here: an upload in parts that another process can go on with, and a hub whose
certificate was pinned. The rule: a request that is made again changes nothing that the first one did, and none is made
again to whoever shows a certificate that is not believed.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from arkitekt_next.data.sigv4 import UNSIGNED, Credentials, sign_headers
from arkitekt_next.errors import HubUnavailable
from arkitekt_next.sdk.trust import context_for, pinned_fingerprint, untrusted
from arkitekt_next.sdk.web import START_HUB

from .objects import BytesLike
from .outages import refusal

if TYPE_CHECKING:
    import httpx2

    from .grants import Grant

PATIENCE_S = 300.0
_TIMEOUT_S = 120.0
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_AGAIN = frozenset({429, 500, 502, 503, 504})
_AT_ONCE = 16
_PIECE_BYTES = 1024 * 1024
_SAID_AFTER_S = 3.0

log = logging.getLogger("arkitekt_next")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the store answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outage:
    """Says once that the store is away, after a while, and once that it is back; usable from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None
        self._was_said = False

    def goes_on(self, endpoint: str, reason: str) -> None:
        """Take note that a request has failed and is made again."""
        with self._lock:
            now = time.monotonic()
            self._since = self._since or now
            if self._was_said or now - self._since < _SAID_AFTER_S:
                return
            self._was_said = True
        minutes = round(PATIENCE_S / 60)
        log.warning("%s does not take it just now (%s). Trying again for %d minutes.", endpoint, reason, minutes)

    def is_over(self) -> None:
        """Take note that a request was answered."""
        if self._since is None:
            return
        with self._lock:
            was_said, self._since, self._was_said = self._was_said, None, False
        if was_said:
            log.warning("It goes on.")


class Connections:
    """The connections of one app to its stores, each kept for the next request; usable from several threads.

    `threads` is where requests are made at once for code that does not block. Both go with the last that uses them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[str | None, httpx2.Client]] = {}
        self.outage = Outage()
        self.threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="arkitekt-objects")
        weakref.finalize(self, _close, self._clients, self.threads)

    def to(self, address: str) -> httpx2.Client:
        """Give the client for an address; a new one where another certificate was pinned meanwhile."""
        import httpx2

        pin = pinned_fingerprint(address) if address.startswith("https://") else None
        with self._lock:
            held = self._clients.get(address)
            if held is None or held[0] != pin:
                verify = context_for(address) or True
                held = pin, httpx2.Client(timeout=_TIMEOUT_S, trust_env=False, verify=verify)
                self._clients[address] = held
        return held[1]

    def close(self) -> None:
        """Close what is open; whoever asks later, or is just asking, gets new ones."""
        with self._lock:
            clients = [client for _, client in self._clients.values()]
            self._clients.clear()
        for client in clients:
            client.close()


def _close(clients: dict[str, tuple[str | None, httpx2.Client]], threads: ThreadPoolExecutor) -> None:
    threads.shutdown(wait=False)
    for _, client in clients.values():
        client.close()


class Requests:
    """Requests about the objects of one item; usable from several threads. `renew` gives the next grant."""

    def __init__(self, grant: Grant, renew: Callable[[], Grant], connections: Connections) -> None:
        self._grant = grant
        self._renew = renew
        self._connections = connections

    @property
    def address(self) -> str:
        """Where the item's objects are."""
        return f"{self._grant.endpoint}/{self._grant.bucket}/{self.prefix}"

    @property
    def prefix(self) -> str:
        """What the keys of the item's objects begin with in the bucket; it ends with a slash."""
        return self._grant.prefix

    @property
    def is_final(self) -> bool:
        """Whether the objects never change any more."""
        return self._grant.is_final

    @property
    def threads(self) -> ThreadPoolExecutor:
        """Where to make requests from code that does not block."""
        return self._connections.threads

    def ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        body: BytesLike = b"",
        *,
        headers: Mapping[str, str] | None = None,
        also: int | None = None,
    ) -> Reply:
        """Make a request about an object, again and again while the store is away or busy.

        Raises what `refusal` makes of a status (but for `also`, which is an answer), `HubUnavailable` after five
        minutes, and at once `HubUntrusted`.
        """
        path = f"/{self._grant.bucket}/{self.prefix}{key}"
        return self._ask(method, path, query or {}, body, headers or {}, also=also, key=key)

    def ask_bucket(self, query: Mapping[str, str]) -> bytes:
        """Make a request about the bucket itself, as lists are; give what it answers. Raises what `ask` does."""
        return self._ask("GET", f"/{self._grant.bucket}", query, b"", {}, also=None, key=self.prefix).body

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: BytesLike,
        headers: Mapping[str, str],
        *,
        also: int | None,
        key: str,
    ) -> Reply:
        deadline, pause_s = time.monotonic() + PATIENCE_S, _PAUSE_S
        outage = self._connections.outage
        while True:
            reply, reason = self._try(method, path, query, body, headers)
            if reply is not None and reply.status not in _AGAIN:
                outage.is_over()
                if reply.status < 400 or reply.status == also:
                    return reply
                said = reply.body.decode("utf-8", "replace")
                raise refusal(reply.status, key, said, self._grant.endpoint)
            if time.monotonic() > deadline:
                raise HubUnavailable(url=self._grant.endpoint, reason=reason, remedy=START_HUB)
            outage.goes_on(self._grant.endpoint, reason)
            time.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def _try(
        self, method: str, path: str, query: Mapping[str, str], body: BytesLike, headers: Mapping[str, str]
    ) -> tuple[Reply | None, str]:
        import httpx2

        if not self._grant.is_fresh:
            self._grant = self._renew()
        grant = self._grant
        path = quote(path, safe="/-_.~")
        pairs = sorted(query.items())
        # Ranges are of what is stored, so nothing may be compressed on the way.
        sent = {"host": urlsplit(grant.endpoint).netloc, "accept-encoding": "identity", **headers}
        credentials = Credentials(grant.access_key, grant.secret_key, grant.session_token)
        sent |= sign_headers(
            method, path, pairs, list(sent.items()), credentials, at=datetime.now(UTC), payload=UNSIGNED
        )
        asked = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
        url = f"{grant.endpoint}{path}{'?' if asked else ''}{asked}"
        if body:
            sent["content-length"] = str(len(body))
        client = self._connections.to(grant.endpoint)
        try:
            answer: Any = client.request(method, url, headers=sent, content=_pieces(body) if body else b"")
        except (httpx2.HTTPError, OSError) as failed:
            doubted = _doubt(failed)
            if doubted is not None:
                raise untrusted(grant.endpoint, doubted) from failed
            return None, str(failed) or type(failed).__name__
        except RuntimeError:
            if not client.is_closed:
                raise
            return None, "the connections were closed"
        return Reply(answer.status_code, dict(answer.headers), answer.content), f"status {answer.status_code}"


def _pieces(body: BytesLike) -> Iterator[bytes]:
    """Cut a body, so that no copy of all of it is made on the way."""
    with memoryview(body) as view:
        for start in range(0, len(view), _PIECE_BYTES):
            yield bytes(view[start : start + _PIECE_BYTES])


def _doubt(failed: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Give why a certificate was not believed, when that is what is behind a failure."""
    while failed is not None and not isinstance(failed, ssl.SSLCertVerificationError):
        failed = failed.__cause__ or failed.__context__
    return failed
