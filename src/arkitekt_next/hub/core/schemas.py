"""The JSON Schemas that another language needs: every message of the wire, and the published form of a function."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from arkitekt_next.ports import Definition
from arkitekt_next.wire.messages import FROM_CLIENT, FROM_HUB, PROTOCOL, SUBPROTOCOL, Message, kind_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{model}"


@cache
def message_schemas() -> dict[str, Any]:
    """Give one schema for a frame in either direction; `$defs` holds every message by its class name."""
    directions = {"from_client": FROM_CLIENT, "from_hub": FROM_HUB}
    known: list[tuple[Any, Any]] = [(kind, "validation") for kind in dict.fromkeys([*FROM_CLIENT, *FROM_HUB])]
    _, schema = models_json_schema(known, ref_template=_REF)
    definitions = dict(schema["$defs"])
    for name, kinds in directions.items():
        definitions[name] = _frame(kinds, name)
    return {
        "$schema": _DIALECT,
        "$id": f"arkitekt-next/messages/{PROTOCOL}",
        "title": f"Frames of the protocol {SUBPROTOCOL}",
        "description": "A frame is an array of messages. Readers ignore fields they do not know.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in directions],
        "$defs": dict(sorted(definitions.items())),
    }


def _frame(kinds: tuple[type[Message], ...], name: str) -> dict[str, Any]:
    mapping = {kind_of(kind): f"#/$defs/{kind.__name__}" for kind in kinds}
    return {
        "title": name,
        "type": "array",
        "items": {
            "oneOf": [{"$ref": ref} for ref in mapping.values()],
            "discriminator": {"propertyName": "kind", "mapping": mapping},
        },
    }


@cache
def definition_schema() -> dict[str, Any]:
    """Give the schema of a definition as it is published and offered."""
    return {"$schema": _DIALECT, "$id": "arkitekt-next/definition", **Definition.model_json_schema(ref_template=_REF)}
