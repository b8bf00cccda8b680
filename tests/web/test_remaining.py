"""How long a task will take yet: said when it can be known, about right, and not at all otherwise."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from arkitekt_next.embedded import serve
from arkitekt_next.hub.pages.app import is_built
from tests.support.browsing import set_up_owner
from tests.support.page_lab import make_page_lab
from tests.web.conftest import shoot
from tests.web.test_forms import WEB, node
from tests.web.watched import signed_in

pytestmark = pytest.mark.requirement("page.run")
Steps = list[tuple[float, float | None]]


def left(*runs: Steps, later_s: float = 0.0) -> list[dict[str, Any]]:
    """Ask the page's own module, under node, what remains after the steps of each run."""
    lines = "".join(json.dumps({"steps": steps, "later_s": later_s}) + "\n" for steps in runs)
    done = subprocess.run(
        [node(), "tests/remaining.ts"], cwd=WEB, input=lines, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def steady(until: float, *, every_s: float = 1.0, percent: float = 1.0) -> Steps:
    return [(1000 + at * every_s, at * percent) for at in range(int(until / percent) + 1)]


def test_a_steady_pace_leads_to_its_end() -> None:
    runs = [
        steady(20),
        steady(50, every_s=0.25),
        steady(8, every_s=60),
        steady(50, percent=10),
        steady(30, every_s=9000),
    ]
    found = left(*runs)
    assert [round(one["left"]) for one in found] == [80, 12, 92 * 60, 5, 70 * 9000]
    said = ["about 1 min left", "less than a minute left", "about 2 h left", "a few seconds left", "about 7 days left"]
    assert [one["words"] for one in found] == said
    assert left(steady(20), later_s=3)[0]["left"] == pytest.approx(77)


def test_an_uneven_pace_leads_about_there() -> None:
    draw = random.Random(20261128)
    runs: list[Steps] = []
    for _ in range(300):
        at, steps = 0.0, [(0.0, 0.0)]
        for percent in range(1, 101):
            at += draw.uniform(0.5, 1.5)
            steps.append((at, float(percent)))
        runs.append(steps)
    for share in (20, 50, 80):
        found = left(*(run[: share + 1] for run in runs))
        for run, one in zip(runs, found, strict=True):
            really = run[-1][0] - run[share][0]
            assert one["left"] == pytest.approx(really, rel=0.4, abs=2)
    print(f"N = {3 * len(runs)} estimates")


def test_nothing_is_said_of_what_can_not_be_known() -> None:
    falls = [*steady(20), (1021.0, 3.0)]
    jumps: Steps = [(0, 0), (4, 1), (4.5, 30), (20, 31), (21, 80), (50, 81), (90, 82), (91, 83)]
    unknown: dict[str, Steps] = {
        "nothing yet": [],
        "one step": [(0, 10)],
        "too soon": steady(4, every_s=0.5),
        "too few": [(0, 0), (30, 10), (60, 20)],
        "hardly moves": steady(0.5, percent=0.1),
        "begins anew": falls,
        "at its end": steady(100),
        "no percent": [*steady(20), (1021.0, None)],
        "beyond": [*steady(20), (1021.0, 250.0)],
        "negative": [*steady(20), (1021.0, -1.0)],
        "stands still": [(float(at), 40.0) for at in range(100)],
        "jumps": jumps,
        "for ever": [(at * 1e7, float(at)) for at in range(20)],
    }
    assert dict(zip(unknown, [one["left"] for one in left(*unknown.values())], strict=True)) == dict.fromkeys(unknown)
    assert left(steady(20), later_s=30)[0]["left"] is None  # no step for long
    assert left([*falls, *((1021.0 + at, 3.0 + at) for at in range(1, 20))])[0]["left"] == pytest.approx(78, abs=4)


@pytest.mark.skipif(not is_built(), reason="the page is not built: make page")
def test_a_task_says_how_long_it_takes_yet_while_it_runs(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hub", "state"):
        monkeypatch.setenv(f"ARKITEKT_{name.upper()}_FOLDER", str(tmp_path / name))
    with serve(tmp_path / "hub", log_level="error") as server, make_page_lab(url=server.url).run_detached():
        set_up_owner(server)
        with signed_in(chromium, server) as page:
            page.goto("/app/functions/lab.steps?args=" + json.dumps({"count": 400, "pause_s": 0.4}))
            page.get_by_role("button", name="Run", exact=True).click()
            state = page.get_by_role("region", name="State")
            expect(state).to_contain_text("step 3")
            expect(state).not_to_contain_text("left")
            expect(state).to_contain_text(re.compile(r"about [23] min left"))
            shoot(page, "task-left")
            page.get_by_role("button", name="Pause").click()
            expect(state).to_contain_text("paused")
            expect(state).not_to_contain_text("left")
            page.get_by_role("button", name="Cancel").click()
            expect(state).to_contain_text("cancelled")
            expect(state).not_to_contain_text("left")
