"""Owns the browser tests of what a person does with media: going through steps, looking closely, listening and watching."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.browser.conftest import PATIENCE_SECONDS, OpenPage

import trackd


def card(page: Page, key: str) -> Locator:
    found = page.locator(f'[data-testid="media"][data-key="{key}"]')
    expect(found).to_have_attribute("data-step", re.compile(r"\d+"))
    return found


def picture(value: int, side: int = 32) -> Any:
    pixels = np.full((side, side, 3), 10, np.uint8)
    pixels[: side // 2, : side // 2] = (value, 100, 50)
    return pixels


def test_steps_play_to_the_last_and_say_what_is_older(open_page: OpenPage) -> None:
    for name, steps in (("first", range(0, 50, 10)), ("second", (0, 20))):
        with trackd.init(project="steps", name=name) as run:
            for step in steps:
                run.log({"sample": trackd.Image(picture(step), caption=f"{name} {step}")}, step=step)
    page = open_page("/p/steps?at=40,image:sample")
    shown = card(page, "sample")
    second = shown.get_by_role("region", name="second")
    slider = shown.get_by_role("slider", name="Step")
    # All is here that was logged: who plays up to the last step that is known stops there.
    expect(slider).to_have_attribute("max", "4")
    expect(second).to_contain_text("step 20, the last before 40")
    slider.fill("1")
    page.wait_for_url(re.compile("at=10"))
    expect(shown).to_have_attribute("data-step", "10")
    expect(second).to_contain_text("step 0, the last before 10")
    # The page's time stands still but for what is let go by: each step is seen, however slow the machine.
    page.clock.install()
    page.clock.pause_at(datetime.now(timezone.utc) + timedelta(hours=1))

    def let_play_to(step: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while slider.input_value() != str(step // 10):
            assert time.monotonic() < deadline, f"step {step} was never gone to"
            page.clock.run_for(50)
        # It is on the card once its records have come: those take their time, whatever the page's clock says.
        expect(shown).to_have_attribute("data-step", str(step))

    play = shown.get_by_role("button", name="Play the steps")
    pause = shown.get_by_role("button", name="Pause")
    play.press("Enter")
    expect(pause).to_be_focused()
    for step in (20, 30, 40):
        let_play_to(step)
    expect(second).to_contain_text("step 20, the last before 40")
    expect(play).to_be_focused()
    page.clock.run_for(5_000)
    page.wait_for_url(re.compile("at=40"))
    # From the last it begins anew; who moves the slider has it to themselves.
    play.click()
    expect(shown).to_have_attribute("data-step", "0")
    expect(pause).to_be_visible()
    let_play_to(10)
    shown.get_by_role("button", name="Next step").click()
    expect(play).to_be_visible()
    page.clock.run_for(5_000)
    page.wait_for_url(re.compile("at=20"))
    expect(shown).to_have_attribute("data-step", "20")
    page.clock.resume()
    shown.get_by_role("button", name="latest").click()
    page.wait_for_url(re.compile("/p/steps$"))
    expect(shown).to_have_attribute("data-step", "40")


def test_runs_by_steps_are_a_grid_that_asks_for_what_is_seen(open_page: OpenPage) -> None:
    for number in range(6):
        with trackd.init(project="grid", name=f"run {number}") as run:
            for step in range(0, 60, 2 if number == 5 else 1):
                caption = f"{number} at {step}"
                run.log({"sample": trackd.Image(picture(step, 8), caption=caption)}, step=step)
    page = open_page("/p/grid")
    card(page, "sample")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url) if "/records?" in request.url else None)
    card(page, "sample").get_by_role("button", name=re.compile("full screen")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="all steps").check()
    grid = dialog.get_by_role("grid", name="sample: 6 runs, 60 steps")
    expect(grid.get_by_role("columnheader", name="59")).to_be_in_viewport()
    expect(grid.get_by_role("img", name="4 at 59")).to_be_in_viewport()
    odd = grid.get_by_role("row").filter(has_text="run 5").first
    expect(odd.get_by_role("gridcell").last).to_have_text("\u2013")
    grid.evaluate("grid => grid.scrollTo(0, 0)")
    expect(grid.get_by_role("img", name="4 at 3", exact=True)).to_be_in_viewport()
    # What is seen is asked for, here and at the end, and not all the 330.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(asked) <= 50:
        assert time.monotonic() < deadline, len(asked)
        page.wait_for_timeout(50)
    assert len(asked) < 250
    assert grid.get_by_role("gridcell").count() < 200
    grid.get_by_role("img", name="4 at 4", exact=True).click()
    slider = dialog.get_by_role("slider", name="Step")
    expect(slider).to_have_value("4")
    grid.press("ArrowRight")
    grid.press("Control+ArrowUp")
    grid.press("Enter")
    expect(slider).to_have_value("5")
    # The grid follows the slider for as long as its step is seen.
    slider.press("End")
    expect(grid.get_by_role("columnheader", name="59")).to_be_in_viewport()
    page.wait_for_url(re.compile("show=steps.*at=59"))
    page.reload()
    expect(grid.get_by_role("img", name="3 at 59")).to_be_in_viewport()
    dialog.get_by_role("radio", name="one step").check()
    expect(grid).to_have_count(0)
    expect(dialog.get_by_role("region", name="run 3").get_by_role("img")).to_be_visible()


def look(page: Page, run: str) -> dict[str, Any]:
    """Returns where the image of a run lies in its view, and how."""
    image = page.get_by_role("dialog").get_by_role("region", name=run).locator("img, canvas").first
    inner: dict[str, Any] = image.evaluate(
        """image => {
          const [inner, view] = [image.parentElement, image.parentElement.parentElement];
          const [a, b] = [inner.getBoundingClientRect(), view.getBoundingClientRect()];
          return {zoom: a.width / b.width, x: (b.x - a.x) / a.width, y: (b.y - a.y) / a.height,
                  filter: image.style.filter, rendering: getComputedStyle(image).imageRendering};
        }"""
    )
    return inner


def test_images_are_looked_at_closely_and_subtracted(open_page: OpenPage) -> None:
    for name, value, side in (("small", 250, 16), ("other", 250, 32), ("base", 40, 32)):
        with trackd.init(project="looking", name=name) as run:
            run.log({"sample": trackd.Image(picture(value, side), caption=name)})
    page = open_page("/p/looking?media=image:sample")
    dialog = page.get_by_role("dialog")
    other = dialog.get_by_role("region", name="other")
    expect(other.get_by_role("img", name="other")).to_be_visible()
    zoom = dialog.get_by_role("group", name="Zoom of images")
    for key in ("+", "+", "-", "="):
        page.keyboard.press(key)
    expect(zoom).to_contain_text("2.3\u00d7")
    assert (
        look(page, "base")
        == look(page, "other")
        == {
            **look(page, "other"),
            "zoom": pytest.approx(2.25),
            "rendering": "pixelated",
        }
    )
    # A pixel of the image is large enough to have its value read.
    other.get_by_role("img", name="other").hover(position={"x": 400, "y": 300}, force=True)
    expect(page.get_by_role("tooltip")).to_have_text(re.compile(r"^x \d+, y \d+: (250 100 50|10)$"))
    before = look(page, "base")
    page.mouse.down()
    page.mouse.move(0, 0, steps=4)
    page.mouse.up()
    after = look(page, "base")
    assert after["x"] > before["x"]
    assert after == look(page, "other")
    expect(dialog.get_by_role("region")).to_have_count(3)  # a dragged image is not opened
    page.mouse.move(*middle(other))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(zoom).to_contain_text("5\u00d7")
    other.get_by_role("button").dblclick(position={"x": 50, "y": 50})
    expect(zoom).to_contain_text("1\u00d7")
    dialog.get_by_role("slider", name="brightness").press("End")
    expect(dialog.get_by_role("button", name="as logged")).to_be_visible()
    assert look(page, "base")["filter"] == "brightness(8) contrast(1)"
    dialog.get_by_role("button", name="as logged").click()
    # The first run is taken from the others.
    dialog.get_by_role("radio", name="difference").check()
    canvas = other.get_by_role("img", name="other, minus base")
    expect(canvas).to_have_attribute("aria-busy", "false")
    pixel = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data]"
    assert canvas.evaluate(pixel) == [210, 0, 0, 255]
    expect(dialog.get_by_role("region", name="base").get_by_role("img", name="base")).to_be_visible()
    small = dialog.get_by_role("region", name="small")
    expect(small).to_contain_text("No difference: this image is 16 \u00d7 16, that of base 32 \u00d7 32.")
    page.wait_for_url(re.compile("show=difference"))


def test_first_card_of_a_kind_shows_once_its_code_is_there(open_page: OpenPage) -> None:
    with trackd.init(project="kinds", name="one") as run:
        run.log({"text": trackd.Markdown("# Title"), "rows": trackd.Table(columns=["a"], data=[[1]])})
    page = open_page("/p/kinds")
    held: list[Route] = []
    page.route(re.compile(r"/assets/MarkdownPanel-.*\.js$"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright looks into it
    page.reload()
    # Its record is known and another kind is drawn, while its own code has not come.
    expect(card(page, "rows").get_by_role("grid")).to_be_visible()
    expect(card(page, "text")).to_have_attribute("data-step", "0")
    expect(card(page, "text").get_by_role("heading", name="Title")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(card(page, "text").get_by_role("heading", name="Title")).to_be_visible()


def test_large_image_is_unpacked_as_large_as_it_is_shown(open_page: OpenPage) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (600, 900, 3), np.uint8)
    pixels[:, 450:] = (250, 100, 50)
    with trackd.init(project="large", name="one") as run:
        run.log({"sample": trackd.Image(np.concatenate([pixels, pixels]), caption="noise")})
    page = open_page("/p/large")
    shown = card(page, "sample").get_by_role("img", name="noise")
    drawn = shown.evaluate(
        """canvas => {
          const at = (share) => canvas.getContext('2d').getImageData(canvas.width * share, canvas.height / 3, 1, 1).data;
          return [canvas.tagName, canvas.width, canvas.height / canvas.width, [...at(0.75)]];
        }"""
    )
    assert drawn == ["CANVAS", 256, pytest.approx(1200 / 900, abs=0.01), [250, 100, 50, 255]]
    shown.click()
    whole = page.get_by_role("dialog").get_by_role("img", name="noise")
    expect(whole).to_have_js_property("naturalWidth", 900)


def test_two_fingers_zoom_and_move_an_image_and_one_scrolls(open_page: OpenPage) -> None:
    for number in range(8):
        with trackd.init(project="touching", name=f"run {number}") as run:
            run.log({"sample": trackd.Image(picture(250), caption=f"sample {number}")})
    page = open_page("/p/touching?media=image:sample", width=700, height=800)
    dialog = page.get_by_role("dialog")
    zoom = dialog.get_by_role("group", name="Zoom of images")
    image = dialog.get_by_role("img", name="sample 7")
    expect(image).to_be_visible()
    box = dialog.get_by_role("region", name="run 7").locator("button").bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": at}
            for at, (x, y) in enumerate(places)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def drag(start: list[tuple[float, float]], end: list[tuple[float, float]], moves: int = 6) -> None:
        """Puts down fingers one after the other, moves all and takes them away."""
        for count in range(1, len(start) + 1):
            fingers("touchStart", *start[:count])
        for move in range(1, moves + 1):
            share = move / moves
            fingers(
                "touchMove",
                *(
                    (x + (to_x - x) * share, y + (to_y - y) * share)
                    for (x, y), (to_x, to_y) in zip(start, end, strict=True)
                ),
            )
        fingers("touchEnd")

    scrolled = "image => { while (image && !image.scrollTop) image = image.parentElement; return !!image; }"
    drag([(0.4, 0.5), (0.6, 0.5)], [(0.1, 0.5), (0.9, 0.5)])
    expect(zoom).to_contain_text("4\u00d7")
    assert page.evaluate("visualViewport.scale") == 1  # the page itself is as it was
    before = look(page, "run 7")
    assert before == {**look(page, "run 6"), "x": pytest.approx(0.375), "y": pytest.approx(0.375)}
    # Both fingers the same way: it moves with them and stays as large.
    drag([(0.3, 0.5), (0.7, 0.5)], [(0.5, 0.7), (0.9, 0.7)])
    expect(zoom).to_contain_text("4\u00d7")
    after = look(page, "run 7")
    assert (after["x"], after["y"]) == (pytest.approx(0.325), pytest.approx(0.325))
    # One finger moves what is zoomed, also the one that is left of two.
    drag([(0.5, 0.5)], [(0.3, 0.5)])
    assert look(page, "run 7")["x"] == pytest.approx(0.375)
    drag([(0.1, 0.5), (0.9, 0.5)], [(0.45, 0.5), (0.55, 0.5)])
    expect(zoom).to_contain_text("1\u00d7")
    assert not image.evaluate(scrolled)
    # An image that is whole is in nobody's way: one finger scrolls to the others.
    drag([(0.5, 0.9)], [(0.5, 0.1)])
    page.wait_for_function(f"image => ({scrolled})(image)", arg=image.element_handle())
    expect(zoom).to_contain_text("1\u00d7")
    expect(dialog.get_by_role("region")).to_have_count(8)  # nothing was opened


def middle(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_sounds_have_spectrograms_and_videos_play_together(open_page: OpenPage) -> None:
    seconds = np.arange(8000 * 4) / 8000
    frames = np.zeros((20, 3, 64, 64), np.uint8)
    for place in range(20):
        frames[place, 1, :, place * 3 : place * 3 + 6] = 255
    for name, count in (("first", 20), ("second", 12)):
        with trackd.init(project="players", name=name) as run:
            tone = np.sin(2000 * 2 * np.pi * seconds).astype(np.float32)
            run.log({"tone": trackd.Audio(tone, sample_rate=8000, caption=f"tone {name}")})
            run.log({"clip": trackd.Video(frames[:count], fps=4, format="webm", caption=f"clip {name}")})
    page = open_page("/p/players")
    sounds = card(page, "tone")
    sounds.get_by_role("button", name="spectrogram").first.click()
    for name in ("first", "second"):
        drawn = sounds.get_by_role("img", name=f"Spectrogram of tone {name}: 0 to 4,000 Hz over 4 s")
        # The middle of the height is 2,000 Hz, and stands out from all that is above and below it.
        colors = drawn.locator("canvas").evaluate(
            """canvas => [0.25, 0.5, 0.75].map(share =>
              canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height * share, 1, 1).data.join())"""
        )
        assert colors[0] == colors[2] != colors[1]
    sounds.get_by_role("button", name="loop").first.click()
    players = [sounds.locator("audio").nth(place) for place in range(2)]
    for player in players:
        expect(player).to_have_js_property("loop", True)
        player.evaluate("sound => sound.play()")
    expect(players[0]).to_have_js_property("paused", True)
    expect(players[1]).to_have_js_property("paused", False)
    players[1].evaluate("sound => sound.pause()")

    clips = card(page, "clip")
    videos = [clips.locator("video").nth(place) for place in range(2)]
    for video in videos:
        expect(video).to_have_js_property("readyState", 4)
    second, first = videos  # the newest run stands first
    page.keyboard.press("?")
    keys = page.get_by_role("dialog")
    expect(keys).to_contain_text("With the focus on a video,the frame before.the next frame")
    page.keyboard.press("Escape")
    clips.get_by_role("button", name="Next frame of clip first").click()
    expect(first).to_have_js_property("currentTime", 0.375)
    expect(second).to_have_js_property("currentTime", 0)
    clips.get_by_label("play together").check()
    first.press(".")
    expect(first).to_have_js_property("currentTime", 0.625)
    expect(second).to_have_js_property("currentTime", 0.625)
    first.press(",")
    expect(second).to_have_js_property("currentTime", 0.375)
    second.evaluate("video => video.play()")
    expect(first).to_have_js_property("paused", False)
    # The short one waits for the long one, and both begin anew.
    expect(second).to_have_js_property("ended", True)
    expect(first).to_have_js_property("paused", False)
    expect(second).to_have_js_property("paused", False)
    first.evaluate("video => video.pause()")
    expect(second).to_have_js_property("paused", True)
