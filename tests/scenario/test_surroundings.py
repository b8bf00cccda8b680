"""Plain forms block and give the value, forms with `a` are awaited: in scripts, running loops, IPython, Jupyter, pytest.

Only inside a function that itself runs on the app's loop is the plain form refused, with the name of the one to use.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import arkitekt_next as ak
from arkitekt_next.embedded import serve
from arkitekt_next.errors import WrongContext
from tests.support.programs import Notebook, script, surroundings

served = ak.App("served")


@served.register
def double(x: int) -> int:
    ak.progress(50, "half")
    ak.log("doubling")
    ak.pausepoint()
    return 2 * x


@served.register
async def adouble(x: int) -> int:
    await ak.aprogress(50, "half")
    await ak.alog("doubling")
    await ak.apausepoint()
    return 2 * x


@served.register
def count(n: int) -> Iterator[int]:
    yield from range(n)


@served.register
async def acount(n: int) -> AsyncIterator[int]:
    for number in range(n):
        yield number


@served.register
def by_blocking(x: int) -> list[int]:
    """Every plain form inside a plain function, which has a thread of its own."""
    handle = ak.submit("served.double", x)
    return [ak.call("served.double", x), ak.find("served.double")(x), handle.result(), *ak.iterate("served.count", 2)]


@served.register
async def by_awaiting(x: int) -> list[int]:
    """Every async form inside an async function."""
    handle = await ak.asubmit("served.double", x)
    found = await ak.afind("served.double")
    values = [await ak.acall("served.double", x), await found.acall(x), await handle.aresult()]
    return values + [number async for number in ak.aiterate("served.count", 2)]


@served.register
async def by_mistake(form: str) -> str:
    """A plain form inside an async function."""
    found = await ak.afind("served.double")
    stream = await ak.afind("served.count")
    handle = await found.asubmit(1)
    streaming = await stream.asubmit(1)
    forms: dict[str, Callable[[], Any]] = {
        "call": lambda: ak.call("served.double", 1),
        "find": lambda: ak.find("served.double"),
        "found(x)": lambda: found(1),
        "iterate": lambda: ak.iterate("served.count", 1),
        "found.iterate": lambda: stream.iterate(1),
        "submit": lambda: ak.submit("served.double", 1),
        "found.submit": lambda: found.submit(1),
        "result": handle.result,
        "stream": streaming.stream,
        "cancel": handle.cancel,
        "pausepoint": ak.pausepoint,
    }
    began = time.monotonic()
    try:
        forms[form]()
    except WrongContext as refused:
        assert time.monotonic() - began < 1
        return str(refused)
    return "it was let through"


@served.register(executor="loop")
def plain_on_the_loop() -> int:
    """A plain function that asked for the loop must not stop it either."""
    answer: int = ak.call("served.double", 1)
    return answer


ASYNC_FORMS = {
    "call": "acall()",
    "find": "afind()",
    "found(x)": "f.acall(",
    "iterate": "aiterate()",
    "found.iterate": "f.aiterate(",
    "submit": "asubmit()",
    "found.submit": "f.asubmit(",
    "result": "handle.aresult()",
    "stream": "handle.astream()",
    "cancel": "handle.acancel()",
    "pausepoint": "apausepoint()",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for programs, a hub that they find, and an app on it."""
    place = tmp_path_factory.mktemp("surroundings")
    with surroundings(place) as hub, serve(hub, log_level="error"), served.run_detached():
        yield place


@pytest.fixture
def caller(folder: Path) -> Iterator[ak.App]:
    with ak.easy("caller") as app:
        yield app


# -- under pytest, with and without a running loop -----------------------------------------------------------


def every_plain_form() -> list[Any]:
    """Use each plain form once; give what came back."""
    found = ak.find("served.double")
    return [
        found(4),
        ak.call("served.adouble", 4),
        list(ak.iterate("served.acount", 3)),
        list(ak.find("served.count").iterate(3)),
        ak.submit("served.double", 4).result(),
        found.submit(4).result(timeout=10),
        list(ak.submit("served.count", 3).stream()),
    ]


async def every_async_form() -> list[Any]:
    """Use each async form once; give what came back."""
    found = await ak.afind("served.double")
    stream = await ak.afind("served.count")
    handle = await ak.asubmit("served.count", 3)
    return [
        await found.acall(4),
        await ak.acall("served.adouble", 4),
        [number async for number in ak.aiterate("served.acount", 3)],
        [number async for number in stream.aiterate(3)],
        await (await ak.asubmit("served.double", 4)).aresult(),
        await (await found.asubmit(4)).aresult(timeout=10),
        [number async for number in handle.astream()],
    ]


EXPECTED = [8, 8, [0, 1, 2], [0, 1, 2], 8, 8, [0, 1, 2]]


@pytest.mark.requirement("call.forms")
def test_plain_forms_give_the_value_under_pytest(caller: ak.App) -> None:
    assert every_plain_form() == EXPECTED


@pytest.mark.requirement("call.forms")
def test_async_forms_are_awaited_under_pytest(caller: ak.App) -> None:
    assert asyncio.run(every_async_form()) == EXPECTED


@pytest.mark.requirement("call.forms")
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_both_work_in_an_async_test(caller: ak.App, anyio_backend: str) -> None:
    assert await every_async_form() == EXPECTED
    assert every_plain_form() == EXPECTED


@pytest.mark.requirement("call.forms")
def test_plain_forms_block_a_running_loop_and_give_the_value(caller: ak.App) -> None:
    async def main() -> tuple[list[Any], bool]:
        ticks = asyncio.create_task(asyncio.sleep(0))
        given = every_plain_form()  # never lets go of the loop
        return given, ticks.done()

    given, had_run = asyncio.run(main())
    assert given == EXPECTED
    assert not had_run
    assert not any(inspect.isawaitable(value) for value in given)


def test_async_forms_let_the_loop_run(caller: ak.App) -> None:
    async def main() -> bool:
        ticks = asyncio.create_task(asyncio.sleep(0))
        await ak.acall("served.double", 4)
        return ticks.done()

    assert asyncio.run(main())


def test_an_app_serves_one_loop_after_another(folder: Path) -> None:
    async def main() -> Any:
        async with ak.easy("caller"):
            return await ak.acall("served.double", 4)

    assert [asyncio.run(main()), asyncio.run(main())] == [8, 8]


# -- inside registered functions -----------------------------------------------------------------------------


@pytest.mark.requirement("call.forms")
def test_plain_forms_work_in_a_plain_function_and_async_forms_in_an_async_one(caller: ak.App) -> None:
    assert ak.call("served.by_blocking", 4) == [8, 8, 8, 0, 1]
    assert ak.call("served.by_awaiting", 4) == [8, 8, 8, 0, 1]


@pytest.mark.requirement("call.forms")
@pytest.mark.parametrize("form", ASYNC_FORMS)
def test_a_plain_form_in_an_async_function_is_refused_and_names_the_async_one(form: str, caller: ak.App) -> None:
    message = ak.call("served.by_mistake", form)
    assert "inside the async function 'by_mistake'" in message
    assert (
        f"Use {'async for value in ' if 'iterate' in form or form == 'stream' else 'await '}{ASYNC_FORMS[form]}"
        in message
    )


@pytest.mark.requirement("call.forms")
def test_the_refusal_reaches_the_caller_as_wrong_context(caller: ak.App) -> None:
    with pytest.raises(WrongContext, match=r"Use await acall\(\)"):
        ak.call("served.plain_on_the_loop")


@pytest.mark.requirement("declare.plain-python")
def test_outside_a_task_the_helpers_do_nothing() -> None:
    assert double.__module__ == __name__
    assert double(2) == 4
    assert asyncio.run(adouble(2)) == 4
    assert ak.current_task() is None


# -- in a script ---------------------------------------------------------------------------------------------

SCRIPT = """
import asyncio, json
from arkitekt_next import *

def plain():
    return [find("served.double")(4), call("served.adouble", 4), list(iterate("served.count", 3)),
            submit("served.double", 4).result()]

async def awaited():
    found = await afind("served.double")
    return [await found.acall(4), await acall("served.adouble", 4),
            [number async for number in aiterate("served.count", 3)],
            await (await asubmit("served.double", 4)).aresult()]

async def main():
    async with easy("script"):
        return await awaited()

with easy("script"):
    seen = [plain(), asyncio.run(awaited())]
print(json.dumps([*seen, asyncio.run(main()), asyncio.run(awaited())]))
"""

IN_PROGRAMS = [8, 8, [0, 1, 2], 8]


@pytest.mark.requirement("call.forms", "run.apps")
def test_both_work_in_a_script_with_and_without_a_block(folder: Path) -> None:
    assert script(SCRIPT, folder=folder) == [IN_PROGRAMS] * 4


SERVING = """
import asyncio, json
from arkitekt_next import *

@register
def triple(x: int) -> int:
    return 3 * x

async def main():
    serving = asyncio.create_task(arun(app))
    async with easy("script"):
        while True:
            try:
                found = await afind("scripted.triple")
                break
            except LookupError:
                await asyncio.sleep(0.01)
        answers = [await found.acall(4)]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    return answers

app = easy("scripted")
answers = asyncio.run(main())
with easy("scripted").run_detached(), easy("script"):
    answers.append(call("scripted.triple", 5))
print(json.dumps(answers))
"""


@pytest.mark.requirement("run.apps")
def test_an_app_runs_on_the_script_s_loop_and_beside_the_script(folder: Path) -> None:
    assert script(SERVING, folder=folder) == [12, 15]


# -- in IPython and Jupyter ----------------------------------------------------------------------------------

CELLS = (
    "from arkitekt_next import *; import json; app = interactive('cells')",
    "seen = [find('served.double')(4), call('served.adouble', 4), list(iterate('served.count', 3))]",
    "seen += [submit('served.double', 4).result(), await (await afind('served.double')).acall(4)]",
    "seen += [await acall('served.double', 4), [n async for n in aiterate('served.count', 3)]]",
    "seen += [await (await asubmit('served.double', 4)).aresult()]",
    "print(json.dumps(seen))",
)
IN_CELLS = [8, 8, [0, 1, 2], 8, 8, 8, [0, 1, 2], 8]


@pytest.mark.requirement("call.forms")
def test_both_work_in_ipython(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "IPython",
        "--no-banner",
        "--colors=NoColor",
        "--simple-prompt",
        "-c",
        "\n".join(CELLS),
    ]
    ran = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == IN_CELLS


REGISTER = """
@register
def triple(x: int) -> int:
    return 3 * x

@register
async def careless(x: int) -> int:
    return call("served.double", x)
"""

SOON = """
import time
def soon(action):
    for _ in range(500):
        try:
            return find(action)
        except LookupError:
            time.sleep(0.01)
"""


@pytest.mark.requirement("run.notebooks")
def test_both_work_in_jupyter_and_a_notebook_serves_what_its_cells_define(folder: Path, caller: ak.App) -> None:
    with Notebook(folder).open() as notebook:
        for cell in CELLS[:-1]:
            notebook.run(cell)
        assert json.loads(notebook.run(CELLS[-1])) == IN_CELLS
        notebook.run(REGISTER)
        notebook.run(SOON)
        assert notebook.run("found = soon('cells.triple')\nprint(found(4), await found.acall(5))") == "12 15\n"
        assert ak.call("cells.triple", 6) == 18
        with pytest.raises(WrongContext, match=r"Use await acall\(\)"):
            ak.call("cells.careless", 1)
        notebook.run("@register\ndef triple(x: int) -> int:\n    return 30 * x")
        notebook.run("while find('cells.triple')(1) != 30: pass")
        assert ak.call("cells.triple", 6) == 180
