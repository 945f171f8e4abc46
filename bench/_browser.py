"""Owns what the benches of pages share: Debian's Chromium with an empty profile, and what is read of it.

Invariants: every page is a fresh process with an empty cache; the same is measured of every program's page, by what is on the
screen and by what the browser says of itself, never by what the page says.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import CDPSession, Page, sync_playwright

WIDTH, HEIGHT = 1440, 900
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
# The screen is looked at in half its size: a line is still there, and looking costs little.
_SCALE = 2
# A chart is there once so many pixels of the part where charts stand are coloured. Text and frames are grey.
_COLOURED_MIN = 150
_SATURATION_MIN = 60
_COLLECT_MS = 500  # for the workers, which do not answer
_POLL_MS = 20
_LOOK_TIMEOUT_SECONDS = 120.0
_SETTLE_SECONDS_MAX = 20.0
_LONG_TASKS = """() => {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.longTasks.push([entry.startTime, entry.duration]);
  }).observe({ type: "longtask", buffered: true });
}"""
_WATCH_FRAMES = """() => {
  window.frameTimes = [];
  let before = performance.now();
  window.isWatching = true;
  const next = (now) => {
    window.frameTimes.push(now - before);
    before = now;
    if (window.isWatching) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""


@dataclass
class Traffic:
    """What went over the network since it was last emptied."""

    request_count: int = 0
    byte_count: int = 0
    script_bytes: int = 0
    _scripts: set[str] = field(default_factory=set)

    def empty(self) -> None:
        """Begins anew."""
        self.request_count = self.byte_count = self.script_bytes = 0

    def watch(self, session: CDPSession) -> None:
        """Counts from now on."""
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.webSocketFrameReceived", self._framed)
        session.send("Network.enable")

    def _asked(self, event: dict[str, Any]) -> None:
        if not event["request"]["url"].startswith(("data:", "blob:")):
            self.request_count += 1

    def _answered(self, event: dict[str, Any]) -> None:
        if event["type"] == "Script" or "javascript" in event["response"]["mimeType"]:
            self._scripts.add(event["requestId"])

    def _finished(self, event: dict[str, Any]) -> None:
        self.byte_count += int(event["encodedDataLength"])
        if event["requestId"] in self._scripts:
            self.script_bytes += int(event["encodedDataLength"])

    def _framed(self, event: dict[str, Any]) -> None:
        self.byte_count += len(event["response"]["payloadData"])


class OpenPage:
    """A page in a browser of its own."""

    def __init__(self, page: Page, session: CDPSession, process: psutil.Process) -> None:
        """Takes what Playwright gives."""
        self.page = page
        self.session = session
        self.traffic = Traffic()
        self._process = process
        self._frames: list[tuple[float, bytes]] = []
        self._begin = 0.0
        self._workers: list[str] = []
        session.on("Target.attachedToTarget", lambda event: self._workers.append(event["sessionId"]))
        session.send(
            "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        )

    def open(
        self, address: str, area: tuple[int, int, int, int], saturation_min: int = _SATURATION_MIN
    ) -> float:
        """Goes to an address; returns after how many milliseconds the first chart was on the screen.

        Args:
            address: The page's.
            area: Where charts stand: left, top, right and bottom.
            saturation_min: By how much the strongest part of a line's colour exceeds the weakest, 0 to 255.
        """
        self.traffic.watch(self.session)
        self.page.add_init_script(f"({_LONG_TASKS})()")
        self.session.on("Page.screencastFrame", self._take)
        self._begin = time.time()
        self.session.send(
            "Page.startScreencast",
            {"format": "png", "maxWidth": WIDTH // _SCALE, "maxHeight": HEIGHT // _SCALE, "everyNthFrame": 1},
        )
        self.page.goto(address, wait_until="commit")
        deadline = time.monotonic() + _LOOK_TIMEOUT_SECONDS
        try:
            while time.monotonic() < deadline:
                while self._frames:
                    moment, picture = self._frames.pop(0)
                    if moment > self._begin and _is_coloured(picture, area, saturation_min):
                        return (moment - self._begin) * 1e3
                self.page.wait_for_timeout(_POLL_MS)
        finally:
            self.session.send("Page.stopScreencast")
        raise RuntimeError(f"no chart within {_LOOK_TIMEOUT_SECONDS:.0f} s")

    def _take(self, event: dict[str, Any]) -> None:
        self._frames.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        with contextlib.suppress(Exception):  # the page may be closing
            self.session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def settle(self, milliseconds: float = 1500) -> None:
        """Waits until nothing was asked of the network for so long; a page that never rests is taken as it is in the end."""
        deadline = time.monotonic() + _SETTLE_SECONDS_MAX
        while time.monotonic() < deadline:
            before = (self.traffic.request_count, self.traffic.byte_count)
            self.page.wait_for_timeout(milliseconds)
            if before == (self.traffic.request_count, self.traffic.byte_count):
                return

    def idle(self, seconds: float) -> tuple[int, int]:
        """Returns the requests and bytes of some seconds in which nobody touches the page."""
        self.traffic.empty()
        self.page.wait_for_timeout(seconds * 1e3)
        return self.traffic.request_count, self.traffic.byte_count

    def count_no_traffic(self) -> None:
        """Ends the counting, for which the browser keeps every answer in the memory of the page."""
        self.session.send("Network.disable")

    def longest_task_ms(self) -> float:
        """Returns the longest task of the page's own thread so far: 0 where none took 50 ms."""
        return max((each[1] for each in self.page.evaluate("window.longTasks")), default=0.0)

    def heap_mb(self) -> float:
        """Returns the JavaScript heap of the page's own thread after its garbage is collected."""
        self.session.send("HeapProfiler.collectGarbage")
        return float(self.session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    def node_count(self) -> int:
        """Returns how many elements the page has, those in shadow roots too."""
        return int(
            self.page.evaluate(
                """() => {
                  let count = 0;
                  const walk = (root) => {
                    for (const element of root.querySelectorAll("*")) {
                      count++;
                      if (element.shadowRoot) walk(element.shadowRoot);
                    }
                  };
                  walk(document);
                  return count;
                }"""
            )
        )

    def hover(self, place: tuple[float, float, float, float], moves: int = 120) -> tuple[float, float]:
        """Moves the mouse over a chart at 60 moves a second; returns the 95th percentile of frames and the CPU a move, in ms.

        Args:
            place: Left, top, width and height of the chart.
            moves: How many.
        """
        left, top, width, height = place
        mouse = self.page.mouse
        mouse.move(left + width * 0.2, top + height * 0.5)
        self.page.wait_for_timeout(300)
        self.page.evaluate(_WATCH_FRAMES)
        cpu = self.cpu_seconds()
        begin = time.monotonic()
        for move in range(moves):
            share = 0.2 + 0.6 * (move / moves)
            mouse.move(left + width * share, top + height * (0.3 + 0.4 * (move % 20) / 20))
            ahead = begin + (move + 1) / 60 - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        spent = (self.cpu_seconds() - cpu) * 1e3 / moves
        return self._frames_p95(), spent

    def wheel(self, place: tuple[float, float], turns: int = 120, pixels: float = 240.0) -> float:
        """Turns the wheel over a place at 60 turns a second; returns the 95th percentile of frames in ms."""
        self.page.mouse.move(*place)
        self.page.wait_for_timeout(300)
        self.page.evaluate(_WATCH_FRAMES)
        begin = time.monotonic()
        for turn in range(turns):
            self.page.mouse.wheel(0, pixels)
            ahead = begin + (turn + 1) / 60 - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        return self._frames_p95()

    def _frames_p95(self) -> float:
        times = self.page.evaluate("() => { window.isWatching = false; return window.frameTimes; }")
        return float(np.percentile(times, 95)) if times else 0.0

    def cpu_seconds(self) -> float:
        """Returns the CPU time of all processes of the browser."""
        total = 0.0
        for each in [self._process, *self._process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                own = each.cpu_times()
                total += own.user + own.system
        return total

    def memory_mb(self) -> float:
        """Returns the memory of the processes that show pages, their garbage collected: heaps, workers and canvases."""
        self.session.send("HeapProfiler.collectGarbage")
        collect = json.dumps({"id": 1, "method": "HeapProfiler.collectGarbage"})
        for worker in self._workers:
            self.session.send("Target.sendMessageToTarget", {"sessionId": worker, "message": collect})
        self.page.wait_for_timeout(_COLLECT_MS)
        total = 0
        for each in self._process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if "--type=renderer" in each.cmdline():
                    total += each.memory_full_info().uss
        return total / 1e6


def _is_coloured(picture: bytes, area: tuple[int, int, int, int], saturation_min: int) -> bool:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    left, top, right, bottom = (each // _SCALE for each in area)
    pixels = np.asarray(image.crop((left, top, right, bottom))).astype(np.int16)
    return int(((pixels.max(axis=2) - pixels.min(axis=2)) > saturation_min).sum()) >= _COLOURED_MIN


@contextlib.contextmanager
def browser_page() -> Iterator[OpenPage]:
    """Gives an empty page in a browser of its own; raises RuntimeError when there is no Chromium."""
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("Chromium is missing: scripts/install_chromium.sh installs it")
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            started = [each for each in psutil.Process().children(recursive=True) if each.pid not in before]
            main = next(
                each
                for each in started
                if "chromium" in each.name()
                and not any(word.startswith("--type=") for word in each.cmdline())
            )
            context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page = context.new_page()
            yield OpenPage(page, context.new_cdp_session(page), main)
        finally:
            browser.close()
