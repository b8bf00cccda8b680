"""Everything that is timed, each figure beside its floor, in interleaved pairs.

    python -m benchmarks.run --pairs 10 --floor PATH/floor.py

The floor is a program of its own (three processes, a relay with the same two group commits a call); its path comes from
`--floor` or the variable FLOOR. Without it only our own figures are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import stage

FIGURES = ("p50_us", "calls_per_s", "items_per_s")


def floor_path(given: str | None) -> Path | None:
    """Find the floor's program."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared" / "bench" / "floor.py"
    for place in (given, os.environ.get("FLOOR"), str(beside)):
        if place and Path(place).is_file():
            return Path(place)
    return None


def _json(*command: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=600, check=True)
    parsed: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return parsed


def pairs(mode: str, count: int, floor: Path | None, *, calls: int, items: int) -> dict[str, Any]:
    """Measure ours and the floor in turn; give medians and the median ratio of each figure."""
    ours, floors = [], []
    sizes = ("--calls", str(calls), "--items", str(items))
    for _ in range(count):
        if floor is not None:
            floors.append(_json(str(floor), "--durability", mode, *sizes))
        ours.append(_json("-m", "benchmarks.calls", "--durability", mode, *sizes))
    result: dict[str, Any] = {"durability": mode, "pairs": count, "calls": calls, "items": items}
    for name in FIGURES:
        result[name] = statistics.median(run[name] for run in ours)
        if floors:
            result[f"floor_{name}"] = statistics.median(run[name] for run in floors)
            ratios = [mine[name] / theirs[name] for mine, theirs in zip(ours, floors, strict=True)]
            result[f"ratio_{name}"] = round(statistics.median(ratios), 3)
    return result


def start_and_memory(count: int) -> dict[str, Any]:
    """Measure how long a hub takes until it answers, and what it holds when idle; beside a bare interpreter."""
    starts, rss, bare = [], [], []
    for _ in range(count):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - began)
        with stage.hub() as hub:
            rss.append(hub.rss_bytes)
            hub.stop()
            starts.append(hub.start())
    return {
        "runs": count,
        "hub_ready_s": round(statistics.median(starts), 2),
        "hub_idle_rss_mb": round(statistics.median(rss) / 2**20, 1),
        "floor_python_start_s": round(statistics.median(bare), 3),
    }


def imports(count: int) -> dict[str, Any]:
    """Measure what importing the SDK and the CLI's help cost over a bare interpreter, in milliseconds."""
    commands = {
        "bare": ["-c", "pass"],
        "import": ["-c", "import arkitekt_next; arkitekt_next.register"],
        "help": ["-m", "arkitekt_next.cli.main", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(count):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times[name].append((time.perf_counter() - began) * 1e3)
    bare = statistics.median(times["bare"])
    over = statistics.median(b - a for a, b in zip(times["bare"], times["import"], strict=True))
    return {
        "runs": count,
        "floor_python_ms": round(bare),
        "import_over_python_ms": round(over),
        "help_ms": round(statistics.median(times["help"])),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--items", type=int, default=20000)
    parser.add_argument("--floor")
    chosen = parser.parse_args()
    floor = floor_path(chosen.floor)
    for mode in ("full", "normal"):
        print(json.dumps(pairs(mode, chosen.pairs, floor, calls=chosen.calls, items=chosen.items)), flush=True)
    print(json.dumps(start_and_memory(5)), flush=True)
    print(json.dumps(imports(10)), flush=True)


if __name__ == "__main__":
    main()
