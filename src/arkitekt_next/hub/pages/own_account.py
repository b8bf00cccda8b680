"""Links to one's own account over REST, for the command line on the hub's own machine. Each secret is shown once.

The rule: only the local sign-in gets one, since whoever holds such a link becomes the person.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Principal
from arkitekt_next.errors import NotPermitted
from arkitekt_next.hub.accounts.doors import DOOR_S
from arkitekt_next.hub.accounts.links import LINK_S
from arkitekt_next.hub.core.exposure import is_loopback
from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.core.paging import TimeUs
from arkitekt_next.hub.core.policy import KEEP, SEE, policy
from arkitekt_next.hub.core.route import Who
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/account", tag="accounts")


class SetupState(Strict):
    """Whether some owner of the hub can sign in with a password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_set_up": False}]})
    is_set_up: bool


class BrowserLink(Strict):
    """A one-time link for a browser; it is shown here once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://lab.example.org/setup#3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                    "expires_at_us": 1795224402284847,
                }
            ]
        }
    )
    url: Annotated[str, Field(max_length=2000)]
    expires_at_us: TimeUs


@router.get("/setup", summary="Is the hub set up?", response_model=SetupState)
@policy(SEE)
async def get_setup(request: Request, who: Who) -> SafeJSON:
    """Say whether some owner of the hub has a password; until then only its own machine lets one in."""
    people = await context_of(request).accounts.people.everybody()
    return reply(SetupState(is_set_up=any(known.is_hub_owner and known.has_password for known in people)))


@router.post("/link", summary="Make a link that sets your password", response_model=BrowserLink)
@policy(KEEP)
async def make_account_link(request: Request, who: Who) -> SafeJSON:
    """Make a link by which the owner sets name, address and password. It holds for 30 minutes, and replaces others.

    Only the local sign-in gets one.
    """
    await _require_local(request, who)
    hub = context_of(request)
    secret = await hub.accounts.links.create(who.person)
    await hub.accounts.audit.note("account.link_created", who, subject=who.person)
    return reply(BrowserLink(url=f"{hub.url}/setup#{secret}", expires_at_us=now_us() + LINK_S * 1_000_000))


@router.post("/page-link", summary="Make a link that signs a browser in", response_model=BrowserLink)
@policy(KEEP)
async def make_page_link(request: Request, who: Who) -> SafeJSON:
    """Make a link by which a browser on this machine gets a session of yours. It works once, within two minutes.

    Only the local sign-in gets one.
    """
    await _require_local(request, who)
    hub = context_of(request)
    secret = hub.accounts.doors.open(team=who.team, person=who.person)
    await hub.accounts.audit.note("page.link_created", who, subject=who.person)
    return reply(BrowserLink(url=f"{hub.url}/enter#{secret}", expires_at_us=now_us() + round(DOOR_S * 1e6)))


async def _require_local(request: Request, who: Principal) -> None:
    is_here = request.client is not None and is_loopback(request.client.host)
    if not is_here or not await context_of(request).accounts.is_local(who):
        raise NotPermitted(
            person=who.person,
            verb="make",
            what="a link to this account",
            remedy="Do it on the hub's own machine: `arkitekt-next hub open`",
        )
