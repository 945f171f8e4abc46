"""A team server takes runs from daemons that have no credentials of its bucket, and nothing that is not theirs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.postgres_server import PostgresServer, postgres
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import PROJECT, BucketContent, UploadStore, clear_environment, row

from trackd_service.bucket_requests import Bucket
from trackd_service.buckets import SignedPut
from trackd_service.errors import InvalidArgument
from trackd_service.manifests import Manifest
from trackd_service.objects import DirectoryStore
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.receiver import FILES_MAX, Receiver
from trackd_service.replica import Replica
from trackd_service.store import Store
from trackd_service.transfers import SentFile

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["postgres"]
STEPS = 40
KEPT = b"kept with the run"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@dataclass(frozen=True)
class Sent:
    """A run as a daemon has it: its manifest, and its files by name."""

    manifest: Manifest
    files: dict[str, bytes]

    def wanted(self) -> list[SentFile]:
        return [SentFile(name, sha256(data).hexdigest(), len(data)) for name, data in self.files.items()]


@pytest.fixture
def sent(bucket_url: str, s3_server: S3Server, raw: S3Client, tmp_path: Path) -> Sent:
    """Gives an ended run with a kept file, as a real daemon has sealed it."""
    kept = tmp_path / "kept.txt"
    kept.write_bytes(KEPT)
    with UploadStore(bucket_url, s3_server.endpoint_url) as store:
        run = store.init("one")
        for index in range(STEPS):
            run.log(row(index))
        run.save(str(kept), base_path=str(tmp_path))
        run.finish()
        store.wait_whole(raw, bucket_url, "one")
    objects = BucketContent.read(raw, bucket_url).objects
    (manifest,) = (Manifest.load(data) for name, data in objects.items() if name.startswith("runs/"))
    return Sent(manifest, {name: data for name, data in objects.items() if not name.startswith("runs/")})


@dataclass(frozen=True)
class Server:
    """A replica that also takes runs in."""

    receiver: Receiver
    store: Store


@contextlib.asynccontextmanager
async def serving(url: str, bucket: Bucket, folder: Path) -> AsyncIterator[Server]:
    (folder / "scratch").mkdir(parents=True)
    catalog = PostgresCatalog(url)
    store = Store(catalog, DirectoryStore(folder / "objects"), folder / "scratch")
    replica = Replica(store, catalog, bucket, folder)
    receiver = Receiver(store, catalog, replica.target)
    try:
        yield Server(receiver, store)
    finally:
        await receiver.close()
        await replica.close()
        await store.close()


def put(signed: SignedPut, data: bytes) -> int:
    request = urllib.request.Request(signed.url, data, dict(signed.headers), method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def allow(_: str) -> None:
    """Lets every store write in every project."""


def test_a_run_is_taken_from_a_daemon_without_credentials_and_read_by_another_replica(
    sent: Sent, bucket_name: str, s3_server: S3Server, postgres: PostgresServer, tmp_path: Path
) -> None:
    bucket = Bucket.parse(f"s3://{bucket_name}/{uuid4().hex}", s3_server.endpoint_url, "", "")

    async def work() -> None:
        url = postgres.new_schema()
        async with (
            serving(url, bucket, tmp_path / "a") as one,
            serving(url, bucket, tmp_path / "b") as other,
        ):
            for _ in range(2):  # the second time, an answer was lost
                wanted = sent.wanted()
                for file, signed in zip(wanted, await one.receiver.sign(PROJECT, "one", wanted), strict=True):
                    assert signed is not None
                    assert await asyncio.to_thread(put, signed, sent.files[file.name]) == 200
            assert await one.receiver.commit(sent.manifest.dump(), allow)
            assert await one.receiver.commit(sent.manifest.dump(), allow)
            found = await other.store.get(PROJECT, "one")
            counts = [count for count, _, _ in found.metrics().values()]
            assert sum(counts) == sum(segment.row.point_count for segment in sent.manifest.segments) > STEPS
            path = await other.store.file_path(found, "kept.txt")
            assert path.read_bytes() == KEPT
            # What the project has is not sent again; what another project has, is: nobody learns that it is there.
            kept = [file for file in sent.wanted() if file.name.startswith("files/")]
            assert await one.receiver.sign(PROJECT, "two", kept) == [None] * len(kept)
            assert None not in await one.receiver.sign("another", "one", kept)

    asyncio.run(work())


def test_what_is_not_a_daemons_own_is_refused(
    sent: Sent, bucket_name: str, s3_server: S3Server, postgres: PostgresServer, tmp_path: Path
) -> None:
    bucket = Bucket.parse(f"s3://{bucket_name}/{uuid4().hex}", s3_server.endpoint_url, "", "")
    segment = next(file for file in sent.wanted() if file.name.endswith(".parquet"))

    async def work() -> None:
        async with serving(postgres.new_schema(), bucket, tmp_path / "a") as server:
            sign, commit = server.receiver.sign, server.receiver.commit
            for file in (
                replace(segment, name="runs/0123456789abcdef/0123456789abcdef.json"),
                replace(segment, name=f"../{segment.name}"),
                replace(segment, name=segment.name + ".x"),
                replace(segment, name=f"files/aa/{segment.sha256}"),
                replace(segment, sha256="A" * 64),
                replace(segment, size_bytes=-1),
                replace(segment, size_bytes=(5 << 30) + 1),
            ):
                with pytest.raises(InvalidArgument):
                    await sign(PROJECT, "one", [file])
            with pytest.raises(InvalidArgument, match="is no file of this run"):
                await sign(PROJECT, "two", [segment])
            with pytest.raises(InvalidArgument, match="257 files are asked for; 256 are the most"):
                await sign(PROJECT, "one", [segment] * (FILES_MAX + 1))
            whole = json.loads(sent.manifest.dump())
            for change in (
                {"store_id": "../../etc"},
                {"run_id": "two"},
                {"version": 99},
                {"document": {**whole["document"], "ingest_health": 5}},
                {"segments": [{**each, "name": "0" * 32} for each in whole["segments"]]},
                {"segments": [{**each, "name": f"{'0' * 16}/{'0' * 32}"} for each in whole["segments"]]},
            ):
                with pytest.raises(InvalidArgument):
                    await commit(json.dumps({**whole, **change}).encode(), allow)
            with pytest.raises(InvalidArgument, match="it is no manifest"):
                await commit(b"{}", allow)
            assert await server.store.keys(None) == []

    asyncio.run(work())
