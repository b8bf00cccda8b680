"""Hubs and apps in processes of their own, as in real life, for measurements and kill tests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEADLINE_S = 60.0


class Hub:
    """A hub process over a folder; it can be killed and started again on the same port."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> float:
        """Start and wait until it answers; give how long that took, in seconds."""
        began = time.perf_counter()
        code = (
            "import sys, json; from pathlib import Path; from arkitekt_next.hub.core.config import HubSettings;"
            "from arkitekt_next.hub.server import run;"
            "run(HubSettings(folder=Path(sys.argv[1]), **json.loads(sys.argv[2])))"
        )
        (self.folder / "hub.json").unlink(missing_ok=True)
        with open(self.folder / "hub.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, str(self.folder), json.dumps({"log_level": "warning", **self.settings})],
                stdout=log,
                stderr=log,
                env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            )  # an installed hub is compiled already
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError, KeyError):
                announced = json.loads((self.folder / "hub.json").read_text())
                if announced["pid"] == self.process.pid:
                    self.url = announced["url"]
                    urllib.request.urlopen(self.url + "/health", timeout=5).read()
                    return time.perf_counter() - began
            if self.process.poll() is not None:
                raise RuntimeError(f"the hub ended: {(self.folder / 'hub.log').read_text()[-2000:]}")
            time.sleep(0.01)
        raise TimeoutError("the hub did not answer")

    def kill(self) -> None:
        """Kill it without warning."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def rss_bytes(self) -> int:
        """Resident memory."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    @property
    def cpu_s(self) -> float:
        """Processor time it has used, user's and system's, in seconds; the kernel counts it in hundredths."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def hub(**settings: Any) -> Iterator[Hub]:
    """Run a hub over a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="arkitekt-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        running = Hub(Path(folder), **settings)
        running.start()
        try:
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def app(running: Hub, code: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an app's source beside a hub; it ends with the block."""
    started = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env={**os.environ, **surroundings(running), **environment}
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def surroundings(running: Hub) -> dict[str, str]:
    """Give the environment that leads clients to a hub."""
    return {"ARKITEKT_HUB_FOLDER": str(running.folder), "ARKITEKT_STATE_FOLDER": str(running.folder / "state")}


def unattended(running: Hub, name: str) -> dict[str, str]:
    """Give the environment by which an app signs in by OAuth, with a redeem token, not as this machine's user."""
    from arkitekt_next.sdk.login import sign_in
    from arkitekt_next.sdk.web import fetch

    os.environ.update(surroundings(running))
    owner = sign_in("bench", url=running.url)
    status, made = fetch(running.url, "POST", "/api/redeem-tokens", body={"app": name}, token=owner.token)
    if status != 201:
        raise RuntimeError(f"no redeem token: {made}")
    place = running.folder / f"state-{name}"
    return {
        "ARKITEKT_URL": running.url,
        "ARKITEKT_REDEEM_TOKEN": made["secret"],
        "ARKITEKT_HUB_FOLDER": str(place / "no-hub"),
        "ARKITEKT_STATE_FOLDER": str(place),
    }
