"""The local sign-in over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import ConfigDict, Field

from arkitekt_next.errors import NotAuthenticated
from arkitekt_next.hub.core.exposure import is_loopback
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.ids import monotonic
from arkitekt_next.hub.core.policy import SIGN_IN, policy
from arkitekt_next.hub.core.route import refusals
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/auth/local", tag="sign-in")

_WRONG = refusals(NotAuthenticated(reason="This challenge is unknown or used up", remedy="Ask for a new one"))

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{32,128}$", examples=["00112233445566778899aabbccddeeff"])]
AppName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64, examples=["my-app"])]


class ChallengeRequest(Form):
    """A fresh nonce of the client."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"client_nonce": "00112233445566778899aabbccddeeff"}]})
    client_nonce: Hex


class Challenge(Strict):
    """The hub's answer; `proof` shows that it holds the key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"challenge": "k3Jx0cVw", "server_nonce": "ab" * 32, "proof": "5c" * 32}],
        }
    )
    challenge: str
    server_nonce: str
    proof: str


class TokenRequest(Form):
    """The client's proof that it can read the key file."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"challenge": "k3Jx0cVw", "proof": "9d" * 32, "app": "my-app"}]}
    )
    challenge: Annotated[str, Field(max_length=64)]
    proof: Annotated[str, Field(max_length=128)]
    app: AppName


class Token(Strict):
    """A bearer token and whom it stands for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "h1Zk3W8s0nq2",
                    "expires_at_us": 1795265802284847,
                    "team": "01a1fb9b-0001-7000-8000-000000000002",
                    "person": "01a1fb9b-0001-7000-8000-000000000001",
                }
            ]
        }
    )
    token: str
    expires_at_us: int
    team: str
    person: str


@router.post("/challenge", summary="Begin the local sign-in", response_model=Challenge)
@policy(SIGN_IN)
async def open_challenge(request: Request, form: ChallengeRequest) -> SafeJSON:
    """Open a challenge. Works once, for 30 seconds."""
    _require_loopback(request)
    hub = context_of(request)
    number, nonce, proof = hub.local.challenge(request.url.netloc, form.client_nonce, monotonic())
    return reply(Challenge(challenge=number, server_nonce=nonce, proof=proof))


@router.post("/token", summary="Finish the local sign-in", response_model=Token, responses=_WRONG)
@policy(SIGN_IN)
async def issue_token(request: Request, form: TokenRequest) -> SafeJSON:
    """Check the proof and issue a token."""
    _require_loopback(request)
    hub = context_of(request)
    hub.local.redeem(form.challenge, form.proof, request.url.netloc, monotonic())
    text, who = await hub.accounts.issue(team=hub.accounts.team, person=hub.accounts.owner, app=form.app)
    return reply(Token(token=text, expires_at_us=who.expires_at_us, team=who.team, person=who.person))


def _require_loopback(request: Request) -> None:
    """Refuse who asks from another machine: nobody there has a reason to read the key file."""
    if request.client is not None and not is_loopback(request.client.host):
        raise NotAuthenticated(
            reason="This sign-in is for programs on the hub's own machine", remedy="Use `arkitekt-next login --url …`"
        )
