"""The quick way to read a bucket: what it reads is right, and what it cannot read is read as before."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.s3.conftest import OpenStore
from tests.s3.fault_proxy import Fault, FaultProxy
from tests.s3.s3_servers import ADMIN, READER, WRITER, Key

from trackd_service.bucket_requests import Connection
from trackd_service.buckets import BucketError, BucketStore
from trackd_service.objects import ObjectNotFound

DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes what boto3 is asked for."""
    tasks: list[str] = []
    ask = Connection.ask

    def noted(self: Connection, task: str, *arguments: Any) -> Any:
        tasks.append(task)
        return ask(self, task, *arguments)

    monkeypatch.setattr(Connection, "ask", noted)
    return tasks


def fetch(store: BucketStore, path: Path, sha256: str = SHA256) -> bytes:
    store.fetch_file("files/a", path, sha256=sha256)
    return path.read_bytes()


def test_files_and_parts_of_files_are_read_without_boto3(
    open_store: OpenStore, asked: list[str], tmp_path: Path
) -> None:
    store = open_store()
    store.put("files/a", DATA)
    asked.clear()
    assert fetch(store, tmp_path / "a") == DATA
    assert store.get_range("files/a", 100, 1000) == DATA[100:1000]
    assert asked == []
    # Beyond the end, which boto3 knows to tell.
    assert store.get_range("files/a", len(DATA) - 5, len(DATA) + 5) == DATA[-5:]
    assert store.get_range("files/a", len(DATA) + 5, len(DATA) + 9) == b""
    # And what boto3 alone checks.
    assert store.get("files/a") == DATA


def test_what_is_wrong_is_told_by_boto3(
    open_store: OpenStore, use_key: Callable[[Key], None], tmp_path: Path
) -> None:
    store = open_store()
    store.put("files/a", DATA)
    with pytest.raises(BucketError) as damaged:
        fetch(store, tmp_path / "a", "0" * 64)
    assert damaged.value.kind == "damaged"
    with pytest.raises(ObjectNotFound):
        store.fetch_file("files/b", tmp_path / "b", sha256=SHA256)
    use_key(WRITER)
    with pytest.raises(BucketError) as denied:
        fetch(open_store(), tmp_path / "a")
    assert (denied.value.kind, denied.value.code) == ("denied", "AccessDenied")
    assert list(tmp_path.glob("*[ab]")) == list(tmp_path.glob(".*.part")) == []
    use_key(READER)
    assert fetch(open_store(), tmp_path / "a") == DATA


def test_a_moment_of_trouble_costs_nothing_but_a_request(
    open_store: OpenStore, proxy: FaultProxy, asked: list[str], tmp_path: Path
) -> None:
    store = open_store(endpoint_url=proxy.endpoint_url)
    store.put("files/a", DATA)
    for fault in (Fault("answer", status=503, code="SlowDown"), Fault("reset_response", after_bytes=2000)):
        proxy.inject(fault, times=1)
        asked.clear()
        assert fetch(store, tmp_path / "a") == DATA
        assert asked
    asked.clear()
    assert fetch(store, tmp_path / "a") == DATA
    assert asked == []


def test_a_bucket_that_the_quick_way_does_not_read_is_soon_read_by_boto3_alone_for_a_while(
    open_store: OpenStore,
    proxy: FaultProxy,
    asked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = open_store(endpoint_url=proxy.endpoint_url)
    store.put("files/a", DATA)
    find_access = store._connection.find_access

    def find_wrong_access() -> Any:
        access = find_access()
        assert access is not None
        return type(access)(
            access.bucket_name, access.endpoint_url, access.region, access.access_key, "no", ""
        )

    monkeypatch.setattr(store._reader, "_find_access", find_wrong_access)
    counts = []
    for _ in range(5):
        before = proxy.requests["GET"]
        assert fetch(store, tmp_path / "a") == DATA
        counts.append(proxy.requests["GET"] - before)
    assert counts == [2, 2, 2, 1, 1]
    monkeypatch.setattr(store._reader, "_find_access", find_access)
    asked.clear()
    assert fetch(store, tmp_path / "a") == DATA
    assert asked
    monkeypatch.setattr(store._reader, "_rest_end", 0.0)
    asked.clear()
    assert fetch(store, tmp_path / "a") == DATA
    assert asked == []


def test_credentials_that_were_renewed_are_taken(
    open_store: OpenStore, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    store.put("files/a", DATA)
    assert fetch(store, tmp_path / "a") == DATA
    found = store._connection.find_access()
    assert found is not None
    assert ADMIN.secret_key not in repr(found)
    # As boto3 finds those of a role anew, before they expire.
    frozen = store._connection._session.get_credentials()  # type: ignore[union-attr]
    monkeypatch.setattr(frozen, "access_key", READER.access_key)
    monkeypatch.setattr(frozen, "secret_key", READER.secret_key)
    renewed = store._connection.find_access()
    assert renewed is not None
    assert renewed.access_key == READER.access_key
    asked.clear()
    assert fetch(store, tmp_path / "a") == DATA
    assert store._reader._access == renewed
    assert asked == []


def test_without_its_library_everything_is_read_by_boto3(
    open_store: OpenStore, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    store = open_store()
    store.put("files/a", DATA)
    asked.clear()
    assert fetch(store, tmp_path / "a") == DATA
    assert store.get_range("files/a", 1, 3) == DATA[1:3]
    assert len(asked) > 1
