"""How things came about, in the page: one line, a picture, a list that says the same, and running it once more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from arkitekt_next import App, Image
from arkitekt_next.hub.pages.app import is_built
from tests.support.browsing import add_person
from tests.support.page_lab import make_page_lab
from tests.support.raw import sign_in as sign_in_raw
from tests.web.conftest import shoot
from tests.web.watched import Seats, owned_hub

pytestmark = [
    pytest.mark.requirement("page.history"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with owned_hub(tmp_path_factory.mktemp("history")) as running:
        add_person(running, "bob", "member")
        mine = App("mine", url=running.url, visibility="private")

        @mine.register
        def blur(image: np.ndarray) -> np.ndarray:
            return image

        lab = make_page_lab(url=running.url)
        with lab.run_detached(), mine.run_detached(), App("seed", url=running.url):
            rows = np.mgrid[:64, :96][0]
            Image.save((rows * 600).astype(np.uint16), name="<b>gradient</b>", axes="yx")
            Image.save((rows * 600).astype(np.uint16), name="hush", axes="yx", visibility="private")
            yield running


def web(server: Any) -> httpx2.Client:
    token = sign_in_raw(server.url, server.folder, "notebook")
    return httpx2.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}, timeout=60)


def ran(client: httpx2.Client, action: str, **args: Any) -> dict[str, Any]:
    """Run a call to its end; give the task."""
    told = client.post("/api/tasks?wait=20", json={"action": action, "args": args}).json()
    assert told["outcome"] is not None, told
    found: dict[str, Any] = client.get(f"/api/tasks/{told['task']}").json()
    assert found["status"] == "completed", found
    return found


def item_of(client: httpx2.Client, name: str) -> str:
    return str(client.get("/api/items", params={"text": name}).json()["items"][0]["id"])


@pytest.fixture(scope="module")
def made(server: Any) -> dict[str, str]:
    """A mask of a mask of the image, and one of the image that only one person sees."""
    with web(server) as client:
        image, secret = item_of(client, "gradient"), item_of(client, "hush")
        first = ran(client, "lab.threshold", image=image)["returns"][0]
        second = ran(client, "lab.threshold", image=first, level=0.25)
        hushed = ran(client, "mine.blur", image=secret)["returns"][0]
        shown = ran(client, "lab.threshold", image=hushed)
        kept = {"visibility": "team", "is_temporary": False}
        client.patch(f"/api/items/{shown['returns'][0]}", json=kept).raise_for_status()
        family = ran(client, "lab.family", count=3)
    return {
        "image": image, "first": first, "task": second["id"], "second": second["returns"][0],
        "of_hushed": shown["returns"][0], "family": family["id"],
    }  # fmt: skip


@pytest.fixture
def page(seats: Seats, server: Any) -> Iterator[Page]:
    with seats.page(server) as page:
        yield page


@pytest.fixture
def bobs(seats: Seats, server: Any) -> Iterator[Page]:
    with seats.page(server, "bob@lab.org") as page:
        yield page


def test_an_item_says_in_a_line_how_it_was_made_and_leads_there(page: Page, made: dict[str, str]) -> None:
    page.goto(f"/app/data/{made['first']}")
    line = page.get_by_role("region", name="History")
    expect(line).to_contain_text("Made by lab.threshold from <b>gradient</b>")
    shoot(page, "item-history")
    line.get_by_role("link", name="<b>gradient</b>").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("<b>gradient</b>")
    expect(page.get_by_role("region", name="History")).not_to_contain_text("Made by")


def test_a_history_is_drawn_and_told_as_deep_and_in_the_direction_one_asks(page: Page, made: dict[str, str]) -> None:
    page.goto(f"/app/data/{made['second']}")
    page.get_by_role("link", name="How it was made").click()
    expect(page).to_have_url(re.compile("/history$"))
    picture = page.get_by_test_id("history-picture")
    expect(picture.locator(".react-flow__node")).to_have_count(5)
    expect(picture.locator(".react-flow__edge")).to_have_count(4)
    places = {
        str(node.get_attribute("data-id")): node.bounding_box() for node in picture.locator(".react-flow__node").all()
    }
    chain = [f"item:{made['image']}", f"item:{made['first']}", f"task:{made['task']}", f"item:{made['second']}"]
    lefts = [box["x"] for box in (places[ref] for ref in chain) if box is not None]
    assert lefts == sorted(lefts)
    assert len(set(lefts)) == 4
    tree = page.get_by_role("tree", name="How it was made")
    expect(tree.get_by_role("treeitem")).to_have_count(5)
    expect(tree).to_contain_text("<b>gradient</b>")
    shoot(page, "history")
    page.get_by_label("Depth").select_option("1 call away")
    expect(tree.get_by_role("treeitem")).to_have_count(3)
    expect(page.get_by_text("It goes on behind one of these")).to_be_visible()
    page.goto(f"/app/data/{made['image']}/history?direction=forward")
    after = page.get_by_role("tree", name="What was made of it")
    expect(after).to_contain_text("used by")
    expect(after.get_by_role("treeitem", name=re.compile("lab.threshold"))).to_have_count(2)
    page.get_by_test_id("history-picture").locator(f"[data-id='item:{made['first']}']").click()
    expect(page).to_have_url(re.compile(f"/data/{made['first']}$"))


def test_the_list_of_a_history_is_gone_through_by_keys_and_stands_alone_on_a_phone(
    page: Page, made: dict[str, str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/app/data/{made['second']}/history")
    lines = page.get_by_role("tree", name="How it was made").get_by_role("treeitem")
    expect(lines).to_have_count(5)
    expect(page.get_by_test_id("history-picture")).to_have_count(0)
    lines.first.focus()
    page.keyboard.press("ArrowLeft")
    expect(lines).to_have_count(1)
    expect(lines.first).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/tasks/{made['task']}$"))
    page.get_by_role("link", name="Its history").click()
    expect(page.get_by_role("tree", name="How it was made")).to_contain_text("lab.threshold")
    page.get_by_label("View").select_option("As a picture and a list")
    expect(page.get_by_test_id("history-picture").locator(".react-flow__node").first).to_be_visible()


AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.skipif(not AXE.is_file(), reason="what the page is made of is not here: make page")
def test_lists_histories_and_trees_are_there_for_everybody(page: Page, made: dict[str, str]) -> None:
    places = {
        "/app": "Functions",
        "/app/tasks": "Tasks",
        "/app/data": "Data",
        f"/app/data/{made['second']}/history?direction=both": "History of",
        f"/app/tasks/{made['family']}": "Family",
        "/app/functions/lab.steps": "Steps",
        f"/app/data/{made['second']}": "value",
    }
    for place, heading in places.items():
        page.goto(place)
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        for look in ("light", "dark"):
            page.emulate_media(color_scheme=look)  # type: ignore[arg-type]
            page.evaluate(AXE.read_text("utf-8"))
            found = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })")
            told = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
            assert told == [], f"{place}, {look}"


def test_what_one_may_not_see_is_a_bare_node(bobs: Page, made: dict[str, str]) -> None:
    bobs.goto(f"/app/data/{made['of_hushed']}/history")
    expect(bobs.get_by_role("tree", name="How it was made")).to_contain_text("lab.threshold")
    expect(bobs.get_by_role("tree", name="How it was made")).to_contain_text("something that you may not see")
    expect(bobs.get_by_test_id("history-picture")).to_contain_text("not for you")
    expect(bobs.get_by_role("main")).not_to_contain_text("hush")
    expect(bobs.get_by_role("main")).not_to_contain_text("blur")
    shoot(bobs, "history-hidden")


def test_a_history_is_taken_along_as_a_document(page: Page, made: dict[str, str]) -> None:
    page.goto(f"/app/data/{made['second']}/history")
    for name, key in (("PROV-JSON", "wasGeneratedBy"), ("RO-Crate metadata", "@graph")):
        with page.expect_download() as coming:
            page.get_by_role("link", name=name).click()
        assert key in json.loads(coming.value.path().read_text("utf-8"))


def test_a_call_is_run_again_from_what_it_made_in_the_version_one_says(page: Page, made: dict[str, str]) -> None:
    page.goto(f"/app/data/{made['second']}")
    page.get_by_label("In which version").select_option("the same version")
    with page.expect_request(lambda request: request.url.endswith("/again")) as asked:
        page.get_by_role("button", name="Run again").click()
    assert asked.value.post_data_json["version"] == "same"
    expect(page).to_have_url(re.compile("/tasks/"))
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    expect(page.get_by_role("link", name="The run it repeats")).to_have_attribute("href", f"/app/tasks/{made['task']}")


def test_calls_that_belong_together_are_a_tree_that_grows(page: Page, server: Any, made: dict[str, str]) -> None:
    page.goto(f"/app/tasks/{made['family']}")
    tree = page.get_by_role("tree", name="Calls that belong together")
    expect(tree.get_by_role("treeitem")).to_have_count(4)
    shoot(page, "calls")
    tree.get_by_role("link", name="lab.steps").first.click()
    current = tree.locator("[aria-current=true]")
    expect(current).to_contain_text("lab.steps")
    expect(tree.get_by_role("link", name="lab.family")).to_be_visible()
    with web(server) as client:
        long = client.post("/api/tasks", json={"action": "lab.family", "args": {"count": 400, "pause_s": 0.05}}).json()
    page.goto(f"/app/tasks/{long['task']}")
    lines = tree.get_by_role("treeitem")
    expect(lines.nth(2)).to_be_visible()
    before = lines.count()
    expect(lines.nth(before + 3)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled", exact=True).first).to_be_visible()
