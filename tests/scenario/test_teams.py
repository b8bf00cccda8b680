"""Teams do not see each other: every route and every message, asked with a neighbour's ids, knows nothing of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.auth.principal import Scope
from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.policy import KEEP
from arkitekt_next.hub.core.route import Route
from arkitekt_next.hub.pages.route import PageRoute
from tests.support.items import store
from tests.support.raw import RawClient
from tests.support.rest import OFFERS, another_team, on_hub, rest, worker
from tests.support.waiting import scenario


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=0.5, log_level="error") as running:
        yield running


LISTS = ("/api/apps", "/api/actions", "/api/agents", "/api/tasks", "/api/items", "/api/folders")
OWN = (
    "/api/me",
    "/api/account",
    "/api/account/setup",
    "/api/team",
    "/api/teams",
    "/api/team/audit",
    "/api/members",
    "/api/invitations",
    "/api/logins",
    "/api/redeem-tokens",
    "/api/clients",
    "/api/usage",
)
LINKS = ("/api/account/link", "/api/account/page-link")
OF_THE_HUB = ("/api/people", "/api/keys", "/api/keys/rotate", "/api/audit", "/api/audit/verify", *LINKS)
SWITCH = "/api/team/switch"
BODIES = {
    ("PATCH", "/api/members/{person}"): {"role": "guest"},
    ("POST", "/api/devices/{user_code}/approve"): {"scopes": ["read"]},
    ("POST", "/api/actions/{name}/check"): {"args": {"a": 1}},
    ("POST", "/api/items/{item}/links"): {"paths": ["a.bin"]},
    ("PUT", "/api/apps/{identifier}/sources/{source_hash}"): {"item": "01a1fb9b-0100-7000-8000-000000000001"},
}


def filled(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace("{" + name + "}", value)
    return path


@pytest.mark.requirement("guard.teams")
@scenario
async def test_every_route_answers_404_to_a_neighbours_ids(server: Any) -> None:
    stranger = await another_team(server)
    async with rest(server) as mine, rest(server, token=stranger) as theirs, worker(server) as w:
        action = (await mine.get(f"/api/actions/{w.app}.add")).json()
        task = (await mine.post("/api/tasks", json={"action": f"{w.app}.hold", "args": {"a": 1}})).json()["task"]
        await w.agent.assigned(task)
        ended = (await mine.post("/api/tasks?wait=20", json={"action": f"{w.app}.add", "args": {"a": 1}})).json()[
            "task"
        ]
        program = {"name": "P", "redirect_uris": ["https://p.example.org/cb"]}
        made = {
            "invitation": (await mine.post("/api/invitations", json={})).json()["id"],
            "token": (await mine.post("/api/redeem-tokens", json={})).json()["id"],
            "client": (await mine.post("/api/clients", json=program)).json()["id"],
            "login": (await mine.get("/api/logins")).json()["items"][0]["id"],
            "person": server.app.state.hub.accounts.owner,
            "user_code": "BBBB-BBBB",
            "item": (await store(mine, visibility="private"))["id"],
            "folder": (await mine.post("/api/folders", json={"name": f"mine {w.app}"})).json()["id"],
            "tag": "control",
            "source_hash": "0" * 64,
        }
        asked = 0
        for route in server.app.routes:
            if not isinstance(route, Route) or route.rule.verb is None or "{" not in route.path:
                continue
            if route.rule is KEEP or route.path.startswith("/app/"):  # the page is the same for everybody
                continue
            for task_id in (task, ended):
                ids = {
                    **made,
                    "identifier": w.app,
                    "name": f"{w.app}.add",
                    "definition_hash": action["definition_hash"],
                    "agent": w.id,
                    "task": task_id,
                    "verb": "cancel",
                }
                path = filled(route.path, ids)
                for method in sorted(route.methods or ()):
                    body = BODIES.get((method, route.path), {} if method in ("POST", "PUT", "PATCH") else None)
                    refused = await theirs.request(method, path, json=body)
                    assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), (method, path)
                    asked += 1
                    means_something = path.endswith("/check") or (
                        method == "GET" and "devices" not in path and "sources" not in path
                    )
                    if means_something and not path.endswith(("/stream", "/thumbnail")):
                        assert (await mine.request(method, path, json=body)).status_code == 200, path
        assert asked >= 50
        print(f"{asked} requests with a neighbour's ids")
        assert (await mine.get(f"/api/tasks/{task}")).json()["status"] == "running"
        w.let_go(task)


@pytest.mark.requirement("guard.teams")
@scenario
async def test_no_list_shows_anything_of_a_neighbour(server: Any) -> None:
    stranger = await another_team(server)
    async with rest(server) as mine, rest(server, token=stranger) as theirs, worker(server) as w:
        task = (await mine.post("/api/tasks?wait=20", json={"action": f"{w.app}.add", "args": {"a": 1}})).json()["task"]
        await store(mine)
        await mine.post("/api/folders", json={"name": f"a folder {w.app}"})
        routes = [r for r in server.app.routes if isinstance(r, Route) and not isinstance(r, PageRoute)]
        paths = {r.path for r in routes if r.rule.verb is not None}
        plain = {path for path in paths if "{" not in path}
        assert plain == {*LISTS, *OWN, *OF_THE_HUB, SWITCH}
        for path in OWN:
            shown = await theirs.get(path)
            assert shown.status_code == 200, path
            assert not any(id in shown.text for id in (server.app.state.hub.accounts.owner, w.id, task)), path
        elsewhere = await theirs.post(SWITCH, json={"team": server.app.state.hub.accounts.team})
        assert elsewhere.status_code == 404
        for path in OF_THE_HUB:
            assert (
                await theirs.request("POST" if path.endswith(("rotate", "link")) else "GET", path)
            ).status_code == 403, path
        for path in LISTS:
            assert (await mine.get(path)).json()["items"] != []
            assert (await theirs.get(path)).json() == {"items": [], "next": None}
        for query in (f"root={task}", f"parent={task}", f"action={w.app}.add", "status=completed", "text=add"):
            assert (await theirs.get(f"/api/tasks?{query}")).json() == {"items": [], "next": None}
        me = (await theirs.get("/api/me")).json()
        assert (me["person"]["name"], me["team"]["name"]) == ("eve", "neighbours")


@pytest.mark.requirement("guard.teams")
@scenario
async def test_a_neighbour_can_neither_call_nor_claim_what_the_other_team_has(server: Any) -> None:
    stranger = await another_team(server)
    async with rest(server) as mine, rest(server, token=stranger) as theirs, worker(server) as w:
        call = {"action": f"{w.app}.add", "args": {"a": 1}}
        task = (await mine.post("/api/tasks", json=call)).json()["task"]
        assert (await theirs.post("/api/tasks", json=call)).status_code == 404
        held = (await mine.post("/api/tasks", json={"action": f"{w.app}.hold", "args": {"a": 1}})).json()["task"]
        await w.agent.assigned(held)
        token = await another_team(server, w.app)  # the same identifier is another app in another team
        other = await RawClient(server.url, token, w.app).open()
        await other.provide(*OFFERS)
        async with rest(server, token=token) as third:
            answer = await third.post("/api/tasks", json={**call, "parent": held})
            assert answer.status_code == 404
            own = (await third.post("/api/tasks", json=call)).json()["task"]
        await other.assigned(own)
        assert own != task
        assert [m["task"] for m in other.of("assign")] == [own]
        w.let_go(held)
        await other.close()


@pytest.mark.requirement("guard.teams", "I4")
@scenario
async def test_no_message_reaches_a_neighbours_task(server: Any) -> None:
    token = await another_team(server)
    async with rest(server) as mine, worker(server) as w:
        task = (await mine.post("/api/tasks", json={"action": f"{w.app}.hold", "args": {"a": 1}})).json()["task"]
        assigned = await w.agent.assigned(task)
        definition = (await mine.get(f"/api/actions/{w.app}.hold")).json()["definition_hash"]
        stranger = await RawClient(server.url, token, "web").open()
        await stranger.send(
            {"kind": "lookup", "request": "l1", "action": f"{w.app}.hold"},
            {"kind": "lookup", "request": "l2", "definition": definition},
            {"kind": "lookup", "request": "l3", "demand": {"args": [{"kind": "int"}, {"kind": "int"}]}},
            {"kind": "attach", "request": "a1", "task": task},
            {"kind": "control", "request": "c1", "task": task, "verb": "interrupt"},
            {"kind": "submit", "reference": "s1", "action": f"{w.app}.hold", "args": {"a": 1}},
        )
        for request in ("l1", "l2", "l3", "a1", "c1", "s1"):
            refused = await stranger.expect("refused", request=request)
            assert refused["error"]["code"] == "not_found", request
        report = {"task": task, "attempt": assigned["attempt"], "epoch": assigned["epoch"]}
        await stranger.send({"kind": "ended", **report, "seq": 1, "status": "completed", "returns": [9]})
        await stranger.send({"kind": "progress", **report, "seq": 0, "percent": 99})
        await stranger.send({"kind": "ended", **report, "task": "no-such-task", "seq": 2, "status": "completed"})
        await stranger.acknowledged(2)
        reasons = {m["task"]: m["reason"] for m in stranger.of("stale")}
        assert reasons[task] == reasons["no-such-task"]  # not even whether it exists
        await stranger.close()
        shown = (await mine.get(f"/api/tasks/{task}")).json()
        assert (shown["status"], shown["progress"]["percent"]) == ("running", 50.0)
        w.let_go(task)


@scenario
async def test_a_token_that_may_only_read_changes_nothing(server: Any) -> None:
    hub = server.app.state.hub
    accounts = hub.accounts
    work = accounts.logins.issue(team=accounts.team, person=accounts.owner, app="r", kind="device", scopes=[Scope.READ])
    token, _ = await on_hub(server, work)
    async with rest(server, token=token) as reader, rest(server) as mine, worker(server) as w:
        task = (await mine.post("/api/tasks", json={"action": f"{w.app}.hold", "args": {"a": 1}})).json()["task"]
        await w.agent.assigned(task)
        for path, body in [
            ("/api/tasks", {"action": f"{w.app}.add", "args": {"a": 1}}),
            (f"/api/tasks/{task}/cancel", {}),
        ]:
            refused = await reader.post(path, json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
        managing = (await reader.post("/api/invitations", json={"role": "guest"})).json()["message"]
        assert managing == (
            "You may not manage the team. r was let in without 'manage': sign it in anew (login --reauth) and leave it "
            "that right"
        )
        assert (await reader.get(f"/api/tasks/{task}")).status_code == 200
        raw = await RawClient(server.url, token, "r").open()
        await raw.send(
            {"kind": "submit", "reference": "s", "action": f"{w.app}.add", "args": {"a": 1}},
            {"kind": "control", "request": "c", "task": task, "verb": "cancel"},
            {"kind": "provide", "request": "p", "offers": []},
        )
        for request in ("s", "c", "p"):
            assert (await raw.expect("refused", request=request))["error"]["code"] == "not_permitted"
        await raw.close()
        w.let_go(task)
