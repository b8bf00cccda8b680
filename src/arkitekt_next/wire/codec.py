"""Text ↔ values and messages. JSON only; the fast path is pydantic's, the slow one takes what it refuses.

The rule: whatever Python text a value holds comes back equal, lone surrogates and NUL included, because they travel
as escapes. A frame that is not a JSON array of objects is an error of the frame, a bad message only of itself.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from arkitekt_next.errors import ArkitektError, ProtocolError

from .messages import ErrorBody, Message, Unsupported

_DEPTH_LIMIT = 200
_SURROGATE = re.compile("[\ud800-\udfff]")


def dumps(value: Any) -> str:
    """Write a JSON value as text that any UTF-8 store can hold, and that `loads` reads."""
    try:
        return to_json(value, inf_nan_mode="strings").decode()
    except (PydanticSerializationError, UnicodeError):
        return _dumps_slowly(value)


def _dumps_slowly(value: Any) -> str:
    """Write what the fast path refuses; only lone surrogates become escapes, so that the text does not grow."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _finite(value: Any) -> Any:
    """Give the value with NaN and the infinities as text, as the fast path writes them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def loads(text: str | bytes) -> Any:
    """Read JSON text; raise `ValueError` when it is none."""
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as refused:
        if "surrogate" not in str(refused) and "\\ud" not in _as_text(text).lower():
            raise
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError as deep:
        raise ValueError("nested too deeply") from deep
    _refuse_deep(value)
    return value


def _refuse_deep(value: Any) -> None:
    """Hold the slow path to the fast one's depth."""
    level = [value]
    for _ in range(_DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise ValueError(f"nested deeper than {_DEPTH_LIMIT}")


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _as_text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode(errors="replace")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def encode(message: Message) -> str:
    """Write one message; fields that are None are left out."""
    try:
        return message.__pydantic_serializer__.to_json(message, exclude_none=True).decode()
    except (PydanticSerializationError, UnicodeError):
        return _dumps_slowly(message.model_dump(mode="python", exclude_none=True))


def error_body(error: ArkitektError) -> ErrorBody:
    """Give an error the form in which it travels."""
    return ErrorBody.model_construct(**error.to_json())


class Decoder:
    """Reads the frames of one direction: `kinds` are the messages that may arrive."""

    def __init__(self, kinds: tuple[type[Message], ...]) -> None:
        self._one: TypeAdapter[Message] = _union(kinds)
        self._many: TypeAdapter[list[Message]] = TypeAdapter(list[_annotated(kinds)])  # type: ignore[misc, arg-type]
        self._known = {str(kind.model_fields["kind"].default) for kind in kinds}

    def decode(self, frame: str | bytes) -> tuple[list[Message], list[Unsupported]]:
        """Read a frame: the messages that are sound, and an answer for each that is not.

        Raises `ProtocolError` when the frame is not a JSON array of objects.
        """
        try:
            return self._many.validate_json(frame), []
        except ValidationError:
            return self._decode_singly(frame)

    def _decode_singly(self, frame: str | bytes) -> tuple[list[Message], list[Unsupported]]:
        try:
            raw = loads(frame)
        except (ValueError, RecursionError) as broken:
            raise ProtocolError(
                where="frame", problem=f"expected a JSON array, got text that is none: {broken}"
            ) from None
        if not isinstance(raw, list):
            raise ProtocolError(where="frame", problem=f"expected a JSON array of messages, got {type(raw).__name__}")
        sound: list[Message] = []
        refused: list[Unsupported] = []
        for index, item in enumerate(raw):
            try:
                sound.append(self._one.validate_python(item))
            except (ValidationError, RecursionError) as unfit:
                refused.append(self._refuse(index, item, unfit))
        return sound, refused

    def _refuse(self, index: int, item: Any, unfit: Exception) -> Unsupported:
        kind = item.get("kind") if isinstance(item, dict) else None
        if not isinstance(kind, str):
            problem = "expected an object with a 'kind'"
        elif kind not in self._known:
            problem = f"the kind '{kind[:64]}' is not known here"
        elif isinstance(unfit, ValidationError):
            first = unfit.errors(include_url=False, include_context=False, include_input=False)[0]
            problem = f"{'.'.join(str(part) for part in first['loc'][1:])}: {first['msg']}"
        else:
            problem = "nested too deeply"
        what = str(item.get("request") or item.get("reference") or kind) if isinstance(item, dict) else str(index)
        error = ProtocolError(where=f"message {index} ({str(kind)[:64]})", problem=problem)
        return Unsupported(what=_printable(what), error=error_body(error))


def _printable(text: str) -> str:
    return text[:64].encode("utf-8", "replace").decode()


def _annotated(kinds: tuple[type[Message], ...]) -> Any:
    union = kinds[0]
    for kind in kinds[1:]:
        union = union | kind  # type: ignore[assignment]
    return Annotated[union, Field(discriminator="kind")]


@lru_cache(maxsize=8)
def _union(kinds: tuple[type[Message], ...]) -> TypeAdapter[Message]:
    return TypeAdapter(_annotated(kinds))
