"""The list of requirements and the tests name each other: no promise without a test, no mark without a promise.

It reads the files instead of asking pytest what was collected, so that a run of one file says the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.requirements import REQUIREMENTS

TESTS = Path(__file__).resolve().parents[1]
LIST = TESTS / "requirements.py"
MARK = "pytest.mark.requirement"
_ID = re.compile(r"I\d+|[a-z]+\.[a-z]+(-[a-z]+)*")
_SENTENCE = re.compile(r"[A-Z`].* .*\.")


@dataclass(frozen=True)
class Mark:
    """One mark: where it stands, the ids it names, and whether pytest gives it to a test."""

    place: str
    ids: tuple[str, ...]
    is_on_a_test: bool


def marks_of(path: Path) -> list[Mark]:
    """Give every mark of a file. Raises `AssertionError` for one that names its ids by anything but text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    on_tests = set(_marking(tree.body)) if path.name.startswith("test_") else set()
    nodes = list(ast.walk(tree))
    calls = {node.func: node for node in nodes if isinstance(node, ast.Call)}
    found = []
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr == "requirement" and ast.unparse(node) == MARK:
            place = f"{path.name}:{node.lineno}"
            call = calls.get(node)
            found.append(Mark(place, _ids_of(call, place), call in on_tests))
    return found


def _ids_of(call: ast.Call | None, place: str) -> tuple[str, ...]:
    assert call is not None, f"{place}: a requirement is named, as in {MARK}('call.cancel')"
    assert call.args, f"{place}: which requirement?"
    assert not call.keywords, f"{place}: ids are given by position"
    ids = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args]
    assert all(isinstance(id, str) for id in ids), f"{place}: ids are written out, so that they can be searched for"
    return tuple(str(id) for id in ids)


def _marking(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """Give the expressions that mark tests: decorators of test functions and classes, and what `pytestmark` holds."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield from node.decorator_list
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from node.decorator_list
            yield from _marking(node.body)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            yield from node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]


def keys_of(path: Path) -> list[str]:
    """Give the keys of the list as they are written; a dict has already lost its duplicates."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    (listed,) = (node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    return [ast.literal_eval(key) for key in listed.keys if key is not None]


@pytest.fixture(scope="module")
def marks() -> list[Mark]:
    return [mark for path in sorted(TESTS.rglob("*.py")) for mark in marks_of(path)]


def test_every_requirement_has_a_test(marks: list[Mark]) -> None:
    tested = {id for mark in marks if mark.is_on_a_test for id in mark.ids}
    assert sorted(set(REQUIREMENTS) - tested) == []


def test_every_mark_names_requirements_of_the_list_once(marks: list[Mark]) -> None:
    assert [(mark.place, id) for mark in marks for id in mark.ids if id not in REQUIREMENTS] == []
    assert [mark.place for mark in marks if len(set(mark.ids)) < len(mark.ids)] == []


def test_every_mark_is_on_a_test(marks: list[Mark]) -> None:
    assert [mark.place for mark in marks if not mark.is_on_a_test] == []


def test_every_requirement_is_listed_once_with_a_sentence_of_its_own() -> None:
    keys = keys_of(LIST)
    assert [key for key in keys if keys.count(key) > 1] == []
    assert keys == list(REQUIREMENTS)
    assert [id for id in keys if not _ID.fullmatch(id)] == []
    assert [id for id, sentence in REQUIREMENTS.items() if not _SENTENCE.fullmatch(sentence)] == []
    assert len(set(REQUIREMENTS.values())) == len(REQUIREMENTS)


SAMPLE = """
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.requirement("a.module")]

@pytest.mark.requirement("a.function", "a.second")
@scenario
async def test_one(): ...

@pytest.mark.requirement("a.class")
class TestTwo:
    @pytest.mark.requirement("a.method")
    def test_three(self): ...

@pytest.mark.requirement("a.helper")
def helper():
    @pytest.mark.requirement("an.inner")
    def test_four(): ...
"""


@pytest.mark.parametrize(("name", "is_collected"), [("test_sample.py", True), ("sample.py", False)])
def test_marks_count_where_pytest_reads_them(tmp_path: Path, name: str, is_collected: bool) -> None:
    (tmp_path / name).write_text(SAMPLE)
    found = {id: mark.is_on_a_test for mark in marks_of(tmp_path / name) for id in mark.ids}
    counting = ["a.module", "a.function", "a.second", "a.class", "a.method"]
    assert found == {**dict.fromkeys(counting, is_collected), "a.helper": False, "an.inner": False}


@pytest.mark.parametrize("mark", [MARK, f"{MARK}()", f"{MARK}(NAME)", f"{MARK}('a.b', 3)", f"{MARK}(id='a.b')"])
def test_a_mark_that_can_not_be_read_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / "test_sample.py").write_text(f"@{mark}\ndef test_one(): ...\n")
    with pytest.raises(AssertionError, match=r"test_sample\.py:1: "):
        marks_of(tmp_path / "test_sample.py")


def test_a_key_that_is_written_twice_is_seen(tmp_path: Path) -> None:
    (tmp_path / "list.py").write_text("LIST = {'a.b': 'One.', 'a.b': 'Two.'}\n")
    assert keys_of(tmp_path / "list.py") == ["a.b", "a.b"]
