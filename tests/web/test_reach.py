"""Every action is within reach of the keyboard: whatever reacts to a click has the focus or an equal that has.

Source: WCAG 2.2, success criterion 2.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from scripts.shoot_page import DRAWN, filled, settle

from arkitekt_next.hub.pages.app import is_built
from tests.web.watched import opened, signed_in

pytestmark = [
    pytest.mark.requirement("page.keyboard"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
MOST = 400
"""Presses of Tab after which a screen is given up: none has as many stops."""

BEGIN = """() => {
  const reactive = 'a[href], button, input, select, textarea, summary, [tabindex], [role=button], [role=tab],'
    + '[role=option], [role=slider], [role=menuitem], [role=treeitem], [role=gridcell], [role=checkbox], [role=switch]';
  const handlers = ['onClick', 'onPointerDown', 'onMouseDown', 'onDoubleClick', 'onPointerUp', 'onMouseUp'];
  const heard = (element) => {
    const props = Object.keys(element).find((key) => key.startsWith('__reactProps$'));
    return props !== undefined && handlers.some((name) => typeof element[props][name] === 'function');
  };
  const within = document.querySelector('dialog:modal') ?? document.body;
  const isDrawn = ({width, height}) => width > 1 && height > 1; // what is clipped away, no pointer finds
  const isThere = (element) => isDrawn(element.getBoundingClientRect()) && element.checkVisibility({checkVisibilityCSS: true}) && !element.closest('[inert]')
    && !element.matches(':disabled, [type=hidden]') && element.id !== 'main';
  window.acting = [...within.querySelectorAll('*')]
    .filter((element) => isThere(element) && (element.matches(reactive) || heard(element)));
  window.reached = new Set();
  window.isRound = false;
  const first = {};
  const note = (element) => {
    const active = element.getAttribute('aria-activedescendant');
    window.reached.add(element);
    if (active && document.getElementById(active)) window.reached.add(document.getElementById(active));
  };
  window.note = () => note(document.activeElement);
  document.addEventListener('focusin', ({target}) => {
    if (target === first.stop) window.isRound = true;
    first.stop ??= target;
    note(target);
  });
  document.activeElement?.blur();
  return window.acting.length;
}"""
WIDGETS = """() => {
  const kinds = '[role=tree], [role=grid], [role=listbox], [role=tablist], [role=toolbar], [data-list]';
  window.widgets = [...document.querySelectorAll(kinds)].filter((one) => one.checkVisibility());
  return window.widgets.length;
}"""
ENTER = """(at) => {
  const widget = window.widgets[at];
  const stop = [...window.reached].find((one) => widget.contains(one));
  stop?.focus();
  const members = widget.querySelectorAll('[role=treeitem], [role=option], [role=tab], [role=columnheader], a, button');
  return {role: widget.getAttribute('role'), count: stop ? Math.min(60, members.length) : 0};
}"""
MISSED = """() => {
  const isReached = (element) => element != null && window.reached.has(element);
  const inGrid = (element) => {
    const grid = element.closest('[role=grid]');
    const cells = grid ? [...window.reached].filter((one) => grid.contains(one) && one.matches('[role=gridcell]')) : [];
    const rows = new Set(cells.map((cell) => cell.closest('[role=row]')));
    const columns = new Set(cells.map((cell) => cell.getAttribute('aria-colindex')));
    return element.matches('[role=gridcell]') && rows.size > 1 && columns.size > 1;
  };
  const inPicture = (element) => {  // of a history, which the tree beside it says as well
    if (!element.closest('.react-flow')?.closest('[aria-hidden=true]')) return false;
    const id = element.closest('.react-flow__node')?.dataset.id.split(':')[1];
    if (id === undefined) return [...window.reached].some((one) => one.matches('[aria-label="Show all of it"]'));
    const leads = `a[href*="${id}"]`;
    return [...window.reached].some((one) => one.closest('[role=tree]') && (one.matches(leads) || one.querySelector(leads)));
  };
  const hasEqual = (element) => inGrid(element) || inPicture(element)
    || (element.type === 'radio' && [...document.getElementsByName(element.name)].some(isReached))
    || isReached(element.closest('[role=columnheader]'))  /* Enter sorts by it */
    || isReached([...window.reached].find((one) => one.matches('[role=treeitem]') && one.querySelector('a') === element))
    || (element.closest('[aria-hidden=true]') && isReached(element.closest('[role=treeitem][aria-expanded]')));
  return window.acting.filter((element) => element.isConnected && !isReached(element) && !hasEqual(element))
    .map((element) => element.outerHTML.slice(0, 160));
}"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str]]]:
    """A hub in which every screen has something to show, and the screens."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ARKITEKT_HUB_FOLDER", "ARKITEKT_STATE_FOLDER", "ARKITEKT_CACHE"):
            patch.setenv(name, "")  # what is set for the hub goes with the test
        with filled(tmp_path_factory.mktemp("reach")) as made:
            yield made


def walk(page: Page) -> tuple[int, list[str]]:
    """Go through a screen by keys; give how much on it reacts to a click, and what of that no key leads to."""
    count = page.evaluate(BEGIN)
    for _ in range(MOST // 10):
        for _ in range(10):
            page.keyboard.press("Tab")
        if page.evaluate("window.isRound"):
            break
    for at in range(page.evaluate(WIDGETS)):
        widget = page.evaluate(ENTER, at)
        there_and_back = ["Home", *["ArrowDown"] * widget["count"], "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowUp"]
        along_the_head = ["ArrowDown", "Control+Home", "ArrowUp", *["ArrowRight"] * widget["count"]]
        for key in (there_and_back + along_the_head * (widget["role"] == "grid")) if widget["count"] else ():
            page.keyboard.press(key)
            page.evaluate("window.note()")
    return count, page.evaluate(MISSED)


def open_team_menu(page: Page) -> None:
    page.goto("/app/tasks")
    page.get_by_role("button", name="Team:").click()


def show_pictures(page: Page) -> None:
    page.goto("/app/data")
    page.get_by_role("button", name="Pictures").click()


def choose_several(page: Page) -> None:
    page.goto("/app/data")
    page.get_by_role("button", name="Rows").click()
    page.get_by_role("button", name="Choose several").click()


def ask_before_removing(page: Page) -> None:
    page.goto("/app/team/people")
    page.get_by_role("button", name="Remove Grace").click()
    expect(page.get_by_role("dialog")).to_be_visible()


STATES: dict[str, Callable[[Page], None]] = {
    "team menu": open_team_menu,
    "pictures": show_pictures,
    "choosing": choose_several,
    "dialog": ask_before_removing,
}
"""Screens that one comes to by a click, besides those that have an address."""


def test_whatever_reacts_to_a_click_is_within_reach_of_the_keyboard(
    chromium: Browser, hub: tuple[Any, dict[str, str]]
) -> None:
    server, screens = hub
    found, missed = 0, {}
    with opened(chromium, server) as page:
        page.goto("/sign-in")
        count, wrong = walk(page)
        assert (count > 2, wrong) == (True, [])
        found += count
    with signed_in(chromium, server, expected=("404",)) as page:
        for name, place in screens.items():
            page.goto(place)
            settle(page)
            if name in DRAWN:
                expect(page.locator(DRAWN[name]).first).to_be_visible()
            if name.endswith("history"):
                expect(page.locator(".react-flow__node").first).to_be_visible()
            count, wrong = walk(page)
            assert count > 1, name
            found += count
            if wrong:
                missed[name] = wrong
        for name, come in STATES.items():
            come(page)
            settle(page)
            count, wrong = walk(page)
            assert count > 1, name
            found += count
            if wrong:
                missed[name] = wrong
    print(f"N = {found} elements that react to a click on {len(screens) + len(STATES) + 1} screens")
    assert missed == {}, "".join(f"\n{name}: {one}" for name, all in missed.items() for one in all)


def test_keys_do_what_is_within_their_reach(chromium: Browser, hub: tuple[Any, dict[str, str]]) -> None:
    server, screens = hub
    with signed_in(chromium, server) as page:
        page.goto(screens["item-table"])
        page.get_by_role("grid").focus()
        for key in ("ArrowDown", "Control+Home", "ArrowUp", "ArrowRight", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_role("columnheader", name="area")).to_have_attribute("aria-sort", "ascending")
        page.keyboard.press("Enter")
        expect(page.get_by_role("columnheader", name="area")).to_have_attribute("aria-sort", "descending")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("gridcell", selected=True)).to_have_text("499")
        page.goto(screens["history"] + "?view=list")
        tree = page.get_by_role("tree")
        tree.get_by_role("treeitem").first.focus()
        page.keyboard.press("Home")
        expanded = page.locator("[role=treeitem]:focus")
        expect(expanded).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowLeft")
        expect(expanded).to_have_attribute("aria-expanded", "false")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/app/tasks/"))


def test_what_only_a_mouse_reaches_is_found(chromium: Browser, hub: tuple[Any, dict[str, str]]) -> None:
    server, _ = hub
    with signed_in(chromium, server) as page:
        page.goto("/app/tasks")
        settle(page)
        link = page.get_by_role("list", name="Tasks").get_by_role("link").first
        expect(link).to_be_visible()
        page.evaluate(
            """() => {
              const made = document.createElement('span');
              made.textContent = 'Only by mouse';
              made.__reactProps$test = {onClick: () => 0};
              const button = document.createElement('button');
              button.tabIndex = -1;
              button.textContent = 'Left out';
              document.querySelector('main').append(made, button);
            }"""
        )
        _, wrong = walk(page)
        assert [text.partition(">")[2] for text in wrong] == ["Only by mouse</span>", "Left out</button>"]
