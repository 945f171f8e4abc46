"""Whatever network, server and credentials do: it is told, it holds up nobody, and afterwards everything is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.s3.fault_proxy import Fault, FaultKind, FaultProxy
from tests.s3.s3_servers import ADMIN, S3Server
from tests.s3.uploading import UploadStore, clear_environment, row, wait_for

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

LOG_SECONDS_MAX = 0.000_5  # the median of a call that takes microseconds, on a machine that others use
FINISH_SECONDS_MAX = 20.0
ROWS = 200


@dataclass(frozen=True)
class Place:
    """A store, and the proxy that stands before its bucket."""

    store: UploadStore
    proxy: FaultProxy
    url: str


@pytest.fixture(scope="module")
def place(s3_server: S3Server, bucket_name: str) -> Iterator[Place]:
    """Gives one store to all faults: a daemon that has met one of them meets the next."""
    url = f"s3://{bucket_name}/{uuid4().hex}"
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        with (
            FaultProxy(s3_server.endpoint_url) as proxy,
            UploadStore(url, proxy.endpoint_url) as store,
        ):
            store.start()
            store.log_run("first")
            wait_for(lambda: store.synced_step("first") and not store.lag(), "the first run in the bucket")
            yield Place(store, proxy, url)


def log_through(store: UploadStore, run_id: str) -> None:
    """Logs a run, and checks that neither `log()` nor `finish()` hears of the trouble."""
    run = store.init(run_id)
    seconds = []
    for index in range(ROWS):
        begin = time.perf_counter()
        run.log(row(index))
        seconds.append(time.perf_counter() - begin)
    assert median(seconds) < LOG_SECONDS_MAX
    begin = time.perf_counter()
    run.finish()
    assert time.perf_counter() - begin < FINISH_SECONDS_MAX


FAULTS = {
    "nobody listens": (Fault("refuse"), "", "waiting", "there was no answer"),
    "cut in the request": (Fault("reset_request", after_bytes=900), "PUT", "waiting", "there was no answer"),
    "cut in the answer": (Fault("reset_response", after_bytes=40), "", "waiting", "there was no answer"),
    "error 500": (Fault("answer", status=500), "", "waiting", "the server answered 500"),
    "error 503": (Fault("answer", status=503, code="SlowDown"), "", "waiting", "it asks for fewer requests"),
    "answers lost": (Fault("drop_answer"), "", "waiting", "there was no answer"),
    "bits turned": (Fault("flip_request"), "PUT", "waiting", "the bytes changed on their way"),
    "token expired": (
        Fault("answer", status=403, code="ExpiredToken"),
        "PUT",
        "stopped",
        "the credentials have expired: renew them",
    ),
    "clock wrong": (
        Fault("answer", status=403, code="RequestTimeTooSkewed", clock_offset_seconds=3600),
        "PUT",
        "stopped",
        "s behind the bucket's",
    ),
    "bucket full": (
        Fault("answer", status=507, code="InsufficientStorage"),
        "PUT",
        "stopped",
        "it has no room left",
    ),
    "no rights": (
        Fault("answer", status=403, code="AccessDenied"),
        "PUT",
        "stopped",
        "look which credentials are found",
    ),
    "no bucket": (
        Fault("answer", status=404, code="NoSuchBucket"),
        "PUT",
        "stopped",
        "create the bucket, or correct its name",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_told_holds_up_nobody_and_is_made_good(name: str, place: Place, raw: S3Client) -> None:
    fault, methods, state, words = FAULTS[name]
    store = place.store
    run_id = name.replace(" ", "-")
    wait_for(lambda: store.status().state == "idle", "rest before the fault")
    place.proxy.inject(fault, methods=methods)
    try:
        log_through(store, run_id)
        status = wait_for(lambda: (found := store.status()).sentence and found, "the sentence of the fault")
        assert status
        assert status.state == state
        assert words in status.sentence
        assert "\n" not in status.sentence
        assert status.pending_run_count == 1
        assert status.lag_seconds > 0
        assert store.synced_step(run_id) is None
    finally:
        place.proxy.heal()
    store.sync()
    content = store.wait_whole(raw, place.url, run_id)
    assert content.unlisted() == set()
    status = store.status()
    assert (status.state, status.sentence, status.pending_bytes) == ("idle", "", 0)


@pytest.mark.parametrize("fault", [Fault("hang"), Fault("slow", bytes_per_second=2_000)])
def test_slow_server_holds_up_nobody(fault: Fault, place: Place, raw: S3Client) -> None:
    store = place.store
    run_id = f"server-{fault.kind}"
    wait_for(lambda: store.status().state == "idle", "rest before the fault")
    place.proxy.inject(fault)
    try:
        log_through(store, run_id)
        wait_for(lambda: store.status().pending_run_count == 1, "the run that waits")
        assert store.status().state == "sending"
    finally:
        place.proxy.heal()
    store.sync()
    store.wait_whole(raw, place.url, run_id)


def test_attempts_grow_rarer_and_are_made_without_anybody_asking(place: Place, raw: S3Client) -> None:
    store = place.store
    wait_for(lambda: store.status().state == "idle", "rest before the fault")
    place.proxy.reset_counts()
    place.proxy.inject(Fault("answer", status=500))
    try:
        store.log_run("rarer")
        wait_for(lambda: store.status().retry_seconds > 3.5, "a pause that has grown")
        attempts = place.proxy.faults
        assert attempts <= 30
    finally:
        place.proxy.heal()
    store.wait_whole(raw, place.url, "rarer")


def test_server_that_was_killed_gets_everything_once_it_is_back(tmp_path: Path) -> None:
    with (
        S3Server.single(tmp_path / "server") as server,
        pytest.MonkeyPatch.context() as patch,
        UploadStore("s3://killed/there", server.endpoint_url) as store,
    ):
        clear_environment(patch)
        server.make_bucket("killed")
        raw = server.client()
        store.start()
        run = store.init("killed")
        run.log(row(0))
        wait_for(lambda: store.synced_step("killed") == 1, "the first row in the bucket")
        server.kill("server")
        for index in range(1, 50):
            run.log(row(index))
        status = wait_for(lambda: (found := store.status()).sentence and found, "the sentence")
        assert status
        assert status.state == "waiting"
        run.finish()
        server.restart("server")
        store.sync()
        store.wait_whole(raw, "s3://killed/there", "killed")
        raw.close()


def test_renewed_credentials_are_found_without_a_restart(
    s3_server: S3Server, raw: S3Client, bucket_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    path = tmp_path / "credentials"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))

    def write(access_key: str) -> None:
        path.write_text(
            f"[default]\naws_access_key_id = {access_key}\naws_secret_access_key = {ADMIN.secret_key}\n"
        )

    write("nobodysaccesskey")
    with (
        FaultProxy(s3_server.endpoint_url) as proxy,
        UploadStore(bucket_url, proxy.endpoint_url) as store,
    ):
        store.start()
        pid = store.pid
        proxy.inject(Fault("answer", status=403, code="ExpiredToken"), methods="PUT")
        store.log_run("renewed")
        wait_for(lambda: "the credentials have expired" in store.status().sentence, "expired credentials")
        proxy.heal()
        wait_for(lambda: "InvalidAccessKeyId" in store.status().sentence, "wrong credentials")
        assert store.status().state == "stopped"
        write(ADMIN.access_key)
        store.wait_whole(raw, bucket_url, "renewed")
        assert store.pid == pid


def test_file_that_cannot_be_sent_holds_up_no_other_run(
    s3_server: S3Server, raw: S3Client, bucket_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    kept = tmp_path / "kept.txt"
    with FaultProxy(s3_server.endpoint_url) as proxy, UploadStore(bucket_url, proxy.endpoint_url) as store:
        proxy.inject(Fault("refuse"))
        store.start()
        altered: list[Path] = []
        for number in range(3):
            run = store.init(f"run-{number}")
            run.log(row(0))
            kept.write_text(f"kept with run {number}")
            run.save(str(kept), base_path=str(tmp_path))
            if number == 0:
                assert run.flush(60)
                altered = wait_for(
                    lambda: [each for each in (store.folder / "objects/files").glob("*/*") if each.is_file()],
                    "the file in the store",
                )
                altered[0].chmod(0o600)
                altered[0].write_text("altered in the store!")
            run.finish()
        proxy.heal()
        store.sync()
        wait_for(
            lambda: {store.synced_step(f"run-{number}") for number in range(3)} == {1}, "points of all runs"
        )
        wait_for(
            lambda: len(store.lag()) == 1,
            lambda: f"all runs but one: {store.lag()} {store.log_text()[-2000:]}",
        )
        status = store.status()
        assert status.pending_run_count == 1
        assert "holds sha256" in status.sentence
        # What was altered is put right.
        altered[0].write_text("kept with run 0")
        store.sync()
        store.wait_whole(raw, bucket_url, "run-0", "run-1", "run-2")


@pytest.mark.parametrize("kind", ["refuse", "hang"])
def test_what_waits_is_told_of_a_bucket_that_has_never_answered(
    kind: FaultKind, proxy: FaultProxy, bucket_url: str, raw: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    proxy.inject(Fault(kind))
    with UploadStore(bucket_url, proxy.endpoint_url) as store:
        store.log_run("waits")
        status = wait_for(lambda: (found := store.status()).pending_bytes and found, "what waits")
        assert status
        assert status.state == ("waiting" if kind == "refuse" else "sending")
        assert (status.pending_run_count, status.pending_file_count) == (1, 2)
        proxy.heal()
        store.sync()
        store.wait_whole(raw, bucket_url, "waits")


def test_more_live_runs_than_a_slow_bucket_takes_are_all_sent_in_turn(
    bucket_url: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    with UploadStore(bucket_url, proxy.endpoint_url) as store:
        runs = [store.init(f"run-{place:02}") for place in range(12)]
        step = 0

        def log() -> None:
            nonlocal step
            for run in runs:
                run.log(row(step))
            step += 1

        def synced() -> list[int]:
            log()
            return [store.synced_step(run.id) or 0 for run in runs]

        wait_for(lambda: min(synced()) > 0, "the first steps")
        proxy.inject(Fault("slow", bytes_per_second=20_000))
        begin = step
        # What a run logs from now on goes through the slow bucket, of each run a part.
        wait_for(lambda: min(synced()) > begin, lambda: f"all runs' turns: {synced()}", 90.0)
        proxy.heal()
        for run in runs:
            run.finish()
