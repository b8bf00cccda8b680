"""The data service of one hub, put together: items, grants, and the store that the grants are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arkitekt_next.data.sigv4 import REGION
from arkitekt_next.errors import Conflict

from . import views as v
from .gateway.request import BUCKET
from .grants import Grants, Mode
from .items import Items

if TYPE_CHECKING:
    from sqlalchemy import Row

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.storage.engine import Database

    from .objects.contract import Objects


class DataService:
    """What the hub stores, for whom. `endpoint` is where the store answers."""

    def __init__(self, database: Database, objects: Objects, grants: Grants, *, endpoint: str) -> None:
        self.items = Items(database, objects)
        self._grants = grants
        self._endpoint = endpoint

    async def grant(self, who: Principal, item: Row[Any], mode: str) -> v.Grant:
        """Give the right to read an item, or to write one that is not committed. Raises `Conflict`."""
        if mode == Mode.WRITE and item.committed_at_us is not None:
            raise Conflict(problem=f"Item {item.id} is committed", remedy="What it holds never changes")
        if item.removed_at_us is not None:
            raise Conflict(problem=f"Item {item.id} was removed", remedy="Only what is known of it is left")
        if item.trashed_at_us is not None:
            raise Conflict(problem=f"Item {item.id} is in the trash", remedy="Restore it first")
        grant = await self._grants.issue(
            team=item.team_id, person=who.person, login=who.login, item=item.id, mode=Mode(mode)
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
