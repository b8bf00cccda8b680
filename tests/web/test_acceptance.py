"""The whole path in a real browser, from an empty hub to a second person, each step by what is on the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from playwright.sync_api import Browser, Page, expect

from arkitekt_next.embedded import serve
from arkitekt_next.hub.pages.app import is_built
from tests.support.browsing import PASSWORD, on_hub
from tests.support.cli import Home, home_at
from tests.web.conftest import shoot
from tests.web.test_images import shows
from tests.web.watched import drop, fill_everything, opened

pytestmark = [
    pytest.mark.requirement("page.path"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
ROOT = Path(__file__).parents[2]
APP = """
import numpy as np

from arkitekt_next import Image
from tests.support.page_lab import make_page_lab

app = make_page_lab()


@app.register
def gradient() -> None:
    "Store a picture by a name."
    Image.save((np.mgrid[:64, :96][0] * 600).astype(np.uint16), name="gradient", axes="yx")
"""
T, Z, SIDE = 3, 4, 300
NOT_FOUND = ("404",)  # what a browser writes of each answer that says a thing is not there


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with serve(tmp_path / "hub", log_level="error") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, server: Any) -> Iterator[Home]:
    """A machine that can't read the hub's key, with an app in a folder."""
    with home_at(tmp_path / "home") as home:
        home.more |= {"ARKITEKT_URL": server.url, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        (home.folder / "lab").mkdir()
        (home.folder / "lab" / "app.py").write_text(APP, "utf-8")
        (home.folder / "lab" / "pyproject.toml").write_text('[tool.arkitekt_next]\nidentifier = "lab"\n', "utf-8")
        yield home


def test_the_whole_path_from_an_empty_hub_to_a_second_person(server: Any, home: Home, chromium: Browser) -> None:
    with opened(chromium, server) as page:
        make_the_account(server, page)
        approve(page, home)
        with home.started("run", "prod", at=home.folder / "lab"):
            run_a_function_of_every_kind(page)
            cancel_another(page)
            see_an_error(page)
            team_item = drop_an_image(page, "stack", home.folder)
            result = run_on_it_and_look(page)
            run_again(page, result)
            private_item = drop_an_image(page, "secret", home.folder)
            private_result = keep_it_for_oneself(page)
            link = invite(page)
            with opened(chromium, server, expected=NOT_FOUND) as theirs:
                enter(theirs, link)
                see_what_is_the_teams(theirs, team_item)
                see_nothing_private(theirs, private_item, private_result, team_item)


def go(page: Page, place: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=place).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Apps" if place == "Team" else place)


def find(page: Page, word: str, name: str) -> None:
    """Find a function by a word, and open its form."""
    go(page, "Functions")
    page.keyboard.press("/")
    page.keyboard.type(word)
    expect(page.get_by_role("list", name="Functions").get_by_role("link")).to_have_count(1)
    page.get_by_role("list", name="Functions").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def run(page: Page, state: str = "done") -> str:
    """Run the form to its end; give the address of the task."""
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(re.compile("/app/tasks/"))
    expect(page.get_by_role("region", name="State")).to_contain_text(state)
    return page.url


def make_the_account(server: Any, page: Page) -> None:
    hub = server.app.state.hub.accounts
    page.goto(f"/setup#{on_hub(server, hub.links.create(hub.owner))}")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill("ada@lab.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Functions")
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()
    shoot(page, "path-empty")
    for place in ("Tasks", "Data"):
        go(page, place)
        expect(page.get_by_role("list", name=place)).to_have_count(0)


def approve(page: Page, home: Home) -> None:
    """Sign an app in by the code that it shows."""
    with home.started("login", "--app", "lab") as login:
        code = login.says("  code  ").split()[-1]
        go(page, "Team")
        page.get_by_role("link", name="Let an app in").click()
        page.get_by_label("The code that the app shows").fill(code.lower())
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Let lab in?")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("lab is in")
        login.says("lab is signed in")
    page.goto("/app")


def run_a_function_of_every_kind(page: Page) -> None:
    expect(page.get_by_role("list", name="Functions").get_by_role("link", name="Everything")).to_be_visible()
    find(page, "picture by a name", "Gradient")
    run(page)
    find(page, "everyth", "Everything")
    fill_everything(page, "gradient")
    run(page)
    shown = page.get_by_role("main")
    for text in ("4611686018427387904", "Stain.GFP", "(64, 96) uint16", "Decimal('0.10')", "'many'", "{'a': 1}"):
        expect(shown).to_contain_text(text)
    find(page, "steps", "Steps")
    page.get_by_label("Count", exact=True).fill("40")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("step 3 of 40")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile("[1-9]"))
    expect(page.get_by_role("region", name="State")).to_contain_text("done")
    expect(page.get_by_role("region", name="Result")).to_contain_text("40")


def cancel_another(page: Page) -> None:
    find(page, "steps", "Steps")
    page.get_by_label("Count", exact=True).fill("2000")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("step 3 of 2000")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("region", name="State")).to_contain_text("cancelled")


def see_an_error(page: Page) -> None:
    find(page, "fails", "Fails")
    page.get_by_label("Reason").fill("no such well")
    run(page, "failed")
    expect(page.get_by_role("alert")).to_contain_text("ValueError")
    expect(page.get_by_role("alert")).to_contain_text("no such well")


def drop_an_image(page: Page, name: str, folder: Path) -> str:
    """Drop an image of several times and planes, each of one brightness but for two corners; give its id."""
    values = np.empty((T, Z, SIDE, SIDE), np.uint16)
    for t in range(T):
        for z in range(Z):
            values[t, z] = 4000 * t + 1000 * z
    values[:, :, :20, :20], values[:, :, -20:, -20:] = 11_000, 0
    path = folder / f"{name}.ome.tif"
    tifffile.imwrite(path, values, metadata={"axes": "TZYX"}, ome=True, compression="zlib")
    go(page, "Data")
    drop(page, path, path.name, "image/tiff")
    brought = page.get_by_role("region", name="Files that are brought in")
    expect(brought.get_by_role("heading")).to_have_text(re.compile("through$"), timeout=60_000)
    brought.get_by_role("link", name=path.name).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    return page.url.rpartition("/")[2]


Step = tuple[str, str, tuple[int, int, int]]


def look_around(page: Page, steps: list[Step]) -> None:
    """Move what is moved in the viewer, and see the pixels change."""
    frame = page.get_by_role("application")
    expect(frame.locator("canvas").first).to_be_visible()
    for label, value, color in steps:
        page.get_by_label(label, exact="shown" not in label).fill(value)
        shows(frame, color)


def run_on_it_and_look(page: Page) -> str:
    """Look at what was dropped, run a function on it, and look at what came of it; give the address of that."""
    look_around(
        page,
        [
            ("brightest shown", "11000", (46, 46, 46)),  # the third plane at the first time: 2000 of 11000
            ("Z", "3", (70, 70, 70)),
            ("Time", "2", (255, 255, 255)),
            ("Time", "1", (162, 162, 162)),
            ("brightest shown", "7000", (255, 255, 255)),
            ("Z", "0", (146, 146, 146)),
        ],
    )
    shoot(page, "path-viewer")
    find(page, "brightest", "Threshold")
    page.get_by_label("Image", exact=True).fill("stack")
    page.get_by_role("option", name="stack").click()
    run(page)
    page.get_by_role("region", name="Result").get_by_role("link").click()
    expect(page.get_by_role("region", name="History")).to_contain_text("Made by lab.threshold from stack")
    look_around(
        page,
        [
            ("dim_0", "1", (0, 0, 0)),  # of the second time, the last two planes are above half of the brightest
            ("dim_1", "2", (255, 255, 255)),
            ("dim_1", "1", (0, 0, 0)),
            ("dim_0", "2", (255, 255, 255)),
        ],
    )
    return page.url


def run_again(page: Page, result: str) -> None:
    page.get_by_role("link", name="How it was made").click()
    tree = page.get_by_role("tree", name="How it was made")
    expect(tree).to_contain_text("lab.threshold")
    expect(tree).to_contain_text("stack")
    first = tree.get_by_role("link", name=re.compile("lab.threshold")).get_attribute("href")
    page.goto(result)
    page.get_by_role("button", name="Run again").click()
    expect(page).to_have_url(re.compile("/app/tasks/"))
    assert not page.url.endswith(str(first))
    expect(page.get_by_role("region", name="State")).to_contain_text("done")
    expect(page.get_by_role("link", name="The run it repeats")).to_have_attribute("href", str(first))


def keep_it_for_oneself(page: Page) -> str:
    """Make an item one's own, and run something on it whose values are kept from the team; give what came of it."""
    page.get_by_role("button", name="Make it private").click()
    expect(page.get_by_role("main")).to_contain_text("only you")
    find(page, "brightest", "Threshold")
    page.get_by_label("Image", exact=True).fill("secret")
    page.get_by_role("option", name="secret").click()
    page.get_by_label("Keep values from the team").check()
    run(page)
    page.get_by_role("region", name="Result").get_by_role("link").click()
    expect(page.get_by_role("region", name="History")).to_contain_text("from secret")
    return page.url.rpartition("/")[2]


def invite(page: Page) -> str:
    go(page, "Team")
    page.get_by_role("navigation", name="Team").get_by_role("link", name="People").click()
    page.get_by_label("Invite as").select_option("member")
    page.get_by_role("button", name="Make a link").click()
    return page.get_by_label("The link").input_value()


def enter(theirs: Page, link: str) -> None:
    theirs.goto(link)
    theirs.get_by_label("Name").fill("Grace Hopper")
    theirs.get_by_label("E-mail").first.fill("grace@lab.org")
    theirs.get_by_label("Password").first.fill(PASSWORD)
    theirs.get_by_role("button", name="Make the account and join").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Functions")
    expect(theirs.get_by_role("link", name="Grace Hopper")).to_be_visible()


def see_what_is_the_teams(theirs: Page, item: str) -> None:
    go(theirs, "Data")
    theirs.get_by_role("list", name="Data").get_by_role("link", name="stack").click()
    expect(theirs).to_have_url(re.compile(f"{item}$"))
    expect(theirs.get_by_role("application").locator("canvas").first).to_be_visible()
    assert theirs.request.get(f"/api/items/{item}/thumbnail").ok


def see_nothing_private(theirs: Page, item: str, result: str, team_item: str) -> None:
    """Look for what is private in lists, by search, by its address, by its picture and in histories."""
    data = theirs.get_by_role("list", name="Data")
    go(theirs, "Data")
    expect(data.get_by_role("link", name="stack")).to_be_visible()
    expect(data.get_by_role("link", name="secret")).to_have_count(0)
    theirs.get_by_label("Search names and notes").fill("secret")
    expect(theirs.get_by_text("Nothing fits")).to_be_visible()
    for id in (item, result):
        assert theirs.request.get(f"/api/items/{id}/thumbnail").status == 404
        for place in (f"/app/data/{id}", f"/app/data/{id}/history"):
            theirs.goto(place)
            expect(theirs.get_by_role("alert").first).to_be_visible()
            expect(theirs.get_by_role("main")).not_to_contain_text("secret")
            expect(theirs.get_by_role("application")).to_have_count(0)
    theirs.goto("/app/tasks")
    theirs.get_by_role("list", name="Tasks").get_by_role("link", name=re.compile("threshold")).first.click()
    expect(theirs.get_by_text("Its values are kept from you")).to_be_visible()
    expect(theirs.get_by_role("main")).not_to_contain_text("secret")
    expect(theirs.get_by_role("main")).not_to_contain_text(item)
    theirs.goto(f"/app/data/{team_item}/history?direction=both")
    expect(theirs.get_by_role("tree")).to_contain_text("lab.threshold")
    expect(theirs.get_by_role("main")).not_to_contain_text("secret")
