"""What every ledger has to do: the contract as tests, and a program of random units to run against a model.

Subclass `LedgerContract` under a fixture `database_url` that names a fresh, empty database. Needs `pytest`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from sqlalchemy import and_, bindparam, delete, select, update

from arkitekt_next.errors import StorageFull
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.engine import Database
from arkitekt_next.storage.ledger import Statement, Step, insert_or
from arkitekt_next.testing.database import in_loop, opened

Row = dict[str, Any]

ADD = insert_or(t.hub, ["id"])
PUT = insert_or(t.setting, ["name"], update=["value"])
RENAME = Statement(
    "rename",
    update(t.hub)
    .where(t.hub.c.id == bindparam("b_id"), t.hub.c.started_at_us == bindparam("b_at"))
    .values(url=bindparam("url", type_=t.hub.c.url.type)),
)
COUNT = Statement(
    "count",
    update(t.hub)
    .where(and_(t.hub.c.id == bindparam("b_id"), t.hub.c.started_at_us == bindparam("b_at")))
    .values(started_at_us=bindparam("started_at_us")),
)
RENEW = Statement(
    "renew all",
    update(t.hub)
    .where(t.hub.c.lease_expires_at_us == bindparam("b_lease"))
    .values(lease_expires_at_us=bindparam("lease_expires_at_us")),
)
DROP = Statement("drop", delete(t.hub).where(t.hub.c.id == bindparam("b_id")))


def hub(id: str, *, url: str = "", at: int = 0, lease: int = 0) -> Row:
    """Give a row of the table that the contract writes to."""
    return {"id": id, "url": url, "started_at_us": at, "lease_expires_at_us": lease}


def apply_to(model: dict[str, Row], steps: Sequence[Step]) -> list[int]:
    """Do to a dict what a unit does to the table; give the row counts."""
    counts = [0] * len(steps)
    for index, (statement, row) in enumerate(steps):
        counts[index] = _apply_step(model, statement, row)
        if counts[index] == 0:
            break
    return counts


def _apply_step(model: dict[str, Row], statement: Statement, row: Any) -> int:
    if statement is ADD:
        if row["id"] in model:
            return 0
        model[row["id"]] = dict(row)
        return 1
    if statement is DROP:
        return int(model.pop(row["b_id"], None) is not None)
    if statement is RENEW:
        found = [entry for entry in model.values() if entry["lease_expires_at_us"] == row["b_lease"]]
        for entry in found:
            entry["lease_expires_at_us"] = row["lease_expires_at_us"]
        return len(found)
    entry = model.get(row["b_id"], {})
    if entry.get("started_at_us") != row["b_at"]:
        return 0
    entry.update({name: value for name, value in row.items() if not name.startswith("b_")})
    return 1


def random_step(seeded: random.Random, ids: Sequence[str]) -> Step:
    """Give a step that may or may not find its row."""
    id, at = seeded.choice(ids), seeded.randrange(3)
    kind = seeded.choices((ADD, COUNT, RENAME, DROP, RENEW), (6, 6, 6, 1, 0.3))[0]
    if kind is ADD:
        return ADD, hub(id, at=at, lease=at)
    if kind is DROP:
        return DROP, {"b_id": id}
    if kind is RENEW:
        return RENEW, {"b_lease": at, "lease_expires_at_us": seeded.randrange(3)}
    if kind is COUNT:
        return COUNT, {"b_id": id, "b_at": at, "started_at_us": seeded.randrange(3)}
    return RENAME, {"b_id": id, "b_at": at, "url": f"u{seeded.randrange(100)}"}


def likely_unit(seeded: random.Random, model: dict[str, Row], number: int) -> list[Step]:
    """Give a unit as a hub writes them: each step finds its row, unless an earlier one of the batch was in its way."""
    if not model or seeded.random() < 0.5:
        return [(ADD, hub(f"n{number}", at=1))]
    entry = seeded.choice(list(model.values()))
    id, at = entry["id"], entry["started_at_us"]
    counted = (COUNT, {"b_id": id, "b_at": at, "started_at_us": at + 1})
    if seeded.random() < 0.5:
        return [counted]
    return [counted, (RENAME, {"b_id": id, "b_at": at + 1, "url": f"u{number}"})]


async def table_of(database: Database) -> dict[str, Row]:
    """Read the table the contract writes to."""
    async with database.engine.connect() as connection:
        found = (await connection.execute(select(t.hub))).mappings().all()
    return {row["id"]: dict(row) for row in found}


def _note(called: list[int], number: int, _: object) -> None:
    called.append(number)


class LedgerContract:
    """What holds for a ledger over a database of this kind. Needs the fixture `database_url`."""

    @in_loop
    async def test_done_is_called_after_the_commit_with_the_row_counts(self, database_url: str) -> None:
        async with opened(database_url) as database:
            assert await database.ledger.commit((ADD, hub("a"))) == [1]
            assert await table_of(database) == {"a": hub("a")}
            assert await database.ledger.commit((ADD, hub("a", url="other"))) == [0]
            assert await database.ledger.commit((RENAME, {"b_id": "a", "b_at": 0, "url": "new"})) == [1]
            assert await database.ledger.commit((PUT, {"name": "x", "value": "1"})) == [1]
            assert await database.ledger.commit((PUT, {"name": "x", "value": "2"})) == [1]
            assert await database.ledger.commit() == []
            assert await table_of(database) == {"a": hub("a", url="new")}

    @in_loop
    async def test_done_is_called_in_the_order_of_write(self, database_url: str) -> None:
        called: list[int] = []
        async with opened(database_url) as database:
            for number in range(500):
                steps = [] if number % 7 == 0 else [(ADD, hub(str(number)))]
                database.ledger.write(steps, partial(_note, called, number), kept=number % 2 == 0)
                if number % 50 == 49:
                    await asyncio.sleep(0)
            await database.ledger.commit()
        assert called == list(range(500))

    @in_loop
    async def test_a_step_that_changes_no_row_skips_the_rest_of_its_unit_alone(self, database_url: str) -> None:
        async with opened(database_url) as database:
            await database.ledger.commit((ADD, hub("a", at=1)))
            results = await asyncio.gather(
                database.ledger.commit((COUNT, {"b_id": "a", "b_at": 0, "started_at_us": 9}), (ADD, hub("skipped"))),
                database.ledger.commit((COUNT, {"b_id": "a", "b_at": 1, "started_at_us": 2}), (ADD, hub("b"))),
                database.ledger.commit((ADD, hub("b")), (DROP, {"b_id": "a"}), (ADD, hub("skipped"))),
            )
            assert [list(counts) for counts in results] == [[0, 0], [1, 1], [0, 0, 0]]
            assert await table_of(database) == {"a": hub("a", at=2), "b": hub("b")}

    @in_loop
    async def test_a_statement_may_change_many_rows_and_a_later_one_sees_them(self, database_url: str) -> None:
        async with opened(database_url) as database:
            results = await asyncio.gather(
                *(database.ledger.commit((ADD, hub(str(number), lease=5))) for number in range(10)),
                database.ledger.commit((RENEW, {"b_lease": 5, "lease_expires_at_us": 6})),
                database.ledger.commit((ADD, hub("late", lease=5)), (RENEW, {"b_lease": 6, "lease_expires_at_us": 7})),
            )
            assert results == [[1]] * 10 + [[10], [1, 10]]

    @in_loop
    async def test_what_arrives_while_a_commit_runs_goes_into_the_next_one(self, database_url: str) -> None:
        async with opened(database_url) as database:
            ledger = database.ledger
            await ledger.commit((ADD, hub("held")))
            before = ledger.commits
            async with database.engine.begin() as other:
                await other.execute(update(t.hub).where(t.hub.c.id == "held").values(url="locked"))
                held = asyncio.create_task(
                    ledger.commit((RENAME, {"b_id": "held", "b_at": 0, "url": "free"}), kept=True)
                )
                waiting = []
                for number in range(200):
                    waiting.append(asyncio.create_task(ledger.commit((ADD, hub(str(number))))))
                    await asyncio.sleep(0)
                assert ledger.backlog == 201
                assert not any(task.done() for task in (held, *waiting))
            await asyncio.gather(held, *waiting)
            assert ledger.backlog == 0
            assert ledger.commits - before <= 3

    @in_loop
    async def test_an_error_belongs_to_its_unit_alone(self, database_url: str) -> None:
        bad: list[Step] = [
            (ADD, {**hub("bad"), "url": None}),
            (ADD, {**hub("bad"), "started_at_us": 2**80}),
            (ADD, {**hub("bad"), "url": "\ud800"}),
            (ADD, {"id": "bad"}),
            (ADD, {**hub("bad"), "url": object()}),
        ]
        async with opened(database_url) as database:
            units: list[list[Step]] = []
            for number, step in enumerate(bad):
                units += [[(ADD, hub(f"before{number}"))], [(ADD, hub(f"undone{number}")), step]]
            results = await asyncio.gather(*(database.ledger.commit(*unit) for unit in units), return_exceptions=True)
            assert [isinstance(result, Exception) for result in results] == [False, True] * len(bad)
            assert results[::2] == [[1]] * len(bad)
            assert set(await table_of(database)) == {f"before{number}" for number in range(len(bad))}
            assert await database.ledger.commit((ADD, hub("after"))) == [1]
            assert database.ledger.full_reason is None

    @in_loop
    async def test_a_callback_that_raises_keeps_no_other_from_being_called(self, database_url: str) -> None:
        reported: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(str(context["exception"])))

        def fail(_: object) -> None:
            raise ValueError("a defect")

        async with opened(database_url) as database:
            database.ledger.write([(ADD, hub("a"))], fail)
            assert await database.ledger.commit((ADD, hub("b"))) == [1]
            assert set(await table_of(database)) == {"a", "b"}
            assert database.ledger.backlog == 0
        assert reported == ["a defect"]

    @in_loop
    async def test_a_caller_that_stops_waiting_takes_nothing_back(self, database_url: str) -> None:
        async with opened(database_url) as database:
            waiting = asyncio.create_task(database.ledger.commit((ADD, hub("a"))))
            await asyncio.sleep(0)
            waiting.cancel()
            await database.ledger.commit()
            assert set(await table_of(database)) == {"a"}

    @in_loop
    async def test_close_commits_what_is_queued(self, database_url: str) -> None:
        called: list[object] = []
        async with opened(database_url) as database:
            for number in range(300):
                database.ledger.write([(ADD, hub(str(number)))], called.append, kept=number % 2 == 0)
            await database.ledger.close()
            assert called == [[1]] * 300
            assert len(await table_of(database)) == 300

    @in_loop
    async def test_what_is_written_after_close_fails(self, database_url: str) -> None:
        async with opened(database_url) as database:
            await database.ledger.close()
            with pytest.raises(StorageFull, match="closed"):
                await database.ledger.commit((ADD, hub("late")))
            assert await table_of(database) == {}

    @in_loop
    async def test_close_is_bounded_while_another_holds_the_rows(self, database_url: str) -> None:
        async with opened(database_url) as database:
            await database.ledger.commit((ADD, hub("held")))
            async with database.engine.begin() as other:
                await other.execute(update(t.hub).where(t.hub.c.id == "held").values(url="locked"))
                kept = asyncio.create_task(
                    database.ledger.commit((RENAME, {"b_id": "held", "b_at": 0, "url": "x"}), kept=True)
                )
                await asyncio.sleep(0)
                database.ledger.close_within_s = 0.2
                await database.ledger.close()
                with pytest.raises(StorageFull):
                    await kept

    @in_loop
    async def test_any_batch_does_what_its_statements_say_one_after_the_other(self, database_url: str) -> None:
        seed = random.randrange(2**32)
        seeded = random.Random(seed)
        model: dict[str, Row] = {}
        units, rounds = 0, 60
        async with opened(database_url) as database:
            for round_number in range(rounds):
                batch = []
                for _ in range(seeded.randrange(1, 40)):
                    units += 1
                    if round_number % 2:
                        batch.append(likely_unit(seeded, model, units))
                    else:
                        ids = [f"n{seeded.randrange(60)}" for _ in range(4)]
                        batch.append([random_step(seeded, ids) for _ in range(seeded.randrange(1, 4))])
                expected = [apply_to(model, unit) for unit in batch]
                results = await asyncio.gather(*(database.ledger.commit(*unit) for unit in batch))
                assert results == expected
                assert await table_of(database) == model
        print(f"bar: seed={seed}, {units} units in {rounds} batches")
