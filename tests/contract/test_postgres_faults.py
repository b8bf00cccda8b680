"""The PostgreSQL ledger when the connection breaks: nothing is lost, nothing happens twice, and the hub is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from arkitekt_next.errors import StorageFull
from arkitekt_next.testing.database import in_loop, opened
from arkitekt_next.testing.ledger_contract import ADD, COUNT, RENAME, Step, hub, table_of


class Proxy:
    """A way to a PostgreSQL server that can be cut.

    `cut_commits` counts down the COMMITs whose answer gets lost: the server carries them out, the client never hears.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self.cut_commits = 0
        self.lost = 0
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        plain = self._url.difference_update_query(["host"]).set(host="127.0.0.1", port=self.port)
        return plain.render_as_string(hide_password=False)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket = Path(str(self._url.query["host"])) / ".s.PGSQL.5432"
        from_server, to_server = await asyncio.open_unix_connection(socket)
        self._open |= {writer, to_server}
        is_cut = False

        async def backwards() -> None:
            with contextlib.suppress(OSError):
                while data := await from_server.read(65536):
                    if is_cut:
                        self.lost += 1
                        break
                    writer.write(data)
            writer.close()

        answering = asyncio.create_task(backwards())
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if b"COMMIT\0" in data and self.cut_commits:
                    self.cut_commits -= 1
                    is_cut = True
                to_server.write(data)
        await answering
        to_server.close()
        self._open -= {writer, to_server}


@contextlib.asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(url)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


@in_loop
async def test_a_commit_whose_answer_is_lost_is_neither_repeated_nor_forgotten(postgres_url: str) -> None:
    async with proxied(postgres_url) as proxy, opened(proxy.url) as database:
        await database.ledger.commit((ADD, hub("row")))
        for number in range(5):
            proxy.cut_commits = 1
            units: list[list[Step]] = [[(ADD, hub(f"{number}.{i}"))] for i in range(20)]
            units.append(
                [(COUNT, {"b_id": "row", "b_at": number, "started_at_us": number + 1}), (ADD, hub(f"{number}"))]
            )
            results = await asyncio.gather(*(database.ledger.commit(*unit) for unit in units))
            assert results == [[1]] * 20 + [[1, 1]]
        assert proxy.lost == 5
        assert len(await table_of(database)) == 1 + 5 * 21
        assert database.ledger.full_reason is None


@in_loop
async def test_a_ledger_whose_connection_is_killed_all_the_time_loses_and_doubles_nothing(postgres_url: str) -> None:
    total, kills = 3000, 0
    async with opened(postgres_url) as database:
        await database.ledger.commit((ADD, hub("row")))
        killer = await asyncpg.connect(postgres_url)

        async def write_all() -> list[list[int]]:
            waiting = []
            for number in range(total):
                step = (COUNT, {"b_id": "row", "b_at": number, "started_at_us": number + 1})
                waiting.append(asyncio.ensure_future(database.ledger.commit(step, kept=True)))
                if number % 10 == 9:
                    await waiting[-1]
            return [list(result) for result in await asyncio.gather(*waiting)]

        writing = asyncio.create_task(write_all())
        while not writing.done():
            kills += await killer.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'arkitekt-ledger' AND datname = current_database()"
            )
            await asyncio.wait([writing], timeout=0.03)
        await killer.close()
        assert await writing == [[1]] * total
        assert (await table_of(database))["row"] == hub("row", at=total)
        assert kills >= 5
    print(f"bar: {total} units, {kills} kills")


@in_loop
async def test_a_server_that_is_away_is_said_to_be_and_only_what_was_promised_waits_for_it(postgres_url: str) -> None:
    async with proxied(postgres_url) as proxy, opened(proxy.url) as database:
        await database.ledger.commit((ADD, hub("row")))
        port = proxy.port
        await proxy.stop()
        kept = asyncio.create_task(
            database.ledger.commit((RENAME, {"b_id": "row", "b_at": 0, "url": "kept"}), kept=True)
        )
        with pytest.raises(StorageFull, match="does not answer"):
            await database.ledger.commit((ADD, hub("refused")))
        assert "does not answer" in (database.ledger.full_reason or "")
        assert not kept.done()
        await proxy.start(port)
        assert await kept == [1]
        assert database.ledger.full_reason is None
        assert await table_of(database) == {"row": hub("row", url="kept")}


@in_loop
async def test_a_server_that_is_back_is_noticed_although_nothing_waits_for_it(postgres_url: str) -> None:
    async with proxied(postgres_url) as proxy, opened(proxy.url) as database:
        await database.ledger.commit((ADD, hub("row")))
        port = proxy.port
        await proxy.stop()
        with pytest.raises(StorageFull):
            await database.ledger.commit((ADD, hub("refused")))
        assert database.ledger.backlog == 0
        await proxy.start(port)
        async with asyncio.timeout(20):
            while database.ledger.full_reason is not None:
                await table_of(database)  # reads go on being tried too
        assert await database.ledger.commit((ADD, hub("new"))) == [1]
        assert database.ledger.backlog == 0
        assert set(await table_of(database)) == {"row", "new"}
