"""How the cells of catalogue, rights and tasks are asked over REST."""

from __future__ import annotations

from typing import Any

from tests.support.waiting import soon

from .asking import Probe, Probes, asks, checked, fill, reads, shows, word_of
from .stage import SECRET, Actor, Provider, Stage

ACTIONS = {
    "team action": "{team.action}",
    "private action": "{private.action}",
    "shared action": "{shared.action}",
    "unshared action": "{shared.unshared}",
}
HASHES = {
    "team action": "{team.hash}",
    "private action": "{private.hash}",
    "shared action": "{shared.hash}",
    "unshared action": "{shared.unshared_hash}",
}
TASKS = {
    "team task": "{team.task}",
    "discreet task": "{discreet}",
    "discreet failure": "{failure}",
    "member's discreet": "{members}",
    "private task": "{private.task}",
    "task, shared action": "{shared.task}",
    "the guest's task": "{guests}",
    "private child": "{child}",
}
CHECK = {"args": {"a": 1}}


def _of_tasks(ending: str, *subjects: str) -> dict[str, Probe]:
    return {name: asks(f"/api/tasks/{TASKS[name]}{ending}") for name in subjects}


CATALOGUE: Probes = {
    "GET /api/apps": {
        "team app": shows("/api/apps?limit=500", "{team.app}"),
        "private app": shows("/api/apps?limit=500", "{private.app}"),
        "shared app": shows("/api/apps?limit=500", "{shared.app}"),
    },
    "GET /api/apps/{identifier}": {
        "team app": asks("/api/apps/{team.app}"),
        "private app": asks("/api/apps/{private.app}"),
        "shared app": asks("/api/apps/{shared.app}"),
        "its unshared action": shows("/api/apps/{shared.app}", "{shared.unshared}"),
        "its private action": shows("/api/apps/{shared.app}", "{shared.app}.draft"),
    },
    "GET /api/actions": {name: shows(f"/api/actions?limit=500&q={it}", f'"{it}"') for name, it in ACTIONS.items()},
    "GET /api/actions/{name}": {name: asks(f"/api/actions/{it}") for name, it in ACTIONS.items()},
    "GET /api/actions/{name}/definitions": {
        name: asks(f"/api/actions/{it}/definitions") for name, it in ACTIONS.items()
    },
    "GET /api/definitions/{definition_hash}": {name: asks(f"/api/definitions/{it}") for name, it in HASHES.items()},
    "POST /api/actions/{name}/check": {
        name: asks(f"/api/actions/{it}/check", "POST", CHECK) for name, it in ACTIONS.items()
    },
    "GET /api/agents": {
        "team agent": shows("/api/agents?limit=500", "{team.agent}"),
        "private agent": shows("/api/agents?limit=500", "{private.agent}"),
        "shared agent": shows("/api/agents?limit=500", "{shared.agent}"),
    },
    "GET /api/agents/{agent}": {
        "team agent": asks("/api/agents/{team.agent}"),
        "private agent": asks("/api/agents/{private.agent}"),
        "shared agent": asks("/api/agents/{shared.agent}"),
        "its unshared action": shows("/api/agents/{shared.agent}", "{shared.unshared}"),
    },
}


# -- consents and shares -------------------------------------------------------------------------------------


def _changes_right(method: str, path: str, role: str, *, is_there: bool) -> Probe:
    """Give or take a right over a person who is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        person, listed = await stage.newcomer(role), fill(path, stage)
        author = stage.actors["author"].web
        if is_there:
            assert (await author.put(f"{listed}/{person}")).status_code == 200
        word = word_of(await actor.web.request(method, f"{listed}/{person}"))
        now = await author.get(f"{listed}?limit=500")
        assert now.status_code in (200, 409), now.text
        return checked(word, has_happened=(person in now.text) is not is_there)

    return probe


def _let(method: str, path: str, *, is_there: bool = False) -> Probe:
    return _changes_right(method, path, "member", is_there=is_there)


def _share(method: str, path: str, *, is_there: bool = False) -> Probe:
    return _changes_right(method, path, "guest", is_there=is_there)


RIGHTS: Probes = {
    "GET /api/apps/{identifier}/providers": {
        "team app": asks("/api/apps/{team.app}/providers"),
        "private app": asks("/api/apps/{private.app}/providers"),
        "shared app": asks("/api/apps/{shared.app}/providers"),
        "nothing": asks("/api/apps/nothing/providers"),
    },
    "PUT /api/apps/{identifier}/providers/{person}": {
        "team app": _let("PUT", "/api/apps/{team.app}/providers"),
        "private app": _let("PUT", "/api/apps/{private.app}/providers"),
        "shared app": _let("PUT", "/api/apps/{shared.app}/providers"),
        "nothing": asks("/api/apps/nothing/providers/nobody", "PUT"),
    },
    "DELETE /api/apps/{identifier}/providers/{person}": {
        "team app": _let("DELETE", "/api/apps/{team.app}/providers", is_there=True),
        "private app": _let("DELETE", "/api/apps/{private.app}/providers", is_there=True),
        "nothing": asks("/api/apps/nothing/providers/nobody", "DELETE"),
    },
    "GET /api/actions/{name}/shares": {
        "team action": asks("/api/actions/{team.action}/shares"),
        "private action": asks("/api/actions/{private.action}/shares"),
        "shared action": asks("/api/actions/{shared.action}/shares"),
        "nothing": asks("/api/actions/no.thing/shares"),
    },
    "PUT /api/actions/{name}/shares/{person}": {
        "team action": _share("PUT", "/api/actions/{team.action}/shares"),
        "private action": _share("PUT", "/api/actions/{private.action}/shares"),
        "nothing": asks("/api/actions/no.thing/shares/nobody", "PUT"),
    },
    "DELETE /api/actions/{name}/shares/{person}": {
        "team action": _share("DELETE", "/api/actions/{team.action}/shares", is_there=True),
        "nothing": asks("/api/actions/no.thing/shares/nobody", "DELETE"),
    },
}


# -- tasks ---------------------------------------------------------------------------------------------------


def _submits(action: str, **fields: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        body: dict[str, Any] = {"action": fill(action, stage), "args": {"a": 1}}
        body.update({name: fill(value, stage) for name, value in fields.items()})
        return word_of(await actor.web.post("/api/tasks", json=body))

    return probe


def steers(ask: Any, verb: str, caller: str, of: str, **fields: Any) -> Probe:
    """Steer a task that runs; afterwards it has to end as one that was steered, or as one that was not."""

    async def probe(stage: Stage, actor: Actor) -> str:
        provider: Provider = getattr(stage, of).provider
        task = await stage.hold(caller, f"{provider.app}.hold", **fields)
        word: str = await ask(stage, actor, task, verb)
        if word == "ok":
            await soon(lambda: any(steer["task"] == task for steer in provider.steered))
        outcome = await stage.outcome(caller, provider, task)
        steered = [steer["verb"] for steer in provider.steered if steer["task"] == task]
        assert outcome == ("cancelled" if steered else "completed")
        return checked(word, has_happened=bool(steered))

    return probe


async def _steer(stage: Stage, actor: Actor, task: str, verb: str) -> str:
    return word_of(await actor.web.post(f"/api/tasks/{task}/{verb}", json={}))


def steering(ask: Any) -> dict[str, Probe]:
    """The rows that REST and the websocket have in common."""
    verbs = ("cancel", "interrupt", "pause", "resume", "step")

    async def ended(stage: Stage, actor: Actor) -> str:
        return str(await ask(stage, actor, stage.team.task, "cancel"))

    return {
        **{f"{verb} team task": steers(ask, verb, "author", "team") for verb in verbs},
        "cancel discreet": steers(ask, "cancel", "author", "team", discreet=True),
        "cancel private task": steers(ask, "cancel", "author", "private"),
        "cancel shared task": steers(ask, "cancel", "author", "shared"),
        "cancel guest's task": steers(ask, "cancel", "guest", "shared"),
        "cancel member's": steers(ask, "cancel", "member", "team"),
        "cancel ended task": ended,
    }


TASK_PROBES: Probes = {
    "POST /api/tasks": {
        **{name: _submits(it) for name, it in ACTIONS.items()},
        "below private task": _submits("{team.action}", parent="{private.running}"),
    },
    "GET /api/tasks": {
        **{name: shows("/api/tasks?limit=500", TASKS[name]) for name in TASKS if name not in ("discreet failure",)},
        "private child, root": shows("/api/tasks?root={team.running}", "{child}"),
        "discreet error text": shows(f"/api/tasks?text=it was {SECRET}", "{failure}"),
        "discreet reference": shows("/api/tasks?text={reference}", "{discreet}"),
        "discreet progress": shows("/api/tasks?root={running}", "half way"),
    },
    "GET /api/tasks/{task}": {
        **{name: reads(f"/api/tasks/{it}") for name, it in TASKS.items()},
        "discreet progress": shows("/api/tasks/{running}", "half way"),
    },
    **{
        f"GET /api/tasks/{{task}}/{what}": _of_tasks(
            f"/{what}", *(name for name in TASKS if name != "discreet failure")
        )
        for what in ("events", "yields", "stream")
    },
    "GET /api/tasks/{task}/children": {
        **_of_tasks(
            "/children", "team task", "discreet task", "private task", "task, shared action", "the guest's task"
        ),
        "private child": shows("/api/tasks/{team.running}/children", "{child}"),
    },
    "POST /api/tasks/{task}/{verb}": steering(_steer),
}
