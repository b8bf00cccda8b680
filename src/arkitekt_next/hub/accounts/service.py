"""Everything about who may come in, put together: people, sign-ins, keys, invitations, codes, the audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.auth.rules import grantable
from arkitekt_next.errors import NotFound, NotPermitted

from .audit import Audit
from .clients import Clients
from .codes import AuthorizationCodes
from .devices import DeviceCode, DeviceCodes
from .doors import Doors
from .identities import Identities
from .invitations import Invitations
from .keys import Keys
from .links import AccountLinks
from .logins import Login, Logins
from .passkeys import Passkeys
from .people import People
from .proofs import Proofs
from .redeem import RedeemTokens
from .throttle import Throttle

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database


class Accounts:
    """Who may come in. `team` and `owner` are the first team and the person of this operating-system user.

    `on_left` is told (team, person) when a membership has ended.
    """

    def __init__(self, database: Database, *, master: bytes, issuer: str, access_s: int) -> None:
        self.people = People(database)
        self.keys = Keys(database, master, issuer, access_s)
        self.logins = Logins(database, self.keys, self.people)
        self.audit = Audit(database)
        self.invitations = Invitations(database, self.people)
        self.identities = Identities(database, self.people)
        self.links = AccountLinks(database)
        self.doors = Doors()
        self.passkeys = Passkeys(database, master=master, url=issuer)
        self.proofs = Proofs()
        self.devices = DeviceCodes(database)
        self.redeem_tokens = RedeemTokens(database)
        self.clients = Clients(database)
        self.codes = AuthorizationCodes(database, self.logins)
        self.sign_in_throttle = Throttle()
        self.user_code_throttle = Throttle()
        self.team = ""
        self.owner = ""
        self.on_left: Callable[[str, str], Awaitable[None]] = _nothing_more

    async def open(self, team_name: str) -> None:
        """Find the first team and the person of this operating-system user, making both on the first start."""
        self.team, self.owner = await self.people.open(team_name)

    async def issue(
        self, *, team: str, person: str, app: str, scopes: Iterable[Scope] = Scope
    ) -> tuple[str, Principal]:
        """Sign a person's app in on this machine; give the token, which is kept nowhere."""
        return await self.logins.issue(team=team, person=person, app=app, scopes=scopes)

    async def identify(self, authorization: str | None) -> Principal:
        """Give who a bearer header stands for. Raises `NotAuthenticated`."""
        return await self.logins.identify(authorization)

    async def is_local(self, who: Principal) -> bool:
        """Whether somebody came in by the sign-in of the hub's own machine."""
        login = await self.logins.find(who.login)
        return login is not None and login.kind == "local"

    async def remove_member(self, team: str, person: str) -> None:
        """End a membership, and whatever acts by it. Raises `NotFound`; `Conflict` for the last owner."""
        await self.people.leave(team, person)
        await self.logins.revoke_all(person=person, team=team)
        await self.redeem_tokens.revoke_all(team=team, person=person)
        await self.on_left(team, person)

    async def disable(self, person: str) -> None:
        """Disable an account, and end whatever acts for it. Raises `Conflict` for the hub's last owner."""
        await self.people.set_disabled(person, True)
        await self.logins.revoke_all(person=person)

    async def find_typed(self, who: Principal, user_code: str, *, address: str) -> DeviceCode:
        """Look up the code that a person has typed. Raises `NotFound`; `HubBusy` after too many that were wrong.

        Only wrong ones count, and a right one forgives none: who guesses could ask for a right one at any time.
        """
        key = f"person {who.person}"
        self.user_code_throttle.take(key)
        try:
            code = await self.devices.find_typed(user_code)
        except NotFound:
            await self.audit.note("device.code_unknown", who, address=address)
            raise
        self.user_code_throttle.give_back(key)
        return code

    async def approve(self, who: Principal, code: DeviceCode, scopes: Iterable[Scope]) -> Login:
        """Let an app in for `who`, in the team of their own sign-in. Raises `NotPermitted`, `NotFound`.

        The scopes may be fewer than the app asks for; never more, nor more than the role or the own sign-in reaches.
        """
        client = await self.clients.find(code.client)
        if client is None or client.team not in (None, who.team):
            raise NotFound(what="program", name=code.client, remedy="It was removed, or belongs to another team")
        given = frozenset(scopes)
        excess = given - (code.scopes & client.scopes & grantable(who.role) & who.scopes)
        if excess or not given:
            problem = "no scope" if not given else ", ".join(sorted(excess))
            raise NotPermitted(
                person=who.person, verb="approve", what=problem, remedy="Choose among what the app asks and you may"
            )
        login = await self.logins.begin(
            team=who.team,
            person=who.person,
            app=code.app,
            kind="device",
            scopes=given,
            client=code.client,
            version=code.version,
            machine=code.machine,
        )
        try:
            await self.devices.approve(code, login)
        except NotFound:
            await self.logins.revoke([login.id])
            raise
        return login

    async def hear_others(self) -> list[tuple[str, str]]:
        """Learn what other hubs have changed; give the memberships that are others now."""
        await self.logins.hear_revoked()
        return await self.people.reload()


async def _nothing_more(team: str, person: str) -> None:
    """Nothing else hangs on a membership."""
