"""The local sign-in over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from arkitekt_next.hub.core.http import Form, Strict, context_of
from arkitekt_next.hub.core.ids import monotonic
from arkitekt_next.hub.core.policy import PUBLIC, policy

router = APIRouter(prefix="/api/auth/local", tags=["sign-in"])

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{32,128}$", examples=["00112233445566778899aabbccddeeff"])]
AppName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64, examples=["my-app"])]


class ChallengeRequest(Form):
    """A fresh nonce of the client."""

    client_nonce: Hex


class Challenge(Strict):
    """The hub's answer; `proof` shows that it holds the key."""

    challenge: str
    server_nonce: str
    proof: str


class TokenRequest(Form):
    """The client's proof that it can read the key file."""

    challenge: Annotated[str, Field(max_length=64)]
    proof: Annotated[str, Field(max_length=128)]
    app: AppName


class Token(Strict):
    """A bearer token and whom it stands for."""

    token: str
    expires_at_us: int
    team: str
    person: str


@router.post("/challenge", summary="Begin the local sign-in")
@policy(PUBLIC)
async def challenge(request: Request, form: ChallengeRequest) -> Challenge:
    """Open a challenge. Works once, for 30 seconds."""
    hub = context_of(request)
    hub.guard_public(request)
    number, nonce, proof = hub.local.challenge(request.url.netloc, form.client_nonce, monotonic())
    return Challenge(challenge=number, server_nonce=nonce, proof=proof)


@router.post("/token", summary="Finish the local sign-in")
@policy(PUBLIC)
async def token(request: Request, form: TokenRequest) -> Token:
    """Check the proof and issue a token."""
    hub = context_of(request)
    hub.guard_public(request)
    hub.local.redeem(form.challenge, form.proof, request.url.netloc, monotonic())
    text, principal = await hub.accounts.issue(team=hub.accounts.team, person=hub.accounts.owner, app=form.app)
    return Token(token=text, expires_at_us=principal.expires_at_us, team=principal.team, person=principal.person)
