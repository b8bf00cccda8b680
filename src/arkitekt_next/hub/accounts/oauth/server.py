"""Authlib's authorization server over our services: one object a request, in a worker thread of its own.

Authlib's core is synchronous, our services live on the hub's loop: it runs in a thread and asks them across. The rule:
nothing of a request outlives it here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import from_thread, to_thread
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidClientError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.util import extract_basic_authorization

from arkitekt_next.auth.principal import Scope

from .adapters import FormRequest, KnownClient
from .endpoints import DeviceEndpoint, IntrospectEndpoint, RevokeEndpoint
from .grants import CodeGrant, DeviceGrant, RedeemGrant, RefreshGrant, S256Challenge
from .scopes import read_scopes
from .tokens import make_tokens

if TYPE_CHECKING:
    from arkitekt_next.hub.accounts.logins import Login
    from arkitekt_next.hub.accounts.service import Accounts

T = TypeVar("T")
Answer = tuple[int, dict[str, Any], dict[str, str]]


async def serve(accounts: Accounts, endpoint: str, form: dict[str, str], authorization: str | None) -> Answer:
    """Serve one request to `token`, `device_authorization`, `revocation` or `introspection`.

    Gives status, body and headers, errors of OAuth included.
    """
    server = Server(accounts)
    return await to_thread.run_sync(server.respond, endpoint, FormRequest(form, authorization))


class Server(AuthorizationServer):
    """The server for one request. `scopes`, `refresh` and `nonce` are what a grant has found out for its tokens."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self.accounts = accounts
        self.url = accounts.keys.issuer
        self.scopes: frozenset[Scope] | None = None
        self.refresh: str | None = None
        self.nonce: str | None = None
        self.register_grant(CodeGrant, [S256Challenge(required=True)])
        for grant in (RefreshGrant, DeviceGrant, RedeemGrant):
            self.register_grant(grant)
        for endpoint in (DeviceEndpoint, RevokeEndpoint, IntrospectEndpoint):
            self.register_endpoint(endpoint)
        self.register_token_generator("default", self._make_tokens)

    def respond(self, endpoint: str, request: FormRequest) -> Answer:
        """Serve the request; blocks."""
        try:
            _check_credentials(request)
            if endpoint == "token" and "grant_type" not in request.form:
                raise InvalidRequestError("Expected grant_type.")
        except (InvalidClientError, InvalidRequestError) as error:
            refused: Answer = self.handle_error_response(request, error)
            return refused
        made: Answer
        if endpoint == "token":
            made = self.create_token_response(request)
        else:
            made = self.create_endpoint_response(endpoint, request)
        return made

    # -- what our grants and endpoints ask -------------------------------------------------------------------------

    def ask(self, service: Callable[..., Coroutine[Any, Any, T]], *args: Any, **options: Any) -> T:
        """Call a service on the hub's loop and wait for what it gives."""
        return from_thread.run(partial(service, *args, **options))

    def is_member(self, login: Login) -> bool:
        """Whether the person of a sign-in may still act in its team, and its client there."""
        client = self.query_client(login.client)
        is_at_home = client is not None and client.client.team in (None, login.team)
        return is_at_home and self.accounts.people.role_of(login.team, login.person) is not None

    def requested_scopes(self, text: str | None, allowed: frozenset[Scope] = frozenset(Scope)) -> frozenset[Scope]:
        """Read the scopes that a form asks for; all that are allowed, when it names none. Raises Authlib's error."""
        try:
            scopes = read_scopes(text, allowed)
        except ValueError:
            raise InvalidScopeError(f"Expected some of {', '.join(Scope)}.") from None
        if not scopes <= allowed:
            raise InvalidScopeError(f"This program is registered for {', '.join(sorted(allowed))}.")
        return scopes

    def note(self, event: str, login: str) -> None:
        """Write an event of a sign-in into the audit log."""
        self.ask(self._note, event, login)

    async def _note(self, event: str, login: str) -> None:
        found = await self.accounts.logins.find(login)
        if found is not None:
            named: dict[str, Any] = {"app_of": found.app, "client": found.client, "kind": found.kind}
            await self.accounts.audit.note(event, team=found.team, person=found.person, subject=login, **named)

    # -- what Authlib asks -----------------------------------------------------------------------------------------

    def query_client(self, client_id: str) -> KnownClient | None:
        """Find a client."""
        client = self.ask(self.accounts.clients.find, client_id)
        return KnownClient(client) if client is not None else None

    def authenticate_client(self, request: FormRequest, methods: Sequence[str], endpoint: str = "token") -> KnownClient:
        """Give the client of a request. Raises Authlib's error, in words of ours."""
        try:
            known: KnownClient = super().authenticate_client(request, methods, endpoint)
        except InvalidClientError:
            ways = "client_id" if "none" in methods else "client_id and client_secret"
            said = f"Expected the {ways} of a program registered here, with its secret if it has one."
            raise InvalidClientError(said, status_code=401) from None
        return known

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        """Take the request as it is."""
        return request

    def validate_requested_scope(self, scope: str | None) -> None:
        """Refuse scopes that there are not."""
        self.requested_scopes(scope)

    def _make_tokens(self, *, user: Login, **_: Any) -> dict[str, Any]:
        return self.ask(make_tokens, self.accounts, user, scopes=self.scopes, refresh=self.refresh, nonce=self.nonce)

    def save_token(self, token: dict[str, Any], request: FormRequest) -> None:
        """Note a sign-in; the tokens themselves were kept when they were made, as digests or not at all."""
        if self.refresh is None:
            self.note("login.began", request.user.id)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Tell nobody."""

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:
        """Give an answer as the routes write it."""
        kept = {name: value for name, value in headers if name.lower() == "www-authenticate"}
        return status, body, kept


def _check_credentials(request: FormRequest) -> None:
    """Refuse credentials that can't be read, or contradict each other. Source: RFC 6749 §2.3."""
    try:
        client, secret = extract_basic_authorization(request.headers)
    except ValueError:
        raise InvalidClientError("The header Authorization can't be read.", status_code=401) from None
    if client is None:
        return
    if secret and "client_secret" in request.form:
        raise InvalidRequestError("Expected one way to prove who the client is, got two.")
    if request.form.get("client_id", client) != client:
        raise InvalidRequestError("Expected the same client_id in the header Authorization and in the form.")
