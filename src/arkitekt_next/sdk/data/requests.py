"""Single requests to the store, signed with a grant, made again while the hub is away.

What obstore does not offer is done here: an upload in parts that another process can go on with. The rule: a request
that is made again changes nothing that the first one did.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from arkitekt_next.data.sigv4 import UNSIGNED, Credentials, sign_headers
from arkitekt_next.errors import Conflict, HubUnavailable, NotFound, StorageFull
from arkitekt_next.sdk.trust import context_for
from arkitekt_next.sdk.web import START_HUB

if TYPE_CHECKING:
    from .grants import Grant

PATIENCE_S = 300.0
_TIMEOUT_S = 120.0
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Reply:
    """What the store answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Requests:
    """Requests about the objects of one item; usable from several threads. `renew` gives the next grant."""

    def __init__(self, grant: Grant, renew: Callable[[], Grant]) -> None:
        import httpx2

        self._grant = grant
        self._renew = renew
        verify = context_for(grant.endpoint) or True
        self._client = httpx2.Client(timeout=_TIMEOUT_S, trust_env=False, verify=verify)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, method: str, key: str, query: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Make a request, again and again while the store is away or busy.

        Raises `NotFound`, `Conflict` for what the store refuses, `StorageFull`, `HubUnavailable` after five minutes.
        """
        deadline, pause_s = time.monotonic() + PATIENCE_S, _PAUSE_S
        while True:
            reply, reason = self._try(method, key, query or {}, body)
            if reply is not None and reply.status not in _AGAIN:
                return _checked(reply, key)
            if time.monotonic() > deadline:
                raise HubUnavailable(url=self._grant.endpoint, reason=reason, remedy=START_HUB)
            time.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def _try(self, method: str, key: str, query: Mapping[str, str], body: bytes) -> tuple[Reply | None, str]:
        import httpx2

        if not self._grant.is_fresh:
            self._grant = self._renew()
        grant = self._grant
        path = quote(f"/{grant.bucket}/{grant.prefix}{key}", safe="/-_.~")
        pairs = sorted(query.items())
        headers = {"host": urlsplit(grant.endpoint).netloc}
        credentials = Credentials(grant.access_key, grant.secret_key, grant.session_token)
        headers |= sign_headers(
            method, path, pairs, list(headers.items()), credentials, at=datetime.now(UTC), payload=UNSIGNED
        )
        asked = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
        url = f"{grant.endpoint}{path}{'?' if asked else ''}{asked}"
        try:
            answer: Any = self._client.request(method, url, headers=headers, content=body)
        except (httpx2.HTTPError, OSError) as failed:
            return None, str(failed) or type(failed).__name__
        return Reply(answer.status_code, dict(answer.headers), answer.content), f"status {answer.status_code}"


def _checked(reply: Reply, key: str) -> Reply:
    if reply.status < 400:
        return reply
    said = reply.body.decode("utf-8", "replace")[:500]
    if reply.status == 404:
        raise NotFound(what="object or upload", name=key, remedy="Begin anew")
    if reply.status == 507:
        raise StorageFull(reason=said, folder="the store")
    raise Conflict(problem=f"The store refused '{key}' with status {reply.status}: {said}", remedy="Begin anew")
