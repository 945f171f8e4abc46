"""Owns the browser tests of a run's page: what it has printed, what its machine did, and how and why it ended."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import PATIENCE_SECONDS, OpenPage

import trackd

# What a script does first: it prints the run's id, and is told to go on by a file.
PREAMBLE = """
import os, sys, time
from pathlib import Path
import trackd

def wait_for(name):
    while not Path(name).exists():
        time.sleep(0.02)
"""
Script = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(module_store: Path, tmp_path: Path) -> Iterator[Script]:
    """Gives a function that starts a script with the client in a folder of its own; a script that fails fails the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def start_it(code: str, **environment: str) -> subprocess.Popen[bytes]:
        path = tmp_path / f"script_{len(processes)}.py"
        path.write_text(PREAMBLE + code)
        process = subprocess.Popen(
            [sys.executable, str(path)],
            cwd=tmp_path,
            env={**os.environ, "TRACKD_STORE": str(module_store), **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield start_it
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stderr and not process.stderr.closed:
            process.communicate()


def end(process: subprocess.Popen[bytes], exit_code: int = 0) -> None:
    """Waits until a script has ended as it should."""
    _, errors = process.communicate(timeout=60)
    assert process.returncode == exit_code, errors.decode()


def wait_for_run(project: str, run_id: str) -> None:
    """Waits until the daemon knows a run."""
    api = trackd.Api(timeout=60)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(
        run.id == run_id for each in api.projects() if each.name == project for run in api.runs(project)
    ):
        assert time.monotonic() < deadline, f"run {run_id!r} never came"
        time.sleep(0.05)


def line(page: Page, number: int) -> Locator:
    """Returns a line of the console by its number, from 1."""
    return page.locator(f'[data-testid="console"] [data-line="{number}"]')


def console(page: Page) -> Locator:
    return page.get_by_role("region", name="Console")


def is_at_end(page: Page) -> bool:
    return bool(console(page).evaluate("list => list.scrollHeight - list.scrollTop - list.clientHeight <= 3"))


def test_console_is_shown_with_its_colours_and_times(open_page: OpenPage, start: Script) -> None:
    end(
        start(r"""
with trackd.init(project="logs", id="colours"):
    print("plain")
    print("\x1b[1;31mred and bold\x1b[0m then plain")
    print("to stderr", file=sys.stderr)
    print("\x1b[38;5;208mof 256\x1b[0m \x1b[38;2;10;200;90mtrue\x1b[0m \x1b[4munderlined\x1b[0m \x1b[7minverse\x1b[0m")
""")
    )
    for dark in (False, True):
        page = open_page("/p/logs/r/colours", dark=dark)
        page.get_by_role("link", name=re.compile("^Logs")).click()
        expect(line(page, 1)).to_contain_text("plain")
        red = line(page, 2).get_by_text("red and bold", exact=True)
        style = "text => [getComputedStyle(text).color, getComputedStyle(text).fontWeight]"
        color, weight = red.evaluate(style)
        assert weight == "700"
        reds, greens, blues = map(int, re.findall(r"\d+", color)[:3])
        assert reds > greens + 50
        assert reds > blues + 50
        expect(line(page, 2)).to_contain_text("red and bold then plain")
        expect(line(page, 3)).to_have_attribute("data-stream", "stderr")
        expect(line(page, 1)).to_have_attribute("data-stream", "stdout")
        assert line(page, 4).get_by_text("inverse").evaluate("t => getComputedStyle(t).backgroundColor") != (
            "rgba(0, 0, 0, 0)"
        )
        expect(page.locator("time", has_text=re.compile(r"^\d\d:\d\d:\d\d$"))).to_have_count(0)
        page.get_by_label("times").check()
        expect(line(page, 1).locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        page.reload()
        expect(line(page, 1).locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))


def test_numbers_of_lines_stay_while_long_lines_are_scrolled_sideways(
    open_page: OpenPage, start: Script
) -> None:
    end(
        start("""
with trackd.init(project="logs", id="wide"):
    print("first")
    print("x" * 2000)
""")
    )
    page = open_page("/p/logs/r/wide?tab=logs")
    expect(line(page, 2)).to_contain_text("xxx")
    page.get_by_label("wrap").uncheck()
    number = line(page, 1).locator("span").first
    before = number.bounding_box()
    console(page).evaluate("list => { list.scrollLeft = 300 }")
    expect(console(page)).to_have_attribute("data-sideways", "true")
    after = number.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["x"] - before["x"]) <= 3  # the width of the line's border
    assert console(page).evaluate("list => list.scrollLeft") == 300
    console(page).evaluate("list => { list.scrollLeft = 0 }")
    expect(console(page)).to_have_attribute("data-sideways", "false")


def test_hostile_console_is_shown_as_text(open_page: OpenPage, start: Script) -> None:
    end(
        start(r"""
with trackd.init(project="logs", id="hostile"):
    print("<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>")
    print("\x1b]0;owned\x07\x1b[2J\x1b[31m<b>red</b>\x1b[0m\u202etxt.exe")
    print("x" * 60_000)
    print("after")
""")
    )
    page = open_page("/p/logs/r/hostile?tab=logs")
    expect(line(page, 1)).to_contain_text("<img src=x onerror=")
    expect(line(page, 2)).to_contain_text("<b>red</b>")
    expect(line(page, 2)).not_to_contain_text("\u202e")
    expect(line(page, 3)).to_contain_text("characters more")
    expect(line(page, 4)).to_contain_text("after")
    assert console(page).locator("img, script, b").count() == 0
    assert "owned" not in page.title()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_console_is_followed_until_somebody_scrolls_up(
    open_page: OpenPage, start: Script, tmp_path: Path
) -> None:
    process = start("""
with trackd.init(project="logs", id="follows") as run:
    for number in range(1, 301):
        print(f"line {number}")
    sys.stdout.write("progress 0 %")
    sys.stdout.flush()
    wait_for("more")
    sys.stdout.write("\\rprogress 100 %\\n")
    for number in range(302, 401):
        print(f"line {number}")
    wait_for("still more")
    for number in range(401, 501):
        print(f"line {number}")
    run.log({"loss": 1.0})
    wait_for("end")
""")
    wait_for_run("logs", "follows")
    page = open_page("/p/logs/r/follows?tab=logs")
    expect(line(page, 301)).to_contain_text("progress 0 %")
    assert is_at_end(page)
    (tmp_path / "more").touch()
    expect(line(page, 400)).to_contain_text("line 400")
    expect(line(page, 400)).to_be_in_viewport()
    assert is_at_end(page)
    expect(page.get_by_role("button", name="Jump to the end")).to_have_count(0)

    console(page).hover()
    page.mouse.wheel(0, -600)
    jump = page.get_by_role("button", name="Jump to the end")
    expect(jump).to_be_visible()
    page.wait_for_timeout(300)  # the scrolling has come to rest
    seen = console(page).evaluate(
        "list => [...list.querySelectorAll('[data-line]')].find(row =>"
        " row.getBoundingClientRect().top >= list.getBoundingClientRect().top).dataset.line"
    )
    before = line(page, int(seen)).bounding_box()
    (tmp_path / "still more").touch()
    expect(page.get_by_text("500 lines")).to_be_visible()
    assert line(page, int(seen)).bounding_box() == before
    jump.click()
    expect(line(page, 500)).to_be_in_viewport()
    page.mouse.wheel(0, -4000)
    expect(line(page, 301)).to_contain_text("progress 100 %")
    (tmp_path / "end").touch()
    end(process)


def test_search_counts_marks_and_goes_from_match_to_match(open_page: OpenPage, start: Script) -> None:
    end(
        start("""
with trackd.init(project="logs", id="search"):
    for number in range(1, 3001):
        print(f"step {number} " + ("Warning: slow" if number % 1000 == 0 else "fine"))
""")
    )
    page = open_page("/p/logs/r/search?tab=logs")
    expect(line(page, 3000)).to_be_in_viewport()
    page.keyboard.press("/")
    page.keyboard.type("warning: s")
    search = page.get_by_role("searchbox", name=re.compile("Search the lines"))
    expect(search).to_be_focused()
    status = page.get_by_role("search").get_by_role("status")
    expect(status).to_have_text("3 lines")
    page.keyboard.press("Enter")
    expect(status).to_have_text("3 of 3")
    page.keyboard.press("Enter")
    expect(status).to_have_text("1 of 3")
    expect(line(page, 1000).locator("mark")).to_have_text("Warning: s")
    expect(line(page, 1000)).to_be_in_viewport()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(status).to_have_text("2 of 3")
    expect(line(page, 2000)).to_be_in_viewport()

    page.get_by_label("only matching lines").check()
    expect(console(page).locator("[data-line]")).to_have_count(3)
    expect(console(page).locator("[data-line]").first).to_have_attribute("data-line", "1000")
    page.get_by_label("only matching lines").uncheck()
    expect(line(page, 2000)).to_be_in_viewport()

    console(page).focus()
    page.keyboard.press("Control+f")
    expect(search).to_be_focused()
    search.fill("nowhere at all")
    expect(status).to_have_text("No line matches")


def test_each_writer_has_its_own_console(open_page: OpenPage, start: Script) -> None:
    script = """
with trackd.init(project="logs", id="writers", mode="shared", settings={"label": os.environ["LABEL"]}) as run:
    run.log({"loss/" + os.environ["LABEL"][-1]: 1.0})
    print("I am " + os.environ["LABEL"])
"""
    end(start(script, LABEL="rank 0"))
    end(start(script, LABEL="rank 1"))
    page = open_page("/p/logs/r/writers?tab=logs")
    choice = page.get_by_label("Writer")
    expect(choice).to_be_visible()
    expect(line(page, 1)).to_contain_text("I am rank")
    option = choice.locator("option", has_text="rank 1").get_attribute("value")
    choice.select_option(option)
    expect(line(page, 1)).to_contain_text("I am rank 1")
    page.reload()
    expect(line(page, 1)).to_contain_text("I am rank 1")
    page.get_by_role("link", name=re.compile("^Health")).click()
    expect(page.get_by_text("Every row that was sent is stored.")).to_be_visible()
    writers = page.get_by_role("region", name="Writers").get_by_role("row")
    expect(writers).to_have_count(3)
    expect(writers.nth(1)).to_contain_text("rank 0")
    expect(page.get_by_role("region", name="Writers")).not_to_contain_text("observer")


def test_two_hundred_thousand_lines_scroll_and_download(
    open_page: OpenPage, start: Script, tmp_path: Path
) -> None:
    end(
        start("""
with trackd.init(project="logs", id="long", settings={"finish_timeout_seconds": 60}):
    block = 1000
    for first in range(1, 200_001, block):
        print("\\n".join(f"step {number} loss=0.5" for number in range(first, first + block)))
""")
    )
    page = open_page("/p/logs/r/long?tab=logs")
    expect(line(page, 200_000)).to_be_in_viewport()
    assert console(page).locator("[data-line]").count() < 300

    console(page).focus()
    page.keyboard.press("Home")
    expect(line(page, 1)).to_contain_text("step 1 ")
    expect(line(page, 1)).to_be_in_viewport()
    console(page).evaluate("list => { list.scrollTop = list.scrollHeight / 2 }")
    middle = console(page).locator("[data-line]", has_text=re.compile(r"step 100\d\d\d ")).first
    expect(middle).to_be_visible()
    # Each line stands under its own number.
    for row in console(page).locator("[data-line]", has_text="loss").all()[:5]:
        number = row.get_attribute("data-line")
        expect(row).to_contain_text(f"step {number} loss")

    # However fast it goes by, only what is near the screen is in the page.
    most = page.evaluate(
        """async () => {
            const list = document.querySelector('[data-testid="console"]');
            let most = 0;
            for (let frame = 0; frame < 90; frame++) {
                list.scrollTop += 90;
                await new Promise(requestAnimationFrame);
                most = Math.max(most, list.querySelectorAll("[data-line]").length);
            }
            return most;
        }"""
    )
    assert 0 < most < 300
    expect(page.get_by_text("…", exact=True)).to_have_count(0)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    path = tmp_path / "long.log"
    download.value.save_as(path)
    lines = path.read_text().splitlines()
    assert [len(lines), lines[0], lines[-1]] == [200_000, "step 1 loss=0.5", "step 200000 loss=0.5"]


def test_run_that_prints_nothing_says_so(open_page: OpenPage, start: Script, tmp_path: Path) -> None:
    process = start("""
with trackd.init(project="logs", id="silent", settings={"quiet": True}) as run:
    run.log({"loss": 1.0})
    wait_for("speak")
    print("at last")
    wait_for("end")
""")
    wait_for_run("logs", "silent")
    page = open_page("/p/logs/r/silent?tab=logs")
    expect(page.get_by_text(re.compile("This run has printed nothing yet"))).to_be_visible()
    (tmp_path / "speak").touch()
    expect(line(page, 1)).to_contain_text("at last")
    (tmp_path / "end").touch()
    end(process)


def test_console_that_cannot_be_read_says_so_and_can_be_asked_again(
    open_page: OpenPage, start: Script
) -> None:
    end(start('with trackd.init(project="logs", id="refused"):\n    print("here")'))
    page = open_page(
        "/p/logs/r/refused", is_hostile=True
    )  # the browser tells of the refusal on its own console
    expect(page.get_by_role("link", name=re.compile("^Logs"))).to_be_visible()
    page.route("**/console?*", lambda route: route.abort())
    page.get_by_role("link", name=re.compile("^Logs")).click()
    expect(page.get_by_text(re.compile("The console could not be read"))).to_be_visible()
    page.unroute("**/console?*")
    page.get_by_role("button", name="Try again").click()
    expect(line(page, 1)).to_contain_text("here")
    search = page.get_by_role("searchbox", name=re.compile("Search the lines"))
    search.fill("(")
    expect(page.get_by_text("Not a pattern")).to_be_visible()
    expect(search).to_have_attribute("aria-invalid", "true")


def test_system_charts_appear_while_the_run_goes_on(
    open_page: OpenPage, start: Script, tmp_path: Path
) -> None:
    process = start("""
with trackd.init(project="machine", id="live", settings={"system_interval_seconds": 0.2}) as run:
    run.log({"loss": 1.0})
    print("ready")
    wait_for("end")
""")
    wait_for_run("machine", "live")
    page = open_page("/p/machine/r/live?tab=system")
    chart = page.locator('[data-testid="system-chart"][data-title="CPU utilization"]')
    expect(chart).to_be_visible()
    expect(page.get_by_role("region", name="Memory", exact=True)).to_be_visible()
    deadline = time.monotonic() + PATIENCE_SECONDS
    counts: list[int] = []
    while len(counts) < 3:
        assert time.monotonic() < deadline, f"the chart did not grow: {counts}"
        count = int(chart.get_attribute("data-total") or 0)
        if count and count not in counts:
            counts.append(count)
        page.wait_for_timeout(50)
    assert counts == sorted(counts)
    expect(page.locator('[data-testid="tile"]', has_text="Memory").first).to_contain_text("GiB")
    page.get_by_label("x axis").select_option("wall_time")
    expect(chart).to_contain_text("wall time")
    page.get_by_role("link", name=re.compile("^Charts")).click()
    # What was measured is none of the run's own metrics.
    expect(page.locator('[data-testid="chart"]')).to_have_count(1)
    (tmp_path / "end").touch()
    end(process)


def test_run_that_was_not_measured_says_why(open_page: OpenPage, start: Script) -> None:
    end(start('trackd.init(project="machine", id="off", settings={"system_interval_seconds": 0}).finish()'))
    page = open_page("/p/machine/r/off?tab=system")
    expect(page.get_by_text(re.compile("Nothing was measured"))).to_be_visible()


def test_overview_says_how_a_run_ended_and_from_which_code(
    open_page: OpenPage, start: Script, tmp_path: Path
) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=trunk"]
    (tmp_path / "model.py").write_text("layers = 2\n")
    for arguments in (["init", "-q"], ["add", "model.py"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)
    (tmp_path / "model.py").write_text("layers = 3\n")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()
    end(
        start(
            """
run = trackd.init(project="ends", id="failed")
run.alert("loss is odd", "loss is -1", level="WARN")
time.sleep(3)  # what is found out about the code comes from the daemon, beside the run
raise ValueError("the data went away")
""",
            TRACKD_CAPTURES="git,diff,packages,program",
        ),
        exit_code=1,
    )
    page = open_page("/p/ends/r/failed")
    expect(page.get_by_text("failed", exact=True).first).to_be_visible()
    ending = page.get_by_role("region", name="How the run ended")
    expect(ending.get_by_role("heading", level=2)).to_have_text("ValueError: the data went away")
    expect(ending).to_contain_text("exit code 1")
    code = page.get_by_role("region", name="Code")
    expect(code.get_by_text(commit[:12])).to_be_visible()
    expect(code.get_by_text("trunk")).to_be_visible()
    expect(code.get_by_text("not all committed")).to_be_visible()
    expect(code.get_by_role("link", name="requirements.txt")).to_be_visible()
    code.get_by_role("link", name="diff.patch").click()
    added = page.locator('[data-mark="added"]', has_text="+layers = 3")
    expect(added).to_be_visible()
    page.go_back()
    alert = page.get_by_role("region", name="Alerts").get_by_role("listitem")
    expect(alert).to_contain_text("warning")
    expect(alert).to_contain_text("loss is -1")
    page.get_by_role("button", name="Environment").click()
    environment = page.get_by_role("region", name="Environment")
    expect(environment.get_by_role("region", name="Python")).to_contain_text(sys.version.split()[0])


def test_parts_of_a_run_page_fit_a_phone(open_page: OpenPage, start: Script) -> None:
    end(
        start("""
with trackd.init(project="phone", id="all", settings={"system_interval_seconds": 0.2}) as run:
    run.log({"loss": 1.0})
    print("a line that is rather longer than the screen of a phone is wide, so that it has to be wrapped")
    time.sleep(1)
""")
    )
    for tab in ("overview", "charts", "system", "logs", "media", "tables", "files", "health"):
        page = open_page(f"/p/phone/r/all?tab={tab}", width=360, height=740)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, tab


def test_a_run_that_was_killed_or_said_nothing_shows_why_at_one_glance(
    open_page: OpenPage, start: Script
) -> None:
    end(
        start("""
import signal
run = trackd.init(project="ends", id="killed", config={"net": {"depth": 3, "width": 8}, "lr": 0.1})
run.log({"val/acc": 0.5, "loss": 1.0})
run.log({"val/acc": 0.75, "loss": 0.5})
print("the last thing it said")
assert run.flush(60)
os.kill(os.getpid(), signal.SIGKILL)
"""),
        exit_code=-9,
    )
    end(start('trackd.init(project="ends", id="quiet", settings={"quiet": True})\nsys.exit(3)'), exit_code=3)
    page = open_page("/p/ends/r/killed")
    ending = page.get_by_role("region", name="How the run ended")
    expect(ending.get_by_role("heading", level=2)).to_contain_text("SIGKILL")
    expect(ending).to_contain_text("the last thing it said")
    # Its metrics at a glance lead to their charts, its config folds and stays so.
    glance = page.get_by_role("region", name="Metrics at a glance").get_by_role("link")
    expect(glance.first).to_contain_text("val/acc0.75")
    expect(glance.first).to_contain_text("min 0.5 · max 0.75")
    config = page.get_by_role("region", name="Config")
    expect(config.get_by_role("row", name="depth 3")).to_be_visible()
    config.get_by_role("button", name="net").click()
    expect(config.get_by_role("row", name="depth 3")).to_have_count(0)
    page.reload()
    expect(config.get_by_role("button", name="net")).to_have_attribute("aria-expanded", "false")
    ending.get_by_role("link", name="Open in Logs").click()
    expect(page.locator("[data-current]")).to_contain_text("the last thing it said")

    # The parts of the page by keyboard; those that have nothing say so.
    page.get_by_role("link", name=re.compile("^Logs")).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("No images, videos, sounds or other media logged"))).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("No tables or plots logged"))).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.locator("[data-current]")).to_contain_text("the last thing it said")

    page = open_page("/p/ends/r/quiet")
    ending = page.get_by_role("region", name="How the run ended")
    expect(ending).to_contain_text("The program ended with exit code 3.")
    expect(ending).to_contain_text("It has printed nothing that was kept.")


def test_rows_that_were_dropped_are_said_with_their_number(open_page: OpenPage, start: Script) -> None:
    end(
        start("""
with trackd.init(project="ends", id="late", settings={"late_steps": "drop"}) as run:
    run.log({"loss": 1.0}, step=5)
    run.log({"loss": 2.0}, step=1)
    assert run.flush(60)
""")
    )
    page = open_page("/p/ends/r/late")
    page.get_by_role("link", name=re.compile("^Health.*not all is well")).click()
    expect(page.get_by_role("status").filter(has_text="Not every row")).to_have_text(
        re.compile("1 row was dropped because they came late")
    )
    expect(page.get_by_role("main")).to_contain_text("Everything that was logged is on this machine's disk.")
