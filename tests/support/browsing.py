"""A browser without a screen: keeps cookies, reads the forms of a page, and sends them as a browser would."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Coroutine
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, TypeVar

import httpx2

from arkitekt_next.hub.accounts.throttle import Throttle
from arkitekt_next.hub.pages.app import is_built

T = TypeVar("T")

PASSWORD = "correct horse battery"
START = "/app" if is_built() else "/account"
"""Where the hub's address leads whoever is signed in: to the page, where it is built."""


@dataclass
class Form:
    """A form of a page: where it goes, and what it holds already."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._select: str | None = None
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"]))
            self._is_inside = True
        elif tag == "select" and self._is_inside:
            self._select = given["name"]
            self.forms[-1].names.add(given["name"])
        elif tag == "option" and self._select is not None and "selected" in given:
            self.forms[-1].fields.append((self._select, given["value"]))
        elif tag == "input" and self._is_inside and "name" in given:
            self.forms[-1].names.add(given["name"])
            if given.get("type") != "checkbox" or "checked" in given:
                self.forms[-1].fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "form":
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Browser:
    """One browser. `page` is what it shows; redirects on this site are followed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.web = httpx2.Client(base_url=url, timeout=20)
        self.page: httpx2.Response

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.web.close()

    @property
    def path(self) -> str:
        """Where it is."""
        return self.page.url.path

    @property
    def text(self) -> str:
        """What the page says, on one line."""
        return " ".join(" ".join(self._read().text).split())

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.page.text)
        return reader

    def open(self, path: str) -> httpx2.Response:
        """Go to a page."""
        return self._follow(self.web.get(path))

    def form(self, action: str, **known: str) -> Form:
        """Give the page's form that goes somewhere, and holds these values."""
        for form in self._read().forms:
            if form.action == action and known.items() <= dict(form.fields).items():
                return form
        raise AssertionError(f"no form for {action} with {known} on {self.path}: {self.text}")

    def submit(self, action: str, *, of: dict[str, str] | None = None, **given: str | list[str]) -> httpx2.Response:
        """Fill a form and send it; `of` says which one where there are several."""
        form = self.form(action, **(of or {}))
        fields = [(name, value) for name, value in form.fields if name not in given]
        for name, value in given.items():
            fields += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return self.post(action, fields)

    def post(self, action: str, fields: list[tuple[str, str]], **headers: str) -> httpx2.Response:
        """Send fields as a page of the hub would."""
        sent = {"origin": self.url, "content-type": "application/x-www-form-urlencoded"} | headers
        body = str(httpx2.QueryParams(fields)).encode()
        return self._follow(self.web.post(action, content=body, headers=sent))

    def _follow(self, response: httpx2.Response) -> httpx2.Response:
        while response.status_code == 303 and response.headers["location"].startswith("/"):
            response = self.web.get(response.headers["location"])
        self.page = response
        return response

    def to_account(self) -> httpx2.Response:
        """Go to the account from where one lands who has come in without wanting to go anywhere."""
        assert (self.path, self.page.status_code) == (START, 200), self.text
        return self.open("/account")

    def cookie(self, name: str = "arkitekt_page") -> str | None:
        """Give what a cookie holds."""
        value = self.web.cookies.get(name)
        return str(value) if value else None

    def passkey_options(self) -> dict[str, Any]:
        """Give what the page asks an authenticator."""
        found = re.search(r'data-options="([^"]*)"', self.page.text)
        assert found is not None, f"nothing is asked on {self.path}: {self.text}"
        options: dict[str, Any] = json.loads(html.unescape(found[1]))
        return options

    def sign_in(self, email: str, password: str = PASSWORD) -> httpx2.Response:
        """Sign in, and come to the account."""
        self.open("/sign-in?next=/account")
        return self.submit("/sign-in", email=email, password=password)


def on_hub(server: Any, work: Coroutine[Any, Any, T]) -> T:
    """Run something on the hub's own loop, and wait for it."""
    loop = server.app.state.hub.board.loop
    return asyncio.run_coroutine_threadsafe(work, loop).result(20)


def accounts(server: Any) -> Any:
    return server.app.state.hub.accounts


def events(server: Any) -> list[Any]:
    """Give the newest entries of the audit log, newest first."""
    return list(on_hub(server, accounts(server).audit.read(limit=500)))


def is_in(browser: Browser) -> bool:
    """Whether somebody is signed in."""
    return browser.web.get("/api/me").status_code == 200


def csrf_of(browser: Browser) -> str:
    """Give the token that the page's scripts send along."""
    return browser.page.text.partition('name="arkitekt-csrf" content="')[2].partition('"')[0]


def forget_tries(server: Any) -> None:
    """Let signing in begin anew: the tries of all tests come from one address."""
    accounts(server).sign_in_throttle, accounts(server).user_code_throttle = Throttle(), Throttle()


def set_up_owner(server: Any, email: str = "ada@lab.org") -> str:
    """Give the hub's owner an address and `PASSWORD`; give their id."""
    accounts = server.app.state.hub.accounts
    on_hub(server, accounts.people.set_account(accounts.owner, name="Ada", email=email, password=PASSWORD))
    return str(accounts.owner)


def add_person(server: Any, name: str, role: str, *, team: str | None = None) -> str:
    """Make an account `name@lab.org` with `PASSWORD` that belongs to a team, by default the first; give its id."""
    from arkitekt_next.auth.principal import Role

    accounts = server.app.state.hub.accounts
    made = accounts.people.create(name=name.title(), email=f"{name}@lab.org", password=PASSWORD)
    person = str(on_hub(server, made).id)
    on_hub(server, accounts.people.join(team or accounts.team, person, Role(role)))
    return person


def device_code(server: Any, app: str = "segment", scopes: str = "read call provide") -> tuple[str, str]:
    """Let an app ask for a device code; give the device code and the user code."""
    from arkitekt_next.auth.principal import Scope

    made = server.app.state.hub.accounts.devices.create(
        client="arkitekt-next",
        app=app,
        version="1.2.0",
        machine="gpu-box",
        scopes=[Scope(scope) for scope in scopes.split()],
    )
    return on_hub(server, made)
