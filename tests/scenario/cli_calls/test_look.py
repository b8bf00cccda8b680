"""`inspect`, `check` and `gen` against a hub with one app, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import write_app
from tests.support.rig import APP, Rig

# -- inspect and check -------------------------------------------------------------------------------------------


@pytest.mark.requirement("cli.inspect")
def test_the_catalogue_is_listed_and_described(rig: Rig) -> None:
    listed = rig.home.run("inspect", "--app", "lab")
    assert listed.lines[0].split() == ["FUNCTION", "ONLINE", "WHAT", "IT", "DOES"]
    assert any(line.split()[:2] == ["lab.crop", "yes"] for line in listed.lines)
    described = rig.home.run("inspect", "lab.show").out
    for part in ("text: str  Any text.", "channel: Channel (DAPI, GFP) = GFP", "number: int ≥ 0 = 1", ".x: int"):
        assert part in described
    assert "PROVIDED BY" in described
    assert rig.home.run("inspect", "lab.crop", "--json").json["providers"][0]["mode"] == "prod"
    assert rig.home.run("inspect", "--search", "nothing like it").out.startswith("Nothing on")
    assert rig.home.run("inspect", "lab.corp").code == 4


@pytest.mark.requirement("cli.check", "declare.compatibility")
def test_a_new_release_is_compared_with_what_the_hub_has(rig: Rig, tmp_path: Path) -> None:
    same = rig.home.run("check", at=rig.place)
    assert same.code == 0
    assert "fits what http://" in same.out
    changed = APP.replace("def divide(x: int)", "def divide(x: int, y: int)").replace("def stats(", "def statistics(")
    place = write_app(tmp_path / "next", changed)
    found = rig.home.run("check", "--json", at=place)
    assert found.code == 7
    assert found.json["breaking"] == [
        "divide: the new argument 'y' (int) is required",
        "stats is on the hub and no longer in the app",
    ]
    assert found.json["changes"] == ["statistics is new"]


@pytest.mark.requirement("run.release", "cli.manifest")
def test_the_hub_knows_exactly_which_release_runs(rig: Rig) -> None:
    manifest = rig.home.run("manifest", at=rig.place).json
    assert [action["name"] for action in manifest["actions"]][:2] == ["lab.show", "lab.crop"]
    code = (
        "import json; from arkitekt_next.sdk.login import sign_in; from arkitekt_next.sdk.web import fetch; a = sign_in('tester')\n"
        "print(json.dumps(fetch(a.url, 'GET', '/api/apps/lab', token=a.token)[1]['releases'][0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=rig.home.environment, capture_output=True, text=True)
    release = json.loads(done.stdout)
    assert release["source_hash"] == manifest["release"]["source_hash"]
    assert release["version"] == manifest["version"]


@pytest.mark.requirement("cli.inspect")
@pytest.mark.parametrize(("name", "says"), [("lab", "The app has: lab."), ("nope", "It is named app.function")])
def test_inspecting_half_a_name_says_what_a_name_is(rig: Rig, name: str, says: str) -> None:
    done = rig.home.run("inspect", name)
    assert done.code == 4
    assert f"'{name}'" in done.err
    assert says in done.err


@pytest.mark.requirement("cli.check", "cli.inspect")
def test_what_ended_development_sessions_left_behind_breaks_nobody(rig: Rig, tmp_path: Path) -> None:
    text = "from arkitekt_next import register\n\n@register\ndef {name}() -> int:\n    '''Give one.'''\n    return 1\n"
    place = write_app(tmp_path / "moving", text.format(name="draft"), identifier="moving")
    with rig.home.started("run", "dev", at=place) as app:
        app.says("moving.draft")
    (place / "app.py").write_text(text.format(name="final"))
    with rig.home.started("run", "dev", at=place) as app:
        app.says("moving.final")
        assert rig.home.run("check", at=place).code == 0
        listed = rig.home.run("inspect", "--app", "moving").out
        assert ("moving.final" in listed, "moving.draft" in listed) == (True, False)
        assert "moving.draft" in rig.home.run("inspect", "--app", "moving", "--all").out
    with rig.home.started("run", "prod", at=place) as app:
        app.says("moving.final")
    (place / "app.py").write_text(text.format(name="other"))
    done = rig.home.run("check", at=place)
    assert done.code == 7
    assert "final is on the hub and no longer in the app" in done.out


# -- a generated client ------------------------------------------------------------------------------------------


USE = """
import asyncio, sys
from arkitekt_next import easy
import lab_client as lab

with easy("user"):
    roi = lab.Roi(x=4, name="q")
    assert lab.crop(roi, lab.Channel.GFP) == {"GFP": roi}, lab.crop(roi)
    assert lab.crop(roi)["DAPI"].y == 2
    found = lab.stats(number=8)
    assert (found.mean, found.count, type(found)) == (1.5, 8, lab.Stats)
    assert lab.show("t", roi=roi, either="e").startswith("('t', 1, 'GFP', [1.0], Roi(x=4, y=2, name='q'), 'e'")
    assert list(lab.frames(sys.argv[1], count=2)) == [0, 1]

    async def main():
        assert await lab.acrop(roi) == {"DAPI": roi}
        assert [frame async for frame in lab.aframes(sys.argv[1])] == [0, 1, 2]

    asyncio.run(main())
print("it works")
"""


@pytest.fixture(scope="module")
def generated(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("gen") / "lab_client.py"
    done = rig.home.run("gen", "--app", "lab", "-o", str(target))
    assert done.code == 0, done.err
    return target


@pytest.mark.requirement("cli.gen")
def test_a_generated_client_works(rig: Rig, generated: Path, tmp_path: Path) -> None:
    for frame in range(3):
        (tmp_path / f"frame{frame}").touch()
    (generated.parent / "use.py").write_text(USE)
    done = subprocess.run(
        [sys.executable, "use.py", str(tmp_path)],
        cwd=generated.parent,
        env=rig.home.environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "it works", done.stderr


@pytest.mark.requirement("cli.gen")
def test_a_generated_client_passes_mypy_strict(generated: Path) -> None:
    (generated.parent / "typed.py").write_text(
        "import lab_client as lab\n\nregions: dict[str, lab.Roi] = lab.crop(lab.Roi(x=1), lab.Channel.DAPI)\n"
        "mean: float = lab.stats().mean\n"
        "wrong: int = lab.show('t')  # type: ignore[assignment]\n"
        "lab.crop('no region')  # type: ignore[arg-type]\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "lab_client.py", "typed.py"]
    done = subprocess.run(command, cwd=generated.parent, capture_output=True, text=True, env=_typed_environment())
    assert (done.stdout, done.returncode) == ("", 0)


def _typed_environment() -> dict[str, str]:
    import arkitekt_next

    return {**os.environ, "MYPYPATH": str(Path(arkitekt_next.__file__).parents[1])}


@pytest.mark.requirement("cli.gen")
def test_generating_again_says_what_changed(rig: Rig, generated: Path) -> None:
    again = rig.home.run("gen", "--app", "lab", "-o", str(generated), "--check")
    assert (again.code, "is up to date" in again.out) == (0, True)
    text = generated.read_text()
    hashes = json.loads(text.partition("DEFINITIONS = ")[2].partition("}")[0].replace("'", '"').rstrip(",\n ") + "}")
    generated.write_text(text.replace(hashes["lab.stats"], "0" * 64).replace("'lab.crop': ", "'lab.old': "))
    stale = rig.home.run("gen", "--app", "lab", "-o", str(generated), "--check")
    assert stale.code == 7
    assert [line.strip() for line in stale.lines[1:]] == ["+ lab.crop", "~ lab.stats", "- lab.old"]
    assert rig.home.run("gen", "--app", "lab", "-o", str(generated)).code == 0
    assert generated.read_text() == text


@pytest.mark.requirement("cli.gen")
def test_only_its_own_files_are_replaced(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    done = rig.home.run("gen", "--app", "lab", "-o", str(tmp_path / "mine.py"))
    assert done.code == 5
    assert (tmp_path / "mine.py").read_text() == "x = 1\n"
    assert rig.home.run("gen", "--app", "nope").code == 4
