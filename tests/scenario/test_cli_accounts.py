"""`hub user`, `team`, `login`, `token`, `client`, `keys`, `audit`: the hub's people from the command line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Home, Terminal, home_at


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_at(tmp_path_factory.mktemp("accounts") / "home") as made:
        assert made.run("hub", "start", "--background", "--durability", "normal").code == 0
        yield made


def url_of(home: Home) -> str:
    """Give the address that links have: by name, as passkeys want it."""
    url: str = json.loads((home.hub_folder / "hub.json").read_text())["url"]
    return url.replace("127.0.0.1", "localhost")


@pytest.mark.requirement("cli.accounts")
def test_an_account_is_made_linked_disabled_and_enabled(home: Home) -> None:
    added = home.run("hub", "user", "add", "ada@lab.org", "--role", "admin")
    assert added.code == 0, added.err
    assert f"{url_of(home)}/setup#" in added.out
    listed = home.run("hub", "user", "list", "--json").json
    ada = next(p for p in listed if p["email"] == "ada@lab.org")
    assert (ada["name"], ada["has_password"], ada["is_disabled"]) == ("ada", False, False)
    table = home.run("hub", "user", "list").lines
    assert table[0].split() == ["ID", "NAME", "E-MAIL", "SINCE", "STATE"]
    assert any("ada@lab.org" in line and "no password yet" in line for line in table)
    link = home.run("hub", "user", "link", "ADA@lab.org", "--json").json
    assert link["person"] == ada["id"]
    assert link["link"].startswith(f"{url_of(home)}/setup#")
    assert home.run("hub", "user", "disable", "ada", "--yes").code == 0
    assert "disabled" in home.run("hub", "user", "list").out
    assert home.run("hub", "user", "enable", ada["id"], "--json").json["is_disabled"] is False
    again = home.run("hub", "user", "add", "ada@lab.org")
    assert (again.code, "already" in again.err) == (5, True)
    missing = home.run("hub", "user", "link", "nobody@lab.org")
    assert (missing.code, "There are: " in missing.err) == (4, True)
    assert home.run("hub", "user", "link", "nobody@lab.org", "--json").json["error"]["code"] == "not_found"


@pytest.mark.requirement("cli.accounts", "cli.scripts")
def test_what_can_not_be_undone_asks_at_a_terminal_and_names_the_flag_without(home: Home) -> None:
    assert home.run("hub", "user", "add", "grace@lab.org").code == 0
    unasked = home.run("hub", "user", "disable", "grace@lab.org")
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    terminal = Terminal(["hub", "user", "disable", "grace@lab.org"], at=home.folder, environment=home.environment)
    try:
        terminal.until("[y/N]")
        terminal.press("n\n")
        assert terminal.end() == 130
    finally:
        terminal.close()
    people = home.run("hub", "user", "list", "--json").json
    assert [p["is_disabled"] for p in people if p["email"] == "grace@lab.org"] == [False]
    for command in (
        ("team", "remove", "grace"),
        ("user", "make-owner", "grace"),
        ("login", "revoke", "01a1fb9b"),
        ("client", "remove", "none"),
    ):
        assert home.run("hub", *command).code in (2, 4), command


@pytest.mark.requirement("cli.accounts")
def test_a_team_is_made_filled_and_kept(home: Home) -> None:
    assert home.run("hub", "team", "create", "imaging").code == 0
    teams = home.run("hub", "team", "list", "--json").json
    assert [(t["name"], t["is_current"], t["role"]) for t in teams] == [
        ("home", True, "owner"),
        ("imaging", False, "owner"),
    ]
    assert any(line.endswith("home *") for line in home.run("hub", "team", "list").lines)
    empty = home.run("hub", "team", "invitations", "--team", "imaging")
    assert (empty.code, empty.out) == (0, "No invitation is open. Make one: arkitekt-next hub team invite\n")
    invited = home.run("hub", "team", "invite", "--team", "imaging", "--role", "guest", "--uses", "3", "--json").json
    assert (invited["uses_left"], invited["role"]) == (3, "guest")
    assert invited["link"].startswith(f"{url_of(home)}/invite#")
    assert invited["id"] in home.run("hub", "team", "invitations", "--team", "imaging").out
    assert home.run("hub", "team", "invitations", "--json").json == []  # of the other team
    assert home.run("hub", "team", "uninvite", invited["id"], "--team", "imaging").code == 0
    assert home.run("hub", "team", "uninvite", invited["id"], "--team", "imaging").code == 4
    assert home.run("hub", "user", "add", "lin@lab.org", "--team", "imaging").code == 0
    assert home.run("hub", "team", "role", "lin@lab.org", "owner", "--team", "imaging").code == 0
    members = home.run("hub", "team", "members", "--team", "imaging", "--json").json
    assert [(m["name"], m["role"]) for m in members][1:] == [("lin", "owner")]
    assert home.run("hub", "team", "remove", "lin", "--team", "imaging", "--yes", "--json").json == {
        "removed": members[1]["id"]
    }
    last = home.run("hub", "team", "remove", members[0]["id"], "--team", "imaging", "--yes")
    assert (last.code, "only owner" in last.err) == (5, True)
    nowhere = home.run("hub", "team", "members", "--team", "none")
    assert (nowhere.code, "There are: home, imaging" in nowhere.err) == (4, True)


@pytest.mark.requirement("cli.accounts")
def test_a_function_is_shared_with_a_guest_by_name_and_taken_back(home: Home, tmp_path: Path) -> None:
    place = tmp_path / "lens"
    place.mkdir()
    assert home.run("init", "--yes", at=place).code == 0
    assert home.run("hub", "user", "add", "gast@else.org", "--role", "guest").code == 0
    with home.started("run", "prod", at=place) as app:
        app.says("lens.pixel_size")
        assert "No guest sees lens.pixel_size" in home.run("hub", "team", "shares", "lens.pixel_size").out
        shared = home.run("hub", "team", "share", "lens.pixel_size", "gast@else.org")
        assert (shared.code, shared.out) == (0, "✓ gast sees and calls lens.pixel_size now.\n")
        listed = home.run("hub", "team", "shares", "lens.pixel_size", "--json").json
        assert [share["person"]["name"] for share in listed] == ["gast"]
        assert home.run("hub", "team", "shares", "lens.pixel_size").lines[1].split()[0] == "gast"
        assert home.run("hub", "team", "unshare", "lens.pixel_size", "gast").code == 0
        assert home.run("hub", "team", "shares", "lens.pixel_size", "--json").json == []
        assert home.run("hub", "team", "share", "lens.none", "gast").code == 4
        assert home.run("hub", "team", "share", "lens.pixel_size", "nobody").code == 4


def own_logins(home: Home) -> list[dict[str, Any]]:
    """List the command line's own sign-ins."""
    return [login for login in home.run("hub", "login", "list", "--json").json if login["app"] == "arkitekt-cli"]


@pytest.mark.requirement("cli.accounts")
def test_tokens_sign_ins_and_programs_are_listed_made_and_ended(home: Home) -> None:
    assert "hub token create" in home.run("hub", "token", "list").out
    made = home.run("hub", "token", "create", "--app", "segment", "--scope", "read", "--json").json
    assert (made["app"], made["scopes"], made["is_single_use"]) == ("segment", ["read"], False)
    shown = home.run("hub", "token", "list")
    assert made["id"] in shown.out
    assert made["secret"] not in shown.out
    assert home.run("hub", "token", "revoke", made["id"]).code == 0
    assert home.run("hub", "token", "list", "--json").json == []
    logins = own_logins(home)
    assert [(i["app"], i["kind"], i["is_current"]) for i in logins] == [("arkitekt-cli", "local", True)]
    assert "PERSON" in home.run("hub", "login", "list", "--all").lines[0]
    assert home.run("hub", "login", "revoke", logins[0]["id"], "--yes").code == 0
    assert own_logins(home)[0]["id"] != logins[0]["id"]  # signed in anew
    assert "No program" in home.run("hub", "client", "list").out
    added = home.run("hub", "client", "add", "Plates", "--redirect", "https://plates.example.org/cb", "--json").json
    assert added["secret"]
    assert added["id"] in home.run("hub", "client", "list").out
    assert home.run("hub", "client", "add", "Bad", "--redirect", "http://plates.example.org/cb").code == 2
    assert home.run("hub", "client", "remove", "plates", "--yes", "--json").json == {"removed": added["id"]}


@pytest.mark.requirement("cli.accounts", "guard.audit")
def test_keys_are_rotated_and_the_log_shows_what_was_done_and_whether_it_was_changed(home: Home) -> None:
    before = home.run("hub", "keys", "list", "--json").json
    made = home.run("hub", "keys", "rotate", "--json").json
    after = home.run("hub", "keys", "list", "--json").json
    assert [k["id"] for k in after] == [made["id"], *(k["id"] for k in before)]
    assert [k["signs"] for k in after] == [True] + [False] * len(before)
    log = home.run("hub", "audit", "--json").json
    assert log[-1]["event"] == "key.rotated"
    lines = home.run("hub", "audit", "--limit", "1").lines
    assert len(lines) == 1
    assert "key.rotated" in lines[0]
    of_team = [entry for entry in log if entry["team"] is not None]
    assert home.run("hub", "audit", "--team", "--json").json[-1] == of_team[-1]
    me = home.run("hub", "user", "list", "--json").json[0]
    by_me = [line for line in home.run("hub", "audit").lines if "key.rotated" in line]
    assert [(f"  {me['name']} " in line, me["id"] in line) for line in by_me] == [(True, False)] * len(by_me)
    assert by_me
    whole = home.run("hub", "audit", "--verify")
    assert (whole.code, f"All {log[-1]['number']} entries" in whole.out) == (0, True)
    with home.started("hub", "audit", "--follow", "--limit", "1", "--json") as follower:
        follower.says("key.rotated")
        assert home.run("hub", "team", "invite").code == 0
        assert json.loads(follower.says("invitation.created"))["number"] == log[-1]["number"] + 1
    change(home.hub_folder / "hub.db", number=log[-1]["number"])
    broken = home.run("hub", "audit", "--verify")
    assert (broken.code, f"Entry {log[-1]['number']} was changed" in broken.out) == (1, True)
    assert home.run("hub", "audit", "--verify", "--json").json["broken_at"] == log[-1]["number"]


def change(database: Path, *, number: int) -> None:
    with sqlite3.connect(database, timeout=20) as db:
        db.execute("UPDATE audit SET event = 'nothing happened' WHERE number = ?", (number,))
    db.close()
