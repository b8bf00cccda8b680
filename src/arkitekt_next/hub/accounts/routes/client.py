"""Programs that may ask for sign-ins by OAuth, over HTTP. The secret is told once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Scope
from arkitekt_next.errors import NotFound, RequestRefused
from arkitekt_next.hub.accounts import clients
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, IdInPath, Paged, TimeUs, page_of
from arkitekt_next.hub.core.policy import MANAGE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/clients", tag="accounts")

_ID = "01a1fb9b-0007-7000-8000-000000000007"
_BAD = refusals(
    RequestRefused(
        where="redirect_uris",
        problem="expected https://host/path, or http://127.0.0.1/path for a desktop program, got 'http://x'",
    )
)
_GONE = refusals(NotFound(what="client", name=_ID, remedy="It may be removed already"))
_CLIENT: dict[str, Any] = {
    "id": _ID,
    "name": "Plate viewer",
    "redirect_uris": ["https://plates.example.org/callback"],
    "scopes": ["call", "read"],
    "is_public": False,
    "created_at_us": 1795222602284847,
}

ProgramName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Uri = Annotated[str, Field(min_length=1, max_length=1000)]


class ClientQuery(Paged):
    """Which programs are wanted."""


class Client(Strict):
    """A program that may ask members of the team for sign-ins."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CLIENT]})
    id: Id = Field(description="The `client_id` of OAuth.")
    name: str
    redirect_uris: list[str] = Field(description="Compared letter by letter; a loopback address takes any port.")
    scopes: list[Scope] = Field(description="The most it may ask for.")
    is_public: bool = Field(description="Without a secret: PKCE alone proves it.")
    created_at_us: TimeUs


class ClientPage(Strict):
    """Programs, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_CLIENT], "next": None}]})
    items: list[Client]
    next: str | None


class ClientForm(Form):
    """A program to register."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Plate viewer", "redirect_uris": ["https://plates.example.org/callback"], "scopes": ["read"]}
            ]
        }
    )
    name: ProgramName
    redirect_uris: Annotated[list[Uri], Field(min_length=1, max_length=10)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=8)] = (Scope.READ, Scope.CALL)
    is_public: Annotated[bool, Field(description="A program that can't keep a secret, as one in a browser.")] = False


class NewClient(Client):
    """A program that was just registered, with its secret, which is told this once; null for a public one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_CLIENT, "secret": "k3Jx0cVwT1"}]})
    secret: str | None


@router.get("", summary="List OAuth programs", response_model=ClientPage)
@policy(MANAGE)
async def list_clients(request: Request, who: Who, wanted: Annotated[ClientQuery, Query()]) -> SafeJSON:
    """Give the programs that the team has registered. The command line and the SDK need no registration."""
    known = context_of(request).accounts.clients
    found = await known.list_live(who.team, before=wanted.cursor, limit=wanted.limit + 1)
    page, following = page_of(found, wanted.limit, lambda client: client.id)
    return reply(ClientPage(items=[Client(**_fields(client)) for client in page], next=following))


@router.post("", summary="Register an OAuth program", response_model=NewClient, status_code=201, responses=_BAD)
@policy(MANAGE)
async def create_client(request: Request, who: Who, form: ClientForm) -> SafeJSON:
    """Register a program for the team. It is answered at the addresses given here, and nowhere else."""
    accounts = context_of(request).accounts
    made, secret = await accounts.clients.create(
        who,
        name=form.name,
        redirect_uris=form.redirect_uris,
        scopes=frozenset(form.scopes),
        is_public=form.is_public,
    )
    shown = {name: value for name, value in _fields(made).items() if name in ("name", "redirect_uris", "scopes")}
    await accounts.audit.note("client.created", who, subject=made.id, **shown)
    return reply(NewClient(**_fields(made), secret=secret), status=201)


@router.delete("/{client}", summary="Remove an OAuth program", status_code=204, responses=_GONE)
@policy(MANAGE)
async def remove_client(request: Request, who: Who, client: IdInPath) -> Response:
    """Remove a program and end every sign-in that came by it."""
    accounts = context_of(request).accounts
    await accounts.clients.revoke(who.team, client)
    ended = await accounts.logins.revoke_client(client)
    await accounts.audit.note("client.removed", who, subject=client, logins_ended=ended)
    return Response(status_code=204)


def _fields(client: clients.Client) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "scopes": sorted(client.scopes),
        "is_public": client.secret_digest is None,
        "created_at_us": client.created_at_us,
    }
