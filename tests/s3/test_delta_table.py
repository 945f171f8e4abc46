from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from tests.s3.conftest import OpenStore
from tests.s3.s3_servers import READER, Key
from tests.spark.bucket_runs import BucketRun, environment, numbers, run_blocks

from trackd_service import delta_table
from trackd_service.buckets import Bucket, BucketStore
from trackd_service.delta_table import Published, PublishFailed, publish
from trackd_service.manifests import manifest_name, run_folder

# What people call projects: nothing of it may become a path or break the table's log.
AWKWARD = (
    "プロジェクト",
    "a/b=c",
    'it\'s "so"',
    "50 % {x}",
    "ü" * 64,
    "run_id=1",
    " ",
    "__HIVE_DEFAULT_PARTITION__",
)


@pytest.fixture
def store(open_store: OpenStore) -> BucketStore:
    return open_store()


@pytest.fixture
def run(store: BucketStore, tmp_path: Path) -> BucketRun:
    run = BucketRun(store, tmp_path, "vision", "r1")
    for start in (0, 10):
        run.add(numbers("loss", range(start, start + 10), range(start, start + 10)))
    run.put_manifest()
    return run


def open_table(store: BucketStore) -> DeltaTable:
    return DeltaTable(store.bucket.url, storage_options=delta_table._storage_options(store.bucket))


def listed(store: BucketStore) -> dict[str, tuple[str, str, int]]:
    """Returns what the table lists: project, run id and point count by path."""
    actions = pa.table(open_table(store).get_add_actions(flatten=True)).to_pylist()
    assert len({action["path"] for action in actions}) == len(actions)
    return {
        action["path"]: (action["partition.project"], action["partition.run_id"], action["num_records"])
        for action in actions
    }


def points(store: BucketStore) -> list[tuple[str, str, int, float]]:
    """Returns project, run id, step and value of all numbers, as the document's DuckDB sees them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(store):
            patch.setenv(name, value)
        with run_blocks("Where the bucket is", "DuckDB")["connection"] as connection:
            query = "SELECT project, run_id, step, value FROM points WHERE kind = 'number' ORDER BY ALL"
            rows: list[tuple[str, str, int, float]] = connection.sql(query).fetchall()
            return rows


def test_nothing_to_publish_makes_no_table(store: BucketStore) -> None:
    published = publish(store)
    assert published == Published(
        None, 0, 0, f"there is nothing to publish at {store.bucket.url}: no run has segments there"
    )
    assert store.list("") == []


def test_publish_lists_the_segments_where_they_lie(store: BucketStore, run: BucketRun) -> None:
    before = {entry.name: entry.etag for entry in store.entries("")}
    published = publish(store)
    assert published == Published(
        0,
        2,
        0,
        f"the Delta table at {store.bucket.url} has version 0 now: 2 segments added, 0 segments removed",
    )
    assert listed(store) == dict.fromkeys(run.files, ("vision", "r1", 10))
    assert {entry.name: entry.etag for entry in store.entries("") if "_delta_log" not in entry.name} == before
    assert points(store) == [("vision", "r1", step, float(step)) for step in range(20)]


def test_publish_again_makes_no_version(store: BucketStore, run: BucketRun) -> None:
    publish(store)
    run.put_manifest()
    assert publish(store) == Published(
        0, 0, 0, f"the Delta table at {store.bucket.url} was up to date at version 0"
    )
    assert open_table(store).version() == 0


@pytest.mark.parametrize("is_first", [True, False])
def test_names_of_projects_and_runs_come_back_as_they_are(
    store: BucketStore, tmp_path: Path, *, is_first: bool
) -> None:
    if not is_first:  # The table's first version is written by another call of the library than the next.
        other = BucketRun(store, tmp_path, "other", "r")
        other.add(numbers("loss", [0], [0.0]))
        other.put_manifest()
        publish(store)
    for number, name in enumerate(AWKWARD):
        run = BucketRun(store, tmp_path, name, name[::-1])
        run.add(numbers("loss", [number], [1.5]))
        run.put_manifest()
    publish(store)
    found = {step: (project, run_id) for project, run_id, step, value in points(store) if value}
    assert found == {number: (name, name[::-1]) for number, name in enumerate(AWKWARD)}


def test_merged_segments_take_the_place_of_the_old_ones_in_one_version(
    store: BucketStore, run: BucketRun
) -> None:
    publish(store)
    before = points(store)
    run.merge()
    run.put_manifest()
    published = publish(store)
    assert (published.version, published.added_count, published.removed_count) == (1, 1, 2)
    assert listed(store) == dict.fromkeys(run.files, ("vision", "r1", 20))
    assert points(store) == before


def test_run_of_several_stores_is_listed_whole(store: BucketStore, run: BucketRun, tmp_path: Path) -> None:
    other = BucketRun(store, tmp_path, run.project, run.run_id, store_id="00000000000000bb")
    other.add(numbers("loss", range(20, 25), range(20, 25)))
    other.put_manifest()
    publish(store)
    assert set(listed(store)) == run.files | other.files
    assert [step for _, _, step, _ in points(store)] == list(range(25))


def test_run_that_another_store_has_pulled_is_listed_once(
    store: BucketStore, run: BucketRun, tmp_path: Path
) -> None:
    copy = BucketRun(store, tmp_path, run.project, run.run_id, store_id="00000000000000bb", writer_id="w1")
    copy.segments = list(run.segments)
    copy.merge()
    copy.put_manifest()
    run.writer_id = "w1"
    run.put_manifest()
    publish(store)
    assert [step for _, _, step, _ in points(store)] == list(range(20))


def test_server_that_is_not_there_is_told_in_bounded_time(open_store: OpenStore) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # Bound, so that it is nobody else's, and never listening.
        start = time.monotonic()
        with pytest.raises(PublishFailed, match="look whether"):
            publish(open_store(f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert time.monotonic() - start < 30


def test_deleted_run_leaves_the_table(store: BucketStore, run: BucketRun) -> None:
    publish(store)
    store.delete(run.manifest_name)
    published = publish(store)
    assert (published.added_count, published.removed_count) == (0, 2)
    assert listed(store) == {}
    assert publish(store).version == 1


def test_run_whose_manifest_cannot_be_read_stays_and_is_named(
    store: BucketStore, run: BucketRun, tmp_path: Path
) -> None:
    publish(store)
    store.replace(run.manifest_name, run.manifest().dump().replace(b'"version":1', b'"version":99'))
    other = BucketRun(store, tmp_path, "vision", "r2")
    other.add(numbers("loss", [1], [1.0]))
    other.put_manifest()
    published = publish(store)
    assert set(listed(store)) == run.files | other.files
    assert run.manifest_name in published.sentence
    assert "99" in published.sentence


def test_other_objects_beside_the_manifests_are_left_alone(store: BucketStore, run: BucketRun) -> None:
    store.put(f"runs/{run_folder('a', 'b')}/notes.txt", b"hello")
    assert publish(store).sentence.endswith("removed")
    assert set(listed(store)) == run.files


def test_publisher_that_was_overtaken_lists_nothing_that_was_merged_meanwhile(
    store: BucketStore, run: BucketRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store)
    run.add(numbers("loss", range(20, 30), range(20, 30)))
    run.put_manifest()
    read = delta_table._read_manifests

    def read_and_be_overtaken(store: BucketStore) -> delta_table._Listed:
        found = read(store)
        monkeypatch.setattr(delta_table, "_read_manifests", read)
        run.merge()
        run.put_manifest()
        assert publish(store).version == 1
        return found

    monkeypatch.setattr(delta_table, "_read_manifests", read_and_be_overtaken)
    assert publish(store).version == 1
    assert set(listed(store)) == run.files
    assert [step for _, _, step, _ in points(store)] == list(range(30))


def test_publisher_that_is_always_overtaken_says_so(
    store: BucketStore, run: BucketRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store)
    run.add(numbers("loss", [20], [20.0]))
    run.put_manifest()
    table = open_table(store)
    monkeypatch.setattr(delta_table, "_open", lambda *_: table)
    assert publish(store).version == 1
    with pytest.raises(PublishFailed, match="let one process publish"):
        publish(store)
    assert set(listed(store)) == run.files


@pytest.mark.parametrize("is_first", [True, False])
def test_publishers_at_once_leave_one_whole_table(
    store: BucketStore, run: BucketRun, *, is_first: bool
) -> None:
    if not is_first:
        publish(store)
        run.merge()
        run.put_manifest()
    publisher_count = 4
    barrier = threading.Barrier(publisher_count)

    def publish_together(_: int) -> Published | PublishFailed:
        barrier.wait(60)
        try:
            return publish(store)
        except PublishFailed as error:
            return error

    with ThreadPoolExecutor(publisher_count) as pool:
        outcomes = list(pool.map(publish_together, range(publisher_count)))
    added = [one.added_count for one in outcomes if isinstance(one, Published)]
    assert sum(added) == len(run.files)
    assert set(listed(store)) == run.files
    assert points(store) == [("vision", "r1", step, float(step)) for step in range(20)]
    assert publish(store).version == (0 if is_first else 1)


def test_table_of_somebody_else_is_left_alone(store: BucketStore, run: BucketRun) -> None:
    options = delta_table._storage_options(store.bucket)
    write_deltalake(store.bucket.url, pa.table({"x": [1], "y": ["a"]}), storage_options=options)
    with pytest.raises(PublishFailed, match="columns x, y, which trackd has not published"):
        publish(store)
    assert open_table(store).version() == 0
    assert len(run.files) == 2


def test_vacuum_refuses_to_delete_what_the_table_does_not_list(store: BucketStore, run: BucketRun) -> None:
    publish(store)
    with pytest.raises(DeltaError, match="retention"):
        open_table(store).vacuum(retention_hours=24 * 365, full=True)
    assert open_table(store).vacuum(full=True) == []
    assert set(run.files) <= set(store.list("segments/"))


def test_missing_library_is_one_sentence(store: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(PublishFailed, match=r"pip install 'trackd\[delta\]'"):
        publish(store)


def test_credentials_that_may_only_read_are_told_so(
    store: BucketStore, run: BucketRun, use_key: Callable[[Key], None]
) -> None:
    use_key(READER)
    with pytest.raises(PublishFailed, match="AccessDenied"):
        publish(store)
    assert store.list("_delta_log/") == []
    assert len(run.files) == 2


def test_what_a_server_says_of_credentials_is_not_repeated() -> None:
    text = (
        "403 Forbidden <Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>canary</AWSAccessKeyId></Error>"
    )
    error = delta_table._failure(Bucket.parse("s3://team"), OSError(text))
    assert "the server answered InvalidAccessKeyId" in str(error)
    assert "canary" not in str(error)


@pytest.mark.parametrize("token", ["", "canary-token"])
def test_credentials_stand_in_no_error_and_no_log(
    open_store: OpenStore,
    run: BucketRun,
    use_key: Callable[[Key], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    token: str,
) -> None:
    caplog.set_level(logging.DEBUG, "trackd_service")
    use_key(Key("canaryaccesskey", "canarysecret", ()))
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    with pytest.raises(PublishFailed) as caught:
        publish(open_store())
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in repr(error)
        error = error.__cause__ or error.__context__
    assert "canary" not in caplog.text
    assert len(run.files) == 2


def test_region_endpoint_and_credentials_are_those_of_the_bucket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        "[team]\naws_access_key_id = k1\naws_secret_access_key = s1\naws_session_token = t1\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    options = delta_table._storage_options(Bucket.parse("s3://team", profile="team"))
    assert options["AWS_ACCESS_KEY_ID"] == "k1"
    assert options["AWS_SESSION_TOKEN"] == "t1"
    assert options["AWS_REGION"] == "eu-west-1"
    assert not {"AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP"} & set(options)
    options = delta_table._storage_options(Bucket.parse("s3://team", "https://s3.example.org", "r", "team"))
    assert options["AWS_REGION"] == "r"
    assert options["AWS_ENDPOINT_URL"] == "https://s3.example.org"
    assert "AWS_ALLOW_HTTP" not in options
    plain = delta_table._storage_options(Bucket.parse("s3://team", "http://10.0.0.1:9000", "r", "team"))
    assert plain["AWS_ALLOW_HTTP"] == "true"


def test_profile_that_is_not_there_is_told(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    other = BucketStore(
        Bucket.parse(store.bucket.url, store.bucket.endpoint_url, profile="nobody"), scratch=tmp_path
    )
    with pytest.raises(PublishFailed, match="ProfileNotFound"):
        publish(other)


def test_manifest_that_vanishes_while_it_is_read_is_a_run_that_is_gone(
    store: BucketStore, run: BucketRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed_names = [manifest_name("gone", "run", "00000000000000cc"), run.manifest_name]
    monkeypatch.setattr(store, "list", lambda _: listed_names)
    assert publish(store).added_count == 2
