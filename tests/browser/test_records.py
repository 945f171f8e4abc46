"""Owns the browser tests of typed records: each kind is seen as a person logs it, with its step slider, and harmless."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Frame, Locator, Page, expect
from tests.browser.conftest import PATIENCE_SECONDS, OpenPage

import trackd

OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\nf 1 3 4\nf 2 3 4\n"
PDB = (
    "ATOM      1  N   ALA A   1      11.104   6.134  -6.504  1.00  0.00           N\n"
    "ATOM      2  CA  ALA A   1      11.639   6.071  -5.147  1.00  0.00           C\n"
    "ATOM      3  C   ALA A   1      12.689   7.153  -4.909  1.00  0.00           C\n"
    "END\n"
)


def card(page: Page, key: str) -> Locator:
    found = page.locator(f'[data-testid="media"][data-key="{key}"]')
    expect(found).to_have_attribute("data-step", re.compile(r"\d+"))
    found.scroll_into_view_if_needed()
    return found


def in_frame(page: Page, key: str, selector: str) -> Locator:
    """Returns what a viewer on an opaque origin has drawn."""
    frame = card(page, key).frame_locator("iframe")
    found = frame.locator(selector).first
    expect(found).to_be_visible()
    return found


def picture(index: int, side: int = 64) -> Any:
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[8 : 8 + index, 8:40, 0] = 255
    return pixels


def test_images_are_seen_with_captions_in_order(open_page: OpenPage) -> None:
    with trackd.init(project="images") as run:
        examples = [trackd.Image(picture(i), caption=f"random field {i}") for i in range(3)]
        run.log({"examples": examples})
    page = open_page("/p/images")
    shown = card(page, "examples")
    images = shown.get_by_role("img")
    expect(images).to_have_count(3)
    expect(shown).to_contain_text(re.compile("random field 0.*random field 1.*random field 2", re.DOTALL))
    for place in range(3):
        wait_for_pixels(images.nth(place), 64)


def wait_for(element: Locator, condition: str) -> None:
    """Waits until a function of an element is true; Playwright's own way needs what the page's policy forbids."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not element.evaluate(condition):
        assert time.monotonic() < deadline, f"{condition} was never true"
        element.page.wait_for_timeout(50)


def wait_for_pixels(image: Locator, width: int) -> None:
    wait_for(image, f"image => image.complete && image.naturalWidth === {width}")


def test_the_slider_chooses_a_step_and_stays_in_the_address(open_page: OpenPage) -> None:
    with trackd.init(project="slider") as run:
        for step in range(5):
            run.log({"sample": trackd.Image(picture(step), caption=f"epoch {step}")}, step=10 * step)
    page = open_page("/p/slider")
    shown = card(page, "sample")
    expect(shown).to_have_attribute("data-step", "40")
    expect(shown).to_contain_text("epoch 4")
    slider = shown.get_by_role("slider", name="Step")
    slider.focus()
    slider.press("ArrowLeft")
    expect(shown).to_have_attribute("data-step", "30")
    expect(shown).to_contain_text("epoch 3")
    shown.get_by_role("button", name="Previous step").click()
    expect(shown).to_have_attribute("data-step", "20")
    page.wait_for_url(re.compile("at=20"))
    page.reload()
    expect(card(page, "sample")).to_have_attribute("data-step", "20")
    card(page, "sample").get_by_role("button", name="latest").click()
    expect(card(page, "sample")).to_have_attribute("data-step", "40")


def test_new_records_come_by_themselves(open_page: OpenPage) -> None:
    run = trackd.init(project="live-records")
    run.log({"sample": trackd.Image(picture(1), caption="first")})
    page = open_page("/p/live-records")
    expect(card(page, "sample")).to_contain_text("first")
    run.log({"sample": trackd.Image(picture(2), caption="second")})
    expect(card(page, "sample")).to_contain_text("second")
    run.log({"sound": trackd.Audio(np.zeros(800, np.float32), sample_rate=8000)})
    card(page, "sound")
    run.finish()


def test_masks_and_boxes_are_switched_by_class(open_page: OpenPage) -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[:32] = 1
    mask[32:] = 2
    boxes = [
        {
            "position": {"minX": 5, "maxX": 30, "minY": 5, "maxY": 30},
            "domain": "pixel",
            "class_id": 1,
            "scores": {"confidence": 0.9},
            "box_caption": "a cat",
        },
        {
            "position": {"middle": [0.7, 0.7], "width": 0.2, "height": 0.2},
            "class_id": 2,
            "scores": {"confidence": 0.2},
        },
    ]
    labels = {1: "cat", 2: "sea"}
    with trackd.init(project="overlays") as run:
        image = trackd.Image(
            picture(30),
            masks={"truth": {"mask_data": mask, "class_labels": labels}},
            boxes={"found": {"box_data": boxes, "class_labels": labels}},
        )
        run.log({"street": image})
    page = open_page("/p/overlays")
    shown = card(page, "street")
    shown.get_by_role("button", name=re.compile("full screen")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("a cat")).to_be_visible()
    cat = dialog.get_by_role("group", name="Boxes found").get_by_label("cat")
    cat.uncheck()
    expect(dialog.get_by_text("a cat")).to_have_count(0)
    cat.check()
    score = dialog.get_by_role("slider", name=re.compile("Minimum confidence"))
    score.fill("0.95")
    expect(dialog.get_by_text("a cat")).to_have_count(0)
    truth = dialog.get_by_role("group", name="Mask truth")
    expect(truth.get_by_label("cat")).to_be_checked()
    truth.get_by_label("sea").uncheck()
    expect(truth.get_by_label("sea")).not_to_be_checked()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_clips_and_sounds_play(open_page: OpenPage) -> None:
    frames = np.zeros((10, 3, 64, 64), np.uint8)
    for place in range(10):
        frames[place, 1, :, place * 6 : place * 6 + 6] = 255
    with trackd.init(project="clips") as run:
        run.log({"gif": trackd.Video(frames, fps=4), "mp4": trackd.Video(frames, fps=4, format="mp4")})
        run.log({"webm": trackd.Video(frames, fps=4, format="webm")})
        sound = np.sin(np.arange(8000) / 8000 * 440 * 2 * np.pi).astype(np.float32)
        run.log({"tone": trackd.Audio(sound, sample_rate=8000, caption="a 440")})
    page = open_page("/p/clips")
    wait_for_pixels(card(page, "gif").get_by_role("img").first, 64)
    for key in ("mp4", "webm"):
        video = card(page, key).locator("video")
        wait_for(video, "video => video.readyState >= 2 && video.videoWidth === 64")
        expect(video).to_have_attribute("controls", "")
    tone = card(page, "tone")
    expect(tone).to_contain_text("a 440")
    expect(tone.get_by_role("img", name=re.compile("Waveform"))).to_be_visible()
    wait_for(tone.locator("audio"), "sound => sound.readyState >= 1 && Math.abs(sound.duration - 1) < 0.05")


def test_histograms_over_steps_are_a_heat_map_or_ridges_and_a_sparkline_in_the_summary(
    open_page: OpenPage,
) -> None:
    random = np.random.default_rng(0)
    with trackd.init(project="histograms") as run:
        for step in range(30):
            run.log({"gradients": trackd.Histogram(random.normal(step / 10, 1, (100, 100)))})
        run.summary.update({"final": trackd.Histogram(np_histogram=np.histogram(random.normal(size=1000)))})
    page = open_page(f"/p/histograms/r/{run.id}")
    expect(page.get_by_role("img", name=re.compile("final|histogram", re.IGNORECASE)).first).to_be_visible()
    page.get_by_role("link", name=re.compile("^Charts")).click()
    shown = card(page, "gradients")
    heat_map = shown.get_by_role("img", name=re.compile("30 histograms over steps 0 to 29"))
    expect(heat_map).to_be_visible()
    # As ridges there is room for some of them, which is said; keys and the pointer go from one to the next.
    shown.get_by_role("combobox", name="Histograms as").select_option(label="ridge")
    expect(heat_map).to_have_count(0)
    ridges = shown.get_by_role("slider", name=re.compile(r"Ridges of gradients, 1\d of 30 histograms"))
    expect(ridges).to_have_attribute("aria-valuetext", "step 29")
    expect(shown.get_by_text(re.compile(r"^1\d of 30 histograms$"))).to_be_visible()
    expect(shown.get_by_role("img", name="Histogram: step 29, 10,000 values")).to_be_visible()
    ridges.press("Home")
    expect(shown.get_by_role("img", name="Histogram: step 0, 10,000 values")).to_be_visible()
    ridges.press("ArrowDown")
    expect(ridges).to_have_attribute("aria-valuetext", re.compile("step [1-4]$"))
    ridges.press("Escape")
    expect(ridges).to_have_attribute("aria-valuetext", "step 29")
    ridges.hover(position={"x": 100, "y": 2})
    expect(shown.get_by_role("tooltip")).to_contain_text("step 0 ·")
    ridges.click(position={"x": 100, "y": 2})
    expect(shown).to_have_attribute("data-step", "0")
    page.wait_for_url(re.compile("histograms=ridge.*at=0"))
    page.reload()
    expect(card(page, "gradients").get_by_role("slider", name=re.compile("Ridges"))).to_be_visible()
    expect(shown.get_by_role("checkbox", name="log height")).to_be_visible()


def test_html_is_shown_and_reaches_nothing(open_page: OpenPage) -> None:
    hostile = """<!doctype html><h1 id="title">a page</h1><pre id="said">nothing ran</pre><script>
    const said = [];
    const attempt = async (name, action) => { try { await action(); said.push(name); } catch (error) {} };
    (async () => {
      await attempt("parent", () => { if (parent === self) throw 0; parent.document.title; });
      await attempt("cookie", () => { if (document.cookie === undefined) throw 0; document.cookie.length; });
      await attempt("storage", () => localStorage.length);
      await attempt("network", () => fetch("/api/v1/projects", {credentials: "include"}));
      await attempt("image", () => new Promise((done, fail) => {
        const image = new Image(); image.onload = done; image.onerror = fail; image.src = "/icon.svg"; }));
      await attempt("navigation", () => { if (top === self) throw 0; top.location = "/gone"; });
      await attempt("window", () => { if (!window.open("/")) throw 0; });
      document.getElementById("said").textContent = "reached: " + said.join(" ");
    })();
    </script>"""
    with trackd.init(project="pages") as run:
        run.log({"page": trackd.Html(hostile)})
    page = open_page("/p/pages", is_hostile=True)
    frame = card(page, "page").frame_locator("iframe")
    expect(frame.locator("#title")).to_have_text("a page")
    expect(frame.locator("#said")).to_have_text("reached: ")
    assert "/p/pages" in page.url
    # Opened by itself it is as harmless: the policy travels with the answer.
    address = card(page, "page").locator("iframe").get_attribute("src")
    page.goto(f"{page.url.split('/p/')[0]}{address}")
    expect(page.locator("#said")).to_have_text("reached: ")


def test_svg_names_captions_and_markdown_run_no_script(open_page: OpenPage, tmp_path: Path) -> None:
    attack = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    svg = tmp_path / "picture.svg"
    svg.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="top.document.title=\'taken\'">'
        "<script>top.document.title='taken'</script><rect width='40' height='40' fill='red'/></svg>"
    )
    with trackd.init(project="attacks", name=attack) as run:
        run.log(
            {
                "svg": trackd.Image(str(svg), caption=attack),
                "words": trackd.Markdown(f"# Title\n\n{attack}\n\n[link](javascript:document.title='taken')"),
                "rows": trackd.Table(columns=[attack, "b"], data=[[attack, 1]]),
                f"odd {attack}": trackd.Image(picture(3)),
            }
        )
    page = open_page("/p/attacks", is_hostile=True)
    wait_for_pixels(card(page, "svg").get_by_role("img").first, 40)
    expect(card(page, "words").get_by_role("heading", name="Title")).to_be_visible()
    expect(card(page, "rows").get_by_role("gridcell", name=re.compile("onerror")).first).to_be_visible()
    assert page.locator('a[href^="javascript"]').count() == 0
    assert page.title() != "taken"


def test_a_table_is_sorted_filtered_grouped_and_shows_media_cells(open_page: OpenPage) -> None:
    table = trackd.Table(columns=["id", "name", "score", "picture", "kind"])
    for number in range(100):
        image = trackd.Image(picture(number % 20))
        table.add_data(
            number, f"item {number}", (number * 37) % 100 / 100, image, ["even", "odd"][number % 2]
        )
    with trackd.init(project="tables") as run:
        run.log({"predictions": table})
    page = open_page("/p/tables")
    grid = card(page, "predictions").get_by_role("grid")
    expect(card(page, "predictions").get_by_test_id("table")).to_have_attribute("data-rows", "100")
    expect(grid.get_by_role("gridcell", name="item 0", exact=True)).to_be_visible()
    wait_for_pixels(grid.locator("img").first, 64)
    grid.get_by_role("columnheader", name=re.compile("score")).click()
    first = grid.locator('[data-row="0"]')
    expect(first).to_contain_text("item 0")
    grid.get_by_role("columnheader", name=re.compile("score")).click()
    expect(first).to_contain_text("item 27")  # 27 * 37 = 999
    search = card(page, "predictions").get_by_role("searchbox", name="Search the text of a column")
    search.fill("item 42")
    expect(card(page, "predictions").get_by_test_id("table")).to_have_attribute("data-rows", "1")
    expect(first).to_contain_text("item 42")
    search.fill("")
    card(page, "predictions").get_by_role("combobox", name="Group by").select_option("By kind")
    expect(card(page, "predictions").get_by_test_id("table")).to_have_attribute("data-rows", "2")
    expect(card(page, "predictions")).to_contain_text("2 groups of 100 rows")
    expect(first).to_contain_text("even")
    expect(first).to_contain_text("50")
    expect(first).to_contain_text("49")  # the mean of their ids
    card(page, "predictions").get_by_role("combobox", name="Aggregate of the numbers").select_option("max")
    expect(first).to_contain_text("98")


def test_a_million_rows_and_a_million_points_open(open_page: OpenPage) -> None:
    import pandas as pd

    random = np.random.default_rng(0)
    frame = pd.DataFrame({"i": np.arange(1_000_000), "x": random.normal(size=1_000_000)})
    frame["word"] = np.array(["even", "odd"])[frame["i"] % 2]
    cloud = random.normal(size=(1_000_000, 3)).astype(np.float32)
    with trackd.init(project="millions") as run:
        run.log({"rows": trackd.Table(dataframe=frame)})
        run.log({"cloud": trackd.Object3D(cloud)})
    page = open_page("/p/millions")
    start = time.monotonic()
    expect(card(page, "cloud").locator("[data-points]")).to_have_attribute("data-points", "1000000")
    print(f"1,000,000 points drawn after {time.monotonic() - start:.1f} s")  # noqa: T201 - for the record
    start = time.monotonic()
    shown = card(page, "rows")
    expect(shown.get_by_test_id("table")).to_have_attribute("data-rows", "1000000")
    expect(shown.locator('[data-row="0"]')).to_contain_text("even")
    print(f"1,000,000 rows open after {time.monotonic() - start:.1f} s")  # noqa: T201
    shown.get_by_role("grid").focus()
    page.keyboard.press("Control+End")
    expect(shown.locator('[data-row="999999"]')).to_contain_text("999999")


def test_models_scenes_and_molecules_are_drawn(open_page: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "sample.obj").write_text(OBJ)
    points = np.random.default_rng(0).uniform(-1, 1, (500, 4))
    points[:, 3] = np.arange(500) % 5 + 1
    corners = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    scene = {
        "type": "lidar/beta",
        "points": points,
        "boxes": np.array([{"corners": corners, "label": "a car", "color": [255, 0, 0], "score": 0.5}]),
        "vectors": np.array([{"start": [0, 0, 0], "end": [1, 1, 1]}]),
    }
    (tmp_path / "small.pdb").write_text(PDB)
    with (tmp_path / "sample.obj").open() as model, trackd.init(project="solids") as run:
        run.log({"model": [trackd.Object3D(model)], "scene": trackd.Object3D(scene)})
        run.log({"molecule": trackd.Molecule(str(tmp_path / "small.pdb"))})
    page = open_page("/p/solids")
    expect(card(page, "scene").locator("[data-points]")).to_have_attribute("data-points", "500")
    expect(card(page, "scene")).to_contain_text("a car")
    expect(card(page, "model").locator("canvas").first).to_be_visible()
    in_frame(page, "molecule", "canvas")


def test_the_scenes_of_a_card_turn_together_and_are_drawn_as_chosen(open_page: OpenPage) -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (30_000, 4))
    points[:, 3] = np.arange(len(points)) % 5 + 1
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    boxes = [
        {"corners": (corners / 2 + shift).tolist(), "label": label, "score": score}
        for shift, label, score in ((0, "a car", 0.9), (-0.5, "a tree", 0.2))
    ]
    for name in ("one", "other"):
        with trackd.init(project="linked", name=name) as run:
            scene = {"type": "lidar/beta", "points": points, "boxes": np.array(boxes)}
            run.log({"scene": trackd.Object3D(scene)})
    page = open_page("/p/linked")
    shown = card(page, "scene")
    expect(shown.locator('[data-points="30000"]')).to_have_count(2)
    images = shown.get_by_role("img", name=re.compile("30,000 points"))
    pictures = "c => [...c.querySelectorAll('canvas[tabindex]')].map(canvas => canvas.toDataURL())"
    are_alike = f"c => {{ const [one, other] = ({pictures})(c); return one === other; }}"
    wait_for(shown, are_alike)
    shown.evaluate(f"c => {{ window.pictureAtFirst = ({pictures})(c)[0]; }}")
    linked = shown.get_by_role("checkbox", name="linked")
    expect(linked).to_have_count(2)

    def drag(image: Locator) -> None:
        image.hover()
        page.mouse.down()
        page.mouse.move(400, 420, steps=4)
        page.mouse.up()

    drag(images.first)
    wait_for(shown, f"c => ({pictures})(c).every(picture => picture !== window.pictureAtFirst)")
    wait_for(shown, are_alike)
    # By keyboard too; and what the menu chooses is for all.
    images.nth(1).press("Shift+ArrowLeft")
    wait_for(shown, are_alike)
    shown.get_by_role("button", name="How the scene is drawn").first.click()
    page.get_by_role("menuitem", name="Colours of points").click()
    page.get_by_role("menuitemcheckbox", name="by height").click()
    expect(shown.get_by_text(re.compile(r"coloured by z from .0\.9\d* to 0\.9"))).to_have_count(2)
    expect(shown.get_by_text("a tree")).to_have_count(2)
    shown.get_by_role("slider", name=re.compile("Score")).first.fill("0.5")
    expect(shown.get_by_text("a tree")).to_have_count(0)
    expect(shown.get_by_text("1 of 2 boxes")).to_have_count(2)
    # Apart, one turns alone; linked again, all look from where the one does at which that was asked.
    linked.first.uncheck()
    expect(linked.nth(1)).not_to_be_checked()
    drag(images.first)
    wait_for(shown, f"c => !({are_alike})(c)")
    linked.nth(1).check()
    wait_for(shown, are_alike)
    shown.get_by_role("button", name=re.compile("full screen")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("coloured by z"))).to_have_count(2)
    wait_for(dialog, are_alike)
    page.keyboard.press("Escape")
    shown.get_by_role("button", name="Reset view").first.click()
    wait_for(shown, are_alike)


def test_charts_of_every_kind_are_drawn_on_an_opaque_origin(open_page: OpenPage) -> None:
    import plotly.graph_objects as go
    from bokeh.plotting import figure
    from matplotlib.figure import Figure

    table = trackd.Table(columns=["x", "y"], data=[[x, x * x] for x in range(20)])
    drawn = figure(width=300, height=200, title="bokeh")
    drawn.line([1, 2, 3], [3, 1, 2])
    plain = Figure()
    plain.subplots().plot([1, 2, 3, 4])
    with trackd.init(project="charts") as run:
        run.log(
            {
                "line": trackd.plot.line(table, "x", "y", title="Custom Y vs X Line Plot"),
                "series": trackd.plot.line_series(
                    xs=[0, 1, 2], ys=[[1, 2, 3], [3, 2, 1]], keys=["metric_A", "metric_B"], title="two"
                ),
                "pr": trackd.plot.pr_curve(
                    [0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]], ["a", "b"]
                ),
                "confusion": trackd.plot.confusion_matrix(
                    y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["a", "b"]
                ),
                "plotly": go.Figure(go.Scatter(x=[1, 2, 3], y=[1, 3, 2])),
                "bokeh": drawn,
                "matplotlib": plain,
            }
        )
    page = open_page(f"/p/charts/r/{run.id}?tab=tables")
    for key in ("line", "series", "pr", "confusion"):
        in_frame(page, key, "canvas, svg")
    in_frame(page, "plotly", ".main-svg")
    in_frame(page, "bokeh", ".bk-Figure, .bk-Canvas, canvas")
    origins = {frame.evaluate("window.origin") for frame in page.frames if _is_viewer(frame)}
    assert origins == {"null"}


def _is_viewer(frame: Frame) -> bool:
    return "/frames/" in frame.url


def test_a_preset_of_ones_own_draws_a_logged_table(open_page: OpenPage) -> None:
    specification = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"name": "table"},
        "title": "${string:title:no title}",
        "mark": "bar",
        "encoding": {
            "x": {"field": "${field:x}", "type": "ordinal"},
            "y": {"field": "${field:value}", "type": "quantitative"},
        },
    }
    with trackd.init(project="presets") as run:
        trackd.save_preset("carey/new_chart", specification, title="New chart")
        table = trackd.Table(columns=["step", "height"], data=[[1, 2], [2, 5], [3, 3]])
        fields = {"x": "step", "value": "height"}
        run.log({"custom": trackd.plot_table("carey/new_chart", table, fields, {"title": "Heights"})})
    page = open_page("/p/presets")
    in_frame(page, "custom", "canvas, svg")
    # Where nobody has saved it, as on a team server or from a bucket, the chart is drawn by what the run brings along.
    page.evaluate("fetch('/api/v1/presets/carey/new_chart', { method: 'DELETE' })")
    page.wait_for_function("async () => (await fetch('/api/v1/presets/carey/new_chart')).status === 404")
    page.reload()
    in_frame(page, "custom", "canvas, svg")


def test_a_record_that_cannot_be_encoded_says_so_on_its_card(open_page: OpenPage, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    with trackd.init(project="broken") as run:
        run.log({"photo": trackd.Image(str(broken)), "loss": 0.5})
    page = open_page("/p/broken")
    expect(card(page, "photo")).to_contain_text(
        re.compile("cannot|could not|truncated|damaged|no image", re.IGNORECASE)
    )


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_of_records_fits_a_phone(open_page: OpenPage, dark: bool) -> None:
    table = trackd.Table(columns=["a", "b"], data=[[1, "x"]])
    with trackd.init(project="phone-records") as run:
        run.log({"image": trackd.Image(picture(5)), "table": table, "h": trackd.Histogram([1, 2, 3])})
    page = open_page("/p/phone-records", width=360, height=740, dark=dark)
    card(page, "image")
    card(page, "table")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
