"""Whatever an attacker writes anywhere: every screen shows it as text, runs none of it, and asks no other site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from arkitekt_next import App
from arkitekt_next.hub.pages.app import is_built
from tests.support.hostile_content import APP, CLEAN, NAMES, PRINTABLE, Agent, Content, hostile
from tests.support.payloads import PAYLOADS
from tests.web.watched import address, new_context, owned_hub, sign_in

pytestmark = [
    pytest.mark.requirement("page.hostile"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
WATCH = """
window.violations = [];
addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
TALL = (
    "Object.defineProperty(window, 'innerHeight', { get: () => 60_000 });"  # so that long lists are whole in the page
)

INSPECT = """() => {
  const never = new Set(['iframe', 'frame', 'object', 'embed', 'base', 'applet', 'audio', 'video', 'math', 'marquee',
    'template', 'style', 'foreignobject', 'animate', 'use', 'x', 'noembed', 'xmp', 'plaintext']);
  const asks = ['href', 'src', 'action', 'formaction', 'xlink:href', 'poster', 'srcset', 'srcdoc', 'data', 'ping', 'background'];
  const wrong = [...violations];
  if (window.__hit !== undefined) wrong.push('a payload ran');
  if (Object.keys(Object.prototype).length > 0) wrong.push('every object has something more');
  for (const element of document.querySelectorAll('*')) {
    const found = [];
    const tag = element.localName.toLowerCase();
    if (never.has(tag)) found.push('what content alone makes');
    if (tag === 'script' && !element.getAttribute('src')?.match(/^\\/(page|static)\\//)) found.push('a script of others');
    if (tag === 'svg' && element.getAttribute('aria-hidden') === null && !element.closest('[aria-hidden]')) found.push('a drawing of others');
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) found.push(`a handler, ${name}`);
      if (name === 'style' && /url\\(|expression|import/i.test(value)) found.push('a style that asks');
      if (!asks.includes(name)) continue;
      const to = new URL(value, location.href);
      if (to.origin !== location.origin || !/^(https?|blob):$/.test(to.protocol) || value === 'x') found.push(`${name}=${value}`);
    }
    for (const one of found) wrong.push(`${one}: ${element.outerHTML.slice(0, 200)}`);
  }
  return wrong;
}"""
GO = """async (to) => {
  history.pushState({}, '', to);
  for (let frame = 0; frame < 2; frame++) await new Promise((next) => requestAnimationFrame(next));
}"""
TEXTS = """() => [...document.querySelectorAll('body *')].flatMap((element) => [
  element.textContent, element.value, element.placeholder, element.title, element.ariaLabel]).filter(Boolean)"""
OWN = ("404", "Failed to load resource", "ERR_ABORTED")


class Watched:
    """A page whose every screen is inspected; `seen` counts how many payloads it showed as they are."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.wrong: list[str] = []
        self.screens = 0
        page.on("dialog", self._refuse)
        page.on("request", lambda request: self._ask(request.url))
        page.on("framenavigated", lambda frame: self._ask(frame.url))
        page.on("pageerror", lambda error: self.wrong.append(f"an error: {error.message} {(error.stack or '')[:300]}"))
        page.on("download", lambda download: self.wrong.append(f"a download: {download.url}"))
        page.on("console", self._hear)
        page.context.on("page", lambda other: self.wrong.append(f"another window: {other.url}"))

    def _refuse(self, dialog: Any) -> None:
        self.wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _ask(self, url: str) -> None:
        if not url.startswith((f"{self.base}/", f"blob:{self.base}/", "about:blank")):
            self.wrong.append(f"asked {url[:200]}")

    def _hear(self, said: Any) -> None:
        if said.type == "error" and not any(own in said.text for own in OWN):
            self.wrong.append(f"the console: {said.text[:300]}")

    def open(self, place: str, *shows: str) -> None:
        """Go to a place inside the page, wait until it shows something, and inspect it."""
        self.page.evaluate(GO, place)
        for text in shows:
            expect(self.page.get_by_text(text, exact=True).first).to_be_attached()
        expect(self.page.get_by_role("status", name="Loading")).to_have_count(0)
        self.inspect(place)

    def inspect(self, where: str) -> None:
        """Refuse what is on the screen when anything was made of content."""
        self.screens += 1
        wrong = [*self.wrong, *self.page.evaluate(INSPECT)]
        assert wrong == [], f"{where[:200]}: {wrong[:5]}"

    def shows(self, texts: list[str], where: str, *, least: float = 1.0) -> None:
        """Refuse a screen that does not show the payloads, letter by letter; spaces count as they are drawn."""
        found = {" ".join(text.split()) for text in self.page.evaluate(TEXTS)}
        whole = "\n".join(found)
        missing = [text for text in dict.fromkeys(texts) if " ".join(text.split()) not in whole]
        assert len(missing) <= (1 - least) * len(texts), (
            f"{where}: {len(missing)} of {len(texts)} missing: {missing[:5]}"
        )
        print(f"{where}: N = {len(texts) - len(missing)} payloads shown as text")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Content, Agent]]:
    with (
        owned_hub(tmp_path_factory.mktemp("hostile")) as running,
        App("seed", url=running.url),
        hostile(running) as (content, agent),
    ):
        yield running, content, agent


@pytest.fixture
def watched(chromium: Browser, made: tuple[Any, Content, Agent]) -> Iterator[Watched]:
    with entered(chromium, made[0]) as found:
        yield found
        found.inspect("the end")
        print(f"{found.screens} screens inspected, 0 of N = {len(PAYLOADS)} payloads ran")


@contextmanager
def entered(chromium: Browser, server: Any) -> Iterator[Watched]:
    context = new_context(chromium, server, viewport={"width": 1400, "height": 1000})
    context.add_init_script(WATCH)
    page = context.new_page()
    found = Watched(page, address(server))
    page.goto("/app")
    sign_in(page)
    expect(page.get_by_role("heading", name="Functions")).to_be_visible()
    yield found
    context.close()


def test_what_watches_sees_what_it_is_to_see(chromium: Browser, made: tuple[Any, Content, Agent]) -> None:
    with entered(chromium, made[0]) as watched:
        for text in ("<img src=x>", "<iframe></iframe>", "<svg></svg>", "<b onclick=x>", "<a href=javascript:x>"):
            watched.page.evaluate("text => { document.querySelector('main').innerHTML = text; violations = [] }", text)
            assert watched.page.evaluate(INSPECT) != [], text


def test_the_policy_lets_no_script_run_but_the_pages_own(watched: Watched) -> None:
    answer = watched.page.request.get("/app")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_functions_show_all_their_words_as_text(watched: Watched, made: tuple[Any, Content, Agent]) -> None:
    watched.page.add_init_script(TALL)
    watched.page.goto("/app")
    expect(watched.page.get_by_role("list", name="Functions").locator("li")).to_have_count(len(made[1].actions))
    watched.shows(CLEAN, "the list of functions")
    watched.inspect("the list of functions")
    for name in list(made[1].actions)[::8]:
        watched.page.goto(f"/app/functions/{quote(name)}")
        expect(watched.page.get_by_role("heading", level=1)).to_be_visible()
        watched.inspect(name)
    for name, part in {
        **{f"wide{at}": CLEAN[at : at + 100] for at in range(0, len(CLEAN), 100)},
        "keyed": CLEAN,
        "chosen": CLEAN,
    }.items():
        watched.page.goto(f"/app/functions/{APP}.{name}")
        expect(watched.page.get_by_role("button", name="Run", exact=True)).to_be_visible()
        watched.inspect(name)
        watched.shows(part, f"the form of {name}")
    watched.page.get_by_role("button", name="Run", exact=True).click()
    expect(watched.page.get_by_text(re.compile("not right yet"))).to_be_visible()
    watched.inspect("a form in which something is wrong")


def test_what_is_typed_is_text(watched: Watched) -> None:
    watched.page.goto(f"/app/functions/{APP}.f000")
    box = watched.page.locator("[data-path=k0] input")
    for text in CLEAN:
        box.fill(text)
    watched.page.get_by_role("button", name="Save as shortcut").click()
    watched.inspect("a form that was typed into")
    watched.page.goto("/app/data")
    for text in CLEAN[::4]:
        watched.page.get_by_label("Search names and notes").fill(text)
    watched.inspect("a search")


def test_tasks_show_what_was_said_answered_and_went_wrong_as_text(
    watched: Watched, made: tuple[Any, Content, Agent]
) -> None:
    content, agent = made[1], made[2]
    watched.open("/app/tasks", f"{APP}.gives")
    for name in ("gives", "streams", "fails"):
        watched.page.goto(f"/app/tasks/{content.tasks[name]}")
        expect(watched.page.get_by_role("log")).to_contain_text(CLEAN[-1])
        for summary in watched.page.locator("summary").all():
            summary.click()
        watched.inspect(name)
        watched.shows(CLEAN, f"the task {name}")
        watched.open(f"/app/tasks/{content.tasks[name]}/history")
    watched.page.goto(f"/app/tasks/{content.tasks['live']}")
    for text in CLEAN:
        agent.do(agent.say(content.tasks["live"], text))
    expect(watched.page.get_by_text(CLEAN[-1], exact=True).first).to_be_visible()
    watched.inspect("progress")


def test_data_shows_names_notes_tags_folders_and_content_as_text(
    watched: Watched, made: tuple[Any, Content, Agent]
) -> None:
    content, page = made[1], watched.page
    page.add_init_script(TALL)
    page.goto("/app/data")
    expect(page.get_by_role("list", name="Data").locator("li")).to_have_count(
        len(content.items) + len(content.special) - 1  # all but the folder
    )
    watched.shows(NAMES, "the list of data")
    page.get_by_role("button", name="Choose several").click()
    page.get_by_role("button", name="Pictures").click()
    watched.inspect("the list of data as pictures")
    page.get_by_role("button", name="Rows").click()
    for id in [*list(content.items)[::5], *(id for name, id in content.special.items() if name != "folder")]:
        watched.open(f"/app/data/{id}", "takes")
    for id in list(content.items)[:20]:
        watched.open(f"/app/data/{id}/history")
    watched.open(f"/app/data?folder={content.special['folder']}")
    for ending in ("txt", "json", "csv", "md", "xml", "constructor", "html", "svg", "png", "__proto__"):
        page.goto(f"/app/data/{content.special[f'file {ending}']}")
        shown = ending in ("txt", "csv", "md", "xml", "json")
        expect(page.get_by_role("region", name=f"File a.{ending}")).to_contain_text(
            "<script>__hit=1</script>" if shown else "Download"
        )
        watched.inspect(f"a file .{ending}")
        if ending == "txt":
            watched.shows(CLEAN, "a text file")
    for name in ("columns", "cells"):
        page.goto(f"/app/data/{content.special[name]}")
        expect(page.get_by_role("gridcell").first).to_be_visible()
        box = page.get_by_role("grid")
        for _ in range(30):
            box.press("PageDown" if name == "cells" else "ArrowRight")
            watched.inspect(name)
    page.goto(f"/app/data/{content.special['noted']}")
    expect(page.get_by_text("constructor").first).to_be_attached()
    watched.shows(CLEAN, "a note")
    for name in ("channels", "axes"):
        page.goto(f"/app/data/{content.special[name]}")
        expect(page.get_by_role("application")).to_be_visible()
        watched.inspect(name)


def test_the_screens_of_the_team_show_people_machines_and_the_log_as_text(watched: Watched) -> None:
    watched.page.add_init_script(TALL)
    for place in ("apps", f"apps/{APP}", "people", "tokens", "storage", "health", "audit"):
        watched.page.goto(f"/app/team/{place}")
        expect(watched.page.get_by_role("heading", level=1)).to_be_visible()
        expect(watched.page.get_by_role("status", name="Loading")).to_have_count(0)
        if place in ("people", "audit", "tokens"):
            wanted = {"people": PRINTABLE, "audit": PRINTABLE, "tokens": [text[:60] for text in CLEAN]}[place]
            last = watched.page.get_by_text(re.compile(re.escape("<svg onerror=__hit=1>"))).first
            expect(last).to_be_attached()
            watched.shows(wanted, f"the screen {place}", least=0.95)
        watched.inspect(place)
    watched.page.get_by_role("button", name=re.compile("^Team:")).click()
    watched.shows(PRINTABLE[:120], "the teams")
    watched.inspect("the teams")
    watched.page.goto("/account")
    watched.inspect("the account")


PLACES = ("/tasks?q={}", "/functions/{}", "/data/{}?with={}")


def test_addresses_are_text(watched: Watched) -> None:
    for text in PAYLOADS:
        asked = quote(text.replace("\x00", "%00"), safe="")
        for place in PLACES:
            watched.page.evaluate(GO, f"/app{place.replace('{}', asked)}")
            watched.inspect(f"{place} with {text!r}")
