"""The data service of one hub, put together: items, grants, and the store that the grants are for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from arkitekt_next.auth.principal import Principal
from arkitekt_next.auth.rules import Visibility
from arkitekt_next.data.keys import prefix_of
from arkitekt_next.data.sigv4 import REGION, Credentials, presign
from arkitekt_next.errors import Conflict
from arkitekt_next.wire.codec import loads

from . import views as v
from .folders import Folders
from .gateway.request import BUCKET
from .grants import GRANT_S, Grants, Mode
from .items import Items, check_paths, use_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Row

    from arkitekt_next.auth.principal import Role
    from arkitekt_next.storage.engine import Database

    from .objects.contract import Objects
    from .quota import Quota


class DataService:
    """What the hub stores, for whom. `endpoint` is where the store answers."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        grants: Grants,
        quota: Quota,
        *,
        endpoint: str,
        role_of: Callable[[str, str], Role | None],
    ) -> None:
        self.folders = Folders(database)
        self.items = Items(database, objects, self.folders, quota)
        self._grants = grants
        self._endpoint = endpoint
        self._role_of = role_of

    async def grant(self, who: Principal, item: Row[Any], mode: str, *, within_s: int = GRANT_S) -> v.Grant:
        """Give the right to read an item, or to write one that is not committed. Raises `Conflict`."""
        if mode == Mode.WRITE and item.committed_at_us is not None:
            raise Conflict(problem=f"Item {item.id} is committed", remedy="What it holds never changes")
        if item.removed_at_us is not None:
            raise Conflict(problem=f"Item {item.id} was removed", remedy="Only what is known of it is left")
        if item.trashed_at_us is not None:
            raise Conflict(problem=f"Item {item.id} is in the trash", remedy="Restore it first")
        grant = await self._grants.issue(
            team=item.team_id,
            person=who.person,
            login=who.login,
            item=item.id,
            mode=Mode(mode),
            within_s=within_s,
            after=[use_of(item)] if item.committed_at_us is not None else (),
        )
        secret = self._grants.credentials_of(grant.id)
        return v.Grant(
            id=grant.id,
            mode=grant.mode.value,
            endpoint=self._endpoint,
            bucket=BUCKET,
            region=REGION,
            prefix=grant.prefix,
            access_key=secret.access_key,
            secret_key=secret.secret_key,
            session_token=secret.session_token,
            expires_at_us=grant.expires_at_us,
        )

    async def links(
        self, who: Principal, item: Row[Any], paths: Sequence[str], *, within_s: int, origin: str
    ) -> v.Links:
        """Give addresses at an origin from which objects may be read. Raises `InvalidValue` for no path, `Conflict`."""
        prefix = prefix_of(item.team_id, item.id)
        check_paths(item.team_id, item.id, paths, where="paths")
        grant = await self.grant(who, item, Mode.READ, within_s=within_s)
        keys = Credentials(grant.access_key, grant.secret_key, grant.session_token)
        host, now = urlsplit(origin).netloc, datetime.now(UTC)
        links = []
        for path in paths:
            address = presign(f"/{BUCKET}/{prefix}{path}", host, keys, at=now, expires_s=within_s)
            links.append(v.Link(path=path, url=f"{origin}{address}"))
        return v.Links(links=links, meta=loads(item.meta), expires_at_us=grant.expires_at_us)

    async def change(self, who: Principal, id: str, changes: Mapping[str, Any]) -> Row[Any]:
        """Describe an item anew; who may not read it any more loses the right they hold. As `Items.change`."""
        row = await self.items.change(who, id, changes)
        if changes.get("visibility") == Visibility.PRIVATE:
            await self.end_unreadable(who.team, item=id)
        return row

    async def end_unreadable(self, team: str, *, person: str | None = None, item: str | None = None) -> None:
        """End the grants of those who may neither read nor write what they are for any more."""
        for holder, items in (await self._grants.held(team, person=person, item=item)).items():
            role = self._role_of(team, holder)
            may_go_on: set[str] = set()
            if role is not None:
                who = Principal(team, holder, "", frozenset(), "", 0, role)
                may_go_on = await self.items.of_these(who, items)
            for id in items - may_go_on:
                await self._grants.revoke_of(holder, id)
