"""Two daemons, each on a host of its own name, feed one run: a bucket shows both hosts, and how each rank stands."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.browser.conftest import ARGUMENTS
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import PROJECT, UploadStore, clear_environment, open_bucket, wait_for
from tests.service.reading import endpoint_of

import trackd

HOSTS = ("node-0", "node-1")
RANKS_PER_HOST = 2
RUN = "across"
# What a launcher starts on each host: a step every 20 ms until the rank is told to end.
TRAIN = """
import os, sys, time
from pathlib import Path
import trackd

rank = int(os.environ["RANK"])
run = trackd.init(project=sys.argv[1], id=sys.argv[2], mode="shared", settings={"quiet": True})
print(f"rank {rank} trains")
step = 0
while not Path(f"end-{rank}").exists():
    if not (rank == 1 and step >= 20):  # it hangs, and lives
        run.log({"loss": 1 / (1 + step)}, step=step)
    step += 1
    time.sleep(0.02)
run.finish()
"""


class Cluster:
    """The processes of two hosts."""

    def __init__(self, stores: list[UploadStore], folder: Path) -> None:
        """Starts all ranks."""
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        (folder / "train.py").write_text(TRAIN)
        for rank in range(len(HOSTS) * RANKS_PER_HOST):
            host = rank // RANKS_PER_HOST
            environment = {
                **os.environ,
                "TRACKD_STORE": str(stores[host]),
                "TRACKD_HOST": HOSTS[host],
                "TRACKD_SYSTEM_INTERVAL_SECONDS": "0.3",
                "RANK": str(rank),
                "WORLD_SIZE": "4",
            }
            command = [sys.executable, str(folder / "train.py"), PROJECT, RUN]
            self.processes.append(
                subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
            )

    def end(self, *ranks: int) -> None:
        """Has ranks end well."""
        for rank in ranks:
            (self.folder / f"end-{rank}").touch()
        for rank in ranks:
            assert self.processes[rank].wait(60) == 0

    def kill(self, rank: int) -> None:
        """Takes a rank away without a word."""
        self.processes[rank].send_signal(signal.SIGKILL)
        self.processes[rank].wait(60)


@pytest.fixture
def stores(
    bucket_url: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[UploadStore]]:
    """Gives the stores of two hosts, whose daemons send to one bucket."""
    clear_environment(monkeypatch)
    with contextlib.ExitStack() as stack:
        opened = []
        for host in HOSTS:
            store = stack.enter_context(UploadStore(bucket_url, s3_server.endpoint_url))
            monkeypatch.setenv("TRACKD_HOST", host)
            store.start()
            opened.append(store)
        monkeypatch.delenv("TRACKD_HOST")
        yield opened


@pytest.fixture
def cluster(stores: list[UploadStore], tmp_path: Path) -> Iterator[Cluster]:
    """Gives two ranks on each of the hosts, at work."""
    running = Cluster(stores, tmp_path)
    yield running
    for process in running.processes:
        process.kill()
        process.wait(60)


@pytest.fixture
def api(
    bucket_url: str, s3_server: S3Server, stores: list[UploadStore], tmp_path: Path
) -> Iterator[trackd.Api]:
    """Gives the bucket as a store of its own, as who reads the run opens it."""
    assert len(stores) == len(HOSTS)
    with open_bucket(bucket_url, s3_server.endpoint_url, tmp_path / "cache") as opened:
        yield opened


def ranks(api: trackd.Api) -> dict[str, Any]:
    """Returns how the ranks of the run stand; empty while the bucket has none."""
    with contextlib.suppress(trackd.errors.Error):
        return api.run(f"{PROJECT}/{RUN}").ranks or {}
    return {}


def states(api: trackd.Api) -> dict[str, tuple[str, str]]:
    """Returns host and state of each rank, by label."""
    writers = api.run(f"{PROJECT}/{RUN}").writers
    return {each["label"]: (each["host"], each["state"]) for each in writers if each["role"] == "shared"}


def hosts(api: trackd.Api) -> set[str]:
    """Returns the hosts that were sampled."""
    return {name.split("/")[0] for name in api.run(f"{PROJECT}/{RUN}").system_metrics}


def test_two_daemons_feed_one_run_and_neither_hides_the_other(cluster: Cluster, api: trackd.Api) -> None:
    wait_for(
        lambda: ranks(api).get("sentence") == "4 ranks on 2 hosts: all run" and hosts(api) == set(HOSTS),
        lambda: str(ranks(api)),
    )
    run = api.run(f"{PROJECT}/{RUN}")
    assert run.state == "running"
    for host in HOSTS:
        assert f"{host}/system.cpu.utilization" in run.system_metrics
        measured = run.history(stream="system", pandas=False)
        assert any(f"{host}/system.memory.usage" in row for row in measured)

    # One host's ranks end, one of them badly: the run goes on as long as the other host does.
    cluster.end(2)
    cluster.kill(3)
    wait_for(
        lambda: re.fullmatch(
            # Whether the system tells by what depends on who has asked first.
            "4 ranks on 2 hosts: 2 run, 1 has finished, 1 (was killed|has crashed)",
            ranks(api).get("sentence", ""),
        ),
        lambda: str(ranks(api)),
    )
    run = api.run(f"{PROJECT}/{RUN}")
    assert (run.state, run.stalled) == ("running", False)
    assert ranks(api)["notes"][0]["text"].startswith("rank 3 on node-1 ")
    *others, (label, (host, state)) = sorted(states(api).items())
    assert (label, host) == ("rank 3", "node-1")
    assert dict(others) == {
        "rank 0": ("node-0", "running"),
        "rank 1": ("node-0", "running"),
        "rank 2": ("node-1", "finished"),
    }

    cluster.end(0, 1)
    wait_for(lambda: api.run(f"{PROJECT}/{RUN}").state == state, lambda: str(ranks(api)))
    assert state in ("killed", "crashed")
    assert ranks(api)["finished_count"] == 3
    assert hosts(api) == set(HOSTS)


def test_the_page_shows_the_ranks_of_both_hosts(cluster: Cluster, api: trackd.Api) -> None:
    assert cluster.processes
    wait_for(lambda: ranks(api).get("rank_count") == 4, lambda: str(ranks(api)))
    endpoint = endpoint_of(api.store)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = chromium.new_page()
        page.goto(f"{endpoint.http_address}/p/{PROJECT}/r/{RUN}?tab=ranks&token={endpoint.token}")
        part = page.get_by_test_id("ranks")
        expect(part.get_by_role("status")).to_have_text("4 ranks on 2 hosts: all run")
        expect(part).to_contain_text(re.compile(r"rank 1 on node-0 is the slowest: step 19, \d+ behind"))
        for rank, host in enumerate(("node-0", "node-0", "node-1", "node-1")):
            row = page.get_by_test_id("rank").nth(rank)
            expect(row).to_contain_text(f"rank {rank}")
            expect(row).to_contain_text(host)
            expect(row).to_contain_text("%")  # of its own host
        page.goto(f"{endpoint.http_address}/p/{PROJECT}/r/{RUN}?tab=system")
        for host in HOSTS:
            expect(page.get_by_test_id("system")).to_contain_text(host)
        chromium.close()
