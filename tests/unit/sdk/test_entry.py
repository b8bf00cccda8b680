"""The package's face: what importing costs, what the two faces have in common, and which app the global functions
mean.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import arkitekt_next
from arkitekt_next import App, RemoteFunction, TaskHandle, call, easy, find, register
from arkitekt_next.errors import HubUnavailable, WrongContext
from arkitekt_next.sdk.context import this_task
from arkitekt_next.sdk.current import current_app, default_app
from arkitekt_next.testing.local import LocalHub, local_app


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.requirement("cli.quick")
def test_importing_pulls_in_nothing_heavy() -> None:
    code = "import sys, json, arkitekt_next; arkitekt_next.register; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(run_python(code)))
    heavy = {
        "numpy",
        "fastapi",
        "sqlalchemy",
        "httpx2",
        "pydantic",
        "websockets",
        "uvicorn",
        "starlette",
        "rich",
        "click",
    }
    assert loaded & heavy == set()


def test_everything_public_can_be_had() -> None:
    for name in arkitekt_next.__all__:
        assert getattr(arkitekt_next, name) is not None
    assert set(arkitekt_next.__all__) <= set(dir(arkitekt_next))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        arkitekt_next.nothing  # noqa: B018


PAIRS = {
    App: ["find", "call", "iterate", "submit", "close"],
    RemoteFunction: ["iterate", "submit"],
    TaskHandle: ["result", "stream", "events", "cancel", "interrupt", "pause", "resume", "step"],
    arkitekt_next: ["find", "call", "iterate", "submit", "progress", "log", "pausepoint", "local"],
}


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in PAIRS.items() for name in names])
def test_both_faces_have_the_same_parameters(owner: object, name: str) -> None:
    plain = inspect.signature(getattr(owner, name))
    twin = inspect.signature(getattr(owner, f"a{name}"))
    assert list(plain.parameters.values()) == list(twin.parameters.values())


def test_a_registered_global_belongs_to_the_app_that_is_entered() -> None:
    hub = LocalHub()
    with hub.app("inner") as app:
        assert current_app() is app

        @register
        def only_here() -> int:
            return 1

        assert "only_here" in app.registrations.functions
    assert current_app() is default_app()
    assert "only_here" not in default_app().registrations.functions


@pytest.mark.requirement("run.apps")
def test_easy_shares_what_was_registered_globally() -> None:
    app = easy("shares")
    assert app.registrations is default_app().registrations
    assert app.identifier == "shares"


def test_easy_without_a_hub_says_so_at_the_first_call() -> None:
    with easy("nobody"), pytest.raises(HubUnavailable, match="arkitekt-next hub start"):
        find("a.b")


@pytest.mark.requirement("run.apps")
def test_easy_works_in_async_with() -> None:
    async def main() -> int:
        hub = LocalHub()
        provider = hub.app("provider")

        @provider.register
        def one() -> int:
            return 1

        with provider.run_detached():
            async with hub.app("caller") as caller:
                return int(await caller.acall("provider.one"))

    assert asyncio.run(main()) == 1


@pytest.mark.requirement("run.apps")
def test_arun_hosts_on_the_running_loop_until_it_is_cancelled() -> None:
    async def main() -> tuple[int, bool]:
        app = LocalHub().app("here")
        loop = asyncio.get_running_loop()
        same: list[bool] = []

        @app.register
        async def where() -> int:
            same.append(asyncio.get_running_loop() is loop)
            return 1

        running = asyncio.ensure_future(app.arun())
        while app.host is None or app.status()["agent"] is None or not app.host._agent.agent_id:  # type: ignore[union-attr]
            await asyncio.sleep(0)
        value = await app.acall("here.where")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return value, same == [True]

    assert asyncio.run(main()) == (1, True)


@pytest.mark.requirement("call.forms")
def test_blocking_the_loop_that_hosts_the_functions_is_refused() -> None:
    async def main() -> None:
        app = LocalHub().app("here")

        @app.register
        async def one() -> int:
            return 1

        @app.background
        async def wrong() -> None:
            app.find("here.one")

        with pytest.raises(WrongContext, match=r"event loop that hosts your functions\. Use await afind"):
            await app.arun()

    asyncio.run(main())


def test_there_is_no_current_task_outside_one() -> None:
    assert arkitekt_next.current_task() is None
    with pytest.raises(WrongContext, match="no current task"):
        this_task()


def test_calling_something_that_is_no_action_says_what_would_be() -> None:
    with local_app(App("odd")), pytest.raises(WrongContext, match="neither an action's name nor a registered function"):
        call(print, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_starts_afresh(tmp_path: Path) -> None:
    code = """
import os, sys
from arkitekt_next import App
from arkitekt_next.testing.local import LocalHub, local_app
def twice(x: int) -> int:
    return 2 * x
app = App("forks")
app.register(twice)
with local_app(app) as here:
    assert here.call("forks.twice", 1) == 2
    child = os.fork()
    if child == 0:
        again = App("forks")
        again.register(twice)
        with local_app(again) as there:
            assert there.link.connection.session_id != here.link.connection.session_id
            ok = there.call("forks.twice", 4) == 8
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert here.call("forks.twice", 2) == 4
print("both work")
"""
    assert run_python(code, ARKITEKT_STATE_FOLDER=str(tmp_path)) == "both work\n"


def test_a_process_with_a_stuck_thread_still_exits(tmp_path: Path) -> None:
    code = """
import threading
from arkitekt_next import App
from arkitekt_next.testing.local import LocalHub
app = LocalHub().app("stuck", drain_s=0.05)
begun = threading.Event()
@app.register
def stuck() -> None:
    begun.set()
    threading.Event().wait(60)
app.run_detached()
app.submit("stuck.stuck")
assert begun.wait(5)
print("leaving")
"""
    assert run_python(code, ARKITEKT_STATE_FOLDER=str(tmp_path)) == "leaving\n"


def test_threads_of_the_caller_may_share_one_app() -> None:
    app = App("shared")

    @app.register
    def double(x: int) -> int:
        return 2 * x

    results: dict[int, list[int]] = {}
    with local_app(app) as here:
        found = here.find("shared.double")

        def lane(start: int) -> None:
            results[start] = [found(value) for value in range(start, start + 50)]

        threads = [threading.Thread(target=lane, args=(start,)) for start in range(0, 400, 50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert all(results[start] == [2 * value for value in range(start, start + 50)] for start in range(0, 400, 50))
