"""Takes pictures of every screen of the page, in light and dark, on a desktop and on a phone: `make shots`.

python -m scripts.shoot_page [FOLDER]

It serves a hub of its own on this machine, fills it, and ends it. The pictures are for looking at; nothing compares
them.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.support.browsing import accounts, add_person, on_hub, set_up_owner
from tests.support.page_lab import make_page_lab
from tests.support.raw import sign_in as sign_in_raw
from tests.web.conftest import CHROMIUM, QUIET
from tests.web.watched import address, sign_in

from arkitekt_next import App, Array, File, Image, Table
from arkitekt_next.embedded import serve

LOOKS: dict[str, dict[str, Any]] = {
    f"{size}-{scheme}": {"color_scheme": scheme, "viewport": {"width": width, "height": height}}
    for size, width, height in (("desktop", 1100, 800), ("phone", 390, 844))
    for scheme in ("light", "dark")
}


DRAWN = {
    **dict.fromkeys(("item-image", "item-array", "item-result"), "section[aria-label^='Picture of'] svg path[stroke]"),
    **dict.fromkeys(("history", "task-history"), "[role=tree], .react-flow__node"),
    **dict.fromkeys(("item-table", "task-table"), "[role=gridcell]"),
    **dict.fromkeys(("task-stream", "task-records", "task-frames"), "main canvas"),
    "task-done": "main section[aria-label=Result] a",
}
"""What comes later than the screen around it, and has to be in its picture."""


def main(folder: Path) -> None:
    """Take all pictures, and say where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, filled(Path(place)) as (server, screens), sync_playwright() as made:
        browser = made.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for look, options in LOOKS.items():
            shoot_all(browser, server, screens, folder, look, options)
        browser.close()
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures in {folder}\n")


@contextmanager
def filled(place: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """Serve a hub in which every screen has something to show; give the screens by their names."""
    for name in ("hub", "state", "cache"):
        os.environ[{"cache": "ARKITEKT_CACHE"}.get(name, f"ARKITEKT_{name.upper()}_FOLDER")] = str(place / name)
    with serve(place / "hub", log_level="error") as server:
        set_up_owner(server)
        on_hub(server, accounts(server).people.create_team("optics", accounts(server).owner))
        add_person(server, "grace", "admin")
        add_person(server, "bob", "guest")
        with make_page_lab(url=server.url).run_detached(), App("seed", url=server.url):
            screens = {**places(), **stored(), **called(server)}
            yield server, screens
            with client(server) as web:  # the app would wait for it
                web.post(f"/api/tasks/{screens['task-running'].rpartition('/')[2]}/cancel").raise_for_status()


def client(server: Any) -> httpx2.Client:
    """Give a client that is signed in as the owner."""
    token = sign_in_raw(server.url, server.folder, "notebook")
    return httpx2.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}, timeout=60)


def places() -> dict[str, str]:
    """The screens that need nothing else."""
    return {
        "functions": "/app", "functions-none": "/app?q=nothing-of-it", "form": "/app/functions/lab.everything",
        "function-small": "/app/functions/lab.steps", "tasks": "/app/tasks", "tasks-none": "/app/tasks?q=nothing-of-it",
        "data": "/app/data", "data-none": "/app/data?q=nothing-of-it", "trash": "/app/data?trash=true",
        "apps": "/app/team/apps", "app": "/app/team/apps/lab", "people": "/app/team/people",
        "sign-ins": "/app/team/tokens",
        "storage": "/app/team/storage", "health": "/app/team/health", "log": "/app/team/audit",
        "account": "/account", "device": "/device", "no-place": "/app/nowhere", "no-item": "/app/data/none",
    }  # fmt: skip


def stored() -> dict[str, str]:
    """Store one of every kind."""
    t, z, y, x = np.mgrid[:3, :5, :256, :320]
    cells = (np.sin(x / (9 + z)) * np.cos(y / (11 + t)) * 20_000 + 22_000).astype(np.uint16)
    made = {
        "image": Image.save(
            cells, name="HeLa, plate 3", axes="tzyx", scale={"z": 2, "y": 0.5, "x": 0.5}, tags=["control"]
        ),
        "array": Array.save(np.linspace(0, 1, 64 * 64).reshape(64, 64), name="flat field", axes=("y", "x")),
        "table": Table.save(
            pa.table({"cell": range(500), "area": np.arange(500) * 1.25, "name": [f"cell {n}" for n in range(500)]}),
            name="measurements of all cells",
        ),
        "file": File.save(io.BytesIO(b"a,b\n1,2\n" * 40), name="plate 3 of the first screen, well by well.csv"),
        "long": File.save(io.BytesIO(b"x"), name="a_name_without_any_blank_" * 8 + ".bin"),
    }
    return {f"item-{name}": f"/app/data/{one.id}" for name, one in made.items()}


def called(server: Any) -> dict[str, str]:
    """Call functions to every end, file something, and throw something away."""
    with client(server) as web:

        def call(name: str, action: str, wait: int = 20, **args: Any) -> tuple[str, str]:
            asked = {"action": f"lab.{action}", "args": args}
            return f"task-{name}", web.post(f"/api/tasks?wait={wait}", json=asked).json()["task"]

        items = {one["name"]: one["id"] for one in web.get("/api/items").json()["items"]}
        made = dict(
            [
                call("done", "threshold", image=items["HeLa, plate 3"]), call("failed", "fails"),
                call("stream", "readings"), call("records", "cells", count=20), call("frames", "frames"),
                call("tree", "family"), call("table", "measured"), call("running", "steps", wait=0, count=20_000),
            ]
        )  # fmt: skip
        folder = web.post("/api/folders", json={"name": "plate 3", "parent": None}).json()["id"]
        web.patch(f"/api/items/{items['flat field']}", json={"folder": folder}).raise_for_status()
        thrown = next(id for name, id in items.items() if name.startswith("a_name"))
        web.post(f"/api/items/{thrown}/trash").raise_for_status()
        result = web.get(f"/api/tasks/{made['task-done']}").json()["returns"][0]
    screens = {name: f"/app/tasks/{id}" for name, id in made.items()}
    return {**screens, "folder": f"/app/data?folder={folder}", "item-result": f"/app/data/{result}",
            "history": f"/app/data/{result}/history",
            "task-history": f"/app/tasks/{made['task-done']}/history"}  # fmt: skip


def shoot_all(
    browser: Browser, server: Any, screens: dict[str, str], folder: Path, look: str, options: dict[str, Any]
) -> None:
    """Take the pictures of one look."""
    context = browser.new_context(base_url=address(server), reduced_motion="reduce", **options)
    page = context.new_page()

    def shoot(name: str) -> None:
        page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            sys.stdout.write(f"{name} in {look} is {wide} px too wide\n")

    page.goto("/app")
    shoot("sign-in")
    sign_in(page)
    expect(page.get_by_role("heading", name="Functions")).to_be_visible()
    for name, place in screens.items():
        page.goto(place)
        settle(page)
        if name in DRAWN:
            expect(page.locator(DRAWN[name]).first).to_be_visible()
        shoot(name)
    page.goto("/app/data")
    settle(page)
    page.get_by_role("button", name="Pictures").click()
    settle(page)
    shoot("data-pictures")
    page.goto("/app/team/people")
    page.get_by_role("button", name="Remove Grace").click()
    shoot("dialog")
    page.goto("/app")
    settle(page)
    context.set_offline(True)
    page.get_by_label("Search functions").fill("cells")
    expect(page.get_by_text("The hub does not answer").first).to_be_visible(timeout=30_000)
    shoot("offline")
    context.set_offline(False)
    page.route("**/api/items?*", lambda route: None)  # an answer that does not come
    page.goto("/app/data")
    expect(page.get_by_role("status", name="Loading").first).to_be_visible()
    shoot("loading")
    page.close()  # with what still waits
    context.close()


def settle(page: Page) -> None:
    """Wait until what was asked for is there and drawn."""
    expect(
        page.get_by_role("heading", level=1).or_(page.get_by_role("alert")).or_(page.get_by_role("main")).first
    ).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    frame = page.get_by_role("application")
    if frame.count():
        expect(frame.locator("canvas").first).to_be_visible()
    page.evaluate("Promise.all([...document.images].map((image) => image.complete || image.decode().catch(() => 0)))")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/shots"))
