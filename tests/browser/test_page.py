"""Owns the browser tests of the live page: what a person sees while a script logs, and after."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import PATIENCE_SECONDS, OpenPage

import trackd


def chart(page: Page, key: str) -> Locator:
    return page.locator(f'[data-testid="chart"][data-key="{key}"]')


def number(page: Page, key: str, name: str) -> float:
    return float(chart(page, key).get_attribute(f"data-{name}") or "nan")


def wait_for(page: Page, key: str, condition: Callable[[float, float], bool]) -> None:
    """Waits until a condition on the points and the total of a drawn chart holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        drawn = chart(page, key)
        if drawn.count():
            points, total = number(page, key, "points"), number(page, key, "total")
            if condition(points, total):
                return
            seen = f"it has {points} points of {total}"
        else:
            seen = "it is not there"
        assert time.monotonic() < deadline, f"chart {key!r} never came to what was waited for: {seen}"
        page.wait_for_timeout(50)


def drag(page: Page, key: str) -> None:
    """Drags over a tenth of a chart's width."""
    box = chart(page, key).bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
    page.mouse.up()


def test_chart_grows_while_a_script_logs(open_page: OpenPage) -> None:
    run = trackd.init(project="grows", name="growing")
    for step in range(10):
        run.log({"train/loss": 1 / (step + 1)})
    assert run.flush(60)
    page = open_page("/p/grows")
    wait_for(page, "train/loss", lambda _, total: total == 10)
    expect(page.get_by_text("growing").first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("train")).first).to_be_visible()
    for step in range(500):
        run.log({"train/loss": 1 / (step + 11)})
    wait_for(page, "train/loss", lambda points, total: total == 510 and points > 10)
    run.log({"val/loss": 0.5})
    wait_for(page, "val/loss", lambda _, total: total == 1)
    run.finish()
    expect(page.get_by_text("finished").first).to_be_visible()


def test_one_spike_in_a_million_points_is_on_the_chart(open_page: OpenPage) -> None:
    run = trackd.init(project="spike")
    for step in range(1_000_000):
        run.log({"loss": 777.0 if step == 654_321 else 1.0})
    run.finish()
    page = open_page("/p/spike")
    wait_for(page, "loss", lambda _, total: total == 1000000)
    assert number(page, "loss", "max") == 777.0
    assert number(page, "loss", "points") <= 10_000
    expect(page.get_by_text(re.compile("1,000,000 points")).first).to_be_visible()


def test_drag_zooms_down_to_the_points_and_double_click_resets(open_page: OpenPage) -> None:
    run = trackd.init(project="zoom")
    for step in range(20_000):
        run.log({"loss": float(step % 100)})
    run.finish()
    page = open_page("/p/zoom")
    wait_for(page, "loss", lambda points, total: total == 20000 and points < 20000)
    drag(page, "loss")
    wait_for(page, "loss", lambda _, total: 0 < total < 4_000)
    drag(page, "loss")
    wait_for(page, "loss", lambda points, total: 0 < total < 800 and points == total)
    chart(page, "loss").dblclick()
    wait_for(page, "loss", lambda _, total: total == 20000)


def test_empty_project_and_waiting_run_say_so_in_words(open_page: OpenPage) -> None:
    run = trackd.init(project="waiting", name="nothing-yet")
    assert run.flush(60)
    page = open_page("/p/waiting")
    expect(page.get_by_text(re.compile("no data logged yet", re.IGNORECASE)).first).to_be_visible()
    run.log({"loss": 1.0})
    wait_for(page, "loss", lambda _, total: total == 1)
    run.finish()


def test_unknown_run_says_so(open_page: OpenPage) -> None:
    run = trackd.init(project="known")
    assert run.flush(60)
    page = open_page("/p/known/r/unknown")
    expect(
        page.get_by_text(re.compile("not in project|not found|no run", re.IGNORECASE)).first
    ).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_run_page_shows_config_summary_and_why_it_failed(open_page: OpenPage, dark: bool) -> None:
    run = trackd.init(project="overview", name="broken", config={"lr": 0.125, "net": {"depth": 3}})
    run.log({"loss": 0.25})
    message = "the data went away"
    try:
        with run:
            raise ValueError(message)
    except ValueError:
        pass
    page = open_page(f"/p/overview/r/{run.id}", dark=dark)
    expect(page.get_by_text("failed").first).to_be_visible()
    expect(page.get_by_text(re.compile(message)).first).to_be_visible()
    expect(page.get_by_text("0.125").first).to_be_visible()
    expect(page.get_by_role("row", name="depth 3")).to_be_visible()


def test_hiding_a_run_takes_it_off_the_charts_and_stays_in_the_address(open_page: OpenPage) -> None:
    for name, values in (("first", 10), ("second", 20)):
        with trackd.init(project="hide", name=name) as run:
            for step in range(values):
                run.log({"loss": float(step)})
    page = open_page("/p/hide")
    wait_for(page, "loss", lambda _, total: total == 30)
    page.get_by_role("button", name=re.compile("(hide|show).*second", re.IGNORECASE)).first.click()
    wait_for(page, "loss", lambda _, total: total == 10)
    page.reload()
    wait_for(page, "loss", lambda _, total: total == 10)


def test_nan_and_infinity_are_not_lost(open_page: OpenPage) -> None:
    with trackd.init(project="odd") as run:
        for value in (1.0, float("nan"), 2.0, float("inf"), 3.0):
            run.log({"loss": value})
    page = open_page("/p/odd")
    wait_for(page, "loss", lambda _, total: total == 5)
    assert number(page, "loss", "max") == 3.0
    expect(page.get_by_text(re.compile("NaN or ∞")).first).to_be_visible()


def test_finished_page_asks_nothing_more(open_page: OpenPage) -> None:
    with trackd.init(project="idle") as run:
        for step in range(100):
            run.log({"loss": float(step)})
    page = open_page("/p/idle")
    wait_for(page, "loss", lambda _, total: total == 100)
    asked: list[str] = []
    # But for the code of pages that a person may open next, which comes once.
    page.on("request", lambda request: asked.append(request.url) if "/assets/" not in request.url else None)
    # What was told of the run's end while the first answers were on their way is asked once more behind them.
    for _ in range(3):
        asked.clear()
        page.wait_for_timeout(3_000)  # the property is that nothing happens in this time
        if not asked:
            break
    assert asked == []


def test_a_run_that_is_measured_and_logs_nothing_is_not_asked_for(open_page: OpenPage) -> None:
    run = trackd.init(project="at rest")
    try:
        for step in range(100):
            run.log({"loss": float(step)})
        assert run.flush(60)
        page = open_page("/p/at%20rest")
        seen: list[str] = []

        def hear(frame: str | bytes) -> None:
            fields = {field for news in json.loads(frame)["runs"] for field in news}
            is_sample = fields <= {"project", "run_id", "revision", "update_time_unix_ms"}
            seen.append("sample" if is_sample else "news")

        page.on("websocket", lambda socket: socket.on("framereceived", hear))
        page.on("request", lambda request: seen.append("asked") if "series:query" in request.url else None)
        page.reload()
        wait_for(page, "loss", lambda _, total: total == 100)
        # Once the run has settled, samples of the machine come, say little, and nothing is asked for them.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while seen[-3:] != ["sample"] * 3:
            assert time.monotonic() < deadline, f"never at rest: {seen}"
            page.wait_for_timeout(100)
        # What is logged then is there at once.
        run.log({"loss": 5.0})
        wait_for(page, "loss", lambda _, total: total == 101)
    finally:
        run.finish()


def test_page_is_readable_on_a_phone(open_page: OpenPage) -> None:
    with trackd.init(project="phone") as run:
        run.log({"loss": 1.0})
        run.log({"loss": 2.0})
    page = open_page("/p/phone", width=360, height=740)
    wait_for(page, "loss", lambda _, total: total == 2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_who_comes_back_to_a_project_sees_what_happened_meanwhile(open_page: OpenPage) -> None:
    for name in ("stays", "goes"):
        with trackd.init(project="meanwhile", id=name, name=name) as run:
            run.log({"loss": 1.0})
    page = open_page("/p/meanwhile")
    expect(page.get_by_text("goes").first).to_be_visible()
    page.get_by_role("link", name="trackd", exact=True).click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    trackd.Api().run("meanwhile/goes").delete()
    page.go_back()
    expect(page.get_by_text("stays").first).to_be_visible()
    expect(page.get_by_text("goes")).to_have_count(0)
