"""Owns the browser tests of the runs table: finding, ordering, grouping and changing runs, and taking it back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import OpenPage

import trackd

RUN_COUNT = 48
NAMES = re.compile(r"^run-\d+")


@pytest.fixture(scope="module")
def project(module_store: Path) -> str:
    """Logs runs of three learning rates, the first ones with a tag."""
    name = "table"
    assert module_store.is_dir()
    for index in range(RUN_COUNT):
        with trackd.init(
            project=name,
            name=f"run-{index:02}",
            config={"lr": [0.1, 0.01, 0.001][index % 3], "same": 1},
            tags=["first"] if index < 2 else [],
        ) as run:
            run.log({"acc": index / RUN_COUNT, "loss": 1 - index / 100})
    return name


def rows(page: Page) -> Locator:
    return page.get_by_role("row", name=NAMES)


def count(page: Page) -> Locator:
    return page.get_by_test_id("runs-count")


def names(page: Page, first: int) -> list[str]:
    """The names of the first rows, in the order of the list."""
    found: list[str] = rows(page).evaluate_all(
        "rows => rows.filter(row => row.dataset.row >= 0)"
        ".sort((a, b) => a.dataset.row - b.dataset.row).map(row => row.getAttribute('aria-label'))"
    )
    return found[:first]


def notice(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text=re.compile("tagged|will be deleted|Renamed|opied"))


def test_runs_are_found_ordered_and_grouped(open_page: OpenPage, project: str) -> None:
    page = open_page(f"/p/{project}/table")
    expect(count(page)).to_have_text(f"{RUN_COUNT} runs")
    for column in ("State", "Created", "lr", "acc"):
        expect(page.get_by_role("columnheader", name=column)).to_be_visible()
    expect(page.get_by_role("columnheader", name="same")).to_have_count(0)
    assert names(page, 1) == ["run-47"]
    assert rows(page).count() < RUN_COUNT, "only rows near the view are in the page"

    # A filter with completion, applied while one types; one that is wrong leaves the rows as they are.
    field = page.get_by_role("combobox", name="Filter runs")
    field.press_sequentially("summary.ac")
    expect(page.get_by_role("option", name=re.compile("summary.acc"))).to_be_visible()
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value("summary.acc ")
    field.press_sequentially("> 0.5 and state = finished")
    expect(count(page)).to_have_text(f"23 of {RUN_COUNT} runs")
    expect(page).to_have_url(re.compile(r"filter=summary\.acc"))
    field.fill("acc >")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("expected a value")
    assert names(page, 1) == ["run-47"]
    field.fill("acc > 5")
    expect(page.get_by_text("No run matches")).to_be_visible()
    page.get_by_role("button", name="Clear filter and search").click()
    expect(count(page)).to_have_text(f"{RUN_COUNT} runs")
    expect(field).to_have_value("")

    # Sorted by one column, and by a second one with shift.
    page.get_by_role("columnheader", name="lr").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="lr")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("columnheader", name="acc").get_by_role("button").click(modifiers=["Shift"])
    expect(page.get_by_role("row", name="run-44")).to_have_attribute("data-row", "1")  # 3 before
    assert names(page, 3) == ["run-47", "run-44", "run-41"]

    # Grouped, with numbers summed up; folded by a key.
    page.get_by_role("combobox", name="Group by").select_option("config.lr")
    grid = page.get_by_role("treegrid", name="Runs")
    group = grid.get_by_role("row", name=re.compile(r"lr 0\.001"))
    expect(group).to_contain_text("16")
    expect(group).to_have_attribute("aria-expanded", "true")
    page.get_by_label("Numbers of a group").select_option("max")
    expect(group).to_contain_text("0.979")
    grid.focus()
    grid.press("ArrowLeft")
    expect(group).to_have_attribute("aria-expanded", "false")
    expect(grid.get_by_role("row", name="run-47")).to_have_count(0)
    page.reload()
    expect(group).to_have_attribute("aria-expanded", "false")


def test_columns_are_chosen_and_rows_stay_while_runs_come(open_page: OpenPage, project: str) -> None:
    page = open_page(f"/p/{project}/table")
    expect(count(page)).to_contain_text("runs")
    before = int((count(page).text_content() or "").split()[0])
    page.get_by_role("button", name="Columns").click()
    chooser = page.get_by_role("dialog", name="Columns")
    search = chooser.get_by_role("searchbox", name="Search columns")
    search.fill("same")
    chooser.get_by_role("checkbox", name="same").check()
    chooser.get_by_label("Only columns that differ").check()
    search.fill("stat")
    chooser.get_by_role("checkbox", name="State").click()
    search.press("Escape")
    expect(page.get_by_role("columnheader", name="same")).to_be_visible()
    expect(page.get_by_role("columnheader", name="State")).to_have_count(0)

    # By keys: to a column, which is moved and made wider; to the last row.
    grid = page.get_by_role("grid", name="Runs")
    grid.focus()
    grid.press("End")
    grid.press("Alt+ArrowLeft")
    grid.press("Alt+Shift+ArrowRight")
    expect(page).to_have_url(re.compile(r"column=config\.same&column=summary|width=\d+%2Cconfig\.same"))
    grid.press("Control+End")
    expect(rows(page).last).to_be_visible()
    last = page.locator(f'[data-row="{before - 1}"]')
    expect(last).to_be_in_viewport()

    # What is looked at stays where it is when a run comes.
    seen = page.locator(f'[data-row="{before - 5}"]')
    label = seen.get_attribute("aria-label")
    assert label is not None
    top = page.get_by_role("row", name=label).bounding_box()
    run = trackd.init(project=project, name="run-newest")
    run.log({"acc": 2.0})
    assert run.flush(60)
    expect(count(page)).to_have_text(f"{before + 1} runs")
    expect(page.get_by_role("row", name=label)).to_have_attribute("data-row", str(before - 4))
    assert page.get_by_role("row", name=label).bounding_box() == top
    grid.press("Control+Home")
    newest = page.get_by_role("row", name="run-newest")
    expect(newest).to_contain_text("2.000")
    run.log({"acc": 3.0})
    expect(newest).to_contain_text("3.000")
    run.finish()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("name,id,")
    assert len(lines) == before + 2


def test_changes_of_many_runs_are_taken_back(open_page: OpenPage, project: str) -> None:
    page = open_page(f"/p/{project}/table?column=tags&column=state&filter=acc<0.1&sort=%2Bname")
    first, second = page.get_by_role("row", name="run-00").first, page.get_by_role("row", name="run-04").first
    expect(first).to_contain_text("first")
    first.get_by_role("checkbox").click()
    second.get_by_role("checkbox").click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Chosen runs")
    expect(bar).to_contain_text("selected")
    undo = page.get_by_role("button", name="Undo")

    bar.get_by_role("button", name="Tag…", exact=True).click()
    bar.get_by_label("Tag to add").fill("best")
    bar.get_by_label("Tag to add").press("Enter")
    expect(second).to_contain_text("best")
    expect(notice(page)).to_contain_text("tagged “best”")
    undo.click()
    expect(second).not_to_contain_text("best")
    expect(first).to_contain_text("first")

    bar.get_by_role("button", name="Archive", exact=True).click()
    expect(second).to_have_count(0)
    undo.click()
    expect(second).to_be_visible()

    # Deleting waits: what is taken back was never gone.
    bar.get_by_role("button", name="Delete").click()
    expect(second).to_have_count(0)
    expect(notice(page)).to_contain_text("will be deleted")
    undo.click()
    expect(second).to_be_visible()
    expect(bar).to_have_count(0)

    grid = page.get_by_role("grid", name="Runs")
    second.get_by_role("gridcell").first.click()
    grid.press("Home")
    grid.press("F2")
    name = page.get_by_role("textbox", name="Name of run-04")
    name.fill("run-best")
    name.press("Enter")
    expect(page.get_by_role("row", name="run-best").first).to_be_visible()
    undo.click()
    expect(second).to_be_visible()

    # Without a change of mind it happens: at the latest with the next notice.
    second.get_by_role("gridcell").first.click()
    grid.press("Space")
    bar.get_by_role("button", name="Delete").click()
    expect(second).to_have_count(0)
    shown = count(page).text_content() or ""
    grid.focus()
    grid.press("Control+c")
    expect(notice(page)).to_contain_text("opied")
    page.reload()
    expect(count(page)).not_to_have_text("")
    assert (count(page).text_content() or "").split()[0] == shown.split()[0]
    expect(second).to_have_count(0)
