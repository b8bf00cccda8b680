"""A declared function: its published definition, and the compiled codecs that know its Python types.

It neither runs the function nor talks to anyone. The one rule: everything is compiled when the function is
declared; a call only runs closures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arkitekt_next.ports.calls import ArgumentCode, ReturnCode
from arkitekt_next.ports.model import Definition


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the function; an injected one is no port and is given by the SDK."""

    name: str
    hint: Any
    is_injected: bool
    is_positional_only: bool
    default: Any


@dataclass(frozen=True, slots=True, eq=False)
class Blueprint:
    """What `define` makes.

    The plain forms serve actions without structures; where `needs_await` is true, use the a-forms. `dump_args`
    takes `(args, kwargs)` as the caller wrote them. `load_args` leaves out what the wire leaves out, so that the
    function's own defaults apply. The wire form of a return, and of each yield, is a list.
    """

    definition: Definition
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    needs_await: bool
    dump_args: Callable[[Sequence[Any], Mapping[str, Any]], dict[str, Any]]
    load_args: Callable[[Mapping[str, Any]], dict[str, Any]]
    adump_args: Callable[[Sequence[Any], Mapping[str, Any]], Awaitable[dict[str, Any]]]
    aload_args: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
    dump_return: Callable[[Any], list[Any]]
    load_return: Callable[[Any], Any]
    adump_return: Callable[[Any], Awaitable[list[Any]]]
    aload_return: Callable[[Any], Awaitable[Any]]

    @property
    def injected(self) -> dict[str, Any]:
        """Give the hints of the injected parameters, by name."""
        return {p.name: p.hint for p in self.parameters if p.is_injected}

    def arrange(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give `(args, kwargs)` to call the function with; `values` are loaded arguments and injected objects."""
        left = dict(values)
        args = []
        for parameter in self.parameters:
            if not parameter.is_positional_only:
                break
            args.append(left.pop(parameter.name, parameter.default))
        return tuple(args), left


def assemble(
    definition: Definition,
    function: Callable[..., Any],
    parameters: tuple[Parameter, ...],
    arguments: ArgumentCode,
    returns: ReturnCode,
) -> Blueprint:
    """Compile the codecs of a declared function."""
    return Blueprint(
        definition=definition,
        function=function,
        parameters=parameters,
        needs_await=any(codec.needs_await for codec in (*arguments.codecs, *returns.codecs)),
        dump_args=arguments.compile_dump(),
        load_args=arguments.compile_load(),
        adump_args=arguments.compile_adump(),
        aload_args=arguments.compile_aload(),
        dump_return=returns.dump,
        load_return=returns.load,
        adump_return=returns.adump,
        aload_return=returns.aload,
    )
