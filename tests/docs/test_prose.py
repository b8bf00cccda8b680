"""What holds for the documentation as text: links resolve, nothing of a machine is in it, the README keeps its form."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import DOCS, ROOT, chapters, commands, name_of, pages, read

TEXTS = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]

_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_CODE = re.compile(r"`[^`]*`")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users)/|[A-Z]:\\\\|localhost:\d|127\.0\.0\.1:\d")
_UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|TBD|lorem ipsum)\b")


def prose(page: Path) -> list[tuple[int, str]]:
    """Give the lines of a page that are not in a fence, with their numbers."""
    found: list[tuple[int, str]] = []
    is_inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith(("```", "~~~")):
            is_inside = not is_inside
        elif not is_inside:
            found.append((number, line))
    return found


@cache
def anchors(page: Path) -> frozenset[str]:
    """Give the anchors of a page's headings, as code hosts make them."""
    found: dict[str, int] = {}
    made = set()
    for _, line in prose(page):
        heading = _HEADING.match(line)
        if heading is None:
            continue
        plain = unicodedata.normalize("NFC", re.sub(r"[`*]", "", heading[1])).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = found.get(anchor, 0)
        found[anchor] = count + 1
        made.add(f"{anchor}-{count}" if count else anchor)
    return frozenset(made)


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_links_inside_the_documentation_resolve(page: Path) -> None:
    broken = []
    text = "\n".join(_CODE.sub(lambda code: "`" * len(code[0]), line) for _, line in prose(page))
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists():
            broken.append(f"there is no {target}")
        elif anchor and anchor not in anchors(place):
            broken.append(f"there is no heading for {target}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_nothing_of_a_machine_is_in_the_documentation(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    found = [f"{name_of(page)}:{n}: {line}" for n, line in enumerate(lines, 1) if _MACHINE.search(line)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_nothing_is_left_unfinished(page: Path) -> None:
    assert not _UNFINISHED.search(page.read_text(encoding="utf-8"))


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    missing = [name for page in DOCS.rglob("*.md") if (name := page.relative_to(DOCS).as_posix()) not in index]
    assert missing == ["index.md"]


def test_decisions_are_short_and_numbered() -> None:
    records = sorted((DOCS / "explanation" / "decisions").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 40, record.name
        assert text.startswith(f"# {int(record.name[:4])}. "), record.name
        assert [part in text for part in ("**Context.**", "**Decision.**", "**Consequences.**")] == [True] * 3, (
            record.name
        )


# -- the README ----------------------------------------------------------------------------------------------


def test_the_readme_opens_with_a_short_example_and_the_two_commands() -> None:
    steps = [step for step in read(ROOT / "README.md") if step.kind in ("python", "console")]
    first = next(i for i, step in enumerate(steps) if step.kind == "console")
    example = [line for step in steps[:first] for line in step.text.splitlines() if line.strip()]
    assert 0 < len(example) <= 15
    assert [command.text for command in commands(steps[first])] == ["make demo", "make test"]


def test_the_readme_says_how_to_install_it_under_a_name_that_is_taken() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Another project holds the name" in text
    for line in text.splitlines():
        if "pip install" in line and line.startswith("$"):
            assert re.search(r'"\.\[|\.whl|git\+', line), f"this would install another project: {line}"


def test_the_first_ten_minutes_are_carried_out() -> None:
    found = [
        command.text
        for steps in chapters(ROOT / "README.md")
        for step in steps
        if step.kind == "console"
        for command in commands(step)
    ]
    for wanted in ("arkitekt-next init", "arkitekt-next run dev", "arkitekt-next call"):
        assert any(wanted in text for text in found)
