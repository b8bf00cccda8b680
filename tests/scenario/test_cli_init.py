"""`init`: the questions, the defaults, and what is never lost."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from arkitekt_next.cli.templates import TEMPLATES
from tests.support.cli import Home, Terminal, home_at

ENTER, DOWN, CTRL_C, ERASE = "\r", "\x1b[B", "\x03", "\x15"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with home_at(tmp_path / "home") as made:
        yield made


@pytest.fixture
def place(home: Home) -> Path:
    made = home.folder / "My Lab (2)"
    made.mkdir()
    return made


@pytest.mark.requirement("cli.init")
def test_it_asks_and_writes_what_was_answered(home: Home, place: Path) -> None:
    terminal = Terminal(["init"], at=place, environment=home.environment)
    terminal.until("What is your app called?")
    terminal.until("my-lab-2")
    terminal.press(ERASE + "9lives" + ENTER)
    terminal.until("Expected a lower-case letter")
    terminal.press(ERASE + "camera" + ENTER)
    terminal.until("What should it start with?")
    terminal.press(DOWN + ENTER)
    terminal.until("Write app.py and pyproject.toml to")
    terminal.press(ENTER)
    terminal.until("arkitekt-next call camera.bleaching")
    assert terminal.end() == 0
    assert (place / "app.py").read_text() == TEMPLATES["stream"].text
    assert tomllib.loads((place / "pyproject.toml").read_text()) == {
        "tool": {"arkitekt_next": {"identifier": "camera"}}
    }


@pytest.mark.requirement("cli.init")
@pytest.mark.parametrize(("keys", "code"), [(CTRL_C, 130), (ENTER + ENTER + "n", 0)])
def test_whoever_leaves_the_questions_has_written_nothing(home: Home, place: Path, keys: str, code: int) -> None:
    terminal = Terminal(["init"], at=place, environment=home.environment)
    terminal.until("What is your app called?")
    for key in keys:
        terminal.press(key)
        if key == ENTER:
            terminal.until("?")
    assert terminal.end() == code
    assert "Traceback" not in terminal.shown
    assert list(place.iterdir()) == []


@pytest.mark.requirement("cli.scripts")
def test_without_a_terminal_it_names_the_flag(home: Home, place: Path) -> None:
    done = home.run("init", at=place)
    assert done.code == 2
    assert "--yes" in done.err
    assert "my-lab-2" in done.err
    assert list(place.iterdir()) == []


@pytest.mark.requirement("cli.init")
@pytest.mark.parametrize("template", list(TEMPLATES))
def test_every_template_runs_as_it_is(home: Home, place: Path, template: str) -> None:
    made = home.run("init", "--yes", "--template", template, at=place)
    assert made.code == 0, made.err
    assert home.run("check", "--offline", at=place).code == 0
    name, *values = TEMPLATES[template].example.split()
    done = home.run("call", name, *values, "--local", "--json", at=place)
    assert done.code == 0, done.err
    assert done.out
    assert len((place / "app.py").read_text().splitlines()) <= 27


def test_what_it_writes_never_asks_an_index_for_the_distribution(home: Home, place: Path) -> None:
    home.run("app", "init", "--yes", at=place)
    written = (place / "pyproject.toml").read_text() + (place / "app.py").read_text()
    assert "arkitekt-next" not in written.replace("arkitekt-next run dev", "")


@pytest.mark.requirement("cli.init", "cli.manifest")
def test_an_existing_pyproject_keeps_everything(home: Home, place: Path) -> None:
    before = '# ours\r\n[project]\r\nname = "lab"  # the lab\r\nversion = "2.5"\r\n'
    (place / "pyproject.toml").write_bytes(before.encode())
    assert home.run("init", "--yes", at=place).code == 0
    after = (place / "pyproject.toml").read_bytes().decode()
    assert after == before + '\r\n[tool.arkitekt_next]\r\nidentifier = "my-lab-2"\r\n'
    assert home.run("manifest", at=place).json["version"] == "2.5"


@pytest.mark.requirement("cli.init")
def test_what_is_there_is_replaced_only_by_force_and_kept(home: Home, place: Path) -> None:
    (place / "app.py").write_text("mine = 1\n")
    refused = home.run("init", "--yes", at=place)
    assert refused.code == 5
    assert "--force" in refused.err
    assert not (place / "pyproject.toml").exists()
    assert home.run("init", "--yes", "--force", at=place).code == 0
    assert (place / "app.py.before-init").read_text() == "mine = 1\n"
    assert home.run("init", "--yes", at=place).code == 5
    assert home.run("init", "--yes", "--force", "--identifier", "other", at=place).code == 0
    assert tomllib.loads((place / "pyproject.toml").read_text())["tool"]["arkitekt_next"]["identifier"] == "other"
    assert home.run("init", "--yes", "--identifier", "Not Good", "--folder", str(place / "new")).code == 2
    assert not (place / "new").exists()


@pytest.mark.requirement("cli.init")
def test_broken_toml_is_named(home: Home, place: Path) -> None:
    (place / "pyproject.toml").write_text("[tool\n")
    done = home.run("init", "--yes", at=place)
    assert done.code == 2
    assert "pyproject.toml" in done.err
    assert not (place / "app.py").exists()


@pytest.mark.requirement("cli.check")
def test_a_check_says_what_is_wrong_with_an_app_and_where(home: Home, place: Path) -> None:
    assert home.run("init", "--yes", at=place).code == 0
    (place / "app.py").write_text("from arkitekt_next import register\n\n@register\ndef f(x: memoryview): ...\n")
    done = home.run("check", "--offline", "--json", at=place)
    assert done.code == 6
    assert len(done.json["problems"]) == 1
    assert "app.py:3 in f()" in done.json["problems"][0]
