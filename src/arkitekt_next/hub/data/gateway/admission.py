"""Who may come in: the signature, the session token, the time, and the grant. The rule: in doubt, 403.

A request that is refused here counts against its address; one that is rightly signed never does.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.requests import Request

from arkitekt_next.data import sigv4
from arkitekt_next.errors import HubBusy
from arkitekt_next.hub.core.ids import now_us

from .answers import S3Error, as_s3

if TYPE_CHECKING:
    from starlette.types import Scope

    from .request import Call

REFUSED_BURST = 120
_TOO_MANY = 429


async def admit(call: Call, scope: Scope) -> None:
    """Find out whose request it is, by what grant; raise `S3Error` or `sigv4.Refused` for nobody's."""
    try:
        await _admit(call)
    except (S3Error, sigv4.Refused):
        count_refused(call, scope)
        raise


def count_refused(call: Call, scope: Scope) -> None:
    """Hold an address to so many refused requests a minute. Raises `S3Error`."""
    try:
        call.hub.guard_public(Request(scope), "/arkitekt-data", REFUSED_BURST)
    except HubBusy as busy:
        slow = as_s3(busy)
        assert slow is not None
        slow.status = _TOO_MANY
        raise slow from None


async def _admit(call: Call) -> None:
    claim = call.claim = sigv4.read(call.asked)
    now = datetime.now(UTC)
    sigv4.check_time(claim, now)
    grants = call.hub.grants
    grant = await grants.find(claim.access_key)
    if grant is None:
        raise S3Error("InvalidAccessKeyId", "expected the access key of a grant of this hub: ask for a new grant")
    credentials = grants.credentials_of(grant.id)
    sigv4.verify(call.asked, claim, credentials.secret_key)
    if not hmac.compare_digest(claim.token.encode(), credentials.session_token.encode()):
        raise S3Error("InvalidToken", "expected the grant's session token, as x-amz-security-token")
    call.grant = grant
    _check_holds(call)


async def check_still_holds(call: Call) -> None:
    """Look at the grant again, before something that took its time counts. Raises `S3Error`."""
    grant = await call.hub.grants.find(call.grant.id)
    if grant is None:
        raise S3Error("InvalidAccessKeyId", "the grant is not there any more: ask for a new grant")
    call.grant = grant
    _check_holds(call)


def _check_holds(call: Call) -> None:
    if call.grant.is_revoked:
        raise S3Error(
            "AccessDenied", "this grant was revoked, or the sign-in it was given to has ended: ask for another"
        )
    if call.grant.expires_at_us <= now_us():
        raise S3Error("ExpiredToken", "this grant has expired: ask for another")
