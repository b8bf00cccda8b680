"""The endpoints beside the token's: asking for device codes, ending a sign-in, asking what a token stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint

from arkitekt_next.auth.principal import Scope
from arkitekt_next.errors import NotAuthenticated
from arkitekt_next.hub.accounts.devices import DEVICE_CODE_S, INTERVAL_S
from arkitekt_next.hub.accounts.keys import AUDIENCE

from .adapters import ANY_METHOD, SECRET_METHODS, FormRequest, KnownClient, KnownToken
from .programs import app_of, printable
from .scopes import write_scopes

if TYPE_CHECKING:
    from arkitekt_next.hub.accounts.logins import Login

    from .server import Server

Answer = tuple[int, dict[str, Any], list[tuple[str, str]]]


class DeviceEndpoint(DeviceAuthorizationEndpoint):
    """Gives an app a device code for itself, and a user code to show. Source: RFC 8628 §3.1."""

    CLIENT_AUTH_METHODS = ANY_METHOD
    server: Server

    def create_endpoint_response(self, request: FormRequest) -> Answer:
        """Make both codes for what the app asks for. The complete address holds the user code in its fragment."""
        known: KnownClient = self.authenticate_client(request)
        client, form = known.client, request.form
        scopes = self.server.requested_scopes(form.get("scope"), client.scopes)
        app = app_of(client, form.get("app"))
        if app is None:
            raise InvalidRequestError("Expected app to be small letters, digits, - and _, beginning with a letter.")
        device_code, user_code = self.server.ask(
            self.server.accounts.devices.create,
            client=client.id,
            app=app,
            version=printable(form.get("version"), 64),
            machine=printable(form.get("machine"), 128),
            scopes=scopes,
        )
        address = f"{self.server.url}/device"
        answer = {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": address,
            "verification_uri_complete": f"{address}#{user_code}",  # a query would end in logs
            "expires_in": DEVICE_CODE_S,
            "interval": INTERVAL_S,
        }
        return 200, answer, []


class RevokeEndpoint(RevocationEndpoint):
    """Ends the sign-in that a token belongs to, whichever of its tokens it is. Source: RFC 7009 §2.1."""

    CLIENT_AUTH_METHODS = ANY_METHOD
    server: Server

    def check_params(self, request: FormRequest, client: KnownClient) -> None:
        """Expect a token; the hint may be anything, since we look at the token itself."""
        if "token" not in request.form:
            raise InvalidRequestError("Expected token.")

    def authenticate_token(self, request: FormRequest, client: KnownClient) -> KnownToken | None:
        """Find the sign-in of a token; another client's is answered like one that there is not."""
        self.check_params(request, client)
        login = self._login_of(request.form["token"])
        token = KnownToken(login, request.form["token"]) if login is not None else None
        return token if token is not None and token.check_client(client) else None

    def _login_of(self, text: str) -> Login | None:
        accounts = self.server.accounts
        found = self.server.ask(accounts.logins.find_refresh, text)
        if found is not None:
            login: Login = found[0]
            return login
        try:
            claims = self.server.ask(accounts.keys.verify, text)
        except NotAuthenticated:
            return None
        signed: Login | None = self.server.ask(accounts.logins.find, str(claims["sid"]))
        return signed

    def revoke_token(self, token: KnownToken, request: FormRequest) -> None:
        """End the whole sign-in; its sockets close."""
        if self.server.ask(self.server.accounts.logins.revoke, [token.login.id]):
            self.server.note("login.revoked", token.login.id)


class IntrospectEndpoint(IntrospectionEndpoint):
    """Says what a token stands for, to programs and people of its own team. Source: RFC 7662 §2."""

    CLIENT_AUTH_METHODS = SECRET_METHODS
    server: Server

    def create_endpoint_response(self, request: FormRequest) -> Answer:
        """Answer a client that proves itself by its secret, or somebody who comes with a token of their own.

        Raises Authlib's errors, and `NotAuthenticated` for a token that does not hold.
        """
        team = self._asking_team(request)
        if "token" not in request.form:
            raise InvalidRequestError("Expected token.")
        said = self.server.ask(self._say, request.form["token"], team) if team is not None else None
        return 200, {"active": False} if said is None else {"active": True, **said}, []

    def _asking_team(self, request: FormRequest) -> str | None:
        authorization = request.headers.get("Authorization", "")
        if authorization.lower().startswith("bearer "):
            who = self.server.ask(self.server.accounts.logins.identify, authorization)
            return who.team if who.has(Scope.READ) else None
        known: KnownClient = self.authenticate_endpoint_client(request)
        return known.client.team

    async def _say(self, text: str, team: str) -> dict[str, Any] | None:
        logins = self.server.accounts.logins
        found = await logins.find_refresh(text)
        if found is not None:
            login, is_spent = found
            return None if is_spent or login.team != team else await self._say_of(login, login.scopes)
        try:
            who = await logins.identify_token(text)
        except NotAuthenticated:
            return None
        known = await logins.find(who.login)
        if known is None or who.team != team:
            return None
        said = await self._say_of(known, who.scopes)
        return {**said, "token_type": "Bearer", "exp": who.expires_at_us // 1_000_000}

    async def _say_of(self, login: Login, scopes: frozenset[Scope]) -> dict[str, Any]:
        person = await self.server.accounts.people.find(login.person)
        return {
            "scope": write_scopes(scopes),
            "client_id": login.client,
            "username": person.name,
            "sub": login.person,
            "aud": AUDIENCE,
            "iss": self.server.url,
            "sid": login.id,
            "team": login.team,
            "app": login.app,
        }
