"""Calling through the ports with no hub: what works here works over the wire."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from arkitekt_next import App, Task, alocal, local
from arkitekt_next.errors import InvalidValue, TaskFailed, TooLarge, WrongContext


@dataclass
class Spot:
    x: float
    y: float = 0.0


class Slide:
    id: str

    def __init__(self, id: str) -> None:
        self.id = id

    async def shrink(self) -> str:
        return self.id

    @classmethod
    async def expand(cls, value: str) -> Slide:
        return cls(value)


class Camera:
    name = "fake"


def move(spot: Spot, by: tuple[float, float] = (1.0, 1.0)) -> Spot:
    return Spot(spot.x + by[0], spot.y + by[1])


async def length(ref: Slide) -> int:
    return len(ref.id)


def make(name: str) -> Slide:
    return Slide(name)


def naturals(start: int) -> Iterator[int]:
    while True:
        yield start
        start += 1


async def anaturals(start: int) -> AsyncIterator[int]:
    while True:
        yield start
        start += 1


@pytest.mark.requirement("call.testing")
def test_values_travel_as_json_and_come_back_as_their_classes() -> None:
    spot = Spot(1.0)
    moved = local(move)(spot, by=(2.0, 3.0))
    assert moved == Spot(3.0, 3.0)
    assert isinstance(moved, Spot)


@pytest.mark.requirement("call.testing")
def test_structures_are_shrunk_and_expanded() -> None:
    assert local(length)(Slide("four")) == 4
    assert local(make)("ada").id == "ada"


@pytest.mark.requirement("call.testing")
@pytest.mark.parametrize("function", [naturals, anaturals])
def test_a_stream_is_read_as_far_as_it_is_wanted(function) -> None:  # type: ignore[no-untyped-def]
    stream = local(function)(5)
    assert [next(stream) for _ in range(200)] == list(range(5, 205))
    stream.close()


def test_leaving_a_stream_stops_its_function() -> None:
    stopped = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            stopped.set()

    stream = local(endless)()
    next(stream)
    stream.close()
    assert stopped.wait(5)


def test_the_async_form_does_the_same() -> None:
    async def main() -> tuple[int, list[int], int]:
        values = []
        async for value in alocal(naturals)(1):
            values.append(value)
            if value == 3:
                break
        return await alocal(length)(Slide("four")), values, local(move)(Spot(1.0)).x

    assert asyncio.run(main()) == (4, [1, 2, 3], 2.0)


@pytest.mark.requirement("call.testing")
def test_what_would_be_refused_on_the_wire_is_refused_here() -> None:
    with pytest.raises(InvalidValue, match="expected"):
        local(move)("a spot")

    def big() -> str:
        return "x" * 300_000

    with pytest.raises(TooLarge):
        local(big)()


def test_an_error_comes_back_as_it_would_over_the_wire() -> None:
    def breaks() -> None:
        raise KeyError("nothing there")

    with pytest.raises(KeyError) as caught:
        local(breaks)()
    assert isinstance(caught.value, TaskFailed)
    assert "breaks" in caught.value.remote_traceback


@pytest.mark.requirement("call.testing")
def test_injected_objects_are_given_by_type() -> None:
    app = App("offline")

    @app.context
    def camera() -> Camera:
        return Camera()

    @app.register
    def snap(count: int, camera: Camera, task: Task) -> str:
        return f"{count} {camera.name} {task.action}"

    fake = Camera()
    fake.name = "other"
    assert local(snap, objects={Camera: fake})(2) == "2 other snap"
    with pytest.raises(WrongContext, match="needs a Camera"):
        local(snap)(2)
