"""The face of the command line: helps, exit codes, what it imports, how quickly it answers, what it prints."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest

from arkitekt_next import errors
from arkitekt_next.cli import output
from arkitekt_next.cli.commands import cli
from arkitekt_next.cli.exits import MEANINGS, Exit, exit_of
from arkitekt_next.cli.lazy import LazyGroup
from arkitekt_next.cli.loading import is_own, trace_of
from arkitekt_next.cli.manifest import source_files
from arkitekt_next.cli.project import Project, find_project, slug, with_identifier
from arkitekt_next.errors import ArkitektError, Conflict, RequestRefused

HEAVY = ("rich", "questionary", "watchfiles", "pydantic", "numpy", "sqlalchemy", "fastapi", "asyncio")


def commands(group: click.Command = cli, path: str = "") -> Iterator[tuple[str, click.Command, str | None]]:
    """Give every command with its path, and the one-line help that its group shows."""
    if isinstance(group, LazyGroup):
        context = click.Context(group)
        for name, place in group.places.items():
            command = group.get_command(context, name)
            assert command is not None, name
            yield f"{path} {name}".strip(), command, place.help
            yield from commands(command, f"{path} {name}".strip())


def test_every_command_explains_itself() -> None:
    found = list(commands())
    assert len(found) > 20
    for path, command, short in found:
        assert command.help, path
        assert short, path
        if not isinstance(command, click.Group) and not path.startswith("app ") and path != "self info":
            assert "Examples:" in (command.epilog or ""), path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.opts}"


@pytest.mark.requirement("cli.older-spellings")
def test_older_spellings_are_the_same_commands() -> None:
    by_path = {path: command for path, command, _ in commands()}
    assert by_path["app init"] is by_path["init"]
    assert by_path["app run dev"] is by_path["run dev"]
    assert by_path["app run prod"] is by_path["run prod"]


@pytest.mark.requirement("cli.exit-codes")
def test_every_exit_code_is_explained_and_every_error_has_one() -> None:
    assert set(MEANINGS) == set(Exit)
    for kind in errors.CODES.values():
        assert exit_of(kind("x")) in set(Exit) - {Exit.OK, Exit.INTERRUPTED, Exit.INCOMPATIBLE}, kind


@pytest.mark.requirement("cli.exit-codes")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.TaskFailed("x"), 1),
        (errors.rebuild_exception({"type": "ValueError", "bases": ["builtins.ValueError"], "message": "x"}), 1),
        (errors.UnknownArgument("x"), 2),
        (errors.HubUnavailable("x"), 3),
        (errors.NotFound("x"), 4),
        (errors.NotPermitted("x"), 5),
        (errors.UnsupportedType("x"), 6),
        (errors.TaskTimeout("x"), 8),
        (errors.AgentLost("x"), 8),
        (RuntimeError("x"), 1),
    ],
)
def test_exit_codes_stay_what_they_are(error: Exception, code: int) -> None:
    assert exit_of(error) == code


def run(*arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run Python to its end; give what it did and its processor time, which other programs hardly change."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.requirement("cli.quick")
def test_help_imports_nothing_heavy() -> None:
    done, _ = run("-X", "importtime", "-m", "arkitekt_next", "--help")
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert imported.isdisjoint(HEAVY), imported & set(HEAVY)


@pytest.mark.alone
@pytest.mark.requirement("cli.quick")
def test_help_costs_little_more_than_click_itself() -> None:
    took: dict[str, list[float]] = {"bare": [], "click": [], "help": []}
    for _ in range(7):
        took["bare"].append(run("-c", "pass")[1])
        took["click"].append(run("-c", "import click")[1])
        took["help"].append(run("-m", "arkitekt_next", "--help")[1])
    bare, with_click, with_help = (min(times) for times in took.values())
    print(
        f"bare {bare * 1e3:.0f} ms, click {with_click * 1e3:.0f} ms, --help {with_help * 1e3:.0f} ms (cpu, best of 7)"
    )
    assert with_help <= max(0.2, 3 * with_click)


@pytest.mark.requirement("cli.scripts")
def test_a_misspelt_command_names_the_nearest() -> None:
    done, _ = run("-m", "arkitekt_next", "hub", "strat")
    assert done.returncode == 2
    assert "Did you mean 'start'?" in done.stderr
    as_json, _ = run("-m", "arkitekt_next", "call", "--json")
    assert as_json.returncode == 2
    assert '"code": "usage"' in as_json.stdout
    assert as_json.stderr == ""


def test_a_group_alone_shows_its_help() -> None:
    done, _ = run("-m", "arkitekt_next", "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: arkitekt-next run")


def test_what_others_wrote_can_not_steer_a_terminal() -> None:
    assert output.clean("a\x1b[31mb\x07c\r\nd\te\x9b") == "a�[31mb�c\nd\te�"
    assert output.clean("safe \u202eevil") == "safe �evil"
    assert output.shorten("a\n  b" + "c" * 50, 10) == "a bcccccc…"


def test_a_closed_pipe_ends_quietly() -> None:
    command = f'"{sys.executable}" -m arkitekt_next --help | true'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


# -- the project -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("My Lab (2)", "my-lab-2"),
        ("Zürich", "zurich"),
        ("9lives", "app-9lives"),
        ("___", "app"),
        ("日本", "app"),
        ("a" * 80, "a" * 64),
    ],
)
def test_any_folder_name_gives_an_identifier(name: str, identifier: str) -> None:
    assert slug(name) == identifier


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[tool.arkitekt_next]\nidentifier = "new"\n'),
        ("a = 1", 'a = 1\n\n[tool.arkitekt_next]\nidentifier = "new"\n'),
        (
            '[tool.arkitekt_next] # ours\n# c\nidentifier="old" # was\nmodule="m"\n[tool.x]\n',
            '[tool.arkitekt_next] # ours\n# c\nidentifier = "new"\nmodule="m"\n[tool.x]\n',
        ),
        ('[tool.arkitekt_next]\nmodule="m"', '[tool.arkitekt_next]\nidentifier = "new"\nmodule="m"'),
    ],
)
def test_an_identifier_is_written_without_touching_anything_else(before: str, after: str) -> None:
    assert with_identifier(before, "new") == after


@pytest.mark.parametrize(
    "text", ['tool = {arkitekt_next = {identifier = "a"}}\n', "[tool]\narkitekt_next.module = 'm'\n"]
)
def test_a_file_that_would_have_to_be_rewritten_is_left_alone(text: str) -> None:
    with pytest.raises(Conflict, match="Write it yourself"):
        with_identifier(text, "new")


def test_the_nearest_table_names_the_app(tmp_path: Any) -> None:
    inner = tmp_path / "src" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1.4"\n[tool.arkitekt_next]\nidentifier = "lab"\nmodule = "lab/cells.py"\n'
    )
    found = find_project(inner)
    assert (found.identifier, found.module, found.version, found.folder) == ("lab", "lab.cells", "1.4", tmp_path)
    assert find_project(inner, "other.py").module == "other"
    with pytest.raises(RequestRefused, match="--module"):
        find_project(inner, "no good")
    (tmp_path / "pyproject.toml").write_text('[tool.arkitekt_next]\nidentifier = "No Good"\n')
    with pytest.raises(RequestRefused, match="no-good"):
        find_project(inner)


def project(folder: Any) -> Project:
    return Project(folder, "app", "lab", "0", True)


def test_sources_are_the_python_files_around_the_app(tmp_path: Any) -> None:
    for name in ("app.py", "lab/__init__.py", "lab/deep/x.py", "data/raw/notes.py", ".venv/y.py", "env/pyvenv.cfg",
                 "env/z.py", "src/pkg/a.py", "node_modules/b.py"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    found = {path.relative_to(tmp_path).as_posix() for path in source_files(project(tmp_path))}
    assert found == {"app.py", "lab/__init__.py", "lab/deep/x.py", "src/pkg/a.py"}


def test_a_trace_shows_only_the_users_files(tmp_path: Any) -> None:
    (tmp_path / "app.py").write_text("import json\n\ndef read():\n    return json.loads('{')\n")
    code = compile((tmp_path / "app.py").read_text(), str(tmp_path / "app.py"), "exec")
    scope: dict[str, Any] = {}
    exec(code, scope)
    try:
        scope["read"]()
    except ValueError as error:
        trace = trace_of(error, tmp_path)
    assert trace.count("File ") == 1
    assert 'app.py", line 4, in read' in trace
    assert trace.splitlines()[-1].startswith("json.decoder.JSONDecodeError")
    assert not is_own(str(tmp_path / ".venv" / "lib" / "x.py"), tmp_path)
    assert not is_own("<frozen importlib._bootstrap>", tmp_path)


@pytest.mark.requirement("cli.scripts")
def test_every_error_of_ours_can_be_shown(capsys: Any) -> None:
    from arkitekt_next.cli.failures import show_failure

    for kind in errors.CODES.values():
        show_failure(kind(f"{kind.code}: \x1b[31m"), wants_json=False)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "\x1b[31m:" not in shown.err
        show_failure(kind("x"), wants_json=True)
        assert f'"code": "{kind.code}"' in capsys.readouterr().out
    assert isinstance(ArkitektError("x"), Exception)
