"""A class with shrink and expand travels between two processes with nothing added to it, both ways, in every spelling."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.programs import Notebook, hosting, script, surroundings

pytestmark = pytest.mark.requirement("declare.structures")

SPELLINGS = {
    "shrink and expand, async": """
        class Ref:
            id: str

            async def shrink(self):
                return self.id

            @classmethod
            async def expand(cls, value):
                made = cls()
                made.id = value
                return made
        """,
    "shrink and expand, plain": """
        class Ref:
            id: str

            def shrink(self):
                return self.id

            @classmethod
            def expand(cls, value):
                made = cls()
                made.id = value
                return made
        """,
    "ashrink and aexpand, async": """
        class Ref:
            id: str

            async def ashrink(self):
                return self.id

            @classmethod
            async def aexpand(cls, value):
                made = cls()
                made.id = value
                return made
        """,
    "ashrink and aexpand, plain": """
        class Ref:
            id: str

            def ashrink(self):
                return self.id

            @classmethod
            def aexpand(cls, value):
                made = cls()
                made.id = value
                return made
        """,
}

MAKE = """
def make(id):
    made = Ref()
    made.id = id
    return made
"""

FUNCTIONS = """
@register
def f(x: Ref) -> int:
    assert type(x) is Ref
    return len(x.id)

@register
def g(name: str) -> Ref:
    return make(name)

@register
async def af(x: Ref) -> int:
    assert type(x) is Ref
    return len(x.id)

@register
async def ag(name: str) -> Ref:
    return make(name)
"""

HOST = """
import sys
from arkitekt_next import easy, register
{ref}
{make}
{functions}
with easy(sys.argv[1]).run_detached():
    print("ready", flush=True)
    sys.stdin.read()
"""

CALLER = """
import asyncio, json, os, sys
from arkitekt_next import acall, afind, call, easy, find
{ref}
{make}
app = sys.argv[1]

def named(value):
    return [type(value).__name__, value.id]

async def main():
    return {{
        "await g": named(await acall(f"{{app}}.g", "nucleus")),
        "await f": await (await afind(f"{{app}}.f")).acall(make("abc")),
        "await ag": named(await acall(f"{{app}}.ag", "nucleus")),
        "await af": await acall(f"{{app}}.af", make("abcd")),
    }}

with easy("caller"):
    seen = {{
        "g": named(find(f"{{app}}.g")("nucleus")),
        "f": find(f"{{app}}.f")(make("abc")),
        "ag": named(call(f"{{app}}.ag", "nucleus")),
        "af": call(f"{{app}}.af", make("abcd")),
    }}
    print(json.dumps({{**seen, **asyncio.run(main()), "pid": os.getpid()}}))
"""

ARGUMENTS = {"f": 3, "af": 4, "await f": 3, "await af": 4}
RETURNS = {name: ["Ref", "nucleus"] for name in ("g", "ag", "await g", "await ag")}


def only(seen: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: seen[name] for name in wanted}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for programs, and a hub that they find."""
    place = tmp_path_factory.mktemp("structures")
    with surroundings(place) as hub, serve(hub, log_level="error"):
        yield place


def program(text: str, ref: str) -> str:
    return text.format(ref=textwrap.dedent(ref), make=MAKE, functions=FUNCTIONS)


# -- between two scripts -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=SPELLINGS)
def between_scripts(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """What a script saw that called another; each holds the class in its own `__main__`."""
    ref, app = SPELLINGS[request.param], f"refs-{list(SPELLINGS).index(request.param)}"
    with hosting(program(HOST, ref), app, folder=folder) as pid:
        seen: dict[str, Any] = script(program(CALLER, ref), app, folder=folder)
    assert seen["pid"] != pid
    return seen


def test_it_travels_as_an_argument(between_scripts: dict[str, Any]) -> None:
    assert only(between_scripts, ARGUMENTS) == ARGUMENTS


def test_it_travels_as_a_return(between_scripts: dict[str, Any]) -> None:
    assert only(between_scripts, RETURNS) == RETURNS


def test_it_travels_when_both_import_it_from_a_module(folder: Path) -> None:
    (folder / "kinds.py").write_text(textwrap.dedent(SPELLINGS["shrink and expand, async"]))
    imported = "from kinds import Ref"
    with hosting(program(HOST, imported), "refs-imported", folder=folder):
        seen = script(program(CALLER, imported), "refs-imported", folder=folder)
    assert only(seen, ARGUMENTS | RETURNS) == ARGUMENTS | RETURNS


def test_who_lacks_the_class_gets_a_reference_that_can_be_passed_on(folder: Path) -> None:
    caller = """
        import json, sys
        from arkitekt_next import easy, find
        with easy("caller"):
            reference = find("refs-lacking.g")("nucleus")
            print(json.dumps([repr(reference), find("refs-lacking.f")(reference)]))
        """
    with hosting(program(HOST, SPELLINGS["shrink and expand, async"]), "refs-lacking", folder=folder):
        seen = script(caller, folder=folder)
    assert seen == ["Reference(identifier='Ref', id='nucleus')", 7]


# -- with a notebook on one side -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notebook(folder: Path) -> Iterator[Notebook]:
    with Notebook(folder).open() as opened:
        opened.run("from arkitekt_next import *\nimport json\napp = interactive('notebook')")
        yield opened


CELLS = """
print(json.dumps({{
    "g": named(find("{app}.g")("nucleus")), "f": find("{app}.f")(make("abc")),
    "ag": named(call("{app}.ag", "nucleus")), "af": call("{app}.af", make("abcd")),
    "await g": named(await acall("{app}.g", "nucleus")), "await f": await acall("{app}.f", make("abc")),
    "await ag": named(await acall("{app}.ag", "nucleus")), "await af": await acall("{app}.af", make("abcd")),
}}))
"""

NAMED = """
def named(value):
    return [type(value).__name__, value.id]
"""


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_it_travels_when_the_caller_is_a_notebook(spelling: str, notebook: Notebook, folder: Path) -> None:
    ref, app = SPELLINGS[spelling], f"refs-for-notebook-{list(SPELLINGS).index(spelling)}"
    with hosting(program(HOST, ref), app, folder=folder):
        notebook.run(textwrap.dedent(ref) + MAKE + NAMED)
        seen = json.loads(notebook.run(CELLS.format(app=app)))
    assert only(seen, ARGUMENTS | RETURNS) == ARGUMENTS | RETURNS


def test_it_travels_when_the_agent_is_a_notebook(notebook: Notebook, folder: Path) -> None:
    for number, (spelling, ref) in enumerate(SPELLINGS.items()):
        app = f"notebook-{number}"
        notebook.run(textwrap.dedent(ref) + MAKE)
        notebook.run(FUNCTIONS)
        notebook.run(f"served = easy('{app}').run_detached()")
        seen = script(program(CALLER, ref), app, folder=folder)
        notebook.run("served.stop()")
        assert only(seen, ARGUMENTS | RETURNS) == ARGUMENTS | RETURNS, spelling
