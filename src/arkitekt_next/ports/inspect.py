"""A Python function read into a `Blueprint`: signature, hints, docstring, options.

What a hint means is in `hints.py`. The one rule: a function that can't be published faithfully is refused here, at
its decoration, with file, line, parameter, reason and remedy.
"""

from __future__ import annotations

import collections.abc as abc
import importlib
import inspect
import os
import re
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typing_extensions

from arkitekt_next.errors import DeclarationError, UnsupportedType
from arkitekt_next.ports.annotations import Unpublishable
from arkitekt_next.ports.blueprint import Blueprint, Parameter, assemble
from arkitekt_next.ports.calls import ArgumentCode, ReturnCode
from arkitekt_next.ports.codec import Shape
from arkitekt_next.ports.docs import Docs, read_docs
from arkitekt_next.ports.fields import is_named_tuple, open_model
from arkitekt_next.ports.hints import HintReader, keyed, show_hint, with_default
from arkitekt_next.ports.model import ActionKind, Definition, Effects, Group, Port, Widget
from arkitekt_next.ports.registry import TypeRegistry, default_registry
from arkitekt_next.ports.rules import Rule, RuleKind, ports_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_STREAMS = {
    abc.Generator,
    abc.Iterator,
    abc.Iterable,
    abc.AsyncGenerator,
    abc.AsyncIterator,
    abc.AsyncIterable,
}
_PROMISES = {abc.Awaitable: 0, abc.Coroutine: 2}
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def define(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    label: str | None = None,
    description: str | None = None,
    registry: TypeRegistry | None = None,
    effects: Effects | str = Effects.UNKNOWN,
    retries: int = 0,
    timeout_s: float | None = None,
    pure: bool = False,
    collections: Iterable[str] = (),
    widgets: Mapping[str, Widget] | None = None,
    groups: Iterable[Group | str] = (),
    rules: Mapping[str, Rule | Sequence[Rule]] | None = None,
    tests_for: Iterable[str] = (),
    version: str | None = None,
    inject: Callable[[Any], bool] | None = None,
) -> Blueprint:
    """Read a function into its blueprint.

    `inject` says of a hint whether the SDK gives the parameter, which then is no port. `widgets` and `rules` are
    added to ports by key, for authors who keep their hints plain. Raises `DeclarationError` (or its subclass
    `UnsupportedType`) for whatever can't be published.
    """
    site = _Site.of(function, name)
    chosen = site.check_options(Effects, effects, retries, timeout_s)
    if pure and chosen is not Effects.NONE:
        chosen = site.check_pure(chosen)
    docs = read_docs(function)
    reader = HintReader(registry or default_registry, site.where, site.localns)
    parameters, shapes = _read_parameters(site, reader, docs, inject)
    extras = _Extras(dict(widgets or {}), {k: _as_rules(v) for k, v in (rules or {}).items()})
    shapes = extras.apply(shapes, site)
    outputs = _read_outputs(site, reader, docs)
    if pure and outputs.kind is not ActionKind.FUNCTION:
        raise site.refuse("pure=True on a stream, whose values are not kept", "Return a list, or drop pure")
    definition = Definition(
        name=site.name,
        label=label or _title(site.name),
        description=description or docs.summary,
        long_description=docs.details,
        args=tuple(shape.port for shape in shapes),
        returns=tuple(shape.port for shape in outputs.shapes),
        returns_tuple=outputs.is_tuple,
        returns_name=outputs.tuple_name,
        kind=outputs.kind,
        effects=chosen,
        retries=retries,
        timeout_s=timeout_s,
        pure=pure,
        collections=tuple(collections),
        groups=_groups(groups, shapes),
        tests_for=tuple(tests_for),
        source=f"{site.function.__module__}.{site.function.__qualname__}",
        version=version,
    )
    arguments = ArgumentCode(
        site.name, definition.args, tuple(s.codec for s in shapes), _positional_names(site, parameters)
    )
    codecs = tuple(shape.codec for shape in outputs.shapes)
    returns = ReturnCode(site.name, definition.returns, codecs, outputs.is_tuple, outputs.build, outputs.absent)
    return assemble(definition, function, parameters, arguments, returns)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a declaration stands, for error messages, and how its names resolve."""

    function: Any
    name: str
    where: str
    signature: inspect.Signature
    hints: dict[str, Any]
    localns: dict[str, Any]

    @classmethod
    def of(cls, function: Any, name: str | None) -> _Site:
        plain = inspect.unwrap(getattr(function, "__func__", function))
        if not inspect.isfunction(plain):
            raise DeclarationError(
                where=getattr(function, "__name__", type(function).__name__),
                problem=f"a {type(function).__name__} has no signature to publish",
                remedy="Register a function (def) or a bound method",
            )
        called = name if name is not None else plain.__name__
        where = f"{_file_of(plain)}:{plain.__code__.co_firstlineno} in {plain.__name__}()"
        if not _NAME.fullmatch(called):
            remedy = "Use letters, digits, '_' and '-', as in @register(name='segment')"
            raise DeclarationError(where=where, problem=f"{called!r} is no action name", remedy=remedy)
        localns = _local_names(plain)
        return cls(plain, called, where, _signature_of(function), _resolve(plain, localns, where), localns)

    def refuse(self, problem: str, remedy: str) -> DeclarationError:
        return DeclarationError(where=self.where, problem=problem, remedy=remedy)

    def check_options(
        self, kinds: type[Effects], effects: Effects | str, retries: int, timeout_s: float | None
    ) -> Effects:
        try:
            chosen = kinds(effects)
        except ValueError:
            known = ", ".join(f"'{kind.value}'" for kind in kinds)
            raise self.refuse(f"effects={effects!r} is unknown", f"Choose one of {known}") from None
        if retries < 0:
            raise self.refuse(f"retries={retries} is negative", "Use 0 or more")
        if retries > 0 and chosen in (Effects.UNKNOWN, Effects.IRREVERSIBLE):
            raise self.refuse(
                f"retries={retries} would run an action with effects='{chosen.value}' again",
                "Say effects='none' or effects='repeatable' if that is harmless, or drop retries",
            )
        if timeout_s is not None and not timeout_s > 0:
            raise self.refuse(f"timeout_s={timeout_s} is not positive", "Use seconds above 0, or None")
        return chosen

    def check_pure(self, effects: Effects) -> Effects:
        """Give what a pure function's effects are, when nothing else was said."""
        if effects is not Effects.UNKNOWN:
            raise self.refuse(
                f"pure=True and effects='{effects.value}' contradict each other: a pure function has no effects",
                "Drop one of the two",
            )
        return Effects.NONE


def _file_of(function: Any) -> str:
    path = str(function.__code__.co_filename)
    here = os.getcwd() + os.sep
    return path.removeprefix(here)


def _resolve(function: Any, localns: dict[str, Any], where: str) -> dict[str, Any]:
    try:
        return typing_extensions.get_type_hints(function, localns=localns, include_extras=True)
    except NameError as error:
        missing = error.name or str(error)
        parameter, hint = _parameter_naming(function, missing)
        raise UnsupportedType(
            where=where,
            parameter=parameter,
            type=hint,
            reason=f"the name '{missing}' is not defined where the function is declared",
            remedy="Import it at the top of the module (not under TYPE_CHECKING), or define it before the function",
        ) from error
    except (TypeError, SyntaxError) as error:
        raise DeclarationError(where=where, problem=f"a hint is broken: {error}", remedy="Correct the hint") from error


def _parameter_naming(function: Any, missing: str) -> tuple[str, str]:
    annotations = inspect.get_annotations(function) if sys.version_info < (3, 14) else _lazy_annotations(function)
    for parameter, hint in annotations.items():
        if isinstance(hint, str) and re.search(rf"\b{re.escape(missing)}\b", hint):
            return parameter, hint
        if missing in str(hint):
            return parameter, str(hint)
    return "?", missing


def _lazy_annotations(function: Any) -> dict[str, Any]:
    lazily = importlib.import_module("annotationlib")
    found: dict[str, Any] = lazily.get_annotations(function, format=lazily.Format.FORWARDREF)
    return found


def _signature_of(function: Any) -> inspect.Signature:
    if sys.version_info < (3, 14):
        return inspect.signature(function)
    lazily: Any = importlib.import_module("annotationlib")
    return inspect.signature(function, annotation_format=lazily.Format.FORWARDREF)


def _local_names(function: Any) -> dict[str, Any]:
    """Collect what the function's hints may name: its closure, and the functions it is being declared inside."""
    names: dict[str, Any] = {}
    outer = {part for part in function.__qualname__.split(".")[:-1] if part != "<locals>"}
    frame = sys._getframe(1)
    while frame is not None and outer:
        if frame.f_code.co_name in outer and frame.f_code.co_filename == function.__code__.co_filename:
            names = {**frame.f_locals, **names}
        frame = frame.f_back  # type: ignore[assignment]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:
            continue
    return names


# -- parameters --------------------------------------------------------------------------------------------------


def _read_parameters(
    site: _Site, reader: HintReader, docs: Docs, inject: Callable[[Any], bool] | None
) -> tuple[tuple[Parameter, ...], list[Shape]]:
    parameters, shapes = [], []
    for name, found in site.signature.parameters.items():
        if found.kind in _VARIADIC:
            stars = "*" if found.kind is found.VAR_POSITIONAL else "**"
            raise site.refuse(f"{stars}{name} has no fixed ports", "Name each parameter, or take a list or a dict")
        if name not in site.hints:
            raise site.refuse(
                f"parameter '{name}' has no type hint",
                f"Write one, such as `{name}: float`, or `{name}: Any` for untyped JSON",
            )
        hint = site.hints[name]
        is_injected = inject is not None and inject(hint)
        positional_only = found.kind is found.POSITIONAL_ONLY
        parameters.append(Parameter(name, hint, is_injected, positional_only, found.default))
        if not is_injected:
            shapes.append(_read_parameter(site, reader, docs, found, hint))
    return tuple(parameters), shapes


def _read_parameter(site: _Site, reader: HintReader, docs: Docs, found: inspect.Parameter, hint: Any) -> Shape:
    has_default = found.default is not found.empty
    shape = reader.read(hint, found.name)
    description = shape.port.description or docs.params.get(found.name)
    label = shape.port.label or _title(found.name)
    shape = Shape(keyed(shape.port, found.name, description=description, label=label), shape.codec)
    try:
        return with_default(shape, required=not has_default, default=found.default)
    except Unpublishable as refused:
        remedy = refused.remedy
        if found.default is None:
            remedy = f"Write `{found.name}: {show_hint(hint)} | None = None`"
        raise UnsupportedType(
            where=site.where, parameter=found.name, type=show_hint(hint), reason=refused.reason, remedy=remedy
        ) from refused


def _positional_names(site: _Site, parameters: tuple[Parameter, ...]) -> tuple[str, ...]:
    keyword_only = {n for n, p in site.signature.parameters.items() if p.kind is p.KEYWORD_ONLY}
    return tuple(p.name for p in parameters if not p.is_injected and p.name not in keyword_only)


@dataclass(frozen=True, slots=True)
class _Extras:
    """Widgets and rules given beside the hints."""

    widgets: dict[str, Widget]
    rules: dict[str, tuple[Rule, ...]]

    def apply(self, shapes: list[Shape], site: _Site) -> list[Shape]:
        keys = {shape.port.key for shape in shapes}
        for key in (*self.widgets, *self.rules):
            if key not in keys:
                raise site.refuse(f"there is no parameter '{key}' for its widget or rule", "Correct the name")
        applied = [Shape(self._extended(shape.port), shape.codec) for shape in shapes]
        for shape in applied:
            for rule in (*shape.port.validators, *shape.port.effects):
                for missing in ports_of(rule.when) - keys:
                    raise site.refuse(
                        f"a rule of '{shape.port.key}' reads '{missing}', which is no parameter",
                        "Correct the name",
                    )
        return applied

    def _extended(self, port: Port) -> Port:
        rules = self.rules.get(port.key, ())
        return keyed(
            port,
            port.key,
            widget=self.widgets.get(port.key, port.widget),
            validators=(*port.validators, *(r for r in rules if r.kind is RuleKind.REFUSE)),
            effects=(*port.effects, *(r for r in rules if r.kind is not RuleKind.REFUSE)),
        )


def _as_rules(rules: Rule | Sequence[Rule]) -> tuple[Rule, ...]:
    return (rules,) if isinstance(rules, Rule) else tuple(rules)


def _groups(groups: Iterable[Group | str], shapes: list[Shape]) -> tuple[Group, ...]:
    listed = [g if isinstance(g, Group) else Group(key=g, label=_title(g)) for g in groups]
    known = {g.key for g in listed}
    for shape in shapes:
        key = shape.port.group
        if key is not None and key not in known:
            known.add(key)
            listed.append(Group(key=key, label=_title(key)))
    return tuple(listed)


def _title(name: str) -> str:
    words = name.strip("_-").replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


# -- returns and yields ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Outputs:
    kind: ActionKind
    shapes: list[Shape]
    is_tuple: bool = False
    tuple_name: str | None = None
    build: Callable[[list[Any]], Any] = tuple
    absent: str = "None"


def _read_outputs(site: _Site, reader: HintReader, docs: Docs) -> _Outputs:
    is_stream = inspect.isgeneratorfunction(site.function) or inspect.isasyncgenfunction(site.function)
    if "return" not in site.hints:
        kind = ActionKind.GENERATOR if is_stream else ActionKind.FUNCTION
        return _Outputs(kind, [], absent="None, since it has no return hint (add one, such as `-> float`)")
    hint = site.hints["return"]
    origin = typing_extensions.get_origin(hint)
    if origin in _PROMISES:
        hint = typing.get_args(hint)[_PROMISES[origin]]
        origin = typing_extensions.get_origin(hint)
    if origin in _STREAMS:
        outputs = _split(reader, typing.get_args(hint)[0], docs.yields or docs.returns)
        return _Outputs(ActionKind.GENERATOR, outputs.shapes, outputs.is_tuple, outputs.tuple_name, outputs.build)
    if is_stream or hint in _STREAMS:
        raise site.refuse(
            f"a generator can't return {show_hint(hint)}",
            "Hint what it yields: `-> Iterator[int]` or `-> AsyncIterator[int]`",
        )
    return _split(reader, hint, docs.returns)


def _split(reader: HintReader, hint: Any, documented: tuple[tuple[str | None, str | None], ...]) -> _Outputs:
    if hint is None or hint is type(None):
        return _Outputs(ActionKind.FUNCTION, [])
    if is_named_tuple(hint):
        return _split_named(reader, hint, documented)
    args = typing.get_args(hint)
    if typing_extensions.get_origin(hint) is tuple and args and args[-1] is not Ellipsis and args != ((),):
        names = _names(documented, len(args)) or tuple(f"out{i}" for i in range(len(args)))
        shapes = [reader.read(arg, f"return {name}") for name, arg in zip(names, args, strict=True)]
        return _Outputs(ActionKind.FUNCTION, _named(shapes, names, documented), is_tuple=True)
    name = (_names(documented, 1) or ("out",))[0]
    return _Outputs(ActionKind.FUNCTION, _named([reader.read(hint, "return")], (name,), documented))


def _split_named(reader: HintReader, cls: Any, documented: tuple[tuple[str | None, str | None], ...]) -> _Outputs:
    whole = reader.read(cls, "return")  # refuses what a NamedTuple can't be, and registers it
    hints = {f.name: f.hint for f in open_model(cls, reader.localns).fields}
    names = tuple(hints)
    shapes = [reader.read(hint, f"return {name}") for name, hint in hints.items()]
    described = tuple((child.key, child.description) for child in whole.port.children)
    has_docs = any(text for _, text in described)
    named = _named(shapes, names, described if has_docs else documented)
    return _Outputs(ActionKind.FUNCTION, named, True, cls.__name__, lambda values: cls(*values))


def _names(documented: tuple[tuple[str | None, str | None], ...], count: int) -> tuple[str, ...] | None:
    names = [name for name, _ in documented if name and name.isidentifier()]
    return tuple(names) if len(names) == count == len(set(names)) == len(documented) else None


def _named(
    shapes: list[Shape], names: tuple[str, ...], documented: tuple[tuple[str | None, str | None], ...]
) -> list[Shape]:
    texts = [text for _, text in documented] if len(documented) == len(shapes) else [None] * len(shapes)
    return [
        Shape(
            keyed(s.port, name, label=s.port.label or _title(name), description=s.port.description or text),
            s.codec,
        )
        for s, name, text in zip(shapes, names, texts, strict=True)
    ]
