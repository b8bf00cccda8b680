"""The life of a task at the hub, seen through the wire by clients that know nothing of our SDK."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.raw import client, definition

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, lease_s=3.0, heartbeat_s=1.0, cancel_deadline_s=0.5, log_level="error") as running:
        yield running


@pytest.fixture
def app() -> str:
    return f"a{uuid.uuid4().hex[:10]}"


def scenario(function: Any) -> Any:
    """Run an async test with a deadline."""
    import functools

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(function(*args, **kwargs), 60))

    return run


@scenario
async def test_a_call_reaches_the_agent_and_its_result_the_caller(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        task = await caller.submit(f"{app}.add", {"a": 1, "b": 2})
        assigned = await agent.assigned(task)
        assert assigned["args"] == {"a": 1, "b": 2}
        assert assigned["action"] == "add"
        seq = await agent.report("ended", task, status="completed", returns=[3])
        outcome = await caller.expect("outcome", task=task)
        assert (outcome["status"], outcome["returns"]) == ("completed", [3])
        await agent.acknowledged(seq)


@pytest.mark.requirement("call.checked")
@scenario
async def test_arguments_that_do_not_fit_are_refused_by_the_hub(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        for args, code in [
            ({"a": "x"}, "invalid_value"),
            ({"a": 1, "zzz": 2}, "unknown_argument"),
            ({}, "missing_argument"),
            ({"a": True}, "invalid_value"),
            ({"a": 2**63}, "invalid_value"),
        ]:
            reference = uuid.uuid4().hex
            await caller.send({"kind": "submit", "reference": reference, "action": f"{app}.add", "args": args})
            refused = await caller.expect("refused", request=reference)
            assert refused["error"]["code"] == code


@scenario
async def test_an_unknown_action_names_the_nearest_one(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("segment"))
        await caller.send({"kind": "submit", "reference": "r1", "action": f"{app}.segmnt"})
        refused = await caller.expect("refused", request="r1")
        assert refused["error"]["code"] == "not_found"
        assert f"{app}.segment" in refused["error"]["message"]


@pytest.mark.requirement("call.reference")
@scenario
async def test_the_same_reference_is_the_same_task_and_other_arguments_are_a_conflict(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        reference = uuid.uuid4().hex
        first = await caller.submit(f"{app}.add", {"a": 1}, reference=reference)
        await caller.send({"kind": "submit", "reference": reference, "action": f"{app}.add", "args": {"a": 1}})
        await agent.assigned(first)
        await agent.report("ended", first, status="completed", returns=[1])
        await caller.expect("outcome", task=first)
        async with client(server, "caller") as later:
            again = await later.submit(f"{app}.add", {"a": 1}, reference=reference)
            assert again == first
            assert (await later.expect("outcome", task=first))["returns"] == [1]
            await later.send({"kind": "submit", "reference": reference, "action": f"{app}.add", "args": {"a": 2}})
            refused = await later.expect("refused", request=reference)
            assert refused["error"]["code"] == "conflict"
        assert len(agent.of("assign")) == 1


@pytest.mark.requirement("call.waiting")
@scenario
async def test_a_task_waits_while_nobody_is_online(server: Any, app: str) -> None:
    async with client(server, "caller") as caller:
        async with client(server, app) as agent:
            await agent.provide(definition("add"))
            await agent.send({"kind": "goodbye"})
            await agent.socket.wait_closed()  # the hub has settled it
        task = await caller.submit(f"{app}.add", {"a": 5})
        async with client(server, app) as agent:
            await agent.provide(definition("add"))
            await agent.assigned(task)
            await agent.report("ended", task, status="completed", returns=[5])
            assert (await caller.expect("outcome", task=task))["returns"] == [5]


@pytest.mark.requirement("call.waiting")
@scenario
async def test_nobody_online_and_no_wish_to_wait_is_refused(server: Any, app: str) -> None:
    async with client(server, "caller") as caller:
        async with client(server, app) as agent:
            await agent.provide(definition("add"))
            await agent.send({"kind": "goodbye"})
            await agent.socket.wait_closed()
        await caller.send(
            {"kind": "submit", "reference": "n1", "action": f"{app}.add", "args": {"a": 1}, "wait_for_agent": False}
        )
        assert (await caller.expect("refused", request="n1"))["error"]["code"] == "no_agent"
        async with client(server, app) as agent:
            await agent.provide(definition("add"), labels=["cpu"])
            wish = {"action": f"{app}.add", "args": {"a": 1}, "wait_for_agent": False, "labels": ["gpu"]}
            await caller.send({"kind": "submit", "reference": "n2", **wish})
            assert (await caller.expect("refused", request="n2"))["error"]["code"] == "no_agent"


@pytest.mark.requirement("declare.compatibility")
@scenario
async def test_a_waiting_task_fails_when_its_action_comes_back_with_another_signature(server: Any, app: str) -> None:
    async with client(server, "caller") as caller:
        async with client(server, app) as agent:
            await agent.provide(definition("add"))
            await agent.send({"kind": "goodbye"})
            await agent.socket.wait_closed()
        task = await caller.submit(f"{app}.add", {"a": 5})
        changed = definition("add")
        changed["args"][0]["kind"] = "string"
        async with client(server, app) as agent:
            await agent.provide(changed)
            outcome = await caller.expect("outcome", task=task)
            assert outcome["status"] == "failed"
            assert outcome["error"]["error"]["code"] == "definition_changed"


@pytest.mark.requirement("I5")
@scenario
async def test_yields_arrive_numbered_and_can_be_read_from_any_number(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("count", generator=True))
        task = await caller.submit(f"{app}.count", {"a": 3})
        await agent.assigned(task)
        await agent.report("yielded", task, first=0, values=[[0], [1]])
        await agent.report("yielded", task, first=0, values=[[0], [1], [2]])  # sent twice, one more
        refused = await agent.report("yielded", task, first=9, values=[[9]])  # a gap
        await agent.expect("stale", task=task)
        await agent.acknowledged(refused)
        await agent.report("ended", task, status="completed", yields=3)
        outcome = await caller.expect("outcome", task=task)
        assert outcome["yields"] == 3
        values = [v for m in caller.of("values", task=task) for v in m["values"]]
        assert values == [[0], [1], [2]]
        first = caller.of("values", task=task)[0]["number"]
        async with client(server, "other") as other:
            await other.send({"kind": "attach", "request": "x", "task": task, "after": first})
            assert (await other.expect("outcome", task=task))["number"] == outcome["number"]
            assert [v for m in other.of("values", task=task) for v in m["values"]] == [[2]]


@pytest.mark.requirement("I2", "I3", "I4")
@scenario
async def test_stale_reports_are_refused_and_change_nothing(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, app) as stranger, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        await stranger.provide(definition("other"))
        task = await caller.submit(f"{app}.add", {"a": 1})
        await agent.assigned(task)
        for who, attempt, epoch in [
            (stranger, 1, stranger.epoch),
            (agent, 2, agent.epoch),
            (agent, 1, agent.epoch + 1),
        ]:
            await who.report("ended", task, attempt=attempt, epoch=epoch, status="completed", returns=[666])
            await who.expect("stale", task=task, attempt=attempt)
        await agent.report("ended", task, status="completed", returns=[1])
        assert (await caller.expect("outcome", task=task))["returns"] == [1]
        await agent.report("ended", task, status="failed", error={"type": "X"})
        async with client(server, "other") as other:
            await other.send({"kind": "attach", "request": "x", "task": task})
            assert (await other.expect("outcome", task=task))["status"] == "completed"
            assert len(other.of("outcome")) == 1


@pytest.mark.requirement("agent.resume", "I3")
@scenario
async def test_an_agent_that_comes_back_in_time_goes_on_where_it_was(server: Any, app: str) -> None:
    session = str(uuid.uuid4())
    async with client(server, "caller") as caller:
        async with client(server, app, session=session) as agent:
            await agent.provide(definition("add"))
            task = await caller.submit(f"{app}.add", {"a": 1})
            await agent.assigned(task)
            await agent.report("started", task, seq=0)
            agent.drop()
            await caller.expect("event", task=task, name="disconnected")
        async with client(server, app, session=session) as agent:
            provided = await agent.provide(definition("add"), held=[{"task": task, "attempt": 1}])
            assert provided["epoch"] == 2
            await caller.expect("event", task=task, name="reconnected")
            await agent.report("ended", task, status="completed", returns=[1])
            assert (await caller.expect("outcome", task=task))["returns"] == [1]
            assert agent.of("assign") == []


@pytest.mark.requirement("agent.resume")
@scenario
async def test_an_assignment_that_was_lost_on_the_way_is_sent_again(server: Any, app: str) -> None:
    session = str(uuid.uuid4())
    async with client(server, "caller") as caller:
        async with client(server, app, session=session) as agent:
            await agent.provide(definition("add"))
            task = await caller.submit(f"{app}.add", {"a": 1})
            await agent.assigned(task)
            agent.drop()
        async with client(server, app, session=session) as agent:
            await agent.provide(definition("add"))
            assert (await agent.assigned(task))["attempt"] == 1
            await agent.report("ended", task, status="completed", returns=[1])
            await caller.expect("outcome", task=task)


@pytest.mark.requirement("I6", "I9")
@scenario
async def test_a_lost_agent_loses_unknown_work_with_its_last_progress(server: Any, app: str) -> None:
    async with client(server, "caller") as caller:
        async with client(server, app) as agent:
            await agent.provide(definition("add"))
            task = await caller.submit(f"{app}.add", {"a": 1})
            await agent.assigned(task)
            await agent.report("progress", task, seq=0, percent=40, message="segmenting")
            await caller.expect("event", task=task, name="progress")
            agent.drop()
        outcome = await caller.expect("outcome", 10, task=task)
        assert outcome["status"] == "lost"
        assert outcome["error"]["error"]["code"] == "agent_lost"
        assert outcome["error"]["error"]["fields"]["progress"] == "40 % segmenting"


@pytest.mark.requirement("declare.effects")
@scenario
async def test_repeatable_work_is_tried_three_times_and_then_fails(server: Any, app: str) -> None:
    async with client(server, "caller") as caller:
        task = ""
        for attempt in (1, 2, 3):
            async with client(server, app) as agent:
                await agent.provide(definition("add", effects="repeatable"))
                task = task or await caller.submit(f"{app}.add", {"a": 1})
                await agent.assigned(task, attempt)
                agent.drop()
        outcome = await caller.expect("outcome", 10, task=task)
        assert outcome["status"] == "failed"
        assert outcome["error"]["error"]["code"] == "poisoned"


@pytest.mark.requirement("I6")
@scenario
async def test_a_silent_agent_is_lost_after_its_lease_and_grace(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        task = await caller.submit(f"{app}.add", {"a": 1})
        await agent.assigned(task)
        agent.socket.transport.pause_reading()  # no pong any more
        outcome = await caller.expect("outcome", 15, task=task)
        assert outcome["status"] == "lost"


@pytest.mark.requirement("declare.retries")
@scenario
async def test_a_failure_is_retried_only_when_declared_repeatable(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("again", effects="repeatable"), definition("once"))
        task = await caller.submit(f"{app}.again", {"a": 1}, retries=1)
        for attempt in (1, 2):
            await agent.assigned(task, attempt)
            await agent.report("ended", task, attempt=attempt, status="failed", error={"type": "ValueError"})
        assert (await caller.expect("outcome", task=task))["status"] == "failed"
        await caller.send(
            {"kind": "submit", "reference": "rr", "action": f"{app}.once", "args": {"a": 1}, "retries": 1}
        )
        assert "never repeated" in (await caller.expect("refused", request="rr"))["error"]["message"]


@pytest.mark.requirement("call.cancel")
@scenario
async def test_a_cancelled_waiting_task_ends_at_once(server: Any, app: str) -> None:
    async with client(server, "caller") as caller:
        async with client(server, app) as agent:
            await agent.provide(definition("add"))
            await agent.send({"kind": "goodbye"})
            await agent.socket.wait_closed()
        task = await caller.submit(f"{app}.add", {"a": 1})
        await caller.send({"kind": "control", "request": "c", "task": task, "verb": "cancel"})
        await caller.expect("done", request="c")
        assert (await caller.expect("outcome", task=task))["status"] == "cancelled"


@pytest.mark.requirement("I7")
@scenario
async def test_a_cancel_ends_by_its_deadline_even_when_the_agent_does_not_answer(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        parent = await caller.submit(f"{app}.add", {"a": 1})
        await agent.assigned(parent)
        child = await agent.submit(f"{app}.add", {"a": 2}, parent=parent)
        assert (await agent.assigned(child))["root"] == parent
        cancel = {"kind": "control", "request": "c", "task": parent, "verb": "cancel", "deadline_s": 0.2}
        await caller.send(cancel)
        await agent.expect("steer", task=parent, verb="cancel")
        await agent.expect("steer", task=child, verb="cancel")
        await agent.report("ended", child, status="cancelled", error={"type": "CancelledError"})
        assert (await caller.expect("outcome", 5, task=parent))["status"] == "interrupted"
        assert (await agent.expect("outcome", 5, task=child))["status"] == "cancelled"


@pytest.mark.requirement("call.timeout")
@scenario
async def test_a_timeout_expires_a_waiting_task_and_cancels_a_running_one(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"), capacity=1)
        running = await caller.submit(f"{app}.add", {"a": 1}, timeout_s=0.3)
        await agent.assigned(running)
        waiting = await caller.submit(f"{app}.add", {"a": 2}, timeout_s=0.3)
        assert (await caller.expect("outcome", 5, task=waiting))["status"] == "expired"
        steer = await agent.expect("steer", task=running, verb="cancel")
        assert "timeout of 0.3 s" in steer["reason"]


@pytest.mark.requirement("call.pause")
@scenario
async def test_pause_step_and_resume_reach_the_agent_and_are_told(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        task = await caller.submit(f"{app}.add", {"a": 1})
        await agent.assigned(task)
        for verb in ("pause", "step", "resume"):
            await caller.send({"kind": "control", "request": verb, "task": task, "verb": verb})
            await caller.expect("done", request=verb)
            await agent.expect("steer", task=task, verb=verb)
        await agent.report("paused", task, paused=True)
        await caller.expect("event", task=task, name="paused")
        await agent.report("paused", task, paused=False)
        await caller.expect("event", task=task, name="resumed")


@pytest.mark.requirement("call.routing")
@scenario
async def test_work_goes_to_the_least_busy_agent_by_label_or_by_name(server: Any, app: str) -> None:
    async with client(server, app) as one, client(server, app) as two, client(server, "caller") as caller:
        await one.provide(definition("add"), labels=["cpu"])
        await two.provide(definition("add"), labels=["gpu", "big"])

        async def runs_on_one(**fields: Any) -> bool:
            task = await caller.submit(f"{app}.add", {"a": 1}, **fields)
            waits = {asyncio.create_task(agent.assigned(task)) for agent in (one, two)}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            return bool(one.of("assign", task=task))

        assert sorted([await runs_on_one() for _ in range(6)]) == [False, False, False, True, True, True]
        assert not await runs_on_one(labels=["gpu"])
        assert await runs_on_one(agent=one.agent)
        turns = [await runs_on_one(routing="round_robin") for _ in range(4)]
        assert turns in ([True, False, True, False], [False, True, False, True])
        assert len({await runs_on_one(routing="sticky") for _ in range(4)}) == 1


@pytest.mark.requirement("declare.concurrency")
@scenario
async def test_an_agent_gets_no_more_than_it_has_room_for(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        request = {"definition": definition("add"), "concurrency": 2}
        await agent.send({"kind": "provide", "request": "p", "offers": [request]})
        agent.epoch = (await agent.expect("provided", request="p"))["epoch"]
        tasks = [await caller.submit(f"{app}.add", {"a": n}) for n in range(5)]
        await agent.assigned(tasks[1])
        await agent.send({"kind": "lookup", "request": "fence", "action": f"{app}.add"})
        await agent.expect("found", request="fence")
        assert [m["task"] for m in agent.of("assign")] == tasks[:2]
        for done, following in zip(tasks, tasks[2:], strict=False):
            await agent.report("ended", done, status="completed", returns=[1])
            await agent.assigned(following)


@pytest.mark.requirement("agent.outbox")
@scenario
async def test_the_last_words_of_a_dead_process_are_taken_from_its_heir(server: Any, app: str) -> None:
    dead = str(uuid.uuid4())
    async with client(server, "caller") as caller:
        async with client(server, app, session=dead) as agent:
            await agent.provide(definition("add"), grace_s=60)
            finished = await caller.submit(f"{app}.add", {"a": 1})
            unfinished = await caller.submit(f"{app}.add", {"a": 2})
            await agent.assigned(unfinished)
            epoch = agent.epoch
            agent.drop()
        async with client(server, app) as heir:
            await heir.provide(definition("add"), inherits=[dead])
            await heir.report("ended", finished, epoch=epoch, status="completed", returns=[1])
            await heir.send({"kind": "bury", "session": dead})
            assert (await caller.expect("outcome", task=finished))["returns"] == [1]
            assert (await caller.expect("outcome", task=unfinished))["status"] == "lost"


@pytest.mark.requirement("call.checked")
@scenario
async def test_a_result_that_does_not_fit_the_contract_fails_the_task(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        await agent.provide(definition("add"))
        task = await caller.submit(f"{app}.add", {"a": 1})
        await agent.assigned(task)
        await agent.report("ended", task, status="completed", returns=["three"])
        outcome = await caller.expect("outcome", task=task)
        assert outcome["status"] == "failed"
        assert "expected int" in outcome["error"]["message"]


@pytest.mark.requirement("call.find")
@scenario
async def test_a_lookup_by_name_hash_and_demand_finds_the_same_contract(server: Any, app: str) -> None:
    async with client(server, app) as agent, client(server, "caller") as caller:
        unusual = definition("odd")
        unusual["args"] = [{"key": "when", "kind": "timedelta"}, {"key": "how", "kind": "decimal"}]
        await agent.provide(unusual)
        await caller.send({"kind": "lookup", "request": "1", "action": f"{app}.odd"})
        found = await caller.expect("found", request="1")
        assert found["agents_online"] == 1
        await caller.send({"kind": "lookup", "request": "2", "definition": found["definition_hash"]})
        demand = {"args": [{"kind": "timedelta"}, {"kind": "decimal"}], "returns": [{"kind": "int"}]}
        await caller.send({"kind": "lookup", "request": "3", "demand": demand})
        for request in ("2", "3"):
            assert (await caller.expect("found", request=request))["action"] == f"{app}.odd"
