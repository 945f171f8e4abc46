"""Owns the browser tests of what a person does with one chart: zooming by hand, reading values, its menu, its files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.test_page import chart, number, wait_for

import trackd

PROJECT = "one-chart"
POINTS = 3000
SPIKE = 900.0


@pytest.fixture(scope="module", autouse=True)
def _runs(module_store: Path) -> None:
    assert module_store.exists()
    for number_of_run in range(14):
        with trackd.init(project=PROJECT, name=f"run-{number_of_run:02}") as run:
            for step in range(POINTS):
                run.log({"loss": SPIKE if step == 1234 else number_of_run + (step % 7) / 10})
    with trackd.init(project="scatter", name="spread") as run:
        for step in range(100):
            run.log({"loss": float(step), "few": 1.0} if step == 7 else {"loss": float(step)})


def plot_of(page: Page, key: str) -> tuple[Locator, FloatRect]:
    plot = chart(page, key).get_by_role("img")
    box = plot.bounding_box()
    assert box is not None
    return plot, box


def zoom_of(page: Page) -> tuple[int, int] | None:
    match = re.search(r"zoom=(\d+)%2C(\d+)%2Cstep", page.url)
    return (int(match[1]), int(match[2])) if match else None


def wait_for_zoom(page: Page, condition: Callable[[tuple[int, int] | None], bool]) -> tuple[int, int] | None:
    """Waits until the address holds a zoom of which a condition holds."""
    for _ in range(100):
        zoom = zoom_of(page)
        if condition(zoom):
            return zoom
        page.wait_for_timeout(50)
    pytest.fail(f"the address never came to what was waited for: {page.url}")


def is_narrower(than: int) -> Callable[[tuple[int, int] | None], bool]:
    return lambda zoom: zoom is not None and zoom[1] - zoom[0] < than


def test_wheel_keys_and_drags_zoom_and_backspace_goes_back(open_page: OpenPage) -> None:
    page = open_page(f"/p/{PROJECT}")
    wait_for(page, "loss", lambda _, total: total == 14 * POINTS)
    plot, box = plot_of(page, "loss")
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    first = wait_for_zoom(page, is_narrower(2500))
    assert first is not None
    assert 0 < first[0] < first[1] < POINTS
    wait_for(page, "loss", lambda _, total: 0 < total <= 14 * (first[1] - first[0] + 1))

    plot.focus()
    page.keyboard.press("+")
    second = wait_for_zoom(page, is_narrower(first[1] - first[0]))
    assert second is not None
    page.keyboard.press("Shift+ArrowRight")
    moved = wait_for_zoom(page, lambda zoom: zoom != second)
    assert moved is not None
    assert moved[0] > second[0]
    page.keyboard.press("Backspace")
    wait_for_zoom(page, lambda zoom: zoom == second)
    page.go_back()
    wait_for_zoom(page, lambda zoom: zoom == first)

    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    panned = wait_for_zoom(page, lambda zoom: zoom != first)
    assert panned is not None
    assert panned[0] < first[0]
    assert abs((panned[1] - panned[0]) - (first[1] - first[0])) <= 2

    menu = chart(page, "loss").get_by_role("button", name="More for loss")
    menu.click()
    page.get_by_role("menuitem", name="Set range").click()
    page.get_by_label("x from").fill("20")
    page.get_by_label("x to").fill("10")
    page.get_by_role("button", name="Set range").click()
    expect(page.get_by_role("alert")).to_contain_text("20 is not below 10")
    page.get_by_label("x to").fill("1,020")
    page.get_by_role("button", name="Set range").click()
    wait_for_zoom(page, lambda zoom: zoom == (20, 1020))
    plot.dblclick()
    wait_for_zoom(page, lambda zoom: zoom is None)
    assert "cursor=" not in page.url


def test_values_are_listed_pinned_copied_and_marked(open_page: OpenPage) -> None:
    page = open_page(f"/p/{PROJECT}?clip=99")
    wait_for(page, "loss", lambda _, total: total == 14 * POINTS)
    # The spike lies outside of the axis, is counted there, and is still what the chart says it has.
    assert number(page, "loss", "max") == SPIKE
    assert number(page, "loss", "outside") >= 14
    expect(chart(page, "loss")).to_contain_text("above the y axis")
    plot, box = plot_of(page, "loss")
    tooltip = page.get_by_test_id("tooltip")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tooltip.get_by_role("row")).to_have_count(13)  # twelve runs under a head
    expect(tooltip).to_contain_text("… 2 more")

    page.keyboard.press("p")
    expect(tooltip.get_by_role("rowheader")).to_have_count(14)
    listed = tooltip.inner_text()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    assert tooltip.inner_text() == listed
    edge = tooltip.bounding_box()
    assert edge is not None
    assert edge["x"] >= 0
    assert edge["x"] + edge["width"] <= 1440
    assert edge["y"] + edge["height"] <= 900
    tooltip.get_by_role("button", name="run-03").click()
    expect(page).to_have_url(re.compile("run="))
    page.keyboard.press("Escape")
    expect(tooltip).to_be_hidden()

    plot.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(page).to_have_url(re.compile(r"cursor=\d+"))
    page.reload()
    wait_for(page, "loss", lambda _, total: total == 14 * POINTS)
    plot.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(page).not_to_have_url(re.compile("cursor="))
    plot.focus()
    page.keyboard.press("ArrowRight")
    expect(tooltip).to_have_attribute("aria-live", "polite")
    page.keyboard.press("Shift")
    expect(tooltip.get_by_role("button", name="Copy")).to_be_visible()
    page.keyboard.press("Escape")
    expect(tooltip.get_by_role("button", name="Copy")).to_be_hidden()

    # A finger that lies still keeps the values too.
    touch = page.context.new_cdp_session(page)
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    expect(tooltip.get_by_role("button", name="Copy")).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tooltip.get_by_role("button", name="Close the pinned values").click()
    expect(tooltip).to_be_hidden()


def test_menu_gives_the_chart_as_files_and_as_a_table(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("/p/scatter")
    wait_for(page, "loss", lambda _, total: total == 100)
    expect(chart(page, "few")).to_contain_text("only one point")
    menu = chart(page, "loss").get_by_role("button", name="More for loss")
    menu.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Full screen")).to_be_focused()
    page.keyboard.press("d")
    expect(page.get_by_role("menuitem", name="Download PNG")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(menu).to_be_focused()

    def download(form: str) -> bytes:
        menu.click()
        with page.expect_download() as told:
            page.get_by_role("menuitem", name=f"Download {form}").click()
        path = tmp_path / told.value.suggested_filename
        assert path.name == f"loss.{form.lower()}"
        told.value.save_as(path)
        return path.read_bytes()

    assert download("PNG").startswith(b"\x89PNG")
    svg = download("SVG").decode()
    assert ">loss</text>" in svg
    assert ">spread</text>" in svg
    lines = download("CSV").decode().split("\r\n")
    assert lines[0] == "step,spread"
    assert lines[1:4] == ["0,0", "1,1", "2,2"]
    assert len(lines) == 102

    menu.click()
    page.get_by_role("menuitem", name="Show as table").click()
    table = page.get_by_role("dialog", name="loss as a table")
    expect(table.get_by_role("columnheader")).to_have_text(["step", "spread"])
    expect(table.get_by_role("table")).to_have_attribute("aria-rowcount", "101")
    assert table.get_by_role("row").count() < 80
    page.keyboard.press("End")
    expect(table.get_by_role("rowheader", name="99")).to_be_visible()
    page.keyboard.press("Escape")
    expect(table).to_have_count(0)
