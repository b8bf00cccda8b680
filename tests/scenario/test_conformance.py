"""Clients in another language, written from docs/reference/protocol.md alone, against a real hub that is killed."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from arkitekt_next.testing import conformance

CLIENTS = Path(__file__).parents[1] / "conformance" / "node"
LIMIT_S = 120.0  # a guard: it takes about half a minute


def node() -> str:
    """Give a node that can run the clients; without one the test is skipped, but never in CI."""
    found = shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout.strip() if found else ""
    if found and int(version.lstrip("v").split(".")[0] or 0) >= 18:
        return found
    problem = f"the clients need node 18 or newer, found {version or 'none'}"
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)


@pytest.mark.requirement("wire.conformance")
def test_the_node_clients_conform() -> None:
    program = node()
    commands = {name: shlex.join([program, str(CLIENTS / f"{name}.mjs")]) for name in ("agent", "caller")}
    report = asyncio.run(asyncio.wait_for(conformance.run(**commands), LIMIT_S))
    assert report.failed == {}
    assert len(report.passed) == len(conformance.agent_checks.check.all) + len(conformance.caller_checks.check.all)
