"""Single requests to a hub over HTTP, for which no connection is kept: JSON and forms.

The rule: a hub is reached directly, never through a proxy that the environment names, and nothing is sent before its
certificate has been checked.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from arkitekt_next.errors import HubUnavailable

from .announced import is_loopback
from .trust import context_for, untrusted

TIMEOUT_S = 10.0
START_HUB = (
    "Start one with 'arkitekt-next hub start', or name one with url= (--url on the command line) or the environment "
    "variable ARKITEKT_URL"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hub answered; `body` is None when it was no JSON."""

    status: int
    body: Any
    retry_after_s: float | None = None


def fetch(
    address: str, method: str, path: str, *, body: Any = None, token: str | None = None, timeout_s: float = TIMEOUT_S
) -> tuple[int, Any]:
    """Make one JSON request to a hub; give the status and the decoded answer (None when it is no JSON).

    Raises `HubUnavailable`, and `HubUntrusted` for a certificate that is not believed.
    """
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    raw = json.dumps(body).encode() if body is not None else None
    answer = _request(address, method, path, raw, headers, timeout_s)
    return answer.status, answer.body


def post_form(address: str, path: str, fields: Mapping[str, str]) -> Answer:
    """Post a form, as OAuth wants it. Raises `HubUnavailable`, and `HubUntrusted`."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return _request(address, "POST", path, urlencode(fields).encode(), headers, TIMEOUT_S)


def _request(
    address: str, method: str, path: str, raw: bytes | None, headers: dict[str, str], timeout_s: float
) -> Answer:
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    context = context_for(address)
    if context is not None:
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request(method, path, raw, {"Accept": "application/json", **headers})
        response = connection.getresponse()
        text = response.read()
    except ssl.SSLCertVerificationError as doubted:
        raise untrusted(address, doubted) from doubted
    except (OSError, http.client.HTTPException) as failed:
        reason = getattr(failed, "strerror", None) or str(failed) or type(failed).__name__
        raise HubUnavailable(url=address, reason=reason, remedy=_remedy(address, failed)) from failed
    finally:
        connection.close()
    return Answer(response.status, _decoded(text), _seconds(response.getheader("Retry-After")))


def _remedy(address: str, failed: Exception) -> str:
    if urlsplit(address).scheme == "http" and isinstance(failed, (http.client.BadStatusLine, ConnectionResetError)):
        return "If it serves TLS, its address begins with https://"
    return START_HUB if is_loopback(address) else "Check the address, and that the hub runs"


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None
