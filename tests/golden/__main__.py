"""Renews the pinned files after the protocol was changed on purpose: python -m tests.golden"""

from __future__ import annotations

import json
from pathlib import Path

from arkitekt_next.hub.core.schemas import definition_schema, message_schemas
from arkitekt_next.wire.codec import encode
from tests.golden import examples

HERE = Path(__file__).parent


def main() -> None:
    """Write frames and schemas as the code has them now."""
    said = {"from_client": examples.FROM_CLIENT, "from_hub": examples.FROM_HUB}
    lines = [f"{direction} {encode(message)}" for direction, found in said.items() for message in found]
    (HERE / "frames.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, schema in {"messages.json": message_schemas(), "definition.json": definition_schema()}.items():
        (HERE / name).write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
