"""A camera's stream in the page: pictures shown a second, and what calls beside it take.

    python -m benchmarks.live_images shown --seconds 30
    python -m benchmarks.live_images beside --pairs 10

The camera yields 512 x 512 uint16 pictures 20 times a second; each is stored before it is told of. `shown` counts what
a headless Chromium without a graphics card draws. `beside` has a viewer of a few lines do what the page does, in a
process of its own, and times others' calls: alone, beside the camera, and beside camera and viewer.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import statistics
import threading
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.support.raw import client, definition, post, sign_in

from benchmarks import stage
from benchmarks.pressure import P99_RATIO_BAR, _echo, _p99_ms

SHOWN_BAR = 10.0
CAMERA_FPS = 20.0
PASSWORD = "correct horse battery"
CAMERA = """
import time
from collections.abc import Iterator
import numpy as np
from arkitekt_next import App

app = App("camera")

def picture(number: int) -> np.ndarray:
    y, x = np.mgrid[:512, :512]
    row, column = 256 + 180 * np.sin(number / 20), 256 + 180 * np.cos(number / 20)
    spot = 2000 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 800)
    return (np.random.default_rng(number).poisson(110, (512, 512)) + spot).astype(np.uint16)

seen = [picture(number) for number in range(64)]  # as a camera has them: nothing is computed for one

@app.register
def frames(count: int, fps: float) -> Iterator[np.ndarray]:
    due = time.monotonic()
    for number in range(count):
        yield seen[number % len(seen)]
        due = max(due + 1 / fps, time.monotonic() - 1 / fps)
        time.sleep(max(0.0, due - time.monotonic()))

app.run()
"""


def _submit(hub: stage.Hub, token: str, count: int) -> str:
    body = {"action": "camera.frames", "args": {"count": count, "fps": CAMERA_FPS}}
    deadline = time.monotonic() + stage.DEADLINE_S
    while True:
        try:
            return str(post(f"{hub.url}/api/tasks", body, token)["task"])
        except OSError:  # the camera is not there yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _yields(hub: stage.Hub, token: str, task: str) -> int:
    request = urllib.request.Request(f"{hub.url}/api/tasks/{task}", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return int(json.load(response)["yields"])


def shown(hub: stage.Hub, *, seconds: float) -> dict[str, Any]:
    """Watch the camera in a browser, and count."""
    from playwright.sync_api import expect, sync_playwright

    token = sign_in(hub.url, hub.folder, "bench")
    request = urllib.request.Request(f"{hub.url}/api/me", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as response:
        person = json.load(response)["person"]["id"]
    link = post(f"{hub.url}/api/people/{person}/link", {}, token)["link"]
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_context().new_page()
        page.goto(link)
        page.get_by_label("Name").fill("Ada")
        page.get_by_label("E-mail").fill("ada@lab.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_role("heading", name="Functions")).to_be_visible(timeout=60_000)
        task = _submit(hub, token, int(2 * CAMERA_FPS * seconds))
        page.goto(f"{link.partition('/setup')[0]}/app/tasks/{task}")  # as the hub calls itself, and so its data
        count = page.locator("[data-shown]")
        expect(count).not_to_have_attribute("data-shown", "0", timeout=60_000)
        began, first = time.monotonic(), int(count.get_attribute("data-shown") or 0)
        stored, cpu = _yields(hub, token, task), hub.cpu_s
        page.wait_for_timeout(1000 * seconds)
        took, last = time.monotonic() - began, int(count.get_attribute("data-shown") or 0)
        stored, cpu = _yields(hub, token, task) - stored, hub.cpu_s - cpu
        browser.close()
    rate = (last - first) / took
    return {
        "seconds": round(took, 1),
        "yielded_a_second": round(stored / took, 1),
        "shown_a_second": round(rate, 1),
        "hub_cpu_share": round(cpu / took, 2),
        "ok": rate >= SHOWN_BAR,
    }


async def beside(hub: stage.Hub, *, pairs: int, calls: int) -> dict[str, Any]:
    """Measure others' calls in turn: alone, beside the camera, beside the camera and somebody who watches."""
    token = sign_in(hub.url, hub.folder, "bench")
    camera_ratios, ratios, rates = [], [], []
    async with client(hub, "pressure") as agent, client(hub, "healthy") as caller:
        await agent.provide(definition("add"))
        await _echo(agent)
        await _p99_ms(caller, "pressure.add", calls)
        for _ in range(pairs):
            alone = await _p99_ms(caller, "pressure.add", calls)
            async with _camera(hub, token):
                camera_ratios.append(await _p99_ms(caller, "pressure.add", calls) / alone)
            async with _camera(hub, token) as task, _viewer(hub, token, task) as seen:
                before, began = seen.value, time.monotonic()
                ratios.append(await _p99_ms(caller, "pressure.add", calls) / alone)
                rates.append((seen.value - before) / (time.monotonic() - began))
    return {
        "pairs": pairs,
        "calls_each": calls,
        "seen_a_second_median": round(statistics.median(rates), 1),
        "p99_ratio_median": round(statistics.median(ratios), 2),
        "p99_ratio_max": round(max(ratios), 2),
        "p99_ratio_median_of_camera_alone": round(statistics.median(camera_ratios), 2),
        "ok": statistics.median(ratios) <= P99_RATIO_BAR,
    }


@asynccontextmanager
async def _camera(hub: stage.Hub, token: str) -> AsyncIterator[str]:
    task = await asyncio.to_thread(_submit, hub, token, 1_000_000)
    try:
        while await asyncio.to_thread(_yields, hub, token, task) < 1:
            await asyncio.sleep(0.05)
        yield task
    finally:
        await asyncio.to_thread(post, f"{hub.url}/api/tasks/{task}/cancel", {}, token)


@asynccontextmanager
async def _viewer(hub: stage.Hub, token: str, task: str) -> AsyncIterator[Any]:
    spawn = multiprocessing.get_context("spawn")
    seen = spawn.Value("i", 0)
    process = spawn.Process(target=_view, args=(hub.url, token, task, seen), daemon=True)
    process.start()
    try:
        async with asyncio.timeout(stage.DEADLINE_S):
            while seen.value < 2:
                await asyncio.sleep(0.05)
        yield seen
    finally:
        process.kill()
        await asyncio.to_thread(process.join)


def _view(url: str, token: str, task: str, seen: Any) -> None:
    """Follow a task, and fetch the newest of its pictures, two at once and by kept connections, as the page does."""
    headers = {"authorization": f"Bearer {token}"}
    newest: list[str] = []
    news = threading.Condition()

    def show() -> None:
        kept = http.client.HTTPConnection(urlsplit(url).netloc)
        while True:
            with news:
                news.wait_for(lambda: newest)
                last = newest[-1]
                newest.clear()
            body = json.dumps({"paths": ["0/c/0/0"]})
            kept.request("POST", f"/api/items/{last}/links", body, {**headers, "content-type": "application/json"})
            address = urlsplit(json.load(kept.getresponse())["links"][0]["url"])
            kept.request("GET", f"{address.path}?{address.query}")
            kept.getresponse().read()
            with seen.get_lock():
                seen.value += 1

    for _ in range(2):
        threading.Thread(target=show, daemon=True).start()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/tasks/{task}/stream", headers=headers)) as stream:
        for line in stream:
            if line.startswith(b"data: ") and b'"kind":"values"' in line:
                with news:
                    newest.append(json.loads(line[6:])["values"][-1][0])
                    news.notify()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["shown", "beside"])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--calls", type=int, default=1000)
    chosen = parser.parse_args()
    with stage.hub() as hub:
        os.environ.update(stage.surroundings(hub))
        with stage.app(hub, CAMERA):
            work = (
                shown(hub, seconds=chosen.seconds)
                if chosen.what == "shown"
                else asyncio.run(beside(hub, pairs=chosen.pairs, calls=chosen.calls))
            )
            print(json.dumps(work))


if __name__ == "__main__":
    main()
