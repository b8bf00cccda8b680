"""The ways to a token: a code, a device code, a refresh token, a redeem token. Authlib goes along, our services decide.

All of it runs in a worker thread and asks the services on the hub's loop. The rule: whatever is used up is used up by
one conditional write, right before tokens are made, so of several who come at once one is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import (
    AuthorizationCodeGrant,
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    RefreshTokenGrant,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceCodeGrant

from arkitekt_next.hub.accounts.clients import NATIVE

from .adapters import ANY_METHOD, KnownClient, KnownCode, KnownDevice, KnownToken
from .metadata import REDEEM_GRANT_TYPE
from .programs import app_of, printable
from .scopes import read_scopes

if TYPE_CHECKING:
    from arkitekt_next.auth.principal import Scope
    from arkitekt_next.hub.accounts.devices import DeviceCode
    from arkitekt_next.hub.accounts.logins import Login

    from .server import Server


class S256Challenge(CodeChallenge):
    """PKCE, by S256 and for every client."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


class CodeGrant(AuthorizationCodeGrant):
    """Redeems an authorization code. Source: RFC 6749 §4.1.3, RFC 9700 §2.1.1."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY_METHOD
    server: Server

    def query_authorization_code(self, code: str, client: KnownClient) -> KnownCode | None:
        """Find a code of this client. One that was used before has been seen by somebody else."""
        server = self.server
        found = server.ask(server.accounts.codes.find, code)
        if found is None or found.client != client.get_client_id():
            return None
        if found.used_at_us is not None:
            self._use(KnownCode(found))
            return None
        return KnownCode(found)

    def authenticate_user(self, authorization_code: KnownCode) -> Login:
        """Use the code up and give its sign-in."""
        login = self._use(authorization_code)
        if login is None or not self.server.is_member(login):
            raise InvalidGrantError("The code was used before, or its sign-in has ended.")
        self.server.nonce = authorization_code.code.nonce
        return login

    def _use(self, known: KnownCode) -> Login | None:
        server = self.server
        login = server.ask(server.accounts.codes.use, known.code)
        if login is None:
            server.note("code.reused", known.code.login)
        return login

    def delete_authorization_code(self, authorization_code: KnownCode) -> None:
        """Do nothing more: it is used up, and kept to notice who comes with it again."""


class RefreshGrant(RefreshTokenGrant):
    """Gives the next pair of tokens for a refresh token, which works once. Source: RFC 9700 §4.14.2."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY_METHOD
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Server

    def authenticate_refresh_token(self, refresh_token: str) -> KnownToken | None:
        """Find the sign-in, without using the token up yet."""
        server = self.server
        found = server.ask(server.accounts.logins.find_refresh, refresh_token)
        return KnownToken(found[0], refresh_token) if found is not None else None

    def authenticate_user(self, refresh_token: KnownToken) -> Login:
        """Use the token up; who comes with a used one ends the sign-in."""
        server = self.server
        rotated = server.ask(server.accounts.logins.rotate, refresh_token.text)
        if rotated is None:
            server.note("refresh_token.reused", refresh_token.login.id)
            raise InvalidGrantError("The refresh token was used before, so this sign-in has ended: sign in again.")
        login, server.refresh = rotated
        scope = self.request.payload.scope
        server.scopes = read_scopes(scope, login.scopes) if scope else None
        return login

    def revoke_old_credential(self, refresh_token: KnownToken) -> None:
        """Do nothing more: it is used up."""


class DeviceGrant(DeviceCodeGrant):
    """Tells an app what became of its device code, and gives tokens when it was approved. Source: RFC 8628 §3.4."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY_METHOD
    server: Server

    def query_device_credential(self, device_code: str) -> KnownDevice:
        """Find a device code."""
        server = self.server
        found = server.ask(server.accounts.devices.find, device_code)
        if found is None:
            raise InvalidGrantError("There is no such device code.")
        return KnownDevice(found)

    def query_user_grant(self, user_code: DeviceCode) -> tuple[Login | None, bool] | None:
        """Say who decided, and how; None while nobody has."""
        if user_code.status == "redeemed":
            raise InvalidGrantError("This device code was redeemed already.")
        if user_code.status == "pending":
            return None
        login = self.server.ask(self.server.accounts.logins.find, user_code.login or "")
        if user_code.status != "approved" or login is None or login.revoked_at_us is not None:
            return None, False
        return login, self.server.is_member(login)

    def should_slow_down(self, credential: KnownDevice) -> bool:
        """Note that the app has asked, and say whether it did too soon."""
        return bool(self.server.ask(self.server.accounts.devices.poll, credential.code))

    def validate_device_credential(self, credential: KnownDevice) -> Login:
        """Use an approved code up and give its sign-in."""
        login: Login = super().validate_device_credential(credential)
        if not self.server.ask(self.server.accounts.devices.redeem, credential.code):
            raise InvalidGrantError("This device code was redeemed already.")
        return login


class RedeemGrant(BaseGrant, TokenEndpointMixin):
    """Gives an unattended app a sign-in for whoever made the redeem token. A grant of ours."""

    GRANT_TYPE = REDEEM_GRANT_TYPE
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    server: Server

    def validate_token_request(self) -> None:
        """Check who asks, and for which app. Raises Authlib's errors."""
        client: KnownClient = self.authenticate_token_endpoint_client()
        if client.get_client_id() != NATIVE:
            raise UnauthorizedClientError(f"Redeem tokens are for the client {NATIVE}.")
        form = self.request.form
        if "redeem_token" not in form or "app" not in form:
            raise InvalidRequestError("Expected redeem_token and app.")
        if app_of(client.client, form["app"]) is None:
            raise InvalidRequestError("Expected app to be small letters, digits, - and _, beginning with a letter.")
        self.server.requested_scopes(form.get("scope"))
        self.request.client = client

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Use the token up and make the sign-in."""
        server, form = self.server, self.request.form
        token = server.ask(server.accounts.redeem_tokens.redeem, form["redeem_token"], form["app"])
        if token is None or server.accounts.people.role_of(token.team, token.person) is None:
            raise InvalidGrantError("The redeem token is unknown, used up, expired, revoked, or bound to another app.")
        wanted: frozenset[Scope] = server.requested_scopes(form.get("scope")) or token.scopes
        login = server.ask(
            server.accounts.logins.begin,
            team=token.team,
            person=token.person,
            app=form["app"],
            kind="redeem",
            scopes=token.scopes & wanted,
            client=NATIVE,
            version=printable(form.get("version"), 64),
            machine=printable(form.get("machine"), 128),
        )
        self.request.user = login
        tokens = self.generate_token(user=login)
        self.save_token(tokens)
        return 200, tokens, self.TOKEN_RESPONSE_HEADER
