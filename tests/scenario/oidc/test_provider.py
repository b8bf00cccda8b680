"""How the hub asks a provider: what goes wrong, how the code is redeemed, and the settings."""

from __future__ import annotations

import base64
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt import algorithms
from jwt import encode as encode_token

from arkitekt_next.embedded import serve
from arkitekt_next.errors import RequestRefused
from arkitekt_next.hub.core.config import HubSettings
from tests.support.browsing import Browser, set_up_owner
from tests.support.provider import CLIENT, SECRET, Liar, asked_of, at_home, new_key, public_jwk, sent_to, told_of

# -- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_who_says_no_there_is_led_back(server: Any, browser: Browser) -> None:
    browser.open("/oidc/start?next=/device")
    denied = httpx2.post(sent_to(browser), data={"action": "deny"}).headers["location"]
    state = asked_of(browser)["state"]
    query = urlsplit(denied).query
    back = f"/oidc/callback?{query}" if "state=" in query else f"/oidc/callback?{query}&state={state}"
    page = browser.open(back)
    assert (page.status_code, "Lab login has not let you in" in browser.text) == (403, True)
    assert 'href="/sign-in?next=%2Fdevice"' in page.text
    for error in ("server_error", "login_required", "<script>alert(1)</script>", "", "é" * 900):
        browser.open("/oidc/start")
        page = browser.open(f"/oidc/callback?error={quote(error)}&state={asked_of(browser)['state']}")
        assert (page.status_code, "could not finish your sign-in" in browser.text) == (502, True), error
        assert "alert(1)" not in page.text


@pytest.mark.requirement("pages.oidc")
def test_a_provider_that_is_down_is_named_and_asked_again(liar: Liar) -> None:
    with serve(**told_of(liar.issuer, oidc_name="Lab login", oidc_team="home")) as server, at_home(server) as browser:
        set_up_owner(server)
        for answer in (
            (500, b"{}", {}),
            (404, b"<html>no such page</html>", {}),
            (200, b"[]", {}),
            (200, b"\xff\xfe", {}),
            (200, b'{"a":' * 50_000, {}),
            (302, b"{}", {"location": f"{liar.issuer}/elsewhere"}),
            (200, b"{}" + b" " * 600_000, {}),
            (200, b"{}", {"content-encoding": "gzip"}),
        ):
            liar.answers["/.well-known/openid-configuration"] = answer
            page = browser.open("/oidc/start?next=/device")
            assert (page.status_code, "Lab login does not answer" in browser.text) == (502, True), answer
            assert 'href="/sign-in?next=%2Fdevice"' in page.text
        assert not [path for path, _, _ in liar.heard if path == "/elsewhere"]
        liar.tell_truth()
        browser.open("/oidc/start")
        liar.answers = {"/token": (503, b"", {})}
        assert browser.open(liar.vouch(browser)).status_code == 502
        liar.tell_truth()
        browser.open("/oidc/start")
        assert browser.open(liar.vouch(browser)).status_code == 200
        browser.to_account()
        browser.submit("/sign-out")
        assert browser.sign_in("ada@lab.org").status_code == 200


@pytest.mark.requirement("pages.oidc")
def test_a_provider_that_hangs_is_not_waited_for_and_holds_nothing_up(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arkitekt_next.hub.accounts.oidc.exchange.FETCH_S", 4.0)
    release = threading.Event()
    liar.answer = lambda path: (release.wait(20), (200, b"{}", {}))[1]  # type: ignore[method-assign,assignment]
    with serve(**told_of(liar.issuer)) as server, ThreadPoolExecutor(8) as pool:
        browsers = [at_home(server) for _ in range(8)]
        waiting = [pool.submit(browser.open, "/oidc/start") for browser in browsers]
        assert httpx2.get(f"{server.url}/health").status_code == 200
        assert {page.result(19).status_code for page in waiting} == {502}
        assert len(liar.heard) == 1  # whoever came meanwhile had the one answer
        release.set()
        for browser in browsers:
            browser.web.close()


@pytest.mark.requirement("pages.oidc")
def test_a_hub_that_was_told_of_no_provider_has_no_such_page() -> None:
    with serve(log_level="error") as server, at_home(server) as browser:
        set_up_owner(server)
        browser.open("/sign-in")
        assert "/oidc/start" not in browser.page.text
        for path in ("/oidc/start", "/oidc/callback?code=1&state=2"):
            assert browser.open(path).status_code == 404
        browser.sign_in("ada@lab.org")
        assert "Linked accounts" not in browser.text
        csrf = [("csrf", dict(browser.form("/sign-out").fields)["csrf"])]
        for path in ("/oidc/link", "/oidc/join", "/oidc/unlink"):
            assert browser.post(path, csrf).status_code == 404


# -- how the provider is asked ---------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_the_code_is_redeemed_with_secret_and_verifier_and_a_name_is_asked_for(liar: Liar) -> None:
    with serve(**told_of(liar.issuer, oidc_team="home")) as server:
        for methods in (None, ["client_secret_post"], ["client_secret_basic", "client_secret_post"]):
            liar.heard.clear()
            liar.metadata = {} if methods is None else {"token_endpoint_auth_methods_supported": methods}
            server.app.state.hub.provider._metadata = None
            liar.userinfo = {"sub": f"u{methods}", "name": "From Userinfo", "email": "u@x.org", "email_verified": True}
            with at_home(server) as browser:
                browser.open("/oidc/start")
                asked = asked_of(browser)
                assert browser.open(liar.vouch(browser, f"u{methods}", name=None)).status_code == 200
                browser.to_account()
                assert "From Userinfo Sign out" in browser.text
            form, headers = next((form, headers) for path, form, headers in liar.heard if path == "/token")
            shown = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
            assert (asked["code_challenge_method"], asked["code_challenge"]) == ("S256", shown.rstrip(b"=").decode())
            assert form["redirect_uri"] == asked["redirect_uri"] == f"{server.app.state.hub.url}/oidc/callback"
            basic = base64.b64encode(f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}".encode()).decode()
            in_form = (form.get("client_id"), form.get("client_secret"))
            is_post = methods == ["client_secret_post"]
            assert in_form == ((CLIENT, SECRET) if is_post else (None, None))
            assert headers.get("authorization") == (None if is_post else f"Basic {basic}")


@pytest.mark.requirement("pages.oidc")
def test_keys_may_rotate_and_be_of_any_kind_on_the_list(liar: Liar) -> None:
    curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    kinds = {
        "RS256": (liar.key, algorithms.RSAAlgorithm),
        "PS256": (liar.key, algorithms.RSAAlgorithm),
        "ES256": (curve, algorithms.ECAlgorithm),
        "EdDSA": (edwards, algorithms.OKPAlgorithm),
    }
    with serve(**told_of(liar.issuer, oidc_team="home")) as server:
        for round, (name, (key, kind)) in enumerate(kinds.items()):
            liar.keys = [public_jwk(key, f"key-{round}", kind), {"kty": "future"}]
            liar.make_token = lambda claims, key=key, name=name, kid=f"key-{round}": encode_token(
                claims, key, algorithm=name, headers={"kid": kid}
            )
            with at_home(server) as browser:
                browser.open("/oidc/start")
                assert browser.open(liar.vouch(browser)).status_code == 200, (name, browser.text)
        asked = [path for path, _, _ in liar.heard if path == "/jwks"]
        assert len(asked) == len(kinds)  # anew for a key it did not know, and for nothing else
        liar.key, liar.keys, liar.make_token = new_key(), None, None
        liar.kid = "key-3"  # the same name for another key
        with at_home(server) as browser:
            browser.open("/oidc/start")
            assert browser.open(liar.vouch(browser)).status_code == 200
            for _ in range(2):
                liar.make_token = lambda claims: encode_token(
                    claims, new_key(), algorithm="RS256", headers={"kid": "nowhere"}
                )
                before = len(liar.heard)
                browser.open("/sign-in?next=/account")
                browser.submit("/sign-out") if browser.path == "/account" else None
                browser.open("/oidc/start")
                assert browser.open(liar.vouch(browser)).status_code == 400
                assert [path for path, _, _ in liar.heard[before:]] == ["/token", "/jwks"]


@pytest.mark.requirement("pages.oidc", "signin.secrets")
def test_the_clients_secret_is_in_no_file_log_or_page(
    liar: Liar, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(tmp_path, **told_of(liar.issuer, oidc_team="home", log_level="debug")) as server:
        liar.answers["/token"] = (401, b'{"error":"invalid_client"}', {})
        with at_home(server) as browser:
            browser.open("/oidc/start")
            page = browser.open(liar.vouch(browser))
            assert (page.status_code, "not set up well" in browser.text) == (502, True)
            liar.tell_truth()
            browser.open("/oidc/start")
            shown = page.text + browser.open(liar.vouch(browser)).text
    wanted = [SECRET, quote(SECRET, safe=""), "code=good"]
    texts = [shown, caplog.text, repr(HubSettings.load(folder=tmp_path, **told_of(liar.issuer)))]
    texts += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert "invalid_client" in caplog.text
    assert [secret for secret in wanted if any(secret in text for text in texts)] == []
    print(f"N = {len(wanted)} secrets searched for in {len(texts)} texts")


# -- settings --------------------------------------------------------------------------------------------------------


WHOLE = {"oidc_issuer": "https://login.lab.org/realms/lab", "oidc_client_id": "hub", "oidc_client_secret": "hush-hush"}


@pytest.mark.requirement("pages.oidc")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"oidc_client_secret": None}, "also needs oidc_client_secret"),
        ({"oidc_issuer": None}, "also needs oidc_issuer"),
        ({"oidc_client_id": None}, "also needs oidc_client_id"),
        ({"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None, "oidc_name": "Lab"}, "also needs"),
        ({"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None, "oidc_team": "x"}, "also needs"),
        ({"oidc_role": "member"}, "oidc_role also needs oidc_team"),
        ({"oidc_role": "owner", "oidc_team": "home"}, "setting oidc_role"),
        ({"oidc_role": "admin", "oidc_team": "home"}, "setting oidc_role"),
        ({"oidc_issuer": "http://login.lab.org"}, "setting oidc_issuer"),
        ({"oidc_issuer": "https://user:pw@login.lab.org"}, "setting oidc_issuer"),
        ({"oidc_issuer": "https://login.lab.org?x=1"}, "setting oidc_issuer"),
        ({"oidc_issuer": "https://login.lab.org#x"}, "setting oidc_issuer"),
        ({"oidc_issuer": "http://localhost.evil.org"}, "setting oidc_issuer"),
        ({"oidc_issuer": "file:///etc/passwd"}, "setting oidc_issuer"),
        ({"oidc_client_secret": "hush-hush" * 300}, "setting oidc_client_secret"),
    ],
)
def test_settings_are_all_there_or_refused_without_showing_the_secret(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(RequestRefused, match=expected) as refused:
        HubSettings.load(folder=tmp_path, **{**WHOLE, **changes})
    assert "hush-hush" not in str(refused.value)
    assert "hush-hush" not in repr(HubSettings.load(folder=tmp_path, **WHOLE))


def test_settings_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        monkeypatch.setenv(f"ARKITEKT_HUB_{name.upper()}", value)
    settings = HubSettings.load(folder=tmp_path)
    assert settings.oidc_client_secret is not None
    assert settings.oidc_client_secret.get_secret_value() == "hush-hush"
    for issuer in (
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://[::1]:9/x",
        "https://accounts.lab.org:8443/a/b/",
    ):
        assert HubSettings.load(folder=tmp_path, oidc_issuer=issuer).oidc_issuer == issuer


@pytest.mark.requirement("pages.oidc")
def test_a_hub_does_not_start_with_a_team_for_newcomers_that_it_does_not_have(issuer: str) -> None:
    with (
        pytest.raises(RequestRefused, match="there is no team 'nowhere'"),
        serve(**told_of(issuer, oidc_team="nowhere")),
    ):
        pass
