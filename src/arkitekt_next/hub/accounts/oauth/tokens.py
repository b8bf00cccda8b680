"""What a program gets when it may come in: tokens of a sign-in, and whom they stand for, to be shown to people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from arkitekt_next.auth.principal import Scope

from .scopes import write_scopes

if TYPE_CHECKING:
    from arkitekt_next.hub.accounts.logins import Login
    from arkitekt_next.hub.accounts.service import Accounts


async def make_tokens(
    accounts: Accounts,
    login: Login,
    *,
    scopes: Iterable[Scope] | None = None,
    refresh: str | None = None,
    nonce: str | None = None,
) -> dict[str, Any]:
    """Make the answer of the token endpoint (RFC 6749 §5.1) for a sign-in.

    `scopes` narrows the access token. `refresh` is the next refresh token, made here when there is none yet. `nonce`
    None: no ID token; empty: one without a nonce.
    """
    granted = login.scopes if scopes is None else login.scopes & frozenset(scopes)
    answer: dict[str, Any] = {
        "access_token": await accounts.logins.issue_access(login, granted),
        "token_type": "Bearer",
        "expires_in": accounts.keys.access_s,
        "refresh_token": refresh or await accounts.logins.issue_refresh(login),
        "scope": write_scopes(granted, with_identity=nonce is not None),
        **await describe(accounts, login.team, login.person),
        "app": login.app,
    }
    if nonce is not None:
        claims = {"sub": login.person, "aud": login.client, "sid": login.id, "name": answer["person"]["name"]}
        answer["id_token"] = await accounts.keys.sign_identity({**claims, "nonce": nonce} if nonce else claims)
    return answer


async def describe(accounts: Accounts, team: str, person: str) -> dict[str, dict[str, str]]:
    """Name a team and a person, for people to read."""
    names = {known.id: known.name for known in await accounts.people.teams(person)}
    somebody = await accounts.people.find(person)
    return {"team": {"id": team, "name": names.get(team, "")}, "person": {"id": person, "name": somebody.name}}
