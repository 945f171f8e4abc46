"""Owns what the tests of the upload share: stores whose daemon uploads, a look into bucket and store, and the referee.

Invariants: the referee looks at bytes and at SQLite files, never through what is tested; every daemon that was started here
ends with its `with`, and so does the cache of a bucket.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.conftest import POLL_INTERVAL_SECONDS, stop_daemons
from tests.s3.s3_servers import ADMIN, Key
from tests.service import reading

import trackd
from trackd import _daemon, _process
from trackd._connection import Connection
from trackd.v1 import upload_service_pb2, upload_service_pb2_grpc
from trackd_service import upload_settings
from trackd_service.manifests import Manifest, parse_name
from trackd_service.streams import ROW_KEY
from trackd_service.upload_settings import UploadSettings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PROJECT = "upload"
# The shortest that there is: tests wait for it again and again.
INTERVAL_SECONDS = 0.5
# For what takes a second on an idle machine; others work on this one as well.
PATIENCE_SECONDS = 90.0

_T = TypeVar("_T")
Status = upload_service_pb2.UploadStatus


def clear_environment(monkeypatch: pytest.MonkeyPatch, key: Key = ADMIN) -> None:
    """Leaves this process, and all that it starts, the tests' credentials and no setting of the person who runs them."""
    for name in os.environ:
        if name.startswith(("TRACKD_", "WANDB_", "AWS_")):
            monkeypatch.delenv(name)
    for name, value in key.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TRACKD_CAPTURES", "none")  # looking around in folders is not what is tested here


def wait_for(
    condition: Callable[[], _T], what: Callable[[], object] | str, timeout_seconds: float = PATIENCE_SECONDS
) -> _T:
    """Returns what `condition` returns once that is true; fails the test, with `what`, when that takes too long."""
    deadline = time.monotonic() + timeout_seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {timeout_seconds:g} s for {words}")
        time.sleep(5 * POLL_INTERVAL_SECONDS)
    return found


class UploadStore:
    """A store of a test's own whose daemon uploads; a context manager.

    Attributes:
        folder: The store's folder.
    """

    def __init__(self, url: str = "", endpoint_url: str = "", **settings: Any) -> None:
        """Makes the store; with a URL it has an upload.json that sends there, soon."""
        # Short, as a Unix socket's path has to be.
        self.folder = Path(tempfile.mkdtemp(prefix="trackd-"))
        self._connections: list[Connection] = []
        if url:
            self.configure(url, endpoint_url, **settings)

    @staticmethod
    @contextlib.contextmanager
    def of(folder: Path) -> Iterator[UploadStore]:
        """Gives a look at a store that somebody else has made, and ends."""
        store = object.__new__(UploadStore)
        store.folder, store._connections = folder, []
        try:
            yield store
        finally:
            for connection in store._connections:
                connection.close()

    def __enter__(self) -> UploadStore:  # noqa: PYI034  # `Self` is younger than Python 3.10.
        return self

    def __exit__(self, *_: object) -> None:
        for run in _process.running():
            run.finish(quiet=True)  # an open run would start another daemon
        for connection in self._connections:
            connection.close()
        stop_daemons(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __str__(self) -> str:
        """Returns the folder's path."""
        return str(self.folder)

    # -- the daemon ----------------------------------------------------------------------------------------------

    def configure(self, url: str, endpoint_url: str, **settings: Any) -> None:
        """Writes upload.json, as a person would beside a daemon that runs."""
        settings = {"interval_seconds": INTERVAL_SECONDS, **settings}
        upload_settings.save(self.folder, UploadSettings(url, endpoint_url, **settings))

    def start(self) -> None:
        """Starts a daemon with the environment as it is now, and returns once it answers."""
        _daemon.start(str(self.folder))
        wait_for(lambda: self.pid, "a daemon that answers")

    @property
    def pid(self) -> int:
        """The daemon's process, 0 while none answers."""
        endpoint = _daemon.read_endpoint(str(self.folder))
        is_there = endpoint is not None and _daemon.is_alive(str(self.folder))
        return endpoint.pid if is_there and endpoint is not None and psutil.pid_exists(endpoint.pid) else 0

    def kill(self) -> None:
        """Ends the daemon and its helpers as a crash would."""
        pid = self.pid
        if not pid:
            return
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            process = psutil.Process(pid)
            helpers = process.children(recursive=True)
            os.kill(pid, signal.SIGKILL)
            process.wait(60)
            for helper in helpers:
                # They end with their parent; one that is sending has to be as dead as the machine would be.
                with contextlib.suppress(psutil.NoSuchProcess):
                    helper.kill()

    def stop(self) -> None:
        """Ends the daemon in its own order."""
        stop_daemons(self.folder)

    def ask(self, ask: Callable[[Any, dict[str, Any]], _T], *, timeout_seconds: float = 30) -> _T:
        """Returns `ask(stub, options)` with the stub of UploadService. Raises trackd.CommError."""
        connection = Connection(str(self.folder), timeout_seconds)
        self._connections.append(connection)
        return connection._call(upload_service_pb2_grpc.UploadServiceStub, ask)

    def status(self) -> Status:
        """Returns how the upload stands."""
        request = upload_service_pb2.GetUploadRequest()
        answer = self.ask(lambda stub, options: stub.GetUpload(request, **options))
        found: Status = answer.status
        return found

    def sync(self) -> None:
        """Has everything sent now."""
        request = upload_service_pb2.StartSyncRequest()
        self.ask(lambda stub, options: stub.StartSync(request, **options))

    def pull(
        self, url: str, endpoint_url: str, project: str = "", run_id: str = ""
    ) -> list[upload_service_pb2.PullRunsResponse]:
        """Copies runs of a bucket here; returns all words of progress."""
        source = upload_service_pb2.UploadSettings(url=url, endpoint_url=endpoint_url)
        request = upload_service_pb2.PullRunsRequest(source=source, project=project, run_id=run_id)
        return self.ask(lambda stub, options: list(stub.PullRuns(request, **options)))

    def verify(self, *, read_bucket: bool = False) -> tuple[list[str], int, int]:
        """Returns what is wrong, how many files were looked at, and how many there were."""
        request = upload_service_pb2.VerifyRequest(read_bucket=read_bucket)
        answers = self.ask(lambda stub, options: list(stub.Verify(request, **options)))
        findings = [finding for answer in answers for finding in answer.findings]
        return findings, answers[-1].checked_count, answers[-1].total_count

    def log_text(self) -> str:
        """Returns what the daemon has logged."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "daemon.log").read_text(encoding="utf-8", errors="replace")
        return ""

    # -- runs ----------------------------------------------------------------------------------------------------

    def init(self, run_id: str, **options: Any) -> trackd.Run:
        """Begins a run of this process in the store."""
        settings = {"store": str(self.folder), "quiet": True, "finish_timeout_seconds": 20.0}
        return trackd.init(id=run_id, settings=settings, **{"project": PROJECT, **options})

    def log_run(self, run_id: str, count: int = 20, **options: Any) -> None:
        """Logs a run of `count` rows, and ends it."""
        run = self.init(run_id, **options)
        for index in range(count):
            run.log(row(index))
        run.finish()

    @property
    def store_id(self) -> str:
        """What tells the store from others in a bucket; empty before it has uploaded."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "store_id").read_text().strip()
        return ""

    def synced_step(self, run_id: str) -> int | None:
        """Returns the run's synced step as the document over gRPC has it."""
        with contextlib.suppress(Exception):
            run = reading.get_run(run_id, PROJECT, str(self.folder))
            return run.synced_step if run.HasField("synced_step") else None
        return None

    # -- the referee ---------------------------------------------------------------------------------------------

    def lag(self) -> list[str]:
        """Says which runs have not ended, or whose last commit the bucket has not confirmed; empty when none."""
        commits = _select(
            self.folder / "catalog.sqlite", "SELECT project, run_id, commit_number, state FROM runs"
        )
        confirmed = {
            (project, run_id): number
            for project, run_id, number in _select(
                self.folder / "upload.sqlite", "SELECT project, run_id, commit_number FROM runs"
            )
        }
        logs = [path.name for path in (self.folder / "log").glob("*.log")]
        return [
            f"{project}/{run_id}: {state}, commit {number}, confirmed {confirmed.get((project, run_id))}"
            for project, run_id, number, state in commits
            if state == "running" or confirmed.get((project, run_id)) != number
        ] + logs

    def wait_whole(
        self, raw: S3Client, url: str, *run_ids: str, timeout_seconds: float = PATIENCE_SECONDS
    ) -> BucketContent:
        """Waits until these runs have ended and are whole in the bucket, checks every byte, and returns what is there."""

        def is_whole() -> bool:
            known = {
                run_id for (run_id,) in _select(self.folder / "catalog.sqlite", "SELECT run_id FROM runs")
            }
            return set(run_ids) <= known and not self.lag()

        deadline = time.monotonic() + timeout_seconds
        while True:
            wait_for(
                is_whole,
                lambda: f"{run_ids} in the bucket: {self.lag()}\n{self.log_text()[-3000:]}",
                max(1.0, deadline - time.monotonic()),
            )
            content = BucketContent.read(raw, url)
            if is_whole():  # else segments were merged while they were read
                content.check(self)
                return content


def row(index: int) -> dict[str, Any]:
    """Returns the row that tests log at a step: its values say which one it is."""
    values: dict[str, Any] = {"index": index, "value": index * 0.5}
    if index % 10 == 0:
        values["note"] = f"row {index}"
    return values


def check_rows(store: str | Path, run_id: str, count: int, project: str = PROJECT) -> None:
    """Checks that a store shows `count` rows of `row`, each once."""
    found = reading.series(run_id, "index", "value", "note", project=project, store=str(store))
    expected = range(count)
    assert found[("index", "number")] == [(index, index) for index in expected]
    assert found[("value", "number")] == [(index, index * 0.5) for index in expected]
    assert found[("note", "string")] == [(index, f"row {index}") for index in expected if index % 10 == 0]


@dataclass
class BucketContent:
    """Everything that lies under a prefix, by name."""

    objects: dict[str, bytes]

    @staticmethod
    def read(raw: S3Client, url: str) -> BucketContent:
        """Reads it, behind the back of what is tested."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        found: dict[str, bytes] = {}
        token: dict[str, Any] = {}
        while True:
            page = raw.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", **token)
            for item in page.get("Contents", []):
                with contextlib.suppress(raw.exceptions.NoSuchKey):
                    answer = raw.get_object(Bucket=bucket, Key=item["Key"])
                    with contextlib.closing(answer["Body"]) as body:
                        found[item["Key"].removeprefix(f"{prefix}/")] = body.read()
            if not page.get("IsTruncated"):
                return BucketContent(found)
            token = {"ContinuationToken": page["NextContinuationToken"]}

    @property
    def manifests(self) -> list[Manifest]:
        """The manifests."""
        return [Manifest.load(data) for name, data in sorted(self.objects.items()) if parse_name(name)]

    def check(self, store: UploadStore) -> None:
        """Checks that the bucket has each run of a store as its catalog and its files have it, byte for byte, once."""
        own = {
            (manifest.project, manifest.run_id): manifest
            for manifest in self.manifests
            if manifest.store_id == store.store_id
        }
        rows = _select(
            store.folder / "catalog.sqlite", "SELECT run_key, project, run_id, document, summary FROM runs"
        )
        assert own.keys() == {(project, run_id) for _, project, run_id, _, _ in rows}
        for key, project, run_id, document, summary in rows:
            manifest = own[(project, run_id)]
            assert manifest.document == json.loads(document)
            assert manifest.summary == summary
            assert not manifest.pending
            segments = _select(
                store.folder / "catalog.sqlite",
                "SELECT name, position, point_count, size_bytes FROM segments WHERE run_key = ? ORDER BY position",
                key,
            )
            listed = [
                (one.row.name, one.row.position, one.row.point_count, one.row.size_bytes)
                for one in manifest.segments
            ]
            assert listed == segments
            uses = _select(
                store.folder / "catalog.sqlite",
                "SELECT sha256, size_bytes FROM object_uses WHERE run_key = ?",
                key,
            )
            assert dict(manifest.objects) == dict(uses)
            files = [file for segment in manifest.segments for file in segment.files()]
            files += [
                (f"files/{sha256[:2]}/{sha256}", size, sha256) for sha256, size in manifest.objects.items()
            ]
            for name, size_bytes, sha256 in files:
                data = self.objects[name]
                assert (len(data), hashlib.sha256(data).hexdigest()) == (size_bytes, sha256), name
                assert data == (store.folder / "objects" / name).read_bytes(), name
            self.check_once(manifest)

    def check_once(self, manifest: Manifest) -> None:
        """Checks that no point of a manifest's segments is there twice, and that they have as many as is said."""
        tables = [self.table(segment.row.name) for segment in manifest.segments]
        assert [len(table) for table in tables] == [segment.row.point_count for segment in manifest.segments]
        if not tables:
            return
        names = ("metric", "kind", "step")
        points = pa.table({name: pa.concat_arrays(_chunks(tables, name)) for name in names})
        # A row without values is noted once a writer, and counts nothing.
        points = points.filter(pc.not_equal(points["metric"], ROW_KEY))
        counts = points.group_by(list(names)).aggregate([([], "count_all")])
        twice = counts.filter(pc.greater(counts["count_all"], 1)).to_pylist()
        assert not twice, f"{manifest.run_id}: {len(twice)} points are there twice, such as {twice[:3]}"

    def table(self, segment: str) -> pa.Table:
        """Returns a segment's Parquet file."""
        return pq.read_table(BytesIO(self.objects[f"segments/{segment}.parquet"]))

    def series(self, run_id: str, metric: str) -> tuple[list[int], list[Any]]:
        """Returns the steps and the numbers of a metric, from all that manifests list of a run, sorted by step."""
        steps: list[int] = []
        numbers: list[Any] = []
        for manifest in self.manifests:
            if manifest.run_id != run_id:
                continue
            for segment in manifest.segments:
                table = self.table(segment.row.name)
                table = table.filter(pc.equal(table["metric"], metric))
                steps += table["step"].to_pylist()
                numbers += pc.coalesce(table["value_int"].cast(pa.float64()), table["value"]).to_pylist()
        order = sorted(range(len(steps)), key=steps.__getitem__)
        return [steps[place] for place in order], [numbers[place] for place in order]

    def unlisted(self) -> set[str]:
        """Returns what no manifest speaks of, and is no manifest."""
        names = {name for name in self.objects if parse_name(name) is None}
        for manifest in self.manifests:
            names -= {file[0] for segment in manifest.segments for file in segment.files()}
            names -= {
                f"segments/{name}.{ending}"
                for name in manifest.superseded
                for ending in ("parquet", "levels")
            }
            names -= {f"files/{sha256[:2]}/{sha256}" for sha256 in manifest.objects}
        return names


def copy_bucket(raw: S3Client, source_url: str, target_url: str) -> None:
    """Copies everything under a prefix, with what is noted beside it, to another one."""
    bucket, _, source = source_url.removeprefix("s3://").partition("/")
    _, _, target = target_url.removeprefix("s3://").partition("/")
    for name in BucketContent.read(raw, source_url).objects:
        raw.copy_object(
            Bucket=bucket, Key=f"{target}/{name}", CopySource={"Bucket": bucket, "Key": f"{source}/{name}"}
        )


def put_object(raw: S3Client, url: str, name: str, data: bytes) -> None:
    """Puts bytes over whatever lies under a name, behind the back of what is tested."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    raw.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=data)


def delete_objects(raw: S3Client, url: str, *names: str) -> None:
    """Deletes objects, behind the back of what is tested."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    for name in names:
        raw.delete_object(Bucket=bucket, Key=f"{prefix}/{name}")


def flipped(data: bytes) -> bytes:
    """Returns bytes with one bit turned, in the middle."""
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    return bytes(changed)


@contextlib.contextmanager
def open_bucket(url: str, endpoint_url: str, cache: Path) -> Iterator[trackd.Api]:
    """Opens a bucket as people do, `Api(store="s3://…")`, with its cache under a folder; its daemon ends with the block."""
    variables = {"XDG_CACHE_HOME": str(cache), "TRACKD_UPLOAD_ENDPOINT_URL": endpoint_url}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        api = trackd.Api(store=url)
        try:
            yield api
        finally:
            api.close()
            stop_daemons(Path(api.store))
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def start_script(source: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts Python source as a training process; what it writes is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _chunks(tables: list[pa.Table], name: str) -> list[pa.Array]:
    """Returns a column of several tables, in pieces; dictionaries as what they stand for."""
    chunks = [chunk for table in tables for chunk in table[name].chunks]
    return [chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk for chunk in chunks]


def _select(path: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Returns the rows of a question to a SQLite file that a daemon may be writing; none while there is no such table."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as connection:
            return connection.execute(query, values).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error) or "unable to open" in str(error):
            return []
        raise
