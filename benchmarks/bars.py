"""One row for every invariant and bar that the project has reached, with the seed and how many cases ran.

    python -m benchmarks.bars            everything, at full size (half an hour)
    python -m benchmarks.bars --quick    smaller runs, the same rows

A row is shown by a run made now, never remembered. Exits with 1 when one is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import run as timings

ROOT = Path(__file__).resolve().parent.parent
TASKS = "tests/scenario/test_tasks.py"
KILLS = "tests/scenario/test_agent_kills.py"


@dataclass(frozen=True)
class Shown:
    """What a run showed."""

    ok: bool
    detail: str


@dataclass(frozen=True)
class Row:
    """One invariant or bar and the run that shows it."""

    name: str
    promise: str
    show: Callable[[Sizes], Shown]


@dataclass(frozen=True)
class Sizes:
    """How large the runs are."""

    seed: int
    agents: int
    kills: int
    pairs: int
    calls: int
    seconds: float
    database: str | None = None


def _run(*command: str, timeout_s: float = 1800) -> tuple[int, str]:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)
    return done.returncode, done.stdout + done.stderr


def tests(*selected: str) -> Callable[[Sizes], Shown]:
    """Show a row by tests: all have to pass, and at least one has to run."""

    def show(sizes: Sizes) -> Shown:
        code, output = _run("-m", "pytest", "-q", "-s", "-rs", *selected)
        passed = re.search(r"(\d+) passed", output)
        skipped = re.search(r"(\d+) skipped", output)
        counts = re.findall(r"^\s*(?:bar:|N=|seed=|\{\"seed).*$", output, re.MULTILINE)
        count = int(passed[1]) if passed else output.count("passed")
        detail = f"{count} tests passed" + (f", {skipped[1]} skipped" if skipped else "")
        return Shown(code == 0 and count > 0, "; ".join([detail, *(c.strip()[:160] for c in counts[:4])]))

    return show


def module(name: str, arguments: Callable[[Sizes], list[str]], keys: tuple[str, ...]) -> Callable[[Sizes], Shown]:
    """Show a row by a benchmark that prints JSON with `ok`."""

    def show(sizes: Sizes) -> Shown:
        code, output = _run("-m", name, *arguments(sizes))
        try:
            result: dict[str, Any] = json.loads([line for line in output.splitlines() if line.startswith("{")][-1])
        except (IndexError, ValueError):
            return Shown(False, output.strip()[-300:])
        return Shown(bool(result["ok"]) and code == 0, ", ".join(f"{key}={result[key]}" for key in keys))

    return show


def _chaos(sizes: Sizes) -> list[str]:
    options = ["--agents", str(sizes.agents), "--kills", str(sizes.kills), "--seed", str(sizes.seed), "--rate", "110"]
    return options + (["--database", sizes.database] if sizes.database else [])


CHAOS_KEYS = (
    "seed",
    "agents",
    "kills",
    "submitted",
    "completed",
    "stream_values",
    "gaps",
    "doubled",
    "hanging",
    "ready_s_max",
    "agents_back_s_max",
)


def _calls(mode: str) -> Callable[[Sizes], Shown]:
    bar = 2000 if mode == "full" else 3000

    def show(sizes: Sizes) -> Shown:
        floor = timings.floor_path(None)
        result = timings.pairs(mode, sizes.pairs, floor, calls=sizes.calls, items=20_000)
        ok = result["calls_per_s"] >= bar and result["items_per_s"] >= 20_000
        ok = ok and (floor is None or result["ratio_p50_us"] <= 2.0)
        return Shown(ok, ", ".join(f"{key}={value}" for key, value in result.items() if key != "durability"))

    return show


def _start(sizes: Sizes) -> Shown:
    result = timings.start_and_memory(5)
    ok = result["hub_ready_s"] <= 2.0 and result["hub_idle_rss_mb"] <= 120
    return Shown(ok, ", ".join(f"{key}={value}" for key, value in result.items()))


def _imports(sizes: Sizes) -> Shown:
    result = timings.imports(10)
    ok = result["import_over_python_ms"] <= 150 and result["help_ms"] <= 200
    return Shown(ok, ", ".join(f"{key}={value}" for key, value in result.items()))


ROWS = (
    Row(
        "I1 I2 I5",
        "an acknowledged call ends once, streams have no gap: hub killed",
        module("benchmarks.chaos", _chaos, CHAOS_KEYS),
    ),
    Row(
        "I3 I4",
        "reports count only from the lease holder, newest attempt and epoch",
        tests(TASKS, "-k", "stale or comes_back"),
    ),
    Row("I6", "no task runs on after its agent is gone", tests(TASKS, "-k", "silent or lost_agent")),
    Row("I7", "a cancel ends by its deadline, children included", tests(TASKS, "-k", "cancel or timeout")),
    Row("I9", "what is not repeatable is never repeated", tests(KILLS)),
    Row("I10", "a sync to disk before every acknowledgement", tests("tests/scenario/test_durability_strace.py")),
    Row("kill the agent", "0 stuck; repeatable work once, else lost", tests(KILLS)),
    Row(
        "stalled reader",
        "buffer <= 8 MiB, others' p99 <= 1.5x",
        module(
            "benchmarks.pressure",
            lambda s: ["stalled", "--pairs", str(s.pairs)],
            ("pairs", "calls_each", "p99_ratio_median", "buffer_bytes_max"),
        ),
    ),
    Row(
        "overload",
        "typed busy, hub <= 512 MiB",
        module(
            "benchmarks.pressure",
            lambda s: ["overload", "--seconds", str(s.seconds)],
            ("accepted", "busy", "other", "rss_mb_max"),
        ),
    ),
    Row("disk full", "507, reads work, recovers by itself", tests("tests/scenario", "-k", "disk and full")),
    Row("malformed", ">= 20,000 frames and requests, no 500, no effect", tests("tests/scenario/test_malformed.py")),
    Row("backup", "restored copy equal under load", tests("tests/scenario", "-k", "backup")),
    Row(
        "upgrade",
        "migrates or refuses, never half",
        tests("tests/contract", "tests/scenario", "-k", "upgrade or migrat"),
    ),
    Row("durable calls FULL", "p50 <= 2x floor, >= 2,000 calls/s, >= 20,000 items/s", _calls("full")),
    Row("durable calls NORMAL", "p50 <= 2x floor, >= 3,000 calls/s, >= 20,000 items/s", _calls("normal")),
    Row("start and memory", "ready <= 2 s, idle <= 120 MB", _start),
    Row("imports", "<= 150 ms over python, --help <= 200 ms", _imports),
)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    sizes = Sizes(seed, 10, 3, 3, 1000, 4.0) if chosen.quick else Sizes(seed, 50, 20, 10, 2000, 10.0)
    missed = 0
    for row in ROWS:
        if chosen.only not in row.name:
            continue
        began = time.monotonic()
        shown = row.show(sizes)
        missed += not shown.ok
        took_s = time.monotonic() - began
        print(
            f"{'ok    ' if shown.ok else 'MISSED'} {row.name:22} {row.promise}\n       {shown.detail} ({took_s:.0f} s)",
            flush=True,
        )
    print(f"{len(ROWS) - missed} rows ok, {missed} missed; seed {seed}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
