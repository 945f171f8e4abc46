"""Makes the pictures of docs/web_app.md: Chromium on the page of a daemon of its own, which shows the demo project.

Run it after a change of how the page looks, and look at what it has made: `.venv/bin/python scripts/make_pictures.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
DEMO = ROOT / "scripts" / "demo_project.py"
SIZE = (1280, 800)
# A page has few colours: a palette of 256 keeps what is on it and takes a third of the bytes.
COLORS = 256
BYTES_MAX = 150_000
PATIENCE_MS = 30_000
# What has come is painted a few frames later.
PAINT_MS = 500


def no_more(_: Page) -> None:
    """Leaves a page as it was opened."""


@dataclass(frozen=True)
class Picture:
    """One picture: the page's address, with names of runs in braces, and what is done there before it is taken."""

    name: str
    path: str
    sign: str  # a selector of what must be there
    arrange: Callable[[Page], None] = no_more
    is_dark: bool = False
    size: tuple[int, int] = SIZE


def read_a_chart(page: Page) -> None:
    """Points at a chart, so that its values are listed."""
    plot = page.locator('[data-testid="chart"][data-key="train/accuracy"]').get_by_role("img")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    expect(page.get_by_test_id("tooltip")).to_be_visible()


def go_to_step_100(page: Page) -> None:
    """Scrolls to the images of a comparison and goes back two of the logged steps."""
    media = page.get_by_role("region", name="Media at the same step")
    for _ in range(2):
        media.get_by_role("button", name="Previous step").first.click()
    card = media.locator('[data-key="val/predictions"][data-step="100"]')
    expect(card).to_be_visible(timeout=PATIENCE_MS)
    media.evaluate("element => element.scrollIntoView()")


CHART = '[data-testid="chart"][data-key="val/loss"][data-points]'
# What the machine was is nobody's business here.
COMPARE = "/p/shapes/compare?runs={wide-lr0.03-s0},{narrow-lr0.01-s0}&closed=environment"
PICTURES_MADE = (
    Picture("workspace_light", "/p/shapes?hide={narrow-lr3.0-s0}", CHART, read_a_chart),
    Picture(
        "groups_dark",
        "/p/shapes?hide={narrow-lr3.0-s0}&group=config.model.width&group=config.optimizer.lr",
        CHART,
        is_dark=True,
    ),
    Picture("table_light", "/p/shapes/table?sort=-summary.val/accuracy", '[role="row"][data-row="0"]'),
    Picture("compare_light", COMPARE, '[role="rowheader"]'),
    Picture("images_dark", COMPARE, '[data-key="val/predictions"][data-step]', go_to_step_100, is_dark=True),
    Picture("failed_run_light", "/p/shapes/r/{narrow-lr3.0-s0}", '[aria-label="Traceback"]'),
    Picture("phone_dark", "/p/shapes", '[data-testid="chart"][data-points]', is_dark=True, size=(360, 740)),
)


def main() -> None:
    """Logs the demo project into a store of its own and takes every picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is missing: scripts/install_chromium.sh installs it")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="trackd-") as folder:
        # From a folder of its own: what a traceback and the page say of it names no place of this machine.
        shutil.copy(DEMO, Path(folder, "train.py"))
        environment = {
            **os.environ,
            "TRACKD_STORE": str(Path(folder, "store")),
            "TRACKD_CAPTURES": "none",
            "TRACKD_QUIET": "1",
        }
        run([sys.executable, "train.py"], folder, environment)
        try:
            address = run([sys.executable, "-m", "trackd", "ui", "--print"], folder, environment).split()[-1]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                ids = run_ids(browser, address)
                for picture in PICTURES_MADE:
                    take(browser, address, picture, ids)
                browser.close()
        finally:
            run([sys.executable, "-m", "trackd", "down"], folder, environment)


def run(command: list[str], folder: str, environment: dict[str, str]) -> str:
    """Returns what a program prints; raises CalledProcessError where it fails."""
    return subprocess.run(
        command, check=True, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE
    ).stdout


def run_ids(browser: Browser, address: str) -> dict[str, str]:
    """Returns the ids of the project's runs by name, as the page's own API says them."""
    page = browser.new_page()
    page.goto(address)
    answer = page.evaluate("fetch('/api/v1/projects/shapes/runs').then((answer) => answer.json())")
    page.close()
    return {each["name"]: each["run_id"] for each in answer["runs"]}


def take(browser: Browser, address: str, picture: Picture, ids: dict[str, str]) -> None:
    """Opens a page, waits until it is whole, and saves what is seen."""
    start, _, token = address.partition("/?")
    path = re.sub(r"\{(.+?)\}", lambda match: ids[match[1]], picture.path)
    width, height = picture.size
    context = browser.new_context(
        color_scheme="dark" if picture.is_dark else "light", viewport={"width": width, "height": height}
    )
    page = context.new_page()
    page.goto(f"{start}{path}{'&' if '?' in path else '?'}{token}")
    expect(page.locator(picture.sign).first).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle")
    picture.arrange(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(PAINT_MS)
    seen = Image.open(BytesIO(page.screenshot(animations="disabled")))
    context.close()
    file = PICTURES / f"{picture.name}.png"
    palette = seen.convert("RGB").quantize(COLORS, kmeans=3, dither=Image.Dither.NONE)
    palette.save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size:,} bytes")
    if size > BYTES_MAX:
        sys.exit(f"{file.name} takes {size:,} bytes; the limit is {BYTES_MAX:,}: show less")


if __name__ == "__main__":
    main()
