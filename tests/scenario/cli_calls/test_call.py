"""`call` against a hub with one app, in processes of their own."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.cli import Terminal, write_app
from tests.support.rig import APP, Rig
from tests.support.waiting import until

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


@pytest.mark.requirement("cli.call")
def test_an_option_before_the_name_is_no_name(rig: Rig) -> None:
    done = rig.home.run("call", "--foo", "lab.stats")
    assert (done.code, "No such option: --foo" in done.err) == (2, True)


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


@pytest.mark.requirement("cli.call")
def test_a_call_that_no_agent_fits_says_what_it_waits_for(rig: Rig) -> None:
    with rig.home.started("call", "lab.stats", "--label", "cuda", "--agent", "nobody") as caller:
        caller.says("It waits for an agent that provides lab.stats and fits --agent nobody, --label cuda and has room")
        caller.process.send_signal(signal.SIGINT)
        assert caller.end() == 130
    done = rig.call("stats", "--label", "cuda", "--no-wait")
    assert done.code == 8
    assert "No agent that provides lab.stats with the label cuda is online" in done.err


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


@pytest.mark.requirement("cli.call")
def test_what_a_function_prints_here_is_no_result(rig: Rig, tmp_path: Path) -> None:
    chatty = (
        "from arkitekt_next import register\n\n@register\ndef chats() -> int:\n    print('printed')\n    return 3\n"
    )
    place = write_app(tmp_path / "chatty", chatty, identifier="chatty")
    done = rig.home.run("call", "chatty.chats", "--local", "--json", at=place)
    assert (done.code, done.json) == (0, 3)
    assert "printed" in done.err
