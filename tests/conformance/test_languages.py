"""A run that clients in several languages write at once reads back whole, and their samples do what their pages say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conformance.languages import LANGUAGES, sample
from tests.conftest import WaitUntil

import trackd

ROW_COUNT = 1_000
SECONDS = 60.0


def run_sample(
    language: str, name: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a sample to its end in the environment of a person who has set a few variables."""
    done = subprocess.run(
        [*sample(language, name), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, (language, name, done.stdout, done.stderr)
    return done


def test_a_run_that_all_languages_write_at_once_reads_back_whole(store: Path, wait_until: WaitUntil) -> None:
    environment = {"TRACKD_PROJECT": "many", "TRACKD_RUN_ID": "together", "TRACKD_STORE": str(store)}
    with trackd.init(
        project="many", id="together", name="together", mode="shared", settings={"label": "python"}
    ) as run:
        processes = {
            language: subprocess.Popen(
                [*sample(language, "shared"), language],
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for language in LANGUAGES
        }
        for number in range(ROW_COUNT):
            run.log({"python/n": number, "python/half": number / 2})
        for language, process in processes.items():
            output, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, (language, output)
    found = trackd.Api().run("many/together")
    wait_until(lambda: found.load().state == "finished")
    writers = {writer["label"]: writer for writer in found.writers if writer["role"] == "shared"}
    assert writers.keys() == {"python", *LANGUAGES}
    assert {language: writers[language]["client"].partition(" ")[0] for language in LANGUAGES} == {
        language: language for language in LANGUAGES
    }
    for language in ("python", *LANGUAGES):
        rows = list(found.scan_history(keys=["_step", f"{language}/n", f"{language}/half"]))
        assert [(row["_step"], row[f"{language}/n"], row[f"{language}/half"]) for row in rows] == [
            (number, number, number / 2) for number in range(ROW_COUNT)
        ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_quickstart_logs_what_it_says(store: Path, wait_until: WaitUntil, language: str) -> None:
    trackd.init(project="starts", settings={"quiet": True}).finish()
    run_sample(language, "quickstart", TRACKD_STORE=str(store), TRACKD_RUN_ID=language, TRACKD_CAPTURES="git")
    run = trackd.Api().run(f"demo/{language}")
    wait_until(lambda: run.load().state == "finished")
    rows = list(run.scan_history())
    assert [row["_step"] for row in rows] == list(range(100))
    assert "loss" in rows[0]
    assert any("accuracy" in key for key in rows[0])
    assert run.config
    assert run.summary
    wait_until(lambda: "os.name" in run.load().environment)


@pytest.mark.parametrize("language", LANGUAGES)
def test_records_of_the_sample_are_encoded(store: Path, wait_until: WaitUntil, language: str) -> None:
    trackd.init(project="starts", settings={"quiet": True}).finish()
    run_sample(language, "records", TRACKD_STORE=str(store), TRACKD_RUN_ID=language)
    run = trackd.Api().run(f"demo/{language}")
    wait_until(lambda: run.load().state == "finished")

    def kinds() -> set[str]:
        return {metric.kind for metric in run.load().metrics()}

    wait_until(lambda: kinds() >= {"image", "histogram", "table", "object_3d"})
    assert not run.ingest_health["message"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_starts_the_daemon_when_there_is_none(store: Path, tmp_path: Path, language: str) -> None:
    (tmp_path / "trackd").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trackd "$@"\n')
    (tmp_path / "trackd").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert not (store / "endpoint.json").exists()
    run_sample(
        language,
        "quickstart",
        TRACKD_STORE=str(store),
        TRACKD_PROJECT="quick",
        TRACKD_RUN_ID=language,
        PATH=path,
    )
    assert len(list(trackd.Api().run(f"demo/{language}").scan_history())) == 100
