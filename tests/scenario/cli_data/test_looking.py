"""`data ls`, `show`, `tag`, `rm`, `restore` and `du` as processes: what there is, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenario.cli_data.conftest import write_tiff
from tests.support.cli import Home, Terminal

pytestmark = pytest.mark.requirement("data.commands")


@pytest.fixture(scope="module")
def stored(home: Home) -> Home:
    """Five items: three images, two of them tagged, and two files."""
    folder = home.folder / "files"
    folder.mkdir()
    for number, name in enumerate(("alpha", "beta", "gamma")):
        write_tiff(folder / f"{name}.tif", number)
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"this is {name}")
    import_ = ("data", "import")
    assert home.run(*import_, "alpha.tif", "beta.tif", "--tag", "early", "--folder", "run 1/day", at=folder).code == 0
    assert home.run(*import_, "gamma.tif", "--tag", "late", "--note", "out of focus", at=folder).code == 0
    assert home.run("data", "put", "one.txt", "two.txt", "--folder", "run 1", at=folder).code == 0
    return home


def names(home: Home, *arguments: str) -> list[str]:
    done = home.run("data", "ls", "--json", *arguments)
    assert done.code == 0, done.err
    return [item["name"] for item in done.json]


def test_the_list_is_narrowed_by_what_is_asked(stored: Home) -> None:
    assert names(stored) == ["two.txt", "one.txt", "gamma", "beta", "alpha"]
    assert names(stored, "ALPH") == ["alpha"]
    assert names(stored, "focus") == ["gamma"]
    assert names(stored, "--kind", "file") == ["two.txt", "one.txt"]
    assert names(stored, "--tag", "early") == ["beta", "alpha"]
    assert names(stored, "--tag", "early", "--tag", "late") == []
    assert names(stored, "--folder", "run 1/day") == ["beta", "alpha"]
    assert names(stored, "--folder", "run 1") == ["two.txt", "one.txt"]
    assert names(stored, "--shape", "24,*", "--dtype", "uint16") == ["gamma", "beta", "alpha"]
    assert names(stored, "--since", "1h", "--kind", "image") == ["gamma", "beta", "alpha"]
    assert names(stored, "--until", "2020-01-01") == []
    assert names(stored, "--app", "arkitekt-cli", "--person", _owner(stored), "--limit", "1") == ["two.txt"]
    assert stored.run("data", "ls", "--folder", "run 1/night").code == 4
    assert stored.run("data", "ls", "--since", "yesterday").code == 2


def _owner(home: Home) -> str:
    found = home.run("data", "ls", "--json", "--limit", "1").json
    return str(found[0]["person"]["name"])


def test_a_long_list_goes_on_where_it_was_left(stored: Home) -> None:
    first = stored.run("data", "ls", "--limit", "2", "--json")
    assert "There are more: --after" in first.err
    assert [item["name"] for item in first.json] == ["two.txt", "one.txt"]
    assert names(stored, "--limit", "2", "--after", first.json[-1]["id"]) == ["gamma", "beta"]
    assert len(names(stored, "--all")) == 5


def test_rows_fit_the_terminal(stored: Home) -> None:
    terminal = Terminal(["data", "ls"], at=stored.folder, environment=stored.environment)
    try:
        assert terminal.end() == 0
        rows = [line for line in terminal.shown.replace("\r", "").split("\n") if "alpha" in line or "KIND" in line]
        assert len(rows) == 2
        assert "#early" in rows[1]
        assert all(len(_plain(row)) <= 100 for row in rows)
    finally:
        terminal.close()


def _plain(text: str) -> str:
    import click

    return click.unstyle(text)


def test_everything_known_of_an_item_is_shown(stored: Home) -> None:
    done = stored.run("data", "show", "alpha")
    assert done.code == 0
    said = {line.split("  ")[1].strip(): line for line in done.lines[1:]}
    assert done.lines[0] == "alpha"
    assert "image, 24×32 uint16" in said["what"]
    assert "y 24 (every 0.25 micrometer)" in said["axes"]
    assert "alpha.tif" in said["read from"]
    assert "run 1/day" in said["folder"]
    assert "early" in said["tags"]
    assert "arkitekt-cli" in said["made"]
    record = stored.run("data", "show", "alpha", "--json").json
    assert record["folder_path"] == "run 1/day"
    assert record["meta"]["origin"]["name"] == "alpha.tif"


def test_tags_are_put_on_and_taken_off(stored: Home) -> None:
    assert stored.run("data", "tag", "gamma", "checked", "µ").lines == ["gamma: checked, late, µ"]
    assert stored.run("data", "untag", "gamma", "checked", "µ").lines == ["gamma: late"]
    missing = stored.run("data", "untag", "gamma", "checked")
    assert (missing.code, "checked" in missing.err) == (4, True)


def test_removing_asks_and_can_be_taken_back(stored: Home) -> None:
    refused = stored.run("data", "rm", "beta")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    terminal = Terminal(["data", "rm", "beta"], at=stored.folder, environment=stored.environment)
    try:
        terminal.until("into the trash?")
        terminal.press("n\n")
        assert terminal.end() == 130
    finally:
        terminal.close()
    assert "beta" in names(stored)
    assert stored.run("data", "rm", "beta", "--yes").code == 0
    assert "beta" not in names(stored)
    assert names(stored, "--trash") == ["beta"]
    assert stored.run("data", "show", "beta").code == 4
    assert stored.run("data", "restore", "beta").code == 0
    assert "beta" in names(stored)


def test_a_name_that_two_items_bear_is_refused_with_their_ids(stored: Home) -> None:
    text = stored.folder / "twice.txt"
    for content in ("a", "b"):
        text.write_text(content)
        assert stored.run("data", "put", str(text)).code == 0
    done = stored.run("data", "show", "twice.txt")
    ids = [item["id"] for item in stored.run("data", "ls", "twice.txt", "--json").json]
    assert done.code == 4
    assert all(f"{id} (file, " in done.err for id in ids)
    for id in ids:
        assert stored.run("data", "rm", id, "--yes").code == 0


def test_what_takes_the_room_is_told_by_kind_person_and_folder(stored: Home) -> None:
    told = stored.run("data", "du", "--json").json
    everything = stored.run("data", "ls", "--all", "--json").json
    assert told["total"] == {"items": 5, "size_bytes": sum(item["size_bytes"] for item in everything)}
    assert {row["name"]: row["items"] for row in told["kind"]} == {"image": 3, "file": 2}
    assert {row["name"]: row["items"] for row in told["folder"]} == {"run 1/day": 2, "run 1": 2, "(none)": 1}
    assert [row["items"] for row in told["person"]] == [5]
    shown = stored.run("data", "du", "--by", "kind")
    assert "FOLDER" not in shown.out
    assert "in 5 items" in shown.out


def test_a_list_goes_on_after_an_item_only(stored: Home) -> None:
    wrong = stored.run("data", "ls", "--after", "nonsense")
    assert (wrong.code, "expected the id of an item, as `data ls` shows it, got 'nonsense'" in wrong.err) == (2, True)
    assert "Nothing further fits." in stored.run("data", "ls", "--after", "00000000-0000-7000-8000-000000000000").out


def test_what_is_not_there_is_said_in_words_of_the_command_line(stored: Home) -> None:
    for wanted in ("01a1fb9b-0100-7000-8000-000000000001", "no such name", " "):
        done = stored.run("data", "show", wanted)
        assert (done.code, "`arkitekt-next data ls` lists what there is" in done.err) == (4, True), done.err


def test_an_address_where_nothing_answers_is_said_to_be_so(stored: Home) -> None:
    done = stored.run("data", "ls", "--url", "http://127.0.0.1:9")
    assert (done.code, "127.0.0.1:9" in done.err, "signed in" in done.err) == (3, True, False), done.err


def test_without_a_hub_every_command_says_so(tmp_path: Path) -> None:
    lonely = Home(tmp_path)
    for arguments in (["ls"], ["show", "x"], ["import", "x.tif"], ["put", "x"], ["get", "x"], ["export", "x"], ["du"]):
        done = lonely.run("data", *arguments, "--json")
        assert (done.code, json.loads(done.out)["error"]["code"]) == (3, "hub_unavailable"), arguments
