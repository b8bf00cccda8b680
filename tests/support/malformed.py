"""What no well-behaved client sends: broken text, wrong types, mutated messages of every kind, made from a number.

Hypothesis draws the numbers; the mangling itself is plain code over a seeded generator, since 20,000 frames have to be
made within a minute.
"""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import strategies as st

from arkitekt_next.ports import define

Json = Any
NOBODY = "00000000-0000-7000-8000-000000000000"
_STRINGS = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "x" * 65,
    "y" * 300,
    "z" * 20_000,
    NOBODY,
    "../../etc/passwd",
    "'; DROP TABLE task; --",
    "%s%n{0}{where}",
    "int",
    "NaN",
    "\u202e\U0001f52c\u2028",
]
_INTEGERS = [0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 10**310]
_FLOATS = [0.5, -0.0, 1e308, 5e-324]
_KINDS_OF_THE_HUB = ("welcome", "assign", "ack", "outcome", "accepted", "refused", "steer", "nonsense", "")


def written(value: Json) -> str:
    """Write JSON that may hold lone surrogates, NUL and numbers of any size."""
    return json.dumps(value, ensure_ascii=True)


def junk(rng: random.Random, depth: int = 0) -> Json:
    """Some JSON that fits nowhere in particular."""
    choice = rng.randrange(9 if depth < 2 else 6)
    if choice == 0:
        return rng.choice([None, True, False])
    if choice in (1, 2):
        return rng.choice(_INTEGERS + _FLOATS)
    if choice in (3, 4):
        return rng.choice(_STRINGS)
    if choice == 5:
        return "".join(chr(rng.choice([rng.randrange(128), rng.randrange(0x11_0000)])) for _ in range(rng.randrange(6)))
    if choice == 6:
        levels = rng.randrange(1, 150)
        return json.loads("[" * levels + "]" * levels)
    if choice == 7:
        return [junk(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {rng.choice(_STRINGS): junk(rng, depth + 1) for _ in range(rng.randrange(3))}


def rich_definition() -> Json:
    """A definition in which every part of the published form occurs."""
    from dataclasses import dataclass
    from enum import Enum
    from typing import Annotated, Literal

    from annotated_types import Interval, Len

    from arkitekt_next.ports import TypeRegistry

    class Colour(Enum):
        RED = 1
        BLUE = 2

    @dataclass
    class Spot:
        x: float
        colour: Colour = Colour.RED

    def rich(
        spots: list[Spot],
        names: dict[str, int | None],
        mode: Literal["fast", "good"] = "fast",
        sigma: Annotated[float, Interval(ge=0, le=10)] = 1.0,
        either: int | str | None = None,
        pair: tuple[int, bytes] = (1, b"x"),
        label: Annotated[str, Len(1, 5)] = "a",
    ) -> tuple[int, Spot]:
        """Do a thing.

        Args:
            sigma: how far.
        """
        raise NotImplementedError

    return define(rich, registry=TypeRegistry(), collections=("fuzz",)).definition.to_json()


def paths_of(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths_of(inner, (*path, key))
    return found


def mutate(rng: random.Random, base: Json, places: list[tuple[Any, ...]]) -> Json:
    """Replace, remove, rename or double one to three places."""
    value = json.loads(json.dumps(base))
    for _ in range(rng.randrange(1, 4)):
        path = rng.choice(places)
        holder = value
        try:
            for key in path[:-1]:
                holder = holder[key]
            _change(holder, path[-1], rng.choice(["replace", "replace", "remove", "rename", "add"]), junk(rng))
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier change took the place away
    return value


def _change(holder: Json, key: Any, how: str, what: Json) -> None:
    if how == "replace":
        holder[key] = what
    elif how == "remove":
        del holder[key]
    elif isinstance(holder, list):
        holder.append(what)
    elif how == "rename":
        holder[str(what)[:32]] = holder.pop(key)
    else:
        holder["unexpected"] = what


def messages(app: str, tasks: list[str], own: list[str]) -> list[Json]:
    """One sound message of every kind a client may send; `tasks` are anybody's, `own` may be steered."""
    reports = [
        {"kind": "started"},
        {"kind": "progress", "percent": 5, "message": "x"},
        {"kind": "log", "level": "info", "message": "x", "seq": 1},
        {"kind": "yielded", "first": 0, "values": [[1]], "seq": 2},
        {"kind": "paused", "paused": True, "seq": 3},
        {"kind": "ended", "status": "completed", "returns": [1], "yields": 0, "seq": 4},
        {
            "kind": "ended",
            "status": "failed",
            "error": {"type": "E", "message": "m", "bases": ["builtins.E"]},
            "seq": 5,
        },
    ]
    submit = {
        "kind": "submit",
        "reference": "r",
        "action": f"{app}.add",
        "args": {"a": 1, "b": 2},
        "labels": ["x"],
        "routing": "sticky",
        "timeout_s": 5,
        "retries": 0,
        "window": 10,
        "parent": tasks[0],
        "agent": NOBODY,
        "signature_hash": "0" * 64,
    }
    found: list[Json] = [
        {"kind": "hello", "session": "s", "app": app, "protocol": [1, 1], "release": {"version": "1"}},
        {"kind": "ping", "number": 1},
        {"kind": "pong", "number": 1},
        {"kind": "unsupported", "what": "x", "error": {"code": "x", "message": "x", "fields": {}}},
        {"kind": "lookup", "request": "l", "action": f"{app}.add"},
        {"kind": "lookup", "request": "l", "demand": {"args": [{"kind": "int", "key": "a"}], "returns": []}},
        {"kind": "lookup", "request": "l", "definition": "0" * 64},
        submit,
        {"kind": "submit", "reference": "q", "action": f"{app}.add", "args": {"a": 1}},
        {"kind": "drain"},
        {"kind": "bury", "session": "dead"},
        {
            "kind": "provide",
            "request": "p",
            "offers": [{"definition": rich_definition(), "concurrency": 2}],
            "mode": "prod",
            "labels": ["l"],
            "capacity": 3,
            "grace_s": 1,
            "held": [{"task": tasks[0], "attempt": 1}],
            "inherits": ["dead"],
        },
    ]
    found += [found[-1]] * 4  # most can go wrong in a definition
    found += [{"kind": "control", "request": "c", "task": task, "verb": "pause", "reason": "r"} for task in own]
    for task in tasks:
        found += [{"kind": "attach", "request": "a", "task": task, "after": 0, "window": 5}]
        found += [{"kind": "detach", "task": task}, {"kind": "consumed", "task": task, "through": 1}]
        found += [{"task": task, "attempt": 1, "epoch": 1, "seq": 0, **report} for report in reports]
    return found


class Mangler:
    """Makes bad frames out of sound messages; the same number gives the same frame."""

    def __init__(self, sound: list[Json]) -> None:
        self._sound = [(message, paths_of(message)) for message in sound]
        self._texts = [written([message]) for message in sound]

    def message(self, rng: random.Random) -> Json:
        """Something in the place of a message: mostly a mutated one."""
        choice = rng.randrange(12)
        if choice == 0:
            return junk(rng)
        if choice == 1:
            kind = rng.choice(_KINDS_OF_THE_HUB)
            message = {"kind": kind, "task": NOBODY, "request": "x", "reference": "x"}
            return mutate(rng, message, paths_of(message))
        message, places = rng.choice(self._sound)
        deep = [place for place in places if len(place) > 2]
        return mutate(rng, message, deep if deep and rng.randrange(3) else places)

    def open_frame(self, number: int) -> str:
        """An array of bad messages: each is answered or refused by itself, the connection lives."""
        rng = random.Random(number)
        return written([self.message(rng) for _ in range(rng.randrange(1, 4))])

    def broken_frame(self, number: int) -> str | bytes:
        """No array of messages, or one that breaks off, nests without end, or is binary."""
        rng = random.Random(number)
        text = rng.choice(self._texts)
        depth = rng.randrange(2, 3000)
        made: list[str | bytes] = [
            text[: -rng.randrange(1, len(text))],
            text[rng.randrange(1, len(text)) :],
            "[" * depth,
            "[" * depth + "]" * depth,
            '[{"kind":"submit","args":' + '{"a":' * depth + '"\\ud800"' + "}" * depth + "}]",
            rng.choice(["1e999", "9" * 5000, "-", "0x10", "NaN", "[NaN]", "[Infinity]", "-0", '[{"kind":1e400}]', ""]),
            written(junk(rng)).encode("utf-8", "replace").decode(),
            rng.randbytes(rng.randrange(64)),
            text.encode(),
            text.encode("utf-16"),
            b"\x00\x00\x00\x10" + b'{"kind":"preview"}' + rng.randbytes(16),
            b'[{"kind":"ping\xff"}]',
            self.open_frame(number),
            self.open_frame(number).replace("0.5", "NaN").replace("1e+308", "-Infinity"),
        ]
        return rng.choice(made)


NUMBERS = st.integers(0, 2**48)
