"""Owns the browser tests of how charts can be looked at: axes, smoothing, scales, sections, search, full screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.test_page import chart, wait_for

import trackd

PROJECT = "views"


@pytest.fixture(scope="module", autouse=True)
def _runs(module_store: Path) -> None:
    assert module_store.exists()
    for name in ("a", "b"):
        with trackd.init(project=PROJECT, name=name) as run:
            run.define_metric("val/*", step_metric="epoch")
            for step in range(300):
                run.log(
                    {
                        "train/deep/loss": 1000.0 * 0.97**step - 1,
                        "noise": float(step % 2),
                        "epoch": step // 10,
                    }
                )
                if step % 10 == 9:
                    run.log({"val/loss": 1 / (step + 1)}, step=step)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    opened = open_page(f"/p/{PROJECT}")
    wait_for(opened, "noise", lambda _, total: total == 600)
    return opened


def test_default_axis_is_the_step_or_what_was_defined(page: Page) -> None:
    wait_for(page, "val/loss", lambda _, total: total == 60)
    expect(page.locator('[data-testid="chart"][data-key="val/loss"]')).to_contain_text("epoch")
    expect(page.locator('[data-testid="chart"][data-key="noise"]')).to_contain_text("step")


@pytest.mark.parametrize("choice", ["relative_time", "wall_time", "step"])
def test_axis_is_chosen_for_all_charts_and_stays_in_the_address(page: Page, choice: str) -> None:
    page.get_by_label("x axis").select_option(choice)
    expect(page).to_have_url(re.compile(f"x={choice}"))
    wait_for(page, "noise", lambda points, total: total == 600 and points > 2)
    page.reload()
    expect(page.get_by_label("x axis")).to_have_value(choice)
    wait_for(page, "noise", lambda _, total: total == 600)


@pytest.mark.parametrize("kind", ["ema", "gaussian", "running_mean"])
def test_smoothing_draws_beside_the_points(page: Page, kind: str) -> None:
    before = chart(page, "noise").locator("canvas").first.screenshot()
    page.get_by_role("combobox", name="Smoothing").select_option(kind)
    expect(page).to_have_url(re.compile("smooth"))
    wait_for(page, "noise", lambda _, total: total == 600)
    for _ in range(100):
        if chart(page, "noise").locator("canvas").first.screenshot() != before:
            return
        page.wait_for_timeout(50)
    pytest.fail("the chart looks as it did without smoothing")


def test_logarithmic_scale_says_what_it_leaves_out(page: Page) -> None:
    page.get_by_label("log y").check()
    expect(chart(page, "train/deep/loss")).to_contain_text("146 not above 0")


def test_sections_follow_the_last_slash_or_the_first_part(page: Page) -> None:
    deep = page.get_by_role("button", name="train/deep", exact=False).and_(page.locator("[aria-expanded]"))
    expect(deep).to_be_visible()
    page.get_by_role("button", name=re.compile("^Options")).click()
    page.get_by_role("combobox", name="Sections").select_option("first")
    expect(deep).to_have_count(0)
    expect(page.locator("[aria-expanded]", has_text="train").first).to_be_visible()
    # Or all parts, each within the one before it.
    page.get_by_role("combobox", name="Sections").select_option("tree")
    expect(page).to_have_url(re.compile("sections=tree"))
    for part in ("train", "deep"):
        heading = page.get_by_role("button", name=part, exact=False).and_(page.locator("[aria-expanded]"))
        expect(heading.first).to_be_visible()


def test_metrics_are_found_by_regular_expression(page: Page) -> None:
    page.get_by_label("Search metrics by regular expression").fill("^val/")
    expect(chart(page, "noise")).to_have_count(0)
    expect(chart(page, "val/loss")).to_have_count(1)


def test_keyboard_opens_the_search_and_the_list_of_shortcuts(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_label("Search metrics by regular expression")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("body").click(position={"x": 700, "y": 5})
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_hover_shows_the_values_of_all_runs(page: Page) -> None:
    box = chart(page, "noise").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tooltip = page.get_by_test_id("tooltip")
    expect(tooltip).to_be_visible()
    expect(tooltip).to_contain_text("a")
    expect(tooltip).to_contain_text("b")


def test_name_with_values_of_several_kinds_says_so_at_its_chart(open_page: OpenPage) -> None:
    with trackd.init(project="kinds") as run:
        run.log({"mixed": 1.0})
        run.log({"mixed": "a text"})
        run.log({"mixed": 2.0})
    opened = open_page("/p/kinds")
    wait_for(opened, "mixed", lambda _, total: total == 2)
    expect(chart(opened, "mixed")).to_contain_text(re.compile("text|string", re.IGNORECASE))


def test_points_whose_x_was_logged_at_another_step_are_joined_and_counted(open_page: OpenPage) -> None:
    with trackd.init(project="joined") as run:
        for step in range(30):
            run.log({"loss": 1 / (step + 1), **({"epoch": step // 10} if step % 10 == 0 else {})})
    opened = open_page("/p/joined?x=metric:epoch")
    wait_for(opened, "loss", lambda points, total: points == total == 30)
    expect(chart(opened, "loss")).to_contain_text("27 joined")
