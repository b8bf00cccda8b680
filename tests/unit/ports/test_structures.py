"""Structures travel as their id by hint alone, in every spelling; memory structures only by opt-in."""

from __future__ import annotations

import asyncio
import threading
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from arkitekt_next.errors import DeclarationError, InvalidValue, WrongContext
from arkitekt_next.ports import (
    Definition,
    PlainShelf,
    PortCodec,
    Reference,
    StructureType,
    TypeRegistry,
    compile_check,
    define,
    memory_structure,
    structure,
)


class Ref:
    id: str

    async def shrink(self):
        return self.id

    @classmethod
    async def expand(cls, value):
        made = cls()
        made.id = value
        return made


def ref(id: str) -> Ref:
    made = Ref()
    made.id = id
    return made


def f(x: Ref) -> int:
    return len(x.id)


def g(name: str) -> Ref:
    return ref(name)


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


@pytest.mark.requirement("declare.structures")
def test_a_class_with_shrink_and_expand_travels_with_nothing_added() -> None:
    registry = TypeRegistry()
    first, second = define(f, registry=registry), define(g, registry=registry)
    port = first.definition.args[0]
    assert (port.kind, port.identifier, port.python_type) == ("structure", "Ref", f"{__name__}.Ref")
    assert first.needs_await
    assert second.needs_await
    wire = run(first.adump_args((ref("7"),), {}))
    assert wire == {"x": "7"}
    compile_check(first.definition.args, where="f")(wire)
    assert run(first.aload_args(wire))["x"].id == "7"
    assert run(second.adump_return(ref("9"))) == ["9"]
    assert run(second.aload_return(["9"])).id == "9"


def spellings() -> list[Any]:
    @dataclass
    class Plain:
        id: str

        def shrink(self) -> str:
            return self.id

        @classmethod
        def expand(cls, value: str) -> Plain:
            return cls(value)

    @dataclass
    class Async:
        id: str

        async def ashrink(self) -> str:
            return self.id

        @classmethod
        async def aexpand(cls, value: str) -> Async:
            return cls(value)

    @dataclass
    class Mixed:
        id: str

        def shrink(self) -> str:
            return self.id

        @classmethod
        async def aexpand(cls, value: str) -> Mixed:
            return cls(value)

    @dataclass
    class PlainA:
        id: str

        def ashrink(self) -> str:
            return self.id

        @staticmethod
        def aexpand(value: str) -> PlainA:
            return PlainA(value)

    @dataclass
    class Both:
        id: str

        def shrink(self) -> str:
            raise AssertionError("the async spelling wins")

        async def ashrink(self) -> str:
            return self.id

        @classmethod
        def expand(cls, value: str) -> Both:
            return cls(value)

    return [Plain, Async, Mixed, PlainA, Both]


@pytest.mark.requirement("declare.structures")
@pytest.mark.parametrize("cls", spellings(), ids=lambda c: c.__name__)
def test_every_spelling_works(cls: Any) -> None:
    def action(x):
        return x

    action.__annotations__ = {"x": cls, "return": cls}
    blueprint = define(action, registry=TypeRegistry())
    assert run(blueprint.adump_args((cls("a"),), {})) == {"x": "a"}
    assert run(blueprint.aload_args({"x": "a"})) == {"x": cls("a")}


def test_plain_methods_run_beside_the_event_loop_and_may_be_used_in_plain_calls() -> None:
    seen = []

    class Slow:
        def shrink(self) -> str:
            seen.append(threading.current_thread() is threading.main_thread())
            return "1"

        @classmethod
        def expand(cls, value: str) -> Slow:
            seen.append(threading.current_thread() is threading.main_thread())
            return cls()

    def action(x: Slow) -> None: ...

    blueprint = define(action, registry=TypeRegistry())
    run(blueprint.adump_args((Slow(),), {}))
    run(blueprint.aload_args({"x": "1"}))
    assert seen == [False, False]
    assert blueprint.dump_args((Slow(),), {}) == {"x": "1"}
    assert isinstance(blueprint.load_args({"x": "1"})["x"], Slow)


def test_a_plain_call_with_an_async_structure_names_the_async_form() -> None:
    blueprint = define(f, registry=TypeRegistry())
    with pytest.raises(WrongContext, match=r"Ref.shrink is async.*adump_args"):
        blueprint.dump_args((ref("1"),), {})
    with pytest.raises(WrongContext, match=r"Ref.expand is async"):
        blueprint.load_args({"x": "1"})


@pytest.mark.requirement("declare.structures")
def test_structures_nest_in_containers_models_and_unions() -> None:
    @dataclass
    class Job:
        source: Ref
        count: int = 1

    def action(x):
        return None

    action.__annotations__ = {"x": dict[str, list[Ref | int | None]] | Job}
    blueprint = define(action, registry=TypeRegistry())
    wire = run(blueprint.adump_args(({"a": [ref("1"), 2, None]},), {}))
    assert wire == {"x": [0, {"a": [[0, "1"], [1, 2], None]}]}
    assert run(blueprint.aload_args(wire))["x"]["a"][0].id == "1"
    wire = run(blueprint.adump_args((Job(ref("z")),), {}))
    assert wire == {"x": [1, {"source": "z", "count": 1}]}
    assert run(blueprint.aload_args(wire))["x"].source.id == "z"


def test_many_structures_shrink_at_the_same_time() -> None:
    waiting: list[asyncio.Event] = []

    class Meeting:
        async def shrink(self) -> str:
            waiting.append(asyncio.Event())
            if len(waiting) == 3:
                for event in waiting:
                    event.set()
            await asyncio.wait_for(waiting[len(waiting) - 1].wait(), 5)
            return str(len(waiting))

        @classmethod
        async def expand(cls, value: str) -> Meeting:
            return cls()

    def action(x: list[Meeting]) -> None: ...

    blueprint = define(action, registry=TypeRegistry())
    assert run(blueprint.adump_args(([Meeting(), Meeting(), Meeting()],), {})) == {"x": ["3", "3", "3"]}


@pytest.mark.parametrize(("shrunk", "wire"), [("a", "a"), (5, "5"), (uuid.UUID(int=1), str(uuid.UUID(int=1)))])
def test_shrink_may_give_text_a_number_or_a_uuid(shrunk: Any, wire: str) -> None:
    class Thing:
        async def shrink(self) -> Any:
            return shrunk

        @classmethod
        async def expand(cls, value: str) -> Thing:
            return cls()

    def action(x: Thing) -> None: ...

    assert run(define(action, registry=TypeRegistry()).adump_args((Thing(),), {})) == {"x": wire}


@pytest.mark.parametrize("shrunk", [None, True, 1.5, {"id": 1}, b"a"])
def test_anything_else_from_shrink_is_refused(shrunk: Any) -> None:
    class Thing:
        async def shrink(self) -> Any:
            return shrunk

        @classmethod
        async def expand(cls, value: str) -> Thing:
            return cls()

    def action(x: Thing) -> None: ...

    with pytest.raises(InvalidValue, match=r"action.x: expected Thing.shrink\(\) to return a str \(or int or UUID\)"):
        run(define(action, registry=TypeRegistry()).adump_args((Thing(),), {}))


def test_an_error_of_expand_is_raised_as_itself() -> None:
    class Gone:
        async def shrink(self) -> str:
            return "1"

        @classmethod
        async def expand(cls, value: str) -> Gone:
            raise FileNotFoundError(value)

    def action(x: list[Gone]) -> None: ...

    with pytest.raises(FileNotFoundError):
        run(define(action, registry=TypeRegistry()).aload_args({"x": ["1", "2"]}))


def test_a_wrong_object_and_a_wrong_reference_are_refused() -> None:
    blueprint = define(f, registry=TypeRegistry())
    with pytest.raises(InvalidValue, match=r"f.x: expected Ref, got int 1"):
        run(blueprint.adump_args((1,), {}))
    with pytest.raises(InvalidValue, match=r"f.x: expected Ref, got Reference object"):
        run(blueprint.adump_args((Reference("Other", "1"),), {}))
    with pytest.raises(InvalidValue, match=r"f.x: expected the id of a Ref, got int 1"):
        run(blueprint.aload_args({"x": 1}))


def test_a_reference_is_passed_on_wherever_the_structure_is_expected() -> None:
    assert run(define(f, registry=TypeRegistry()).adump_args((Reference("Ref", "7"),), {})) == {"x": "7"}


@pytest.mark.requirement("declare.structures")
def test_a_caller_who_lacks_the_class_gets_a_reference_and_can_pass_it_on() -> None:
    author = TypeRegistry()
    consumer, producer = define(f, registry=author), define(g, registry=author)
    stranger = TypeRegistry()
    made = PortCodec(Definition.from_json(producer.definition.to_json()), stranger)
    got = run(made.aload_return(["9"]))
    assert got == Reference("Ref", "9")
    assert hash(got) == hash(Reference("Ref", "9"))
    used = PortCodec(Definition.from_json(consumer.definition.to_json()), stranger)
    assert run(used.adump_args((got,), {})) == {"x": "9"}


def test_a_caller_who_has_the_class_gets_the_object() -> None:
    registry = TypeRegistry()
    definition = define(g, registry=registry).definition
    assert run(PortCodec(definition, registry).aload_return(["9"])).id == "9"


@pytest.mark.requirement("declare.structures")
def test_the_decorator_gives_another_identifier() -> None:
    registry = TypeRegistry()

    @structure(identifier="lab/plate", registry=registry)
    class Plate:
        def shrink(self) -> str:
            return "1"

        @classmethod
        def expand(cls, value: str) -> Plate:
            return cls()

    def action(x: Plate) -> None: ...

    assert define(action, registry=registry).definition.args[0].identifier == "lab/plate"
    assert define(action, registry=TypeRegistry()).definition.args[0].identifier == "lab/plate"


def make_other() -> Any:
    class Ref:
        def shrink(self) -> str:
            return "1"

        @classmethod
        def expand(cls, value: str) -> Any:
            return cls()

    return Ref


def test_two_classes_with_one_identifier_are_refused_and_the_remedy_is_the_decorator() -> None:
    registry = TypeRegistry()
    registry.add_structure(Ref)
    with pytest.raises(DeclarationError, match=r"'Ref' already belongs to .*Ref.*@structure\(identifier='...'\)"):
        registry.add_structure(make_other())


def test_the_same_class_executed_again_replaces_itself() -> None:
    registry = TypeRegistry()
    first, second = make_other(), make_other()
    registry.add_structure(first)
    registry.add_structure(second)
    found = registry.structure_named("Ref")
    assert found is not None
    assert found.cls is second

    def action(x):
        return None

    action.__annotations__ = {"x": second}
    assert define(action, registry=registry).dump_args((first(),), {}) == {"x": "1"}


def test_half_a_structure_is_refused() -> None:
    class Half:
        def shrink(self) -> str:
            return "1"

    class Instance:
        def shrink(self) -> str:
            return "1"

        def expand(self, value: str) -> Any:
            return self

    def first(x: Half) -> None: ...
    def second(x: Instance) -> None: ...

    with pytest.raises(DeclarationError, match=r"it has shrink but no expand. Add a classmethod expand"):
        define(first, registry=TypeRegistry())
    with pytest.raises(DeclarationError, match=r"expand of a structure must be a classmethod"):
        define(second, registry=TypeRegistry())


def test_a_foreign_class_becomes_a_structure_by_offer_without_being_imported() -> None:
    registry = TypeRegistry()
    foreign = type("ndarray", (), {"__module__": "numpy"})

    def make(cls: type) -> StructureType:
        return StructureType("array", cls, lambda value: "stored", lambda reference: cls())

    registry.offer_structure("numpy.ndarray", make)

    def action(x):
        return None

    action.__annotations__ = {"x": foreign}
    blueprint = define(action, registry=registry)
    assert blueprint.definition.args[0].identifier == "array"
    assert blueprint.dump_args((foreign(),), {}) == {"x": "stored"}


class Camera: ...


@pytest.mark.requirement("declare.memory-structures")
def test_a_plain_class_never_becomes_a_memory_structure_silently() -> None:
    def action(x: Camera) -> None: ...

    with pytest.raises(DeclarationError, match=r"or mark it @memory_structure to keep it in its agent"):
        define(action, registry=TypeRegistry())


@pytest.mark.requirement("declare.memory-structures")
def test_two_actions_of_one_agent_share_the_live_object() -> None:
    @memory_structure
    class Stage: ...

    def opened() -> Stage: ...
    def used(stage: Stage) -> None: ...

    registry = TypeRegistry()
    first, second = define(opened, registry=registry), define(used, registry=registry)
    stage = Stage()
    (handle,) = first.dump_return(stage)
    assert handle.startswith("Stage:")
    assert second.load_args({"stage": handle})["stage"] is stage
    assert first.dump_return(stage) == [handle]
    elsewhere = PortCodec(second.definition, TypeRegistry())
    assert elsewhere.load_args({"stage": handle}) == {"stage": Reference("Stage", handle)}
    assert elsewhere.dump_args((Reference("Stage", handle),), {}) == {"stage": handle}


@pytest.mark.requirement("declare.memory-structures")
def test_a_handle_is_refused_at_another_agent() -> None:
    @memory_structure
    class Stage: ...

    def used(stage: Stage) -> None: ...

    with pytest.raises(InvalidValue, match=r"an object that lives in this agent, got one of another agent"):
        define(used, registry=TypeRegistry()).load_args({"stage": "Stage:1"})


def test_a_dropped_object_is_gone() -> None:
    shelf = PlainShelf()
    handle = shelf.put(object(), "Thing")
    shelf.drop(handle)
    with pytest.raises(InvalidValue, match=r"or one that was dropped"):
        shelf.get(handle)
