"""OAuth in the hands of a test: programs of the independent libraries, and the person who agrees or does not.

What a person does on pages is done here by the services behind them, on the hub's own loop.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc8628.clients import DeviceClient
from requests_oauthlib import OAuth2Session

from arkitekt_next.auth.principal import Principal, Role, Scope
from arkitekt_next.hub.accounts.clients import NATIVE, Client
from arkitekt_next.hub.accounts.logins import Login
from arkitekt_next.hub.accounts.oauth import authorize

T = TypeVar("T")
REDIRECT = "http://127.0.0.1:49152/callback"


def ask(server: Any, work: Coroutine[Any, Any, T]) -> T:
    """Run something on the hub's own loop, from a test without a loop."""
    return asyncio.run_coroutine_threadsafe(work, server.app.state.hub.board.loop).result(20)


def accounts_of(server: Any) -> Any:
    return server.app.state.hub.accounts


def at_page(server: Any, *, team: str | None = None, person: str | None = None) -> Principal:
    """A person who sits before a page: the hub's owner in the first team, or somebody else."""
    accounts = accounts_of(server)
    issued = accounts.logins.issue(
        team=team or accounts.team, person=person or accounts.owner, app="page", kind="page", scopes=Scope
    )
    return ask(server, issued)[1]


def newcomer(server: Any, role: Role = Role.MEMBER, team: str | None = None) -> str:
    """Make an account that is a member; give its id."""
    people = accounts_of(server).people

    async def make() -> str:
        name = uuid.uuid4().hex[:8]
        person = await people.create(name=name, email=f"{name}@lab.org", password="open sesame, please")
        await people.join(team or accounts_of(server).team, person.id, role)
        return str(person.id)

    return ask(server, make())


def register(server: Any, *redirects: str, public: bool = True, who: Principal | None = None) -> tuple[Client, str]:
    """Register a program for a team; give it and its secret, if it has one."""
    made = accounts_of(server).clients.create(
        who or at_page(server), name="Plate Reader", redirect_uris=redirects, scopes=Scope, is_public=public
    )
    client, secret = ask(server, made)
    return client, secret or ""


# -- devices -------------------------------------------------------------------------------------------------


class Device:
    """An app without a browser, by oauthlib: it asks for codes, then for tokens."""

    def __init__(
        self, server: Any, *, client: str = NATIVE, scope: Iterable[str] = ("read", "call"), **said: str
    ) -> None:
        self.server = server
        self.session = OAuth2Session(client=DeviceClient(client, scope=list(scope)))
        asked = self.session._client.prepare_request_uri(f"{server.url}/oauth/device_authorization", **said)
        answer = self.session.post(
            asked.partition("?")[0], data=dict(parse_qsl(urlsplit(asked).query)), withhold_token=True
        )
        answer.raise_for_status()
        self.codes: dict[str, Any] = answer.json()

    def poll(self) -> dict[str, Any]:
        """Ask for tokens once. Raises oauthlib's errors."""
        token: dict[str, Any] = self.session.fetch_token(
            f"{self.server.url}/oauth/token", device_code=self.codes["device_code"], include_client_id=True
        )
        return token

    def error(self) -> str:
        """Ask for tokens once, and give the error that comes back."""
        try:
            self.poll()
        except OAuth2Error as error:
            return str(error.error)
        raise AssertionError("there were tokens")


def approve(server: Any, user_code: str, *, person: str | None = None, scopes: Iterable[Scope] | None = None) -> Login:
    """Let a device in, as the page does for a person who typed its code."""
    accounts = accounts_of(server)

    async def decide() -> Login:
        code = await accounts.devices.find_typed(user_code)
        login: Login = await accounts.logins.begin(
            team=accounts.team,
            person=person or accounts.owner,
            app=code.app,
            kind="device",
            scopes=code.scopes if scopes is None else scopes,
            client=code.client,
            version=code.version,
            machine=code.machine,
        )
        await accounts.devices.approve(code, login)
        return login

    return ask(server, decide())


def deny(server: Any, user_code: str) -> None:
    """Turn a device away."""
    devices = accounts_of(server).devices

    async def decide() -> None:
        await devices.deny(await devices.find_typed(user_code))

    ask(server, decide())


def device_sign_in(
    server: Any,
    app: str = "app",
    scope: Iterable[str] = ("read", "call", "provide", "manage"),
    *,
    person: str | None = None,
) -> dict[str, Any]:
    """Sign an app in by the device grant; give its tokens."""
    device = Device(server, app=app, scope=scope)
    approve(server, device.codes["user_code"], person=person)
    return device.poll()


# -- codes ---------------------------------------------------------------------------------------------------


def agree(server: Any, address: str, *, who: Principal | None = None, scopes: Iterable[Scope] | None = None) -> str:
    """Follow a program's sign-in address as a person who agrees; give the address the browser is sent to."""
    accounts = accounts_of(server)
    person = who or at_page(server)

    async def decide() -> str:
        asked = await authorize.check(accounts, parse_qsl(urlsplit(address).query, keep_blank_values=True))
        return await authorize.grant(accounts, asked, person, asked.scopes if scopes is None else scopes)

    return ask(server, decide())


class Program:
    """A program with a browser, by requests-oauthlib: code and PKCE."""

    def __init__(
        self,
        server: Any,
        *,
        client: str = NATIVE,
        secret: str = "",
        redirect_uri: str = REDIRECT,
        scope: Iterable[str] = ("read", "call"),
    ) -> None:
        self.server, self.client, self.secret = server, client, secret
        self.session = OAuth2Session(client, redirect_uri=redirect_uri, scope=list(scope), pkce="S256")
        self.token_url = f"{server.url}/oauth/token"

    def address(self, **more: str) -> str:
        """The address a person opens."""
        address: str = self.session.authorization_url(f"{self.server.url}/oauth/authorize", **more)[0]
        return address

    def fetch(self, answered_at: str) -> dict[str, Any]:
        """Get tokens for the code in an address. Raises oauthlib's errors."""
        proof: dict[str, Any] = {"client_secret": self.secret} if self.secret else {"include_client_id": True}
        token: dict[str, Any] = self.session.fetch_token(self.token_url, authorization_response=answered_at, **proof)
        return token

    def sign_in(self, **more: str) -> dict[str, Any]:
        """Go the whole way."""
        return self.fetch(agree(self.server, self.address(**more)))

    def refresh(self, token: str) -> dict[str, Any]:
        """Get the next tokens, for the session's scope. Raises oauthlib's errors."""
        kept = {"client_id": self.client, **({"client_secret": self.secret} if self.secret else {})}
        fresh: dict[str, Any] = self.session.refresh_token(self.token_url, refresh_token=token, **kept)
        return fresh
