"""Real notebooks: a kernel with a running loop, classes of `__main__`, cells that are run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from arkitekt_next import App, TypeRegistry
from arkitekt_next.embedded import serve

REF = """
class Ref:
    id: str
    def __init__(self, id): self.id = id
    async def shrink(self): return self.id
    @classmethod
    async def expand(cls, value): return cls(value)
"""


class Ref:
    id: str

    def __init__(self, id: str) -> None:
        self.id = id

    async def shrink(self) -> str:
        return self.id

    @classmethod
    async def expand(cls, value: str) -> Ref:
        return cls(value)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("notebooks")
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error"):
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        app = App("lab", registry=TypeRegistry())

        @app.register
        def size_of(ref: Ref) -> int:
            return len(ref.id)

        @app.register
        def ref_to(name: str) -> Ref:
            return Ref(name)

        @app.register
        def calls_back(x: int) -> int:
            return int(app.call("notebook.triple", x))

        with app.run_detached():
            yield app


def run_cells(*cells: str) -> list[str]:
    """Run cells in a kernel of their own; give what each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return ["".join(_texts(cell.outputs)) for cell in notebook.cells]


def _texts(outputs: list[Any]) -> Iterator[str]:
    for output in outputs:
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "execute_result":
            yield output.data["text/plain"]


@pytest.mark.requirement("run.notebooks")
@pytest.mark.slow
def test_a_notebook_calls_provides_and_defines_again(lab: App, tmp_path: Path) -> None:
    printed = run_cells(
        REF,
        "import arkitekt_next as ak\napp = ak.interactive('notebook')",
        "ak.call('lab.size_of', Ref('four'))",
        "made = await ak.acall('lab.ref_to', 'ada')\n(type(made) is Ref, made.id)",
        "@ak.register\ndef triple(x: int) -> int:\n    return 3 * x",
        "ak.call('lab.calls_back', 5)",
        "@ak.register\ndef triple(x: int) -> int:\n    return 30 * x",
        "ak.call('lab.calls_back', 5)",
        "@ak.register\ndef held(ref: Ref) -> Ref:\n    return Ref(ref.id * 2)",
        "ak.find('notebook.held')(Ref('ab')).id",
        "app.status()['is_connected']",
    )
    assert printed[2] == "4"
    assert printed[3] == "(True, 'ada')"
    assert printed[5] == "15"
    assert printed[7] == "150"
    assert printed[9] == "'abab'"
    assert printed[10] == "True"
