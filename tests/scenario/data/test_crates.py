"""A history as W3C PROV-JSON and as an RO-Crate, read by tools of others' making where there are some.

`ARKITEKT_VALIDATORS` names an environment of Python with `prov`, `rocrate` and `roc-validator`. Without it the documents
are checked by what the specifications say of their structure.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from arkitekt_next import App, Table
from arkitekt_next.errors import Conflict

from .test_provenance import made, make_chain

pytestmark = pytest.mark.requirement("data.documents")
VALIDATORS = os.environ.get("ARKITEKT_VALIDATORS")
UNAIDED = "ARKITEKT_VALIDATORS is not set: the structure was checked here, by no tool of others' making"


@pytest.fixture(scope="module")
def result(hub: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    note = tmp_path_factory.mktemp("note") / "note.txt"
    note.write_text("total")
    with App("caller", url=hub.url) as caller, make_chain(hub.url).run_detached():
        values = Table.save(pd.DataFrame({"area": [1.0, 2.0, 4.0]}), name="areas")
        _, result = made(caller, (values, note))
        yield result


def document(result: Table, format: str) -> dict[str, Any]:
    path = f"/api/items/{result.id}/provenance.json?format={format}"
    told = result._items.session.get(path)
    assert isinstance(told, dict)
    return told


def outside(code: str, *arguments: str) -> str:
    """Run a program in the validators' own environment; give what it prints."""
    assert VALIDATORS is not None
    python = Path(VALIDATORS) / "bin" / "python"
    ran = subprocess.run(
        [str(python), "-c", code, *arguments], capture_output=True, text=True, timeout=300, cwd="/", check=False, env={}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


READ_PROV = """
import sys
from prov.model import ProvDocument
document = ProvDocument.deserialize(sys.argv[1], format="json")
kinds = sorted(type(record).__name__ for record in document.get_records())
print({kind: kinds.count(kind) for kind in kinds})
"""


def test_prov_json_names_everything_it_relates(result: Table, tmp_path: Path) -> None:
    told = document(result, "prov")
    known = {name for kind in ("entity", "activity", "agent") for name in told[kind]}
    for kind in ("used", "wasGeneratedBy", "wasInformedBy", "wasAssociatedWith", "actedOnBehalfOf", "wasAttributedTo"):
        assert told[kind], kind
        for relation in told[kind].values():
            ends = [end for key, end in relation.items() if key not in ("prov:role", "prov:type")]
            assert set(ends) <= known
    assert {name.partition(":")[0] for name in known} <= told["prefix"].keys()
    roles = {relation.get("prov:role") for relation in told["used"].values()}
    assert {"values", "note"} <= roles
    actions = {activity["prov:label"] for activity in told["activity"].values()}
    assert actions == {"chain.summarize", "chain.scaled"}
    if VALIDATORS is None:
        print(UNAIDED)
        return
    path = tmp_path / "prov.json"
    path.write_text(json.dumps(told))
    found = outside(READ_PROV, str(path))
    assert "'ProvActivity': 2" in found
    assert "'ProvUsage'" in found
    print(f"prov read {found.strip()}")


def entities(crate: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(found) == len(crate["@graph"]), "an entity is described once"
    return found


def several(value: Any) -> list[Any]:
    """Give a value that may be there once or more often."""
    return value if isinstance(value, list) else [value]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        else:
            for inner in value.values():
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("inputs", [False, True])
def test_a_crate_holds_the_data_and_describes_all_that_made_it(
    result: Table, tmp_path: Path, form: str, inputs: bool
) -> None:
    path = tmp_path / ("result.zip" if form == "zip" else "result")
    assert result.export_crate(path, inputs=inputs, licence="https://creativecommons.org/licenses/by/4.0/") == path
    folder = path
    if form == "zip":
        folder = tmp_path / "unpacked"
        zipfile.ZipFile(path).extractall(folder)
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())
    found = entities(crate)
    root = found["./"]
    held = [part["@id"] for part in several(root["hasPart"])]
    assert len(held) == (5 if inputs else 1)
    assert all((folder / part).exists() for part in held)
    [table] = [part for part in held if f"/{result.id}/" in part]
    assert pd.read_parquet(folder / table).loc["area", "total"] == 21.0
    actions = [found[action["@id"]] for action in root["mentions"]]
    assert {action["name"] for action in actions} == {"chain.summarize (completed)", "chain.scaled (completed)"}
    for action in actions:
        assert found[action["instrument"]["@id"]]["@type"] == "SoftwareApplication"
        assert found[action["agent"]["@id"]]["@type"] == "Person"
        assert action["object"]
        assert action["result"]
    local = {name for name in references(crate["@graph"]) if not name.startswith(("http://", "https://"))}
    assert local <= found.keys()
    assert not [name for name in tmp_path.iterdir() if name.name.startswith(".")]
    if VALIDATORS is None:
        print(UNAIDED)
        return
    validate(folder)


VALIDATE = Path(__file__).parents[2] / "support" / "crate_validator.py"
READ_CRATE = """
import sys
from rocrate.rocrate import ROCrate
crate = ROCrate(sys.argv[1])
print(len(crate.data_entities), crate.mainEntity.id)
"""


def validate(folder: Path) -> None:
    print("rocrate read", outside(READ_CRATE, str(folder)).strip())
    for profile in ("ro-crate-1.1", "process-run-crate-0.5"):
        print("roc-validator:", outside(VALIDATE.read_text(), str(folder), profile).strip())


def test_what_is_there_already_is_not_written_over(result: Table, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_text("mine")
    with pytest.raises(Conflict, match="is there already"):
        result.export_crate(tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").read_text() == "mine"
