"""Owns the browser tests of the workspace: what a person arranges, groups, filters and keeps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.browser.conftest import OpenPage
from tests.browser.test_page import chart, wait_for

import trackd

PROJECT = "workspace"


@pytest.fixture(scope="module", autouse=True)
def _runs(module_store: Path) -> None:
    assert module_store.exists()
    for index in range(4):
        with trackd.init(
            project=PROJECT,
            name=f"run-{index}",
            config={"lr": 10.0**-index, "optimizer": ["adam", "sgd"][index % 2]},
        ) as run:
            for step in range(20):
                run.log(
                    {"train/loss": 1 / (step + 1) + index, "train/acc": step / 20, "val/loss": float(index)}
                )
            for step in (5, 15):
                image = np.full((8, 8), 10 * index + step, np.uint8)
                run.log({"media/first": trackd.Image(image), "media/second": trackd.Image(image)}, step=step)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    opened = open_page(f"/p/{PROJECT}", height=1400)
    wait_for(opened, "train/loss", lambda _, total: total == 80)
    return opened


def section(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid="section"][data-section="{name}"]')


def cards_of(page: Page, name: str) -> list[str]:
    """The cards of a section as they stand on the screen, row by row."""
    found: list[str] = page.locator(f'[data-card-section="{name}"]').evaluate_all(
        """cards => cards.map(card => [card, card.getBoundingClientRect()])
        .sort(([, a], [, b]) => a.top - b.top || a.left - b.left).map(([card]) => card.dataset.card)"""
    )
    return found


def wait_for_cards(page: Page, name: str, cards: list[str]) -> None:
    for _ in range(200):
        if cards_of(page, name) == cards:
            return
        page.wait_for_timeout(25)
    assert cards_of(page, name) == cards


def test_cards_are_moved_sized_hidden_and_undone_and_the_view_keeps_them(page: Page) -> None:
    wait_for_cards(page, "train", ["line:train/acc", "line:train/loss"])
    # By keys: on by one place.
    page.get_by_role("button", name="Move acc").focus()
    page.keyboard.press("ArrowRight")
    wait_for_cards(page, "train", ["line:train/loss", "line:train/acc"])
    expect(page).to_have_url(re.compile("view="))
    # By the pointer: into another section.
    grip = page.locator('[data-card="line:val/loss"]').get_by_role("button", name="Move loss")
    page.locator('[data-card="line:val/loss"]').hover()
    target = page.locator('[data-card="line:train/acc"]').bounding_box()
    assert target is not None
    box = grip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(target["x"] + target["width"] * 0.25, target["y"] + 100, steps=5)
    page.mouse.up()
    wait_for_cards(page, "train", ["line:train/loss", "line:val/loss", "line:train/acc"])
    expect(section(page, "val")).to_have_count(0)
    # The size, by keys; what is taken away is counted and comes back.
    page.locator('[data-card="line:train/loss"]').get_by_role(
        "button", name=re.compile("^Size of loss: 1 of")
    ).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name=re.compile("^Size of loss: 2 of"))).to_have_count(1)
    page.get_by_role("button", name="More for train/acc").click()
    page.get_by_role("menuitem", name="Take away").click()
    expect(page.get_by_text("1 card is taken away.")).to_be_visible()
    # Undo and redo.
    page.keyboard.press("Control+z")
    wait_for_cards(page, "train", ["line:train/loss", "line:val/loss", "line:train/acc"])
    page.keyboard.press("Control+Shift+z")
    wait_for_cards(page, "train", ["line:train/loss", "line:val/loss"])
    page.keyboard.press("?")
    expect(
        page.get_by_role("dialog", name="Keys").get_by_text("undo the last change of the view")
    ).to_be_visible()
    page.keyboard.press("Escape")
    # Under a name it is kept, and opened by its address alone.
    page.get_by_role("button", name=re.compile("View without a name")).click()
    page.get_by_label("Name of the view").fill("Losses")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Losses").wait_for()
    address = page.url
    page.goto(address.split("?")[0])
    wait_for_cards(page, "train", ["line:train/acc", "line:train/loss"])
    page.get_by_role("button", name=re.compile("^Views")).click()
    page.get_by_role("link", name="Losses").click()
    wait_for_cards(page, "train", ["line:train/loss", "line:val/loss"])
    expect(page.get_by_role("button", name=re.compile("^Losses"))).to_be_visible()


def test_a_panel_that_is_chosen_before_the_columns_are_known_begins_with_one(page: Page) -> None:
    held: list[Route] = []
    # Playwright looks into what it is given, so that a method will not do.
    page.route("**/columns?*", lambda route: held.append(route))  # noqa: PLW0108
    page.get_by_role("button", name="Section train").click()
    page.get_by_role("menuitem", name="Add a panel…").click()
    bar = page.get_by_role("button", name=re.compile("^Bar"))
    bar.click()
    expect(bar).to_have_attribute("aria-busy", "true")
    for route in held:
        route.continue_()
    page.unroute("**/columns?*")
    panel = page.locator('[data-testid="panel"][data-kind="bar"]')
    expect(panel).to_contain_text("run-3")


def test_panels_are_added_edited_and_drawn(page: Page) -> None:
    page.get_by_role("button", name="Section train").click()
    page.get_by_role("menuitem", name="Add a panel…").click()
    page.get_by_role("button", name=re.compile("^Lines")).click()
    dialog = page.get_by_role("dialog")
    # Several metrics in one chart.
    dialog.get_by_label("Metrics, one a line").fill("train/loss\ntrain/acc")
    expect(page.locator('[data-testid="chart"][data-lines="8"]')).to_have_count(1)
    dialog.get_by_label("Metrics, one a line").fill("")
    dialog.get_by_label("Expressions, one a line").fill("train/loss * 100")
    dialog.get_by_role("textbox", name="Title").fill("Scaled")
    dialog.get_by_role("button", name="Done").click()
    scaled = page.get_by_role("article", name="train/loss * 100")
    expect(scaled).to_have_attribute("data-total", "80")
    assert float(scaled.get_attribute("data-max") or "nan") == 400.0
    page.get_by_role("button", name="Section train").click()
    page.get_by_role("menuitem", name="Add a panel…").click()
    page.get_by_role("button", name=re.compile("^Bar")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Column")).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    panel = page.locator('[data-testid="panel"][data-kind="bar"]')
    expect(panel).to_contain_text("run-3")
    panel.get_by_role("button", name=re.compile("^Show .* full screen")).click()
    expect(page.get_by_role("dialog")).to_contain_text("run-0")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_runs_are_grouped_into_lines_with_bands_and_filtered_by_a_condition(open_page: OpenPage) -> None:
    page = open_page(f"/p/{PROJECT}?group=config.optimizer", height=1400)
    loss = chart(page, "train/loss")
    expect(loss).to_have_attribute("data-lines", "2")
    expect(page.get_by_test_id("group")).to_have_count(2)
    expect(loss).to_contain_text("mean and range of 2 groups")
    page.get_by_role("button", name="Show adam in the charts").click()
    expect(loss).to_have_attribute("data-lines", "1")
    page.get_by_role("button", name="Show adam in the charts").click()
    page.get_by_label("Band").select_option("std")
    expect(loss).to_contain_text("mean and std of 2 groups")
    field = page.get_by_role("combobox", name=re.compile("filter", re.IGNORECASE))
    field.fill("lr > 0.05")
    field.press("Enter")
    expect(page.get_by_test_id("run")).to_have_count(2)
    expect(page).to_have_url(re.compile("filter=lr"))
    field.fill("lr >")
    expect(page.get_by_text(re.compile("expected", re.IGNORECASE)).first).to_be_visible()
    expect(page.get_by_test_id("run")).to_have_count(2)  # what stood there before is not lost


def test_sections_fold_to_small_lines_and_one_slider_moves_all_records(page: Page) -> None:
    section(page, "train").get_by_role("button", name=re.compile("train")).first.click()
    expect(page.get_by_role("list", name="Charts of train, small")).to_contain_text("loss")
    expect(chart(page, "train/loss")).to_have_count(0)
    slider = section(page, "media").get_by_role("slider")
    slider.scroll_into_view_if_needed()
    first = page.locator('[data-testid="media"][data-key="media/first"]')
    second = page.locator('[data-testid="media"][data-key="media/second"]')
    expect(first).to_have_attribute("data-step", "15")
    slider.fill("0")
    expect(first).to_have_attribute("data-step", "5")
    expect(second).to_have_attribute("data-step", "5")
    expect(page).to_have_url(re.compile("at=5"))
    # By keys for the whole page, where nothing else was chosen.
    section(page, "media").get_by_role("button", name="latest").click()
    expect(first).to_have_attribute("data-step", "15")
    page.locator("body").press("[")
    expect(second).to_have_attribute("data-step", "5")
    expect(page).to_have_url(re.compile("cursor=5"))
    page.locator("body").press("]")
    expect(second).to_have_attribute("data-step", "15")


def test_run_has_the_colour_a_person_gives_it(page: Page) -> None:
    row = page.locator('[data-testid="run"]').first
    row.hover()
    before = row.locator("line").get_attribute("stroke")
    # The page goes at once, before it has heard that a change is kept; the second one it has not even sent.
    for colour in ("Colour 9", "Colour 8"):
        row.get_by_role("button", name=re.compile("^Colour of")).click()
        page.get_by_role("button", name=colour, exact=True).click()
    after = row.locator("line").get_attribute("stroke")
    assert after not in (before, None)
    page.reload()
    expect(row.locator("line")).to_have_attribute("stroke", after or "")
