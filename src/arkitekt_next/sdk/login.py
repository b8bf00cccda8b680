"""Which hub to speak to, and with which token.

The address comes from the argument, else `ARKITEKT_URL`, else the `hub.json` of the hub on this machine. The token
comes, in this order, from: the argument or `ARKITEKT_TOKEN`; what was kept of an earlier sign-in of this app at this
hub; `ARKITEKT_REDEEM_TOKEN`; the proof of being this machine's user (`local`). Asking a person is for programs that
have one before them (`device`). The rule: nothing here prompts or opens anything, so a library or a service can use it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from arkitekt_next.errors import ArkitektError, HubUnavailable, NotAuthenticated, RequestRefused, SignInNeeded
from arkitekt_next.platform import hub_folder

from . import oauth
from .announced import read_hub_file
from .credentials import Credentials, CredentialStore
from .local import find_key, prove
from .web import START_HUB

URL = "ARKITEKT_URL"
TOKEN = "ARKITEKT_TOKEN"
REDEEM_TOKEN = "ARKITEKT_REDEEM_TOKEN"

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Access:
    """A hub's address and a token that it accepts; `expires_at` by this machine's clock, where it is known."""

    url: str
    token: str = field(repr=False)
    expires_at: float | None = None

    @property
    def has_expired(self) -> bool:
        """Whether the token should be replaced before it is used again."""
        return self.expires_at is not None and time.time() >= self.expires_at


def discover(url: str | None = None) -> str:
    """Give the address of the hub to use; raise `HubUnavailable` when there is none to be found."""
    if url:
        return normalize(url)
    chosen = os.environ.get(URL)
    if chosen:
        return normalize(chosen, f"the environment variable {URL}")
    known = read_hub_file(hub_folder())
    if known is None:
        raise HubUnavailable(
            f"No hub was found: url= and {URL} are not set, and there is no hub.json in {hub_folder()}. {START_HUB}",
            url="",
            remedy=START_HUB,
        )
    return normalize(str(known["url"]))


def normalize(url: str, where: str = "url") -> str:
    """Bring an address into the form `scheme://host[:port]`; a bare `host:port` means http.

    Raises `RequestRefused`, naming `where` it came from, for what is no address.
    """
    text = url.strip().rstrip("/")
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme) if host else ""
    is_address = scheme in _PORTS and port != 0 and not set(host) & set(" \t\r\n<>\"'\\^`{|}%")
    if not is_address or "@" in parts.netloc or parts.netloc.endswith(":"):
        problem = f"expected a hub's address such as https://lab.example.org or http://localhost:8787, got '{url}'"
        raise RequestRefused(where=where, problem=problem)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port in (None, _PORTS[scheme]) else f"{scheme}://{shown}:{port}"


def sign_in(app: str, *, url: str | None = None, token: str | None = None, version: str = "") -> Access:
    """Find the hub and get a token for `app`. Blocks on the network: never call it on an event loop.

    Raises `HubUnavailable` when nothing answers, `SignInNeeded` when a person has to sign the app in first, and
    `NotAuthenticated` for what is given and not taken.
    """
    return SignIn(app, url=url, token=token, version=version)()


class SignIn:
    """How one app signs in, time after time, and which tokens a hub has refused; usable from any thread.

    Calling it blocks on the network. `environment` is where `ARKITEKT_TOKEN` and `ARKITEKT_REDEEM_TOKEN` are looked up.
    """

    def __init__(
        self,
        app: str,
        *,
        url: str | None = None,
        token: str | None = None,
        version: str = "",
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._app = app
        self._url = url
        self._token = token
        self._version = version
        self._environment = environment
        self._refused: dict[str, str] = {}
        self._ended: dict[str, str] = {}  # so that whoever asks second hears the same as who asked first
        self._store = CredentialStore()
        self._turn = threading.Lock()

    def refuse(self, token: str, reason: str) -> None:
        """Note that the hub does not take a token; it won't be given again."""
        self._refused[token] = reason

    def __call__(self) -> Access:
        """Give a token that holds, or raise why there is none; see `sign_in`."""
        with self._turn:
            return self._find(discover(self._url))

    def _find(self, address: str) -> Access:
        given = self._token or self._environment.get(TOKEN)
        if given:
            return self._given(address, given)
        found = self._kept(address) or self._redeemed(address)
        if found is not None:
            return Access(address, found.access_token, found.expires_at)
        key = find_key(address)
        token = prove(address, key, self._app) if key is not None else None
        if token is None:
            why = self._ended.get(address) or f"{self._app} is not signed in at {address}"
            raise needed(address, self._app, why, has_ended=address in self._ended)
        return Access(address, token)

    def _given(self, address: str, token: str) -> Access:
        if token in self._refused:
            where = "token=" if self._token else TOKEN
            raise SignInNeeded(
                reason=f"the hub at {address} does not take the token given in {where}: "
                + self._refused[token].rstrip("."),
                remedy="Give a new one, or none and sign in: " + login_line(address, self._app),
            )
        return Access(address, token)

    # -- what was kept -------------------------------------------------------------------------------------------

    def _kept(self, address: str) -> Credentials | None:
        known = self._store.read(address, self._app)
        if known is None or self._holds(known):
            return known
        with self._store.locked(address, self._app):
            known = self._store.read(address, self._app)
            if known is None or self._holds(known):  # another process was faster
                return known
            self._store.write(known)  # where that fails, the next token could not be kept: this one is not used up then
            try:
                renewed = _asked(address, lambda: oauth.refresh(known))
            except oauth.Refused as refused:
                self._store.remove(address, self._app)
                if self._environment.get(REDEEM_TOKEN):
                    return None
                self._ended[address] = f"the sign-in of {self._app} at {address} has ended ({refused})"
                raise needed(address, self._app, self._ended[address], has_ended=True) from refused
            self._store.write(renewed)
        return renewed

    def _holds(self, known: Credentials) -> bool:
        return known.is_fresh and known.access_token not in self._refused

    def _redeemed(self, address: str) -> Credentials | None:
        token = self._environment.get(REDEEM_TOKEN)
        if not token:
            return None
        with self._store.locked(address, self._app):
            if not self._store.has(address, self._app):  # else another process was faster; it may work only once
                return self._redeem(address, token)
        return self._kept(address)

    def _redeem(self, address: str, token: str) -> Credentials:
        try:
            found = _asked(address, lambda: oauth.redeem(address, token, app=self._app, version=self._version))
        except oauth.Refused as refused:
            raise SignInNeeded(
                reason=f"the hub at {address} does not take the token of {REDEEM_TOKEN} for {self._app}: "
                + str(refused).rstrip("."),
                remedy="Ask whoever made it for a new one",
            ) from refused
        self._store.write(found)
        return found


def _asked(address: str, ask: Callable[[], Credentials]) -> Credentials:
    """Make a request for tokens; only `invalid_grant` is the end of a sign-in and comes through as `Refused`."""
    try:
        return ask()
    except oauth.Refused as refused:
        if refused.code == "invalid_grant":
            raise
        if refused.code == "slow_down":
            remedy = f"Try again in {refused.retry_after_s or 5:g} s"
            raise HubUnavailable(url=address, reason="too many sign-ins at once", remedy=remedy) from refused
        raise NotAuthenticated(
            reason=f"the hub at {address} does not sign this program in: {refused} ({refused.code})",
            remedy="Hub and program may be of different versions",
        ) from refused


def can_sign_in(address: str, app: str) -> bool:
    """Say whether an app has any means to sign in by itself, without asking the hub whether they still count."""
    given = os.environ.get(TOKEN) or os.environ.get(REDEEM_TOKEN)
    return bool(given) or CredentialStore().has(address, app) or find_key(address) is not None


def login_line(address: str, app: str) -> str:
    """Give the command that signs an app in."""
    return f"arkitekt-next login --url {address} --app {app}"


def needed(address: str, app: str, reason: str, *, has_ended: bool = False) -> SignInNeeded:
    """Make the error for an app that a person has to sign in."""
    again = " again" if has_ended else ""
    remedy = f"Sign in{again}: {login_line(address, app)}"
    if not has_ended:
        remedy += f" (or give a token in {TOKEN}, on an unattended machine one in {REDEEM_TOKEN})"
    return SignInNeeded(reason=reason, remedy=remedy, url=address, app=app, has_ended=has_ended)


def sign_out(address: str, app: str) -> ArkitektError | None:
    """Forget the sign-in of an app, here and at its hub; give why the hub could not be told, or None when it was.

    Blocks on the network.
    """
    store = CredentialStore()
    untold: ArkitektError | None = None
    with store.locked(address, app):
        try:
            known = store.read(address, app)
            if known is not None:
                oauth.revoke(known)
        except ArkitektError as failed:
            untold = failed
        except oauth.Refused as refused:
            untold = HubUnavailable(url=address, reason=str(refused), remedy="Try again")
        store.remove(address, app)
    return untold
