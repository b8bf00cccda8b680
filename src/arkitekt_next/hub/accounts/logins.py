"""Sign-ins and their tokens: one sign-in (`login`) is one app acting for one person in one team, until it is revoked.

Opaque tokens (of the local sign-in and of browser pages) and refresh tokens are kept as digests; access tokens of OAuth
are signed and kept nowhere. Whoever comes with any of them is looked up once and then known from memory. The rule: what
a token may do is what its sign-in was given, as long as the person is a member and the sign-in is not revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, select, update

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.auth.secrets import digest_of, new_secret
from arkitekt_next.errors import NotAuthenticated, StorageFull
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

    from .keys import Keys
    from .people import People

TOKEN_S = 12 * 3600
REFRESH_S = 60 * 24 * 3600
PAGE_S = 14 * 24 * 3600
_CACHE_LIMIT = 10_000
_USED_EVERY_US = 60_000_000

_INSERT_LOGIN = insert_or(t.login, ["id"])
_INSERT_TOKEN = insert_or(t.token, ["digest"])
_USE_TOKEN = Statement(
    "use token",
    update(t.token)
    .where(t.token.c.digest == bindparam("b_digest"), t.token.c.used_at_us.is_(None))
    .values(used_at_us=bindparam("used_at_us")),
)
_TOUCH_LOGIN = Statement(
    "touch login",
    update(t.login)
    .where(t.login.c.id == bindparam("b_login"), t.login.c.revoked_at_us.is_(None))
    .values(used_at_us=bindparam("used_at_us")),
)
_REVOKE_LOGIN = Statement(
    "revoke login",
    update(t.login)
    .where(t.login.c.id == bindparam("b_login"), t.login.c.revoked_at_us.is_(None))
    .values(revoked_at_us=bindparam("revoked_at_us")),
)
_NO_TOKEN = "The token is unknown, expired or revoked"


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in. `kind` says how: local, page, device, code, redeem."""

    id: str
    team: str
    person: str
    app: str
    kind: str
    client: str
    scopes: frozenset[Scope]
    version: str
    machine: str
    created_at_us: int
    used_at_us: int
    revoked_at_us: int | None


class Logins:
    """All sign-ins. `on_revoked` is called with the ids of those that end here."""

    def __init__(self, database: Database, keys: Keys, people: People) -> None:
        self._database = database
        self._keys = keys
        self._people = people
        self._known: dict[bytes, Principal] = {}
        self._local: dict[tuple[str, str, str], str] = {}
        self._touched: dict[str, int] = {}
        self._revoked: set[str] = set()
        self._revoked_since_us = now_us()
        self.on_revoked: Callable[[set[str]], None] = lambda logins: None

    # -- beginning -------------------------------------------------------------------------------------------------

    async def begin(
        self,
        *,
        team: str,
        person: str,
        app: str,
        kind: str,
        scopes: Iterable[Scope],
        client: str = "",
        version: str = "",
        machine: str = "",
    ) -> Login:
        """Record a sign-in."""
        now = now_us()
        login = Login(
            new_id(), team, person, app, kind, client, frozenset(scopes), version[:64], machine[:128], now, now, None
        )
        await self._database.ledger.commit((_INSERT_LOGIN, _row_of(login)))
        return login

    async def issue(
        self, *, team: str, person: str, app: str, kind: str = "local", scopes: Iterable[Scope] = Scope
    ) -> tuple[str, Principal]:
        """Make an opaque token for a person and an app; give its text, which is kept nowhere.

        The local sign-in of one app is one sign-in, however often it starts.
        """
        now = now_us()
        expires_at_us = now + (PAGE_S if kind == "page" else TOKEN_S) * 1_000_000
        key = (team, person, app)
        known = (self._local.get(key) or await self._find_local(key)) if kind == "local" else None
        login = Login(known or new_id(), team, person, app, kind, "", frozenset(scopes), "", "", now, now, None)
        text = new_secret()
        token = {
            "digest": digest_of(text),
            "team_id": team,
            "login_id": login.id,
            "kind": "page" if kind == "page" else "access",
            "created_at_us": now,
            "expires_at_us": expires_at_us,
            "used_at_us": None,
        }
        steps = [(_INSERT_TOKEN, token)]
        if known is None:
            steps.insert(0, (_INSERT_LOGIN, _row_of(login)))
        with suppress(StorageFull):  # reading has to work on a full disk: the token then lives as long as this hub
            await self._database.ledger.commit(*steps)
        if kind == "local":
            self._local[key] = login.id
        return text, self._remember(digest_of(text), login, expires_at_us)

    async def _find_local(self, key: tuple[str, str, str]) -> str | None:
        c = t.login.c
        query = select(c.id).where(c.team_id == key[0], c.person_id == key[1], c.app == key[2], c.kind == "local")
        query = query.where(c.revoked_at_us.is_(None)).order_by(c.id.desc()).limit(1)
        async with self._database.engine.connect() as db:
            found = (await db.execute(query)).scalar()
        return str(found) if found is not None else None

    async def issue_access(self, login: Login, scopes: Iterable[Scope] | None = None) -> str:
        """Sign an access token of a sign-in, for all of its scopes or for some; it is kept nowhere."""
        return await self._keys.sign(
            {
                "sub": login.person,
                "sid": login.id,
                "team": login.team,
                "client_id": login.client,
                "app": login.app,
                "scope": " ".join(sorted(login.scopes if scopes is None else login.scopes & frozenset(scopes))),
            }
        )

    async def issue_refresh(self, login: Login) -> str:
        """Make a refresh token of a sign-in; it works once."""
        text, row = self._refresh_row(login)
        await self._database.ledger.commit((_INSERT_TOKEN, row))
        return text

    async def rotate(self, refresh: str) -> tuple[Login, str] | None:
        """Use a refresh token up; give its sign-in and the next one, or None when it is none.

        One that was used already has been stolen, from us or by us: the whole sign-in ends. Source: RFC 9700 §4.14.2.
        """
        login, used_at_us = await self._of_refresh(refresh)
        if login is None:
            return None
        now = now_us()
        text, row = self._refresh_row(login)
        use = {"b_digest": digest_of(refresh), "used_at_us": now}
        touch = {"b_login": login.id, "used_at_us": now}
        steps = ((_USE_TOKEN, use), (_TOUCH_LOGIN, touch), (_INSERT_TOKEN, row))
        if used_at_us is not None or not (await self._database.ledger.commit(*steps))[0]:
            await self.revoke([login.id])
            return None
        return login, text

    def _refresh_row(self, login: Login) -> tuple[str, dict[str, object]]:
        text, now = new_secret(), now_us()
        row: dict[str, object] = {
            "digest": digest_of(text),
            "team_id": login.team,
            "login_id": login.id,
            "kind": "refresh",
            "created_at_us": now,
            "expires_at_us": now + REFRESH_S * 1_000_000,
            "used_at_us": None,
        }
        return text, row

    async def _of_refresh(self, refresh: str) -> tuple[Login | None, int | None]:
        query = (
            select(t.login, t.token.c.used_at_us.label("spent_at_us"))
            .join(t.login, t.login.c.id == t.token.c.login_id)
            .where(
                t.token.c.digest == digest_of(refresh),
                t.token.c.kind == "refresh",
                t.token.c.expires_at_us > now_us(),
                t.login.c.revoked_at_us.is_(None),
            )
        )
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first()
        if row is None or self._people.role_of(row.team_id, row.person_id) is None:
            return None, None
        return _login(row), row.spent_at_us

    async def find_refresh(self, refresh: str) -> tuple[Login, bool] | None:
        """Give the live sign-in a refresh token belongs to, and whether it was used up already, without using it."""
        login, used_at_us = await self._of_refresh(refresh)
        return (login, used_at_us is not None) if login is not None else None

    # -- coming back -----------------------------------------------------------------------------------------------

    async def identify(self, authorization: str | None) -> Principal:
        """Give who a bearer header stands for. Raises `NotAuthenticated`."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise NotAuthenticated(reason="The request carries no bearer token", remedy="Sign in first")
        return await self.identify_token(text.strip())

    async def identify_token(self, text: str, *, kind: str = "access") -> Principal:
        """Give who a token stands for. Raises `NotAuthenticated`."""
        digest = digest_of(text)
        who = self._known.get(digest)
        if who is None or who.is_page != (kind == "page"):
            is_signed = kind == "access" and text.count(".") == 2
            who = await (self._load_signed(text, digest) if is_signed else self._load(digest, kind))
        if who is None or who.expires_at_us < now_us() or who.login in self._revoked:
            raise NotAuthenticated(reason=_NO_TOKEN, remedy="Sign in again")
        if self._touched.get(who.login, 0) < now_us() - _USED_EVERY_US:
            self._note_use(who.login)
        return who

    async def _load(self, digest: bytes, kind: str) -> Principal | None:
        query = (
            select(t.login, t.token.c.expires_at_us)
            .join(t.login, t.login.c.id == t.token.c.login_id)
            .where(t.token.c.digest == digest, t.token.c.kind == kind, t.login.c.revoked_at_us.is_(None))
        )
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first()
        if row is None or self._people.role_of(row.team_id, row.person_id) is None:
            return None
        return self._remember(digest, _login(row), row.expires_at_us)

    async def _load_signed(self, text: str, digest: bytes) -> Principal | None:
        claims = await self._keys.verify(text)
        login = await self.find(str(claims["sid"]))
        is_whole = login is not None and (login.person, login.team) == (claims["sub"], claims.get("team"))
        if login is None or not is_whole or login.revoked_at_us is not None:
            return None
        if self._people.role_of(login.team, login.person) is None:
            return None
        named = str(claims.get("scope", "")).split()
        narrowed = replace(login, scopes=frozenset(scope for scope in login.scopes if scope in named))
        return self._remember(digest, narrowed, int(claims["exp"]) * 1_000_000)

    def _remember(self, digest: bytes, login: Login, expires_at_us: int) -> Principal:
        role = self._people.role_of(login.team, login.person)
        if role is None:
            raise NotAuthenticated(
                reason="The person is no member of this team any more", remedy="Ask for an invitation"
            )
        who = Principal(
            login.team,
            login.person,
            login.app,
            login.scopes,
            login.id,
            expires_at_us,
            role,
            self._people.is_hub_owner(login.person),
            login.kind == "page",
        )
        if len(self._known) >= _CACHE_LIMIT:
            self._known.clear()
        self._known[digest] = who
        return who

    def forget_person(self, person: str) -> None:
        """Look a person's tokens up anew when they come next: what they may has changed."""
        self._known = {digest: who for digest, who in self._known.items() if who.person != person}

    def _note_use(self, login: str) -> None:
        now = self._touched[login] = now_us()
        if len(self._touched) > _CACHE_LIMIT:
            self._touched.clear()
        self._database.ledger.write([(_TOUCH_LOGIN, {"b_login": login, "used_at_us": now})], lambda _: None, kept=False)

    def has_ended(self, login: str) -> bool:
        """Whether a sign-in has ended since this hub started, as far as it has heard."""
        return login in self._revoked

    # -- looking at, and ending ------------------------------------------------------------------------------------

    async def find(self, login: str) -> Login | None:
        """Give a sign-in by its id, revoked or not."""
        query = select(t.login).where(t.login.c.id == login)
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first() if "\0" not in login else None
        return _login(row) if row is not None else None

    async def list_live(
        self,
        *,
        team: str,
        person: str | None = None,
        connected: Collection[str] = (),
        before: str | None = None,
        limit: int = 1000,
    ) -> list[Login]:
        """List the sign-ins of a team that are not revoked and were used of late, the newest first.

        Those that are `connected` are among them, however long ago they came.
        """
        c = t.login.c
        of_late = c.used_at_us > now_us() - REFRESH_S * 1_000_000
        query = select(t.login).where(c.team_id == team, c.revoked_at_us.is_(None), of_late | c.id.in_(connected))
        if person is not None:
            query = query.where(c.person_id == person)
        if before is not None:
            query = query.where(c.id < before)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query.order_by(c.id.desc()).limit(limit))).all()
        return [_login(row) for row in rows]

    async def revoke(self, logins: Iterable[str]) -> int:
        """End sign-ins: their tokens stop working and their sockets close. Give how many were not ended before."""
        ids = list(logins)
        now = now_us()
        units = [self._database.ledger.commit((_REVOKE_LOGIN, {"b_login": id, "revoked_at_us": now})) for id in ids]
        count = sum([(await unit)[0] for unit in units])
        self._end(set(ids))
        return count

    async def revoke_all(self, *, person: str, team: str | None = None, app: str | None = None) -> int:
        """End all sign-ins of a person: in one team, or everywhere; of one app, or of all."""
        query = select(t.login.c.id).where(t.login.c.person_id == person, t.login.c.revoked_at_us.is_(None))
        if team is not None:
            query = query.where(t.login.c.team_id == team)
        if app is not None:
            query = query.where(t.login.c.app == app)
        return await self._revoke_found(query)

    async def revoke_client(self, client: str) -> int:
        """End all sign-ins that came by an OAuth client."""
        return await self._revoke_found(
            select(t.login.c.id).where(t.login.c.client_id == client, t.login.c.revoked_at_us.is_(None))
        )

    async def revoke_pages(self, person: str, *, but: str) -> int:
        """End the browser sessions of a person, in all teams, but for one sign-in."""
        c = t.login.c
        return await self._revoke_found(
            select(c.id).where(c.person_id == person, c.kind == "page", c.revoked_at_us.is_(None), c.id != but)
        )

    async def _revoke_found(self, query: Select[Any]) -> int:
        async with self._database.engine.connect() as db:
            ids = list((await db.execute(query)).scalars())
        return await self.revoke(ids)

    async def hear_revoked(self) -> None:
        """Learn what other hubs have revoked since the last time."""
        since = self._revoked_since_us
        self._revoked_since_us = now_us() - 60_000_000
        query = select(t.login.c.id).where(t.login.c.revoked_at_us >= since - 60_000_000)
        async with self._database.engine.connect() as db:
            ids = set((await db.execute(query)).scalars())
        if ids - self._revoked:
            self._end(ids - self._revoked)

    def _end(self, ids: set[str]) -> None:
        self._revoked |= ids
        self._known = {digest: who for digest, who in self._known.items() if who.login not in ids}
        self._local = {key: login for key, login in self._local.items() if login not in ids}
        self.on_revoked(ids)


def _row_of(login: Login) -> dict[str, object]:
    return {
        "id": login.id,
        "team_id": login.team,
        "person_id": login.person,
        "app": login.app,
        "kind": login.kind,
        "client_id": login.client,
        "scopes": dumps(sorted(login.scopes)),
        "version": login.version,
        "machine": login.machine,
        "created_at_us": login.created_at_us,
        "used_at_us": login.used_at_us,
        "revoked_at_us": None,
    }


def _login(row: Any) -> Login:
    return Login(
        id=row.id,
        team=row.team_id,
        person=row.person_id,
        app=row.app,
        kind=row.kind,
        client=row.client_id,
        scopes=frozenset(Scope(scope) for scope in loads(row.scopes)),
        version=row.version,
        machine=row.machine,
        created_at_us=row.created_at_us,
        used_at_us=row.used_at_us,
        revoked_at_us=row.revoked_at_us,
    )
