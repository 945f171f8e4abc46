"""Owns the browser tests of exported pages: the file opens from a disk, offline, and shows the numbers of the live page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from tests.browser.conftest import OpenPage

import trackd

HOSTILE = "</script><script>document.title = 'pwned'</script>"
OpenFile = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def runs(module_store: Path) -> Iterator[Path]:
    """Logs two runs, of which one has records of each kind of frame."""
    for number in range(2):
        with trackd.init(
            project="exported", id=f"r{number}", name=f"run {number} {HOSTILE}", group="g"
        ) as run:
            for step in range(200):
                run.log({"train/loss": 1 / (step + 1) + number, "acc": step / 200})
            if number == 0:
                run.notes = HOSTILE
                run.log({"picture": trackd.Image(np.zeros((8, 8, 3), np.uint8), caption=HOSTILE)})
                run.log({"page": trackd.Html("<p id='p'></p><script>p.textContent = 'script ran'</script>")})
                table = trackd.Table(columns=["a", "b"], data=[[1, 2], [2, 5]])
                run.log({"curve": trackd.plot.line(table, "a", "b")})
    yield module_store
    trackd.finish()


@pytest.fixture
def open_file(browser: Browser) -> Iterator[OpenFile]:
    """Gives a function that opens a file offline; the test fails when a script does, or the content policy stops anything."""
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)

    def see(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(message.text)

    def open_it(path: Path, address: str = "") -> Page:
        page = context.new_page()
        page.on("console", see)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"file://{path}{address}")
        return page

    yield open_it
    context.close()
    assert faults == []


def export(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "trackd", "export", *arguments], check=True, capture_output=True, text=True
    )
    return done.stderr


def values_of(page: Page) -> list[str]:
    """Opens the table of the values of the chart of the loss, and returns its rows."""
    page.get_by_role("button", name="More for train/loss").click()
    page.get_by_role("menuitem", name="Show as table").click()
    table = page.get_by_role("dialog", name="loss as a table")
    expect(table.get_by_role("rowheader", name="10", exact=True)).to_be_visible()
    return table.get_by_role("row").all_inner_texts()


def test_run_page_opens_offline_with_the_numbers_of_the_live_page(
    open_page: OpenPage, open_file: OpenFile, tmp_path: Path
) -> None:
    file = tmp_path / "run #1 %.html"
    assert "MB" in export("exported/r0", "--html", str(file))
    page = open_file(Path(str(file).replace("%", "%25").replace("#", "%23")))
    expect(page.get_by_text("from run run 0")).to_contain_text("a picture of that moment")
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    page.get_by_role("link", name="Charts").click()
    assert values_of(page) == values_of(open_page("/p/exported/r/r0?tab=charts"))
    page.keyboard.press("Escape")
    # The address of a part of the page is behind the '#', and the way back works.
    page.go_back()
    expect(page.get_by_text(HOSTILE, exact=True).first).to_be_visible()
    page.get_by_role("link", name="Media").click()
    expect(page.get_by_role("img").first).to_be_visible()
    expect(page.frame_locator("iframe[title='Logged page']").get_by_text("script ran")).to_be_visible()
    page.get_by_role("link", name="Tables").click()
    expect(page.get_by_test_id("frame").locator("iframe")).to_have_attribute("data-state", "size")
    assert page.title() != "pwned"


def test_workspace_opens_offline_and_sorts_zooms_and_says_what_it_lacks(
    open_file: OpenFile, tmp_path: Path
) -> None:
    file = tmp_path / "project.html"
    export("exported", "--html", str(file))
    page = open_file(file, "#/p/exported?sort=%2Bname")
    expect(page.get_by_text("from 2 runs of project exported")).to_be_visible()
    runs_list = page.get_by_role("complementary", name="Runs").get_by_role("listitem")
    expect(runs_list).to_have_count(2)
    expect(runs_list.first).to_contain_text("run 0")
    page.get_by_role("button", name="1 thing is not in this file").click()
    expect(page.get_by_text("the export of a run has them")).to_be_visible()
    page.goto(f"file://{file}#/p/exported?smooth=ema%3A0.9")
    expect(page.get_by_text("smoothing needs the live page")).to_be_visible()
    page.goto(f"file://{file}#/p/exported/r/absent")
    expect(page.get_by_text("run 'absent' is not in this file")).to_be_visible()


def test_page_that_cannot_be_so_small_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "small.html"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        export("exported/r0", "--html", str(file), "--max-size", "1")
    assert "allow more" in refused.value.stderr
    assert not file.exists()


def test_palette_downloads_the_page_as_it_is_seen(
    open_page: OpenPage, open_file: OpenFile, tmp_path: Path
) -> None:
    page = open_page("/p/exported?only=r1")
    page.get_by_role("button", name="Find anything").click()
    page.get_by_role("dialog").locator("input").fill("Download as")
    with page.expect_download() as download:
        page.get_by_role("option", name="Download as HTML").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    expect(open_file(file).get_by_text("from 1 run of project exported")).to_be_visible()
