"""The REST face: catalogue, agents, submit, list, look at, steer. Through a real socket, from another thread."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.sdk.sources import hash_sources
from tests.support.raw import client, definition, sign_in
from tests.support.rest import rest, worker
from tests.support.scripts import program
from tests.support.waiting import scenario


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=0.5, log_level="error") as running:
        yield running


PUBLISHED = {
    "name": "add",
    "args": [{"key": "a", "kind": "int"}, {"key": "b", "kind": "int", "required": False, "default": 0}],
    "returns": [{"key": "out", "kind": "int"}],
    "effects": "none",
}


async def submit(web: Any, action: str, args: Any = None, *, wait: float = 0, **fields: Any) -> dict[str, Any]:
    answer = await web.post(f"/api/tasks?wait={wait}", json={"action": action, "args": args or {}, **fields})
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


# -- who and what --------------------------------------------------------------------------------------------


@scenario
async def test_me_says_whom_the_token_stands_for(server: Any) -> None:
    async with rest(server, "page") as web:
        me = (await web.get("/api/me")).json()
    assert me["app"] == "page"
    assert me["role"] == "owner"
    assert me["team"]["name"] == "home"
    assert me["scopes"] == ["call", "manage", "provide", "read"]
    assert me["protocol"] == [1, 1]


@scenario
async def test_an_app_is_listed_with_its_release_and_its_actions(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        apps = (await web.get("/api/apps")).json()["items"]
        assert [a["agents_online"] for a in apps if a["identifier"] == w.app] == [1]
        app = (await web.get(f"/api/apps/{w.app}")).json()
        assert app["actions"] == [f"{w.app}.add", f"{w.app}.count", f"{w.app}.hold"]
        assert [r["version"] for r in app["releases"]] == ["0"]


@pytest.mark.requirement("run.release")
@scenario
async def test_an_app_that_starts_itself_says_which_sources_dependencies_and_python_ran(
    server: Any, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "lab"\nversion = "1.2"\n')
    (tmp_path / "uv.lock").write_text("numpy = 2")
    name = f"r{uuid.uuid4().hex[:10]}"
    token = await asyncio.to_thread(sign_in, server.url, server.folder, name)
    starts = f"""
        import platform
        from arkitekt_next import App
        for _ in range(2):
            app = App("{name}", url="{server.url}", token="{token}")
            @app.register
            def size() -> int:
                return 1
            with app.run_detached():
                pass
            app.close()
        print("ran", platform.python_version())
    """
    ran = []
    for _ in range(2):
        with program(starts, tmp_path, ARKITEKT_STATE_FOLDER=str(tmp_path / ".state")) as app:
            python = app.says("ran ").split()[1]
            ran.insert(0, hash_sources(tmp_path))
    lock = hashlib.sha256(b"numpy = 2").hexdigest()
    async with rest(server) as web:
        releases = (await web.get(f"/api/apps/{name}")).json()["releases"]
    shown = [(r["version"], r["source_hash"], r["lock_hash"], r["python"]) for r in releases]
    assert shown == [("1.2", source, lock, python) for source in ran]  # one each, however often it connects
    assert ran[0] != ran[1]


@pytest.mark.requirement("declare.forms")
@scenario
async def test_actions_are_found_by_words_app_collection_and_who_is_online(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        told = definition("nuclei")
        told |= {"label": "Segment nuclei", "description": "Finds round things", "collections": ["segmentation"]}
        async with client(server, f"{w.app}x") as other:
            await other.provide(told)
            for query, names in [
                (f"app={w.app}", [f"{w.app}.add", f"{w.app}.count", f"{w.app}.hold"]),
                (f"app={w.app}&q=COUNT", [f"{w.app}.count"]),
                (f"app={w.app}x&q=round+nuclei", [f"{w.app}x.nuclei"]),
                (f"app={w.app}x&q=square", []),
                (f"app={w.app}x&collection=segmentation", [f"{w.app}x.nuclei"]),
                (f"app={w.app}x&collection=registration", []),
                (f"app={w.app}&online=false", []),
            ]:
                found = (await web.get(f"/api/actions?{query}")).json()
                assert [a["name"] for a in found["items"]] == names, query
            await other.send({"kind": "goodbye"})
            await other.socket.wait_closed()
        found = (await web.get(f"/api/actions?app={w.app}x&online=false")).json()["items"]
        assert [a["name"] for a in found] == [f"{w.app}x.nuclei"]


@scenario
async def test_an_action_shows_its_definition_its_versions_and_who_provides_it(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        action = (await web.get(f"/api/actions/{w.app}.add")).json()
        assert action["definition"] == PUBLISHED
        assert [p["agent"] for p in action["providers"]] == [w.id]
        assert [v["definition_hash"] for v in action["versions"]] == [action["definition_hash"]]
        changed = {**definition("add", effects="none"), "description": "adds"}
        await w.agent.provide(changed)
        newer = (await web.get(f"/api/actions/{w.app}.add")).json()
        assert newer["definition"] == {**PUBLISHED, "description": "adds"}
        assert newer["signature_hash"] == action["signature_hash"]
        assert newer["definition_hash"] != action["definition_hash"]
        listed = (await web.get(f"/api/actions/{w.app}.add/definitions")).json()["items"]
        hashes = [newer["definition_hash"], action["definition_hash"]]
        assert [d["definition_hash"] for d in listed] == hashes
        first = (await web.get(f"/api/definitions/{hashes[1]}")).json()
        assert f"{w.app}.add" in first["actions"]
        assert first["definition"] == PUBLISHED


@pytest.mark.requirement("call.checked")
@scenario
async def test_arguments_are_checked_without_a_call(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        path = f"/api/actions/{w.app}.add/check"
        assert (await web.post(path, json={"args": {"a": 1}})).status_code == 200
        for args, code in [
            ({"a": "1"}, "invalid_value"),
            ({}, "missing_argument"),
            ({"a": 1, "c": 2}, "unknown_argument"),
            ({"a": 2**63}, "invalid_value"),
        ]:
            refused = await web.post(path, json={"args": args})
            assert (refused.status_code, refused.json()["code"]) == (422, code)
        listed = (await web.get(f"/api/tasks?action={w.app}.add")).json()
        assert listed["items"] == []


@scenario
async def test_agents_are_listed_with_how_busy_they_are_and_until_they_are_gone(server: Any) -> None:
    async with rest(server) as web, worker(server, labels=["cuda"], capacity=3) as w:
        held = await submit(web, f"{w.app}.hold", {"a": 1})
        await w.agent.assigned(held["task"])
        (agent,) = (await web.get(f"/api/agents?app={w.app}&online=true")).json()["items"]
        assert (agent["state"], agent["tasks"], agent["capacity"], agent["labels"]) == ("online", 1, 3, ["cuda"])
        shown = (await web.get(f"/api/agents/{w.id}")).json()
        assert [i["action"] for i in shown["implementations"]] == [f"{w.app}.add", f"{w.app}.count", f"{w.app}.hold"]
        w.let_go(held["task"])
        await outcome_of(web, held["task"])
        await w.agent.send({"kind": "goodbye"})
        async with asyncio.timeout(20):  # the hub settles what has left behind the goodbye
            while (await web.get(f"/api/agents?app={w.app}&online=true")).json()["items"]:
                pass
        assert (await web.get(f"/api/agents/{w.id}")).json()["state"] == "gone"


async def outcome_of(web: Any, task: str) -> dict[str, Any]:
    """Follow a task to its end; pushed, so without polling."""
    async with web.stream("GET", f"/api/tasks/{task}/stream") as stream:
        async for _ in stream.aiter_lines():
            pass
    return (await web.get(f"/api/tasks/{task}")).json()


# -- submit --------------------------------------------------------------------------------------------------


@scenario
async def test_a_call_is_accepted_with_its_address_and_can_be_waited_for(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        answer = await web.post("/api/tasks", json={"action": f"{w.app}.hold", "args": {"a": 7}})
        assert answer.status_code == 202
        task = answer.json()["task"]
        assert answer.headers["location"] == f"/api/tasks/{task}"
        assert len(answer.json()["reference"]) <= 64
        w.let_go(task)
        assert (await outcome_of(web, task))["returns"] == [7]
        told = await submit(web, f"{w.app}.add", {"a": 1, "b": 2}, wait=20)
        assert (told["status"], told["outcome"]["returns"]) == ("completed", [3])


@scenario
async def test_waiting_gives_up_after_the_time_asked_for(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        told = await submit(web, f"{w.app}.hold", {"a": 1}, wait=0.05)
        assert told["outcome"] is None
        w.let_go(told["task"])


@pytest.mark.requirement("call.reference")
@scenario
async def test_the_same_reference_is_the_same_task_in_body_or_header(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        key = uuid.uuid4().hex
        body = {"action": f"{w.app}.hold", "args": {"a": 1}}
        first = (await web.post("/api/tasks", json=body, headers={"Idempotency-Key": key})).json()
        again = (await web.post("/api/tasks", json={**body, "reference": key})).json()
        assert again["task"] == first["task"]
        assert again["reference"] == key
        w.let_go(first["task"])
        waited = (await web.post("/api/tasks?wait=20", json=body, headers={"Idempotency-Key": key})).json()
        assert waited["outcome"]["task"] == first["task"]
        after = (await web.post("/api/tasks?wait=20", json=body, headers={"Idempotency-Key": key})).json()
        assert after["outcome"]["returns"] == [1]
        other = await web.post("/api/tasks", json={**body, "args": {"a": 2}}, headers={"Idempotency-Key": key})
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
        torn = await web.post("/api/tasks", json={**body, "reference": "x"}, headers={"Idempotency-Key": key})
        assert (torn.status_code, torn.json()["code"]) == (400, "bad_request")
        assert len(w.agent.of("assign")) == 1


@scenario
async def test_a_call_that_makes_no_sense_is_refused_with_its_reason(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        add = f"{w.app}.add"
        for body, status, code in [
            ({"action": f"{w.app}.ad"}, 404, "not_found"),
            ({"action": add, "args": {"a": "x"}}, 422, "invalid_value"),
            ({"action": add, "args": {"a": 1}, "signature_hash": "0" * 64}, 409, "definition_changed"),
            ({"action": add, "args": {"a": 1}, "parent": "nobody"}, 404, "not_found"),
            ({"action": f"{w.app}.hold", "args": {"a": 1}, "retries": 2}, 400, "bad_request"),
            ({"action": add, "args": {"a": 1}, "colour": "blue"}, 422, "bad_request"),
            ({"action": add, "args": {"a": 1}, "timeout_s": -1}, 422, "bad_request"),
            ({"args": {}}, 422, "bad_request"),
            ([], 422, "bad_request"),
        ]:
            refused = await web.post("/api/tasks", json=body)
            assert (refused.status_code, refused.json()["code"]) == (status, code), body
            assert set(refused.json()) == {"code", "message", "fields"}
        gone = {"action": add, "args": {"a": 1}, "wait_for_agent": False}
        await w.agent.send({"kind": "goodbye"})
        await w.agent.socket.wait_closed()
        refused = await web.post("/api/tasks", json=gone)
        assert (refused.status_code, refused.json()["code"]) == (409, "no_agent")


@scenario
async def test_any_text_in_a_body_comes_back_unchanged(server: Any) -> None:
    strange = "NUL \x00, lone \ud800, astral \U0001f52c, line \u2028"
    async with rest(server) as web, client(server, f"t{uuid.uuid4().hex[:8]}") as agent:
        echo = definition("echo")
        echo["args"] = [{"key": "t", "kind": "json"}]
        echo["returns"] = [{"key": "t", "kind": "json"}]
        await agent.provide(echo)
        body = f'{{"action": "{agent.app}.echo", "args": {{"t": {{"k\\ud800": "{ascii_json(strange)}"}}}}}}'
        headers = {"content-type": "application/json"}
        task = (await web.post("/api/tasks", content=body.encode(), headers=headers)).json()["task"]
        assigned = await agent.assigned(task)
        assert assigned["args"] == {"t": {"k\ud800": strange}}
        await agent.report("ended", task, status="completed", returns=[assigned["args"]["t"]])
        shown = await outcome_of(web, task)
        assert shown["args"] == {"t": {"k\ud800": strange}}
        assert shown["returns"] == [{"k\ud800": strange}]


def ascii_json(text: str) -> str:
    import json

    return json.dumps(text)[1:-1]


# -- look at -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("call.progress")
@scenario
async def test_a_task_shows_its_arguments_options_timeline_progress_and_result(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        held = (await submit(web, f"{w.app}.hold", {"a": 4}, timeout_s=60, labels=[]))["task"]
        async with web.stream("GET", f"/api/tasks/{held}/stream") as stream:
            async for line in stream.aiter_lines():
                if '"holding"' in line:
                    break
        running = (await web.get(f"/api/tasks/{held}")).json()
        assert running["status"] == "running"
        assert running["progress"] == {"percent": 50.0, "message": "half way"}
        assert running["options"] == {"timeout_s": 60.0}
        assert running["waiting"] is None
        w.let_go(held)
        ended = await outcome_of(web, held)
        assert ended["args"] == {"a": 4}
        assert ended["returns"] == [4]
        assert ended["agent"] == w.id
        assert [(m["number"], m["name"]) for m in ended["timeline"]] == [
            (1, "queued"),
            (2, "assigned"),
            (3, "started"),
            (5, "completed"),
        ]


@scenario
async def test_a_queued_task_says_why_it_waits(server: Any) -> None:
    async with rest(server) as web, worker(server, capacity=1) as w:
        held = (await submit(web, f"{w.app}.hold", {"a": 1}))["task"]
        await w.agent.assigned(held)
        reasons = []
        for options in ({}, {"labels": ["cuda"]}, {"agent": "nobody"}):
            task = (await submit(web, f"{w.app}.hold", {"a": 1}, **options))["task"]
            reasons.append((await web.get(f"/api/tasks/{task}")).json()["waiting"])
        assert [(r["reason"], r["ahead"]) for r in reasons] == [("busy", 0), ("labels", 1), ("agent", 2)]
        await w.agent.send({"kind": "goodbye"})
        await w.agent.socket.wait_closed()
        shown = (await web.get(f"/api/tasks/{task}")).json()
        assert shown["waiting"]["reason"] == "no_agent"


@pytest.mark.requirement("I5")
@scenario
async def test_events_and_yields_are_read_page_by_page_without_gap_or_duplicate(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = (await submit(web, f"{w.app}.count", {"a": 41}, wait=20))["task"]
        events: list[dict[str, Any]] = []
        after, has_ended = 0, False
        while not has_ended:
            page = (await web.get(f"/api/tasks/{task}/events?after={after}&limit=7")).json()
            assert 0 < len(page["items"]) <= 7
            events += page["items"]
            after, has_ended = page["after"], page["has_ended"]
        numbers = [e["number"] for e in events]
        assert numbers == sorted(set(numbers))
        assert [v for e in events if e["kind"] == "values" for v in e["values"]] == [[n] for n in range(41)]
        assert [e["kind"] for e in events].count("outcome") == 1
        assert events[-1]["kind"] == "outcome"
        for start in (0, 1, 2, 17, 40):
            values: list[list[int]] = []
            following: int | None = start
            while following is not None:
                page = (await web.get(f"/api/tasks/{task}/yields?from={following}&limit=5")).json()
                assert page["first"] == following
                values += page["items"]
                following = page["next"]
            assert values == [[n] for n in range(start, 41)], start
        beyond = (await web.get(f"/api/tasks/{task}/yields?from=100")).json()
        assert (beyond["items"], beyond["next"], beyond["total"]) == ([], None, 41)


@scenario
async def test_tasks_are_listed_newest_first_filtered_and_paged(server: Any) -> None:
    async with rest(server, "lister") as web, worker(server) as w:
        added = [(await submit(web, f"{w.app}.add", {"a": n}, wait=20))["task"] for n in range(7)]
        waiting = (await submit(web, f"{w.app}.add", {"a": 1}, agent="nobody", reference=f"needle-{w.app}"))["task"]
        seen: list[str] = []
        cursor = ""
        while True:
            page = (await web.get(f"/api/tasks?action={w.app}.add&limit=3{cursor}")).json()
            seen += [item["id"] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == [waiting, *reversed(added)]
        for query, expected in [
            ("status=queued", [waiting]),
            ("status=completed&status=queued", seen),
            ("status=failed", []),
            (f"text=NEEDLE-{w.app}", [waiting]),
            ("app=lister", seen),
            ("app=somebody", []),
            (f"until_us={2**52}", seen),
            (f"since_us={2**52}", []),
        ]:
            found = (await web.get(f"/api/tasks?action={w.app}.add&limit=20&{query}")).json()
            assert [item["id"] for item in found["items"]] == expected, query
            assert found["next"] is None


@pytest.mark.requirement("call.children")
@scenario
async def test_children_are_found_by_parent_and_by_root(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        parent = (await submit(web, f"{w.app}.hold", {"a": 1}))["task"]
        await w.agent.assigned(parent)
        children = [(await submit(web, f"{w.app}.add", {"a": n}, parent=parent, wait=20))["task"] for n in range(3)]
        listed = (await web.get(f"/api/tasks/{parent}/children")).json()["items"]
        assert [c["id"] for c in listed] == children[::-1]
        assert {(c["parent"], c["root"]) for c in listed} == {(parent, parent)}
        below = (await web.get(f"/api/tasks?root={parent}")).json()["items"]
        assert [c["id"] for c in below] == [*children[::-1], parent]
        assert (await web.get(f"/api/tasks/{parent}")).json()["children"] == 3
        w.let_go(parent)


# -- steer ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("call.pause", "call.cancel")
@scenario
async def test_a_running_task_is_paused_resumed_and_cancelled(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = (await submit(web, f"{w.app}.hold", {"a": 1}))["task"]
        await w.agent.assigned(task)
        for verb in ("pause", "step", "resume"):
            assert (await web.post(f"/api/tasks/{task}/{verb}")).status_code == 200
            await w.agent.expect("steer", task=task, verb=verb)
        cancelled = await web.post(f"/api/tasks/{task}/cancel", json={"deadline_s": 5, "reason": "wrong plate"})
        assert cancelled.status_code == 200
        steer = await w.agent.expect("steer", task=task, verb="cancel")
        assert (steer["deadline_s"], steer["reason"]) == (5.0, "wrong plate")
        assert (await outcome_of(web, task))["status"] == "cancelled"
        assert (await web.post(f"/api/tasks/{task}/cancel")).json()["status"] == "cancelled"
        refused = await web.post(f"/api/tasks/{task}/pause")
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert (await web.post(f"/api/tasks/{task}/explode")).status_code == 422


@scenario
async def test_a_queued_task_that_is_cancelled_has_ended_when_the_answer_comes(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = (await submit(web, f"{w.app}.add", {"a": 1}, agent="nobody"))["task"]
        assert (await web.post(f"/api/tasks/{task}/cancel")).json() == {"task": task, "status": "cancelled"}
        assert (await web.get(f"/api/tasks/{task}")).json()["error"]["error"]["code"] == "task_cancelled"


# -- every answer --------------------------------------------------------------------------------------------


@pytest.mark.requirement("keep.metrics")
@scenario
async def test_the_metrics_count_what_was_committed(server: Any) -> None:
    async def commits(web: Any) -> float:
        lines = (await web.get("/metrics")).text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("arkitekt_ledger_commits_total")))

    async with rest(server) as web, worker(server) as w:
        ledger = server.app.state.hub.database.ledger
        low, before, high = ledger.commits, await commits(web), ledger.commits  # it commits by itself, too
        assert low <= before <= high
        await submit(web, f"{w.app}.add", {"a": 1}, wait=20)
        assert await commits(web) > before
