"""Redeem tokens over HTTP: what an app that nobody watches signs in with. The secret is told once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Scope
from arkitekt_next.auth.rules import Verb, may, may_manage_member
from arkitekt_next.errors import NotFound, NotPermitted, RequestRefused
from arkitekt_next.hub.accounts import redeem
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, IdInPath, Paged, TimeUs, page_of
from arkitekt_next.hub.core.policy import OWN, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from .profile import Named

router = make_router(prefix="/api/redeem-tokens", tag="accounts")

_LONGEST_S = 366 * 24 * 3600
_ID = "01a1fb9b-0006-7000-8000-000000000006"
_PERSON = "01a1fb9b-0001-7000-8000-000000000001"
_BAD = refusals(RequestRefused(where="app", problem="expected an app, or a token that works once"))
_GONE = refusals(
    NotFound(what="redeem token", name=_ID, remedy="It may be used up or revoked already"),
    NotPermitted(person=_PERSON, verb="revoke", what="a token of an owner", remedy="Ask an owner of the team to do it"),
)
_TOKEN: dict[str, Any] = {
    "id": _ID,
    "person": {"id": _PERSON, "name": "ada"},
    "app": "segment",
    "scopes": ["call", "provide", "read"],
    "is_single_use": False,
    "uses": 3,
    "created_at_us": 1795222602284847,
    "expires_at_us": 1797814602284847,
}


class RedeemQuery(Paged):
    """Which redeem tokens are wanted."""

    all: Annotated[bool, Field(description="Everybody's of the team, for those who manage it.")] = False


class RedeemToken(Strict):
    """A token that an app can still sign in with; the app then acts for whoever made it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TOKEN]})
    id: Id
    person: Named
    app: str | None = Field(description="The only app it works for; null: for any, once.")
    scopes: list[Scope]
    is_single_use: bool
    uses: int = Field(description="How often it has been used.")
    created_at_us: TimeUs
    expires_at_us: TimeUs


class RedeemTokenPage(Strict):
    """Redeem tokens, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_TOKEN], "next": None}]})
    items: list[RedeemToken]
    next: str | None


class RedeemForm(Form):
    """What the app may, and how often the token works."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"app": "segment", "scopes": ["read", "call", "provide"], "expires_s": 86400}]}
    )
    app: Annotated[
        str | None, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$", description="The only app it is to work for.")
    ] = None
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=8)] = (Scope.READ, Scope.CALL, Scope.PROVIDE)
    is_single_use: Annotated[bool | None, Field(description="By default true, and false for a token of one app.")] = (
        None
    )
    expires_s: Annotated[float, Field(ge=60, le=_LONGEST_S, description="By default 30 days, at most a year.")] = (
        redeem.REDEEM_S
    )


class NewRedeemToken(RedeemToken):
    """A token that was just made, with its secret, which is told this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_TOKEN, "uses": 0, "secret": "k3Jx0cVwT1"}]})
    secret: str


@router.get("", summary="List redeem tokens", response_model=RedeemTokenPage)
@policy(OWN)
async def list_redeem_tokens(request: Request, who: Who, wanted: Annotated[RedeemQuery, Query()]) -> SafeJSON:
    """Give your tokens that can still be used; with `all`, everybody's of the team."""
    accounts = context_of(request).accounts
    if wanted.all and not may(who, Verb.MANAGE):
        raise NotPermitted(
            person=who.person, verb="list", what="tokens of others", remedy="Ask an owner or admin of the team"
        )
    found = await accounts.redeem_tokens.list_live(
        team=who.team,
        person=None if wanted.all else who.person,
        before=wanted.cursor,
        limit=wanted.limit + 1,
    )
    page, following = page_of(found, wanted.limit, lambda token: token.id)
    names = await accounts.people.names(token.person for token in page)
    items = [RedeemToken(**_fields(token, names.get(token.person, ""))) for token in page]
    return reply(RedeemTokenPage(items=items, next=following))


@router.post("", summary="Make a redeem token", response_model=NewRedeemToken, status_code=201, responses=_BAD)
@policy(OWN)
async def create_redeem_token(request: Request, who: Who, form: RedeemForm) -> SafeJSON:
    """Make a token by which an app signs in for you, with no more scopes than your own sign-in has."""
    accounts = context_of(request).accounts
    made, secret = await accounts.redeem_tokens.create(
        who,
        app=form.app,
        scopes=frozenset(form.scopes),
        is_single_use=form.app is None if form.is_single_use is None else form.is_single_use,
        expires_s=form.expires_s,
    )
    shown: dict[str, Any] = {"app_of": made.app, "scopes": sorted(made.scopes), "is_single_use": made.is_single_use}
    await accounts.audit.note("redeem_token.created", who, subject=made.id, **shown)
    name = (await accounts.people.names([who.person])).get(who.person, "")
    return reply(NewRedeemToken(**_fields(made, name), secret=secret), status=201)


@router.delete("/{token}", summary="Revoke a redeem token", status_code=204, responses=_GONE)
@policy(OWN)
async def revoke_redeem_token(request: Request, who: Who, token: IdInPath) -> Response:
    """Take back a token of yours, or of whom you manage. What has signed in by it goes on: end its sign-in as well."""
    accounts = context_of(request).accounts
    found = await accounts.redeem_tokens.find(who.team, token)
    if found.person != who.person:
        if not may(who, Verb.MANAGE):
            raise NotFound(what="redeem token", name=token, remedy="It may be used up or revoked already")
        role = accounts.people.membership(who.team, found.person)
        if role is not None and not may_manage_member(who, role=role):
            raise NotPermitted(
                person=who.person, verb="revoke", what=f"a token of an {role}", remedy="Ask an owner of the team"
            )
    await accounts.redeem_tokens.revoke(who.team, token)
    await accounts.audit.note("redeem_token.revoked", who, subject=token, person_of=found.person, app_of=found.app)
    return Response(status_code=204)


def _fields(token: redeem.RedeemToken, name: str) -> dict[str, Any]:
    return {
        "id": token.id,
        "person": Named(id=token.person, name=name),
        "app": token.app,
        "scopes": sorted(token.scopes),
        "is_single_use": token.is_single_use,
        "uses": token.uses,
        "created_at_us": token.created_at_us,
        "expires_at_us": token.expires_at_us,
    }
