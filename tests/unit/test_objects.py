"""What a directory alone does; what every object store does is tested in tests/s3/test_object_stores.py."""

import errno
import os
from pathlib import Path

import pytest

from trackd_service.objects import DirectoryStore, ObjectConflict, ObjectNameInvalid


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "objects")


def test_an_object_is_a_file_of_its_own(store: DirectoryStore) -> None:
    store.put("runs/a/0001.parquet", b"data")
    path = store.local_path("runs/a/0001.parquet")
    assert path is not None
    assert path.read_bytes() == b"data"


def test_same_content_again_changes_nothing(store: DirectoryStore) -> None:
    store.put("a", b"data")
    before = (store.root / "a").stat()
    store.put("a", b"data")
    after = (store.root / "a").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_what_is_refused_leaves_nothing_half_built(store: DirectoryStore) -> None:
    store.put("a", b"data")
    with pytest.raises(ObjectConflict):
        store.put("a", b"other")
    with pytest.raises(ObjectNameInvalid):
        store.put("../a", b"")
    assert list(store.incoming.iterdir()) == []


def test_what_is_half_built_is_not_listed(store: DirectoryStore) -> None:
    (store.incoming / "half").write_bytes(b"")
    assert store.list("") == []


def test_what_was_left_half_built_is_cleared(store: DirectoryStore) -> None:
    (store.incoming / "half").write_bytes(b"")
    assert DirectoryStore(store.root).clear_incoming() == 1
    assert store.clear_incoming() == 0


@pytest.mark.parametrize("code", [errno.EPERM, errno.EXDEV])
def test_a_file_system_without_links_keeps_the_rules(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(_source: Path, _target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    store.put("a/b", b"data")
    store.put("a/b", b"data")
    assert store.get("a/b") == b"data"
    with pytest.raises(ObjectConflict):
        store.put("a/b", b"other")
    assert list(store.incoming.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_no_object(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space"):
        store.put("a", b"data")
    assert store.local_path("a") is None
    assert list(store.incoming.iterdir()) == []


def test_content_is_synced_before_it_has_its_name(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        calls.append("folder" if target.is_dir() else "file")
        real_fsync(descriptor)

    def link(source: Path, target: Path) -> None:
        calls.append("link")
        real_link(source, target)

    store.put("a/b", b"makes the folder")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    store.put("a/c", b"data")
    assert calls == ["file", "link", "folder"]
