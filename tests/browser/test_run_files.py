"""Owns the browser tests of a run's files: the tree, the search, and how each kind of file is seen without running."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import OpenPage

import trackd

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
ROWS = "name,value\n" + "".join(f'"row {row}, quoted",{row * row}\n' for row in range(3_000))


def png(width: int, height: int) -> bytes:
    """Returns a black picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress((b"\0" + b"\0" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def address(module_store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Gives the address of a run that keeps a file of every kind."""
    assert module_store.is_dir()
    folder = tmp_path_factory.mktemp("files")
    contents: dict[str, bytes] = {
        "config.json": json.dumps({"lr": 0.5, "net": {"layers": {"first": 16}}}).encode(),
        "data/points.csv": ROWS.encode(),
        "src/train.py": b"import trackd\n\nprint('hello')\n",
        "notes.md": f"# A title\n\n{HOSTILE}\n\n- a point".encode(),
        "page.html": f"<h1>a page</h1>{HOSTILE}".encode(),
        "mark.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'><script>1</script></svg>",
        "picture.png": png(60, 40),
        "changes.diff": b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old line\n+new line\n",
        "weights.bin": bytes(range(256)) * 10,
        "long.log": b"".join(b"line %d of the log\n" % number for number in range(1, 40_001)),
        "work.ipynb": json.dumps(
            {
                "cells": [
                    {"cell_type": "code", "source": ["1 + 1"], "outputs": [{"data": {"text/plain": ["2"]}}]}
                ]
            }
        ).encode(),
        "empty.txt": b"",
    }
    contents |= {f"many/part{number // 100}/item{number}.txt": b"x" for number in range(400)}
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    with trackd.init(project="files", id="kept") as run:
        run.save(str(folder / "**/*"), base_path=str(folder))
    return "/p/files/r/kept"


def row(page: Page, path: str) -> Locator:
    return page.get_by_role("treeitem").and_(page.get_by_title(path, exact=True))


def content(page: Page) -> Locator:
    return page.get_by_role("region", name="Content of the file")


def test_files_are_chosen_in_a_tree_and_found_by_name(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=files")
    expect(page.get_by_role("status").filter(has_text="412 files")).to_be_visible()
    expect(row(page, "many")).to_contain_text("400")
    expect(row(page, "many")).to_have_attribute("aria-expanded", "false")
    # By keyboard: down to a folder, into it, and a file is opened.
    page.get_by_role("tree", name="Files").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="data/points.csv")).to_be_visible()
    # All rows are within reach, and few of them are in the page.
    page.keyboard.press("/")
    page.keyboard.type("item")
    expect(page.get_by_role("status").filter(has_text="400 of 412 files")).to_be_visible()
    assert page.get_by_role("treeitem").count() < 120
    page.get_by_role("tree", name="Files").focus()
    page.keyboard.press("End")
    expect(row(page, "many/part3/item399.txt")).to_be_in_viewport()
    page.reload()
    expect(page.get_by_role("searchbox", name=re.compile("Search files"))).to_have_value("item")
    expect(page.get_by_role("heading", name="data/points.csv")).to_be_visible()


def test_each_kind_of_file_is_seen_and_none_can_run(
    open_page: OpenPage, address: str, tmp_path: Path
) -> None:
    page = open_page(f"{address}?tab=files&file=config.json", is_hostile=True)
    expect(content(page)).to_contain_text("lr: 0.5")
    expect(content(page)).not_to_contain_text("first")
    content(page).get_by_role("button", name="layers").click()
    expect(content(page)).to_contain_text("first: 16")
    page.get_by_role("button", name="Text", exact=True).click()
    expect(content(page)).to_contain_text('"first": 16')

    row(page, "data").click()
    row(page, "data/points.csv").click()
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "3001")
    expect(grid.get_by_role("gridcell", name="row 1, quoted")).to_be_visible()
    grid.get_by_role("button", name="value").click()
    grid.get_by_role("button", name="value").click()
    expect(grid.get_by_role("gridcell", name="row 2999, quoted")).to_be_visible()

    row(page, "src").click()
    row(page, "src/train.py").click()
    expect(content(page).locator('[data-line="3"]')).to_contain_text("print('hello')")
    row(page, "changes.diff").click()
    expect(page.locator('[data-mark="added"]')).to_contain_text("new line")
    expect(page.locator('[data-mark="removed"]')).to_contain_text("old line")
    row(page, "work.ipynb").click()
    expect(content(page)).to_contain_text("In [ ]:")
    row(page, "empty.txt").click()
    expect(page.get_by_text("The file is empty.")).to_be_visible()
    row(page, "weights.bin").click()
    expect(page.get_by_text("No text, and nothing that a page can show.")).to_be_visible()

    row(page, "long.log").click()
    expect(page.get_by_text(re.compile("The first 262 kB of"))).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text(re.compile("The first 262 kB of"))).to_have_count(0)
    # Its end moves away as long as lines come in.
    content(page).evaluate(
        """async list => {
            while (!list.querySelector('[data-line="40000"]')) {
                list.scrollTop = list.scrollHeight
                await new Promise(requestAnimationFrame)
            }
        }"""
    )
    expect(content(page).locator('[data-line="40000"]')).to_contain_text("line 40000 of the log")

    for name, size in (("picture.png", 60), ("mark.svg", 40)):
        row(page, name).click()
        picture = page.get_by_role("img", name=name)
        expect(picture).to_be_visible()
        expect(picture).to_have_js_property("naturalWidth", size)
    row(page, "notes.md").click()
    expect(page.get_by_role("heading", name="A title")).to_be_visible()
    expect(page.get_by_text("<script>")).to_be_visible()
    row(page, "page.html").click()
    expect(content(page)).to_contain_text("<h1>a page</h1>")
    page.get_by_role("button", name="As a page").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="a page")).to_be_visible()
    assert frame.locator("h1").evaluate("window.origin") == "null"
    assert "owned" not in page.title()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    path = tmp_path / "page.html"
    download.value.save_as(path)
    assert path.read_text() == f"<h1>a page</h1>{HOSTILE}"


def test_files_fit_a_phone_one_at_a_time(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}?tab=files", width=360, height=740, dark=True)
    row(page, "config.json").click()
    expect(content(page)).to_contain_text("lr: 0.5")
    expect(page.get_by_role("tree")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="All files").click()
    expect(row(page, "config.json")).to_be_visible()
