"""Owns the browser tests of what a person does with media: going through steps, looking closely, listening and watching."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import OpenPage

import trackd

PATIENCE_MS = 30_000


@pytest.fixture(autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


def card(page: Page, key: str) -> Locator:
    found = page.locator(f'[data-testid="media"][data-key="{key}"]')
    expect(found).to_have_attribute("data-step", re.compile(r"\d+"))
    return found


def picture(value: int, side: int = 32) -> Any:
    pixels = np.full((side, side, 3), 10, np.uint8)
    pixels[: side // 2, : side // 2] = (value, 100, 50)
    return pixels


def test_steps_play_to_the_last_and_say_what_is_older(open_page: OpenPage) -> None:
    for name, steps in (("first", range(0, 50, 10)), ("second", (0, 20))):
        with trackd.init(project="steps", name=name) as run:
            for step in steps:
                run.log({"sample": trackd.Image(picture(step), caption=f"{name} {step}")}, step=step)
    page = open_page("/p/steps?at=10,image:sample")
    shown = card(page, "sample")
    second = shown.get_by_role("region", name="second")
    expect(shown).to_have_attribute("data-step", "10")
    expect(second).to_contain_text("step 0, the last before 10")
    shown.get_by_role("button", name="Play the steps").press("Enter")
    expect(shown.get_by_role("button", name="Pause")).to_be_focused()
    expect(shown).to_have_attribute("data-step", "40")
    expect(second).to_contain_text("step 20, the last before 40")
    expect(shown.get_by_role("button", name="Play the steps")).to_be_focused()
    page.wait_for_url(re.compile("at=40"))
    # From the last it begins anew; who moves the slider has it to themselves.
    shown.get_by_role("button", name="Play the steps").click()
    expect(shown).to_have_attribute("data-step", "0")
    shown.get_by_role("button", name="Next step").click()
    expect(shown.get_by_role("button", name="Play the steps")).to_be_visible()
    shown.get_by_role("button", name="latest").click()
    page.wait_for_url(re.compile("/p/steps$"))
    expect(shown).to_have_attribute("data-step", "40")
