"""Owns the tests of the data file: what an array that is held there saves, and what comes back of it whatever happens."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd import _data_file, _disk, _frames
from trackd._data_file import DataFile
from trackd._record import Draft

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

SIZE = _data_file._HELD_BYTES_MIN


def open_file(folder: Path) -> DataFile:
    """Returns a file with something in it, as it is when the second record comes."""
    file = DataFile(str(folder / "w.data"), lambda size: None)
    file.write([b"first"], 5)
    return file


@pytest.fixture
def file(tmp_path: Path) -> Iterator[DataFile]:
    file = open_file(tmp_path)
    yield file
    file.close()


def random_bytes(size: int = SIZE) -> Array:
    return np.frombuffer(os.urandom(size), np.uint8)


def hold(file: DataFile, array: Array) -> Array:
    held = file.hold(array)
    assert held is not None
    return held


def draft_of(*arrays: Array) -> Draft:
    draft = Draft()
    for array in arrays:
        draft.array(array)
    return draft


def read_at(file: DataFile, place: tuple[int, int], draft: Draft) -> bytes:
    """Returns what stands at a place, checked by its sum."""
    start, check_sum = place
    data = Path(file.path).read_bytes()[start : start + draft.size]
    assert _frames.sample_check_sum([data]) == check_sum
    return data


def put(file: DataFile, draft: Draft) -> tuple[tuple[int, int], bool]:
    """Does as the spool does: finds the bytes, or writes them. Returns the place, and whether they were found."""
    found = file.find(draft.buffers)
    return (file.write(draft.buffers, draft.size), False) if found is None else (found, True)


def test_a_held_array_is_a_copy_that_nobody_can_change(file: DataFile) -> None:
    array = np.random.default_rng(0).normal(size=(3, 100, 100)).astype(np.float32)
    expected = array.copy()
    held = hold(file, array)
    array[:] = 0
    assert held.dtype == np.float32
    assert np.array_equal(held, expected)
    with pytest.raises(ValueError, match="read-only"):
        held[0] = 1


def test_a_held_array_is_found_and_not_written_again(file: DataFile) -> None:
    array = random_bytes(SIZE + 3)
    draft = draft_of(hold(file, array))
    size = file._position
    for _ in range(2):  # one record may be logged at two steps
        place, is_found = put(file, draft)
        assert is_found
        assert read_at(file, place, draft) == array.tobytes()
    assert file._position == size


def test_a_list_of_held_arrays_is_found_whole(file: DataFile) -> None:
    arrays = [random_bytes(SIZE + extra) for extra in (0, 1, 5, 7, 8)]
    draft = draft_of(*[hold(file, array) for array in arrays])
    place, is_found = put(file, draft)
    assert is_found
    assert read_at(file, place, draft) == b"".join(draft.buffers)


@given(
    sizes=st.lists(st.integers(0, 9).map(lambda extra: SIZE - 2 + extra), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
    small=st.lists(st.sampled_from([b"", bytes(1), bytes(7), b"text", bytes(8)]), max_size=3),
)
def test_whatever_is_drafted_of_held_arrays_comes_back(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], order: Any, small: list[bytes]
) -> None:
    file = open_file(tmp_path_factory.mktemp("data"))
    arrays = []
    for number, size in enumerate(sizes):
        array = np.full(size, number + 1, np.uint8)
        held = file.hold(array)
        assert (held is None) == (size < SIZE)
        arrays.append(array if held is None else held)
        if order.random() < 0.2:
            file.write([b"between"], 7)
    order.shuffle(arrays)
    pieces = [*arrays[: order.randint(1, len(arrays))], *small]
    order.shuffle(pieces)
    draft = Draft()
    for piece in pieces:
        if isinstance(piece, bytes):
            draft.payload(piece)
        else:
            draft.array(piece)
    place, _ = put(file, draft)
    assert read_at(file, place, draft) == b"".join(draft.buffers)
    file.close()


def test_a_part_of_a_held_array_is_written(file: DataFile) -> None:
    held = hold(file, random_bytes(4 * SIZE))
    for part in (held[SIZE : 3 * SIZE], held[::2], held[::-1]):
        draft = draft_of(part)
        place, _ = put(file, draft)
        assert read_at(file, place, draft) == part.tobytes()
    whole = held.data[8:-8]  # of an object that has more bytes
    assert file.find([whole]) is None


def test_what_lies_elsewhere_is_not_found(file: DataFile, tmp_path: Path) -> None:
    hold(file, random_bytes())
    (tmp_path / "other").mkdir()
    other = open_file(tmp_path / "other")
    for array in (hold(other, random_bytes()), random_bytes()):
        assert file.find(draft_of(array).buffers) is None
    assert file.find([os.urandom(SIZE)]) is None
    other.close()


def test_small_and_turned_arrays_are_not_held(file: DataFile) -> None:
    assert file.hold(random_bytes(SIZE - 1)) is None
    assert file.hold(np.zeros((300, 400), np.uint8).T) is None
    assert file.hold(np.zeros(0)) is None


def test_nothing_is_held_before_the_first_record(tmp_path: Path) -> None:
    file = DataFile(str(tmp_path / "w.data"), lambda size: None)
    assert file.hold(random_bytes()) is None
    file.close()


def test_records_that_are_never_logged_waste_a_bounded_part_of_the_disk(
    file: DataFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_data_file, "_HELD_BYTES_MAX", 4 * SIZE)
    held = [file.hold(random_bytes()) for _ in range(6)]
    assert [each is None for each in held] == [False] * 4 + [True] * 2
    assert held[0] is not None
    for _ in range(2):  # logged twice, it makes room once
        assert put(file, draft_of(held[0]))[1]
    assert file.hold(random_bytes()) is not None
    assert file.hold(random_bytes()) is None


def test_holding_asks_the_disk_for_nothing(file: DataFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise AssertionError("the disk is asked while a record is made")

    with monkeypatch.context() as patch:
        patch.setattr(_disk, "grant", refuse)
        count = 0
        while file.hold(random_bytes()) is not None:
            count += 1
    assert count == _data_file._GRANT_BYTES // SIZE - 1
    draft = draft_of(random_bytes())  # the next record is granted more, where arrays are held again
    place, _ = put(file, draft)
    assert read_at(file, place, draft) == draft.buffers[0]
    draft = draft_of(hold(file, random_bytes()))
    assert put(file, draft)[1]


def test_a_held_array_is_found_no_more_behind_the_next_grant_and_stays_readable(file: DataFile) -> None:
    array = random_bytes()
    held = hold(file, array)
    file.write([bytes(_data_file._GRANT_BYTES)], _data_file._GRANT_BYTES)
    draft = draft_of(held)
    place, is_found = put(file, draft)
    assert not is_found
    assert read_at(file, place, draft) == array.tobytes()


def test_a_held_array_outlives_its_file(tmp_path: Path) -> None:
    file = open_file(tmp_path)
    array = random_bytes(SIZE + 1)
    held = hold(file, array)
    file.close()
    Path(file.path).unlink()
    assert np.array_equal(held, array)
    assert file.find(draft_of(held).buffers) is None
    assert file.hold(array) is None


def test_a_disk_that_fails_holds_nothing(file: DataFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError("I/O error")

    monkeypatch.setattr(os, "pwritev", fail)
    assert file.hold(random_bytes()) is None


def test_where_files_cannot_be_mapped_all_is_written_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no such device")

    monkeypatch.setattr(mmap, "mmap", fail)
    file = open_file(tmp_path)
    assert file.hold(random_bytes()) is None
    draft = draft_of(random_bytes())
    place, _ = put(file, draft)
    assert read_at(file, place, draft) == draft.buffers[0]
    file.close()


@pytest.mark.parametrize("what", ["little", "much", "held"])
def test_a_signal_handler_may_write_while_an_array_is_held(
    file: DataFile, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    write = os.pwritev
    inner = random_bytes(_data_file._GRANT_BYTES if what == "much" else SIZE)
    inner_draft = draft_of(inner)
    places = []

    def interrupted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        monkeypatch.setattr(os, "pwritev", write)
        draft = draft_of(hold(file, inner)) if what == "held" else inner_draft
        places.append(put(file, draft)[0])
        assert file.is_writing, "the file is closed under the outer one"
        return write(descriptor, buffers, offset)

    monkeypatch.setattr(os, "pwritev", interrupted)
    outer = random_bytes(SIZE + 5)
    draft = draft_of(hold(file, outer))
    assert not file.is_writing
    place, _ = put(file, draft)
    assert read_at(file, place, draft) == outer.tobytes()
    assert read_at(file, places[0], inner_draft) == inner.tobytes()


def test_a_signal_handler_may_take_the_room(file: DataFile, monkeypatch: pytest.MonkeyPatch) -> None:
    take: Callable[[int], int] = file._take

    def interrupted(size: int) -> int:
        monkeypatch.setattr(file, "_take", take)
        put(file, draft_of(random_bytes(_data_file._GRANT_BYTES)))
        return take(size)

    monkeypatch.setattr(file, "_take", interrupted)
    array = random_bytes()
    held = file.hold(array)
    draft = draft_of(array if held is None else held)
    place, _ = put(file, draft)
    assert read_at(file, place, draft) == array.tobytes()
