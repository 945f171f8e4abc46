"""Owns the fixtures of the tests against real S3 servers: servers, buckets of a test's own, and stores in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.s3.fault_proxy import FaultProxy
from tests.s3.s3_servers import ADMIN, Key, S3Server

from trackd_service.buckets import Bucket, BucketStore

OpenStore = Callable[..., BucketStore]


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Gives one server to all tests of this process."""
    with S3Server.single(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def s3_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Gives a cluster to the tests of a module; a part that a test kills, it starts again."""
    with S3Server.cluster(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture
def bucket_name(s3_server: S3Server) -> str:
    """Gives an empty bucket to a test."""
    name = f"test-{uuid4().hex[:12]}"
    s3_server.make_bucket(name)
    return name


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Gives a proxy before the server."""
    with FaultProxy(s3_server.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def use_key(monkeypatch: pytest.MonkeyPatch) -> Callable[[Key], None]:
    """Makes a pair of credentials those of this process."""

    def use(key: Key) -> None:
        for name, value in key.environment.items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture
def open_store(
    s3_server: S3Server, bucket_name: str, tmp_path: Path, use_key: Callable[[Key], None]
) -> Iterator[OpenStore]:
    """Opens stores in the test's bucket, and closes them; `endpoint_url` may be a proxy's."""
    use_key(ADMIN)
    opened: list[BucketStore] = []

    def open_one(
        endpoint_url: str = s3_server.endpoint_url,
        *,
        url: str = f"s3://{bucket_name}/some/where",
        bytes_per_second_max: int = 0,
        parts_at_once: int = 4,
    ) -> BucketStore:
        store = BucketStore(
            Bucket.parse(url, endpoint_url),
            scratch=tmp_path / "scratch",
            bytes_per_second_max=bytes_per_second_max,
            parts_at_once=parts_at_once,
        )
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()
