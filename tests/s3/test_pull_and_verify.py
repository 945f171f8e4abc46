"""Runs are copied out of a bucket whole or not at all, and whatever was altered, here or there, is found and told."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import (
    PROJECT,
    BucketContent,
    UploadStore,
    check_rows,
    clear_environment,
    copy_bucket,
    delete_objects,
    flipped,
    put_object,
    row,
    wait_for,
)
from tests.service import reading

import trackd
from trackd_service.manifests import manifest_name

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

KEPT = b"kept with the run"
ROWS = 20


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture(scope="module")
def original(s3_server: S3Server, bucket_name: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Gives a place in the bucket with runs `one` and `two` of a project, and `three` of another; nobody changes it."""
    url = f"s3://{bucket_name}/{uuid4().hex}"
    kept = tmp_path_factory.mktemp("kept") / "kept.txt"
    kept.write_bytes(KEPT)
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        with (
            UploadStore(url, s3_server.endpoint_url) as store,
            contextlib.closing(s3_server.client()) as raw,
        ):
            for run_id, project in (("one", PROJECT), ("two", PROJECT), ("three", "other")):
                run = store.init(run_id, project=project)
                for index in range(ROWS):
                    run.log(row(index))
                run.save(str(kept), base_path=str(kept.parent))
                run.finish()
            store.wait_whole(raw, url, "one", "two", "three")
    return url


@pytest.fixture
def url(original: str, bucket_url: str, raw: S3Client) -> str:
    """Gives a copy of it, which a test may change."""
    copy_bucket(raw, original, bucket_url)
    return bucket_url


@pytest.fixture
def store() -> Iterator[UploadStore]:
    """Gives a store of one's own, which uploads nothing."""
    with UploadStore() as store:
        store.start()
        yield store


def runs_of(store: UploadStore) -> set[tuple[str, str]]:
    return {(run.identity.project, run.identity.run_id) for run in reading.list_runs(store=str(store))}


def check_copy(store: UploadStore, *run_ids: str) -> None:
    """Checks that a store has whole copies."""
    api = trackd.Api(store=str(store))
    for run_id in run_ids:
        project = "other" if run_id == "three" else PROJECT
        check_rows(store.folder, run_id, ROWS, project)
        run = api.run(f"{project}/{run_id}")
        assert run.state == "finished"
        assert run.summary["index"] == ROWS - 1
        (file,) = (file for file in run.files() if file.name == "kept.txt")
        assert file.read() == KEPT
    api.close()
    assert store.verify()[0] == []


def test_whole_bucket_is_copied_once(store: UploadStore, url: str, s3_server: S3Server) -> None:
    words = store.pull(url, s3_server.endpoint_url)
    assert (words[-1].run_count, words[-1].done_run_count) == (3, 3)
    assert words[-1].copied_bytes == words[-1].total_bytes > 0
    assert runs_of(store) == {(PROJECT, "one"), (PROJECT, "two"), ("other", "three")}
    check_copy(store, "one", "two", "three")
    again = store.pull(url, s3_server.endpoint_url)
    assert (again[-1].done_run_count, again[-1].copied_bytes, again[-1].total_bytes) == (3, 0, 0)
    # They are the store's own now: another daemon finds them without the bucket.
    store.stop()
    store.start()
    check_copy(store, "one", "two", "three")


def test_what_is_asked_for_is_copied_and_nothing_else(
    store: UploadStore, url: str, s3_server: S3Server
) -> None:
    for project, run_id in (("nowhere", ""), (PROJECT, "nobody")):
        with pytest.raises(trackd.CommError, match="has no run"):
            store.pull(url, s3_server.endpoint_url, project, run_id)
        assert runs_of(store) == set()
    words = store.pull(url, s3_server.endpoint_url, PROJECT, "two")
    assert words[-1].run_count == words[-1].done_run_count == 1
    assert runs_of(store) == {(PROJECT, "two")}
    words = store.pull(url, s3_server.endpoint_url, PROJECT)
    assert words[-1].run_count == words[-1].done_run_count == 2
    assert runs_of(store) == {(PROJECT, "one"), (PROJECT, "two")}
    check_copy(store, "one", "two")


def test_run_that_still_trains_is_copied_as_it_is_and_again_when_it_has_ended(
    store: UploadStore, bucket_url: str, raw: S3Client, s3_server: S3Server
) -> None:
    with UploadStore(bucket_url, s3_server.endpoint_url) as source:
        run = source.init("live")
        for index in range(10):
            run.log(row(index))
        wait_for(lambda: source.synced_step("live") == 10, "the first rows in the bucket")
        store.pull(bucket_url, s3_server.endpoint_url)
        check_rows(store.folder, "live", 10)
        copy = reading.get_run("live", PROJECT, str(store))
        assert reading.state_name(copy) == "crashed"
        assert "copy of a run that was still at work" in copy.end_reason
        for index in range(10, 30):
            run.log(row(index))
        run.finish()
        source.wait_whole(raw, bucket_url, "live")
        store.pull(bucket_url, s3_server.endpoint_url)
        check_rows(store.folder, "live", 30)
        assert reading.state("live", PROJECT, str(store)) == "finished"


def test_run_that_is_here_with_other_records_stays_and_the_others_come(
    store: UploadStore, url: str, s3_server: S3Server
) -> None:
    store.log_run("one", 7)
    wait_for(lambda: reading.state("one", PROJECT, str(store)) == "finished", "the end of the own run")
    with pytest.raises(trackd.CommError, match="with records that the bucket does not have: it stays"):
        store.pull(url, s3_server.endpoint_url)
    check_rows(store.folder, "one", 7)
    check_copy(store, "two", "three")


def test_run_whose_file_is_missing_or_damaged_is_told_and_is_not_half_there(
    store: UploadStore, url: str, raw: S3Client, s3_server: S3Server
) -> None:
    objects = BucketContent.read(raw, url).objects
    for name in names_of_run(raw, url, "one").values():
        for is_gone in (True, False):
            if is_gone:
                delete_objects(raw, url, name)
            else:
                put_object(raw, url, name, flipped(objects[name]))
            words = "is not in the bucket" if is_gone else "other bytes came"
            with pytest.raises(trackd.CommError, match=words):
                store.pull(url, s3_server.endpoint_url, PROJECT, "one")
            assert runs_of(store) == set()
            assert not (store.folder / "objects" / name).exists()
            # What came of the run is on the disk, and would not be asked for again.
            shutil.rmtree(store.folder / "objects" / "segments", ignore_errors=True)
            shutil.rmtree(store.folder / "objects" / "files", ignore_errors=True)
        put_object(raw, url, name, objects[name])
    # The others come all the same.
    segment = names_of_run(raw, url, "one")["levels"]
    delete_objects(raw, url, segment)
    with pytest.raises(trackd.CommError, match=segment):
        store.pull(url, s3_server.endpoint_url)
    assert runs_of(store) == {(PROJECT, "two"), ("other", "three")}
    check_copy(store, "two", "three")
    put_object(raw, url, segment, objects[segment])
    store.pull(url, s3_server.endpoint_url)
    check_copy(store, "one")


def test_garbage_among_the_manifests_is_told_when_the_rest_is_here(
    store: UploadStore, url: str, raw: S3Client, s3_server: S3Server
) -> None:
    put_object(raw, url, f"runs/{'0' * 16}/{'a' * 16}.json", b"no manifest")
    with pytest.raises(trackd.CommError, match=r"runs/0000000000000000/aaaa.* cannot be used"):
        store.pull(url, s3_server.endpoint_url)
    check_copy(store, "one", "two", "three")


# Checking.


@dataclass(frozen=True)
class Uploaded:
    """A store that has uploaded a run with a file, and the names of three files of the run by what they are."""

    store: UploadStore
    raw: S3Client
    url: str
    names: dict[str, str]


@pytest.fixture(scope="module")
def uploaded(
    s3_server: S3Server, bucket_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Uploaded]:
    """Gives one store to all tests of the checking: each leaves it as it was."""
    url = f"s3://{bucket_name}/{uuid4().hex}"
    kept = tmp_path_factory.mktemp("kept") / "kept.txt"
    kept.write_bytes(KEPT)
    with (
        pytest.MonkeyPatch.context() as patch,
        UploadStore(url, s3_server.endpoint_url) as store,
        contextlib.closing(s3_server.client()) as raw,
    ):
        clear_environment(patch)
        run = store.init("one")
        for index in range(ROWS):
            run.log(row(index))
        run.save(str(kept), base_path=str(kept.parent))
        run.finish()
        store.wait_whole(raw, url, "one")
        yield Uploaded(store, raw, url, names_of_run(raw, url, "one"))


def names_of_run(raw: S3Client, url: str, run_id: str) -> dict[str, str]:
    """Returns the names of a run's Parquet file, its levels and a file of it, by what they are."""
    (manifest,) = (each for each in BucketContent.read(raw, url).manifests if each.run_id == run_id)
    sha256 = next(iter(manifest.objects))
    segment = f"segments/{manifest.segments[0].row.name}"
    return {
        "levels": f"{segment}.levels",
        "parquet": f"{segment}.parquet",
        "file": f"files/{sha256[:2]}/{sha256}",
    }


def test_what_is_well_is_counted_and_nothing_is_found(uploaded: Uploaded) -> None:
    for read_bucket in (False, True):
        findings, checked, total = uploaded.store.verify(read_bucket=read_bucket)
        assert findings == []
        # Here and there.
        assert checked == total >= 2 * len(uploaded.names)
    with UploadStore() as empty:
        empty.start()
        assert empty.verify() == ([], 0, 0)


def test_what_was_altered_here_is_told(uploaded: Uploaded) -> None:
    for name in uploaded.names.values():
        path = uploaded.store.folder / "objects" / name
        path.chmod(0o600)
        good = path.read_bytes()
        path.write_bytes(flipped(good))
        findings, _, _ = uploaded.store.verify()
        assert findings == [f"{name} of run {PROJECT}/one was altered: its sha256 does not fit"]
        path.unlink()
        # It may have left this disk as was wanted: the bucket has it.
        assert uploaded.store.verify()[0] == []
        path.write_bytes(good)
    assert uploaded.store.verify()[0] == []


def test_what_was_altered_or_is_missing_here_is_told_without_a_bucket_too(
    store: UploadStore, url: str, raw: S3Client, s3_server: S3Server
) -> None:
    store.pull(url, s3_server.endpoint_url, PROJECT, "one")
    assert store.verify()[0] == []
    for name in names_of_run(raw, url, "one").values():
        path = store.folder / "objects" / name
        path.chmod(0o600)
        good = path.read_bytes()
        path.write_bytes(good[: len(good) // 2])
        (finding,) = store.verify()[0]
        assert finding.startswith(f"{name} of run {PROJECT}/one ")
        path.unlink()
        assert store.verify()[0] == [f"{name} of run {PROJECT}/one is not in the store"]
        path.write_bytes(good)


def test_what_was_altered_in_the_bucket_is_told_when_it_is_read(uploaded: Uploaded) -> None:
    objects = BucketContent.read(uploaded.raw, uploaded.url).objects
    for name in uploaded.names.values():
        put_object(uploaded.raw, uploaded.url, name, flipped(objects[name]))
        findings, _, _ = uploaded.store.verify(read_bucket=True)
        assert findings == [f"{name} was altered in the bucket: its sha256 does not fit"]
        put_object(uploaded.raw, uploaded.url, name, objects[name])
    assert uploaded.store.verify(read_bucket=True)[0] == []


def test_what_the_bucket_lacks_is_told_and_sent_again(uploaded: Uploaded) -> None:
    manifest = manifest_name(PROJECT, "one", uploaded.store.store_id)
    for name in (*uploaded.names.values(), manifest):
        delete_objects(uploaded.raw, uploaded.url, name)
        findings, _, _ = uploaded.store.verify()
        assert findings == [f"{name} is not in {uploaded.url} (any more): it is sent again"]
        wait_for(
            lambda: name in BucketContent.read(uploaded.raw, uploaded.url).objects,  # noqa: B023
            f"{name}, sent again",
        )
        uploaded.store.wait_whole(uploaded.raw, uploaded.url, "one")
    assert uploaded.store.verify(read_bucket=True)[0] == []
