"""The page in a real browser: find a function, fill its form, watch it, look at what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from playwright.sync_api import Page, expect

from arkitekt_next import App, Image
from arkitekt_next.hub.pages.app import is_built
from tests.support.page_lab import make_page_lab
from tests.web.conftest import shoot
from tests.web.watched import Seats, fill_everything, owned_hub

pytestmark = [
    pytest.mark.requirement("page.run"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        owned_hub(tmp_path_factory.mktemp("page")) as running,
        make_page_lab(url=running.url).run_detached(),
        App("seed", url=running.url),
    ):
        rows = np.mgrid[:64, :96][0]
        Image.save((rows * 600).astype(np.uint16), name="gradient", axes="yx", tags=["test"])
        yield running


@pytest.fixture
def page(seats: Seats, server: Any) -> Iterator[Page]:
    away = "net::ERR_INTERNET_DISCONNECTED"  # as a browser calls what one of the tests does to it
    with seats.page(server, expected=(away,)) as page:
        yield page


def test_a_function_is_found_filled_and_run(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("every")
    expect(page.get_by_role("list", name="Functions").get_by_role("link")).to_have_count(1)
    shoot(page, "functions")
    page.get_by_role("link", name="Everything").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text(re.compile("values are not right yet"))).to_be_visible()
    shoot(page, "form-empty")
    fill_everything(page, "gradient")
    shoot(page, "form")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    result = page.get_by_role("main")
    for text in (
        "4611686018427387904",
        "Stain.GFP",
        "(64, 96) uint16",
        "5400",
        "Decimal('0.10')",
        "'many'",
    ):
        expect(result).to_contain_text(text)
    shoot(page, "result")


def test_a_constraint_is_checked_as_it_is_typed(page: Page) -> None:
    page.goto("/app/functions/lab.everything")
    page.get_by_label("Count", exact=True).fill("0")
    page.get_by_label("Count", exact=True).blur()
    expect(page.get_by_text("Expected at least 1")).to_be_visible()
    page.get_by_label("Count", exact=True).fill("1")
    expect(page.get_by_text("Expected at least 1")).not_to_be_visible()


def test_a_call_is_watched_and_cancelled(page: Page) -> None:
    page.goto("/app/functions/lab.steps")
    page.get_by_label("Count", exact=True).fill("2000")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("step 3 of 2000")
    expect(page.get_by_role("progressbar")).to_be_visible()
    shoot(page, "running")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused", exact=True)).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
    page.get_by_role("link", name="Change and run").click()
    expect(page.get_by_label("Count", exact=True)).to_have_value("2000")


def test_an_error_says_what_and_where(page: Page) -> None:
    page.goto("/app/functions/lab.fails")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("no such plate")
    page.get_by_text("Where in the function").click()
    expect(page.get_by_role("alert")).to_contain_text("raise ValueError(reason)")
    shoot(page, "failed")


def test_a_stream_comes_as_it_is_given_and_runs_again(page: Page) -> None:
    page.goto("/app/functions/lab.cells")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(4)
    first = page.url
    page.get_by_role("button", name="Run again").click()
    expect(page).not_to_have_url(first)
    expect(page.get_by_role("row")).to_have_count(4)
    page.get_by_role("link", name="Tasks").click()
    expect(page.get_by_role("list", name="Tasks").get_by_role("link").first).to_contain_text("lab.cells")
    shoot(page, "tasks")


def test_a_picture_is_made_and_found_among_the_data(page: Page) -> None:
    page.goto("/app/functions/lab.threshold")
    page.get_by_label("Image", exact=True).click()
    page.get_by_role("option", name="gradient").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    page.get_by_role("link", name="Data").click()
    expect(page.get_by_role("list", name="Data").get_by_role("link").first).to_contain_text("gradient")
    shoot(page, "data")
    page.get_by_role("link", name="gradient").click()
    page.get_by_label("A new tag").fill("seen")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("button", name="Take the tag seen off")).to_be_visible()
    shoot(page, "item")
    page.get_by_role("button", name="Put into the trash").click()
    expect(page.get_by_text("It lies in the trash")).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("button", name="Put into the trash")).to_be_visible()


def test_a_file_is_brought_in_where_the_form_wants_an_image(page: Page, tmp_path: Path) -> None:
    Picture.fromarray(np.eye(40, dtype=np.uint8) * 200).save(tmp_path / "diagonal.png")
    (tmp_path / "notes.txt").write_text("nothing to see")
    page.goto("/app/functions/lab.threshold")
    page.get_by_label("File to store as an array").set_input_files(str(tmp_path / "notes.txt"))
    expect(page.get_by_role("alert")).to_contain_text("stored as a file, and an array is wanted")
    page.get_by_label("File to store as an array").set_input_files(str(tmp_path / "diagonal.png"))
    expect(page.get_by_text("40×40 uint8")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()


def test_the_hub_may_be_away_for_a_while(page: Page) -> None:
    page.context.set_offline(True)
    page.get_by_label("Search functions").fill("cells")
    expect(page.get_by_text("The hub does not answer").first).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("list", name="Functions").get_by_role("link")).to_have_count(1, timeout=15_000)
