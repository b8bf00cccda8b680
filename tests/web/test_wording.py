"""What the hub refuses, as the page words it: no request, no command line's list and no id is held out to a person."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

import arkitekt_next.hub
from arkitekt_next import errors
from arkitekt_next.embedded import serve
from arkitekt_next.hub.app import create_app
from arkitekt_next.hub.core.config import HubSettings
from arkitekt_next.hub.pages.app import is_built
from tests.support.browsing import set_up_owner
from tests.web.conftest import shoot
from tests.web.test_forms import WEB, node
from tests.web.watched import signed_in

pytestmark = pytest.mark.requirement("page.words")
ID = "01a1fb9b-0001-7000-8000-000000000001"
FOR_PROGRAMS = ("GET /", "POST /", "lists what there is", "lists them", "lists yours", "`")


def worded(refusals: list[errors.ArkitektError]) -> list[dict[str, Any]]:
    """Ask the page's own module, under node, how it says refusals and where it leads."""
    lines = "".join(json.dumps(one.to_json()) + "\n" for one in refusals)
    done = subprocess.run(
        [node(), "tests/wording.ts"], cwd=WEB, input=lines, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def described(folder: Path) -> Iterator[errors.ArkitektError]:
    """The refusals that the description of the API has as examples."""
    for path in create_app(HubSettings(folder=folder)).openapi()["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json", {})
                for example in content.get("examples", {}).values() if int(status) >= 400 else ():
                    yield errors.ArkitektError.from_json(example["value"])


def raised() -> Iterator[errors.ArkitektError]:
    """The refusals that the hub's sources make, with an id for what is only known when they are made."""
    for path in sorted(Path(arkitekt_next.hub.__file__).parent.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
                continue
            kind = getattr(errors, call.func.id, None)
            if isinstance(kind, type) and issubclass(kind, errors.ArkitektError):
                yield kind(**{one.arg: text_of(one.value) for one in call.keywords if one.arg})


def text_of(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else "them" for part in value.values)
    return ID


def test_no_refusal_holds_out_to_a_person_what_a_program_would_do(tmp_path: Path) -> None:
    refusals = [*described(tmp_path), *raised()]
    refusals = [one for one in refusals if one.status != 401]  # of those the page says that the sign-in has ended
    wrong = []
    for refusal, found in zip(refusals, worded(refusals), strict=True):
        assert found["said"].strip()
        if any(word in found["said"] for word in FOR_PROGRAMS):
            wrong.append((refusal.message, found["said"]))
        if refusal.code == "not_permitted" and refusal.fields.get("person") == ID:
            assert found["said"].startswith("You may not "), found
    assert wrong == []
    print(f"N = {len(refusals)} refusals worded")
    assert len(refusals) > 150


def test_a_refusal_says_what_it_may_mean_and_leads_to_what_there_is() -> None:
    near = errors.NotFound(what="action", name="lab.step", remedy="Did you mean lab.steps?")
    far = errors.NotFound(what="action", name="$&", remedy="Is its app running? `arkitekt-next inspect` lists all")
    item = errors.NotFound(what="item", name=ID, remedy="`GET /api/items` lists what there is")
    gone = errors.NotFound(what="sign-in", name=ID, remedy="It may have ended already")
    named = errors.NotFound(what="tag", name="constructor", remedy="It may have been taken off already")
    odd = errors.NotFound(what="constructor", name="x", remedy="Look again")
    kept = errors.NotPermitted(person=ID, verb="change", what="this item", remedy="Ask whoever it belongs to")
    taken = errors.Conflict(problem="There is a folder 'plate 3' here already", remedy="Choose another name")
    expected = [
        ("There is no function “lab.step” here, or it is not shared with you. Did you mean lab.steps?", "/"),
        ("There is no function “$&” here, or it is not shared with you.", "/"),
        ("This item is not to be seen here. It may have been removed, or be kept private.", "/data"),
        ("This sign-in is not here. It may have ended already.", None),
        ("There is no tag “constructor”. It may have been taken off already.", None),
        ("There is no constructor “x”. Look again.", None),
        ("You may not change this item. Ask whoever it belongs to.", None),
        ("There is a folder 'plate 3' here already. Choose another name.", None),
    ]
    found = worded([near, far, item, gone, named, odd, kept, taken])
    assert [(one["said"], one["to"]) for one in found] == expected


@pytest.mark.skipif(not is_built(), reason="the page is not built: make page")
def test_an_address_of_nothing_leads_to_the_list_of_what_there_is(chromium: Browser, tmp_path: Path) -> None:
    with serve(tmp_path / "hub", log_level="error") as server:
        set_up_owner(server)
        with signed_in(chromium, server, expected=("404",)) as page:
            for place, way, title in (
                ("data/none", "All data", "Data"),
                (f"data/{ID}/history", "All data", "Data"),
                ("tasks/none", "All tasks", "Tasks"),
                ("functions/lab.none", "All functions", "Functions"),
                ("team/apps/none", "All apps", "Apps"),
            ):
                page.goto(f"/app/{place}")
                told = page.get_by_role("alert").first
                expect(told).to_be_visible()
                expect(told).not_to_contain_text("GET")
                expect(told).not_to_contain_text("`")
                shoot(page, f"nothing-{place.replace('/', '-')}")
                told.get_by_role("link", name=way).click()
                expect(page.get_by_role("heading", level=1)).to_have_text(title)
