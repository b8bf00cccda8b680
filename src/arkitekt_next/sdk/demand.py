"""What a look-up asks for: a name, a hash, or a demand (what the action takes and gives)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import RequestRefused

if TYPE_CHECKING:
    from arkitekt_next.ports.registry import TypeRegistry


def write_lookup(
    action: str | None, hash: str | None, args: Any, returns: Any, registry: TypeRegistry | None
) -> dict[str, Any]:
    """Write the fields of a `lookup`; exactly one of name, hash and demand must be given."""
    is_demand = args is not None or returns is not None
    if (action is not None) + (hash is not None) + is_demand != 1:
        raise RequestRefused(where="find", problem="give either an action's name, or hash=, or args= and returns=")
    if action is not None:
        return {"kind": "lookup", "action": action}
    if hash is not None:
        return {"kind": "lookup", "definition": hash}
    demand = {}
    for side, wanted in (("args", args), ("returns", returns)):
        if wanted is not None:
            demand[side] = [_entry(one, registry) for one in wanted]
    return {"kind": "lookup", "demand": demand}


def _entry(wanted: Any, registry: TypeRegistry | None) -> dict[str, Any]:
    if isinstance(wanted, dict):
        return wanted
    if isinstance(wanted, str):
        return {"kind": wanted}
    from arkitekt_next.ports.hints import HintReader
    from arkitekt_next.ports.registry import default_registry

    port = HintReader(registry or default_registry, "find").read(wanted, "demand").port
    entry: dict[str, Any] = {"kind": port.kind.value}
    if port.identifier is not None:
        entry["identifier"] = port.identifier
    return entry
