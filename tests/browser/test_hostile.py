"""Owns the browser tests of a store whose every text is hostile: on no page does any of it run, leave or break anything."""

from __future__ import annotations

import http.client
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect
from tests.browser.conftest import OpenPage
from tests.service.reading import endpoint_of

import trackd

RUN_IT = "(top.owned=1,alert(1),fetch('//evil.example'))"
TAGS = (
    f'"><img src=x onerror="{RUN_IT}"><script>{RUN_IT}</script>'
    f'<svg/onload={RUN_IT}><iframe srcdoc="<script>{RUN_IT}</script>"></iframe>'
    f'<a href="javascript:{RUN_IT}">press</a><link rel=stylesheet href=//evil.example/x.css>'
)
# Turns text round, joins and hides letters, moves the cursor, names a link of a terminal; then a word too long for any line.
UNSEEN = (
    "\u202eexe.txt\u2066\u200b\u200d\ufeff\x1b[2J\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\x07\x08"
    + "W" * 300
)
# Names that mean something to JavaScript's objects, and to expressions, patterns and addresses.
NAMES = (
    "__proto__",
    "constructor",
    "toString",
    "${alert(1)}",
    "(((",
    "..",
    "a?b#c&d=e",
    "=cmd|' /C calc'!A0",
)
MARKDOWN = (
    f"# Title\n\n{TAGS}\n\n[a](javascript:{RUN_IT}) [b](data:text/html,<script>{RUN_IT}</script>) "
    f"![c](http://evil.example/c.png) <https://evil.example> [d](vbscript:x) [e]( java\tscript:{RUN_IT})\n\n"
    f"| a | b |\n|---|---|\n| {UNSEEN} | x |\n\n```html\n{TAGS}\n```\n"
)
VEGA = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "title": TAGS,
    "data": {"name": "table"},
    "params": [{"name": "taken", "expr": f"''.constructor.constructor(\"{RUN_IT}\")()"}],
    "layer": [
        {"mark": {"type": "image", "url": "http://evil.example/x.png", "href": f"javascript:{RUN_IT}"}},
        {"data": {"url": "http://evil.example/data.json"}, "mark": "point"},
        {"mark": "bar", "encoding": {"x": {"field": "a"}, "tooltip": {"value": TAGS}}},
    ],
}
VIEWS: tuple[Any, ...] = (
    {},
    {"version": 99, "cards": 3},
    {
        "version": 1,
        "query": "x=javascript:1&panel=__proto__",
        "sections": [1, None],
        "cards": {"__proto__": {"width": 3}},
    },
    {
        "version": 1,
        "sectionOrder": [TAGS, 4, None],
        "addedSections": ["__proto__", "constructor", TAGS],
        "sections": {
            "constructor": {"columns": 1e9, "height": -1, "order": {}},
            "train": {"order": [None, TAGS]},
        },
        "cards": {"line:loss": {"title": TAGS, "width": 1e9, "settings": {"yRange": ["a", {}]}}},
        "slots": {"constructor": 1e9, "x": "red"},
        "added": [
            {"id": kind, "section": TAGS, "kind": kind, "config": config}
            for kind, config in (
                *((kind, None) for kind in ("scatter", "bar", "parallel", "importance", "scalar")),
                *(
                    (kind, {"x": TAGS, "y": [], "metrics": {"a": 1}, "bins": 1e99})
                    for kind in ("histogram", "comparer")
                ),
                ("note", {"text": MARKDOWN, "title": 4}),
                ("lines", {"metrics": [1, None, "__proto__"], "expressions": ["((", "1/0", TAGS]}),
                ("log", {"run": TAGS}),
                (TAGS, TAGS),
            )
        ],
    },
)
# The page says so where a script was kept from running: of what is in its own document, nothing may have been tried.
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


def put_view(store: Path, project: str, view: str, document: Any) -> None:
    """Saves a view as no page of ours would write it."""
    endpoint = endpoint_of(store)
    connection = http.client.HTTPConnection(str(urlsplit(endpoint.http_address).netloc), timeout=60)
    connection.request(
        "PUT",
        f"/api/v1/projects/{quote(project, safe='')}/views/{view}",
        json.dumps({"name": TAGS[:200], "document": document}),
        {"Authorization": f"Bearer {endpoint.token}"},
    )
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


def write_files(folder: Path) -> None:
    """Writes files that are dangerous where a browser or a spreadsheet opens them."""
    cell = {
        "cell_type": "code",
        "source": [TAGS],
        "outputs": [
            {
                "data": {
                    "text/html": [TAGS],
                    "image/svg+xml": [f"<svg onload='{RUN_IT}'/>"],
                    "text/plain": [UNSEEN],
                }
            }
        ],
    }
    contents = {
        "page.html": f"<h1>a page</h1>{TAGS}",
        "mark.svg": f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="{RUN_IT}">'
        f"<script>{RUN_IT}</script></svg>",
        "words.md": MARKDOWN,
        "sheet.csv": f'a,b\n=HYPERLINK("http://evil.example"),"{TAGS.replace(chr(34), chr(34) * 2)}"\n@SUM(1),{UNSEEN}\n',
        "odd.json": json.dumps({"__proto__": {"polluted": TAGS}, "constructor": [UNSEEN], TAGS: None}),
        "work.ipynb": json.dumps({"cells": [cell, {"cell_type": "markdown", "source": [MARKDOWN]}]}),
        "text.txt": f"{TAGS}\n{UNSEEN}\n{'x' * 1_000_000}\n",
        "<img src=x onerror=alert(1)>.txt": "x",
        "__proto__/constructor": "x",
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)


@pytest.fixture(scope="module")
def runs(module_store: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Logs runs of which nothing that a person can say is harmless; gives projects and ids."""
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    mask = np.zeros((8, 8), np.uint8)
    labels = {0: TAGS, 1: UNSEEN}
    box = {
        "position": {"minX": 0.1, "minY": 0.1, "maxX": 0.9, "maxY": 0.9},
        "class_id": 0,
        "box_caption": TAGS,
    }
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 2], text=[TAGS, TAGS], name=TAGS))
    figure.update_layout(title=f'<a href="javascript:{RUN_IT}">x</a>{TAGS}', xaxis={"title": TAGS})
    figure.add_layout_image({"source": "http://evil.example/x.png", "x": 0, "y": 0, "sizex": 1, "sizey": 1})
    project = "<img src=x onerror=alert(1)>"
    found = []
    for run_id in ("constructor", "x"):
        run = trackd.init(
            project=project,
            id=run_id,
            name=TAGS + UNSEEN,
            group=TAGS,
            job_type=UNSEEN,
            tags=[TAGS[:60], "\u202etag"],
            notes=MARKDOWN,
            config={
                TAGS: TAGS,
                "odd": {name: {name: UNSEEN} for name in NAMES},
                "seed": run_id,
                "__proto__": {"owned": 1},
            },
        )
        for step in range(3):
            run.log(
                {
                    "train/loss": 1 / (step + 1),
                    **{f"odd/{name}": step for name in NAMES},
                    TAGS: step,
                    "__proto__": step,
                }
            )
        run.log(
            {
                "words": UNSEEN + TAGS,
                "media/image": trackd.Image(
                    mask,
                    caption=TAGS + UNSEEN,
                    masks={TAGS[:40]: {"mask_data": mask, "class_labels": labels}},
                    boxes={"box": {"box_data": [box], "class_labels": labels}},
                ),
                "media/svg": trackd.Image(str(folder / "mark.svg"), caption=TAGS),
                "media/html": trackd.Html(f"<h1>a page</h1>{TAGS}"),
                "media/leaving": trackd.Html("<meta http-equiv=refresh content='0;url=http://evil.example'>"),
                "media/markdown": trackd.Markdown(MARKDOWN),
                "media/table": trackd.Table(
                    columns=[TAGS, "__proto__", "b"], data=[[TAGS, UNSEEN, 1], ["=1+1", "@x", 2]]
                ),
                "media/figure": figure,
                "media/histogram": trackd.Histogram([1.0, 2.0]),
            }
        )
        table = trackd.Table(columns=["a"], data=[[TAGS], [UNSEEN]])
        run.log({"media/chart": trackd.plot_table(VEGA, table, {"a": "a"}, {"title": TAGS})})
        run.summary["said"] = TAGS + UNSEEN
        run.alert(TAGS, MARKDOWN + UNSEEN, level="ERROR")
        run.save(str(folder / "**/*"), base_path=str(folder))
        sys.stdout.write(TAGS + "\n")
        sys.stdout.write(UNSEEN + "\n")
        sys.stdout.write("y" * 1_000_000 + "\n")
        sys.stdout.write("the last line" + "\n")
        try:
            with run:
                raise RuntimeError(TAGS + UNSEEN)
        except RuntimeError:
            found.append((project, run_id))
    trackd.save_preset("evil/chart", VEGA, TAGS[:100])
    for number, document in enumerate(VIEWS):
        put_view(module_store, project, f"v{number}", document)
    return found


class Guard:
    """A page, and what must never happen on it."""

    def __init__(self, browser: Browser, store: Path) -> None:
        endpoint = endpoint_of(store)
        self.origin = endpoint.http_address
        self.faults: list[str] = []
        self.context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.page.add_init_script(WATCH)
        self.context.on("dialog", self._see_dialog)
        self.context.on("page", lambda page: self.faults.append(f"another page was opened: {page.url}"))
        self.page.on("pageerror", self._see_error)
        self.page.on("request", self._see_request)
        self.page.goto(f"{self.origin}/settings?token={endpoint.token}")

    def _see_dialog(self, dialog: Any) -> None:
        self.faults.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _see_error(self, error: Any) -> None:
        # What a frame on an opaque origin is told that reaches for the page around it.
        if "Blocked a frame with origin" not in str(error):
            self.faults.append(str(error))

    def _see_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and f"{address.scheme}://{address.netloc}" != self.origin:
            self.faults.append(f"a request left: {request.url[:200]}")

    def look(self, path: str) -> Page:
        """Opens an address, wide and on a small screen, and holds what must never happen against it."""
        page = self.page
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{self.origin}{path}")
        try:
            expect(page.locator("main")).to_have_attribute("aria-busy", "false")
        except AssertionError:
            self.faults.append(f"{path} never came")
            return page
        expect(page.locator('[aria-busy="true"]')).to_have_count(0)
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 900})
            for _ in range(40):  # what is drawn follows the size of its place by a frame
                if page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                    break
                page.wait_for_timeout(25)
            else:
                self.faults.append(f"{path} is wider than {width} px")
        self.check(path)
        return page

    def check(self, path: str) -> None:
        """Holds what must never happen against the page as it stands."""
        page = self.page
        # The policy also keeps a logged page from taking its own frame elsewhere: that is no fault of ours.
        tried = page.evaluate(
            "violations.filter((each) => !each.startsWith('frame-src http://evil.example'))"
        )
        taken = page.evaluate("[window.owned, Object.prototype.polluted, ({}).owned]")
        if tried or taken != [None, None, None] or not page.url.startswith(self.origin):
            self.faults.append(f"{path}: {page.url} {tried} {taken}")
        scripts = page.evaluate(
            """[...document.querySelectorAll("a[href], [onerror], [onload], script:not([src])")]
            .filter((each) => !/^(https?|mailto|blob):/.test(each.href ?? "")).map((each) => each.outerHTML.slice(0, 200))"""
        )
        self.faults += [f"{path} has {each}" for each in scripts]


@pytest.fixture
def guard(browser: Browser, module_store: Path, runs: list[tuple[str, str]]) -> Iterator[Guard]:
    assert runs
    found = Guard(browser, module_store)
    yield found
    found.context.close()


def test_nothing_that_was_logged_runs_leaves_or_breaks_a_page(
    guard: Guard, runs: list[tuple[str, str]]
) -> None:
    project, run = runs[0]
    at = f"/p/{quote(project, safe='')}"
    one = f"{at}/r/{run}"
    both = quote(",".join(each for _, each in runs), safe="")
    page = guard.look("/")
    expect(page.get_by_text(project)).to_be_visible()
    guard.look("/presets?preset=evil%2Fchart")
    guard.look(at)
    guard.look(
        f"{at}/table?column=tags&column=notes&column=group&column=config.odd.constructor&column=summary.said&group=group"
    )
    guard.look(f"{at}/compare?runs={both}&rows=all")
    for tab in ("overview", "charts", "system", "logs", "media", "tables", "files", "health"):
        path = f"{one}?tab={tab}"
        page = guard.look(path)
        if tab == "logs":
            expect(page.get_by_text("the last line")).to_be_visible()
        page.set_viewport_size({"width": 1440, "height": 3000})
        if tab == "media":
            logged = page.get_by_role("article", name="media/html").frame_locator("iframe")
            expect(logged.get_by_role("heading", name="a page")).to_be_visible()
        if tab == "tables":  # charts and figures have drawn what they can
            expect(page.get_by_test_id("frame")).to_have_count(2)
            expect(page.get_by_text("Drawing …")).to_have_count(0)
        guard.check(path)
    assert not guard.faults, "\n".join(guard.faults)


def test_a_name_that_turns_text_round_leaves_what_stands_beside_it(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the run's folder is made in it
    turned = "\u202e\u05d3\u05d2\u05dd exe.txt"  # an override that nothing ends, and Hebrew
    project = "\u05d3\u05d2\u05dd 7"
    with trackd.init(project=project, name=turned) as run:
        (folder := Path(run.dir) / turned).mkdir()
        (folder / f"{turned}.txt").write_text("x")
        run.save(str(folder / f"{turned}.txt"), base_path=run.dir)
    at = f"/p/{quote(project, safe='')}"

    def check(line: Locator) -> None:
        """Holds the pieces of a line to the order in which they are written."""
        expect(line).to_be_visible()
        pieces = line.evaluate(
            """line => {
              const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
              const found = [];
              for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const range = document.createRange();
                range.selectNodeContents(node);
                const box = range.getBoundingClientRect();
                if (box.width > 1) found.push([box.left, box.right]);
              }
              return found;
            }"""
        )
        assert len(pieces) > 1
        for (_, end), (start, _) in itertools.pairwise(pieces):
            assert start >= end - 1, pieces

    page = open_page(at)
    check(page.get_by_text("No data logged yet for run"))
    check(page.get_by_role("navigation", name="Where you are"))
    page = open_page(f"{at}/r/{run.id}?tab=tables")
    check(page.get_by_role("navigation", name="Where you are"))
    check(page.get_by_text("No tables or plots logged for run"))
    page = open_page(f"{at}/r/{run.id}?tab=files")
    check(page.get_by_role("treeitem").first)


def test_no_file_view_or_address_runs_or_breaks_anything(guard: Guard, runs: list[tuple[str, str]]) -> None:
    project, run = runs[0]
    at = f"/p/{quote(project, safe='')}"
    for file in (
        "page.html",
        "mark.svg",
        "words.md",
        "sheet.csv",
        "odd.json",
        "work.ipynb",
        "text.txt",
        "../../catalog.sqlite",
    ):
        path = f"{at}/r/{run}?tab=files&file={quote(file, safe='')}"
        page = guard.look(path)
        if file.startswith(".."):  # which the run does not keep, whatever lies there
            expect(page.get_by_text("SQLite format")).to_have_count(0)
            continue
        expect(page.get_by_role("heading", name=file)).to_be_visible()
        expect(page.get_by_text("Reading…")).to_have_count(0)
        for way in page.get_by_role("group", name="Shown as").get_by_role("button").all():
            way.click()
            guard.check(path)
        guard.check(path)
    for number in range(len(VIEWS)):
        guard.look(f"{at}?view=v{number}")
    odd = quote(TAGS + UNSEEN, safe="")
    for path in (
        f"{at}?filter={odd}&q={odd}&search=((&x=javascript%3A1&smooth=ema:9e9&zoom=1e999,-1,step&cursor=1e9",
        f"{at}?panel=__proto__&media=image:__proto__&at=-1,{odd}:x&closed={odd}&hide={odd}&group={odd}&sort=%2B{odd}",
        f"{at}/table?column={odd}&column=__proto__&width=9999,{odd}&pin={odd}&group=__proto__&filter=%28%28%28",
        f"{at}/compare?runs={odd},%25,__proto__,%ff",
        f"{at}/r/{run}?tab=__proto__&writer={odd}&find=((&line_number=999999999999#javascript:alert(1)",
        f"/p/{odd}/r/{odd}",
        "/%2e%2e/%2e%2e/etc/passwd",
        f"/presets?preset={odd}",
        "/p/%00/r/%ff",
        "/javascript:alert(1)",
    ):
        guard.look(path)
    assert not guard.faults, "\n".join(guard.faults)
