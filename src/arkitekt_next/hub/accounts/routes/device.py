"""Codes of apps that ask to be let in, over HTTP: a person types the code, looks, and decides (RFC 8628 §3.3).

The app then acts for that person, in the team of their own sign-in.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.auth.rules import grantable
from arkitekt_next.errors import HubBusy, NotFound, NotPermitted
from arkitekt_next.hub.accounts.clients import Client
from arkitekt_next.hub.accounts.devices import DeviceCode
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import TimeUs
from arkitekt_next.hub.core.policy import OWN, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/devices", tag="sign-in")

_UNKNOWN = refusals(
    NotFound(what="code", name="WDJB-MJHT", remedy="Codes hold for 10 minutes: check it, or start the app again"),
    HubBusy(reason="too many tries", retry_after_s=60),
)
_EXCESS = refusals(
    NotPermitted(
        person="01a1fb9b-0001-7000-8000-000000000001",
        verb="approve",
        what="manage",
        remedy="Choose among what the app asks and you may",
    )
)
_DEVICE: dict[str, Any] = {
    "app": "segment",
    "version": "1.2.0",
    "machine": "gpu-box",
    "client": "arkitekt-next",
    "scopes": ["call", "provide", "read"],
    "grantable": ["call", "read"],
    "created_at_us": 1795222602284847,
    "expires_at_us": 1795223202284847,
}
UserCode = Annotated[str, Path(pattern=r"^[A-Za-z -]{8,20}$", examples=["WDJB-MJHT"])]


class Device(Strict):
    """An app that asks to act for you."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DEVICE]})
    app: str
    version: str
    machine: str = Field(description="Where it says that it runs; nobody has checked it.")
    client: str = Field(description="The name of the OAuth program that asks.")
    scopes: list[Scope] = Field(description="What it asks for.")
    grantable: list[Scope] = Field(description="What you may give it of that.")
    created_at_us: TimeUs
    expires_at_us: TimeUs


class ApprovalForm(Form):
    """What the app is given: some or all of what it asks for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scopes": ["read", "call"]}]})
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=8)]


@router.get("/{user_code}", summary="Look at an app that asks to be let in", response_model=Device, responses=_UNKNOWN)
@policy(OWN)
async def get_device(request: Request, who: Who, user_code: UserCode) -> SafeJSON:
    """Give what stands behind a code while nobody has decided. Wrong codes are held to ten, then one a minute."""
    code, client = await _find(request, who, user_code)
    return reply(
        Device(
            app=code.app,
            version=code.version,
            machine=code.machine,
            client=client.name,
            scopes=sorted(code.scopes),
            grantable=sorted(code.scopes & client.scopes & grantable(who.role) & who.scopes),
            created_at_us=code.created_at_us,
            expires_at_us=code.expires_at_us,
        )
    )


@router.post("/{user_code}/approve", summary="Let an app in", status_code=204, responses=_UNKNOWN | _EXCESS)
@policy(OWN)
async def approve_device(request: Request, who: Who, user_code: UserCode, form: ApprovalForm) -> Response:
    """Let the app act for you, in the team of your own sign-in, with these scopes."""
    accounts = context_of(request).accounts
    code, _ = await _find(request, who, user_code)
    login = await accounts.approve(who, code, form.scopes)
    shown: dict[str, Any] = {"app_of": code.app, "machine": code.machine, "scopes": sorted(login.scopes)}
    await accounts.audit.note("device.approved", who, subject=login.id, **shown)
    return Response(status_code=204)


@router.post("/{user_code}/deny", summary="Turn an app away", status_code=204, responses=_UNKNOWN)
@policy(OWN)
async def deny_device(request: Request, who: Who, user_code: UserCode) -> Response:
    """Turn the app away; it is told so."""
    accounts = context_of(request).accounts
    code, _ = await _find(request, who, user_code)
    await accounts.devices.deny(code)
    await accounts.audit.note("device.denied", who, app_of=code.app, machine=code.machine)
    return Response(status_code=204)


async def _find(request: Request, who: Principal, user_code: str) -> tuple[DeviceCode, Client]:
    """Give what stands behind a code, and the program that asks. Raises `NotFound`, also for another team's program."""
    accounts = context_of(request).accounts
    address = request.client.host if request.client is not None else "-"
    code = await accounts.find_typed(who, user_code, address=address)
    client = await accounts.clients.find(code.client)
    if client is None or client.team not in (None, who.team):
        raise NotFound(what="code", name=user_code, remedy="The program it came from is not one of your team")
    return code, client
