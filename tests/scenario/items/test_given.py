"""What tasks are given and give: nothing counts that is not committed, and nobody sees by a task what is not theirs."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.hub.core.ids import new_id
from arkitekt_next.storage import data_tables as d
from tests.support.items import code, commit, ended, fetch, granted, listed, make, put, store, works_on_files
from tests.support.raw import RawClient
from tests.support.rest import on_hub, rest
from tests.support.teams import Someone, cast, new_team, someone
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.given")


class Bench:
    """An agent with functions of files, and its person."""

    def __init__(self, app: str, agent: RawClient, person: Someone) -> None:
        self.app, self.agent, self.person = app, agent, person

    async def take(self, caller: RawClient, function: str, x: str | None = None, **fields: Any) -> str:
        """Let a task begin; give its id."""
        task = await caller.submit(f"{self.app}.{function}", {"x": x}, **fields)
        await self.agent.assigned(task)
        return task

    async def give(self, task: str, *values: Any, status: str = "completed") -> int:
        return await self.agent.report("ended", task, status=status, returns=list(values))


async def opened(server: Any, person: Someone, app: str = "web") -> RawClient:
    token = person.token
    if app != "web":
        issue = server.app.state.hub.accounts.logins.issue(team=person.team, person=person.id, app=app, kind="device")
        token, _ = await on_hub(server, issue)
    return await RawClient(server.url, token, app).open()


async def bench(server: Any, person: Someone) -> Bench:
    app = f"b{uuid.uuid4().hex[:10]}"
    agent = await opened(server, person, app)
    await agent.provide(
        works_on_files("work"),
        works_on_files("stream", generator=True),
        works_on_files("pure", pure=True),
        works_on_files("again", retries=2),
        capacity=64,
        mode="prod",
    )
    return Bench(app, agent, person)


async def links(server: Any, task: str) -> set[tuple[str, str]]:
    async def read() -> set[tuple[str, str]]:
        c = d.task_item.c
        async with server.app.state.hub.database.engine.connect() as db:
            rows = await db.execute(d.task_item.select().where(c.task_id == task))
            return {(row.role, row.item_id) for row in rows}

    result: set[tuple[str, str]] = await on_hub(server, read())
    return result


@scenario
async def test_what_is_made_in_a_task_is_its_callers_and_as_private_as_the_task(server: Any) -> None:
    async with cast(server, "member", "member", "member", "admin") as (author, caller, fellow, admin):
        b = await bench(server, author)
        calling = await opened(server, caller)
        for discreet, asked, visibility, seen in (
            (False, None, "team", True),
            (False, "private", "private", False),
            (True, None, "private", False),
            (True, "team", "private", False),
        ):
            task = await b.take(calling, "work", discreet=discreet)
            item = await store(author.web, task=task, **({"visibility": asked} if asked else {}))
            assert (item["person"]["id"], item["visibility"], item["task"]) == (caller.id, visibility, task)
            value = await store(author.web, task=task, is_temporary=True)
            assert (value["person"]["id"], value["visibility"]) == (caller.id, "private")
            assert await code(fellow.web.get(f"/api/items/{item['id']}")) == ("ok" if seen else "404 not_found")
            await b.give(task, item["id"])
            assert (await ended(calling, task))["status"] == "completed"
            assert item["id"] in await listed(caller.web)
            assert await code(author.web.patch(f"/api/items/{item['id']}", json={"name": "x"})) == (
                "403 not_permitted" if seen or not discreet else "404 not_found"
            )
            # by the task, everybody reads it who may read the task
            said = [await code(who.web.get(f"/api/items/{item['id']}")) for who in (fellow, admin)]
            assert said == (["404 not_found", "ok"] if discreet else ["ok", "ok"])
            said = [await code(who.web.get(f"/api/items/{value['id']}")) for who in (caller, fellow, admin)]
            assert said == ["ok", "404 not_found", "404 not_found"]
        foreign = await b.take(calling, "work")
        for who in (caller, fellow, admin):
            body = {"kind": "file", "name": "x", "task": foreign}
            assert await code(who.web.post("/api/items", json=body)) == "404 not_found"
        await b.give(foreign, (await store(author.web, task=foreign))["id"])
        await ended(calling, foreign)
        assert await code(author.web.post("/api/items", json={"kind": "file", "name": "x", "task": foreign})) == (
            "404 not_found"
        )


@scenario
async def test_a_history_shows_no_item_to_whom_may_not_read_it(server: Any) -> None:
    async with cast(server, "member", "member", "member", "admin") as (author, caller, fellow, admin):
        b = await bench(server, author)
        calling = await opened(server, caller)
        task = await b.take(calling, "work")
        scratch = await store(author.web, task=task, is_temporary=True, name="a value in between")
        result = await store(author.web, task=task, name="the result")
        await b.give(task, result["id"])
        await ended(calling, task)
        edge = {"kind": "generated", "source": f"task:{task}", "target": f"item:{scratch['id']}"}
        for who, sees_it in ((caller, True), (author, False), (fellow, False), (admin, False)):
            assert await code(who.web.get(f"/api/items/{scratch['id']}")) == ("ok" if sees_it else "404 not_found")
            answer = await who.web.get(f"/api/tasks/{task}/provenance", params={"direction": "forward"})
            shown = {node["ref"] for node in answer.json()["nodes"]}
            assert {f"task:{task}", f"item:{result['id']}"} <= shown
            assert (f"item:{scratch['id']}" in shown) is sees_it
            assert (edge in answer.json()["edges"]) is sees_it
            assert sees_it or (scratch["id"] not in answer.text and scratch["name"] not in answer.text)


@scenario
async def test_an_agent_reads_what_went_into_the_task_it_runs_and_no_longer_once_it_ended(server: Any) -> None:
    async with cast(server, "member", "member", "member") as (author, caller, fellow):
        b = await bench(server, author)
        calling = await opened(server, caller)
        item = await store(caller.web, visibility="private", body=b"secret pixels")
        path = f"/api/items/{item['id']}"
        assert await code(author.web.get(path)) == "404 not_found"
        task = await b.take(calling, "work", item["id"], discreet=True)
        assert await links(server, task) == {("input", item["id"])}
        assert await asyncio.to_thread(fetch, await granted(author.web, item["id"]), "a.bin") == b"secret pixels"
        assert await code(author.web.post(f"{path}/grants", json={"mode": "write"})) == "404 not_found"
        assert await code(author.web.patch(path, json={"name": "mine"})) == "403 not_permitted"
        assert await code(fellow.web.get(path)) == "404 not_found"
        made = await store(author.web, task=task)
        assert await code(author.web.post(f"/api/items/{made['id']}/commit", json={})) == "ok"
        await b.give(task, made["id"])
        await ended(calling, task)
        for id in (item["id"], made["id"]):
            for work in (
                author.web.get(f"/api/items/{id}"),
                author.web.post(f"/api/items/{id}/grants", json={"mode": "read"}),
                author.web.post(f"/api/items/{id}/commit", json={}),
            ):
                assert await code(work) == "404 not_found"


@scenario
async def test_guests_see_what_went_through_their_own_tasks_and_nothing_else(server: Any) -> None:
    people = server.app.state.hub.accounts.people
    async with cast(server, "member", "guest", "guest") as (author, guest, stranger):
        b = await bench(server, author)
        shared = f"{b.app}.work"
        assert (await author.web.put(f"/api/actions/{shared}/shares/{guest.id}")).status_code == 200
        teams = await store(author.web, name="the team's")
        assert await code(guest.web.get(f"/api/items/{teams['id']}")) == "404 not_found"
        mine = await store(guest.web, name="the guest's")
        assert await listed(guest.web) == [mine["id"]]
        calling = await opened(server, guest)
        refused = await guest.web.post("/api/tasks", json={"action": shared, "args": {"x": teams["id"]}})
        assert refused.status_code == 404, refused.text
        task = await b.take(calling, "work", mine["id"])
        assert await code(author.web.get(f"/api/items/{mine['id']}")) == "ok"
        own = await store(author.web, visibility="private", name="the author's own, given on purpose")
        await b.give(task, own["id"])
        assert (await ended(calling, task))["status"] == "completed"
        assert await asyncio.to_thread(fetch, await granted(guest.web, own["id"]), "a.bin") == b"x"
        assert await listed(guest.web) == [mine["id"]]
        for id in (teams["id"], own["id"], mine["id"]):
            assert await code(stranger.web.get(f"/api/items/{id}")) == "404 not_found"
        assert people.role_of(guest.team, guest.id) is Role.GUEST


@pytest.mark.requirement("I8")
@scenario
async def test_a_result_or_yield_of_what_is_not_committed_removed_foreign_or_invented_fails_its_task(
    server: Any,
) -> None:
    hub = server.app.state.hub
    away = await new_team(server)
    async with (
        cast(server, "member", "member") as (author, victim),
        someone(server, "owner", team=away) as other,
        rest(server) as owner,
    ):
        b = await bench(server, author)
        calling = await opened(server, author)
        uncommitted, _ = await make(author.web)
        removed = await store(author.web)

        async def remove() -> None:
            async with hub.database.engine.begin() as db:
                await db.execute(d.item.update().where(d.item.c.id == removed["id"]).values(removed_at_us=1))

        await on_hub(server, remove())
        foreign = await store(other.web)
        secret = await store(victim.web, visibility="private")
        given_up, _ = await make(author.web)
        await author.web.delete(f"/api/items/{given_up['id']}")
        good = await store(author.web)
        wrong = {
            "uncommitted": uncommitted["id"],
            "removed": removed["id"],
            "of another team": foreign["id"],
            "another person's alone": secret["id"],
            "given up": given_up["id"],
            "invented": new_id(),
            "no id at all": "../../etc/passwd",
            "long": "x" * 5000,
        }
        count = 0
        for what, id in wrong.items():
            task = await b.take(calling, "work")
            seq = await b.give(task, id)
            await b.agent.acknowledged(seq)
            outcome = await ended(calling, task)
            assert outcome["status"] == "failed", what
            assert id[:40] in outcome["error"]["message"], outcome["error"]
            assert "committed item" in outcome["error"]["message"], outcome["error"]
            assert await links(server, task) == set(), what
            assert await code(owner.get(f"/api/items/{secret['id']}")) == "404 not_found"
            stream = await b.take(calling, "stream")
            for first, value in enumerate((good["id"], id, good["id"])):
                seq = await b.agent.report("yielded", stream, first=first, values=[[value]])
            last = await b.agent.report("ended", stream, status="completed", yields=3)
            await b.agent.acknowledged(last)
            outcome = await ended(calling, stream)
            assert (outcome["status"], outcome["yields"]) == ("failed", 1), what
            assert await links(server, stream) == {("output", good["id"])}, what
            assert b.agent.of("stale", task=stream), what
            count += 2
        task = await b.take(calling, "again")
        await b.give(task, wrong["invented"])
        assert (await ended(calling, task))["status"] == "failed"
        task = await b.take(calling, "work")
        await b.give(task, wrong["invented"], status="failed")
        assert (await ended(calling, task))["status"] == "failed"
        task = await b.take(calling, "work")
        await b.give(task, good["id"])
        assert (await ended(calling, task))["status"] == "completed"
        print(f"N = {count} results and streams that refer to what is not theirs to give")


@scenario
async def test_a_result_does_not_show_its_caller_what_the_agents_own_person_may_not_read(server: Any) -> None:
    async with cast(server, "member", "member", "member", "owner") as (thief, victim, friend, _):
        b = await bench(server, thief)
        calling = await opened(server, thief)
        theirs = await opened(server, friend)
        private = await store(victim.web, visibility="private", body=b"private")
        value = await store(victim.web, is_temporary=True)
        vb = await bench(server, victim)
        calling_victim = await opened(server, victim)
        discreet = await vb.take(calling_victim, "work", private["id"], discreet=True)
        for item in (private, value):
            for caller, who in ((calling, thief), (theirs, friend)):
                task = await b.take(caller, "work")
                await b.give(task, item["id"])
                assert (await ended(caller, task))["status"] == "failed"
                assert await code(who.web.get(f"/api/items/{item['id']}")) == "404 not_found"
        # what it was given it may give back; what its own child gave it may pass on
        task = await b.take(calling_victim, "work", private["id"], discreet=True)
        await b.give(task, private["id"])
        assert (await ended(calling_victim, task))["status"] == "completed"
        outer = await b.take(theirs, "work")
        inner = await b.agent.submit(f"{vb.app}.work", {"x": None}, parent=outer)
        await vb.agent.assigned(inner)
        made = await store(victim.web, task=inner, visibility="private")
        await vb.give(inner, made["id"])
        assert (await ended(b.agent, inner))["status"] == "completed"
        await b.give(outer, made["id"])
        assert (await ended(theirs, outer))["status"] == "completed"
        assert await code(friend.web.get(f"/api/items/{made['id']}")) == "ok"
        await vb.give(discreet, private["id"])


@scenario
async def test_arguments_that_are_not_the_callers_to_give_are_refused_before_anything_is_recorded(server: Any) -> None:
    away = await new_team(server)
    async with cast(server, "member", "member") as (author, caller), someone(server, "owner", team=away) as other:
        b = await bench(server, author)
        calling = await opened(server, caller)
        uncommitted, _ = await make(caller.web)
        trashed = await store(caller.web)
        await caller.web.post(f"/api/items/{trashed['id']}/trash")
        wrong = {
            uncommitted["id"]: "not_found",
            (await store(other.web))["id"]: "not_found",
            (await store(author.web, visibility="private"))["id"]: "not_found",
            new_id(): "not_found",
            "no id": "not_found",
            trashed["id"]: "conflict",
        }
        for id, expected in wrong.items():
            reference = uuid.uuid4().hex
            body = {"kind": "submit", "reference": reference, "action": f"{b.app}.work", "args": {"x": id}}
            await calling.send(body)
            refused = await calling.expect("refused", request=reference)
            assert refused["error"]["code"] == expected, refused
            answer = await caller.web.post("/api/tasks", json={"action": f"{b.app}.work", "args": {"x": id}})
            assert answer.json()["code"] == expected, answer.text
        tasks = (await caller.web.get("/api/tasks", params={"action": f"{b.app}.work"})).json()["items"]
        assert tasks == []
        assert not b.agent.of("assign")
        good = await store(caller.web)
        task = await b.take(calling, "work", good["id"], reference="again")
        assert await calling.submit(f"{b.app}.work", {"x": good["id"]}, reference="again") == task
        await b.give(task, good["id"])
        await ended(calling, task)
        print(f"N = {2 * len(wrong)} calls with what is not the caller's to give")


@pytest.mark.requirement("I10")
@scenario
async def test_reports_count_in_their_order_also_where_some_refer_to_items(server: Any) -> None:
    async with cast(server, "member") as (author,):
        b = await bench(server, author)
        calling = await opened(server, author)
        items = [(await store(author.web))["id"] for _ in range(3)]
        stream, plain = await b.take(calling, "stream"), await b.take(calling, "work")
        report = b.agent.report
        expected: list[str] = []
        for first, id in enumerate(items * 10):
            await report("log", stream, level="info", message=f"before {first}")
            await report("yielded", stream, first=first, values=[[id]])
            await report("paused", stream, paused=True)
            await report("paused", stream, paused=False)
            expected += ["log", "yield", "paused", "resumed"]
        last = await b.give(plain, items[0])
        end = await report("ended", stream, status="completed", yields=30)
        await b.agent.acknowledged(end)
        assert last < end
        outcome = await ended(calling, stream)
        assert (outcome["status"], outcome["yields"]) == ("completed", 30)
        events = (await author.web.get(f"/api/tasks/{stream}/events", params={"limit": 500})).json()["items"]
        names = [event.get("name", "yield") for event in events if event["kind"] != "outcome"]
        assert [name for name in names if name in expected] == expected
        assert await links(server, stream) == {("output", id) for id in items}
        assert b.agent.of("stale") == []


@pytest.mark.requirement("declare.pure")
@scenario
async def test_a_pure_result_with_items_is_given_again_for_as_long_as_they_are_there(server: Any) -> None:
    hub = server.app.state.hub
    async with cast(server, "member", "member") as (author, caller):
        b = await bench(server, author)
        calling = await opened(server, caller)
        mine = await opened(server, author)
        given = await store(author.web)
        first = await b.take(mine, "pure", given["id"])
        made = await store(author.web, task=first, is_temporary=True)
        await b.give(first, made["id"])
        assert (await ended(mine, first))["returns"] == [made["id"]]
        assert await code(caller.web.get(f"/api/items/{made['id']}")) == "ok", "its task shows it"
        second = await calling.submit(f"{b.app}.pure", {"x": given["id"]})
        assert (await ended(calling, second))["returns"] == [made["id"]]
        assert not b.agent.of("assign", task=second)
        assert await links(server, second) == {("input", given["id"]), ("output", made["id"])}

        async def remove() -> None:
            async with hub.database.engine.begin() as db:
                await db.execute(d.item.update().where(d.item.c.id == made["id"]).values(removed_at_us=1))

        await on_hub(server, remove())
        third = await b.take(calling, "pure", given["id"])
        anew = await store(author.web, task=third, is_temporary=True)
        await b.give(third, anew["id"])
        assert (await ended(calling, third))["returns"] == [anew["id"]]
        fourth = await calling.submit(f"{b.app}.pure", {"x": given["id"]})
        assert (await ended(calling, fourth))["returns"] == [anew["id"]]


@scenario
async def test_a_task_that_is_told_of_an_item_again_and_again_has_it_once(server: Any) -> None:
    async with cast(server, "member") as (author,):
        b = await bench(server, author)
        calling = await opened(server, author)
        item = (await store(author.web))["id"]
        stream = await b.take(calling, "stream", item)
        await b.agent.report("yielded", stream, first=0, values=[[item]] * 50)
        seq = await b.agent.report("ended", stream, status="completed", yields=50)
        await b.agent.acknowledged(seq)
        assert (await ended(calling, stream))["yields"] == 50
        assert await links(server, stream) == {("input", item), ("output", item)}


@scenario
async def test_what_is_written_for_a_task_that_ended_can_still_be_committed_but_counts_for_its_caller(
    server: Any,
) -> None:
    async with cast(server, "member", "member") as (author, caller):
        b = await bench(server, author)
        calling = await opened(server, caller)
        task = await b.take(calling, "work")
        item, grant = await make(author.web, task=task)
        await asyncio.to_thread(put, grant, "a", b"1")
        await b.give(task, (await store(author.web, task=task))["id"])
        await ended(calling, task)
        assert (await commit(author.web, item["id"]))["person"]["id"] == caller.id
        assert await code(author.web.post(f"/api/items/{item['id']}/commit", json={})) == "404 not_found"
        assert (await caller.web.get(f"/api/items/{item['id']}")).json()["committed_at_us"] is not None


@scenario
async def test_an_agent_passes_what_it_reads_for_a_while_to_the_children_of_its_task_alone(server: Any) -> None:
    async with cast(server, "member", "member", "member", "admin") as (author, caller, fellow, admin):
        b = await bench(server, author)
        calling, fellows = await opened(server, caller), await opened(server, fellow)
        item = await store(caller.web, visibility="private", body=b"secret pixels")
        path, own = f"/api/items/{item['id']}", {"action": f"{b.app}.work", "args": {"x": item["id"]}}
        task = await b.take(calling, "work", item["id"], discreet=True)
        for who in (author, admin):
            assert await code(who.web.post("/api/tasks", json=own)) == "404 not_found"
        elsewhere = await b.take(fellows, "work")  # another task of the same agent, which the team may read
        request = {"kind": "submit", "reference": "elsewhere", **own, "parent": elsewhere}
        await b.agent.send(request)
        assert (await b.agent.expect("refused", request="elsewhere"))["error"]["code"] == "not_found"
        child = await b.agent.submit(f"{b.app}.work", {"x": item["id"]}, parent=task)
        await b.agent.assigned(child)
        grandchild = await b.agent.submit(f"{b.app}.work", {"x": item["id"]}, parent=child)
        await b.agent.assigned(grandchild)
        theirs = await b.take(fellows, "work")
        await b.give(theirs, item["id"])
        assert (await ended(fellows, theirs))["status"] == "failed"
        for id in (grandchild, child, task):
            made = await store(author.web, task=id)
            await b.give(id, made["id"])
        await ended(calling, task)
        for who in (author, fellow):
            assert await code(who.web.get(path)) == "404 not_found"
        assert await code(author.web.post("/api/tasks", json=own)) == "404 not_found"
        again = await b.take(fellows, "work")
        await b.give(again, item["id"])
        assert (await ended(fellows, again))["status"] == "failed"
        assert await code(caller.web.post("/api/tasks", json=own)) == "ok"


@scenario
async def test_what_an_agent_stores_for_its_caller_is_not_what_they_stored(server: Any) -> None:
    async with cast(server, "member", "member") as (author, caller):
        b = await bench(server, author)
        task = await b.take(await opened(server, caller), "work")
        made = await store(author.web, task=task, name="planted")
        own = await store(caller.web, name="own")
        shown = await listed(caller.web, mine="true")
        assert (own["id"] in shown, made["id"] in shown) == (True, False)
        assert made["id"] in await listed(caller.web)
        assert made["id"] not in await listed(author.web, mine="true")
