"""Owns the browser tests of using the page without a mouse, without seeing colours, and when a part of it does not come."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "web/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
PROJECT = "shapes"
FAULTS = """async () => {
  const found = await axe.run(document, { resultTypes: ['violations'], iframes: false });
  return found.violations
    .filter((one) => one.impact === 'serious' || one.impact === 'critical')
    .map((one) => [one.id, one.impact, one.nodes.map((node) => node.html.slice(0, 160))]);
}"""
CHART = '[data-testid="chart"][data-points]'


@pytest.fixture(scope="module", autouse=True)
def _project(module_store: Path) -> None:
    assert module_store.exists()
    demo = ROOT / "scripts" / "demo_project.py"
    subprocess.run([sys.executable, str(demo)], check=True, timeout=60, stdout=subprocess.DEVNULL)


def faults(page: Page) -> Any:
    page.evaluate(AXE)
    return page.evaluate(FAULTS)


def focus(page: Page, role: Any, name: str, *, key: str = "Tab", presses_max: int = 60) -> None:
    """Goes on by Tab until something has the focus, as a person does who has no mouse; it must be seen to have it."""
    wanted = page.get_by_role(role, name=name).and_(page.locator(":focus"))
    for _ in range(presses_max):
        if wanted.count():
            assert page.evaluate(
                """() => { const look = getComputedStyle(document.activeElement);
                return look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0 || look.boxShadow !== 'none'; }"""
            ), f"nothing shows that {name} has the focus"
            return
        page.keyboard.press(key)
    pytest.fail(f"{presses_max} presses of {key} do not lead to the {role} {name!r}")


def test_a_chart_the_table_and_a_comparison_are_reached_by_keys_alone(open_page: OpenPage) -> None:
    page = open_page(f"/p/{PROJECT}")
    accuracy = page.locator('[data-testid="chart"][data-key="train/accuracy"]')
    expect(accuracy).to_have_attribute("data-lines", "17")

    # A run: chosen, highlighted, hidden.
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[data-run-focus]:focus")).to_contain_text("wide-lr0.01-s1")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("run="))
    focus(page, "button", "Show wide-lr0.01-s1 in the charts", key="Shift+Tab")
    page.keyboard.press("Space")
    expect(accuracy).to_have_attribute("data-lines", "16")

    # A chart: full screen, zoomed and read by keys, and left.
    focus(page, "button", "Show train/accuracy full screen", presses_max=200)
    page.keyboard.press("Enter")
    full = page.get_by_role("dialog")
    expect(full.locator(CHART)).to_be_visible()
    focus(page, "img", "train/accuracy")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("tooltip")).to_contain_text("step")
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom="))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("zoom="))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(full).to_have_count(0)

    # The table: sorted, two runs selected, and compared.
    page.keyboard.press("g")
    page.keyboard.press("r")
    grid = page.get_by_role("grid", name="Runs")
    expect(grid).to_be_visible()
    focus(page, "grid", "Runs")
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowUp")
    head = page.get_by_role("columnheader", name="val/accuracy")
    for _ in range(12):
        if head.get_attribute("aria-selected") == "true" or head.get_attribute("data-active") == "true":
            break
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"sort=-summary\.val"))
    expect(page.locator('[role="row"][data-row="0"]')).to_contain_text("wide-lr0.03-s0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_role("region", name="Chosen runs")).to_contain_text("2 selected")
    focus(page, "button", "Compare", key="Shift+Tab")
    page.keyboard.press("Enter")
    comparison = page.get_by_role("grid", name="Comparison of 2 runs")
    expect(comparison).to_be_visible()
    focus(page, "grid", "Comparison")
    page.keyboard.press("ArrowDown")


def test_a_page_that_does_not_load_says_so_and_another_one_is_not_broken(open_page: OpenPage) -> None:
    page = open_page(f"/p/{PROJECT}", is_hostile=True)
    expect(page.locator(CHART).first).to_be_visible()
    page.route("**/assets/RunsTable-*.js", lambda route: route.abort())
    page.get_by_role("link", name="Table", exact=True).click()
    expect(page.get_by_role("heading", name="This page cannot be shown")).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("heading", name="This page cannot be shown")).to_be_visible()
    page.get_by_role("link", name="All projects").click()
    expect(page.get_by_text(PROJECT)).to_be_visible()
    # Whoever comes again is asked for it again.
    page.unroute("**/assets/RunsTable-*.js")
    page.go_back()
    expect(page.get_by_role("grid", name="Runs")).to_be_visible()


def test_every_page_and_tab_can_be_used_by_everybody_wide_and_small_light_and_dark(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    answer = page.evaluate(f"fetch('/api/v1/projects/{PROJECT}/runs').then((answer) => answer.json())")
    ids = {each["name"]: each["run_id"] for each in answer["runs"]}
    start = page.url.rpartition("/")[0]
    run = f"/p/{PROJECT}/r/{ids['narrow-lr3.0-s0']}"
    # How each page is known to be whole.
    pages = {
        "/": page.locator(f'[data-project="{PROJECT}"]'),
        "/settings": page.get_by_text(re.compile(r"^process \d+, for ")),
        "/presets": page.get_by_role("link", name=re.compile("Confusion matrix")),
        f"/p/{PROJECT}": page.locator(CHART).first,
        f"/p/{PROJECT}?group=config.model.width&closed=train": page.get_by_test_id("group").first,
        f"/p/{PROJECT}?panel=val%2Floss": page.get_by_role("dialog").locator(CHART),
        f"/p/{PROJECT}/table?group=group": page.get_by_role("row").nth(3),
        f"/p/{PROJECT}/compare?runs={ids['wide-lr0.1-s0']},{ids['wide-lr0.3-s0']}": page.get_by_role(
            "rowheader"
        ).first,
        run: page.get_by_role("heading", name="Config"),
        **{
            f"{run}?tab={tab}": page.get_by_role("main")
            for tab in ("system", "logs", "tables", "files", "health")
        },
        f"{run}?tab=charts": page.locator(CHART).first,
        f"{run}?tab=media": page.get_by_test_id("media").locator("img, canvas").first,
        f"/p/{PROJECT}/r/nobody": page.get_by_text("Not found"),
    }
    found = {}
    for path, sign in pages.items():
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(start + path)
        expect(sign).to_be_visible()
        expect(page.locator('[aria-busy="true"]')).to_have_count(0)
        found[f"{path} wide"] = faults(page)
        page.set_viewport_size({"width": 360, "height": 740})
        page.emulate_media(color_scheme="dark")
        found[f"{path} small and dark"] = faults(page)
        page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{start}/p/{PROJECT}")
    expect(page.locator(CHART).first).to_be_visible()
    for name, opens, closes in (
        ("views", page.get_by_role("button", name=re.compile("^Views")), "Escape"),
        ("options", page.get_by_role("button", name=re.compile("^Options")), "Escape"),
        ("the menu of a section", page.get_by_role("button", name="Section train"), "Escape"),
        ("the menu of a chart", page.get_by_role("button", name="More for train/loss"), "Escape"),
        ("keys", page.get_by_role("button", name="Keys"), "Escape"),
        ("the palette", page.get_by_role("button", name=re.compile("Find anything")), "Escape"),
    ):
        opens.click()
        found[name] = faults(page)
        page.keyboard.press(closes)
    assert not any(found.values()), "\n".join(f"{path}: {each}" for path, each in found.items() if each)
