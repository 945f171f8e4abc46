"""What every object store does, a directory as well as a bucket."""

from pathlib import Path

import pytest

from trackd_service.objects import (
    DirectoryStore,
    ObjectConflict,
    ObjectNameInvalid,
    ObjectNotFound,
    ObjectStore,
)


@pytest.fixture(params=["directory", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "directory":
        return DirectoryStore(tmp_path / "objects")
    opened: ObjectStore = request.getfixturevalue("open_store")()
    return opened


@pytest.mark.parametrize("data", [b"data", b"", b"\0" * 3_000_000])
def test_what_is_put_is_read_back(objects: ObjectStore, data: bytes) -> None:
    objects.put("runs/a/0001.parquet", data)
    assert objects.get("runs/a/0001.parquet") == data
    assert objects.size("runs/a/0001.parquet") == len(data)


@pytest.mark.parametrize("size_bytes", [0, 4, 3_000_000])
def test_put_file_takes_the_file_away(objects: ObjectStore, tmp_path: Path, size_bytes: int) -> None:
    temp_path = tmp_path / "half"
    temp_path.write_bytes(b"x" * size_bytes)
    objects.put_file("a/b", temp_path)
    assert not temp_path.exists()
    assert objects.get("a/b") == b"x" * size_bytes


def test_same_content_may_be_put_again(objects: ObjectStore, tmp_path: Path) -> None:
    objects.put("a", b"data")
    objects.put("a", b"data")
    temp_path = tmp_path / "half"
    temp_path.write_bytes(b"data")
    objects.put_file("a", temp_path)
    assert not temp_path.exists()
    assert objects.get("a") == b"data"
    assert objects.list("") == ["a"]


@pytest.mark.parametrize("other", [b"date", b"longer"])
def test_another_content_is_refused_and_the_first_stays(
    objects: ObjectStore, tmp_path: Path, other: bytes
) -> None:
    objects.put("a", b"data")
    with pytest.raises(ObjectConflict, match="'a'"):
        objects.put("a", other)
    temp_path = tmp_path / "half"
    temp_path.write_bytes(other)
    with pytest.raises(ObjectConflict, match="'a'"):
        objects.put_file("a", temp_path)
    assert objects.get("a") == b"data"


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
def test_a_name_that_no_store_could_keep_is_refused(objects: ObjectStore, tmp_path: Path, name: str) -> None:
    for call in (objects.get, objects.local_path, objects.size, objects.delete):
        with pytest.raises(ObjectNameInvalid):
            call(name)
    with pytest.raises(ObjectNameInvalid):
        objects.put(name, b"")
    temp_path = tmp_path / "half"
    temp_path.write_bytes(b"")
    with pytest.raises(ObjectNameInvalid):
        objects.put_file(name, temp_path)
    assert objects.list("") == []


def test_what_is_not_there_is_not_found(objects: ObjectStore) -> None:
    objects.put("a/b", b"")
    for name in ("b", "a", "a/b/c"):
        with pytest.raises(ObjectNotFound):
            objects.get(name)
        with pytest.raises(ObjectNotFound):
            objects.size(name)
        assert objects.local_path(name) is None


def test_delete_is_repeatable(objects: ObjectStore) -> None:
    objects.put("a/b", b"x")
    objects.delete("a/b")
    objects.delete("a/b")
    assert objects.list("") == []
    with pytest.raises(ObjectNotFound):
        objects.get("a/b")


def test_list_has_the_names_of_a_prefix_sorted(objects: ObjectStore) -> None:
    for name in ("b/2", "b/1", "b/1.x/y", "ba", "a"):
        objects.put(name, b"x")
    assert objects.list("") == ["a", "b/1", "b/1.x/y", "b/2", "ba"]
    assert objects.list("b/") == ["b/1", "b/1.x/y", "b/2"]
    assert objects.list("b/1") == ["b/1", "b/1.x/y"]
    assert objects.list("b") == ["b/1", "b/1.x/y", "b/2", "ba"]
    assert objects.list("c/d") == []
    with pytest.raises(ObjectNameInvalid):
        objects.list("../x")
