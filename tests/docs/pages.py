"""What the documentation holds: pages, and the steps that a reader would carry out on each.

It only reads. How steps are carried out is in `player.py`. The rule: whatever looks like something to run is run,
unless the page itself says why not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})\s*(\S*)\s*$")
_DIRECTIVE = re.compile(r"^\s*<!--\s*(skip|file|host|fresh):\s*(.+?)\s*-->\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    """One block of a page, or a `host` or `fresh` directive.

    `line` is where its text begins; `directive` is what stands right before a block, as (name, value).
    """

    kind: str
    text: str
    line: int
    directive: tuple[str, str] | None = None


def pages() -> list[Path]:
    """Give every page that is written by hand or generated."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    """Give the name of a page relative to the repository."""
    return page.relative_to(ROOT).as_posix()


def read(page: Path) -> list[Step]:
    """Give the steps of a page in order."""
    steps: list[Step] = []
    directive: tuple[str, str] | None = None
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        fence = _FENCE.match(line)
        found = _DIRECTIVE.match(line)
        if fence is not None:
            begin, ending = number, re.compile(rf"^ {{0,3}}{re.escape(fence[1])}\s*$")
            while number < len(lines) and not ending.match(lines[number]):
                number += 1
            assert number < len(lines), f"{name_of(page)}:{begin}: a fence is not closed"
            steps.append(Step(fence[2], "\n".join(lines[begin:number]) + "\n", begin + 1, directive))
            number += 1
            directive = None
        elif found is not None and found[1] in ("host", "fresh"):
            steps.append(Step(found[1], found[2], number))
        elif found is not None:
            directive = (found[1], found[2])
        elif line.strip():
            assert directive is None, f"{name_of(page)}:{number}: {directive} belongs right before a fence"
    return steps


def chapters(page: Path) -> list[list[Step]]:
    """Give the steps of a page, cut where it says `fresh`: from there on nothing of what was before counts."""
    found: list[list[Step]] = [[]]
    for step in read(page):
        if step.kind == "fresh":
            found.append([])
        elif is_run(step):
            found[-1].append(step)
    return [chapter for chapter in found if chapter]


def is_run(step: Step) -> bool:
    """Say whether a step is carried out."""
    if step.directive is not None:
        return step.directive[0] == "file"
    return step.kind in ("python", "console", "host", "output")


@dataclass(frozen=True, slots=True)
class Command:
    """One line a reader types, the output the page shows for it, and the exit code it is to end with."""

    text: str
    expected: tuple[str, ...]
    code: int


_EXIT = re.compile(r"\s+# exit (\d+)$")


def commands(step: Step) -> list[Command]:
    """Give the commands of a console block."""
    found: list[tuple[str, list[str]]] = []
    for line in step.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line.lstrip("> "), found[-1][1])
        elif line.strip():
            assert found, f"line {step.line}: output before any command: {line}"
            found[-1][1].append(line)
    made = []
    for text, expected in found:
        code = _EXIT.search(text)
        made.append(Command(_EXIT.sub("", text), tuple(expected), int(code[1]) if code else 0))
    return made


def missing_line(expected: tuple[str, ...] | list[str], got: str) -> str | None:
    """Give the first expected line that does not appear in order, or None; `…` stands for anything."""
    lines = iter(got.splitlines())
    for wanted in expected:
        if wanted.strip() in ("…", "..."):
            continue
        pattern = re.compile(r"\s*" + ".*".join(re.escape(part) for part in wanted.strip().split("…")) + r"\s*")
        if not any(pattern.fullmatch(line) for line in lines):
            return wanted
    return None
