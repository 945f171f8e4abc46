"""Owns the fixtures of the tests against real S3 servers: servers, buckets of a test's own, and stores in them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import botocore.loaders
import pytest
from tests.s3.fault_proxy import FaultProxy
from tests.s3.s3_servers import ADMIN, Key, S3Server

from trackd_service.buckets import Bucket, BucketStore

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

OpenStore = Callable[..., BucketStore]


@pytest.fixture(scope="session", autouse=True)
def _one_loader() -> Iterator[None]:
    """Lets all clients of this process share what boto3 reads of its descriptions: a tenth of a second each."""
    with patch("botocore.session.create_loader", functools.cache(botocore.loaders.create_loader)):
        yield


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


@pytest.fixture(scope="session")
def bucket_name(s3_server: S3Server) -> str:
    """Gives the bucket that the tests share."""
    s3_server.make_bucket("trackd-tests")
    return "trackd-tests"


@pytest.fixture
def bucket_url(bucket_name: str) -> str:
    """Gives an empty place in that bucket to a test."""
    return f"s3://{bucket_name}/{uuid4().hex}/where"


@pytest.fixture
def raw(s3_server: S3Server) -> Iterator[S3Client]:
    """Gives a client of boto3, for a look behind a store's back."""
    with contextlib.closing(s3_server.client()) as client:
        yield client


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
    s3_server: S3Server, bucket_url: str, tmp_path: Path, use_key: Callable[[Key], None]
) -> Iterator[OpenStore]:
    """Opens stores at the test's place, and closes them; `endpoint_url` may be a proxy's."""
    use_key(ADMIN)
    opened: list[BucketStore] = []

    def open_one(
        endpoint_url: str = s3_server.endpoint_url,
        *,
        url: str = bucket_url,
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
