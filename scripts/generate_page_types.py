"""Writes the types of the REST face that the page is written against. `--check` only compares.

python scripts/generate_page_types.py [--check]

What it needs of node is fetched by `make page`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from build_page import WEB, run_node

from arkitekt_next.hub.app import create_app
from arkitekt_next.hub.core.config import HubSettings

TYPES = WEB / "src" / "api" / "schema.d.ts"
_GENERATOR = WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"

_HEAD = """/**
 * The types of the hub's REST face, made by scripts/generate_page_types.py out of the hub's own description of it.
 * Do not change this by hand: change the routes or their models, and run `python scripts/generate_page_types.py`.
 * It is one file since the generator writes one, and nobody reads it from beginning to end.
 */
"""


def generated() -> str:
    """Give the types as they follow from the code now. Raises `RuntimeError`."""
    with tempfile.TemporaryDirectory() as folder:
        described, made = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        described.write_text(json.dumps(create_app(HubSettings(folder=Path("hub"))).openapi()), "utf-8")
        if run_node(str(_GENERATOR), str(described), "-o", str(made)):
            raise RuntimeError("the types could not be made: see above; `make page` fetches what that takes")
        return _HEAD + made.read_text("utf-8")


if __name__ == "__main__":
    text = generated()
    if "--check" not in sys.argv:
        TYPES.write_text(text, "utf-8")
    elif TYPES.read_text("utf-8") != text:
        sys.exit("web/src/api/schema.d.ts is stale: python scripts/generate_page_types.py")
