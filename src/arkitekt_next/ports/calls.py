"""Whole calls: arguments by name, returns by position, bound and coded by functions compiled once per action.

Arguments travel as an object by key, where what was left out stays out, so that the function's own default applies.
Returns and yields always travel as a list, one entry a return port, empty for None. The one rule: every error that
leaves here is an `InvalidValue` that names the action, the argument and the place inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arkitekt_next.errors import InvalidValue, MissingArgument, UnknownArgument
from arkitekt_next.ports.codec import AsyncCode, Code, Codec, together
from arkitekt_next.ports.limits import express
from arkitekt_next.ports.misfit import Misfit, describe
from arkitekt_next.ports.model import Port, PortKind
from arkitekt_next.ports.rules import evaluate, ports_of

Guard = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class ArgumentCode:
    """Both directions of an action's arguments."""

    action: str
    ports: tuple[Port, ...]
    codecs: tuple[Codec, ...]
    positional: tuple[str, ...]

    def compile_dump(self) -> Callable[[Sequence[Any], Mapping[str, Any]], dict[str, Any]]:
        """Compile `(args, kwargs) -> wire`: bind, validate, encode."""
        dumps = {port.key: codec.dump for port, codec in zip(self.ports, self.codecs, strict=True)}
        pairs = [(name, dumps[name]) for name in self.positional]
        most, total, action = len(pairs), len(dumps), self.action
        bind, guard, finish = self.bind, compile_guard(self.action, self.ports), self.require

        def dump(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
            wire: dict[str, Any] = {}
            name = ""
            if len(args) > most:
                bind(args, kwargs)
            try:
                for (name, code), value in zip(pairs, args):  # noqa: B905  # fewer arguments than ports is fine
                    wire[name] = code(value)
                for name, value in kwargs.items():
                    if name in wire or name not in dumps:
                        bind(args, kwargs)
                    wire[name] = dumps[name](value)
            except Misfit as bad:
                raise bad.as_error(f"{action}.{name}") from bad.__cause__
            if len(wire) < total:
                finish(wire)
            if guard is not None:
                guard(wire)
            return wire

        return dump

    def compile_load(self) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """Compile `wire -> values by name`."""
        loads = {port.key: codec.load for port, codec in zip(self.ports, self.codecs, strict=True)}
        total, action = len(loads), self.action
        known, guard, finish = self.know, compile_guard(self.action, self.ports), self.require

        def load(wire: Mapping[str, Any]) -> dict[str, Any]:
            values: dict[str, Any] = {}
            name = ""
            try:
                for name, item in wire.items():
                    if name not in loads:
                        known(wire)
                    values[name] = loads[name](item)
            except Misfit as bad:
                raise bad.as_error(f"{action}.{name}") from bad.__cause__
            if len(values) < total:
                finish(values)
            if guard is not None:
                guard(wire)
            return values

        return load

    def compile_adump(self) -> Callable[[Sequence[Any], Mapping[str, Any]], Any]:
        """Compile the async form of `compile_dump`; structures shrink at the same time."""
        codes = {port.key: codec.dump_async for port, codec in zip(self.ports, self.codecs, strict=True)}
        guard = compile_guard(self.action, self.ports)

        async def adump(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
            bound = self.bind(args, kwargs)
            self.require(bound)
            wire = await self._all(codes, bound)
            if guard is not None:
                guard(wire)
            return wire

        return adump

    def compile_aload(self) -> Callable[[Mapping[str, Any]], Any]:
        """Compile the async form of `compile_load`; structures expand at the same time."""
        codes = {port.key: codec.load_async for port, codec in zip(self.ports, self.codecs, strict=True)}
        guard = compile_guard(self.action, self.ports)

        async def aload(wire: Mapping[str, Any]) -> dict[str, Any]:
            self.know(wire)
            self.require(wire)
            if guard is not None:
                guard(wire)
            return await self._all(codes, wire)

        return aload

    async def _all(self, codes: Mapping[str, AsyncCode], values: Mapping[str, Any]) -> dict[str, Any]:
        async def step(name: str, value: Any) -> Any:
            try:
                return await codes[name](value)
            except Misfit as bad:
                raise bad.as_error(f"{self.action}.{name}") from bad.__cause__

        done = await together(step(name, value) for name, value in values.items())
        return dict(zip(values, done, strict=True))

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Give values by name, as Python would bind them."""
        if len(args) > len(self.positional):
            takes = ", ".join(self.positional) or "none"
            raise InvalidValue(
                where=self.action,
                expected=f"at most {len(self.positional)} positional arguments ({takes})",
                got=str(len(args)),
            )
        bound = dict(zip(self.positional, args))  # noqa: B905  # fewer arguments than ports is fine
        for name, value in kwargs.items():
            if name in bound:
                raise InvalidValue(
                    where=f"{self.action}.{name}", expected="one value", got="one by position and one by name"
                )
            bound[name] = value
        self.know(bound)
        return bound

    def know(self, values: Mapping[str, Any]) -> None:
        """Refuse an argument that the action does not have."""
        names = [port.key for port in self.ports]
        for name in values:
            if name not in names:
                known = ", ".join(names) or "no arguments"
                raise UnknownArgument(action=self.action, argument=str(name)[:60], known=known)

    def require(self, values: Mapping[str, Any]) -> None:
        """Refuse a call that lacks a required argument."""
        for port in self.ports:
            if port.required and port.key not in values:
                raise MissingArgument(action=self.action, argument=port.key, expected=express(port))


def compile_guard(action: str, ports: Sequence[Port]) -> Guard | None:
    """Compile the rules that refuse a call across ports; None when there are none."""
    rules = [(port.key, rule) for port in ports for rule in port.validators]
    if not rules:
        return None
    read = {name for _, rule in rules for name in ports_of(rule.when)}
    unions = {port.key for port in ports if port.kind is PortKind.UNION}
    defaults = {port.key: port.default for port in ports if port.key in read}

    def seen(name: str, wire: Mapping[str, Any]) -> Any:
        value = wire.get(name, defaults.get(name))
        return value[1] if name in unions and isinstance(value, list) and len(value) == 2 else value

    def guard(wire: Mapping[str, Any]) -> None:
        values = {name: seen(name, wire) for name in read}
        for key, rule in rules:
            if evaluate(rule.when, values):
                raise InvalidValue(
                    where=f"{action}.{key}",
                    expected=rule.message or "a value that fits the others",
                    got=describe(wire.get(key)),
                )

    return guard


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """Both directions of what an action returns or yields; `build` makes the caller's tuple."""

    action: str
    ports: tuple[Port, ...]
    codecs: tuple[Codec, ...]
    is_tuple: bool
    build: Callable[[list[Any]], Any]
    absent: str = "None"

    def dump(self, value: Any) -> list[Any]:
        """Encode one return or yield."""
        return self._walk([c.dump for c in self.codecs], self._opened(value))

    def load(self, wire: Any) -> Any:
        """Decode one return or yield."""
        return self._built(self._walk([c.load for c in self.codecs], self._received(wire)))

    async def adump(self, value: Any) -> list[Any]:
        """Encode one return or yield, awaiting structures."""
        return await self._awalk([c.dump_async for c in self.codecs], self._opened(value))

    async def aload(self, wire: Any) -> Any:
        """Decode one return or yield, awaiting structures."""
        return self._built(await self._awalk([c.load_async for c in self.codecs], self._received(wire)))

    def _opened(self, value: Any) -> Sequence[Any]:
        if self.is_tuple:
            if not isinstance(value, tuple) or len(value) != len(self.ports):
                names = ", ".join(port.key for port in self.ports)
                raise InvalidValue(
                    where=f"{self.action} returns",
                    expected=f"tuple of {len(self.ports)} ({names})",
                    got=describe(value),
                )
            return value
        if self.ports:
            return (value,)
        if value is not None:
            raise InvalidValue(where=f"{self.action} returns", expected=self.absent, got=describe(value))
        return ()

    def _received(self, wire: Any) -> list[Any]:
        if type(wire) is not list or len(wire) != len(self.ports):
            raise InvalidValue(
                where=f"{self.action} returns", expected=f"list of {len(self.ports)}", got=describe(wire)
            )
        return wire

    def _built(self, values: list[Any]) -> Any:
        if self.is_tuple:
            return self.build(values)
        return values[0] if values else None

    def _walk(self, codes: Sequence[Code], values: Sequence[Any]) -> list[Any]:
        done: list[Any] = []
        try:
            for code, value in zip(codes, values, strict=True):
                done.append(code(value))
        except Misfit as bad:
            raise bad.as_error(self._where(len(done))) from bad.__cause__
        return done

    async def _awalk(self, codes: Sequence[AsyncCode], values: Sequence[Any]) -> list[Any]:
        async def step(position: int, code: AsyncCode, value: Any) -> Any:
            try:
                return await code(value)
            except Misfit as bad:
                raise bad.as_error(self._where(position)) from bad.__cause__

        pairs = zip(codes, values, strict=True)
        return await together(step(i, code, value) for i, (code, value) in enumerate(pairs))

    def _where(self, position: int) -> str:
        return f"{self.action} returns {self.ports[position].key}"
