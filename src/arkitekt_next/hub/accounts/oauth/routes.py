"""OAuth and OpenID Connect over HTTP. Authlib is loaded by the first request that needs it, not when a hub starts.

These routes are as their standards say, which also say how a client finds them: they stand in the documents under
/.well-known, not in the OpenAPI document of our own API.
"""

from __future__ import annotations

import asyncio
from types import ModuleType

from fastapi import Request, Response

from arkitekt_next.hub.core.http import context_of
from arkitekt_next.hub.core.policy import PUBLIC, SIGN_IN, policy
from arkitekt_next.hub.core.route import router as make_router

from .form import OAuthRoute, read_form, write
from .metadata import provider_metadata, server_metadata
from .tokens import describe

router = make_router(prefix="", tag="sign-in", kind=OAuthRoute)
router.include_in_schema = False


@router.post("/oauth/device_authorization", summary="Ask for a code that a person types")
@policy(SIGN_IN)
async def authorize_device(request: Request) -> Response:
    """Give an app a device code and a user code (RFC 8628 §3.1)."""
    return await _serve(request, "device_authorization")


@router.post("/oauth/token", summary="Get tokens")
@policy(PUBLIC)  # many apps of one address ask every few seconds; what they come with is far too long to be guessed
async def make_tokens(request: Request) -> Response:
    """Give tokens for a code, a device code, a refresh token or a redeem token (RFC 6749 §3.2)."""
    return await _serve(request, "token")


@router.post("/oauth/revoke", summary="End a sign-in")
@policy(PUBLIC)
async def revoke_token(request: Request) -> Response:
    """End the sign-in that a token belongs to (RFC 7009)."""
    return await _serve(request, "revocation")


@router.post("/oauth/introspect", summary="Ask what a token stands for")
@policy(PUBLIC)
async def introspect_token(request: Request) -> Response:
    """Say what a token stands for, to its own team's programs and people (RFC 7662)."""
    return await _serve(request, "introspection")


@router.get("/oauth/jwks", summary="The keys that access tokens are signed with")
@policy(PUBLIC)
async def get_keys(request: Request) -> Response:
    """Give the public keys, those that were rotated of late included (RFC 7517 §5)."""
    return write(await context_of(request).accounts.keys.published())


@router.get("/oauth/userinfo", summary="Who the token stands for")
@policy(PUBLIC)  # it asks for a token itself: one without any scope of ours is enough to learn whose it is
async def get_userinfo(request: Request) -> Response:
    """Say who the bearer token stands for (OpenID Connect Core §5.3)."""
    accounts = context_of(request).accounts
    who = await accounts.identify(request.headers.get("authorization"))
    named = await describe(accounts, who.team, who.person)
    return write({"sub": who.person, "name": named["person"]["name"], "team": named["team"], "app": who.app})


@router.get("/.well-known/oauth-authorization-server", summary="What clients of OAuth have to know")
@policy(PUBLIC)
async def get_server_metadata(request: Request) -> Response:
    """Describe the authorization server (RFC 8414)."""
    return write(server_metadata(context_of(request).accounts.keys.issuer))


@router.get("/.well-known/openid-configuration", summary="What clients of OpenID Connect have to know")
@policy(PUBLIC)
async def get_provider_metadata(request: Request) -> Response:
    """Describe the OpenID provider (OpenID Connect Discovery)."""
    return write(provider_metadata(context_of(request).accounts.keys.issuer))


def _load() -> ModuleType:
    from . import server

    return server


async def _serve(request: Request, endpoint: str) -> Response:
    form = await read_form(request)
    server = await asyncio.to_thread(_load)
    accounts, authorization = context_of(request).accounts, request.headers.get("authorization")
    status, body, headers = await server.serve(accounts, endpoint, form, authorization)
    return write(body, status=status, headers=headers)
