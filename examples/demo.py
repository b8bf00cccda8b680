"""The whole thing on one machine: a hub and an app in one process, a caller in another, a real image, its measurements.

python examples/demo.py          stays up until Ctrl-C
python examples/demo.py --once   ends by itself
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLES = ("COINS", "CELL", "TISSUE")


def host(folder: Path) -> None:
    """Serve a hub over `folder`, and on it the functions of examples/microscopy.py."""

    from arkitekt_next import easy
    from arkitekt_next.embedded import serve

    importlib.import_module("microscopy")  # registers its functions
    with serve(folder, log_level="warning") as hub:
        print(hub.url, flush=True)
        easy("microscopy", url=hub.url).run()


def call(url: str) -> int:
    """Call the app by name from this process; print the measurements as they arrive. Give how many there were."""
    from rich.console import Console
    from rich.table import Table

    from arkitekt_next import easy, find

    console = Console()
    total = 0
    with easy("demo-caller", url=url):
        measure = find("microscopy.measure_objects")
        for sample in SAMPLES:
            began = time.perf_counter()
            table = Table("object", "row", "column", "area (px)", "intensity", "roundness", title=sample.lower())
            count = 0
            for found in measure.iterate(sample=sample, sigma=2.0):
                numbers = (found.label, found.row, found.column, found.area_px, found.intensity, found.roundness)
                if len(table.rows) < 8:
                    table.add_row(*(f"{number:g}" for number in numbers))
                count += 1
            total += count
            console.print(table)
            took_ms = (time.perf_counter() - began) * 1e3
            console.print(f"{count} objects, {len(table.rows)} shown; streamed in {took_ms:.0f} ms\n")
    return total


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="end when the result is there")
    parser.add_argument("--host", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.host is not None:
        host(options.host)
        return
    with tempfile.TemporaryDirectory(prefix="arkitekt-demo-") as name:
        folder = Path(name)
        os.environ.update(ARKITEKT_HUB_FOLDER=str(folder / "hub"), ARKITEKT_STATE_FOLDER=str(folder / "state"))
        hosting = subprocess.Popen([sys.executable, __file__, "--host", str(folder / "hub")], stdout=subprocess.PIPE)
        try:
            assert hosting.stdout is not None
            url = hosting.stdout.readline().decode().strip()
            if not url:
                sys.exit("The hub did not start; see above.")
            wait_for_app(url)
            total = call(url)
            print(f"{total} measurements came from process {hosting.pid}; this one is {os.getpid()}.")
            print(f"The hub: {url}  (API: {url}/api/openapi.json, health: {url}/health)")
            if not options.once:
                print("It stays up until you press Ctrl-C.")
                hosting.wait()
        except KeyboardInterrupt:
            print()
        finally:
            hosting.terminate()
            hosting.wait(30)


def wait_for_app(url: str, deadline_s: float = 60.0) -> None:
    """Wait until the app has registered its functions."""
    from arkitekt_next import easy, find
    from arkitekt_next.errors import NotFound

    deadline = time.monotonic() + deadline_s
    with easy("demo-caller", url=url):
        while True:
            try:
                find("microscopy.measure_objects")
                return
            except NotFound:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


if __name__ == "__main__":
    main()
