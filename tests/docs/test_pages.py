"""Every snippet of the README and of docs/ does what the page says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arkitekt_next.embedded import serve
from tests.docs.pages import Step, chapters, name_of, pages, read
from tests.docs.player import Player

CHAPTERS = [
    pytest.param(name_of(page), steps, id=f"{name_of(page)}:{steps[0].line}")
    for page in pages()
    for steps in chapters(page)
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A hub for the pages that start none."""
    folder = tmp_path_factory.mktemp("docs") / "hub"
    with serve(folder, log_level="error"):
        yield folder


@pytest.mark.parametrize(("page", "steps"), CHAPTERS)
def test_what_a_page_shows_happens(page: str, steps: list[Step], tmp_path: Path, hub: Path) -> None:
    starts_its_own = any(step.kind == "console" for step in steps)
    with Player(page, tmp_path, None if starts_its_own else hub) as player:
        player.play(steps)


def test_what_is_left_out_says_why() -> None:
    for page in pages():
        for step in read(page):
            if step.directive is not None and step.directive[0] == "skip":
                assert len(step.directive[1].split()) > 1, f"{name_of(page)}:{step.line}: say why it is not run"
