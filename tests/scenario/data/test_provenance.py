"""A result two calls deep: its history holds every version, argument, input and person, and it can be made again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arkitekt_next import App, Array, File, Image, Table
from arkitekt_next.data.provenance import EdgeKind
from arkitekt_next.errors import Conflict, NotFound, ReleaseNotRunning, WrongContext
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.tasks import retention
from arkitekt_next.storage import data_tables as d
from tests.support.data import on_loop, set_item

pytestmark = pytest.mark.requirement("data.provenance")


def make_chain(url: str) -> App:
    """Make an app whose `summarize` calls `scaled`, with items going in and out of both."""
    app = App("chain", url=url, version="1.2.0")

    @app.register
    def scaled(values: pd.DataFrame, factor: float) -> pd.DataFrame:
        return values * factor

    @app.register
    def summarize(values: Table, note: Path, factor: float = 2.0) -> pd.DataFrame:
        larger = app.call("chain.scaled", values.pandas(), factor)
        return larger.sum().to_frame(note.read_text())

    @app.register
    def count(values: pd.DataFrame) -> int:
        return len(values)

    @app.register
    def smooth(image: np.ndarray, sigma: float) -> np.ndarray:
        return (image // int(sigma)).astype(image.dtype)

    @app.register
    def mask(image: Image, threshold: int, sigma: float = 2.0) -> np.ndarray:
        return (app.call("chain.smooth", image.numpy(), sigma) > threshold).astype(np.uint8)

    return app


@pytest.fixture(scope="module")
def chain(hub: Any) -> Iterator[App]:
    app = make_chain(hub.url)
    with app.run_detached():
        yield app


@pytest.fixture
def given(caller: App, tmp_path: Path) -> tuple[Table, File]:
    (tmp_path / "note.txt").write_text("total")
    values = Table.save(pd.DataFrame({"area": [1.0, 2.0, 4.0]}), name="areas")
    return values, File.save(tmp_path / "note.txt")


def made(caller: App, given: tuple[Table, File]) -> tuple[Any, Table]:
    """Call the outer function; give the handle and its result as an item."""
    handle = caller.find("chain.summarize").submit(*given, 3.0)
    result = handle.result()
    assert result.loc["area", "total"] == 21.0
    items = caller.link.session.get(f"/api/tasks/{handle.id}/items")
    return handle, Table.get(items["outputs"][0]["id"])


def test_the_history_of_a_result_holds_every_call_version_argument_input_and_person(
    chain: App, caller: App, given: tuple[Table, File]
) -> None:
    handle, result = made(caller, given)
    values, note = given
    graph = result.provenance()
    tasks = {node.action: node for node in graph.nodes if node.node == "task"}
    assert set(tasks) == {"chain.summarize", "chain.scaled"}
    outer, inner = tasks["chain.summarize"], tasks["chain.scaled"]
    assert outer.id == handle.id
    assert graph.sources(EdgeKind.GENERATED, graph.root) == [outer.ref]
    assert graph.targets(EdgeKind.CALLED, outer.ref) == [inner.ref]
    assert set(graph.targets(EdgeKind.USED, outer.ref)) == {f"item:{values.id}", f"item:{note.id}"}
    arguments = {argument.key: argument for argument in outer.arguments}
    assert (arguments["factor"].value, arguments["factor"].items) == (3.0, ())
    assert arguments["values"].items == (f"item:{values.id}",)
    assert arguments["note"].items == (f"item:{note.id}",)
    [passed] = graph.targets(EdgeKind.USED, inner.ref)
    assert {argument.key: argument.items for argument in inner.arguments} == {"values": (passed,), "factor": ()}
    assert graph.sources(EdgeKind.GENERATED, passed) == [outer.ref], "what the outer call stored to pass it on"
    assert len(graph.targets(EdgeKind.GENERATED, inner.ref)) == 1, "what the inner call gave back"
    for task in (outer, inner):
        assert (len(task.function_hash), len(task.definition_hash), len(task.signature_hash)) == (64, 64, 64)
        assert (task.status, task.attempt, bool(task.host)) == ("completed", 1, True)
        assert task.queued_at_us <= task.started_at_us <= task.ended_at_us
        [release] = [graph.node_of(ref) for ref in graph.targets(EdgeKind.RAN, task.ref)]
        assert (release.app, release.version) == ("chain", "1.2.0")
        [environment] = [graph.node_of(ref) for ref in graph.targets(EdgeKind.RAN_IN, task.ref)]
        assert environment.implementation == "CPython"
        assert any(package.startswith("pandas==") for package in environment.packages)
        [person] = [graph.node_of(ref) for ref in graph.targets(EdgeKind.ACTED_FOR, task.ref)]
        assert person.name
    assert outer.function_hash != inner.function_hash
    held = {node.id: node for node in graph.nodes if node.node == "item"}
    assert held[result.id].digest == result.digest
    assert held[values.id].meta == values.meta
    assert graph.cut == ()


def test_a_history_goes_forward_as_well(chain: App, caller: App, given: tuple[Table, File]) -> None:
    _, result = made(caller, given)
    values, note = given
    graph = values.provenance("forward")
    assert result.id in {node.id for node in graph.nodes if node.node == "item"}
    assert note.id not in {node.id for node in graph.nodes if node.node == "item"}, "it was not made of the values"
    assert result in values.used_by()
    assert set(result.made_from()) == {values, note}
    both = result.provenance("both")
    assert {edge.kind for edge in both.edges} >= {EdgeKind.USED, EdgeKind.GENERATED, EdgeKind.CALLED}


def test_who_stored_what_no_call_made_is_told(chain: App, caller: App, given: tuple[Table, File]) -> None:
    graph = given[0].provenance()
    [person] = graph.targets(EdgeKind.ATTRIBUTED, graph.root)
    assert graph.node_of(person).name
    with pytest.raises(WrongContext, match="was not made by a call"):
        given[0].run_again()


def test_a_history_that_is_cut_short_says_where(chain: App, caller: App, given: tuple[Table, File]) -> None:
    handle, result = made(caller, given)
    graph = result.provenance(depth=1)
    assert [(cut.ref, cut.reason) for cut in graph.cut] == [(f"task:{handle.id}", "depth")]
    assert {node.action for node in graph.nodes if node.node == "task"} == {"chain.summarize"}
    assert result.provenance(depth=2).cut == ()


def test_a_tombstone_keeps_its_place(hub: Any, chain: App, caller: App, given: tuple[Table, File]) -> None:
    _, result = made(caller, given)
    set_item(hub, given[0].id, removed_at_us=now_us())
    node = result.provenance().node_of(f"item:{given[0].id}")
    assert (node.name, node.digest, node.removed_at_us is not None) == ("areas", given[0].digest, True)
    assert given[0] not in result.made_from()
    assert given[0].provenance("forward").root == f"item:{given[0].id}"


@pytest.mark.requirement("data.again")
def test_run_again_makes_an_equal_result(chain: App, caller: App, given: tuple[Table, File]) -> None:
    handle, result = made(caller, given)
    for again in (result.run_again(), handle.run_again("same"), handle.run_again("current")):
        again.result()
        assert again.id != handle.id
        items = caller.link.session.get(f"/api/tasks/{again.id}/items")
        twin = Table.get(items["outputs"][0]["id"])
        assert (twin.id != result.id, twin.digest) == (True, result.digest)
        assert result.compare(twin).is_same_digest
        told = caller.link.session.get(f"/api/tasks/{again.id}")
        assert told["again_of"] == handle.id
        assert told["args"] == caller.link.session.get(f"/api/tasks/{handle.id}")["args"]


@pytest.mark.requirement("data.again")
def test_an_image_two_calls_deep_has_its_history_and_is_made_again_pixel_by_pixel(
    hub: Any, chain: App, caller: App
) -> None:
    values = np.random.default_rng(7).integers(0, 2**12, (2, 3, 64, 64), dtype=np.uint16)
    image = Image.save(values, name="HeLa", axes=("c", "z", "y", "x"), scale={"x": 0.1625, "y": 0.1625, "z": 0.5})
    handle = caller.find("chain.mask").submit(image, 500)
    assert np.array_equal(handle.result(), values // 2 > 500)
    result = output_of(caller, handle.id)
    graph = result.provenance()
    tasks = {node.action: node for node in graph.nodes if node.node == "task"}
    assert set(tasks) == {"chain.mask", "chain.smooth"}
    given = {task.action: {one.key: (one.value, one.items) for one in task.arguments} for task in tasks.values()}
    assert given["chain.mask"] == {"image": (image.id, (f"item:{image.id}",)), "threshold": (500, ())}
    assert given["chain.smooth"]["sigma"] == (2.0, ())
    assert graph.node_of(f"item:{image.id}").meta["scale"] == {"x": 0.1625, "y": 0.1625, "z": 0.5}
    assert {node.node for node in graph.nodes} == {"item", "task", "person", "release", "environment"}
    again = result.run_again()
    again.result()
    twin = output_of(caller, again.id)
    assert (twin.id != result.id, twin.digest) == (True, result.digest)
    assert result.compare(twin).is_same_digest


def output_of(caller: App, task: str) -> Array:
    [record] = caller.link.session.get(f"/api/tasks/{task}/items")["outputs"]
    return (Image if record["kind"] == "image" else Array).get(record["id"])


@pytest.mark.requirement("data.again")
def test_what_is_pure_runs_again_all_the_same(hub: Any, caller: App) -> None:
    runs: list[int] = []
    app = App("dice", url=hub.url)

    @app.register(pure=True, effects="none")
    def roll(sides: int) -> int:
        runs.append(sides)
        return len(runs)

    with app.run_detached():
        first = caller.find("dice.roll").submit(6)
        assert first.result() == 1
        assert caller.find("dice.roll")(6) == 1
        assert first.run_again().result() == 2


@pytest.mark.requirement("data.again")
def test_the_same_version_is_not_any_other_and_the_error_says_which_is_needed(hub: Any, caller: App) -> None:
    def version(factor: int) -> App:
        app = App("drift", url=hub.url, version=f"{factor}.0")
        if factor == 1:

            @app.register(name="grow")
            def grow(n: int) -> int:
                return n * 1

        else:

            @app.register(name="grow")
            def grow_more(n: int) -> int:
                return n * 2

        return app

    with version(1).run_detached():
        old = caller.find("drift.grow").submit(5)
        assert old.result() == 5
    with version(2).run_detached():
        assert old.run_again("current").result() == 10
        with pytest.raises(
            ReleaseNotRunning, match=r"of drift 1\.0, and no agent of that release is online"
        ) as refused:
            old.run_again("same")
        assert refused.value.source is None
        with version(1).run_detached():
            assert old.run_again("same").result() == 5
            assert old.run_again("same").result() == 5


@pytest.mark.requirement("data.again")
def test_arguments_that_fit_no_more_are_refused_with_what_changed(hub: Any, caller: App) -> None:
    def app(*, is_old: bool) -> App:
        made = App("shift", url=hub.url)
        if is_old:

            @made.register(name="go")
            def go(n: int) -> int:
                return n

        else:

            @made.register(name="go")
            def go_by_name(name: str) -> str:
                return name

        return made

    with app(is_old=True).run_detached():
        old = caller.find("shift.go").submit(5)
        assert old.result() == 5
    with app(is_old=False).run_detached(), pytest.raises(Conflict, match="the argument 'n' was removed"):
        old.run_again("current")


@pytest.mark.requirement("data.again")
def test_a_repetition_is_as_discreet_as_what_it_repeats(chain: App, caller: App, given: tuple[Table, File]) -> None:
    first = caller.find("chain.count").with_options(discreet=True).submit(given[0])
    assert first.result() == 3
    get = caller.link.session.get
    assert get(f"/api/tasks/{first.run_again().id}")["is_discreet"] is True
    assert get(f"/api/tasks/{first.run_again(discreet=False).id}")["is_discreet"] is False


@pytest.mark.requirement("data.again")
def test_asking_twice_with_one_reference_runs_it_once(chain: App, caller: App, given: tuple[Table, File]) -> None:
    first = caller.find("chain.count").submit(given[0])
    first.result()
    form = {"version": "same", "reference": "once-more"}
    ask = caller.link.session.ask
    told = [ask("POST", f"/api/tasks/{first.id}/again?wait=10", dict(form)) for _ in range(2)]
    assert told[0]["task"] == told[1]["task"]
    assert told[0]["outcome"]["returns"] == [3]


@pytest.mark.requirement("keep.retention")
def test_a_history_stays_as_long_as_what_was_made(hub: Any, chain: App, caller: App, given: tuple[Table, File]) -> None:
    _, result = made(caller, given)
    other = caller.find("chain.scaled").submit(result, 2.0)
    other.result()
    [further] = caller.link.session.get(f"/api/tasks/{other.id}/items")["outputs"]
    plain = caller.find("chain.count").submit(given[0])
    plain.result()
    before = history_of(Table.get(further["id"]))
    assert len(before) == 3
    sweep(hub, days=100)
    assert history_of(Table.get(further["id"])) == before
    with pytest.raises(NotFound):
        caller.link.session.get(f"/api/tasks/{plain.id}")
    remove_all(hub, keep=further["id"])
    sweep(hub, days=100)
    assert history_of(Table.get(further["id"])) == before, "what it was made of was removed, its history was not"
    remove_all(hub, keep="")
    for _ in range(3):
        sweep(hub, days=100)
    with pytest.raises(NotFound):
        caller.link.session.get(f"/api/tasks/{other.id}")


def history_of(item: Table) -> set[str]:
    return {node.id for node in item.provenance().nodes if node.node == "task"}


def sweep(hub: Any, *, days: float) -> None:
    board = hub.app.state.hub.board
    on_loop(hub, retention.sweep(board, at_us=now_us() + round(days * 86_400 * 1e6)))


def remove_all(hub: Any, *, keep: str) -> None:
    """Let the content of every item but one be removed."""

    async def remove() -> None:
        async with hub.app.state.hub.database.engine.begin() as db:
            await db.execute(d.item.update().where(d.item.c.id != keep).values(removed_at_us=now_us()))

    on_loop(hub, remove())
