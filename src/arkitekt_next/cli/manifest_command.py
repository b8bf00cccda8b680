"""`manifest`: what this folder's app would publish, as JSON."""

from __future__ import annotations

from pathlib import Path

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import module_option


@click.command(
    epilog="""\b
Examples:
  arkitekt-next manifest
  arkitekt-next manifest -o manifest.json
  arkitekt-next manifest | jq -r '.actions[].name'"""
)
@module_option
@click.option("--output", "-o", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
@click.option("--json", "as_json", is_flag=True, help="The only form there is; accepted for uniformity.")
def manifest(module: str | None, target: Path | None, as_json: bool) -> None:
    """Print identifier, version, release hashes and all definitions of this folder's app, as JSON.

    The app is imported; nothing is started and no hub is needed.
    """
    from arkitekt_next.cli.loading import load_app
    from arkitekt_next.cli.manifest import manifest_of
    from arkitekt_next.cli.project import find_project
    from arkitekt_next.wire.codec import dumps

    described = manifest_of(load_app(find_project(module=module)))
    if target is None:
        output.print_json(described)
    else:
        target.write_text(dumps(described) + "\n", encoding="utf-8")
        output.note(f"Wrote {target}: {len(described['actions'])} actions")
