"""Functions declared pure: run once for the same arguments to the same process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next import App, call, easy
from arkitekt_next.embedded import serve
from tests.support.waiting import find_soon


@pytest.fixture(scope="module", autouse=True)
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("pure")
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error") as server:
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        yield server


@pytest.mark.requirement("declare.pure")
def test_a_pure_function_runs_once_for_the_same_arguments_to_the_same_process(hub: Any) -> None:
    ran: list[tuple[str, int, float]] = []

    def program(version: str) -> App:
        app = App("maths", version=version)

        @app.register(pure=True)
        def scaled(x: int, by: float = 2.0) -> float:
            ran.append((version, x, by))
            return x * by

        @app.register
        def counted(x: int) -> int:
            ran.append((version, x, 0.0))
            return x

        return app

    with easy("asker"):
        with program("1").run_detached():
            scaled = find_soon("maths.scaled")
            assert [scaled(x=3, by=0.5), scaled(by=0.5, x=3), scaled(3, 0.5)] == [1.5, 1.5, 1.5]
            assert scaled(4) == 8.0
            assert [find_soon("maths.counted")(1), call("maths.counted", 1)] == [1, 1]
            assert ran == [("1", 3, 0.5), ("1", 4, 2.0), ("1", 1, 0.0), ("1", 1, 0.0)]
            handle = scaled.submit(3, 0.5)
            assert handle.result(timeout=10) == 1.5
            assert "not run: task" in handle.logs[0].message
        with program("2").run_detached():
            assert call("maths.scaled", 3, 0.5) == 1.5
    assert ran[4:] == [("2", 3, 0.5)]


@pytest.mark.requirement("declare.pure")
def test_what_a_pure_function_raises_is_not_kept(hub: Any) -> None:
    moody, ran = App("moody"), list[int]()

    @moody.register(pure=True)
    def fails_first(x: int) -> int:
        ran.append(x)
        if len(ran) == 1:
            raise ValueError("not yet")
        return x

    with easy("asker"), moody.run_detached():
        with pytest.raises(ValueError, match="not yet"):
            find_soon("moody.fails_first")(1)
        assert [call("moody.fails_first", 1), call("moody.fails_first", 1)] == [1, 1]
    assert ran == [1, 1]
