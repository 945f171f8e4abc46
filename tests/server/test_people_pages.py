"""Owns the browser tests of the pages of people on a team server: signing in, keys, teams, users, the audit."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from tests.browser.conftest import browser
from tests.browser.test_accessibility import faults
from tests.postgres_server import PostgresServer
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import clear_environment
from tests.server.servers import PASSWORD, Replica, Team

__all__ = ["browser"]

OTHER_PASSWORD = "staple of the battery"
SHOTS = os.environ.get("TRACKD_SHOTS", "")  # a folder for screenshots, to be looked at
# Chromium itself tells of refusals.
NUMBERS = itertools.count(1)
REFUSAL = re.compile(r"status of (400|401|403|404|409|429)")


@pytest.fixture(scope="module")
def server(bucket_name: str, s3_server: S3Server, postgres: PostgresServer) -> Iterator[Team]:
    """Gives a team server with a server admin, an admin of a team and its reader."""
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        url = f"s3://{bucket_name}/{uuid4().hex}"
        # Each person comes from an address of their own: attempts to sign in are counted for addresses, too.
        options = ("--behind-proxy", "127.0.0.1")
        with Team.running(url, s3_server.endpoint_url, postgres.new_schema(), options=options) as team:
            team.add_user("root", "--admin", "--display-name", "Rosa Root")
            team.add_member("vision", "ada", "admin")
            team.add_member("vision", "rita", "reader")
            yield team


class Visitor:
    """A browser of one person; what its scripts get wrong stands in `faults`."""

    def __init__(self, browser: Browser, replica: Replica, **look: Any) -> None:
        self.context: BrowserContext = browser.new_context(
            color_scheme=look.get("scheme", "light"),
            viewport={"width": look.get("width", 1280), "height": 900},
            permissions=["clipboard-read", "clipboard-write"],
            extra_http_headers={"X-Forwarded-For": f"192.0.2.{next(NUMBERS)}"},
        )
        self.replica = replica
        self.faults: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", self._see)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _see(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not REFUSAL.search(message.text):
            self.faults.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(self.replica.url + path)
        return self.page

    def sign_in(self, name: str, path: str = "/settings", password: str = PASSWORD) -> Page:
        page = self.open(path)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name=f"Signed in as {name}")).to_be_visible()
        return page

    def shot(self, name: str) -> None:
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.fixture
def visit(browser: Browser, server: Team) -> Iterator[Any]:
    """Gives a function that has somebody come with a browser of their own."""
    visitors: list[Visitor] = []

    def come(**look: Any) -> Visitor:
        visitors.append(Visitor(browser, server.replicas[0], **look))
        return visitors[-1]

    yield come
    told = [fault for visitor in visitors for fault in visitor.faults]
    for visitor in visitors:
        visitor.context.close()
    assert told == []


def test_a_person_signs_in_where_they_wanted_to_go_and_out_again(visit: Any, server: Team) -> None:
    visitor = visit()
    page = visitor.open("/settings/teams?team=vision")
    expect(page).to_have_title("Sign in · trackd")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_role("banner")).to_have_count(0)  # nothing of the app
    assert faults(page) == []
    visitor.shot("sign_in_light")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(OTHER_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
    visitor.shot("sign_in_wrong")
    page.keyboard.type(PASSWORD)  # the wrong one is selected: typing replaces it
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="vision")).to_be_visible()
    assert urlsplit(page.url).path == "/settings/teams"
    (cookie,) = [one for one in visitor.context.cookies() if one["name"] == "trackd_session"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    page.get_by_role("button", name="Signed in as ada").click()
    visitor.shot("menu_light")
    page.get_by_role("menuitem", name="Sign out ada").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert urlsplit(page.url).path == "/"
    stolen = server.replicas[0].get("/api/v1/me", cookie=f"trackd_session={cookie.get('value')}")
    assert stolen.status == 401


def test_too_many_attempts_are_counted_down(visit: Any, server: Team) -> None:
    server.add_user("tim")
    visitor = visit()
    page = visitor.open("/")
    page.get_by_label("Name").fill("tim")
    for _ in range(6):
        page.get_by_label("Password").fill(OTHER_PASSWORD)
        with page.expect_response(lambda answer: answer.url.endswith("/session")):
            page.get_by_role("button", name="Sign in").click()
    waiting = page.get_by_role("button", name=re.compile(r"Wait \d+ s"))
    expect(waiting).to_be_disabled()
    first = int(re.sub(r"\D", "", waiting.inner_text()))
    expect(page.get_by_role("button", name=f"Wait {first - 2} s")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_text("There were too many attempts to sign in.")
    visitor.shot("sign_in_wait")


def test_a_session_that_ends_brings_the_sign_in_page(visit: Any) -> None:
    visitor = visit()
    page = visitor.sign_in("ada", "/")
    other = visit().sign_in("ada", "/settings")
    other.get_by_role("button", name="Sign out everywhere, in this browser").click()
    other.get_by_role("button", name="Sign out everywhere: sure").click()
    # The list of projects is asked again while there is none.
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_key_is_made_copied_used_and_revoked(visit: Any, server: Team) -> None:
    (replica,) = server.replicas
    visitor = visit()
    page = visitor.sign_in("rita")
    expect(page.get_by_text("You have no key that is of use.")).to_be_visible()
    visitor.shot("settings_empty")
    form = page.get_by_role("form", name="A new key")
    form.get_by_label("What it is for").fill("node 7")
    form.get_by_label("Expires after").select_option("7")
    form.get_by_role("button", name="Make a key").click()
    shown = page.get_by_role("region", name="The new key")
    key = shown.get_by_test_id("new-key").inner_text()
    expect(shown.get_by_text(f"trackd login {replica.url}")).to_be_visible()
    shown.get_by_role("button", name="Copy the key").click()
    expect(shown.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    assert page.evaluate("() => navigator.clipboard.readText()") == key
    assert faults(page) == []
    visitor.shot("settings_key_light")
    me = replica.get("/api/v1/me", key).json
    assert (me["user"], me["scope"]) == ("rita", "write")

    page.reload()
    listed = page.get_by_role("list", name="Your keys")
    expect(listed.get_by_text("node 7")).to_be_visible()
    expect(listed.get_by_text(re.compile("expires in 6 days"))).to_be_visible()
    expect(page.get_by_text(key)).to_have_count(0)
    # The first press asks; by keys alone.
    revoke = listed.get_by_role("button", name="Revoke node 7")
    revoke.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(listed.get_by_role("button", name="Revoke node 7")).to_be_focused()
    assert replica.get("/api/v1/me", key).status == 200
    page.keyboard.press("Enter")
    listed.get_by_role("button", name="Revoke: sure").click()
    expect(page.get_by_text("You have no key that is of use.")).to_be_visible()
    assert replica.get("/api/v1/me", key).status == 401
    page.get_by_text("Of no use any more: 1").click()
    expect(page.get_by_role("list", name="Your former keys").get_by_text("revoked")).to_be_visible()


def test_a_password_is_changed_and_a_wrong_one_is_said(visit: Any, server: Team) -> None:
    server.add_user("paul")
    page = visit().sign_in("paul")
    page.get_by_label("Current password").fill("wrong")
    page.get_by_label("New password").fill(OTHER_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert").filter(has_text="The former password is wrong")).to_be_visible()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("The password is changed.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Signed in as paul")).to_be_visible()
    visit().sign_in("paul", password=OTHER_PASSWORD)


def test_an_admin_of_a_team_looks_after_it_and_a_reader_sees_it(visit: Any, server: Team) -> None:
    server.add_user("tom")
    visitor = visit()
    page = visitor.sign_in("ada", "/settings/teams")
    form = page.get_by_role("form", name="A new member")
    form.get_by_label("Put in").fill("nobody")
    form.get_by_role("button", name="Put into the team").click()
    expect(page.get_by_role("alert").filter(has_text="There is no user 'nobody'")).to_be_visible()
    form.get_by_label("Put in").fill("tom")
    form.get_by_role("button", name="Put into the team").click()
    role = page.get_by_label("Role of tom")
    expect(role).to_have_value("writer")
    role.select_option("reader")
    expect(role).to_have_value("reader")
    assert faults(page) == []
    visitor.shot("teams_light")
    seen = visit().sign_in("tom", "/settings/teams?team=vision")
    expect(seen.get_by_role("list", name="Members").get_by_text("tom")).to_be_visible()
    expect(seen.get_by_role("form", name="A new member")).to_have_count(0)
    expect(seen.get_by_role("link", name="Users")).to_have_count(0)
    seen.get_by_role("button", name="Leave vision").click()
    seen.get_by_role("button", name="Leave: sure").click()
    expect(seen.get_by_text("You are in no team")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Remove rita").click()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_label("Role of rita")).to_be_visible()


def test_a_server_admin_makes_users_shuts_one_out_and_reads_it_in_the_audit(visit: Any) -> None:
    visitor = visit()
    page = visitor.sign_in("root", "/settings/users")
    form = page.get_by_role("form", name="A new user")
    form.get_by_label("Name").fill("Eve!")
    form.get_by_role("button", name="Add the user").click()
    expect(form.get_by_role("alert")).to_contain_text("User name is 'Eve!'")
    form.get_by_label("Name").fill("eve")
    form.get_by_label("Called").fill("Eve \u202eevil\u202c")
    form.get_by_label("First password").fill(PASSWORD)
    form.get_by_role("button", name="Add the user").click()
    users = page.get_by_role("list", name="Users", exact=True)
    eve = users.get_by_role("listitem").filter(has=page.get_by_role("button", name="Change eve"))
    expect(eve).to_be_visible()
    other = visit()
    other.sign_in("eve", "/")
    eve.get_by_role("button", name="Change eve").click()
    page.get_by_role("menuitem", name="Disable").click()
    expect(eve.get_by_text("disabled")).to_be_visible()
    assert faults(page) == []
    visitor.shot("users_light")
    expect(other.page.get_by_role("button", name="Sign in")).to_be_visible()

    page.get_by_role("navigation", name="Pages of settings").get_by_role("link", name="Audit").click()
    entries = page.get_by_role("list", name="Entries")
    expect(entries.get_by_text("root disabled user eve")).to_be_visible()
    expect(entries.get_by_text("root made user eve")).to_be_visible()
    assert faults(page) == []
    visitor.shot("audit_light")
    page.get_by_role("search").get_by_label("About").select_option("session.")
    page.get_by_role("search").get_by_label("By").fill("eve")
    page.get_by_role("search").get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"/settings/audit\?by=eve&action=session\.$"))
    expect(entries.get_by_role("listitem")).to_have_count(1)
    page.go_back()
    expect(entries.get_by_text("root made user eve")).to_be_visible()


def test_who_is_no_server_admin_is_told_so(visit: Any) -> None:
    page = visit().sign_in("ada", "/settings/audit")
    expect(page.get_by_text("it takes a server admin")).to_be_visible()


@pytest.mark.parametrize("path", ["", "/settings", "/settings/teams", "/settings/users", "/settings/audit"])
def test_pages_are_whole_in_the_dark_and_on_a_phone(visit: Any, path: str) -> None:
    visitor = visit(scheme="dark", width=360)
    if path:
        page = visitor.sign_in("root", path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
    else:
        page = visitor.open("/")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 360, f"{path} is {width} pixels wide"
    assert faults(page) == []
    visitor.shot(f"phone_dark{path.replace('/', '_')}")
