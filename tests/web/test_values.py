"""Tables, files and streams in a real browser: what is stored is read there, and what streams is seen as it comes."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, Route, expect

from arkitekt_next import App, File, Table
from arkitekt_next.hub.pages.app import is_built
from tests.support.page_lab import make_page_lab
from tests.web.conftest import shoot
from tests.web.watched import ANYTHING, Seats, owned_hub

pytestmark = [
    pytest.mark.requirement("page.values"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
HOSTILE = "<img src=x onerror=alert(1)>"
ROWS = 300_000
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000 3a7e9b550000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)


def mixed() -> pa.Table:
    """A table with a column of every kind that a page has to tell apart."""
    return pa.table(
        {
            "number": pa.array([1.5, None, float("nan"), -2.0, float("inf")], pa.float64()),
            "single": pa.array([0.1, 0.2, None, 1e10, -0.5], pa.float32()),
            "whole": pa.array([2**62 + 1, 3, None, -7, 10], pa.int64()),
            "text": ["plain", HOSTILE, None, "long " * 400, 'with "quotes", and\nlines'],
            "yes": [True, False, None, True, False],
            "day": pa.array([dt.date(2026, 11, 28), None, dt.date(1969, 12, 31), dt.date(2000, 1, 1), None]),
            "at": pa.array([dt.datetime(2026, 11, 28, 14, 30, 0, 123456), None, None, None, None], pa.timestamp("us")),
            "price": pa.array(
                [Decimal("12345678901234567.89"), None, Decimal("-0.05"), None, None], pa.decimal128(19, 2)
            ),
            "raw": pa.array([b"\x00\xff", None, b"", b"abc", None], pa.binary()),
            "list": pa.array([[1, 2], None, [], [3], [None]], pa.list_(pa.int64())),
            "record": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}, None, None]),
        }
    )


def stored(value: Any, name: str) -> str:
    return str(Table.save(value, name=name).id)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        owned_hub(tmp_path_factory.mktemp("values")) as running,
        make_page_lab(url=running.url).run_detached(),
        App("seed", url=running.url),
    ):
        yield running


@pytest.fixture
def page(seats: Seats, server: Any) -> Iterator[Page]:
    allowed = ["clipboard-read", "clipboard-write"]
    dialogs: list[str] = []
    with seats.page(server, expected=ANYTHING, permissions=allowed) as page:
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        yield page
    assert dialogs == []


def cell(page: Page, row: int, name: str) -> Any:
    """Give the cell of a row, by the header of its column."""
    head = page.get_by_role("columnheader").filter(has_text=re.compile(f"^{name}"))
    return page.locator(
        f"[role=row][aria-rowindex='{row + 2}'] [aria-colindex='{head.get_attribute('aria-colindex')}']"
    )


def test_values_of_every_kind_are_shown_as_what_they_are(page: Page) -> None:
    page.set_viewport_size({"width": 2600, "height": 900})
    page.goto(f"/app/data/{stored(mixed(), 'mixed')}")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "6")
    page.get_by_role("grid").evaluate("grid => grid.parentElement.style.width = '2400px'")
    wanted = {
        (0, "number"): "1.5", (1, "number"): "nothing", (2, "number"): "NaN", (4, "number"): "Infinity",
        (0, "single"): "0.1", (0, "whole"): "4611686018427387905", (1, "text"): HOSTILE, (1, "yes"): "false",
        (0, "day"): "2026-11-28", (2, "day"): "1969-12-31", (0, "at"): "2026-11-28 14:30:00.123456",
        (0, "price"): "12345678901234567.89", (2, "price"): "-0.05", (0, "raw"): "2 bytes: 00 ff",
        (0, "list"): "[1, 2]", (0, "record"): '{"a": 1, "b": "x"}',
    }  # fmt: skip
    for (row, name), text in wanted.items():
        expect(cell(page, row, name)).to_have_text(text)
    assert page.locator("img[src='x']").count() == 0
    shoot(page, "table-mixed")


def test_a_table_of_many_rows_takes_few_elements_and_only_the_groups_that_are_seen(page: Page) -> None:
    fetched: list[str] = []
    page.on("request", lambda asked: fetched.append(asked.url) if "table.parquet" in asked.url else None)
    numbers = np.arange(ROWS)
    columns = {f"c{column}": numbers + column for column in range(200)}
    page.goto(f"/app/data/{stored(pa.table({name: columns[name].astype(np.int32) for name in columns}), 'wide')}")
    expect(cell(page, 0, "c1")).to_have_text("1")
    assert page.locator("*").count() <= 2_000
    assert len(fetched) < 30  # its end, and a part for each column that is seen
    grid = page.get_by_role("grid")
    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.locator(f"[role=row][aria-rowindex='{ROWS + 1}'] [aria-colindex='200']")).to_have_text(
        str(ROWS - 1 + 199)
    )
    assert page.locator("*").count() <= 2_000
    grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2 }")
    middle = page.locator(f"[role=row][aria-rowindex='{ROWS // 2}'] [aria-colindex='200']")
    expect(middle).to_have_text(str(ROWS // 2 - 2 + 199))
    shoot(page, "table-wide")


def test_ten_million_rows_are_reached_and_it_is_said_that_they_are_not_sorted(page: Page) -> None:
    rows = 10_000_000
    table = pa.table({"row": np.arange(rows, dtype=np.int32), "same": pa.array(["a"] * rows).dictionary_encode()})
    page.goto(f"/app/data/{stored(table, 'long')}")
    expect(page.get_by_text("too many to be sorted and filtered in a page")).to_be_visible()
    expect(page.get_by_role("columnheader", name="row").get_by_role("button")).to_be_disabled()
    expect(cell(page, 0, "row")).to_have_text("0")
    grid = page.get_by_role("grid")
    grid.focus()
    page.keyboard.press("Control+End")
    expect(cell(page, rows - 1, "row")).to_have_text(str(rows - 1))
    for _ in range(40):  # by steps that a bar of this many rows is too coarse for
        page.keyboard.press("ArrowUp")
    expect(cell(page, rows - 41, "row")).to_have_text(str(rows - 41))
    grid.hover()
    page.mouse.wheel(0, -280)
    expect(cell(page, rows - 51, "row")).to_have_text(str(rows - 51))
    grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2 }")
    expect(page.locator("[role=gridcell]").filter(has_text=re.compile("^(49|50)[0-9]{5}$")).first).to_be_visible()
    assert page.locator("*").count() <= 2_000


def test_cells_are_walked_by_keys_chosen_and_copied(page: Page) -> None:
    page.goto(f"/app/data/{stored(mixed(), 'walked')}")
    expect(cell(page, 0, "number")).to_have_text("1.5")
    page.get_by_role("grid").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("[aria-selected=true]")).to_have_attribute("aria-colindex", "4")
    named = page.get_by_role("grid").get_attribute("aria-activedescendant")
    assert page.locator("[aria-selected=true]").get_attribute("id") == named
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="The chosen value").locator("pre")).to_have_text("long " * 400)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "long " * 400


def test_a_table_is_sorted_and_filtered_over_all_of_it_and_taken_away(page: Page, tmp_path: Path) -> None:
    names = [f"cell {row:06}" for row in range(ROWS)]
    table = pa.table({"name": names, "size": pa.array([(row * 7919) % ROWS for row in range(ROWS)])})
    page.goto(f"/app/data/{stored(table, 'sizes')}")
    expect(cell(page, 0, "name")).to_have_text("cell 000000")
    page.get_by_role("columnheader", name="size").get_by_role("button").click()
    expect(cell(page, 0, "size")).to_have_text("0")
    expect(cell(page, 1, "size")).to_have_text("1")
    page.get_by_role("columnheader", name="size").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="size")).to_have_attribute("aria-sort", "descending")
    expect(cell(page, 0, "size")).to_have_text(str(ROWS - 1))
    page.get_by_label("Column").select_option("size")
    page.get_by_label("Comparison").select_option("below")
    page.get_by_label("Compared with").fill("3")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text(f"3 of {ROWS:,} rows")).to_be_visible()
    expect(cell(page, 0, "size")).to_have_text("2")
    shoot(page, "table-filtered")
    with page.expect_download() as begun:
        page.get_by_role("button", name="These rows as CSV").click()
    found = begun.value
    assert found.suggested_filename == "sizes.csv"
    of_size = {(row * 7919) % ROWS: row for row in range(ROWS)}
    want = [f"{names[of_size[size]]},{size}" for size in (2, 1, 0)]
    assert Path(found.path()).read_bytes().decode() == "\r\n".join(["name,size", *want, ""])
    with page.expect_download() as begun:
        page.get_by_role("button", name="Parquet").click()
    assert pq.read_table(begun.value.path()).equals(table)
    page.get_by_label("Compared with").fill("many")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Expected a number")
    page.get_by_role("columnheader", name="size").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="size")).to_have_attribute("aria-sort", "none")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text(f"3 of {ROWS:,} rows")).to_be_visible()
    page.get_by_role("button", name="Show all rows").click()
    expect(page.get_by_text(f"{ROWS:,} rows, 2 columns", exact=True)).to_be_visible()
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Expected a number")
    expect(page.get_by_role("button", name="Show all rows")).to_have_count(0)


def test_csv_holds_no_formulas_and_a_long_value_is_said_to_be_cut(page: Page) -> None:
    texts = ["=1+1", "+1", "-1", "@sum", "\t=1", "1-1", "x" * 70_000]
    table = pa.table({"=head": texts, "number": pa.array([-1, -2, -3, -4, -5, -6, -7])})
    page.goto(f"/app/data/{stored(table, 'formulas')}")
    cell(page, 6, "=head").click()
    expect(page.get_by_text("only its first 65,536 characters are shown and copied")).to_be_visible()
    cell(page, 0, "=head").click()
    expect(page.get_by_role("group", name="The chosen value").locator("pre")).to_have_text("=1+1")
    expect(page.get_by_text("are shown and copied")).to_have_count(0)
    page.get_by_role("columnheader", name="number").get_by_role("button").click()
    expect(cell(page, 0, "number")).to_have_text("-7")
    shoot(page, "table-csv")
    with page.expect_download() as begun:
        page.get_by_role("button", name="CSV").click()
    lines = Path(begun.value.path()).read_bytes().decode().split("\r\n")
    safe = ["'=1+1", "'+1", "'-1", "'@sum", "'\t=1", "1-1", "x" * 70_000]
    assert lines == ["'=head,number", *[f"{safe[row]},{-1 - row}" for row in range(6, -1, -1)], ""]


def test_csv_holds_what_is_in_cells_whole(page: Page) -> None:
    page.goto(f"/app/data/{stored(mixed().select(['text', 'number', 'price', 'yes']), 'quoted')}")
    expect(cell(page, 0, "text")).to_have_text("plain")
    with page.expect_download() as begun:
        page.get_by_role("button", name="CSV").click()
    import csv

    found = list(csv.reader(io.StringIO(Path(begun.value.path()).read_bytes().decode(), newline="")))
    assert found == [
        ["text", "number", "price", "yes"],
        ["plain", "1.5", "12345678901234567.89", "true"],
        [HOSTILE, "", "", "false"],
        ["", "NaN", "-0.05", ""],
        ["long " * 400, "-2", "", "true"],
        ['with "quotes", and\nlines', "Infinity", "", "false"],
    ]


@pytest.mark.parametrize("codec", ["snappy", "gzip", "brotli", "zstd", "lz4", "none"])
def test_every_usual_way_of_packing_is_read(page: Page, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write = pq.write_table
    monkeypatch.setattr(
        pq, "write_table", lambda table, sink, **more: write(table, sink, **{**more, "compression": codec})
    )
    page.goto(f"/app/data/{stored(pa.table({'n': list(range(1000)), 't': [str(n % 7) for n in range(1000)]}), codec)}")
    expect(cell(page, 9, "n")).to_have_text("9")
    expect(cell(page, 9, "t")).to_have_text("2")


def test_a_table_that_unpacks_without_end_is_refused_and_the_page_goes_on(page: Page) -> None:
    texts = pa.array(["x" * 5_000_000 + str(n % 3) for n in range(100)])
    large = pa.table({"fine": list(range(100)), "vast": texts})
    bomb = io.BytesIO()
    pq.write_table(large, bomb, use_dictionary=False, compression="zstd", data_page_size=1)
    assert len(bomb.getvalue()) < 1_000_000  # half a gigabyte once it is unpacked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pq, "write_table", lambda table, sink, **_: sink.write(bomb.getvalue()))
        id = stored(large, "bomb")
    page.goto(f"/app/data/{id}")
    expect(cell(page, 0, "fine")).to_have_text("0")
    expect(cell(page, 0, "vast")).to_contain_text("too large to be read here")
    page.get_by_role("link", name="Tasks").click()
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()


@pytest.mark.parametrize(
    "bad", [b"", b"PAR1", b"PAR1" + b"\xff" * 400 + (300).to_bytes(4, "little") + b"PAR1", os.urandom(4096)]
)
def test_what_is_no_parquet_file_is_said_to_be_none(page: Page, bad: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pq, "write_table", lambda table, sink, **_: sink.write(bad))
        id = stored(pa.table({"a": [1]}), "broken")
    page.goto(f"/app/data/{id}")
    expect(page.get_by_role("alert")).to_be_visible()


def test_addresses_that_have_ended_are_asked_for_again(page: Page) -> None:
    turns: list[int] = []

    def refuse_once(route: Route) -> None:
        turns.append(1)
        if len(turns) == 1:
            route.fulfill(status=403, body="expired")
        else:
            route.continue_()

    page.route("**/table.parquet*", refuse_once)
    page.goto(f"/app/data/{stored(mixed(), 'expired')}")
    expect(cell(page, 0, "number")).to_have_text("1.5")


def test_files_begin_where_they_can_be_shown_and_never_as_pages(page: Page, tmp_path: Path) -> None:
    def opened(name: str, body: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(body)
        page.goto(f"/app/data/{File.save(path, name=name).id}")
        expect(page.get_by_role("region", name=f"File {name}")).to_be_visible()

    preview = page.get_by_label("Preview")
    opened("notes.txt", HOSTILE.encode() + b"\n" + b"x" * 100_000)
    expect(preview).to_contain_text(HOSTILE)
    expect(page.get_by_text("Its first 65.5 kB of 100 kB")).to_be_visible()
    assert len(preview.inner_text()) <= 64 * 1024
    shoot(page, "file-text")
    opened("settings.json", b'{"a": [1, 2]}')
    expect(preview).to_have_text(json.dumps({"a": [1, 2]}, indent=2))
    opened("dot.png", PNG)
    expect(page.get_by_role("img", name="dot.png")).to_be_visible()
    assert page.get_by_role("img", name="dot.png").evaluate("img => img.naturalWidth") == 1
    for name in ("drawing.svg", "page.html", "data.bin"):
        opened(name, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
        expect(page.get_by_text("There is no preview of such a file.")).to_be_visible()
        assert page.locator("iframe, object, embed").count() == 0
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download").click()
    assert begun.value.suggested_filename == "data.bin"


def test_a_file_of_which_little_is_said_is_shown_all_the_same(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("some text")
    kept = File.save(path, name="plain.txt").id

    def forget(route: Route) -> None:
        found = route.fetch().json()
        route.fulfill(json={**found, "meta": {"name": "plain.txt"}})

    page.route(f"**/api/items/{kept}", forget)
    page.goto(f"/app/data/{kept}")
    expect(page.get_by_label("Preview")).to_have_text("some text")
    expect(page.get_by_role("region", name="File plain.txt")).to_contain_text("9 B")


def test_of_large_values_few_are_kept_and_it_is_said(page: Page) -> None:
    run(page, "lab.letters", Count="200", Size="250000")
    expect(page.get_by_role("heading", name="200 values")).to_be_visible()
    told = page.get_by_text(re.compile(r"The page keeps the newest \d+ of 200; the hub has all"))
    expect(told).to_be_visible()
    kept = int(re.findall(r"\d+", told.inner_text())[0])
    assert 120 <= kept <= 134, "32 Mi characters hold 134 of them"


def run(page: Page, name: str, **filled: str) -> None:
    page.goto(f"/app/functions/{name}")
    for label, text in filled.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()


def test_streamed_numbers_are_plotted_and_paged(page: Page) -> None:
    run(page, "lab.readings", Count="200")
    expect(page.get_by_role("heading", name="200 values")).to_be_visible()
    expect(page.get_by_role("img", name="Plot of")).to_be_visible()
    expect(page.locator("figcaption")).to_contain_text("99.5")
    inked = """canvas => {
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return data.some((value, at) => at % 4 === 3 && value > 0);
    }"""
    assert page.locator("figure canvas").evaluate(inked)
    expect(page.get_by_text("150 to 199")).to_be_visible()
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_text("100 to 149")).to_be_visible()
    shoot(page, "stream-numbers")
    run(page, "lab.cells")
    expect(page.locator("figcaption")).to_contain_text("area: 25")


def test_a_long_list_is_paged(page: Page) -> None:
    run(page, "lab.labels")
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages).to_contain_text("0 to 199")
    pages.get_by_role("button", name="Later").click()
    pages.get_by_role("button", name="Later").click()
    expect(pages).to_contain_text("400 to 449")
    expect(page.get_by_text("cell 449", exact=True)).to_be_visible()
    expect(page.get_by_text("cell 0", exact=True)).not_to_be_visible()


GREYS = """canvas => {
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return [canvas.width, canvas.height, data[0], data[4 * (canvas.width / 2)], data[4 * (canvas.width - 1)]];
}"""


@pytest.mark.parametrize("side", ["64", "1500"])
def test_the_newest_picture_of_a_stream_is_shown_in_a_window_that_moves(page: Page, side: str) -> None:
    run(page, "lab.frames", Count="5", Side=side)
    picture = page.get_by_role("figure", name="Newest picture")
    expect(picture).to_contain_text("Picture 5 of 5")
    canvas = picture.locator("canvas")
    width, height, dark, middle, bright = canvas.evaluate(GREYS)
    assert (width, height) == (int(side), int(side))
    assert dark <= 3  # by what it holds: from 5000 to 5000 + 4 * side
    assert 120 < middle < 135
    assert bright >= 252
    black = picture.get_by_label("Black from")
    black.fill("5000")
    picture.get_by_label("White from").fill(str(5000 + 8 * (int(side) - 1)))
    expect(picture.get_by_label("By what each picture holds")).not_to_be_checked()
    _, _, dark, _, bright = canvas.evaluate(GREYS)
    assert dark == 0
    assert 126 <= bright <= 129
    shoot(page, f"stream-pictures-{side}")


def test_a_table_that_a_task_gave_is_there_with_its_result(page: Page) -> None:
    run(page, "lab.measured")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "31")
    expect(cell(page, 2, "area")).to_have_text("25")
    shoot(page, "task-table")


def test_following_goes_on_after_a_hub_that_refused(page: Page) -> None:
    turns: list[str] = []

    def refuse(route: Route) -> None:
        turns.append(route.request.url)
        if len(turns) <= 3:
            route.fulfill(status=503, body="busy")
        else:
            route.continue_()

    page.route("**/api/tasks/*/stream*", refuse)
    page.goto("/app/functions/lab.steps")
    page.get_by_label("Count", exact=True).fill("400")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("The hub is asked again by itself")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("step 5 of 400", timeout=30_000)
    expect(page.get_by_text("The connection broke off")).not_to_be_visible()
    page.get_by_role("button", name="Cancel").click()


def test_following_without_a_session_says_so_and_goes_on_with_one(page: Page) -> None:
    page.goto("/app/functions/lab.steps")
    page.get_by_label("Count", exact=True).fill("200")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("step 1 of 200")
    page.route("**/api/**", lambda route: route.fulfill(status=401, body="{}"))
    page.reload()
    expect(page.get_by_role("alert").get_by_role("button", name="Sign in")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_role("log")).to_contain_text("step 5 of 200", timeout=60_000)
    page.get_by_role("button", name="Cancel").click()


AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.skipif(not AXE.is_file(), reason="axe is not installed: make page")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tables_and_streams_keep_to_the_rules_of_accessibility(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    rules = "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})"
    found = f"() => {rules}.then(({{violations}}) => violations.map(({{id, nodes}}) => [id, nodes[0].html]))"

    def check() -> None:
        page.evaluate(AXE.read_text("utf-8"))
        assert page.evaluate(found) == []

    page.goto(f"/app/data/{stored(mixed(), f'read {scheme}')}")
    cell(page, 0, "number").click()
    expect(page.get_by_role("group", name="The chosen value")).to_be_visible()
    check()
    run(page, "lab.readings")
    expect(page.locator("figcaption")).to_contain_text("99.5")
    check()
    run(page, "lab.frames")
    expect(page.get_by_role("figure", name="Newest picture")).to_contain_text("Picture 5 of 5")
    check()
