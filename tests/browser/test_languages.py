"""Owns the browser test of a run that clients in several languages write at once."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from playwright.sync_api import expect
from tests.browser.conftest import PATIENCE_SECONDS, OpenPage
from tests.conformance.languages import LANGUAGES, sample

import trackd

SECONDS = 60.0


def test_a_run_that_all_languages_write_shows_the_metrics_of_each(
    open_page: OpenPage, module_store: Path
) -> None:
    run_id = "together"
    environment = {"TRACKD_PROJECT": "many", "TRACKD_RUN_ID": run_id, "TRACKD_STORE": str(module_store)}
    with trackd.init(
        project="many", id=run_id, name="together", mode="shared", settings={"label": "python"}
    ) as run:
        processes = [
            subprocess.Popen([*sample(language, "shared"), language], env={**os.environ, **environment})
            for language in LANGUAGES
        ]
        for number in range(1000):
            run.log({"python/n": number, "python/half": number / 2})
        assert run.flush(PATIENCE_SECONDS)
        page = open_page(f"/p/many/r/{run_id}?tab=charts")
        assert [process.wait(SECONDS) for process in processes] == [0] * len(LANGUAGES)
    for language in ("python", *LANGUAGES):
        expect(page.get_by_role("article", name=f"{language}/half")).to_be_visible()
    expect(page.get_by_text("1,000 points").first).to_be_visible()
    page.get_by_role("link", name=re.compile("^Health")).click()
    for language in ("python", *LANGUAGES):
        expect(page.get_by_role("cell", name=f"{language} {trackd.__version__}", exact=True)).to_be_visible()
    expect(page.get_by_text("finished").first).to_be_visible()
