"""`call`, `inspect`, `check` and `gen` against a hub with one app, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cli import Done, Home, Program, Terminal, home_at, write_app
from tests.support.waiting import until

APP = '''
import datetime as dt
import enum
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from arkitekt_next import progress, register


class Channel(enum.Enum):
    DAPI = 405
    GFP = 488


@dataclass
class Roi:
    """A region."""

    x: int
    y: int = 2
    name: str | None = None


class Stats(NamedTuple):
    mean: float
    count: int


@register
def show(
    text: str,
    number: Annotated[int, Field(ge=0)] = 1,
    channel: Channel = Channel.GFP,
    sizes: list[float] = [1.0],
    roi: Roi | None = None,
    either: int | str = 5,
    span: dt.timedelta = dt.timedelta(seconds=3),
    mode: Literal["fast", "exact"] = "fast",
    raw: bytes = b"",
) -> str:
    """Show every argument.

    Args:
        text: Any text.
    """
    return repr((text, number, channel.name, sizes, roi, either, span, mode, raw))


@register
def crop(roi: Roi, channel: Channel = Channel.DAPI) -> dict[str, Roi]:
    """Give a region back, by the name of its channel."""
    return {channel.name: roi}


@register
def stats(number: int = 3) -> Stats:
    """Give two outputs."""
    print("measuring")
    return Stats(1.5, number)


@register
def frames(folder: str, count: int = 3) -> Iterator[int]:
    """Yield one number for each file frame0, frame1 … that appears."""
    for frame in range(count):
        progress(100 * frame / count, f"frame {frame}")
        yield frame
        while not (Path(folder) / f"frame{frame}").exists():
            time.sleep(0.01)


@register
def wait(folder: str) -> str:
    """Wait until cancelled; say so in a file."""
    try:
        (Path(folder) / "waiting").touch()
        while True:
            time.sleep(0.01)
            progress(None, "waiting")
    finally:
        (Path(folder) / "cleaned up").touch()


@register
def divide(x: int) -> float:
    """Divide by a number."""
    return 1 / x
'''


@dataclass
class Rig:
    """A hub and an app that serves on it."""

    home: Home
    place: Path
    app: Program

    def call(self, action: str, *arguments: str, **environment: str) -> Done:
        """Call a function of the app."""
        return self.home.run("call", f"lab.{action}", *arguments, **environment)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with home_at(tmp_path_factory.mktemp("calls")) as home:
        place = write_app(home.folder / "lab", APP)
        assert home.run("hub", "start", "--background").code == 0
        with home.started("run", "prod", at=place) as app:
            app.says("lab.divide")
            yield Rig(home, place, app)


# -- values ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("cli.call")
def test_values_are_read_as_the_ports_say(rig: Rig) -> None:
    done = rig.call(
        "show", "text=a=b", "number=7", "channel=dapi", "sizes=1,2.5", 'roi={"x": 5}', "either=red", "span=50ms",
        "mode=exact", "raw=ab",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.out.strip() == (
        "('a=b', 7, 'DAPI', [1.0, 2.5], Roi(x=5, y=2, name=None), 'red', "
        "datetime.timedelta(microseconds=50000), 'exact', b'ab')"
    )


@pytest.mark.requirement("cli.call")
def test_values_come_from_json_and_from_files(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "roi.json").write_text('{"x": 9, "name": "@home"}')
    (tmp_path / "frame.bin").write_bytes(b"\x00\xff")
    (tmp_path / "all.json").write_text('{"text": "@as it stands", "either": 4, "span": 1.5}')
    given = ("--args", f"@{tmp_path / 'all.json'}", f"roi=@{tmp_path / 'roi.json'}", f"raw=@{tmp_path / 'frame.bin'}")
    done = rig.call("show", *given)
    assert done.out.strip() == (
        "('@as it stands', 1, 'GFP', [1.0], Roi(x=9, y=2, name='@home'), 4, "
        "datetime.timedelta(seconds=1, microseconds=500000), 'fast', b'\\x00\\xff')"
    )


@pytest.mark.requirement("cli.call")
def test_results_are_printed_for_people_and_as_json(rig: Rig) -> None:
    assert rig.call("stats", "number=4").lines == ["mean: 1.5", "count: 4"]
    assert rig.call("stats", "--json").json == {"mean": 1.5, "count": 3}
    assert rig.call("crop", 'roi={"x": 1}', "--json").json == {"DAPI": {"x": 1, "y": 2, "name": None}}
    assert rig.call("show", "x").out.startswith("('x', 1,")


@pytest.mark.requirement("cli.scripts")
def test_what_the_function_prints_is_no_result(rig: Rig) -> None:
    done = rig.call("stats")
    assert "measuring" in done.err
    assert "measuring" not in done.out
    assert rig.call("stats", "--json").err == ""


@pytest.mark.requirement("cli.call", "cli.exit-codes")
@pytest.mark.parametrize(
    ("action", "arguments", "code", "says"),
    [
        ("show", ("text=a", "nummer=1"), 2, "no argument 'nummer'. It takes: text, number, channel"),
        ("show", (), 2, "needs the argument 'text'"),
        ("show", ("text=a", "number=many"), 2, "lab.show.number: expected int ≥ 0, got 'many'"),
        ("show", ("text=a", "number=-3"), 2, "expected int ≥ 0, got -3"),
        ("show", ("text=a", "channel=Cy5"), 2, "expected one of DAPI, GFP, got 'Cy5'"),
        ("show", ("text=a", 'roi={"z": 1}'), 2, "the unknown field 'z'"),
        ("show", ("text=a", "roi=@missing.json"), 4, "There is no file 'missing.json'"),
        ("show", ("text=a", "--args", "{"), 2, "--args: expected JSON"),
        ("stats", ("1", "2"), 2, "at most 1 values, got 2"),
        ("stats", ("--tiemout", "3"), 2, "Did you mean --timeout?"),
        ("statz", (), 4, "Did you mean lab.stats"),
        ("divide", ("x=0",), 1, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_goes_wrong_is_said_with_the_remedy(
    rig: Rig, action: str, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = rig.call(action, *arguments)
    assert (done.code, done.out) == (code, "")
    assert says in done.err


@pytest.mark.requirement("cli.scripts")
def test_a_remote_error_is_shown_with_its_traceback_and_task(rig: Rig) -> None:
    done = rig.call("divide", "x=0")
    assert "return 1 / x" in done.err
    assert "(task " in done.err
    error = rig.call("divide", "x=0", "--json").json["error"]
    assert error["code"] == "task_failed"
    assert error["fields"]["remote_type"] == "ZeroDivisionError"
    assert error["fields"]["task"]


def test_negative_numbers_are_values(rig: Rig) -> None:
    assert rig.call("divide", "-4").out.strip() == "-0.25"


# -- streams, time, cancelling -----------------------------------------------------------------------------------


@pytest.mark.requirement("cli.call", "declare.streams")
def test_a_stream_is_printed_as_it_comes(rig: Rig, tmp_path: Path) -> None:
    with rig.home.started("call", "lab.frames", str(tmp_path), "--json") as caller:
        for frame in range(3):
            assert caller.says(str(frame)) == str(frame)
            (tmp_path / f"frame{frame}").touch()
        assert caller.end() == 0


@pytest.mark.requirement("call.cancel")
def test_ctrl_c_cancels_the_task(rig: Rig, tmp_path: Path) -> None:
    with rig.home.started("call", "lab.wait", f"folder={tmp_path}") as caller:
        until((tmp_path / "waiting").exists, within=20)
        caller.process.send_signal(signal.SIGINT)
        caller.says("Cancelling task")
        assert caller.end() == 130
    until((tmp_path / "cleaned up").exists, within=20)


@pytest.mark.requirement("call.timeout")
def test_a_call_gives_up_in_time(rig: Rig, tmp_path: Path) -> None:
    done = rig.call("wait", f"folder={tmp_path}", "--timeout", "1")
    assert done.code == 8
    assert "did not end within 1.0 s" in done.err
    assert done.took_s < 6
    until((tmp_path / "cleaned up").exists, within=20)


@pytest.mark.requirement("call.waiting")
def test_nobody_there_fails_at_once_when_wanted(rig: Rig) -> None:
    other = write_app(rig.home.folder / "gone", APP, identifier="gone")
    with rig.home.started("run", "prod", at=other) as app:
        app.says("gone.stats")
    done = rig.home.run("call", "gone.stats", "--no-wait")
    assert done.code == 8
    assert "No agent that provides gone.stats is online" in done.err
    with rig.home.started("call", "gone.stats") as caller:
        caller.says("It waits for an agent that provides gone.stats and has room")
        with rig.home.started("run", "prod", at=other):
            caller.says("count: 3")
            assert caller.end() == 0


@pytest.mark.requirement("call.reference")
def test_a_detached_call_goes_on_and_a_reference_is_one_task(rig: Rig) -> None:
    first = rig.call("stats", "--detach", "--reference", "once")
    again = rig.call("stats", "--detach", "--reference", "once", "--json")
    assert first.out.strip() == again.json["task"]
    clash = rig.call("stats", "number=9", "--reference", "once")
    assert clash.code == 5, clash.err


@pytest.mark.requirement("call.progress")
def test_a_person_sees_progress_and_colours_unless_they_are_not_wanted(rig: Rig, tmp_path: Path) -> None:
    for frame in range(3):
        (tmp_path / f"frame{frame}").touch()
    seen = {}
    for name, more in (("plain", {"NO_COLOR": "1"}), ("coloured", {})):
        terminal = Terminal(["call", "lab.divide", "x=0"], at=rig.place, environment={**rig.home.environment, **more})
        assert terminal.end() == 1
        seen[name] = terminal.shown
    assert "\x1b[31m" in seen["coloured"]
    assert "\x1b[31m" not in seen["plain"]
    terminal = Terminal(["call", "lab.wait", f"folder={tmp_path}"], at=rig.place, environment=rig.home.environment)
    terminal.until("lab.wait waiting")
    terminal.press("\x03")
    terminal.until("Cancelling task")
    assert terminal.end() == 130


# -- here instead of there ---------------------------------------------------------------------------------------


@pytest.mark.requirement("cli.call")
def test_an_app_is_called_without_a_hub(rig: Rig) -> None:
    nowhere = {"ARKITEKT_HUB_FOLDER": str(rig.home.folder / "nowhere")}
    done = rig.home.run("call", "lab.crop", "--local", 'roi={"x": 1}', "--json", at=rig.place, **nowhere)
    assert done.json == {"DAPI": {"x": 1, "y": 2, "name": None}}
    failed = rig.home.run("call", "divide", "x=0", "--local", at=rig.place, **nowhere)
    assert failed.code == 1
    assert "ZeroDivisionError" in failed.err
    refused = rig.home.run("call", "divide", "x=1", "--local", "--timeout", "3", at=rig.place)
    assert refused.code == 2
    assert "--timeout" in refused.err


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


@pytest.mark.requirement("cli.call")
def test_a_call_that_no_agent_fits_says_what_it_waits_for(rig: Rig) -> None:
    with rig.home.started("call", "lab.stats", "--label", "cuda", "--agent", "nobody") as caller:
        caller.says("It waits for an agent that provides lab.stats and fits --agent nobody, --label cuda and has room")
        caller.process.send_signal(signal.SIGINT)
        assert caller.end() == 130
    done = rig.call("stats", "--label", "cuda", "--no-wait")
    assert done.code == 8
    assert "No agent that provides lab.stats with the label cuda is online" in done.err


@pytest.mark.requirement("cli.inspect")
@pytest.mark.parametrize(("name", "says"), [("lab", "The app has: lab."), ("nope", "It is named app.function")])
def test_inspecting_half_a_name_says_what_a_name_is(rig: Rig, name: str, says: str) -> None:
    done = rig.home.run("inspect", name)
    assert done.code == 4
    assert f"'{name}'" in done.err
    assert says in done.err


@pytest.mark.requirement("cli.call")
def test_an_option_before_the_name_is_no_name(rig: Rig) -> None:
    done = rig.home.run("call", "--foo", "lab.stats")
    assert (done.code, "No such option: --foo" in done.err) == (2, True)


@pytest.mark.requirement("cli.call")
def test_what_a_function_prints_here_is_no_result(rig: Rig, tmp_path: Path) -> None:
    chatty = (
        "from arkitekt_next import register\n\n@register\ndef chats() -> int:\n    print('printed')\n    return 3\n"
    )
    place = write_app(tmp_path / "chatty", chatty, identifier="chatty")
    done = rig.home.run("call", "chatty.chats", "--local", "--json", at=place)
    assert (done.code, done.json) == (0, 3)
    assert "printed" in done.err


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
