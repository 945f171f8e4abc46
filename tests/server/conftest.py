"""Owns the fixtures of the tests of the team server: PostgreSQL, an S3 server, and a team in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.postgres_server import PostgresServer, postgres
from tests.s3.conftest import _one_loader, bucket_name, raw, s3_server
from tests.s3.s3_servers import S3Server
from tests.s3.uploading import UploadStore, clear_environment
from tests.server.servers import Team

__all__ = ["_one_loader", "bucket_name", "postgres", "raw", "s3_server"]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


@pytest.fixture
def team(
    bucket_name: str, s3_server: S3Server, postgres: PostgresServer, _own_environment: None
) -> Iterator[Team]:
    """Gives a team server of one replica."""
    url = f"s3://{bucket_name}/{uuid4().hex}"
    with Team.running(url, s3_server.endpoint_url, postgres.new_schema()) as running:
        yield running


@pytest.fixture
def store() -> Iterator[UploadStore]:
    """Gives a store of a person's own, which uploads nothing yet."""
    with UploadStore() as made:
        yield made


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Gives a place for a key."""
    return tmp_path / "key"
