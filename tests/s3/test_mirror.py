"""A bucket that is opened as a store shows what others write there, live, and never what is damaged or was made up."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from tests.conftest import stop_daemons
from tests.s3.fault_proxy import Fault, FaultProxy
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
    open_bucket,
    put_object,
    row,
    wait_for,
)
from tests.service import reading
from tests.service.reading import endpoint_of

import trackd
from trackd._connection import Connection
from trackd.v1 import (
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    records_pb2,
    run_service_pb2,
    store_service_pb2,
    upload_service_pb2,
    upload_service_pb2_grpc,
)
from trackd_service.manifests import Manifest, manifest_name, parse_name, run_folder

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

KEPT = b"kept with the run"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture(scope="module")
def original(s3_server: S3Server, bucket_name: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Gives a place in the bucket with two ended runs, `one` and `two`, each with a file; nobody changes it."""
    url = f"s3://{bucket_name}/{uuid4().hex}"
    kept = tmp_path_factory.mktemp("kept") / "kept.txt"
    kept.write_bytes(KEPT)
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        with (
            UploadStore(url, s3_server.endpoint_url) as store,
            contextlib.closing(s3_server.client()) as raw,
        ):
            for run_id in ("one", "two"):
                run = store.init(run_id)
                for index in range(30):
                    run.log(row(index))
                run.save(str(kept), base_path=str(kept.parent))
                run.finish()
            store.wait_whole(raw, url, "one", "two")
    return url


@dataclass(frozen=True)
class Place:
    """A copy of the two runs, which a test may change, and how it is opened."""

    url: str
    raw: S3Client
    proxy: FaultProxy
    cache: Path

    def open(self) -> contextlib.AbstractContextManager[trackd.Api]:
        """Opens it through the proxy."""
        return open_bucket(self.url, self.proxy.endpoint_url, self.cache)

    def content(self) -> BucketContent:
        """Returns what is there."""
        return BucketContent.read(self.raw, self.url)

    def manifest(self, run_id: str) -> Manifest:
        """Returns a run's manifest."""
        objects = self.content().objects
        (found,) = (name for name in objects if name.startswith(f"runs/{run_folder(PROJECT, run_id)}/"))
        return Manifest.load(objects[found])

    def put(self, name: str, data: bytes) -> None:
        """Puts bytes over an object."""
        put_object(self.raw, self.url, name, data)


@pytest.fixture
def place(original: str, bucket_url: str, raw: S3Client, proxy: FaultProxy, tmp_path: Path) -> Place:
    copy_bucket(raw, original, bucket_url)
    return Place(bucket_url, raw, proxy, tmp_path / "cache")


def log_of(api: trackd.Api) -> str:
    """Returns what the daemon of a bucket's cache has logged."""
    return (Path(api.store) / "daemon.log").read_text(encoding="utf-8")


def sentence_of(api: trackd.Api) -> str:
    """Returns what is wrong with the bucket, as the daemon tells it."""
    request = upload_service_pb2.GetUploadRequest()
    connection = Connection(api.store, 20)
    answer = connection._call(
        upload_service_pb2_grpc.UploadServiceStub, lambda stub, options: stub.GetUpload(request, **options)
    )
    connection.close()
    return str(answer.status.sentence)


def test_run_that_trains_elsewhere_appears_and_grows(
    bucket_url: str, s3_server: S3Server, proxy: FaultProxy, tmp_path: Path
) -> None:
    with (
        UploadStore(bucket_url, s3_server.endpoint_url) as store,
        open_bucket(bucket_url, proxy.endpoint_url, tmp_path / "cache") as there,
    ):
        assert len(there.runs(PROJECT)) == 0
        run = store.init("live")
        for index in range(20):
            run.log(row(index))
        wait_for(
            lambda: [each.id for each in there.runs(PROJECT)] == ["live"], "the run in the bucket's view"
        )
        wait_for(lambda: len(index_of(there, "live")) == 20, "its first rows")
        assert there.run(f"{PROJECT}/live").state == "running"
        for index in range(20, 40):
            run.log(row(index))
        wait_for(lambda: len(index_of(there, "live")) == 40, "its next rows")
        run.finish()
        wait_for(lambda: there.run(f"{PROJECT}/live").state == "finished", "its end")
        check_rows(there.store, "live", 40)


# What a damaged file is told by, through either way of reading.
TOLD = (trackd.CommError, grpc.RpcError)


def index_of(api: trackd.Api, run_id: str) -> list[Any]:
    found = reading.series(run_id, "index", project=PROJECT, store=api.store)
    return found.get(("index", "number"), [])


def read_all(api: trackd.Api) -> None:
    """Reads everything of both runs, and checks it; starts a daemon where none is."""
    api.projects()
    for run_id in ("one", "two"):
        check_rows(api.store, run_id, 30)
        run = api.run(f"{PROJECT}/{run_id}")
        (file,) = (file for file in run.files() if file.name == "kept.txt")
        assert file.read() == KEPT
        assert run.summary["index"] == 29


def test_what_was_fetched_is_not_fetched_again_also_by_the_next_daemon(place: Place) -> None:
    with place.open() as there:
        read_all(there)
        # Gone from the bucket, and still here.
        names = [name for name in place.content().objects if parse_name(name) is None]
        delete_objects(place.raw, place.url, *names)
        read_all(there)
        stop_daemons(Path(there.store))
        place.proxy.reset_counts()
        begin_seconds = time.monotonic()
        read_all(there)
        looks_max = 3 + (time.monotonic() - begin_seconds) / 2
        assert set(place.proxy.requests) <= {"GET"}
        assert place.proxy.requests["GET"] <= looks_max, "one listing a look, and nothing else"


def test_nothing_is_written_through_it(place: Place) -> None:
    words = f"this store shows {place.url}, which is written from elsewhere, and cannot be changed here"
    with place.open() as there:
        before = place.content().objects
        identity = records_pb2.RunIdentity(project=PROJECT, run_id="one")
        connection = Connection(there.store, 20)
        writes: list[Callable[[], object]] = [
            lambda: there.run(f"{PROJECT}/one").delete(),
            lambda: connection.manage(
                lambda stub, options: stub.CreateRun(
                    run_service_pb2.CreateRunRequest(
                        begin=records_pb2.WriterBegin(run=identity, writer_id="0" * 32)
                    ),
                    **options,
                )
            ),
            lambda: connection.manage(
                lambda stub, options: stub.UpdateRun(
                    run_service_pb2.UpdateRunRequest(
                        run=identity, update=records_pb2.RunUpdate(name="other")
                    ),
                    **options,
                )
            ),
            lambda: connection.manage(
                lambda stub, options: stub.FinishRun(
                    run_service_pb2.FinishRunRequest(run=identity, writer_id="0" * 32), **options
                )
            ),
            lambda: connection.administer(
                lambda stub, options: stub.SavePreset(
                    store_service_pb2.SavePresetRequest(
                        preset=store_service_pb2.Preset(id="a/b", specification_json='{"mark": "bar"}')
                    ),
                    **options,
                )
            ),
            lambda: connection.administer(
                lambda stub, options: stub.DeletePreset(
                    store_service_pb2.DeletePresetRequest(id="a/b"), **options
                )
            ),
            lambda: connection.put_object(b"data"),
            lambda: connection._call(
                ingest_service_pb2_grpc.IngestServiceStub,
                lambda stub, options: stub.Append(
                    ingest_service_pb2.AppendRequest(run=identity, writer_id="0" * 32), **options
                ),
            ),
            lambda: connection._call(
                upload_service_pb2_grpc.UploadServiceStub,
                lambda stub, options: stub.SetUpload(upload_service_pb2.SetUploadRequest(), **options),
            ),
            lambda: connection._call(
                upload_service_pb2_grpc.UploadServiceStub,
                lambda stub, options: stub.StartSync(upload_service_pb2.StartSyncRequest(), **options),
            ),
            lambda: connection._call(
                upload_service_pb2_grpc.UploadServiceStub,
                lambda stub, options: list(
                    stub.PullRuns(
                        upload_service_pb2.PullRunsRequest(
                            source=upload_service_pb2.UploadSettings(url=place.url)
                        ),
                        **options,
                    )
                ),
            ),
        ]
        for number, write in enumerate(writes):
            with pytest.raises(trackd.CommError) as caught:
                write()
            assert words in str(caught.value), number
        for method, path in (("PUT", "/api/v1/presets/a/b"), ("DELETE", "/api/v1/presets/a/b")):
            status, text = http(there.store, method, path, {"title": "t", "specification": {"mark": "bar"}})
            assert (status, words in text) == (409, True), (method, text)
        connection.close()
        read_all(there)
        assert there.run(f"{PROJECT}/one").display_name != "other"
        assert place.content().objects == before
        with pytest.raises(ValueError, match="can only be read"):
            trackd.init(project=PROJECT, settings={"store": place.url})


def http(store: str, method: str, path: str, body: object) -> tuple[int, str]:
    """Returns the status and the body of the daemon's answer."""
    import urllib.error
    import urllib.request

    endpoint = endpoint_of(store)
    request = urllib.request.Request(
        endpoint.http_address + path,
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {endpoint.token}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_bucket_that_cannot_be_reached_at_first_says_so_and_is_shown_once_it_can(place: Place) -> None:
    place.proxy.inject(Fault("refuse"))
    with place.open() as there:
        with pytest.raises(trackd.CommError, match=r"could not list .* there was no answer"):
            len(there.runs(PROJECT))
        place.proxy.heal()
        wait_for(lambda: can_read(there), "the bucket that can be reached")
        read_all(there)


def can_read(api: trackd.Api) -> bool:
    try:
        return len(api.runs(PROJECT)) == 2
    except trackd.CommError:
        return False


def test_bucket_that_cannot_be_reached_any_more_leaves_what_was_fetched(place: Place) -> None:
    with place.open() as there:
        read_all(there)
        place.proxy.inject(Fault("answer", status=403, code="AccessDenied"))
        wait_for(lambda: "AccessDenied" in sentence_of(there), "the sentence")
        read_all(there)
        # The next daemon begins with what is here.
        stop_daemons(Path(there.store))
        with pytest.raises(trackd.CommError, match="AccessDenied"):
            read_all(there)
        place.proxy.heal()
        wait_for(lambda: can_read(there) and not sentence_of(there), "the end of the sentence")
        read_all(there)


@pytest.mark.parametrize("part", ["levels", "parquet", "file"])
def test_damaged_object_is_told_and_never_shown(place: Place, part: str) -> None:
    manifest = place.manifest("one")
    name = (
        f"files/{next(iter(manifest.objects))[:2]}/{next(iter(manifest.objects))}"
        if part == "file"
        else f"segments/{manifest.segments[0].row.name}.{part}"
    )
    good = place.content().objects[name]
    place.put(name, flipped(good))
    with place.open() as there:
        assert len(there.runs(PROJECT)) == 2
        check_rows(there.store, "two", 30)
        with pytest.raises(TOLD, match="other bytes came than were once sent"):
            read_all(there)
        assert not (Path(there.store) / "objects" / name).exists()
        check_rows(there.store, "two", 30)
        place.put(name, good)
        read_all(there)


def test_bits_turned_on_the_way_are_never_shown(place: Place) -> None:
    with place.open() as there:
        assert len(there.runs(PROJECT)) == 2
        place.proxy.inject(Fault("flip_response"), methods="GET")
        with pytest.raises(TOLD):
            read_all(there)
        place.proxy.heal()
        read_all(there)


def test_run_whose_files_are_damaged_holds_up_no_other_while_it_is_looked_at(place: Place) -> None:
    with place.open() as there:
        read_all(there)
        # Both go on elsewhere; what `one` got is damaged.
        for run_id in ("one", "two"):
            changed = json.loads(place.manifest(run_id).dump())
            changed["document"]["name"] = "renamed"
            if run_id == "one":
                segment = f"{changed['segments'][0]['name'][:16]}/{'e' * 32}"
                changed["segments"].append(dict(changed["segments"][0], name=segment, position=7))
                place.put(f"segments/{segment}.levels", b"damaged")
                place.put(f"segments/{segment}.parquet", b"damaged")
            store_id = changed["store_id"]
            place.put(manifest_name(PROJECT, run_id, store_id), json.dumps(changed).encode())
        wait_for(lambda: there.run(f"{PROJECT}/two").display_name == "renamed", "the other run")
        wait_for(lambda: "other bytes came" in sentence_of(there), "the sentence")
        check_rows(there.store, "two", 30)


def test_run_that_is_deleted_in_the_bucket_disappears(place: Place) -> None:
    with place.open() as there:
        read_all(there)
        manifest = place.manifest("one")
        delete_objects(place.raw, place.url, manifest_name(PROJECT, "one", manifest.store_id))
        wait_for(lambda: [run.id for run in there.runs(PROJECT)] == ["two"], "the end of the run")
        with pytest.raises(trackd.CommError):
            there.run(f"{PROJECT}/one")
        check_rows(there.store, "two", 30)


GARBAGE = {
    "nothing": b"",
    "text": b"no manifest",
    "list": b"[]",
    "number": b"7",
    "deep": b"[" * 100_000,
    "newer": b'{"format": "trackd-manifest", "version": 99}',
    "binary": bytes(range(256)),
}


def test_garbage_among_the_manifests_is_skipped_and_logged_once(place: Place) -> None:
    for number, data in enumerate(GARBAGE.values()):
        place.put(f"runs/{number:016x}/{'a' * 16}.json", data)
    place.put("runs/readme.txt", b"hello")
    with place.open() as there:
        read_all(there)
        assert len(there.runs()) == 2
        # Another look, brought about by another change.
        manifest = place.manifest("two")
        delete_objects(place.raw, place.url, manifest_name(PROJECT, "two", manifest.store_id))
        wait_for(lambda: len(there.runs()) == 1, "the next look")
        text = log_of(there)
        for number in range(len(GARBAGE)):
            assert text.count(f"runs/{number:016x}/{'a' * 16}.json in the bucket cannot be used") == 1
        assert "readme" not in text
        assert "update trackd" in text
        assert "Traceback" not in text


def hostile(manifest: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields manifests that nobody of good will writes, each with what is wrong with it."""

    def changed(**values: Any) -> dict[str, Any]:
        copy: dict[str, Any] = json.loads(json.dumps(manifest))
        copy.update(values)
        return copy

    def segment(**values: Any) -> dict[str, Any]:
        return changed(segments=[dict(manifest["segments"][0], **values)])

    def document(**values: Any) -> dict[str, Any]:
        return changed(document=dict(manifest["document"], **values))

    for name in (
        "../../../evil",
        "../" * 12 + "tmp/evil",
        "/tmp/evil",
        "a/../../evil",
        "..",
        "",
        ".incoming/x",
        "a\0b",
        "x" * 5000,
        "ä",
        7,
        None,
        ["a"],
        {"a": 1},
    ):
        yield f"segment {str(name)[:20]}", segment(name=name)
        yield f"superseded {str(name)[:20]}", changed(superseded_segments={str(name): 1})
        yield f"object {str(name)[:20]}", changed(objects={str(name): 1})
    for number in (-1, 1 << 63, 10**400, 1.5, "7", None, True, [1], float("inf"), float("nan")):
        for field in ("position", "point_count", "parquet_bytes", "levels_bytes"):
            yield f"{field} {str(number)[:20]}", segment(**{field: number})
        yield f"size {str(number)[:20]}", changed(objects={"0" * 64: number})
    for digest in ("", "0" * 63, "G" * 64, 7, None, "../" * 20):
        yield f"sha256 {str(digest)[:20]}", segment(parquet_sha256=digest)
    yield "twice", changed(segments=[dict(manifest["segments"][0]), dict(manifest["segments"][0])])
    values: list[Any] = [None, 7, "x", [7], {"a": "b"}, [[]]]
    for field in ("segments", "objects", "document", "summary_base64", "superseded_segments", "store_id"):
        for value in values:
            yield f"{field} {value}", changed(**{field: value})
    for field in manifest["document"]:
        for value in (None, "x", -(1 << 70), {"a": {"b": []}}):
            yield f"document.{field} {value}", document(**{field: value})


def test_hostile_manifests_write_nothing_outside_and_stop_nothing(place: Place) -> None:
    manifest = json.loads(place.manifest("one").dump())
    folder = run_folder(PROJECT, "one")
    count = 0
    for count, (_, bad) in enumerate(hostile(manifest), start=1):
        project, run_id = f"evil{count}", "run"
        bad["project"], bad["run_id"] = project, run_id
        if isinstance(bad["document"], dict):
            bad["document"] = dict(bad["document"])
            for field, own in (("project", project), ("run_id", run_id)):
                # Unless it is just this field that is wrong.
                if bad["document"].get(field) == manifest["document"][field]:
                    bad["document"][field] = own
        for segment in bad["segments"] if isinstance(bad["segments"], list) else ():
            if isinstance(segment, dict) and str(segment["name"]).startswith(folder):
                segment["name"] = segment["name"].replace(folder, run_folder(project, run_id))
        place.put(f"runs/{run_folder(project, run_id)}/{'b' * 16}.json", json.dumps(bad).encode())
    assert count > 150
    # One in the place of another run would be shown over it.
    other = json.loads(place.manifest("two").dump())
    other["document"]["name"] = "taken over"
    place.put(f"runs/{run_folder('some', 'where')}/{'c' * 16}.json", json.dumps(other).encode())
    with place.open() as there:
        read_all(there)
        wait_for(lambda: "place of another run" in log_of(there), "the last of them")
        assert there.run(f"{PROJECT}/two").display_name != "taken over"
        for run in there.runs():
            # What can be shown of them is shown, and breaks nothing.
            with contextlib.suppress(*TOLD):
                reading.series(run.id, project=run.project, store=there.store)
        read_all(there)
        store = Path(there.store)
        allowed = {"objects", "log", "scratch", "uploads"}
        strangers = [
            path
            for path in place.cache.rglob("*")
            if path.is_dir()
            and path != store
            and path not in store.parents
            and path.relative_to(store).parts[0] not in allowed
        ]
        assert strangers == []
        assert not list(place.cache.parent.rglob("*evil*"))
        assert not Path("/tmp/evil").exists()
        assert not Path("/evil").exists()
        # And what comes next is shown as ever.
        renamed = json.loads(place.manifest("two").dump())
        renamed["document"]["name"] = "renamed"
        place.put(manifest_name(PROJECT, "two", renamed["store_id"]), json.dumps(renamed).encode())
        wait_for(lambda: there.run(f"{PROJECT}/two").display_name == "renamed", "the next change")
