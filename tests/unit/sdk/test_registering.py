"""What `register` takes, refuses and gives back."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next import App
from arkitekt_next.errors import DeclarationError, DuplicateName, UnsupportedType
from arkitekt_next.sdk.identity import default_identifier, default_version, slug
from arkitekt_next.sdk.registration import Execution


def plain(x: int, by: int = 1) -> int:
    """Add.

    Args:
        x: Where to start.
    """
    return x + by


@pytest.mark.requirement("declare.register")
def test_the_three_spellings_name_the_action_by_the_same_rule() -> None:
    app = App("demo")

    @app.register
    def bare(x: int) -> int:
        return x

    @app.register()
    def called(x: int) -> int:
        return x

    @app.register(name="given", label="A label")
    def optioned(x: int) -> int:
        return x

    assert list(app.registrations.functions) == ["bare", "called", "given"]
    assert [r.blueprint.definition.label for r in app.registrations.functions.values()][-1] == "A label"


@pytest.mark.requirement("declare.register", "declare.plain-python")
def test_a_registered_function_is_the_function_itself_and_needs_no_hub() -> None:
    app = App("demo")
    given = app.register(plain)
    assert given is plain
    assert given(2) == 3
    assert inspect.signature(given) == inspect.Signature.from_callable(plain)
    assert given.__doc__ is not None


@pytest.mark.requirement("declare.plain-python")
def test_progress_and_log_do_nothing_outside_a_task() -> None:
    from arkitekt_next import log, pausepoint, progress

    app = App("demo")

    @app.register
    def careful(x: int) -> int:
        progress(50, "half")
        log("a line")
        pausepoint()
        return x

    assert careful(4) == 4


@pytest.mark.requirement("declare.register")
def test_two_functions_with_one_action_name_are_refused() -> None:
    app = App("demo")
    app.register(plain)

    def other(x: int) -> int:
        return x

    with pytest.raises(DuplicateName, match=r"'plain' is already registered by .*test_registering\.py"):
        app.register(name="plain")(other)


@pytest.mark.requirement("run.notebooks")
def test_the_same_cell_run_again_replaces_its_function() -> None:
    app = App("demo")
    source = "def cell(x: int) -> int:\n    return x + {n}\n"
    for n in (1, 2):
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(source.format(n=n), names)
        app.register(names["cell"])
    assert app.registrations.functions["cell"].function(1) == 3


@pytest.mark.requirement("declare.retries")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"executor": "gpu"}, "executor='gpu' is unknown"),
        ({"concurrency": 0}, "concurrency=0 would never run it"),
        ({"retries": 2}, "effects='unknown'"),
        ({"effects": "some"}, "effects='some' is unknown"),
        ({"name": "a b"}, "no action name"),
    ],
)
def test_an_option_that_cannot_work_is_refused_at_the_decorator(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        App("demo").register(**options)(plain)


def test_an_async_function_cannot_be_sent_to_a_thread() -> None:
    async def soon(x: int) -> int:
        return x

    with pytest.raises(DeclarationError, match="not in a thread"):
        App("demo").register(executor="thread")(soon)


def test_a_function_inside_another_cannot_run_in_a_process() -> None:
    def inner(x: int) -> int:
        return x

    with pytest.raises(DeclarationError, match="defined inside another"):
        App("demo").register(executor="process")(inner)


@pytest.mark.requirement("declare.refusals")
def test_an_unsupported_type_is_refused_with_parameter_and_line() -> None:
    def odd(x: Callable[[], int]) -> int:
        return 1

    with pytest.raises(UnsupportedType, match=r"test_registering.py:\d+.*parameter 'x'"):
        App("demo").register(odd)


@pytest.mark.requirement("declare.threads")
def test_async_functions_run_on_the_loop_and_plain_ones_in_threads_unless_told_otherwise() -> None:
    app = App("demo")

    @app.register
    async def on_loop(x: int) -> int:
        return x

    @app.register
    def in_thread(x: int) -> int:
        return x

    @app.register(executor="loop")
    def asked(x: int) -> int:
        return x

    found = {name: r.execution for name, r in app.registrations.functions.items()}
    assert found == {"on_loop": Execution.LOOP, "in_thread": Execution.THREAD, "asked": Execution.LOOP}


@pytest.mark.requirement("run.hooks")
def test_a_parameter_that_a_context_provides_is_no_port() -> None:
    class Camera:
        pass

    app = App("demo")

    @app.context
    def camera() -> Iterator[Camera]:
        yield Camera()

    @app.register
    def snap(count: int, camera: Camera) -> int:
        return count

    definition = app.registrations.functions["snap"].blueprint.definition
    assert [port.key for port in definition.args] == ["count"]


def test_a_hook_whose_parameter_nobody_provides_is_refused() -> None:
    class Stage:
        pass

    def move(stage: Stage) -> None: ...

    with pytest.raises(DeclarationError, match="nothing provides the parameter 'stage'"):
        App("demo").startup(move)


def test_a_context_that_does_not_say_its_type_is_refused() -> None:
    def anything():  # type: ignore[no-untyped-def]
        return 1

    with pytest.raises(DeclarationError, match="which type it provides"):
        App("demo").context(anything)


@pytest.mark.parametrize("bad", ["Demo", "1st", "a b", "", "é"])
def test_an_identifier_of_another_form_is_refused(bad: str) -> None:
    with pytest.raises(DeclarationError, match="is no app identifier"):
        App(bad)


def test_the_identifier_comes_from_the_project_then_from_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "My Lab (2)"
    folder.mkdir()
    assert default_identifier(folder) == "my-lab-2"
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname="x"\nversion="1.2"\n[tool.arkitekt_next]\nidentifier="scope"\n'
    )
    assert default_identifier(folder) == "scope"
    assert default_version(folder) == "1.2"


@pytest.mark.parametrize(
    ("name", "expected"), [("Ünï", "uni"), ("2024", "app-2024"), ("___", "app"), ("A_b-C", "a_b-c")]
)
def test_any_folder_name_becomes_a_sound_identifier(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.requirement("declare.register")
def test_two_functions_of_one_name_in_one_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from arkitekt_next import App\napp = App('twice')\n"
    twice = "@app.register\ndef same() -> int:\n    return 1\n"
    (tmp_path / "twice_sample.py").write_text(text + twice + twice)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DuplicateName, match=r"twice_sample\.py:6 in same\(\).*twice_sample\.py:3 in same\(\)"):
        importlib.import_module("twice_sample")
    (tmp_path / "once_sample.py").write_text(text + twice)
    module = importlib.import_module("once_sample")
    app = module.app
    (tmp_path / "once_sample.py").write_text("from once_sample import app\n\n\n" + twice)
    importlib.reload(module)  # the same function again, further down
    assert list(app.registrations.functions) == ["same"]
