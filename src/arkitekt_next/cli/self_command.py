"""`self info`: what is installed, where things lie, and whether a hub runs."""

from __future__ import annotations

import importlib.util
import platform
import sys
from typing import Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option

_EXTRAS = {"hub": ("uvicorn", "sqlalchemy", "fastapi", "alembic"), "data": ("numpy",)}


@click.command()
@json_option
def info(as_json: bool) -> None:
    """Show versions, folders, and the hub on this machine. Put it into every bug report."""
    found = collect()
    if as_json:
        output.print_json(found)
        return
    hub = found["hub"]
    extras = [f"{name} {'yes' if there else 'no'}" for name, there in found["extras"].items()]
    rows = [
        ("arkitekt-next", found["version"]),
        ("protocol", str(found["protocol"])),
        ("python", f"{found['python']} ({found['executable']})"),
        ("system", found["system"]),
        ("extras", ", ".join(extras)),
        ("installed in", found["location"]),
        ("hub folder", found["hub_folder"]),
        ("state folder", found["state_folder"]),
        ("hub", f"{hub['url']} (process {hub['pid']})" if hub else "none runs; `arkitekt-next hub start` starts one"),
    ]
    for title, text in rows:
        output.say(f"{output.paint(f'{title:<14}', dim=True)} {output.clean(text)}")


def collect() -> dict[str, Any]:
    """Give everything `self info` shows."""
    from arkitekt_next import __version__
    from arkitekt_next.embedded import find_hub
    from arkitekt_next.platform import hub_folder, state_folder
    from arkitekt_next.wire.messages import PROTOCOL

    running = find_hub()
    return {
        "version": __version__,
        "protocol": PROTOCOL,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "location": str(importlib.util.find_spec("arkitekt_next").submodule_search_locations[0]),  # type: ignore[union-attr,index]
        "extras": {name: all(map(_has, modules)) for name, modules in _EXTRAS.items()},
        "hub_folder": str(hub_folder()),
        "state_folder": str(state_folder()),
        "hub": {"url": running.url, "id": running.hub, "pid": running.pid} if running else None,
    }


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
