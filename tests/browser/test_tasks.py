"""Owns the browser tests of what docs/web_app.md says how to do: exactly its clicks, on the project of its pictures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo_project.py"
PROJECT = "shapes"
BEST, FAILED = "wide-lr0.03-s0", "narrow-lr3.0-s0"


@pytest.fixture(scope="module", autouse=True)
def _project(module_store: Path) -> None:
    assert module_store.exists()
    # A process of its own, as a person would have it: its console is a part of what is looked for.
    subprocess.run([sys.executable, str(DEMO)], check=True, timeout=60, stdout=subprocess.DEVNULL)


def open_project(open_page: OpenPage) -> Page:
    page = open_page("/")
    page.get_by_role("link", name=PROJECT).click()
    expect(page.get_by_role("complementary", name="Runs")).to_contain_text("17")
    return page


def test_best_run_by_validation_accuracy_is_two_clicks_away(open_page: OpenPage) -> None:
    page = open_project(open_page)
    page.get_by_role("link", name="Table", exact=True).click()
    page.get_by_role("columnheader", name="val/accuracy").get_by_role("button").first.click()
    expect(page.get_by_role("columnheader", name="val/accuracy")).to_have_attribute("aria-sort", "descending")
    best = page.locator('[role="row"][data-row="0"]')
    expect(best).to_contain_text(BEST)
    expect(best).to_contain_text("0.9293")


def test_why_a_run_failed_is_one_click_away(open_page: OpenPage) -> None:
    page = open_project(open_page)
    row = page.get_by_test_id("run").filter(has_text=FAILED)
    expect(row).to_contain_text("failed")
    row.get_by_role("link", name=f"Open the page of {FAILED}").click()
    ending = page.get_by_role("region", name="How the run ended")
    expect(ending.get_by_role("heading", level=2)).to_contain_text(
        "FloatingPointError: the loss is nan after 65 steps: lower the learning rate"
    )
    expect(ending.get_by_label("Traceback")).to_contain_text("raise FloatingPointError")
    expect(ending).to_contain_text("step 60 loss 1448.7514")


def test_image_at_step_100_of_two_runs_stands_side_by_side(open_page: OpenPage) -> None:
    page = open_project(open_page)
    page.get_by_role("link", name="Table", exact=True).click()
    for name in (BEST, "narrow-lr0.01-s0"):
        page.get_by_role("row", name=name).get_by_role("checkbox").click()
    page.get_by_role("region", name="Chosen runs").get_by_role("button", name="Compare").click()
    media = page.get_by_role("region", name="Media at the same step")
    card = media.locator('[data-testid="media"][data-key="val/predictions"]')
    expect(card).to_have_attribute("data-step", "200")
    for _ in range(2):
        media.get_by_role("button", name="Previous step").first.click()
    expect(card).to_have_attribute("data-step", "100")
    expect(page).to_have_url(re.compile("at=100"))
    cells = card.get_by_test_id("media-run")
    expect(cells).to_have_count(2)
    for cell, name in zip(cells.all(), (BEST, "narrow-lr0.01-s0"), strict=True):
        expect(cell).to_contain_text(name)
        expect(cell.get_by_role("img").first).to_be_visible()
    first, second = (cell.bounding_box() for cell in cells.all())
    assert first is not None
    assert second is not None
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] <= second["x"] + 1
