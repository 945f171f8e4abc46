import errno
import os
from pathlib import Path

import pytest

from trackd_service.objects import (
    DirectoryStore,
    ObjectConflict,
    ObjectNameInvalid,
    ObjectNotFound,
    ObjectStore,
)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "objects")


def test_what_is_put_is_read_back(store: ObjectStore) -> None:
    store.put("runs/a/0001.parquet", b"data")
    assert store.get("runs/a/0001.parquet") == b"data"
    assert store.size("runs/a/0001.parquet") == 4
    path = store.local_path("runs/a/0001.parquet")
    assert path is not None
    assert path.read_bytes() == b"data"


def test_put_file_takes_the_file_away(store: DirectoryStore) -> None:
    temp_path = store.incoming / "half"
    temp_path.write_bytes(b"data")
    store.put_file("a/b", temp_path)
    assert not temp_path.exists()
    assert store.get("a/b") == b"data"


def test_same_content_again_changes_nothing(store: DirectoryStore) -> None:
    store.put("a", b"data")
    before = (store.root / "a").stat()
    store.put("a", b"data")
    after = (store.root / "a").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("other", [b"date", b"longer"])
def test_another_content_is_refused_and_the_first_stays(store: DirectoryStore, other: bytes) -> None:
    store.put("a", b"data")
    with pytest.raises(ObjectConflict, match="'a'"):
        store.put("a", other)
    assert store.get("a") == b"data"
    assert list(store.incoming.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        ".",
        ".incoming/x",
        "A",
        "a b",
        "ä",
        "a\n",
        "a\0",
        "x" * 201,
        "a/" * 300,
    ],
)
def test_a_name_that_no_store_could_keep_is_refused(store: DirectoryStore, name: str) -> None:
    for call in (store.get, store.local_path, store.size, store.delete):
        with pytest.raises(ObjectNameInvalid):
            call(name)
    with pytest.raises(ObjectNameInvalid):
        store.put(name, b"")
    assert list(store.incoming.iterdir()) == []


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    store.put("a/b", b"")
    for name in ("b", "a", "a/b/c"):
        with pytest.raises(ObjectNotFound):
            store.get(name)
        with pytest.raises(ObjectNotFound):
            store.size(name)
        assert store.local_path(name) is None


def test_delete_is_repeatable(store: ObjectStore) -> None:
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    assert store.list("") == []


def test_list_has_the_names_of_a_prefix_sorted_and_nothing_half_built(store: DirectoryStore) -> None:
    for name in ("b/2", "b/1", "b/1.x/y", "ba", "a"):
        store.put(name, b"x")
    (store.incoming / "half").write_bytes(b"")
    assert store.list("") == ["a", "b/1", "b/1.x/y", "b/2", "ba"]
    assert store.list("b/") == ["b/1", "b/1.x/y", "b/2"]
    assert store.list("b/1") == ["b/1", "b/1.x/y"]
    assert store.list("b") == ["b/1", "b/1.x/y", "b/2", "ba"]
    assert store.list("c/d") == []


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
