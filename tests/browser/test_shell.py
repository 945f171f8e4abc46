"""Owns the browser tests of what stands around every page: palette, keys, tabs, look, projects, settings, presets.

And that a page recovers when its daemon is killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from urllib.parse import quote

import numpy as np
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import OpenPage
from tests.browser.test_page import wait_for
from tests.conftest import WaitUntil

import trackd
from trackd import _daemon


def log_run(project: str, name: str, steps: int = 5) -> str:
    with trackd.init(project=project, name=name, config={"lr": 0.1}) as run:
        for step in range(steps):
            run.log({"train/loss": 1.0 / (step + 1), "val/accuracy": step / 10})
    return run.id


def answer_runs(route: Route) -> None:
    """Answers as the daemon does where a run's name matches."""
    question = json.loads(route.request.post_data or "{}")
    if not question.get("search"):  # the page's own list
        route.continue_()
        return
    names = [name for name in ("amber-fox", "blue-fox") if re.search(question["search"], name)]
    columns = [{"name": "name", "values": names}, {"name": "state", "values": ["finished"] * len(names)}]
    route.fulfill(json={"run_ids": names, "columns": columns, "runs": [], "groups": []})


def active(page: Page) -> str:
    return page.locator('[role="option"][aria-selected="true"]').inner_text()


def test_palette_keys_and_tabs_lead_everywhere_without_a_mouse(open_page: OpenPage) -> None:
    shell_run = log_run("shell", "amber-fox")
    log_run("other-project", "r")
    page = open_page("/p/shell?hide=x&sort=-name")
    wait_for(page, "train/loss", lambda _, total: total == 5)
    page.route("**/runs:query", answer_runs)

    # The tabs carry what was chosen of the runs along.
    tabs = page.get_by_role("navigation", name="Pages of the project")
    assert (tabs.get_by_role("link", name="Table").get_attribute("href") or "").endswith(
        "/p/shell/table?sort=-name&hide=x"
    )
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile(r"/p/shell/table\?sort=-name&hide=x$"))
    expect(tabs.get_by_role("link", name="Table")).to_have_attribute("aria-current", "page")
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page).to_have_url(re.compile(r"/p/shell\?sort=-name&hide=x$"))
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(rf"/p/shell/compare\?runs={shell_run}&sort=-name&hide=x$"))
    expect(tabs.get_by_role("link", name="Compare")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("heading", name="Choose another run to compare with")).to_be_visible()
    tabs.get_by_role("link", name="Workspace").click()
    expect(page).to_have_url(re.compile(r"/p/shell\?sort=-name&hide=x$"))

    # The list of keys is made of what the page declares; none fires while a person types.
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_text("next run")).to_be_visible()
    expect(keys.get_by_text("gpprojects")).to_be_visible()
    page.keyboard.press("Escape")
    search = page.get_by_role("searchbox", name="Search metrics by regular expression")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("gt?")
    expect(search).to_have_value("gt?")
    expect(keys).to_have_count(0)
    search.fill("")

    # The palette: metrics to their chart, actions, runs of the daemon, projects; it opens while a person types.
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Find anything")
    expect(field).to_be_focused()
    page.keyboard.type("vacc")
    expect(page.get_by_role("option", name="val/accuracy")).to_have_attribute("aria-selected", "true")
    assert page.locator("mark").all_inner_texts() == ["va", "cc"]
    page.keyboard.press("Enter")
    expect(search).to_have_value("^val/accuracy$")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("group", name="Recent").get_by_role("option")).to_have_text(["val/accuracy"])
    page.keyboard.type("log y")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_contain_text("Logarithmic y axes")
    page.keyboard.press("Enter")
    expect(page.get_by_role("checkbox", name="log y")).to_be_checked()
    page.keyboard.press("Control+k")
    page.keyboard.type("fox")
    expect(page.get_by_role("group", name="Runs").get_by_role("option")).to_have_count(2)
    first = active(page)
    page.keyboard.press("ArrowDown")
    assert active(page) != first
    page.keyboard.press("ArrowUp")
    assert active(page) == first
    field.fill("zzzz")
    expect(page.get_by_text("Nothing is called “zzzz”")).to_be_visible()
    field.fill("show the keys")
    page.keyboard.press("Enter")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("other-pro")
    expect(page.get_by_role("option", name="other-project")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/p/other-project$"))


def test_chosen_look_is_there_before_any_script_and_stays(open_page: OpenPage) -> None:
    log_run("look", "r")
    page = open_page("/settings", is_hostile=True)  # the browser says that scripts are kept from loading
    page.get_by_role("radio", name="Dark").check()
    page.get_by_role("radio", name="Cosy").check()
    # What is painted first is what the daemon serves: here no script runs at all.
    page.route("**/assets/*.js", lambda route: route.abort())
    page.reload(wait_until="commit")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(root).to_have_attribute("data-density", "cosy")
    page.unroute("**/assets/*.js")
    page.reload()
    expect(page.get_by_role("radio", name="Dark").first).to_be_checked()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 28)"
    page.get_by_role("button", name="Theme").click()
    page.locator("[popover]:popover-open").get_by_role("radio", name="System").check()
    expect(root).not_to_have_attribute("data-theme", "dark")
    facts = page.get_by_role("region", name="Store")
    expect(facts.get_by_text(os.environ["TRACKD_STORE"])).to_be_visible()
    expect(facts.get_by_text(re.compile(r"^process \d+, for "))).to_be_visible()
    expect(facts.get_by_text(re.compile(r"B$")).first).to_be_visible()
    # Rows of lists take the room that was chosen, those of which only a part is drawn too.
    page.keyboard.press("Control+k")
    option = page.get_by_role("option").first
    expect(option).to_be_visible()
    assert option.evaluate("row => row.offsetHeight") == 36
    page.keyboard.press("Escape")
    page.get_by_role("radio", name="Compact").check()
    page.evaluate("history.pushState(null, '', '/p/look')")
    row = page.get_by_role("complementary", name="Runs").get_by_role("listitem").first
    expect(row).to_have_css("height", "44px")
    page.evaluate("history.pushState(null, '', '/settings')")
    page.get_by_role("radio", name="Cosy").check()
    page.evaluate("history.pushState(null, '', '/p/look')")
    expect(row).to_have_css("height", "52px")


def test_projects_are_searched_sorted_and_only_a_part_of_them_is_in_the_page(open_page: OpenPage) -> None:
    log_run("zebra", "r")
    page = open_page("/")
    expect(page.locator('[data-project="zebra"]')).to_contain_text("1 run")
    expect(page.locator('[data-project="zebra"]')).to_contain_text(re.compile(r"\d B|\d KiB"))

    def answer(route: Route) -> None:
        projects = [
            {
                "name": f"p{number}",
                "run_count": number,
                "running_count": number % 2,
                "update_time_unix_ms": 1e12,
            }
            for number in range(1000)
        ]
        route.fulfill(json={"projects": projects})

    page.route("**/api/v1/projects", answer)
    page.reload()
    expect(page.get_by_text("1,000 projects")).to_be_visible()
    rows = page.get_by_test_id("project")
    assert 10 < rows.count() < 80
    page.get_by_role("combobox", name="Sort by").select_option("runs")
    expect(rows.first).to_have_attribute("data-project", "p999")
    expect(page).to_have_url(re.compile(r"\?sort=-runs$"))
    page.mouse.wheel(0, 30_000)
    page.mouse.move(700, 500)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator('[data-project="p0"]')).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("p12")
    expect(page.get_by_text("11 of 1,000 projects")).to_be_visible()
    expect(rows).to_have_count(11)
    page.keyboard.type("x")
    expect(page.get_by_text(re.compile("name holds “p12x”"))).to_be_visible()
    page.route("**/api/v1/projects", lambda route: route.fulfill(json={"projects": []}))
    page.reload()
    expect(page.get_by_text("These three lines log the first")).to_be_visible()


def test_a_preset_is_looked_at_renamed_edited_deleted_and_brought_back(open_page: OpenPage) -> None:
    log_run("presets", "r")
    encoding = {axis: {"field": f"${{field:{axis}}}", "type": "quantitative"} for axis in ("x", "y")}
    specification = {"mark": "line", "data": {"name": "table"}, "encoding": encoding}
    trackd.save_preset("team/curve", specification, "Curve")
    page = open_page("/presets")
    saved = page.get_by_role("navigation", name="Presets")
    saved.get_by_role("link", name="Curve team/curve").click()
    expect(page).to_have_url(re.compile(r"preset=team%2Fcurve"))
    drawn = page.locator('iframe[data-state="size"]')
    expect(drawn).to_be_visible()
    page.get_by_role("textbox", name="Title", exact=True).fill("Better")
    page.get_by_role("button", name="Rename").click()
    expect(saved.get_by_role("link", name="Better team/curve")).to_be_visible()
    text = page.get_by_role("textbox", name="Specification")
    text.fill("{")
    expect(text).to_have_attribute("aria-invalid", "true")
    text.fill(json.dumps({**specification, "mark": "bar"}))
    # What was saved is read again before it is deleted: undoing brings back what the page has read.
    with page.expect_response(lambda answer: answer.request.method == "GET" and "curve" in answer.url):
        page.get_by_role("button", name="Save as preset").click()
    expect(text).to_have_value(re.compile('"mark": "bar"'))
    page.get_by_role("button", name="Delete").click()
    expect(saved.get_by_text("None yet.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(saved.get_by_role("link", name="Better team/curve")).to_be_visible()
    expect(page.get_by_role("textbox", name="Specification")).to_have_value(re.compile('"mark": "bar"'))
    saved.get_by_role("link", name=re.compile("Confusion matrix")).click()
    expect(page.get_by_text("comes with trackd and stays as it is")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)


def test_a_page_recovers_by_itself_when_its_daemon_is_killed(
    open_page: OpenPage, module_store: Path, wait_until: WaitUntil
) -> None:
    run = trackd.init(project="killed", name="survivor")
    run.log({"loss": 1.0})
    assert run.flush(60)
    page = open_page("/p/killed", is_hostile=True)  # the browser says of each attempt that it has failed
    wait_for(page, "loss", lambda _, total: total == 1)
    live = page.get_by_test_id("live")
    expect(live).to_have_text("live")
    before = _daemon.read_endpoint(str(module_store))
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    expect(live).to_have_text("reconnecting")
    run.log({"loss": 2.0})

    def is_new() -> bool:
        now = _daemon.read_endpoint(str(module_store))
        return now is not None and now.pid != before.pid

    wait_until(is_new, message="the next daemon")  # which the client starts
    after = _daemon.read_endpoint(str(module_store))
    assert after is not None
    assert (after.http_address, after.token) == (before.http_address, before.token)
    wait_for(page, "loss", lambda _, total: total == 2)
    expect(live).to_have_text("live")
    run.log({"loss": 3.0, "other": 1.0})
    wait_for(page, "loss", lambda _, total: total == 3)
    wait_for(page, "other", lambda _, total: total == 1)
    run.finish()
    expect(page.get_by_text("finished").first).to_be_visible()


def test_names_written_from_right_to_left_turn_nothing_round_in_titles_and_labels(
    open_page: OpenPage,
) -> None:
    project, name, metric = (
        "\u05e0\u05d9\u05e1\u05d5\u05d9",
        "\u05e8\u05d9\u05e6\u05d4 (1)",
        "\u05d0\u05d5\u05d1\u05d3\u05df 2",
    )
    ids = []
    for number in range(2):
        with trackd.init(project=project, name=name, config={"lr": number}) as run:
            ids.append(run.id)
            for step in range(5):
                run.log({metric: step + number, "sample": trackd.Image(np.zeros((8, 8, 3), np.uint8))})
    page = open_page("/")
    start = page.url.rpartition("/")[0]
    at = f"{start}/p/{quote(project)}"
    signs = {
        f"{start}/": page.locator(f'[data-project="{project}"]'),
        at: page.get_by_test_id("chart").first,
        f"{at}?media=image:sample": page.get_by_role("dialog").get_by_role("region").first,
        f"{at}/table": page.get_by_role("row").nth(2),
        f"{at}/compare?runs={','.join(ids)}": page.get_by_role("rowheader").first,
        f"{at}/r/{ids[0]}": page.get_by_role("heading", name="Config"),
        f"{at}/r/{ids[0]}?tab=charts": page.get_by_test_id("chart").first,
    }
    seen = set()
    for address, sign in signs.items():
        page.goto(address)
        expect(sign).to_be_visible()
        expect(page.locator('[aria-busy="true"]')).to_have_count(0)
        texts = page.evaluate(
            """() => {
              const all = document.querySelectorAll("[title], [aria-label], [alt], select option");
              const said = ({title, ariaLabel, alt, tagName, text}) => [title, ariaLabel, alt, tagName === "OPTION" && text];
              return [document.title, ...[...all].flatMap(said).filter(Boolean)];
            }"""
        )
        for text in texts:
            for turning in (project, name, metric):
                if turning in text and text not in (turning, f"summary.{turning}"):
                    before = text.partition(turning)[0]
                    assert before.count("\u2068") == before.count("\u2069") + 1, (address, text)
                    assert text.count("\u2068") == text.count("\u2069"), (address, text)
                    seen.add(turning)
    assert seen == {project, name, metric}
