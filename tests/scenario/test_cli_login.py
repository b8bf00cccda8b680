"""Signing in from the command line: real processes against a real hub, which is approved as a browser would."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.auth.principal import Scope
from arkitekt_next.embedded import serve
from arkitekt_next.sdk.trust import fingerprint_of
from tests.support.cli import Home, Program, Terminal, home_at, write_app
from tests.support.rest import on_hub, rest
from tests.support.signing import approve, deny, expire_codes, logins_of, revoke, signed_in, state_of
from tests.support.tls import make_certificate, tls_front
from tests.support.waiting import until

APP = """
from arkitekt_next import register


@register
def double(n: int) -> int:
    return 2 * n
"""
TOKENS = """
import sys
from arkitekt_next.sdk.login import SignIn

sign_in = SignIn(sys.argv[1], url=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
tokens = set()
for _ in range(int(sys.argv[3])):
    access = sign_in()
    tokens.add(access.token)
    sign_in.refuse(access.token, "the test wants a new one")
print(len(tokens), flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serve(tmp_path_factory.mktemp("hub")) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, server: Any) -> Iterator[Home]:
    """A user who can't read the hub's key file, as on another machine."""
    with home_at(tmp_path / "home") as home:
        home.more["ARKITEKT_URL"] = server.url
        yield home


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def code_of(program: Program) -> str:
    return program.says("  code  ").split()[-1]


def device_page(server: Any) -> str:
    return f"{server.url}/device".replace("127.0.0.1", "localhost")


# -- the device grant ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("signin.device")
def test_login_shows_a_code_and_says_as_whom_it_was_approved(home: Home, server: Any) -> None:
    with home.started("login", "--app", "lab", "--headless") as program:
        assert program.says("  open  ").split()[-1] == device_page(server)
        run(approve(server, code_of(program), {Scope.READ, Scope.CALL}))
        said = program.says("is signed in at")
        assert f"lab is signed in at {server.url} as " in said
        assert "in team home; it may: call, read" in said
        program.says("It was not given: provide")
        assert program.end() == 0


@pytest.mark.requirement("signin.device")
def test_login_prints_json_lines_for_a_script(home: Home, server: Any) -> None:
    with home.started("login", "--app", "lab", "--json", "--scope", "call") as program:
        code = json.loads(program.says('"event": "code"'))
        assert code["verification_uri_complete"] == f"{device_page(server)}#{code['user_code']}"
        run(approve(server, code["user_code"]))
        done = json.loads(program.says('"event": "signed_in"'))
        assert (done["app"], done["team"], done["scopes"]) == ("lab", "home", ["call"])
        assert program.end() == 0
    assert len(program.lines) == 2


@pytest.mark.requirement("signin.device")
def test_a_denied_login_says_so(home: Home, server: Any) -> None:
    with home.started("login", "--app", "lab") as program:
        run(deny(server, code_of(program)))
        said = program.says("Error:")
        assert "the request was denied" in said
        assert "arkitekt-next login --url" in said
        assert program.end() == 5


@pytest.mark.requirement("signin.device")
def test_an_expired_login_offers_the_command_again(home: Home, server: Any) -> None:
    with home.started("login", "--app", "lab", "--json") as program:
        program.says('"event": "code"')
        run(expire_codes(server))
        error = json.loads(program.says('"error"'))["error"]
        assert "the code has expired" in error["message"]
        assert f"arkitekt-next login --url {server.url} --app lab" in error["message"]
        assert error["fields"]["outcome"] == "expired"
        assert program.end() == 5


@pytest.mark.requirement("signin.device")
def test_ctrl_c_ends_the_wait(home: Home) -> None:
    with home.started("login", "--app", "lab") as program:
        code_of(program)
        program.says("Ctrl-C stops waiting")
        program.process.send_signal(signal.SIGINT)
        assert program.end() == 130
    assert "Traceback" not in "\n".join(program.lines)


@pytest.mark.requirement("signin.device")
def test_a_hub_that_goes_away_meanwhile_is_waited_for(tmp_path: Path) -> None:
    with home_at(tmp_path / "home") as home, serve(tmp_path / "hub") as first:
        command = ("login", "--url", first.url, "--app", "lab")
        with home.started(*command) as program:
            code = code_of(program)
            first.stop()
            program.says("Trying again until the code expires")
            with serve(tmp_path / "hub", port=int(first.url.rpartition(":")[2])) as second:
                program.says("The hub answers again")
                run(approve(second, code))
                program.says("lab is signed in")
                assert program.end() == 0


@pytest.mark.requirement("signin.device")
def test_run_dev_asks_and_starts_when_it_is_approved(home: Home, server: Any) -> None:
    place = write_app(home.folder / "lab", APP, "devlab")
    with home.started("run", "dev", "--headless", at=place) as program:
        run(approve(server, code_of(program)))
        program.says("devlab is signed in")
        program.says("devlab.double")
        run(revoke(server, "devlab"))
        program.says("the sign-in of devlab")
        code_of(program)
        program.process.send_signal(signal.SIGINT)
        assert program.end() == 0
    assert "Traceback" not in "\n".join(program.lines)


@pytest.mark.requirement("signin.device")
def test_run_dev_ends_when_it_is_denied(home: Home, server: Any) -> None:
    place = write_app(home.folder / "lab", APP, "devlab")
    with home.started("run", "dev", "--headless", at=place) as program:
        run(deny(server, code_of(program)))
        program.says("the request was denied")
        assert program.end() == 5


# -- what is kept --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("signin.kept")
def test_a_sign_in_is_kept_for_its_user_whatever_the_folder(home: Home, server: Any) -> None:
    kept = run(signed_in(server, home.folder / "state", "arkitekt-cli"))
    (home.folder / "elsewhere").mkdir()
    for place in (home.folder, home.folder / "elsewhere", Path("/")):
        assert home.run("inspect", at=place).code == 0
    folder = home.folder / "state" / "credentials"
    files = [path for path in folder.iterdir() if path.suffix == ".json"]
    assert len(files) == 1
    assert kept.refresh_token in files[0].read_text()
    if os.name != "nt":
        assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())] == [0o700, 0o600] + [
            0o600 for _ in list(folder.iterdir())[1:]
        ]


@pytest.mark.requirement("signin.kept")
def test_login_does_nothing_when_the_sign_in_holds_and_anew_when_asked(home: Home, server: Any) -> None:
    run(signed_in(server, home.folder / "state", "again"))
    before = [login.id for login in run(logins_of(server, "again"))]
    done = home.run("login", "--app", "again")
    assert done.code == 0
    assert "already" in done.out
    with home.started("login", "--app", "again", "--reauth") as program:
        run(approve(server, code_of(program)))
        assert program.end() == 0
    after = [login.id for login in run(logins_of(server, "again"))]
    assert (len(before), len(after)) == (1, 1)
    assert before != after


@pytest.mark.requirement("signin.kept")
def test_an_app_without_a_sign_in_says_which_command_gives_one(home: Home, server: Any) -> None:
    done = home.run("inspect")
    assert done.code == 5
    assert f"arkitekt-next login --url {server.url} --app arkitekt-cli" in done.err
    as_json = home.run("inspect", "--json")
    assert as_json.json["error"]["code"] == "sign_in_needed"


@pytest.mark.requirement("signin.kept")
def test_status_shows_each_sign_in_and_whether_it_holds(home: Home, server: Any) -> None:
    assert home.run("status").code == 5
    run(signed_in(server, home.folder / "state", "one"))
    run(signed_in(server, home.folder / "state", "two", {Scope.CALL, Scope.READ}))
    done = home.run("status", "--json")
    assert done.code == 0
    assert [(one["app"], one["team"], one["scopes"], one["state"], one["reachable"]) for one in done.json] == [
        ("one", "home", ["call", "provide", "read"], "signed in", True),
        ("two", "home", ["call", "read"], "signed in", True),
    ]
    run(revoke(server, "two"))
    done = home.run("status")
    assert done.code == 5
    assert "Sign in again: arkitekt-next login" in done.out
    assert [one["app"] for one in home.run("status", "--json").json] == ["one"]


@pytest.mark.requirement("signin.kept")
def test_status_and_logout_work_while_the_hub_is_away(tmp_path: Path) -> None:
    with home_at(tmp_path / "home") as home:
        with serve(tmp_path / "hub") as server:
            run(signed_in(server, home.folder / "state", "lab"))
            url = server.url
        (one,) = home.run("status", "--json").json
        assert (one["url"], one["state"], one["reachable"]) == (url, "unknown", False)
        done = home.run("logout", "--url", url, "--app", "lab")
        assert done.code == 0
        assert "the hub could not be told" in done.err
        assert home.run("status", "--json").json == []


@pytest.mark.requirement("signin.kept")
def test_logout_ends_the_sign_in_at_the_hub_too(home: Home, server: Any) -> None:
    kept = run(signed_in(server, home.folder / "state", "leaving"))
    run(signed_in(server, home.folder / "state", "staying"))
    assert home.run("logout", "--app", "leaving").code == 0
    assert run(logins_of(server, "leaving")) == []

    async def status_of(token: str) -> int:
        async with rest(server, token=token) as web:
            return (await web.get("/api/me")).status_code

    assert run(status_of(kept.access_token)) == 401
    assert [one["app"] for one in home.run("status", "--json").json] == ["staying"]
    unknown = home.run("logout", "--app", "leaving")
    assert unknown.code == 4
    assert "staying at" in unknown.err
    assert home.run("logout", "--all", "--json").json[0]["told_hub"] is True
    assert run(logins_of(server, "staying")) == []


# -- renewing ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("signin.renewed")
def test_processes_that_renew_at_once_do_not_end_the_sign_in(home: Home, server: Any) -> None:
    run(signed_in(server, home.folder / "state", "crowd"))
    each, count = 15, 4
    command = [sys.executable, "-c", TOKENS, "crowd", server.url, str(each)]
    processes = [
        subprocess.Popen(command, env=home.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    assert said == [str(each)] * count
    assert len(run(logins_of(server, "crowd"))) == 1
    print(f"{count} processes asked for {each} new tokens each; the sign-in holds")


@pytest.mark.requirement("signin.renewed")
def test_an_app_goes_on_after_its_token_expired_and_its_hub_restarted(tmp_path: Path) -> None:
    with home_at(tmp_path / "home") as home:
        place = write_app(home.folder / "lab", APP, "lab")
        with serve(tmp_path / "hub", access_token_s=1) as first:
            kept = run(signed_in(first, home.folder / "state", "lab"))
            run(signed_in(first, home.folder / "state", "arkitekt-cli"))
            port = int(first.url.rpartition(":")[2])
            with home.started("run", "prod", "--url", first.url, at=place) as program:
                program.says("serving lab.double")
                assert until(lambda: not kept.is_fresh)
                first.stop()
                program.says("reconnecting")
                program.says("Trying again until it answers")  # with what keeps it from coming back
                with serve(tmp_path / "hub", access_token_s=1, port=port) as second:
                    program.says("connected again")
                    assert home.run("call", "lab.double", "21", "--url", second.url).out == "42\n"
                    with state_of(home.folder / "state") as store:
                        renewed = store.read(second.url, "lab")
                    assert renewed is not None
                    assert renewed.refresh_token != kept.refresh_token
        command = ("run", "prod", "--url", first.url)
        with serve(tmp_path / "hub", port=port), home.started(*command, at=place) as program:
            program.says("serving lab.double")


@pytest.mark.requirement("signin.renewed")
def test_an_app_whose_sign_in_is_revoked_ends_with_why(home: Home, server: Any) -> None:
    place = write_app(home.folder / "lab", APP, "revoked")
    run(signed_in(server, home.folder / "state", "revoked"))
    with home.started("run", "prod", at=place) as program:
        program.says("serving revoked.double")
        run(revoke(server, "revoked"))
        said = program.says("Error:")
        assert "the sign-in of revoked" in said
        assert f"arkitekt-next login --url {server.url} --app revoked" in said
        assert program.end() == 5
    again = home.run("run", "prod", at=place)
    assert again.code == 5
    assert "is not signed in" in again.err


@pytest.mark.requirement("signin.renewed")
def test_a_kept_token_that_the_hub_does_not_take_is_renewed_before_anybody_is_told(home: Home, server: Any) -> None:
    run(signed_in(server, home.folder / "state", "arkitekt-cli"))
    run(on_hub(server, server.app.state.hub.accounts.keys.rotate()))
    from dataclasses import replace

    with state_of(home.folder / "state") as store:
        (entry,) = store.list()
        store.write(replace(entry, access_token=entry.access_token[:-8] + "AAAAAAAA"))
    assert home.run("inspect").code == 0


# -- machines without a person -------------------------------------------------------------------------------------


@pytest.mark.requirement("signin.unattended")
def test_a_token_of_the_environment_is_used_and_its_refusal_names_the_variable(home: Home, server: Any) -> None:
    accounts = server.app.state.hub.accounts
    token, _ = run(on_hub(server, accounts.issue(team=accounts.team, person=accounts.owner, app="arkitekt-cli")))
    assert home.run("inspect", ARKITEKT_TOKEN=token).code == 0
    for command in (("inspect",), ("call", "lab.double", "1")):
        refused = home.run(*command, ARKITEKT_TOKEN="wrong")
        assert refused.code == 5, refused
        assert "ARKITEKT_TOKEN" in refused.err
    assert not list((home.folder / "state").glob("credentials/*.json"))


@pytest.mark.requirement("signin.unattended")
@pytest.mark.parametrize("is_bound", [False, True])
def test_a_redeem_token_signs_an_unattended_app_in_and_is_not_needed_again(
    home: Home, server: Any, is_bound: bool
) -> None:
    accounts = server.app.state.hub.accounts
    name = "bound" if is_bound else "single"
    place = write_app(home.folder / name, APP, name)

    async def make() -> str:
        _, who = await accounts.issue(team=accounts.team, person=accounts.owner, app="web")
        _, secret = await accounts.redeem_tokens.create(
            who,
            app=name if is_bound else None,
            scopes=[Scope.READ, Scope.CALL, Scope.PROVIDE],
            is_single_use=not is_bound,
            expires_s=60,
        )
        return str(secret)

    secret = run(on_hub(server, make()))
    for environment in ({"ARKITEKT_REDEEM_TOKEN": secret}, {}, {"ARKITEKT_REDEEM_TOKEN": secret}):
        with home.started("run", "prod", at=place, **environment) as program:
            program.says(f"serving {name}.double")
    assert len(run(logins_of(server, name))) == 1
    run(revoke(server, name))
    if is_bound:
        with home.started("run", "prod", at=place, ARKITEKT_REDEEM_TOKEN=secret) as program:
            program.says(f"serving {name}.double")
    else:
        refused = home.run("run", "prod", at=place, ARKITEKT_REDEEM_TOKEN=secret)
        assert refused.code == 5
        assert "ARKITEKT_REDEEM_TOKEN" in refused.err


@pytest.mark.requirement("signin.unattended")
@pytest.mark.parametrize("nonsense", ["htp:/x", "http://", "http://a:99999", "http://u:secret@lab", "ftp://lab"])
def test_an_address_that_is_none_names_the_variable(home: Home, nonsense: str) -> None:
    done = home.run("inspect", ARKITEKT_URL=nonsense)
    assert done.code == 2
    assert "ARKITEKT_URL: expected a hub's address" in done.err


# -- certificates --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("signin.certificates")
def test_a_hub_with_its_own_certificate_is_pinned_by_its_fingerprint(home: Home, server: Any, tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    shown = fingerprint_of(made.der)
    with tls_front(made, int(server.url.rpartition(":")[2])) as front:
        home.more["ARKITEKT_URL"] = front.url
        unknown = home.run("login", "--app", "lab")
        assert unknown.code == 2
        assert f"--fingerprint {shown}" in unknown.err
        wrong = home.run("login", "--app", "lab", "--fingerprint", "AB" * 32)
        assert wrong.code == 5
        assert shown in wrong.err
        assert front.heard == b""
        with home.started("login", "--app", "arkitekt-cli", "--fingerprint", shown) as program:
            run(approve(server, code_of(program)))
            assert program.end() == 0
        assert home.run("inspect").code == 0
        assert home.run("call", "nobody.there", "--no-wait").code == 4
        assert home.run("status", "--json").json[0]["fingerprint"] == shown
        heard = len(front.heard)
        front.certificate = make_certificate(tmp_path)
        for command in (("inspect",), ("call", "a.b"), ("login",)):
            refused = home.run(*command)
            assert refused.code == 5, refused
            assert "another one than the one pinned" in refused.err
        (one,) = home.run("status", "--json").json
        assert (one["reachable"], one["state"]) == (False, "unknown")
        assert one["reason"].startswith("its certificate is not trusted: it is another one than the one pinned")
        plain = home.run("login", "--app", "plain", "--url", front.url.replace("https", "http"))
        assert (plain.code, plain.err.count("its address begins with https://")) == (3, 1)
        assert len(front.heard) == heard


@pytest.mark.requirement("signin.certificates")
@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_a_person_at_a_terminal_is_asked_about_an_unknown_certificate(home: Home, server: Any, tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    with tls_front(made, int(server.url.rpartition(":")[2])) as front:
        for answer, code in (("n", 5), ("y", 0)):
            command = ["inspect", "--url", front.url]
            terminal = Terminal(command, at=home.folder, environment=home.environment)
            try:
                terminal.until(fingerprint_of(made.der))
                terminal.until("Are they the same?")
                terminal.press(f"{answer}\n")
                if answer == "y":
                    terminal.until("Waiting until somebody")
                    run(approve(server, user_code_in(terminal.shown)))
                assert terminal.end() == code
            finally:
                terminal.close()


@pytest.mark.requirement("signin.certificates")
@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_run_dev_asks_about_an_unknown_certificate_too(home: Home, server: Any, tmp_path: Path) -> None:
    (home.folder / "app.py").write_text("from arkitekt_next import register\n", encoding="utf-8")
    made = make_certificate(tmp_path)
    with tls_front(made, int(server.url.rpartition(":")[2])) as front:
        for answer in ("n", "y"):
            terminal = Terminal(["run", "dev", "--url", front.url], at=home.folder, environment=home.environment)
            try:
                terminal.until(fingerprint_of(made.der))
                terminal.until("Are they the same?")
                terminal.press(f"{answer}\n")
                if answer == "n":
                    assert terminal.end() == 5
                else:
                    terminal.until("Waiting until somebody")
                    terminal.press("\x03")
                    terminal.end()
            finally:
                terminal.close()


def user_code_in(shown: str) -> str:
    found = re.search(r"code\W+(?:\x1b\[[0-9;]*m)*([A-Z]{4}-[A-Z]{4})", shown)
    assert found is not None, shown
    return found[1]
