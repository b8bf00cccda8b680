"""The authorization request (RFC 6749 §4.1.1): whether a program may ask a person at all, and where the answer goes.

Pages show what is asked for and let the person decide; programs come with the code to the token endpoint. The rule:
nobody is sent to an address before client and address are known to belong together, and nothing is asked without PKCE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.errors import NotPermitted, RequestRefused
from arkitekt_next.hub.accounts.clients import Client

from .programs import app_of
from .scopes import read_scopes, wants_identity

if TYPE_CHECKING:
    from arkitekt_next.hub.accounts.service import Accounts

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST = 2000
_WHERE = "sign-in address"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program asks a person for, after it was checked.

    `app` is the name the sign-in will have. `nonce` None: no ID token is wanted; empty: one without a nonce.
    """

    client: Client
    app: str
    redirect_uri: str
    scopes: frozenset[Scope]
    state: str | None
    challenge: str
    nonce: str | None
    issuer: str


class Answerable(RequestRefused):
    """A request that is refused, but whose program may be told so: send the browser to `address`."""

    def __init__(self, *, error: str, problem: str, redirect_uri: str, state: str | None, issuer: str) -> None:
        super().__init__(where=_WHERE, problem=problem)
        self.error = error
        self.address = _answer(redirect_uri, issuer, state, [("error", error), ("error_description", problem)])


async def check(accounts: Accounts, params: Sequence[tuple[str, str]]) -> Asked:
    """Check the parameters of an authorization request, as they stood in its address, repeated ones included.

    Raises `Answerable` when the error is for the program to hear, and `RequestRefused` when client or redirect URI are
    not to be believed: show that to the person, and send the browser nowhere. Source: RFC 6749 §4.1.2.1, RFC 9700 §2.1.
    """
    given = {name: value for name, value in params if value}  # one without a value counts as left out, RFC 6749 §3.1
    names = [name for name, _ in params]
    for name in ("client_id", "redirect_uri"):
        if names.count(name) != 1 or name not in given:
            raise RequestRefused(where=_WHERE, problem=f"expected {name} exactly once")
    if any(len(name) + len(value) > _LONGEST for name, value in params):
        raise RequestRefused(where=_WHERE, problem=f"expected at most {_LONGEST} characters in each parameter")
    if any("\0" in name + value for name, value in params):
        raise RequestRefused(where=_WHERE, problem="expected parameters without NUL")
    client = await accounts.clients.find(given["client_id"])
    if client is None:
        raise RequestRefused(where=_WHERE, problem="no program is registered here under this client_id")
    if not client.takes_redirect(given["redirect_uri"]):
        raise RequestRefused(where=_WHERE, problem=f"{client.name} is not registered for this redirect_uri")
    return _check_rest(client, given, names, accounts.keys.issuer)


def _check_rest(client: Client, given: dict[str, str], names: list[str], issuer: str) -> Asked:
    state = given.get("state") if names.count("state") == 1 else None

    def refused(error: str, problem: str) -> Answerable:
        uri = given["redirect_uri"]
        return Answerable(error=error, problem=problem, redirect_uri=uri, state=state, issuer=issuer)

    if len(set(names)) != len(names):
        raise refused("invalid_request", "expected each parameter once")
    if given.get("response_type") != "code":
        code = "unsupported_response_type" if "response_type" in given else "invalid_request"
        raise refused(code, "expected response_type=code")
    if given.get("response_mode", "query") != "query":
        raise refused("invalid_request", "expected response_mode=query, or none")
    for name in ("request", "request_uri"):
        if name in given:
            raise refused(f"{name}_not_supported", f"expected plain parameters, without {name}")
    if "none" in given.get("prompt", "").split():
        raise refused("interaction_required", "a person has to agree here each time")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not _S256_CHALLENGE.fullmatch(challenge):
        raise refused(
            "invalid_request", "expected PKCE: code_challenge_method=S256, and a code_challenge of 43 letters"
        )
    try:
        scopes = read_scopes(given.get("scope"), client.scopes)
    except ValueError:
        raise refused("invalid_scope", f"expected some of {', '.join(Scope)}") from None
    if not scopes <= client.scopes:
        raise refused("invalid_scope", f"this program is registered for {', '.join(sorted(client.scopes))}")
    app = app_of(client, given.get("app"))
    if app is None:
        raise refused("invalid_request", "expected an app name of small letters, digits, - and _")
    nonce = given.get("nonce", "") if wants_identity(given.get("scope")) else None
    return Asked(client, app, given["redirect_uri"], scopes, state, challenge, nonce, issuer)


async def grant(accounts: Accounts, asked: Asked, who: Principal, scopes: Iterable[Scope]) -> str:
    """Let the program in for a person who agreed to these scopes; give the address to send the browser to.

    Raises `NotPermitted` for a program of another team, `RequestRefused` for more than was asked for.
    """
    agreed = frozenset(scopes)
    if asked.client.team not in (None, who.team):
        raise NotPermitted(
            person=who.person,
            verb="sign in",
            what=asked.client.name,
            remedy="It belongs to another team: go there first",
        )
    if not agreed <= asked.scopes & who.scopes or (asked.scopes and not agreed):
        allowed = ", ".join(sorted(asked.scopes & who.scopes))
        raise RequestRefused(where="scopes", problem=f"expected at least one of what is asked for ({allowed}), no more")
    login = await accounts.logins.begin(
        team=who.team, person=who.person, app=asked.app, kind="code", scopes=agreed, client=asked.client.id
    )
    code = await accounts.codes.create(
        login,
        client=asked.client.id,
        redirect_uri=asked.redirect_uri,
        scopes=agreed,
        challenge=asked.challenge,
        nonce=asked.nonce,
    )
    await accounts.audit.note("login.agreed", who, subject=login.id, app_of=asked.app, client=asked.client.id)
    return _answer(asked.redirect_uri, asked.issuer, asked.state, [("code", code)])


def deny(asked: Asked) -> str:
    """Give the address that tells the program that the person said no."""
    denied = [("error", "access_denied"), ("error_description", "the person said no")]
    return _answer(asked.redirect_uri, asked.issuer, asked.state, denied)


def _answer(redirect_uri: str, issuer: str, state: str | None, fields: list[tuple[str, str]]) -> str:
    """Write the address of an answer; `iss` says whose it is. Source: RFC 6749 §4.1.2, RFC 9207 §2."""
    if state is not None:
        fields = [*fields, ("state", state)]
    separator = "&" if "?" in redirect_uri else "?"
    return f"{redirect_uri}{separator}{urlencode([*fields, ('iss', issuer)])}"
