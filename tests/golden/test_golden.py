"""The exact bytes of every message, and the schemas. When one of these tests fails, the protocol has changed.

A reader that ignores unknown fields bears a new optional one; for anything else raise `PROTOCOL`. Then renew the files
with `python -m tests.golden`, and look at the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from arkitekt_next.hub.core.schemas import definition_schema, message_schemas
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.codec import Decoder, encode
from tests.golden import examples

HERE = Path(__file__).parent
DECODERS = {"from_client": Decoder(m.FROM_CLIENT), "from_hub": Decoder(m.FROM_HUB)}
KINDS = {"from_client": m.FROM_CLIENT, "from_hub": m.FROM_HUB}
SAID = {"from_client": examples.FROM_CLIENT, "from_hub": examples.FROM_HUB}


def pinned() -> list[tuple[str, str, m.Message]]:
    """(direction, text, message) of every example; the lines stand in the order of the examples."""
    lines = (HERE / "frames.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    said = [(direction, message) for direction, found in SAID.items() for message in found]
    assert len(lines) == len(said)
    return [
        (direction, line.removeprefix(f"{direction} "), message)
        for line, (direction, message) in zip(lines, said, strict=True)
    ]


def test_there_is_an_example_of_every_message_with_every_field_said() -> None:
    for direction, kinds in KINDS.items():
        assert [type(message) for message in SAID[direction]] == list(kinds)
        for message in SAID[direction]:
            assert message.model_fields_set == set(type(message).model_fields) - {"kind"}, message


@pytest.mark.requirement("wire.pinned")
@pytest.mark.parametrize(("direction", "text", "message"), pinned())
def test_a_message_is_written_as_pinned_and_read_back_equal(direction: str, text: str, message: m.Message) -> None:
    assert encode(message) == text
    (read,), refused = DECODERS[direction].decode(f"[{text}]")
    assert refused == []
    assert type(read) is type(message)
    assert read == message
    assert encode(read) == text


@pytest.mark.requirement("wire.pinned")
@pytest.mark.parametrize(("direction", "text", "message"), pinned())
def test_a_reader_ignores_what_it_does_not_know(direction: str, text: str, message: m.Message) -> None:
    newer = {**json.loads(text), "a_field_of_a_later_version": {"x": [1, None]}}
    (read,), refused = DECODERS[direction].decode(json.dumps([newer]))
    assert (read, refused) == (message, [])


@pytest.mark.parametrize(
    ("text", "defaults"),
    [
        (
            '{"kind":"submit","reference":"r","action":"a.b"}',
            {"args": {}, "labels": [], "wait_for_agent": True, "watch": True, "window": 4096, "routing": None},
        ),
        ('{"kind":"hello","session":"s","app":"a"}', {"protocol": (1, 1), "capabilities": [], "sdk": "", "host": ""}),
        ('{"kind":"provide","request":"p","offers":[]}', {"mode": "prod", "capacity": 256, "held": [], "inherits": []}),
        ('{"kind":"attach","request":"a","task":"t"}', {"after": 0, "window": 4096}),
        ('{"kind":"ended","task":"t","attempt":1,"epoch":1,"status":"completed"}', {"yields": 0, "returns": None}),
    ],
)
def test_what_is_left_out_has_its_documented_default(text: str, defaults: dict[str, Any]) -> None:
    (message,), refused = DECODERS["from_client"].decode(f"[{text}]")
    assert refused == []
    assert {name: getattr(message, name) for name in defaults} == defaults


def test_leaving_out_and_null_are_the_same() -> None:
    for direction, text, _ in pinned():
        raw = json.loads(text)
        kind = type(DECODERS[direction].decode(f"[{text}]")[0][0])
        for name, field in kind.model_fields.items():
            if not field.is_required() and field.default is None:
                without = json.dumps([{k: v for k, v in raw.items() if k != name}])
                null = json.dumps([{**raw, name: None}])
                assert DECODERS[direction].decode(without) == DECODERS[direction].decode(null)


def test_a_null_inside_a_value_is_kept() -> None:
    for message in (
        m.Submit(reference="r", action="a.b", args={"x": None, "y": [None, {"z": None}]}),
        m.Yielded(task="t", attempt=1, epoch=1, first=0, values=[[None], [{"z": None}]]),
    ):
        (read,), _ = DECODERS["from_client"].decode(f"[{encode(message)}]")
        assert read == message


@pytest.mark.requirement("wire.pinned")
def test_the_published_schemas_are_as_pinned() -> None:
    for name, schema in {"messages.json": message_schemas(), "definition.json": definition_schema()}.items():
        assert schema == json.loads((HERE / name).read_text(encoding="utf-8")), name


def test_every_pinned_frame_fits_the_published_schema_and_a_bent_one_does_not() -> None:
    schema = message_schemas()
    for direction in KINDS:
        validator = jsonschema.Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{direction}"}]})
        frame = [json.loads(text) for said, text, _ in pinned() if said == direction]
        assert list(validator.iter_errors(frame)) == []
        for message in frame:
            assert not validator.is_valid([{**message, "kind": "nonsense"}])
            assert not validator.is_valid(message)
            required = schema["$defs"][type(DECODERS[direction].decode(json.dumps([message]))[0][0]).__name__]
            for name in required.get("required", ()):
                assert not validator.is_valid([{k: v for k, v in message.items() if k != name}]), (message, name)
