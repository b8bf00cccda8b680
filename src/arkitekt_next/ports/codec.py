"""How containers travel: codecs built from the codecs of their elements, once, when an action is declared.

Wire forms: list and tuple as array; set as array in a stable order; dict as object with its keys as text; model as
object of its fields; union as `[branch, value]`, where the port says what each branch is, so a value never carries
a marker; None as null wherever a port is nullable.

A codec is a pair of plain functions that raise `Misfit`. Only where a structure lies inside does it have an async
pair too, since shrinking may await. The one rule: a codec is compiled once and holds no state of a call.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from arkitekt_next.ports.coerce import CLOSE, EXACT, FOREIGN, LOOSE, SCALARS
from arkitekt_next.ports.limits import compile_limits
from arkitekt_next.ports.misfit import Misfit, describe, misfit
from arkitekt_next.ports.model import Port, PortKind

Code = Callable[[Any], Any]
AsyncCode = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Codec:
    """Both directions of one port, and how well a Python value fits it (for unions)."""

    dump: Code
    load: Code
    fits: Callable[[Any], int]
    adump: AsyncCode | None = None
    aload: AsyncCode | None = None

    @property
    def needs_await(self) -> bool:
        """Say whether the plain pair may meet something it would have to await."""
        return self.adump is not None

    async def dump_async(self, value: Any) -> Any:
        """Encode, awaiting only where needed."""
        return self.dump(value) if self.adump is None else await self.adump(value)

    async def load_async(self, wire: Any) -> Any:
        """Decode, awaiting only where needed."""
        return self.load(wire) if self.aload is None else await self.aload(wire)


@dataclass(frozen=True, slots=True)
class Shape:
    """A port and its codec: what a hint, or a published port, compiles to."""

    port: Port
    codec: Codec


async def together(steps: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Await all at once, in order; the first failure cancels the others and is raised as itself."""
    import asyncio

    waiting = list(steps)
    if len(waiting) < 2:
        return [await step for step in waiting]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(step) for step in waiting]
    except BaseExceptionGroup as failures:
        raise _first(failures) from None
    return [task.result() for task in tasks]


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = failures.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


async def _step(code: AsyncCode, value: Any, step: str) -> Any:
    try:
        return await code(value)
    except Misfit as bad:
        raise bad.within(step) from None


def scalar(port: Port) -> Codec:
    """Give the codec of a scalar kind, its constraints included."""
    found = SCALARS[port.kind]
    return limited(port, Codec(found.encode, found.decode, found.fits))


def limited(port: Port, codec: Codec) -> Codec:
    """Add the port's constraints: before encoding, after decoding."""
    limit = compile_limits(port)
    if limit is None:
        return codec
    dump, load = codec.dump, codec.load
    is_json = port.kind is PortKind.JSON

    def checked_dump(value: Any) -> Any:
        wire = dump(value)
        limit(wire if is_json else value)
        return wire

    def checked_load(wire: Any) -> Any:
        value = load(wire)
        limit(value)
        return value

    async def checked_adump(value: Any) -> Any:
        wire = await codec.dump_async(value)
        limit(value)
        return wire

    async def checked_aload(wire: Any) -> Any:
        value = await codec.load_async(wire)
        limit(value)
        return value

    return _with_async(codec, Codec(checked_dump, checked_load, codec.fits), checked_adump, checked_aload)


def _with_async(inner: Codec, codec: Codec, adump: AsyncCode, aload: AsyncCode) -> Codec:
    return replace(codec, adump=adump, aload=aload) if inner.needs_await else codec


def optional(codec: Codec) -> Codec:
    """Let None through as null."""
    dump, load, fits = codec.dump, codec.load, codec.fits

    async def adump(value: Any) -> Any:
        return None if value is None else await codec.dump_async(value)

    async def aload(wire: Any) -> Any:
        return None if wire is None else await codec.load_async(wire)

    plain = Codec(
        lambda value: None if value is None else dump(value),
        lambda wire: None if wire is None else load(wire),
        lambda value: EXACT if value is None else fits(value),
    )
    return _with_async(codec, plain, adump, aload)


def _run(code: Code, values: Iterable[Any]) -> list[Any]:
    done: list[Any] = []
    try:
        for value in values:
            done.append(code(value))
    except Misfit as bad:
        raise bad.within(f"[{len(done)}]") from None
    return done


async def _arun(code: AsyncCode, values: Iterable[Any]) -> list[Any]:
    return await together(_step(code, value, f"[{i}]") for i, value in enumerate(values))


def _fits_items(values: Iterable[Any], item: Codec, best: int) -> int:
    for value in values:
        best = min(best, item.fits(value))
        if best == FOREIGN:
            break
    return best


def sequence(
    item: Codec,
    *,
    expected: str,
    python: Callable[[list[Any]], Any],
    exact: type,
    accepted: tuple[type, ...],
    arrange: Callable[[list[Any]], list[Any]] | None = None,
) -> Codec:
    """Give the codec of a homogeneous collection: list, set, or a tuple of any length."""

    def inside(value: Any) -> Any:
        if not isinstance(value, accepted) or isinstance(value, str | bytes | bytearray | memoryview):
            raise misfit(expected, value)
        return value

    def dump(value: Any) -> list[Any]:
        wire = _run(item.dump, inside(value))
        return arrange(wire) if arrange else wire

    def build(values: list[Any]) -> Any:
        try:
            return python(values)
        except TypeError as error:
            raise Misfit(f"{expected} of hashable items", str(error)) from error

    def load(wire: Any) -> Any:
        return build(_run(item.load, _array(wire, expected)))

    async def adump(value: Any) -> list[Any]:
        wire = await _arun(item.dump_async, inside(value))
        return arrange(wire) if arrange else wire

    async def aload(wire: Any) -> Any:
        return build(await _arun(item.load_async, _array(wire, expected)))

    def fits(value: Any) -> int:
        if not isinstance(value, accepted) or isinstance(value, str | bytes | bytearray | memoryview):
            return FOREIGN
        values: Any = value
        return _fits_items(values, item, EXACT if type(value) is exact else CLOSE)

    return _with_async(item, Codec(dump, load, fits), adump, aload)


def _array(wire: Any, expected: str) -> list[Any]:
    if type(wire) is not list:
        raise misfit(expected, wire)
    return wire


def list_of(item: Codec) -> Codec:
    """Give the codec of a list; any sequence but text is taken."""
    return sequence(item, expected="list", python=list, exact=list, accepted=(list, tuple, Sequence))


def set_of(item: Codec, *, frozen: bool) -> Codec:
    """Give the codec of a set or frozenset."""
    kind = frozenset if frozen else set
    return sequence(
        item,
        expected="set",
        python=kind,
        exact=kind,
        accepted=(set, frozenset, AbstractSet),
        arrange=in_order,
    )


def tuple_of(item: Codec) -> Codec:
    """Give the codec of a tuple of any length and one element type."""
    return sequence(item, expected="tuple", python=tuple, exact=tuple, accepted=(tuple, list))


def in_order(wire: list[Any]) -> list[Any]:
    """Put the members of a set in the same order on every machine."""
    try:
        return sorted(wire)
    except TypeError:
        return sorted(wire, key=lambda item: json.dumps(item, sort_keys=True))


def tuple_with(items: Sequence[Codec]) -> Codec:
    """Give the codec of a tuple with one type per position."""
    count = len(items)
    expected = f"tuple of {count} items"

    def same_length(value: Any, kinds: Any) -> Any:
        if not isinstance(value, kinds) or len(value) != count:
            raise Misfit(expected, describe(value))
        return value

    def walk(codes: Sequence[Code], values: Any) -> list[Any]:
        done: list[Any] = []
        try:
            for code, value in zip(codes, values, strict=True):
                done.append(code(value))
        except Misfit as bad:
            raise bad.within(f"[{len(done)}]") from None
        return done

    async def awalk(codes: Sequence[AsyncCode], values: Any) -> list[Any]:
        pairs = zip(codes, values, strict=True)
        return await together(_step(code, value, f"[{i}]") for i, (code, value) in enumerate(pairs))

    dumps, loads = [c.dump for c in items], [c.load for c in items]
    adumps, aloads = [c.dump_async for c in items], [c.load_async for c in items]

    async def adump(value: Any) -> list[Any]:
        return await awalk(adumps, same_length(value, (tuple, list)))

    async def aload(wire: Any) -> tuple[Any, ...]:
        return tuple(await awalk(aloads, same_length(wire, list)))

    def fits(value: Any) -> int:
        if not isinstance(value, tuple | list) or len(value) != count:
            return FOREIGN
        values: Any = value
        best = EXACT if type(value) is tuple else CLOSE
        return min([best, *(c.fits(v) for c, v in zip(items, values, strict=True))])

    codec = Codec(
        lambda value: walk(dumps, same_length(value, (tuple, list))),
        lambda wire: tuple(walk(loads, same_length(wire, list))),
        fits,
    )
    return replace(codec, adump=adump, aload=aload) if any(c.needs_await for c in items) else codec


def dict_of(key: Codec, item: Codec) -> Codec:
    """Give the codec of a dict; `key` codes to and from the text that stands in the object."""

    def dump(value: Any) -> dict[str, Any]:
        return {_key(key.dump, k): _at(item.dump, v, k) for k, v in _mapping(value).items()}

    def load(wire: Any) -> dict[Any, Any]:
        return {_key(key.load, k): _at(item.load, v, k) for k, v in _object(wire, "dict").items()}

    async def adump(value: Any) -> dict[str, Any]:
        keys = [_key(key.dump, k) for k in _mapping(value)]
        return dict(zip(keys, await _avalues(item.dump_async, value), strict=True))

    async def aload(wire: Any) -> dict[Any, Any]:
        keys = [_key(key.load, k) for k in _object(wire, "dict")]
        return dict(zip(keys, await _avalues(item.load_async, wire), strict=True))

    def fits(value: Any) -> int:
        if not isinstance(value, Mapping):
            return FOREIGN
        best = _fits_items(value, key, EXACT if type(value) is dict else CLOSE)
        return _fits_items(value.values(), item, best)

    return _with_async(item, Codec(dump, load, fits), adump, aload)


async def _avalues(code: AsyncCode, mapping: Mapping[Any, Any]) -> list[Any]:
    return await together(_step(code, v, f"[{_show_key(k)}]") for k, v in mapping.items())


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise misfit("dict", value)
    return value


def _object(wire: Any, expected: str) -> dict[str, Any]:
    if type(wire) is not dict:
        raise misfit(expected, wire)
    return wire


def _key(code: Code, key: Any) -> Any:
    try:
        return code(key)
    except Misfit as bad:
        raise bad.within(f"[key {_show_key(key)}]") from None


def _at(code: Code, value: Any, key: Any) -> Any:
    try:
        return code(value)
    except Misfit as bad:
        raise bad.within(f"[{_show_key(key)}]") from None


def _show_key(key: Any) -> str:
    return repr(key[:60]) if isinstance(key, str) else describe(key).partition(" ")[2]


def union_of(branches: Sequence[Codec], expected: str) -> Codec:
    """Give the codec of a union: the best fitting branch is tried first, then the next best, in declared order."""
    count = len(branches)

    def ranked(value: Any) -> list[int]:
        scores = [(codec.fits(value), -i) for i, codec in enumerate(branches)]
        found = [-i for score, i in sorted(scores, reverse=True) if score >= LOOSE]
        if not found:
            raise misfit(expected, value)
        return found

    def dump(value: Any) -> list[Any]:
        failure: Misfit | None = None
        for i in ranked(value):
            try:
                return [i, branches[i].dump(value)]
            except Misfit as bad:
                failure = failure or bad
        raise failure or misfit(expected, value)

    async def adump(value: Any) -> list[Any]:
        failure: Misfit | None = None
        for i in ranked(value):
            try:
                return [i, await branches[i].dump_async(value)]
            except Misfit as bad:
                failure = failure or bad
        raise failure or misfit(expected, value)

    def load(wire: Any) -> Any:
        i = branch_of(wire, count, expected)
        return branches[i].load(wire[1])

    async def aload(wire: Any) -> Any:
        i = branch_of(wire, count, expected)
        return await branches[i].load_async(wire[1])

    def fits(value: Any) -> int:
        return max(codec.fits(value) for codec in branches)

    codec = Codec(dump, load, fits)
    return replace(codec, adump=adump, aload=aload) if any(c.needs_await for c in branches) else codec


def branch_of(wire: Any, count: int, expected: str) -> int:
    """Read the branch number of a union's wire form `[branch, value]`."""
    if type(wire) is not list or len(wire) != 2 or type(wire[0]) is not int:
        raise Misfit(f"[branch, value] for {expected}", describe(wire))
    if not 0 <= wire[0] < count:
        raise Misfit(f"a branch from 0 to {count - 1} for {expected}", describe(wire[0]))
    return wire[0]
