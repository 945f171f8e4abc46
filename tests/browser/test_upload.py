"""Owns the browser tests of the upload: the mark in the frame of every page, and how much of a run is in the bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import OpenPage
from tests.conftest import WaitUntil
from tests.s3.s3_servers import S3Server

import trackd
from trackd import _upload
from trackd._connection import Connection

BUCKET = "trackd-page"
NOBODY = "http://127.0.0.1:9"  # the port of a service that no machine offers any more
CONTRAST = """element => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const light = color => {
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255);
        const [red, green, blue] = parts.map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const pair = [getComputedStyle(element).color, getComputedStyle(document.body).backgroundColor].map(light);
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Gives a real server with a bucket to the tests of this module, and its credentials to their daemon."""
    with (
        S3Server.single(tmp_path_factory.mktemp("s3")) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        server.make_bucket(BUCKET)
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def connection(server: S3Server, module_store: Path) -> Iterator[Connection]:
    """Gives the way to the daemon; the upload is ended behind the test."""
    assert server.endpoint_url
    connection = Connection(str(module_store), 60)
    yield connection
    _upload.end(connection)
    connection.close()


def upload_to(connection: Connection, endpoint_url: str, bucket: str = BUCKET) -> str:
    """Has the store uploaded to a place of the test's own; returns its URL."""
    url = f"s3://{bucket}/{uuid4().hex[:8]}/runs"
    given = {"endpoint_url": endpoint_url, "interval_seconds": 0.5}
    _upload.change(connection, url, given, even_if_unusable=True)
    return url


def log(run_id: str, step_count: int) -> None:
    with trackd.init(project="upload", id=run_id, name=run_id) as run:
        for step in range(step_count):
            run.log({"loss": 1 / (step + 1)})


def mark(page: Page) -> Locator:
    return page.get_by_test_id("upload")


def details(page: Page) -> Locator:
    return page.get_by_role("group", name="Upload")


def is_within(page: Page, locator: Locator) -> bool:
    """Says whether all of an element's width can be seen."""
    box, window = locator.bounding_box(), page.viewport_size
    return box is not None and window is not None and 0 <= box["x"] <= window["width"] - box["width"]


def fact(page: Page, name: str) -> Locator:
    facts = page.get_by_role("region", name="Facts")
    return facts.locator("dl > div").filter(has=page.locator("dt", has_text=re.compile(f"^{name}$")))


@pytest.mark.usefixtures("connection")
def test_without_an_upload_nothing_is_said_of_one(open_page: OpenPage) -> None:
    log("alone", 3)
    page = open_page("/p/upload/r/alone")
    expect(fact(page, "Next step")).to_contain_text("3")
    expect(mark(page)).to_have_count(0)
    expect(fact(page, "Synced")).to_have_count(0)


def test_run_that_is_in_its_bucket_is_shown_so(
    open_page: OpenPage, connection: Connection, server: S3Server
) -> None:
    url = upload_to(connection, server.endpoint_url)
    log("there", 1250)
    for dark in (False, True):
        page = open_page("/p/upload/r/there", dark=dark)
        expect(fact(page, "Synced")).to_contain_text("all, to step 1,250")
        expect(mark(page)).to_have_text(f"in {url}")
        expect(mark(page)).to_have_attribute("data-tone", "settled")
        assert mark(page).evaluate(CONTRAST) >= 4.5
        # By keyboard: opened, read, closed, and the focus is where it was.
        mark(page).focus()
        page.keyboard.press("Enter")
        expect(details(page)).to_be_visible()
        expect(details(page)).to_contain_text(server.endpoint_url)
        assert is_within(page, details(page))
        page.keyboard.press("Escape")
        expect(details(page)).to_be_hidden()
        expect(mark(page)).to_be_focused()
    for path in ("/", "/p/upload"):
        expect(mark(open_page(path))).to_have_text(f"in {url}")


def test_live_run_is_followed_into_its_bucket(
    open_page: OpenPage, connection: Connection, server: S3Server, wait_until: WaitUntil
) -> None:
    upload_to(connection, server.endpoint_url)
    with trackd.init(project="upload", id="live") as run:
        run.log({"loss": 1.0})
        page = open_page("/p/upload/r/live")
        expect(fact(page, "Synced")).to_contain_text("all, to step 1")
        for _ in range(9):
            run.log({"loss": 0.5})
        wait_until(lambda: run.synced_step == 10)
        expect(fact(page, "Synced")).to_contain_text("all, to step 10")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_bucket_that_cannot_be_reached_is_told_until_it_can(
    open_page: OpenPage, connection: Connection, server: S3Server, dark: bool
) -> None:
    upload_to(connection, NOBODY)
    run_id = f"far-{dark}"
    log(run_id, 3)
    page = open_page(f"/p/upload/r/{run_id}", dark=dark)
    expect(mark(page)).to_have_attribute("data-tone", "waiting")
    expect(mark(page)).to_have_text(re.compile(r"^upload waits(, \d+ files, [\d.]+ KiB)?$"))
    assert mark(page).evaluate(CONTRAST) >= 4.5
    expect(fact(page, "Synced")).to_contain_text("nothing yet")
    expect(page.get_by_role("status").get_by_text("The upload waits for its bucket.")).to_have_count(1)
    mark(page).click()
    expect(details(page)).to_contain_text("look at the network and at the endpoint")
    expect(details(page)).to_contain_text(re.compile(r"Behind[\d.]+ s"))
    upload_to(connection, server.endpoint_url)
    expect(mark(page)).to_have_attribute("data-tone", "settled")
    expect(fact(page, "Synced")).to_contain_text("all, to step 3")
    expect(details(page)).not_to_contain_text("look at the network")


def test_stopped_upload_says_why(open_page: OpenPage, connection: Connection, server: S3Server) -> None:
    upload_to(connection, server.endpoint_url, "trackd-is-not-there")
    log("lost", 3)
    page = open_page("/p/upload/r/lost", width=360, height=740)
    expect(mark(page)).to_have_attribute("data-tone", "stopped")
    expect(mark(page)).to_contain_text("upload stopped: could not")
    assert mark(page).evaluate(CONTRAST) >= 4.5
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    mark(page).click()
    expect(details(page)).to_contain_text("create the bucket, or correct its name")
    assert is_within(page, details(page))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_mark_of_a_daemon_that_does_not_answer_claims_nothing(
    open_page: OpenPage, connection: Connection, server: S3Server
) -> None:
    url = upload_to(connection, server.endpoint_url)
    log("gone", 3)
    page = open_page("/p/upload", is_hostile=True)  # what fails to load is told on the console
    expect(mark(page)).to_have_text(f"in {url}")
    page.route("**/api/v1/upload", lambda route: route.abort())
    expect(mark(page)).to_have_text("upload not known")
    page.unroute("**/api/v1/upload")
    expect(mark(page)).to_have_text(f"in {url}")
