"""However connections, daemon and server die, the bucket ends up with every row that `log()` has returned for, once."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.crash.conftest import MakeReferee, _open_referee
from tests.crash.referee import PROJECT, ROUNDS_FACTOR, Referee, Writer, read_columns, report, seeds
from tests.s3.fault_proxy import Fault, FaultProxy
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import (
    INTERVAL_SECONDS,
    BucketContent,
    UploadStore,
    clear_environment,
    open_bucket,
    row,
    wait_for,
)

from trackd_service import upload_settings
from trackd_service.upload_settings import UploadSettings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

BUCKET = "chaos"
ROUNDS = 50
CUT_SECONDS = 20.0 if ROUNDS_FACTOR == 1 else 60.0
# Between two blows: from before the daemon has got anywhere to after it has sent all that it had.
PAUSE_SECONDS_MAX = 0.8
WRITERS = 2
ROUNDS_PER_WRITER = 10


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def make_referee() -> MakeReferee:
    return _open_referee


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[S3Server]:
    """A server that a test may kill."""
    with S3Server.single(tmp_path / "server") as server:
        server.make_bucket(BUCKET)
        yield server


def test_run_logged_while_connections_are_cut_at_random_is_whole_afterwards(
    raw: S3Client, bucket_url: str, s3_server: S3Server
) -> None:
    with (
        FaultProxy(s3_server.endpoint_url, seed=7) as proxy,
        UploadStore(bucket_url, proxy.endpoint_url) as store,
    ):
        store.start()
        proxy.inject(Fault("reset_anywhere"), share=0.5)
        run = store.init("cut")
        count = 0
        deadline = time.monotonic() + CUT_SECONDS
        while time.monotonic() < deadline or proxy.faults <= 10:
            run.log(row(count))
            count += 1
            time.sleep(0.01)  # the load: a training step takes time
        cuts = proxy.faults
        proxy.heal()
        run.finish()
        content = store.wait_whole(raw, bucket_url, "cut")
        (manifest,) = content.manifests
        check_indices(content, manifest.run_id, count, count)
        report(
            f"{cuts} connections were cut in {CUT_SECONDS:g} s, {proxy.requests['PUT']} PUTs, {count} rows"
        )


def check_indices(content: BucketContent, run_id: str, least: int, most: int) -> int:
    """Checks that the Parquet files that the manifests of a run list have rows 0, 1, 2, …, each once; returns how many."""
    steps, indices = content.series(run_id, "index")
    count = len(steps)
    said = f"{run_id}: {least} calls returned, {count} rows are in the bucket"
    assert least <= count <= most, said
    assert steps == indices == list(range(count)), said
    assert content.series(run_id, "value") == (steps, [step * 0.5 for step in steps]), said
    return count


class Chaos:
    """Kills whatever stands between a `log()` and its bucket, in an order that the seed gives."""

    def __init__(self, referee: Referee, server: S3Server, proxy: FaultProxy) -> None:
        """Takes what is killed."""
        self.referee = referee
        self.server = server
        self.proxy = proxy
        self.kills: Counter[str] = Counter()
        self._random: random.Random = referee.random

    def blow(self) -> None:
        """Kills something, waits a while, and mends what does not mend itself."""
        blows: list[Callable[[], None]] = [
            self._kill_daemon,
            self._kill_daemon,
            self._kill_daemon_and_helpers,
            self._close_proxy,
            self._cut,
            self._lose_answers,
            self._flip,
            self._kill_server,
        ]
        weights = (4, 4, 4, 3, 3, 3, 2, 1)
        (blow,) = self._random.choices(blows, weights)
        blow()

    def _pause(self) -> None:
        # The load: when the next blow falls is drawn.
        time.sleep(self._random.uniform(0, PAUSE_SECONDS_MAX))

    def _kill_daemon(self) -> None:
        self.kills["daemon"] += 1
        self.referee.kill_daemons()
        self.referee.start_daemon()
        self._pause()

    def _kill_daemon_and_helpers(self) -> None:
        helpers = []
        for pid in self.referee.daemon_pids():
            with contextlib.suppress(psutil.Error):
                helpers += psutil.Process(pid).children(recursive=True)
        self.referee.kill_daemons()
        for helper in helpers:
            with contextlib.suppress(psutil.NoSuchProcess):
                helper.kill()
        self.kills["daemon with helpers"] += 1
        self.referee.start_daemon()
        self._pause()

    def _close_proxy(self) -> None:
        self.kills["proxy"] += 1
        self._faulty(Fault("refuse"))

    def _cut(self) -> None:
        self.kills["connections"] += 1
        self._faulty(Fault("reset_anywhere"), share=0.5)

    def _lose_answers(self) -> None:
        self.kills["answers"] += 1
        self._faulty(Fault("drop_answer"), share=0.5)

    def _flip(self) -> None:
        self.kills["bits"] += 1
        self._faulty(Fault("flip_request"), share=0.5, methods="PUT")

    def _faulty(self, fault: Fault, share: float = 1.0, methods: str = "") -> None:
        self.proxy.inject(fault, share=share, methods=methods)
        self._pause()
        self.proxy.heal()

    def _kill_server(self) -> None:
        self.kills["server"] += 1
        self.server.kill("server")
        self._pause()
        self.server.restart("server")


@pytest.mark.timeout(300 * ROUNDS_FACTOR)
def test_every_row_is_in_the_bucket_once_whatever_is_killed(
    make_referee: MakeReferee, own_server: S3Server, tmp_path: Path
) -> None:
    kills: Counter[str] = Counter()
    row_count = put_count = 0
    for number, seed in enumerate(seeds("upload", 1)):
        url = f"s3://{BUCKET}/{number}"
        with (
            FaultProxy(own_server.endpoint_url, seed) as proxy,
            make_referee(seed) as referee,
        ):
            settings = UploadSettings(url, proxy.endpoint_url, interval_seconds=INTERVAL_SECONDS)
            upload_settings.save(referee.store, settings)
            chaos = Chaos(referee, own_server, proxy)
            referee.start_daemon()
            for count in range(ROUNDS):
                if count % ROUNDS_PER_WRITER == 0:
                    _stop(referee.writers)
                    for _ in range(WRITERS):
                        referee.start_writer()
                chaos.blow()
            _stop(referee.writers)
            for writer in referee.writers:
                assert writer.process.wait(60) == 0
            if not referee.is_serving:
                referee.start_daemon()
            row_count += referee.check("finished")
            _check_bucket(referee, own_server, url)
            _check_view(referee, url, own_server.endpoint_url, tmp_path / f"cache-{number}")
            kills += chaos.kills
            put_count += proxy.requests["PUT"]
    report(f"{sum(kills.values())} blows ({dict(kills)}), {row_count} rows, {put_count} PUTs")


def _stop(writers: list[Writer]) -> None:
    for writer in writers:
        writer.stop()


def _check_bucket(referee: Referee, server: S3Server, url: str) -> None:
    """Checks every writer's run in the bucket against its ledger, and every byte against the store."""
    with UploadStore.of(referee.store) as store, contextlib.closing(server.client()) as raw:
        run_ids = [writer.run_id for writer in referee.writers]
        content = store.wait_whole(raw, url, *run_ids, timeout_seconds=60)
    for writer in referee.writers:
        check_indices(content, writer.run_id, writer.returned_count, writer.returned_count)


def _check_view(referee: Referee, url: str, endpoint_url: str, cache: Path) -> None:
    """Checks that who opens the bucket sees what the store shows."""
    with open_bucket(url, endpoint_url, cache) as there:
        wait_for(lambda: len(there.runs(PROJECT)) == len(referee.writers), "all runs in the bucket's view")
        for writer in referee.writers:
            run = there.run(f"{PROJECT}/{writer.run_id}")
            assert run.state == "finished"
            assert run.summary["index"] == writer.returned_count - 1
            for key in ("index", "value"):
                here = referee.read(writer.run_id, key)
                seen = read_columns(Path(there.store), PROJECT, writer.run_id, key)
                assert (here.steps.tolist(), here.doubles.tolist()) == (
                    seen.steps.tolist(),
                    seen.doubles.tolist(),
                )
