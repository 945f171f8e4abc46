"""Owns the browser tests of the ranks of a run: what is said of them, their map and their table."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import OpenPage
from tests.browser.test_accessibility import AXE, FAULTS
from tests.service.fake_ranks import SILENT_AFTER_SECONDS, FakeRank, open_ranks, train
from tests.service.reading import connection

import trackd

PROJECT = "cluster"


@pytest.fixture(scope="module")
def trained(module_store: Path) -> Iterator[list[FakeRank]]:
    """Gives 64 ranks on 8 hosts: rank 13 has fallen silent, rank 40 has failed, rank 7 is 85 steps behind."""
    trackd.init(project=PROJECT, id="alone", settings={"store": str(module_store), "quiet": True}).finish()
    with connection(str(module_store)) as (channel, metadata):
        ranks = open_ranks(channel, metadata, (PROJECT, "big"), 64)
        train(ranks, 0, 100, last_age_seconds=100)
        ranks[0].print_lines("epoch 1", "epoch 2")
        ranks[40].finish(3)
        # It passes for real: a rank has spoken when it opened the run, which takes seconds where the machine is busy, and is
        # silent after three times its longest pause.
        time.sleep(5 * SILENT_AFTER_SECONDS)
        train([rank for place, rank in enumerate(ranks) if place not in (7, 13, 40)], 100, 200)
        train([ranks[7]], 100, 115)
        yield ranks


def ranks_of(open_page: OpenPage, run: str = "big", **options: Any) -> Page:
    page = open_page(f"/p/{PROJECT}/r/{run}?tab=ranks", **options)
    expect(page.get_by_test_id("ranks")).to_be_visible()
    return page


@pytest.mark.usefixtures("trained")
def test_a_run_of_one_process_has_no_part_for_ranks(open_page: OpenPage) -> None:
    page = open_page(f"/p/{PROJECT}/r/alone")
    expect(page.get_by_role("link", name="Health")).to_be_visible()
    expect(page.get_by_role("link", name="Ranks")).to_have_count(0)


def test_what_matters_of_64_ranks_is_said_above_their_map_and_table(
    open_page: OpenPage, trained: list[FakeRank]
) -> None:
    page = ranks_of(open_page)
    notes = page.get_by_role("list", name="What to look at").get_by_role("listitem")
    expect(page.get_by_test_id("ranks").get_by_role("status")).to_have_text(
        "64 ranks on 8 hosts: 62 run, 1 is silent, 1 has failed"
    )
    expect(notes.nth(0)).to_contain_text("rank 40 on node-5 failed with exit code 3")
    expect(notes.nth(1)).to_contain_text(re.compile(r"rank 13 on node-1 is silent for \d"))
    expect(notes.nth(2)).to_contain_text("rank 7 on node-0 is the slowest: step 114, 85 behind the leader")

    # Its row is shown, though the table holds few rows.
    notes.nth(0).get_by_role("button", name="Show").click()
    row = page.locator(f'[data-testid="rank"][data-rank="{trained[40].writer_id}"]')
    expect(row).to_be_in_viewport()
    expect(row).to_contain_text("failed")
    expect(row).to_contain_text("exit code 3")
    assert page.get_by_test_id("rank").count() < 64

    page.get_by_label("sorted by").select_option("slowest first")
    expect(page).to_have_url(re.compile("sort="))
    page.get_by_role("region", name="Ranks", exact=True).evaluate("element => { element.scrollTop = 0; }")
    expect(page.get_by_test_id("rank").first).to_contain_text(re.compile("^rank (13|40)"))
    expect(page.get_by_test_id("rank").nth(2)).to_contain_text("rank 7")


@pytest.mark.usefixtures("trained")
def test_the_map_is_read_by_keys_and_every_rank_has_words(open_page: OpenPage) -> None:
    page = ranks_of(open_page)
    cells = page.get_by_test_id("rank-map").get_by_role("button")
    expect(cells).to_have_count(64)
    assert sum(cell.get_attribute("tabindex") == "0" for cell in cells.all()) == 1  # one stop of the Tab key
    cells.first.focus()
    said = page.get_by_test_id("rank-said")
    expect(said).to_have_text("rank 0 on node-0: running, step 199, not behind")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("rank 1 on node-0")
    page.keyboard.press("End")
    expect(said).to_contain_text("rank 63 on node-7")
    page.keyboard.press("Home")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    expect(said).to_have_text("rank 7 on node-0: running, step 114, 85 behind (1 m 25 s)")
    page.keyboard.press("Enter")
    expect(page.locator('[data-testid="rank"][data-active]')).to_contain_text("rank 7")
    for cell in cells.all():
        assert cell.get_attribute("aria-label")


def test_the_console_of_a_rank_is_one_press_away(open_page: OpenPage, trained: list[FakeRank]) -> None:
    page = ranks_of(open_page)
    page.get_by_role("link", name="2 lines of rank 0").click()
    expect(page).to_have_url(re.compile(f"writer={trained[0].writer_id}"))
    expect(page.get_by_test_id("console")).to_contain_text("epoch 2")


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_of_the_ranks_is_closed_to_who_sees_less(open_page: OpenPage, *, dark: bool) -> None:
    page = ranks_of(open_page, dark=dark)
    expect(page.get_by_test_id("rank").first).to_be_visible()
    page.evaluate(AXE)
    assert page.evaluate(FAULTS) == []


@pytest.mark.usefixtures("trained")
def test_1024_ranks_are_a_map_of_as_many_cells_and_a_table_of_few_rows(open_page: OpenPage) -> None:
    page = open_page(f"/p/{PROJECT}/r/big")
    expect(page.get_by_role("link", name="Ranks")).to_be_visible()

    def enlarge(route: Route) -> None:
        document = route.fetch().json()
        [first] = [each for each in document["writers"] if each["label"] == "rank 0"]
        document["writers"] = []
        for number in range(1024):
            writer = copy.deepcopy(first)
            writer |= {"writer_id": f"w{number}", "label": f"rank {number}", "steps_behind": number}
            writer["process"] |= {"host": f"node-{number // 8}", "pid": number + 1}
            document["writers"].append(writer)
        route.fulfill(body=json.dumps(document), content_type="application/json")

    page.route(re.compile(r"/api/v1/projects/[^/]+/runs/big$"), enlarge)
    page.reload()
    page.get_by_role("link", name="Ranks").click()
    expect(page.get_by_test_id("rank-map").get_by_role("button")).to_have_count(1024)
    assert page.get_by_test_id("rank").count() < 60
    table = page.get_by_role("region", name="Ranks", exact=True)
    expect(table.get_by_role("table")).to_have_attribute("aria-rowcount", "1025")
    table.evaluate("element => { element.scrollTop = element.scrollHeight; }")
    expect(page.get_by_test_id("rank").last).to_contain_text("rank 1023")


@pytest.mark.usefixtures("trained")
def test_the_page_of_a_phone_has_no_scrolling_sideways(open_page: OpenPage) -> None:
    page = ranks_of(open_page, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
