"""Owns the browser tests of the page that compares runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import OpenPage

import trackd

PROJECT = "compare"
PROMPTS = (
    "You are helpful.\nBe exact.\nCite what you say.",
    "You are helpful.\nBe kind.\nCite what you say.",
)


@pytest.fixture(scope="module")
def ids(module_store: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    assert module_store.exists()
    found = []
    for index, name in enumerate(("base", "wide", "long")):
        config = {
            "lr": 0.1 / (index + 1),
            "model": {"layers": 2 + index},
            "seed": 7,
            "prompt": PROMPTS[index % 2],
        }
        folder = tmp_path_factory.mktemp(name)
        (folder / "train.py").write_text(f"import torch\n\nepochs = {10 * (index + 1)}\n")
        (folder / "requirements.txt").write_text(f"numpy==2.{index}.0\npillow==11.0.0\n")
        with trackd.init(project=PROJECT, name=name, config=config) as run:
            for step in range(3):
                picture = np.full((16, 24, 3), 60 * step + 40, dtype=np.uint8)
                run.log({"loss": 1.0 / (step + index + 1), "sample": trackd.Image(picture)})
            run.save(str(folder / "train.py"), base_path=str(folder))
            run.save(str(folder / "requirements.txt"), base_path=str(folder))
            found.append(run.id)
    return found


def row(page: Page, key: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=key, exact=True))


def cells(page: Page, key: str) -> list[str]:
    texts = row(page, key).get_by_role("gridcell").all_text_contents()
    return [text.removeprefix("\N{NOT EQUAL TO}") for text in texts]


def test_runs_are_chosen_compared_and_looked_at_side_by_side(open_page: OpenPage, ids: list[str]) -> None:
    page = open_page(f"/p/{PROJECT}/compare")

    # Nothing is chosen: the page says how to choose, and adding by name or by a press does.
    expect(page.get_by_role("heading", name="Choose runs to compare")).to_be_visible()
    picker = page.get_by_label("Add a run by name")
    picker.fill("nobody")
    picker.press("Enter")
    expect(page.get_by_text("No one run is called so.")).to_be_visible()
    picker.fill("base")
    picker.press("Enter")
    expect(page.get_by_role("heading", name="Choose another run")).to_be_visible()
    page.get_by_role("button", name="wide", exact=True).click()

    # Differences only, by section, those of packages and files too.
    grid = page.get_by_role("grid", name="Comparison of 2 runs")
    expect(grid).to_be_visible()
    expect(row(page, "numpy")).to_be_visible()
    assert cells(page, "lr") == ["0.1", "differs: 0.05"]
    for key in ("model.layers", "loss", "numpy", "file train.py"):
        expect(row(page, key)).to_be_visible()
        expect(row(page, key).get_by_role("gridcell").nth(1)).to_contain_text("differs:")
    expect(row(page, "seed")).to_have_count(0)
    expect(row(page, "pillow")).to_have_count(0)
    page.get_by_label("differences only").uncheck()
    expect(page).to_have_url(re.compile("rows=all"))
    expect(row(page, "seed")).to_be_visible()
    expect(row(page, "seed").get_by_role("gridcell").nth(1)).not_to_contain_text("differs:")
    page.get_by_label("differences only").check()

    # Sections fold, keys are searched, and both are in the address.
    page.get_by_role("button", name="Config").click()
    expect(row(page, "lr")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Config")).to_have_attribute("aria-expanded", "false")
    page.get_by_role("button", name="Config").click()
    page.get_by_label("Search keys").fill("^lr$")
    expect(row(page, "lr")).to_be_visible()
    expect(row(page, "prompt")).to_have_count(0)
    page.get_by_label("Search keys").fill("")

    # Another base changes what differs; a removed run is gone.
    page.get_by_label("Add a run by name").fill("long")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("columnheader", name="long")).to_be_visible()
    assert [
        "differs" in text for text in row(page, "prompt").get_by_role("gridcell").all_text_contents()
    ] == [
        False,
        True,
        False,
    ]
    page.get_by_role("button", name="Make base: wide").click()
    expect(page.get_by_role("columnheader", name="wide, the base")).to_be_visible()
    expect(row(page, "prompt").get_by_role("gridcell").nth(2)).to_contain_text("differs:")
    page.get_by_role("button", name="Remove long").click()
    expect(page.get_by_role("columnheader", name="long")).to_have_count(0)

    # A long text by keys and in a dialog, then a file as the daemon compares it.
    row(page, "prompt").get_by_role("gridcell").nth(1).click()
    detail = page.get_by_role("group", name="Value of prompt of base")
    expect(detail).to_contain_text("Be exact.")
    detail.get_by_role("button", name="Difference").click()
    dialog = page.get_by_role("dialog", name="Difference in prompt")
    expect(dialog.get_by_role("listitem")).to_have_text(
        [" You are helpful.", "\N{MINUS SIGN}Be kind.", "+Be exact.", " Cite what you say."]
    )
    page.keyboard.press("Escape")
    row(page, "file train.py").get_by_role("gridcell").nth(1).click()
    page.get_by_role("button", name="Difference").click()
    expect(page.get_by_role("dialog", name="Difference in train.py")).to_contain_text("+epochs = 10")
    page.keyboard.press("Escape")
    grid = page.get_by_role("grid", name="Comparison of 2 runs")
    grid.focus()
    grid.press("Control+Home")
    grid.press("Enter")
    expect(page.get_by_role("button", name="Config")).to_have_attribute("aria-expanded", "false")

    # Media of both at one step.
    media = page.get_by_role("region", name="Media at the same step")
    card = media.get_by_test_id("media")
    expect(card).to_have_attribute("data-step", "2")
    expect(card.get_by_test_id("media-run")).to_have_count(2)
    media.get_by_role("button", name="Previous step").click()
    expect(card).to_have_attribute("data-step", "1")
    expect(page).to_have_url(re.compile(r"at=1%2Call%3Amedia"))

    # A run that is not there is said and removed, and what is left fits a small screen.
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{page.url.split('?')[0]}?runs={ids[0]}%2C{ids[1]}%2Cgone")
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("grid", name="Comparison of 2 runs")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
