"""A hub with two items for the attacks on its S3 subset: one with a secret in it, and one that there is a grant for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.hub.core import context
from arkitekt_next.storage import data_tables as d
from tests.support.data import Got, give, new_item, on_loop
from tests.support.raw import sign_in

SECRET = b"nobody else may read this"


@contextmanager
def attacked(folder: Path) -> Iterator[Any]:
    """Serve a hub that does not hold back who is refused: that limit has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "_LOCAL_FACTOR", 1000)
        with serve(folder, log_level="error") as running:
            sign_in(running.url, running.folder, "web")
            yield running


class Neighbours:
    """An item with a secret in it, and a grant for another one."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.theirs = give(server, new_item(server))
        self.own = give(server, new_item(server))
        assert self.theirs.ask("PUT", self.secret, body=SECRET).status == 200
        assert self.own.ask("PUT", self.mine, body=b"mine").status == 200
        self._folder = self._files()

    @property
    def secret(self) -> str:
        return f"{self.theirs.prefix}secret"

    @property
    def mine(self) -> str:
        return f"{self.own.prefix}a"

    def _files(self) -> dict[str, bytes]:
        names = ("master.key", "local.key", "hub.id", "port")
        return {name: (self.server.folder / name).read_bytes() for name in names}

    def files(self) -> set[Path]:
        """Give what lies in the store's folder."""
        return {path for path in (self.server.folder / "objects").rglob("*") if path.is_file()}

    def check(self, *answers: Got) -> None:
        """Assert that nothing of the neighbour's or the hub's was given out, and all of it is as it was."""
        for answer in answers:
            assert SECRET not in answer.body
            assert not any(text in answer.body for text in self._folder.values() if len(text) > 16)

    def check_all(self) -> None:
        """Assert that all of it is as it was, and that what was written lies below the grant."""
        assert self.theirs.ask("GET", self.secret).body == SECRET
        listed = self.theirs.ask("GET", query=[("list-type", "2"), ("prefix", self.theirs.prefix)]).body
        assert listed.count(b"<Key>") == 1
        assert self._files() == self._folder
        strays = list(self.server.folder.rglob("*evil*"))
        assert strays == []
        store = self.server.folder / "objects"
        assert all(len(path.name) == 32 for path in store.rglob("*") if path.is_file())

        async def keys() -> list[str]:
            async with self.server.app.state.hub.database.engine.connect() as db:
                chosen = d.object.select().where(d.object.c.item_id == self.own.grant.item)
                return [row.key for row in await db.execute(chosen)]

        assert all(key.startswith(self.own.prefix) for key in on_loop(self.server, keys()))


def refused(answer: Got) -> bool:
    return 400 <= answer.status < 500 and b"<Error><Code>" in answer.body
