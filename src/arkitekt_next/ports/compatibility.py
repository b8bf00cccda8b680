"""What a new version of an action breaks: saved calls, flows and clients that were made for the old one.

The one rule: arguments are read by the new version and returns by the old one, so the same comparison of a reader
and a writer serves both, turned around.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from arkitekt_next.ports.limits import express
from arkitekt_next.ports.misfit import shorten
from arkitekt_next.ports.model import Constraints, Definition, Port, PortKind


@dataclass(frozen=True, slots=True)
class Compatibility:
    """Every difference as a sentence; `breaking` ones make some recorded call or reader fail."""

    breaking: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()

    @property
    def is_compatible(self) -> bool:
        """Say whether everything made for the old version works with the new one."""
        return not self.breaking


def compatibility(old: Definition, new: Definition) -> Compatibility:
    """Compare two versions of an action."""
    breaking = [*_action_breaks(old, new), *_argument_breaks(old, new), *_return_breaks(old, new)]
    return Compatibility(tuple(breaking), tuple(_harmless(old, new)))


def _action_breaks(old: Definition, new: Definition) -> Iterator[str]:
    if old.name != new.name:
        yield f"the action was called '{old.name}', now '{new.name}'"
    if old.kind is not new.kind:
        yield f"the action was a {old.kind.value}, now it is a {new.kind.value}"


def _argument_breaks(old: Definition, new: Definition) -> Iterator[str]:
    before, after = {p.key: p for p in old.args}, {p.key: p for p in new.args}
    for key in before.keys() - after.keys():
        yield f"the argument '{key}' was removed"
    for key, port in after.items():
        if key not in before:
            if port.required:
                yield f"the new argument '{key}' ({express(port)}) is required"
            continue
        if port.required and not before[key].required:
            yield f"the argument '{key}' had a default, now it is required"
        yield from _gaps(reader=port, writer=before[key], path=f"the argument '{key}'", reader_is_new=True)


def _return_breaks(old: Definition, new: Definition) -> Iterator[str]:
    if len(old.returns) != len(new.returns):
        yield f"it returned {_count(old)}, now {_count(new)}"
        return
    if old.returns_tuple != new.returns_tuple:
        yield "it returned " + ("a tuple, now a single value" if old.returns_tuple else "a single value, now a tuple")
    for before, after in zip(old.returns, new.returns, strict=True):
        if before.key != after.key:
            yield f"the return '{before.key}' is now called '{after.key}'"
        yield from _gaps(reader=before, writer=after, path=f"the return '{after.key}'", reader_is_new=False)


def _count(definition: Definition) -> str:
    count = len(definition.returns)
    return "nothing" if count == 0 else f"{count} value{'' if count == 1 else 's'}"


def _gaps(*, reader: Port, writer: Port, path: str, reader_is_new: bool) -> Iterator[str]:
    """Say what the writer may send that the reader refuses."""
    old, new = (writer, reader) if reader_is_new else (reader, writer)
    if writer.nullable and not reader.nullable:
        yield (f"{path} could be None, now it can't" if reader_is_new else f"{path} was never None, now it can be")
    if reader.kind is not writer.kind or reader.variadic is not writer.variadic:
        if not _widens(reader, writer):
            yield f"{path} was {express(old)}, now it is {express(new)}"
        return
    if reader.identifier != writer.identifier:
        yield f"{path} was {old.identifier}, now it is {new.identifier}"
    lost = [c.value for c in writer.choices if c.value not in [k.value for k in reader.choices]]
    for value in lost:
        yield f"{path} {'no longer takes' if reader_is_new else 'can now be'} {shorten(value)}"
    if _narrows(reader.constraints, writer.constraints):
        yield f"{path} was {express(old)}, now it is {express(new)}"
    for rule in reader.validators:
        if reader_is_new and rule.when not in [known.when for known in writer.validators]:
            yield f"{path} has a new rule: {rule.message}"
    yield from _child_gaps(reader, writer, path, reader_is_new)


def _widens(reader: Port, writer: Port) -> bool:
    return reader.kind is PortKind.FLOAT and writer.kind is PortKind.INT and reader.constraints is None


def _narrows(reader: Constraints | None, writer: Constraints | None) -> bool:
    if reader is None or reader == writer:
        return False
    known = writer or Constraints()
    for name, asked in reader.to_json().items():
        given = getattr(known, name)
        if given == asked:
            continue
        comparable = isinstance(asked, int | float) and isinstance(given, int | float)
        if not comparable or name == "multiple_of":
            return True
        if given < asked if name in ("ge", "gt", "min_length") else given > asked:
            return True
    return False


def _child_gaps(reader: Port, writer: Port, path: str, reader_is_new: bool) -> Iterator[str]:
    if reader.kind is PortKind.MODEL:
        yield from _field_gaps(reader, writer, path, reader_is_new)
        return
    if len(writer.children) > len(reader.children) or (
        reader.kind is PortKind.TUPLE and len(writer.children) != len(reader.children)
    ):
        changed = "has fewer parts than before" if reader_is_new else "has more parts than before"
        yield f"{path} {changed}"
        return
    for inside, sent in zip(reader.children, writer.children, strict=False):
        inner = f"{path}, {'branch ' if reader.kind is PortKind.UNION else ''}{inside.key},"
        yield from _gaps(reader=inside, writer=sent, path=inner, reader_is_new=reader_is_new)


def _field_gaps(reader: Port, writer: Port, path: str, reader_is_new: bool) -> Iterator[str]:
    read, sent = {p.key: p for p in reader.children}, {p.key: p for p in writer.children}
    for key in sent.keys() - read.keys():
        yield f"{path}: the field '{key}' was {'removed' if reader_is_new else 'added'}"
    for key, field in read.items():
        if key not in sent:
            if field.required:
                yield f"{path}: the field '{key}' {'is new and required' if reader_is_new else 'was removed'}"
            continue
        if field.required and not sent[key].required:
            yield f"{path}: the field '{key}' {'is now required' if reader_is_new else 'may now be left out'}"
        yield from _gaps(reader=field, writer=sent[key], path=f"{path}, field {key},", reader_is_new=reader_is_new)


def _harmless(old: Definition, new: Definition) -> Iterator[str]:
    before, after = {p.key: p for p in old.args}, {p.key: p for p in new.args}
    for key, port in after.items():
        if key not in before:
            if not port.required:
                yield f"the new argument '{key}' has a default"
            continue
        was = before[key]
        if was.required and not port.required:
            yield f"the argument '{key}' now has a default"
        elif not was.required and not port.required and was.default != port.default:
            yield f"the default of '{key}' was {shorten(was.default)}, now it is {shorten(port.default)}"
        if port.nullable and not was.nullable:
            yield f"the argument '{key}' may now be None"
    shared = [key for key in before if key in after]
    if shared != [key for key in after if key in before]:
        yield "the order of the arguments changed, which matters only to calls by position"
    if old.effects is not new.effects:
        yield f"its effects were '{old.effects.value}', now '{new.effects.value}'"
