"""A store with a bucket sends its runs there while they train: whole, once, and without holding up anybody."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.s3.fault_proxy import Fault, FaultProxy
from tests.s3.uploading import (
    PROJECT,
    BucketContent,
    UploadStore,
    check_rows,
    clear_environment,
    open_bucket,
    row,
    start_script,
    wait_for,
)
from tests.service import reading
from tests.service.reading import endpoint_of

import trackd
from trackd_service import upload_settings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

ALL_KINDS = """
import os, sys
store, run_id, file = sys.argv[1:]
import numpy, trackd
run = trackd.init(project="upload", id=run_id, settings={"store": store, "quiet": True, "finish_timeout_seconds": 20.0})
print("a word on the console")
run.log({
    "index": 0,
    "value": 0.5,
    "text": "a text",
    "picture": trackd.Image(numpy.arange(48, dtype=numpy.uint8).reshape(4, 4, 3)),
    "table": trackd.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]]),
})
run.save(file, base_path=os.path.dirname(file))
sys.stdin.readline()
run.log({"index": 1})
run.finish()
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def store(bucket_url: str, proxy: FaultProxy) -> Iterator[UploadStore]:
    with UploadStore(bucket_url, proxy.endpoint_url) as store:
        yield store


def test_run_of_all_kinds_is_in_the_bucket_while_it_runs_and_whole_after_its_end(
    store: UploadStore, raw: S3Client, bucket_url: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    kept = tmp_path / "notes.txt"
    kept.write_text("kept with the run")
    store.start()
    with start_script(ALL_KINDS, str(store), "kinds", str(kept)) as process:
        assert process.stdin is not None
        wait_for(lambda: store.synced_step("kinds") == 1, "the first row in the bucket")

        def has_all_objects() -> bool:
            manifests = BucketContent.read(raw, bucket_url).manifests
            return bool(manifests) and len(manifests[0].objects) >= 3 and not manifests[0].pending

        wait_for(has_all_objects, "picture, table and file in the bucket")
        assert reading.state("kinds", PROJECT, str(store)) == "running"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait(60) == 0
    content = store.wait_whole(raw, bucket_url, "kinds")
    assert content.unlisted() == set()
    assert store.synced_step("kinds") == 2
    assert store.status().state == "idle"
    # What the bucket shows is what the store shows.
    here = trackd.Api(store=str(store))
    with open_bucket(bucket_url, proxy.endpoint_url, tmp_path / "cache") as there:
        runs = [api.run(f"{PROJECT}/kinds") for api in (here, there)]
        facts = [
            (
                run.state,
                dict(run.summary),
                run.history(pandas=False),
                [(file.name, file.sha256, file.read()) for file in run.files()],
                [text for _, _, _, text in run.console()],
            )
            for run in runs
        ]
        assert str(facts[0]) == str(facts[1])
        assert facts[1][0] == "finished"
        assert facts[1][3][0][2] == kept.read_bytes()
        assert "a word on the console" in facts[1][4]
        runs[1].history(keys=["picture"], pandas=False)
    here.close()


def test_synced_step_is_none_without_upload_and_follows_with_it(proxy: FaultProxy, bucket_url: str) -> None:
    with UploadStore() as store:
        run = store.init("follows")
        run.log(row(0))
        assert run.flush(60)
        assert store.synced_step("follows") is None
        assert document(store, "follows")["synced_step"] is None
        assert store.status().state == "off"
        store.configure(bucket_url, proxy.endpoint_url)
        wait_for(lambda: store.synced_step("follows") == 1, "the synced step 1")
        for index in range(1, 5):
            run.log(row(index))
        wait_for(lambda: document(store, "follows")["synced_step"] == 5, "the synced step 5")
        run.finish()


def document(store: UploadStore, run_id: str) -> dict[str, object]:
    """Returns a run's document over HTTP."""
    endpoint = endpoint_of(store.folder)
    request = urllib.request.Request(
        f"{endpoint.http_address}/api/v1/projects/{PROJECT}/runs/{run_id}",
        headers={"Authorization": f"Bearer {endpoint.token}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def test_environment_says_where_to_where_the_store_does_not(
    raw: S3Client, bucket_url: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKD_UPLOAD", bucket_url)
    monkeypatch.setenv("TRACKD_UPLOAD_ENDPOINT_URL", proxy.endpoint_url)
    with UploadStore() as store:
        store.log_run("by-environment")
        store.wait_whole(raw, bucket_url, "by-environment")


def test_offline_run_is_sent_once_a_daemon_takes_it_in(
    store: UploadStore, raw: S3Client, bucket_url: str
) -> None:
    store.log_run("offline", 30, mode="offline")
    assert not store.pid
    store.start()
    content = store.wait_whole(raw, bucket_url, "offline")
    assert content.unlisted() == set()
    check_rows(store.folder, "offline", 30)


def test_run_fed_by_two_stores_is_seen_as_one(
    store: UploadStore, raw: S3Client, bucket_url: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    with UploadStore(bucket_url, proxy.endpoint_url) as other:
        for part, rank in ((store, 0), (other, 1)):
            part.start()
            run = part.init("shared", resume="allow")
            for index in range(20):
                run.log({f"rank/{rank}": index, "both": float(index + 20 * rank)}, step=2 * index + rank)
            run.finish()
        for part in (store, other):
            part.wait_whole(raw, bucket_url, "shared")
    assert store.store_id != ""
    with open_bucket(bucket_url, proxy.endpoint_url, tmp_path / "cache") as there:
        assert [run.id for run in there.runs(PROJECT)] == ["shared"]
        run_there = there.run(f"{PROJECT}/shared")
        assert len({writer["host"] for writer in run_there.writers}) == 1
        assert len([writer for writer in run_there.writers if writer["label"] != "trackd"]) >= 2
        found = reading.series("shared", "rank/0", "rank/1", "both", project=PROJECT, store=there.store)
        for rank in (0, 1):
            assert found[(f"rank/{rank}", "number")] == [(2 * index + rank, index) for index in range(20)]
        assert [step for step, _ in found[("both", "number")]] == list(range(40))
        assert run_there.summary["rank/0"] == 19
        assert run_there.summary["rank/1"] == 19
        assert run_there.summary["both"] == 39.0
        assert run_there.state == "finished"


def test_what_was_sent_is_not_sent_again_by_the_next_daemon(
    store: UploadStore, raw: S3Client, bucket_url: str, proxy: FaultProxy
) -> None:
    run = store.init("restarted")
    for index in range(20):
        run.log(row(index))
    wait_for(lambda: store.synced_step("restarted") == 20, "the first rows in the bucket")
    before = BucketContent.read(raw, bucket_url)
    store.stop()
    for index in range(20, 40):
        run.log(row(index))
    run.finish()
    store.wait_whole(raw, bucket_url, "restarted")
    after = BucketContent.read(raw, bucket_url)
    assert {name: after.objects[name] for name in before.objects if name.startswith("segments/")} == {
        name: data for name, data in before.objects.items() if name.startswith("segments/")
    }
    check_rows(store.folder, "restarted", 40)
    # And where nothing is new, nothing is sent at all.
    store.stop()
    proxy.reset_counts()
    store.start()
    store.sync()
    wait_for(lambda: store.status().state == "idle", "the end of the look")
    assert proxy.requests["PUT"] == 0
    assert proxy.requests["POST"] == 0


def test_another_bucket_gets_everything(
    store: UploadStore, raw: S3Client, bucket_url: str, proxy: FaultProxy
) -> None:
    store.log_run("moved")
    store.wait_whole(raw, bucket_url, "moved")
    run = store.init("live")
    run.log(row(0))
    wait_for(lambda: store.synced_step("live") == 1, "the live run in the first bucket")
    other = f"{bucket_url}-two"
    store.configure(other, proxy.endpoint_url)
    run.log(row(1))
    run.finish()
    store.wait_whole(raw, other, "moved", "live")
    assert store.status().state == "idle"


def test_broken_settings_are_told_in_one_sentence_and_what_held_goes_on(
    store: UploadStore, raw: S3Client, bucket_url: str
) -> None:
    store.log_run("before")
    store.wait_whole(raw, bucket_url, "before")
    path = store.folder / upload_settings.FILE_NAME
    good = path.read_bytes()
    path.write_text('{"version": 1, "url": 7}')
    status = wait_for(lambda: (found := store.status()).sentence and found, "the sentence")
    assert status
    assert "upload.json cannot be used: url is '7'" in status.sentence
    assert "\n" not in status.sentence
    store.log_run("meanwhile")
    store.wait_whole(raw, bucket_url, "meanwhile")
    path.write_bytes(good)
    wait_for(lambda: not store.status().sentence, "the end of the sentence")


def test_changes_wait_for_the_interval_and_no_longer(
    store: UploadStore, bucket_url: str, proxy: FaultProxy
) -> None:
    interval_seconds = 2.0
    store.configure(bucket_url, proxy.endpoint_url, interval_seconds=interval_seconds)
    run = store.init("interval")
    run.log(row(0))
    wait_for(lambda: store.synced_step("interval") == 1, "the first row")
    counted = []
    deadline = time.monotonic() + 2.5 * interval_seconds
    index = 1
    while time.monotonic() < deadline:
        run.log(row(index))
        index += 1
        assert run.flush(60)
        counted.append(store.synced_step("interval"))
        time.sleep(0.1)  # the load: a training step takes time
    assert 2 <= len(set(counted)) <= 4, set(counted)
    run.finish()


def test_rate_is_kept_to(
    store: UploadStore, raw: S3Client, bucket_url: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    rate, size_bytes = 1_000_000, 3_000_000
    store.configure(bucket_url, proxy.endpoint_url, bytes_per_second_max=rate)
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(size_bytes))
    run = store.init("rate")
    started = time.monotonic()
    run.save(str(big), base_path=str(tmp_path))
    run.finish()
    store.wait_whole(raw, bucket_url, "rate")
    seconds = time.monotonic() - started
    # Files have three quarters of the rate, and the first quarter of a second is free.
    assert size_bytes / (0.75 * rate) - 0.5 <= seconds <= 30


def test_large_file_goes_in_parts_and_holds_up_no_metrics(
    store: UploadStore, raw: S3Client, bucket_url: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.truncate(200 << 20)
    store.start()
    proxy.inject(Fault("slow", bytes_per_second=6_000_000))
    run = store.init("large")
    run.save(str(big), base_path=str(tmp_path))
    run.log(row(0))
    wait_for(lambda: proxy.requests["POST"] >= 1, "the beginning of the upload in parts")
    steps = set()
    for index in range(1, 4):
        run.log(row(index))
        wait_for(lambda: (store.synced_step("large") or 0) > index, f"step {index} in the bucket")  # noqa: B023
        assert store.status().pending_bytes >= 100 << 20, "the file was there before the metrics"
        steps.add(store.synced_step("large"))
    assert len(steps) == 3
    manifest = BucketContent.read(raw, bucket_url).manifests[0]
    assert list(manifest.pending.values()) == [200 << 20]
    proxy.heal()
    run.finish()
    store.wait_whole(raw, bucket_url, "large", timeout_seconds=60)
