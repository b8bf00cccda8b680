"""What a release says of its sources and its locked dependencies: the same for the same, and nothing by halves."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from arkitekt_next import App
from arkitekt_next.sdk import sources
from arkitekt_next.sdk.identity import project_folder
from arkitekt_next.sdk.sources import hash_lock, hash_program, hash_script, hash_sources

PROJECT = '[project]\nname = "lab"\nversion = "1.2"\n'


def tree(folder: Path, **changed: str) -> Path:
    """Lay out a project; what is `changed` has another content."""
    files = {"pyproject.toml": PROJECT, "app.py": "x = 1\n", "src/space/lab/deep.py": "y = 2\n"} | changed
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tree(tmp_path / "project")


def test_the_same_tree_gives_the_same_hash_in_any_folder(project: Path, tmp_path: Path) -> None:
    assert hash_sources(project) == hash_sources(tree(tmp_path / "elsewhere"))
    assert hash_sources(project) == hash_sources(tree(tmp_path / "windows", **{"app.py": "x = 1\r\n"}))


@pytest.mark.requirement("run.release")
@pytest.mark.parametrize("name", ["app.py", "src/space/lab/deep.py", "pyproject.toml", "tools/new.py"])
def test_every_source_counts(project: Path, name: str) -> None:
    before = hash_sources(project)
    tree(project, **{name: "# another\n"})
    assert hash_sources(project) not in (before, None)


def test_the_order_in_which_a_disk_lists_files_does_not_count(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, scandir = hash_sources(tree(project, **{"zoo.py": "", "tools/zoo.py": ""})), os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: nullcontext(list(scandir(folder))[::-1]))
    assert hash_sources(project) == before


def test_the_names_count(project: Path) -> None:
    before = hash_sources(project)
    (project / "app.py").rename(project / "other.py")
    assert hash_sources(project) != before


@pytest.mark.parametrize(
    "name",
    [
        ".git/hook.py",
        ".venv/lib/a.py",
        "__pycache__/a.py",
        "node_modules/a.py",
        "build/lib/a.py",
        "dist/a.py",
        "notes.txt",
        "data/image.tif",
    ],
)
def test_what_is_no_source_does_not_count(project: Path, name: str) -> None:
    before = hash_sources(project)
    assert hash_sources(tree(project, **{name: "z = 3\n"})) == before


def test_environments_of_any_name_do_not_count(project: Path) -> None:
    before = hash_sources(project)
    assert hash_sources(tree(project, **{"env/pyvenv.cfg": "", "env/lib/a.py": "z = 3\n"})) == before


def test_links_are_followed_inside_the_tree_only(project: Path, tmp_path: Path) -> None:
    before = hash_sources(project)
    outside = tree(tmp_path / "outside")
    (project / "linked").symlink_to(outside, target_is_directory=True)
    (project / "out.py").symlink_to(outside / "app.py")
    (project / "loop").symlink_to(project, target_is_directory=True)
    (project / "broken.py").symlink_to(project / "nowhere.py")
    assert hash_sources(project) == before
    (project / "inside.py").symlink_to(project / "app.py")
    assert hash_sources(project) != before


@pytest.mark.parametrize(("limit", "most"), [("MOST_FILES", 3), ("MOST_BYTES", 60), ("MOST_ENTRIES", 6)])
def test_too_much_gives_no_hash_instead_of_half_of_one(
    project: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(sources, limit, most)
    assert hash_sources(project) is not None
    assert hash_sources(tree(project, **{"more.py": "a = 'twenty letters or so'\n"})) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cant_be_read_gives_no_hash(project: Path) -> None:
    (project / "app.py").chmod(0)
    assert hash_sources(project) is None


def test_a_source_that_is_gone_or_no_file_gives_no_hash(tmp_path: Path) -> None:
    assert hash_sources(tmp_path / "nowhere") is None
    assert hash_script(tmp_path / "nowhere.py") is None
    (tree(tmp_path) / "round.py").symlink_to(tmp_path / "round.py")
    assert hash_sources(tmp_path) is None


@pytest.mark.requirement("run.release")
def test_the_first_lock_file_identifies_the_dependencies(project: Path) -> None:
    assert hash_lock(project) is None
    for name in ("requirements.txt", "requirements.lock", "pylock.toml", "pdm.lock", "poetry.lock", "uv.lock"):
        (project / name).write_text(name)
        assert hash_lock(project) == hashlib.sha256(name.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "is_one"), [(PROJECT, True), ("[tool.arkitekt_next]\n", True), ("[tool.ruff]\nline-length = 120\n", False)]
)
def test_a_project_is_where_the_nearest_pyproject_describes_a_program(tmp_path: Path, text: str, is_one: bool) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(text)
    assert project_folder(inner) == (tmp_path if is_one else None)


@pytest.mark.requirement("run.release")
def test_a_release_says_what_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "uv.lock").write_text("numpy")
    monkeypatch.chdir(project / "src")
    release = App("lab").release()
    assert (release.version, release.source_hash, release.lock_hash) == (
        "1.2",
        hash_sources(project),
        hash_lock(project),
    )
    tree(project, **{"app.py": "saved = 'later'\n"})
    assert App("lab").release() == release, "what is saved later is not what runs"


def test_a_broken_pyproject_stops_nobody_who_needs_nothing_of_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree(project, **{"pyproject.toml": "[["}))
    release = App("lab", version="3").release()
    assert (release.version, release.source_hash, release.lock_hash) == ("3", None, None)


TELL = "from arkitekt_next.sdk.sources import hash_program; print(*hash_program())\n"


def told(*command: str, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()


def test_without_a_project_the_main_script_alone_counts(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(TELL)
    alone = hash_sources(tmp_path)
    tree(tmp_path, **{"pyproject.toml": "[tool.ruff]\n"})
    assert told("main.py", folder=tmp_path) == f"{alone} None"


def test_an_installed_command_is_no_source_of_the_app(tmp_path: Path) -> None:
    installed = tree(tmp_path, **{"site-packages/main.py": TELL, "pyproject.toml": ""}) / "site-packages" / "main.py"
    assert told(str(installed), folder=tmp_path) == "None None"
    assert told("-m", "timeit", "-n1", "-r1", TELL, folder=tmp_path).splitlines()[0] == "None None"


def test_nothing_is_said_of_a_prompt_and_nothing_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path).joinpath("pyproject.toml").unlink()
    assert told("-c", TELL, folder=tmp_path) == "None None"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "scandir", lambda folder: pytest.fail(f"{folder} is walked"))
    assert hash_program() == (None, None), "the main script, pytest, is an installed one"


def test_the_hashes_cost_an_import_nothing() -> None:
    code = "import sys, arkitekt_next; arkitekt_next.register; print('arkitekt_next.sdk.sources' in sys.modules)"
    assert told("-c", code, folder=Path(__file__).parent) == "False"
