r"""What does the page cost: time to the first chart, data, memory, hovering and scrolling, on projects of all shapes?

    .venv/bin/python bench/bench_page.py
    .venv/bin/python bench/bench_page.py --cases a,b,c,d,e,f,g,h,live --tensorboard /tmp/tb/bin/python \
        --trackio /tmp/tio/bin/python --aim /tmp/aim/bin/python

Cases: a to f are workspaces (10 x 20 x 2,000; 500 x 4 x 200; 1 x 5,000 x 20; 1,000 x 1,000 x 2; 10 x 1 x 1 M; 1 x 100,000 x 3
runs, metrics and points), g the table of 10,000 runs, h a log of 1 M lines, live a run that goes on. The stores are filled
once and stay in the folder. Each figure is the median of browsers with empty profiles, those of its peers in turn.
The daemon was asked for the project once before; "the daemon begun anew" says what it takes otherwise. The page has to be
built: `.venv/bin/python hatch_build.py web`.
"""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import big_store
from _browser import HEIGHT, WIDTH, OpenPage, browser_page
from _harness import Store, arguments, fresh, median, say_machine, show, spawn, wait_until
from page_peers import AIM, TENSORBOARD, TRACKIO, Peer

_ROW = "P22"
_AREA = (340, 110, WIDTH, HEIGHT)  # right of the list of runs, below the bars
_PEER_PATIENCE_SECONDS = 60.0
_IDLE_SECONDS = 10.0
_LINE_COUNT = 1_000_000
_LIVE_METRICS = 20
# Looks at each frame: Playwright itself looks less and less often, up to half a second apart.
_CLICK_AND_LOOK = """(link, text) => new Promise((done) => {
  const begin = performance.now();
  const look = () =>
    document.body.textContent.includes(text) ? done(performance.now() - begin) : requestAnimationFrame(look);
  link.click();
  requestAnimationFrame(look);
})"""


@dataclass(frozen=True)
class Case:
    """A project, and what its page must not exceed."""

    run_count: int
    metric_count: int
    point_count: int
    first_chart: str = ""
    ratio_max: float = 0.0  # of the first chart to TensorBoard's
    first_chart_ms_max: float = 0.0
    data_mb_max: float = 0.0
    task_ms_max: float = 0.0
    heap_mb_max: float = 0.0
    nodes_max: float = 0.0
    hover_ms_max: float = 17.0

    def __str__(self) -> str:
        """Returns its shape in words."""
        return f"{self.run_count:,} runs x {self.metric_count:,} metrics x {self.point_count:,}"


CASES = {
    "a": Case(10, 20, 2000, ratio_max=0.35, data_mb_max=1.0, task_ms_max=100, heap_mb_max=40),
    "b": Case(500, 4, 200, ratio_max=0.4, heap_mb_max=100, hover_ms_max=33),
    "c": Case(1, 5000, 20, ratio_max=0.4, nodes_max=4000),
    "d": Case(1000, 1000, 2),
    "e": Case(10, 1, 1_000_000),
    "f": Case(1, 100_000, 3, first_chart_ms_max=1500),
    "g": Case(10_000, 200, 0),
}


@dataclass
class Figures:
    """What one browser said."""

    first_chart_ms: float
    script_mb: float
    data_mb: float
    idle_requests: float
    idle_bytes: float
    task_ms: float
    heap_mb: float
    memory_mb: float
    node_count: float
    hover_ms: float
    cpu_ms: float


def look_at(address: str, area: tuple[int, int, int, int], chart: str, saturation_min: int = 60) -> Figures:
    """Opens a page in a new browser; `chart` is what finds a chart to hover over."""
    with browser_page() as opened:
        first = opened.open(address, area, saturation_min)
        opened.settle()
        traffic = opened.traffic
        script, data = traffic.script_bytes / 1e6, (traffic.byte_count - traffic.script_bytes) / 1e6
        task, heap, nodes = opened.longest_task_ms(), opened.heap_mb(), opened.node_count()
        memory = opened.memory_mb()
        requests, size = opened.idle(_IDLE_SECONDS)
        box = opened.page.locator(chart).first.bounding_box()
        assert box is not None
        frame, cpu = opened.hover((box["x"], box["y"], box["width"], box["height"]))
        return Figures(first, script, data, requests, size, task, heap, memory, nodes, frame, cpu)


def address_of(store: Store, path: str) -> str:
    """Returns a page's address with the token."""
    endpoint = wait_until(store.endpoint, "a daemon")
    return f"{endpoint['http_address']}{path}?token={endpoint['token']}"


@contextlib.contextmanager
def served(folder: Path, fill: Callable[[], None]) -> Iterator[Store]:
    """Gives a store with its daemon, filled before if it is not there."""
    if not folder.is_dir():
        fill()
    store = Store(folder)
    store.start()
    try:
        yield store
    finally:
        store.stop()


def measure(name: str, folder: Path, repeats: int, pythons: dict[Peer, str]) -> None:
    """Measures a project's workspace, in turn with its peers' pages of the same runs."""
    case = CASES[name]
    filled = folder / name
    ours: list[Figures] = []
    theirs: dict[Peer, list[Figures]] = {}
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(
            served(
                filled,
                lambda: big_store.fill(str(filled), case.run_count, case.metric_count, case.point_count),
            )
        )
        path = f"/p/{big_store.PROJECT}"
        cold = look_at(address_of(store, path), _AREA, "[role=img]")
        counts = (case.run_count, case.metric_count, case.point_count)
        addresses = {
            peer: stack.enter_context(peer.served(python, folder / f"{peer.name.lower()}-{name}", *counts))
            for peer, python in pythons.items()
            if case.ratio_max and (peer is TENSORBOARD or case.data_mb_max)
        }
        for _ in range(repeats):
            ours.append(look_at(address_of(store, path), _AREA, "[role=img]"))
            for peer, address in list(addresses.items()):
                try:
                    figures = look_at(address, peer.area, peer.chart, peer.saturation_min)
                except RuntimeError as error:
                    print(f"{peer.name}: {error}")
                    del addresses[peer]
                else:
                    theirs.setdefault(peer, []).append(figures)
    report(case, cold, ours, theirs)


def report(case: Case, cold: Figures, ours: list[Figures], theirs: dict[Peer, list[Figures]]) -> None:
    """Prints the medians; the bars are ratios to TensorBoard."""

    def line(
        what: str, field: str, unit: str, limit: float = 0.0, ratio_max: float = 0.0, digits: str = "g"
    ) -> None:
        value = median(getattr(each, field) for each in ours)
        peers = {peer: median(getattr(each, field) for each in some) for peer, some in theirs.items()}
        other = (TENSORBOARD.name, peers.pop(TENSORBOARD)) if TENSORBOARD in peers else None
        bar = f"≤ {limit:{digits}} {unit}" if limit else f"≤ {ratio_max} x TensorBoard" if ratio_max else ""
        is_met: bool | None = value <= limit if limit else None
        if ratio_max:
            is_met = value <= ratio_max * other[1] if other else None
        show(_ROW, f"{case}: {what}", value, unit, floor=other, bar=bar, is_met=is_met)
        for peer, figure in peers.items():
            show(_ROW, f"    the same of {peer.name}", figure, unit)

    line("first chart", "first_chart_ms", "ms", case.first_chart_ms_max, case.ratio_max)
    show(_ROW, f"{case}: first chart, the daemon begun anew", cold.first_chart_ms, "ms")
    line("JavaScript, not compressed", "script_mb", "MB")
    line("data to the first state", "data_mb", "MB", case.data_mb_max)
    line("requests in 10 idle seconds", "idle_requests", "")
    line("bytes in 10 idle seconds", "idle_bytes", "bytes")
    line("longest task", "task_ms", "ms", case.task_ms_max)
    line("JavaScript heap", "heap_mb", "MB", case.heap_mb_max)
    line("memory of the page's process", "memory_mb", "MB")
    line("elements", "node_count", "", case.nodes_max)
    line("hover, 95th percentile frame", "hover_ms", "ms", case.hover_ms_max)
    line("CPU a move, all processes", "cpu_ms", "ms", 0.0, 0.5 if case.data_mb_max else 0.0)


def measure_table(folder: Path, repeats: int) -> None:
    """Scrolls the table of 10,000 runs of 200 columns."""
    case = CASES["g"]
    filled = folder / "g"
    opened_ms, frames = [], []
    with served(filled, lambda: big_store.fill(str(filled), case.run_count, case.metric_count, 0)) as store:
        store.client().get(f"/api/v1/projects/{big_store.PROJECT}/metrics")
        for _ in range(repeats):
            with browser_page() as opened:
                grid = opened.page.get_by_role("grid", name="Runs").or_(
                    opened.page.get_by_role("treegrid", name="Runs")
                )
                begin = time.perf_counter()
                opened.page.goto(address_of(store, f"/p/{big_store.PROJECT}/table"), wait_until="commit")
                grid.get_by_text("sweep-").first.wait_for(timeout=_PEER_PATIENCE_SECONDS * 1e3)
                opened_ms.append((time.perf_counter() - begin) * 1e3)
                opened.page.wait_for_timeout(500)
                frames.append(opened.wheel((WIDTH * 0.6, HEIGHT * 0.6)))
    show(_ROW, f"table of {case}: its rows are there", median(opened_ms), "ms")
    value = median(frames)
    show(
        _ROW,
        "the same: scrolling, 95th percentile frame",
        value,
        "ms",
        bar="≤ 17 ms",
        is_met=value <= 17,
    )


def print_lines(store: str) -> None:
    """Prints a million lines in a run; for `fresh`."""
    import sys

    import trackd

    settings = {"store": store, "quiet": True, "finish_timeout_seconds": 300.0}
    run = trackd.init(project=big_store.PROJECT, id="run-00000", settings=settings)
    for first in range(0, _LINE_COUNT, 1000):
        lines = [f"{line:07} loss {1 / (line + 1):.6f} {'x' * 74}\n" for line in range(first, first + 1000)]
        sys.stdout.write("".join(lines))
        run.log({"loss": 1 / (first + 1)})
        time.sleep(0.01)
    run.finish()


def measure_log(folder: Path, repeats: int) -> None:
    """Opens a log of a million lines, at its end."""
    filled = folder / "h"
    times = []

    def fill() -> None:
        filled.mkdir(parents=True)
        fresh(print_lines, str(filled))

    with served(filled, fill) as store:
        for _ in range(repeats):
            with browser_page() as opened:
                run = f"/p/{big_store.PROJECT}/r/run-00000"
                opened.page.goto(address_of(store, run))
                logs = opened.page.get_by_role("link", name="Logs").or_(
                    opened.page.get_by_role("tab", name="Logs")
                )
                logs.first.wait_for()
                opened.page.wait_for_timeout(500)
                times.append(logs.first.evaluate(_CLICK_AND_LOOK, f"{_LINE_COUNT - 1:07} "))
    value = median(times)
    show(_ROW, "log of 1 M lines, 100 MB: its end is there", value, "ms", bar="≤ 300 ms", is_met=value <= 300)
    show(_ROW, "the same, the first time", times[0], "ms")


def log_on(store: str, calls_per_second: float) -> None:
    """Logs until nobody listens; for `spawn`."""
    import trackd

    settings = {"store": store, "quiet": True}
    run = trackd.init(project=big_store.PROJECT, id="live", settings=settings)
    step = 0
    while True:
        run.log({f"train/metric_{number:04}": (step * 7 + number) % 13 for number in range(_LIVE_METRICS)})
        step += 1
        time.sleep(1 / calls_per_second)


def measure_live(folder: Path, live_seconds: float) -> None:
    """Watches a page beside a run: bytes of 10 s at rest and at a step a second, then memory at 100 steps a second."""
    filled = folder / "live"
    case = CASES["a"]
    with served(
        filled, lambda: big_store.fill(str(filled), case.run_count, case.metric_count, case.point_count)
    ) as store:
        for rate in (0.001, 1.0, 100.0):
            process = spawn(log_on, str(store), rate)
            try:
                with browser_page() as opened:
                    opened.open(address_of(store, f"/p/{big_store.PROJECT}"), _AREA)
                    opened.page.wait_for_timeout(5000)
                    if rate <= 1.0:
                        requests, size = opened.idle(_IDLE_SECONDS)
                        pace = "and a step a second" if rate == 1.0 else "that logs nothing now"
                        what = f"10 s beside a run of {_LIVE_METRICS} metrics {pace}"
                        bar = 2000.0 if rate < 1.0 else 0.0
                        show(
                            _ROW,
                            f"{what}: bytes",
                            size,
                            "bytes",
                            bar="≤ 2 kB" if bar else "",
                            is_met=size <= bar if bar else None,
                        )
                        show(_ROW, f"{what}: requests", requests, "")
                    else:
                        _watch_memory(opened, live_seconds)
            finally:
                process.kill()
                process.wait()


def _watch_memory(opened: OpenPage, seconds: float) -> None:
    opened.count_no_traffic()
    opened.page.wait_for_timeout(seconds * 200)  # a fifth: caches fill
    heap, memory = opened.heap_mb(), opened.memory_mb()
    opened.page.wait_for_timeout(seconds * 800)
    minutes = seconds * 0.8 / 60
    what = f"100 steps a second for {seconds:.0f} s, growth after a fifth of it"
    show(_ROW, f"{what}: heap", (opened.heap_mb() - heap) / minutes, "MB/min")
    show(_ROW, f"{what}: process", (opened.memory_mb() - memory) / minutes, "MB/min")


def initial_script_kb() -> float:
    """Returns the size of the scripts that every page loads first, compressed."""
    import trackd_service

    page = Path(trackd_service.__file__).parent / "web"
    text = (page / "index.html").read_text("utf-8")
    scripts = [each for each in (page / "assets").iterdir() if each.suffix == ".js" and each.name in text]
    return sum(len(gzip.compress(each.read_bytes(), 9)) for each in scripts) / 1e3


def main() -> None:
    """Measures the cases."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--stores",
        type=Path,
        default=Path(tempfile.gettempdir()) / "trackd-bench-stores",
        help="a folder, in which the stores are and stay (default: %(default)s)",
    )
    parser.add_argument("--cases", default="a", help="some of a,b,c,d,e,f,g,h,live (default: %(default)s)")
    for peer in (TENSORBOARD, TRACKIO, AIM):
        parser.add_argument(
            f"--{peer.name.lower()}",
            help=f"an interpreter that has {peer.name}; see page_peers.py"
            + ("; without it, no ratios" if peer is TENSORBOARD else ""),
        )
    parser.add_argument("--live-seconds", type=float, default=600.0, help="of the watch on memory")
    options = parser.parse_args()
    say_machine()
    if options.tensorboard is None:
        print("TensorBoard is not there: bars that are ratios to it are not judged")
    pythons = {
        peer: python
        for peer in (TENSORBOARD, TRACKIO, AIM)
        if (python := getattr(options, peer.name.lower())) is not None
    }
    size = initial_script_kb()
    show(_ROW, "JavaScript that every page loads first, gzip", size, "kB", bar="≤ 220 kB", is_met=size <= 220)
    options.stores.mkdir(parents=True, exist_ok=True)
    others: dict[str, Callable[[], Any]] = {
        "g": lambda: measure_table(options.stores, options.repeats),
        "h": lambda: measure_log(options.stores, options.repeats),
        "live": lambda: measure_live(options.stores, options.live_seconds),
    }
    for name in options.cases.split(","):
        if name in others:
            others[name]()
        else:
            measure(name, options.stores, options.repeats, pythons)


if __name__ == "__main__":
    main()
