"""Owns the fixtures of the browser tests: Debian's Chromium on the page of a real daemon.

Invariants: what is waited for on a page has time enough for a busy machine; no request leaves this machine, and no error of a
script or of the content policy goes unseen.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from tests.service.reading import endpoint_of

import trackd

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_SECONDS = 60  # a machine that runs several browsers at once takes ten times what an idle one does
expect.set_options(timeout=1000 * PATIENCE_SECONDS)
OpenPage = Callable[..., Page]


# Not for the whole session: Playwright's loop would run on in this thread, where other tests run their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path is not None, "Chromium is missing: scripts/install_chromium.sh installs it"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, module_store: Path) -> Iterator[OpenPage]:
    """Gives a function that opens an address of the page; the test fails when a script does or a request leaves."""
    faults: list[str] = []
    contexts = []

    def see(message: ConsoleMessage) -> None:
        # Chromium itself tells of refusals: a run that is not there is answered 404, a filter that is none yet 400.
        is_refusal = "404 (Not Found)" in message.text or "400 (Bad Request)" in message.text
        if message.type == "error" and not is_refusal:
            faults.append(message.text)

    def watch(request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            faults.append(f"a request left the machine: {request.url}")

    def open_it(
        path: str, *, dark: bool = False, width: int = 1440, height: int = 900, is_hostile: bool = False
    ) -> Page:
        endpoint = endpoint_of(module_store)
        context = browser.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": height}
        )
        context.set_default_timeout(1000 * PATIENCE_SECONDS)
        contexts.append(context)
        page = context.new_page()
        if not is_hostile:  # what the policy stops a hostile record from doing is told on the console
            page.on("console", see)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", watch)
        separator = "&" if "?" in path else "?"
        page.goto(f"{endpoint.http_address}{path}{separator}token={endpoint.token}")
        return page

    yield open_it
    for context in contexts:
        context.close()
    trackd.finish()
    assert faults == []
