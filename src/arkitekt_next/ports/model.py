"""The published contract of a function: ports in, ports out, docs, and the two hashes that identify it.

It is plain data: no Python types and no behaviour of a port kind (see `coerce.py`, `check.py`). The one rule:
`signature_hash` covers what decides whether a recorded call still fits, and nothing else; docs, labels and widgets
may change without making a queued call foreign.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from arkitekt_next.errors import DeclarationError
from arkitekt_next.ports.compact import Compact
from arkitekt_next.ports.identity import canonical_hash
from arkitekt_next.ports.rules import Rule

MAX_DEPTH = 64
"""How deep ports and untyped JSON may nest."""


class PortKind(StrEnum):
    """What travels through a port; the wire form of each is in `coerce.py` and `containers.py`."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    BYTES = "bytes"
    DATETIME = "datetime"
    DATE = "date"
    TIME = "time"
    TIMEDELTA = "timedelta"
    UUID = "uuid"
    DECIMAL = "decimal"
    JSON = "json"
    ENUM = "enum"
    LITERAL = "literal"
    LIST = "list"
    SET = "set"
    TUPLE = "tuple"
    DICT = "dict"
    UNION = "union"
    MODEL = "model"
    STRUCTURE = "structure"
    MEMORY = "memory"
    NONE = "none"


class ActionKind(StrEnum):
    """Whether an action answers once or streams."""

    FUNCTION = "function"
    GENERATOR = "generator"


class Effects(StrEnum):
    """What running an action a second time would do."""

    NONE = "none"
    REPEATABLE = "repeatable"
    UNKNOWN = "unknown"
    IRREVERSIBLE = "irreversible"


class Choice(Compact):
    """One member of an enum, or one value of a literal; `value` is the wire form, `label` what a person sees."""

    value: Any
    label: str | None = None
    description: str | None = None
    enum: str | None = None


class Constraints(Compact):
    """Limits of a port; bounds are in wire form. `json_type` narrows untyped JSON to "object" or "array"."""

    ge: Any = None
    gt: Any = None
    le: Any = None
    lt: Any = None
    multiple_of: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    json_type: str | None = None


class WidgetKind(StrEnum):
    """How a form shows a port."""

    SLIDER = "slider"
    NUMBER = "number"
    TEXT = "text"
    PARAGRAPH = "paragraph"
    CHOICE = "choice"
    DATE = "date"
    COLOUR = "colour"
    FILE = "file"
    DATASET_SEARCH = "dataset_search"
    CUSTOM_SEARCH = "custom_search"
    STATE_CHOICE = "state_choice"


class Widget(Compact):
    """How a form shows a port, and what that way of showing needs to know."""

    kind: WidgetKind
    min: float | None = None
    max: float | None = None
    step: float | None = None
    placeholder: str | None = None
    rows: int | None = None
    choices: tuple[Choice, ...] = ()
    with_time: bool = False
    accept: tuple[str, ...] = ()
    item_kinds: tuple[str, ...] = ()
    action: str | None = None
    state: str | None = None
    path: str | None = None


class Group(Compact):
    """A named set of ports that a form shows together."""

    key: str
    label: str | None = None
    description: str | None = None
    is_collapsed: bool = False


class Port(Compact):
    """One argument, return, field or element.

    `default` is in wire form and means something only when the port is not required; a default that can't be
    written down (a structure, a factory) is left to the function and stays null here. `children` holds: the element
    of a list or set; key and value of a dict; the elements of a tuple, or its one element type when `variadic`; the
    branches of a union; the fields of a model. `is_frozen` tells a frozenset from a set, which travel alike.
    """

    key: str
    kind: PortKind
    label: str | None = None
    description: str | None = None
    nullable: bool = False
    required: bool = True
    default: Any = None
    identifier: str | None = None
    python_type: str | None = None
    children: tuple[Port, ...] = ()
    variadic: bool = False
    is_frozen: bool = False
    choices: tuple[Choice, ...] = ()
    constraints: Constraints | None = None
    widget: Widget | None = None
    group: str | None = None
    validators: tuple[Rule, ...] = ()
    effects: tuple[Rule, ...] = ()
    unit: str | None = None

    @property
    def has_structure(self) -> bool:
        """Say whether a structure lies anywhere inside, so that coding it has to await."""
        return self.kind is PortKind.STRUCTURE or any(c.has_structure for c in self.children)

    def contract(self) -> dict[str, Any]:
        """Give what decides whether a value fits this port, for `signature_hash`."""
        full: dict[str, Any] = {
            "key": self.key,
            "kind": self.kind.value,
            "nullable": self.nullable,
            "required": self.required,
            "default": self.default,
            "identifier": self.identifier,
            "variadic": self.variadic,
            "choices": [c.value for c in self.choices],
            "constraints": self.constraints.to_json() if self.constraints else None,
            "validators": [r.when.to_json() for r in self.validators],
            "children": [c.contract() for c in self.children],
        }
        return {k: v for k, v in full.items() if v not in (None, False, []) or k in ("default", "required")}


class Definition(Compact):
    """The whole published contract of one function.

    `name` has no app prefix. The wire form of the arguments is an object by key; that of the returns (and of each
    yield) is a list with one entry a return port. `returns_tuple` says that the caller gets a tuple even when
    there is one return; `returns_name` is the name of the NamedTuple, if it was one. `source` is for diagnosis.
    """

    name: str
    label: str | None = None
    description: str | None = None
    long_description: str | None = None
    args: tuple[Port, ...] = ()
    returns: tuple[Port, ...] = ()
    returns_tuple: bool = False
    returns_name: str | None = None
    kind: ActionKind = ActionKind.FUNCTION
    effects: Effects = Effects.UNKNOWN
    retries: int = 0
    timeout_s: float | None = None
    pure: bool = False
    collections: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    tests_for: tuple[str, ...] = ()
    source: str | None = None
    version: str | None = None

    @classmethod
    def from_json(cls, raw: Any) -> Definition:
        """Read the JSON form; unknown fields are ignored, anything that is no definition is refused."""
        if _is_too_deep(raw):
            raise DeclarationError(
                where="definition",
                problem=f"ports nest deeper than {MAX_DEPTH}",
                remedy="Pass a flatter type",
            )
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(["definition", *(str(part) for part in first["loc"])])
            raise DeclarationError(
                where=where, problem=first["msg"], remedy="Publish it again with this version"
            ) from error

    @cached_property
    def signature_hash(self) -> str:
        """Identify what a recorded call depends on: keys, kinds, identifiers, nullability, defaults, constraints."""
        return canonical_hash(
            {
                "kind": self.kind.value,
                "args": [p.contract() for p in self.args],
                "returns": [p.contract() for p in self.returns],
                "returns_tuple": self.returns_tuple,
            }
        )

    @cached_property
    def definition_hash(self) -> str:
        """Identify everything published but what only serves diagnosis (`source`, `version`, `python_type`)."""
        return canonical_hash(_without_diagnosis(self.to_json()))


def _without_diagnosis(written: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in written.items() if k not in ("source", "version")}
    for side in ("args", "returns"):
        kept[side] = [_without_python_type(p) for p in written.get(side, ())]
    return kept


def _without_python_type(port: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in port.items() if k != "python_type"}
    if "children" in port:
        kept["children"] = [_without_python_type(c) for c in port["children"]]
    return kept


def _is_too_deep(raw: Any) -> bool:
    level: list[Any] = [raw]
    for _ in range(3 * MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(raw: Any) -> list[Any]:
    values = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list | tuple) else ()
    return [v for v in values if isinstance(v, dict | list | tuple)]
