"""Owns the tests of the ranks of a run through the front door: HTTP, gRPC, the Python client, the command, and alerts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil
from tests.service.fake_ranks import SILENT_AFTER_SECONDS, FakeRank, open_ranks, train
from tests.service.reading import connection, endpoint_of
from tests.service.scripts import start_script
from tests.service.test_http import Web

import trackd


@pytest.fixture
def ranks(project: str, module_store: Path) -> Iterator[list[FakeRank]]:
    """Gives four ranks on two hosts that have logged ten steps each."""
    trackd.init(project=project, id="starter", settings={"store": str(module_store), "quiet": True}).finish()
    with connection() as (channel, metadata):
        opened = open_ranks(channel, metadata, (project, "r"), 4, ranks_per_host=2)
        train(opened, 0, 10, last_age_seconds=SILENT_AFTER_SECONDS)
        yield opened
        for rank in opened:
            rank.finish()


def run_of(project: str) -> Any:
    return trackd.Api().run(f"{project}/r")


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "trackd", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_a_rank_that_falls_silent_is_an_alert_once_and_everybody_hears_which(
    project: str, ranks: list[FakeRank], wait_until: WaitUntil
) -> None:
    assert run_of(project).ranks["sentence"] == "4 ranks on 2 hosts: all run"

    def others_go_on() -> bool:
        train(ranks[:3], 10, 11)
        return bool(run_of(project).ranks["silent_count"])

    wait_until(others_go_on, 40)
    run = run_of(project)
    [alert] = run.alerts
    assert (alert["title"], alert["level"]) == ("rank 3 is silent", "WARN")
    assert "rank 3 on node-1 has said nothing for" in alert["text"]
    [note] = run.ranks["notes"]
    assert (note["kind"], note["text"]) == ("silent", "rank 3 on node-1 is silent")
    assert note["writers"] == [ranks[3].writer_id]
    assert abs(time.time() - note["since"]) < 60
    [silent] = [each for each in run.writers if each["silent"]]
    assert (silent["label"], silent["state"], silent["rank"], silent["last_step"]) == (
        "rank 3",
        "running",
        3,
        9,
    )
    assert silent["heard_time"] >= silent["begin_time"] > 0

    shown = command("show", f"{project}/r")
    assert "4 ranks on 2 hosts: 3 run, 1 is silent; rank 3 on node-1 is silent for " in shown
    assert "rank 3 on node-1: 10 rows, 1 metrics, silent" in shown
    assert json.loads(command("show", "--json", f"{project}/r"))["ranks"] == run.ranks
    assert f"{project}/r: 4 ranks on 2 hosts: 3 run, 1 is silent" in command("status")
    assert json.loads(command("status", "--json"))["ranks"][f"{project}/r"] == run.ranks

    endpoint = endpoint_of()
    host, _, port = endpoint.http_address.removeprefix("http://").partition(":")
    document = Web(host, int(port), endpoint.token).get(f"/api/v1/projects/{project}/runs/r")
    assert document["ranks"]["sentence"] == run.ranks["sentence"]
    by_label = {each["label"]: each for each in document["writers"]}
    assert by_label["rank 3"]["silent"]
    assert by_label["rank 0"]["steps_behind"] == 0

    train(ranks[3:], 10, 11)
    assert run_of(project).ranks["silent_count"] == 0
    assert len(run_of(project).alerts) == 1


def test_the_first_rank_that_fails_is_an_alert_while_the_run_goes_on(
    project: str, ranks: list[FakeRank]
) -> None:
    ranks[2].finish(7)
    ranks[1].finish(signal=15)
    run = run_of(project)
    assert run.state == "running"
    assert [(alert["title"], alert["text"]) for alert in run.alerts] == [
        ("rank 2 failed", "rank 2 on node-1 failed with exit code 7; others go on")
    ]
    ends = {each["label"]: (each["state"], each["exit_code"], each["signal"]) for each in run.writers}
    assert ends["rank 2"] == ("failed", 7, 0)
    assert ends["rank 1"] == ("killed", None, 15)
    assert ends["rank 0"] == ("running", None, 0)


def test_a_run_of_one_process_says_nothing_of_ranks(project: str) -> None:
    with trackd.init(project=project, id="r", settings={"quiet": True}) as run:
        run.log({"loss": 1.0})
    assert run_of(project).ranks is None
    assert not [line for line in command("show", f"{project}/r").splitlines() if line.startswith("ranks")]


def test_a_rank_whose_process_lives_and_logs_nothing_is_not_silent_and_one_that_dies_is_gone(
    project: str, tmp_path: Path, wait_until: WaitUntil
) -> None:
    source = """
        import sys, time
        from pathlib import Path
        import trackd
        rank = sys.argv[1]
        with trackd.init(id="r", mode="shared",
                         settings={"label": f"rank {rank}", "stalled_after_seconds": 0.5, "quiet": True}) as run:
            while not Path("end").exists():
                if rank == "0":
                    run.log({"loss": 1.0})
                time.sleep(0.02)
    """
    environment = {"TRACKD_HOST": "a-node"}
    processes = [start_script(tmp_path, source, str(rank), env=environment) for rank in range(3)]
    try:
        wait_until(
            lambda: len(trackd.Api().runs(project)) and (run_of(project).ranks or {}).get("rank_count") == 3
        )
        heard: dict[str, float] = {}
        begun = time.time()
        # For longer than the silence that they ask to be told of, and a look of the daemon.
        wait_until(
            lambda: all(
                each["heard_time"] > begun + 1.0
                for each in run_of(project).writers
                if each["role"] == "shared"
            ),
            40,
        )
        run = run_of(project)
        heard = {each["label"]: each["heard_time"] for each in run.writers}
        assert {each["host"] for each in run.writers} == {"a-node"} | {
            each["host"] for each in run.writers if each["role"] == "observer"
        }
        assert (run.ranks["sentence"], run.alerts) == ("3 ranks on 1 host: all run", [])
        assert min(heard["rank 1"], heard["rank 2"]) > begun
        processes[2].kill()
        processes[2].wait(60)
        wait_until(lambda: run_of(project).ranks["failed_count"] == 1, 40)
        [alert] = run_of(project).alerts
        assert alert["title"].startswith("rank 2 ")
        assert "silent" not in alert["title"]
    finally:
        (tmp_path / "end").touch()
        for process in processes:
            process.communicate(timeout=60)
    wait_until(lambda: run_of(project).state != "running")
