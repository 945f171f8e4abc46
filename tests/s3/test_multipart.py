"""What is left of an upload that ended in the middle, and what the next one makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import WaitUntil
from tests.s3.conftest import OpenStore
from tests.s3.fault_proxy import Fault, FaultProxy
from tests.s3.s3_servers import ADMIN

from trackd_service import multipart
from trackd_service.buckets import BucketError, BucketStore
from trackd_service.multipart import ABANDONED_AFTER_SECONDS, content_of, content_of_bytes, part_size
from trackd_service.objects import ObjectConflict

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MEBIBYTE = 1 << 20
# The least that S3 takes.
PART_BYTES = 5 * MEBIBYTE
PARTS = 4
SIZE_BYTES = PARTS * PART_BYTES - 12345


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "SINGLE_BYTES_MAX", PART_BYTES)
    monkeypatch.setattr(multipart, "PART_BYTES_MIN", PART_BYTES)


@pytest.fixture
def path(tmp_path: Path, _small_parts: None) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE_BYTES))
    return path


def state_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "scratch").glob("*"))


def begun(raw: S3Client, store: BucketStore, name: str) -> list[str]:
    """Returns the ids of the uploads that the server knows."""
    key = f"{store.bucket.prefix}/{name}"
    answer = raw.list_multipart_uploads(Bucket=store.bucket.name, Prefix=key)
    return [upload["UploadId"] for upload in answer.get("Uploads", []) if upload["Key"] == key]


def parts_held(raw: S3Client, store: BucketStore, name: str) -> int:
    return sum(
        len(
            raw.list_parts(
                Bucket=store.bucket.name, Key=f"{store.bucket.prefix}/{name}", UploadId=upload_id
            ).get("Parts", [])
        )
        for upload_id in begun(raw, store, name)
    )


def store_one_part(store: BucketStore, proxy: FaultProxy, path: Path) -> None:
    """Lets an upload break behind the first part that it sends; the store sends one part at a time."""
    done = 0
    real = multipart._send_missing

    def send_one(sender: multipart.PartSender, *arguments: object) -> list[str]:
        class One:
            def __getattr__(self, name: str) -> object:
                return getattr(sender, name)

            def send(self, *part: object) -> str:
                nonlocal done
                if done == 1:
                    proxy.inject(Fault("reset_request", after_bytes=MEBIBYTE), methods="PUT")
                done += 1
                return str(sender.send(*part))  # type: ignore[arg-type]

        return real(One(), *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(multipart, "_send_missing", send_one)
        with pytest.raises(BucketError):
            store.send_file("a", path)
    proxy.heal()


def test_part_sizes_keep_to_what_s3_takes() -> None:
    assert part_size(64 * MEBIBYTE) == 64 * MEBIBYTE
    assert part_size(64 * MEBIBYTE + 1) == 16 * MEBIBYTE
    for size_bytes in (10**10, 10**12, 5 << 40):
        step = part_size(size_bytes)
        assert step % MEBIBYTE == 0
        assert step >= 16 * MEBIBYTE
        assert -(-size_bytes // step) <= 9000


def test_digests_of_a_file_are_those_of_its_bytes(path: Path) -> None:
    content = content_of(path)
    data = path.read_bytes()
    assert content.sha256 == content_of_bytes(data).sha256
    assert content.size_bytes == len(data)
    pieces = [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]
    assert list(content.part_md5s) == [content_of_bytes(piece).md5 for piece in pieces]
    assert [content.part(number + 1)[1] for number in range(PARTS)] == [len(piece) for piece in pieces]


def test_large_file_arrives_in_parts_and_leaves_no_note(
    open_store: OpenStore, raw: S3Client, path: Path, tmp_path: Path
) -> None:
    store = open_store()
    store.send_file("a", path)
    head = raw.head_object(Bucket=store.bucket.name, Key=f"{store.bucket.prefix}/a")
    assert head["Metadata"] == {"sha256": content_of(path).sha256}
    assert head["ETag"].strip('"').endswith(f"-{PARTS}")
    assert store.get("a") == path.read_bytes()
    assert state_files(tmp_path) == []
    assert begun(raw, store, "a") == []
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(ObjectConflict):
        store.send_file("a", path)


def test_a_file_of_true_size_arrives_in_parts(open_store: OpenStore, raw: S3Client, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(64 * MEBIBYTE + 1))
    store = open_store()
    store.send_file("a", path)
    head = raw.head_object(Bucket=store.bucket.name, Key=f"{store.bucket.prefix}/a")
    assert head["ETag"].strip('"').endswith("-5")
    store.fetch_file("a", tmp_path / "back", sha256=content_of(path).sha256)
    store.delete("a")


PROGRAM = f"""
import sys
from pathlib import Path
from trackd_service import multipart
from trackd_service.buckets import Bucket, BucketStore
multipart.SINGLE_BYTES_MAX = multipart.PART_BYTES_MIN = {PART_BYTES}
url, endpoint_url, scratch, path = sys.argv[1:]
BucketStore(Bucket(url, endpoint_url), scratch=Path(scratch), parts_at_once=2).send_file("a", Path(path))
"""


def test_after_kill_9_only_what_is_missing_is_sent(
    open_store: OpenStore, raw: S3Client, proxy: FaultProxy, path: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    store = open_store(proxy.endpoint_url)
    # Slow enough to be in the middle for a while.
    proxy.inject(Fault("slow", bytes_per_second=8 * MEBIBYTE), methods="PUT")
    arguments = [store.bucket.url, proxy.endpoint_url, str(tmp_path / "scratch"), str(path)]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], env={**os.environ, **ADMIN.environment}
    ) as process:
        try:
            wait_until(lambda: parts_held(raw, store, "a") >= 2)
        finally:
            process.kill()
    assert process.returncode == -9
    (state_file,) = state_files(tmp_path)
    assert state_file.stat().st_mode & 0o077 == 0
    (upload_id,) = begun(raw, store, "a")
    assert json.loads(state_file.read_text())["upload_id"] == upload_id
    proxy.heal()
    held = parts_held(raw, store, "a")
    assert 2 <= held < PARTS
    proxy.reset_counts()
    store.send_file("a", path)
    missing = PARTS - held
    assert proxy.requests["PUT"] == missing
    assert (missing - 1) * PART_BYTES < proxy.bytes_sent < missing * PART_BYTES + MEBIBYTE
    assert store.get("a") == path.read_bytes()
    assert state_files(tmp_path) == []
    assert begun(raw, store, "a") == []


def test_each_broken_connection_costs_its_part_alone(
    open_store: OpenStore, raw: S3Client, proxy: FaultProxy, path: Path
) -> None:
    store = open_store(proxy.endpoint_url, parts_at_once=1)
    for part in range(1, PARTS):
        # The next part arrives, the one behind it does not.
        proxy.reset_counts()
        store_one_part(store, proxy, path)
        assert parts_held(raw, store, "a") == part
    proxy.reset_counts()
    store.send_file("a", path)
    assert proxy.requests["PUT"] == 1
    assert store.get("a") == path.read_bytes()


def test_a_part_that_is_not_the_files_is_sent_again(
    open_store: OpenStore, raw: S3Client, proxy: FaultProxy, path: Path
) -> None:
    store = open_store(proxy.endpoint_url, parts_at_once=1)
    store_one_part(store, proxy, path)
    (upload_id,) = begun(raw, store, "a")
    raw.upload_part(
        Bucket=store.bucket.name,
        Key=f"{store.bucket.prefix}/a",
        UploadId=upload_id,
        PartNumber=2,
        Body=b"x" * PART_BYTES,
    )
    assert parts_held(raw, store, "a") == 2
    proxy.reset_counts()
    store.send_file("a", path)
    assert proxy.requests["PUT"] == PARTS - 1
    assert store.get("a") == path.read_bytes()


@pytest.mark.parametrize(
    "damage", ["no JSON", "no object", "other version", "other size", "gone upload", "lost"]
)
def test_a_note_that_does_not_fit_begins_anew(
    open_store: OpenStore, raw: S3Client, proxy: FaultProxy, path: Path, tmp_path: Path, damage: str
) -> None:
    store = open_store(proxy.endpoint_url, parts_at_once=1)
    store_one_part(store, proxy, path)
    (state_file,) = state_files(tmp_path)
    (upload_id,) = begun(raw, store, "a")
    state = json.loads(state_file.read_text())
    if damage == "gone upload":
        raw.abort_multipart_upload(
            Bucket=store.bucket.name, Key=f"{store.bucket.prefix}/a", UploadId=upload_id
        )
    elif damage == "lost":
        state_file.unlink()
    else:
        state_file.write_text(
            {
                "no JSON": "{",
                "no object": "[]",
                "other version": json.dumps({**state, "version": 99}),
                "other size": json.dumps({**state, "part_size_bytes": PART_BYTES + 1}),
            }[damage]
        )
    proxy.reset_counts()
    store.send_file("a", path)
    assert proxy.requests["PUT"] == PARTS
    assert store.get("a") == path.read_bytes()
    assert state_files(tmp_path) == []


def test_an_answer_lost_at_the_end_is_success_at_the_next_try(
    open_store: OpenStore, proxy: FaultProxy, path: Path, tmp_path: Path
) -> None:
    store = open_store(proxy.endpoint_url, parts_at_once=1)
    store_one_part(store, proxy, path)  # The next POST is the one that completes.
    proxy.inject(Fault("drop_answer"), methods="POST", times=1)
    with pytest.raises(BucketError) as caught:
        store.send_file("a", path)
    assert caught.value.is_transient
    assert len(state_files(tmp_path)) == 1
    proxy.reset_counts()
    store.send_file("a", path)
    assert proxy.requests == {"HEAD": 1}
    assert state_files(tmp_path) == []
    assert store.get("a") == path.read_bytes()


def test_two_that_send_the_same_both_succeed(open_store: OpenStore, path: Path, tmp_path: Path) -> None:
    failures: list[Exception] = []

    def send(store: BucketStore) -> None:
        try:
            store.send_file("a", path)
        except Exception as error:  # noqa: BLE001  # Told by the test.
            failures.append(error)

    stores = [open_store(parts_at_once=2) for _ in range(2)]
    threads = [threading.Thread(target=send, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stores[0].get("a") == path.read_bytes()
    assert state_files(tmp_path) == []


def test_one_content_under_two_names_is_two_uploads(
    open_store: OpenStore, proxy: FaultProxy, path: Path, tmp_path: Path
) -> None:
    store = open_store(proxy.endpoint_url, parts_at_once=1)
    store_one_part(store, proxy, path)
    store.send_file("b", path)
    assert len(state_files(tmp_path)) == 1
    proxy.reset_counts()
    store.send_file("a", path)
    assert proxy.requests["PUT"] == PARTS - 1
    assert store.get("a") == store.get("b") == path.read_bytes()


def test_what_nobody_goes_on_with_is_given_up(
    open_store: OpenStore, raw: S3Client, proxy: FaultProxy, path: Path, tmp_path: Path
) -> None:
    store = open_store(proxy.endpoint_url, parts_at_once=1)
    store_one_part(store, proxy, path)
    (state_file,) = state_files(tmp_path)
    assert store.abandon_old() == 0
    long_ago = time.time() - ABANDONED_AFTER_SECONDS - 60
    os.utime(state_file, (long_ago, long_ago))
    assert store.abandon_old(keep={content_of(path).sha256}) == 0
    # Not this bucket's.
    assert open_store(url="s3://trackd-tests/elsewhere").abandon_old() == 0
    assert len(begun(raw, store, "a")) == 1
    assert store.abandon_old() == 1
    assert begun(raw, store, "a") == []
    assert state_files(tmp_path) == []
    store.send_file("a", path)
    assert store.get("a") == path.read_bytes()
