"""How this hub asks the provider something: one address, a bounded answer within a bounded time, no redirects.

The rule: it asks the configured issuer, and what that issuer's own metadata names; nothing a user says gets here.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from arkitekt_next.hub.core.exposure import is_loopback
from arkitekt_next.wire.codec import loads

from .trouble import ProviderTrouble, Trouble

if TYPE_CHECKING:
    import httpx2

FETCH_S = 10.0
ANSWER_LIMIT_BYTES = 512 * 1024
_ADDRESS = re.compile(
    r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/%+-]*)?(\?[A-Za-z0-9._~%=&+-]*)?"
)


def is_address(address: Any, *, issuer: str) -> bool:
    """Whether an address of the provider's metadata may be asked: by https, or on this machine if the issuer is too."""
    if not isinstance(address, str) or len(address) > 1000 or _ADDRESS.fullmatch(address) is None:
        return False
    ours, theirs = urlsplit(issuer), urlsplit(address)
    is_here = is_loopback(theirs.hostname or "")
    if is_here and not is_loopback(ours.hostname or ""):
        return False
    return theirs.scheme == "https" or (is_here and ours.scheme == "http")


async def ask(
    address: str,
    *,
    form: Mapping[str, str] | None = None,
    basic: tuple[str, str] | None = None,
    token: str | None = None,
) -> tuple[int, dict[str, Any]]:
    """Ask for a JSON object, or post a form for one; give status and object. Raises `ProviderTrouble`."""
    import httpx2

    place = address.partition("?")[0]
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        async with asyncio.timeout(FETCH_S):
            async with httpx2.AsyncClient(verify=await asyncio.to_thread(_trust), timeout=FETCH_S) as client:
                request = client.build_request("GET" if form is None else "POST", address, data=form, headers=headers)
                answer = await client.send(request, stream=True, auth=basic)
                try:
                    body = await _read(answer, place)
                finally:
                    await answer.aclose()
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
        raise ProviderTrouble(Trouble.UNREACHABLE, f"{place}: {type(error).__name__} {error}"[:300]) from None
    try:
        parsed = loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        detail = f"{place}: answered {answer.status_code} without a JSON object"
        raise ProviderTrouble(Trouble.UNREACHABLE, detail)
    return answer.status_code, parsed


@cache
def _trust() -> ssl.SSLContext:
    """Read the certificates that vouch for providers, which takes its time."""
    import httpx2

    return httpx2.create_ssl_context()


async def _read(answer: httpx2.Response, place: str) -> bytes:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProviderTrouble(Trouble.UNREACHABLE, f"{place}: answered in an encoding that was not asked for")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > ANSWER_LIMIT_BYTES:
            raise ProviderTrouble(Trouble.UNREACHABLE, f"{place}: answered with more than {ANSWER_LIMIT_BYTES} bytes")
    return bytes(body)
