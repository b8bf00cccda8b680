"""Hash contracts: canonical JSON (RFC 8785) of any wire value, then SHA-256.

What belongs into a contract is decided in `model.py`; this module only makes the bytes.
The one rule: hashing never fails and never depends on the machine, so what RFC 8785 refuses (integers beyond
2^53, non-finite floats, lone surrogates) is written as a marked string before.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

_SAFE_INT = 2**53 - 1


def canonical_hash(value: Any) -> str:
    """Give the SHA-256 (hex) of the canonical JSON of `value`."""
    import rfc8785

    return hashlib.sha256(rfc8785.dumps(_tame(value))).hexdigest()


def _tame(value: Any) -> Any:
    if isinstance(value, str):
        return _tame_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_SAFE_INT <= value <= _SAFE_INT else f"\0int:{value:x}"
    if isinstance(value, float):
        plain = math.isfinite(value) and not (value == 0 and math.copysign(1, value) < 0)
        return value if plain else f"\0float:{value!r}"
    if isinstance(value, dict):
        return {_tame_text(str(k)): _tame(v) for k, v in value.items()}
    return [_tame(item) for item in value]


def _tame_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return "\0text:" + text.encode("utf-8", "surrogatepass").hex()
    return str.__str__(text)
