"""Keys of a dict as the text that stands in a JSON object: str, int, bool and enum members round trip.

The one rule: two keys never become the same text, so only the canonical spelling of a number is read back.
"""

from __future__ import annotations

import re
from typing import Any

from arkitekt_next.ports.codec import Codec, limited
from arkitekt_next.ports.coerce import SCALARS, encode_bool, encode_int
from arkitekt_next.ports.misfit import misfit
from arkitekt_next.ports.model import Port, PortKind

_INT = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)


def is_key(port: Port) -> bool:
    """Say whether a port of this kind can be the key of a dict."""
    if port.nullable:
        return False
    if port.kind is PortKind.LITERAL:
        return all(type(choice.value) is str for choice in port.choices)
    return port.kind in (PortKind.STRING, PortKind.INT, PortKind.BOOL, PortKind.ENUM)


def key_codec(port: Port, codec: Codec) -> Codec:
    """Give the codec between a Python key and its text; `codec` is that of the port as a value."""
    if port.kind is PortKind.INT:
        return limited(port, Codec(_dump_int, load_int_key, SCALARS[PortKind.INT].fits))
    if port.kind is PortKind.BOOL:
        return Codec(_dump_bool, load_bool_key, SCALARS[PortKind.BOOL].fits)
    return codec


def _dump_int(value: Any) -> str:
    return str(encode_int(value))


def load_int_key(text: Any) -> int:
    """Read the canonical text of an int64."""
    if type(text) is not str or not _INT.fullmatch(text):
        raise misfit("int as text", text)
    return encode_int(int(text))


def _dump_bool(value: Any) -> str:
    return "true" if encode_bool(value) else "false"


def load_bool_key(text: Any) -> bool:
    """Read "true" or "false"."""
    if text == "true" or text == "false":
        return bool(text == "true")
    raise misfit('"true" or "false"', text)
