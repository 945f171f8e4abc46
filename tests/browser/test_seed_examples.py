"""Owns the test that the documented examples of wandb which log records, run as they are written, are seen on the page."""

from __future__ import annotations

import io
import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from playwright.sync_api import Locator, expect
from tests.browser.conftest import PATIENCE_SECONDS, OpenPage
from tests.service.scripts import run_script
from tests.service.test_seed_records import EXAMPLES

import trackd

SOLIDS = runpy.run_path(str(Path(__file__).resolve().parents[2] / "examples" / "records" / "object_3d.py"))
# What is on the card of a record of each kind once it is drawn.
DRAWN = {
    "image": "img",
    "video": "img, video",
    "audio": "audio",
    "histogram": '[role="img"]',
    "object_3d": "[data-points], canvas",
    "molecule": 'iframe[data-state="size"]',
    "plot": 'iframe[data-state="size"]',
    "table": '[data-testid="table"][data-rows]',
    "html": "iframe",
}


@pytest.fixture(scope="module")
def files(module_store: Path) -> dict[str, bytes]:
    """Gives the files that the examples name."""
    assert module_store.is_dir()
    sink = io.BytesIO()
    PillowImage.fromarray(np.full((8, 8, 3), 200, np.uint8)).save(sink, "JPEG")
    # What the page's reader has saved as a preset of his own.
    specification = {
        "data": {"name": "table"},
        "mark": "bar",
        "encoding": {
            "x": {"field": "${field:x}", "type": "ordinal"},
            "y": {"field": "${field:value}", "type": "quantitative"},
        },
    }
    trackd.save_preset("carey/new_chart", specification)
    frames = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), np.uint8)
    with trackd.init(project="files") as run:
        run.log({"clip": trackd.Video(frames, format="mp4")})
    (row,) = trackd.Api(timeout=60).run(run.path).scan_history(["clip"])
    return {"myimage.jpg": sink.getvalue(), "myvideo.mp4": row["clip"].read(), **solids()}


def solids() -> dict[str, bytes]:
    vertices, faces = SOLIDS["torus"](0.5)
    return {
        "sample.obj": SOLIDS["obj"](vertices, faces),
        "sample.gltf": SOLIDS["gltf"](vertices, faces),
        "sample.glb": SOLIDS["glb"](vertices, faces),
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_documented_example_is_seen_on_the_page(
    name: str, open_page: OpenPage, tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKD_PROJECT", f"seed-{name}")
    for path, content in files.items():
        (tmp_path / path).write_bytes(content)
    api = trackd.Api(timeout=60)
    before = {run.path for each in api.projects() for run in api.runs(each.name)}
    ended = run_script(tmp_path)(EXAMPLES[name][0], env={"MPLBACKEND": "Agg"})
    assert ended.returncode == 0, ended.stderr
    (run,) = [run for each in api.projects() for run in api.runs(each.name) if run.path not in before]
    page = open_page(f"/p/{run.project}/r/{run.id}")
    expect(page.get_by_text("Summary").first).to_be_visible()
    for metric in run.metrics():
        if metric.kind not in DRAWN:
            continue
        tab = {"histogram": "Charts", "table": "Tables", "plot": "Tables"}.get(metric.kind, "Media")
        page.get_by_role("link", name=re.compile(f"^{tab}")).click()
        card = page.locator(f'[data-testid="media"][data-key="{metric.name}"][data-kind="{metric.kind}"]')
        expect(card).to_have_attribute("data-step", str(metric.last_step))
        card.scroll_into_view_if_needed()
        drawn = card.locator(DRAWN[metric.kind]).first
        expect(drawn).to_be_visible()
        if metric.kind == "image":
            expect_pixels(drawn)
        expect(card.locator('[data-trouble="true"]')).to_have_count(0)


def expect_pixels(image: Locator) -> None:
    for _ in range(PATIENCE_SECONDS * 10):
        width: Any = image.evaluate("image => image.naturalWidth")
        if width:
            return
        image.page.wait_for_timeout(100)
    pytest.fail("the image was never decoded")
