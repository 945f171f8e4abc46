"""Owns the data file beside a part of a writer's log: the bytes of typed records, granted by the disk in steps.

Invariants: bytes are written behind all others, each piece at a multiple of 8, and never changed; between pieces there are
zeros. What `hold` returned is read-only memory over the file itself, which stays whole when the daemon has deleted the file.
A signal handler may write between any two calls here: its bytes go behind.

The layout is drawn in docs/storage.md ("Data of records").
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from trackd import _disk, _frames
from trackd._record import ALIGNMENT_BYTES

if TYPE_CHECKING:
    import numpy.typing as npt

_GRANT_BYTES = 4 << 20  # what a file is first granted; doubled each time, since most runs log few records
_GRANT_BYTES_MAX = 64 << 20
_BYTES_MAX = 256 << 20  # then the next part begins, so that the daemon can delete what is sealed
_BUFFERS_MAX = 512  # in one pwritev(2); the system's limit is 1,024
_HELD_BYTES_MIN = 64 << 10  # a smaller array is copied twice in less time than it takes to find it again
_HELD_BYTES_MAX = 64 << 20  # of records that were made and not logged: what the file may waste


class DataFile:
    """A data file that is being written. Its owner holds a lock around each call.

    Args:
        path: Where it is made.
        check_grant: Told how many bytes the disk is about to be asked for; raises OSError when the writer has too much.

    Attributes:
        path: The file.
        is_writing: Whether some caller is within `write` or `hold`: the file must not be closed then.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: str, check_grant: Callable[[int], None]) -> None:
        self.path = path
        self.is_writing = False
        self._check_grant = check_grant
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._position = 0
        self._granted = 0
        self._window: _Window | None = None
        self._held: dict[int, int] = {}  # the sizes of what no record refers to yet, by its place
        self._held_bytes = 0  # their sum
        self._sums: dict[tuple[int, int], int] = {}  # of what was held, by its place and size

    def has_room(self, size: int) -> bool:
        """Says whether so many bytes belong into this file, and not into that of the next part."""
        return not self._position or self._position + size <= _BYTES_MAX

    def write(self, buffers: Sequence[bytes | memoryview], size: int) -> tuple[int, int]:
        """Writes bytes, one buffer after another; returns where they begin, and their sampled check sum.

        Raises:
            OSError: the disk does not take them.
        """
        start = self._take(size)
        was_writing, self.is_writing = self.is_writing, True
        try:
            if start + size > self._granted:
                self._grant(start + size)
            position = start
            for first in range(0, len(buffers), _BUFFERS_MAX):
                position = self._write_at(buffers[first : first + _BUFFERS_MAX], position)
        finally:
            self.is_writing = was_writing
        return start, _frames.sample_check_sum(buffers)

    def hold(self, array: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
        """Copies an array into the file before a record refers to it; `find` knows it again.

        Args:
            array: Of any numbers.

        Returns:
            The copy, read-only, in C order. None where it is too small to gain by that, is not in C order, or has no room in
            what was granted already.
        """
        size = array.nbytes
        window = self._window
        if (
            window is None
            or not _HELD_BYTES_MIN <= size <= _HELD_BYTES_MAX - self._held_bytes
            or self._position + size + ALIGNMENT_BYTES > window.end
            or not array.flags.c_contiguous
        ):
            return None
        start = self._take(size)
        copy = window.memory[start - window.start : start - window.start + size]
        if len(copy) < size:  # a signal handler has taken the room
            return None
        data = [array.reshape(-1).view("u1").data]
        was_writing, self.is_writing = self.is_writing, True
        try:
            self._write_at(data, start)
        except OSError:
            return None
        finally:
            self.is_writing = was_writing
        self._held[start] = size
        self._held_bytes += size
        self._sums[start, size] = _frames.sample_check_sum(data)  # now, while the bytes are near
        return copy.view(array.dtype).reshape(array.shape)

    def find(self, buffers: Sequence[bytes | memoryview]) -> tuple[int, int] | None:
        """Returns like `write` where buffers stand in the file already, one after another; None when they do not."""
        window = self._window
        if window is None:
            return None
        start = end = -1
        places = []
        for buffer in buffers:
            if start >= 0 and len(buffer) == -end % ALIGNMENT_BYTES and not any(buffer):
                end += len(buffer)  # zeros up to the next piece
                continue
            array = getattr(buffer, "obj", None)  # of which the buffer is all when both have the same size
            if getattr(array, "nbytes", -1) != len(buffer):
                return None
            place = window.start + _address(array) - window.address
            if not window.start <= place <= self._position - len(buffer) or end not in (-1, place):
                return None
            start = place if start < 0 else start
            end = place + len(buffer)
            places.append(place)
        if start < 0:
            return None
        for place in places:
            self._held_bytes -= self._held.pop(place, 0)
        check_sum = self._sums.get((start, end - start))
        return start, _frames.sample_check_sum(buffers) if check_sum is None else check_sum

    def close(self) -> None:
        """Cuts the file to what was written; what `hold` returned stays readable."""
        os.ftruncate(self._descriptor, self._position)
        self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is: another process writes it."""
        os.close(self._descriptor)
        self._window = None

    def _take(self, size: int) -> int:
        """Takes the place of so many bytes."""
        # No call stands between these lines: a signal handler's data go behind these.
        start = -(-self._position // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        self._position = start + size
        return start

    def _write_at(self, buffers: Sequence[bytes | memoryview], position: int) -> int:
        rest = [memoryview(buffer) for buffer in buffers]
        while rest:
            written = os.pwritev(self._descriptor, rest, position)
            position += written
            while rest and written >= len(rest[0]):
                written -= len(rest.pop(0))
            if written:
                rest[0] = rest[0][written:]
        return position

    def _grant(self, end: int) -> None:
        """Has the disk grant at least `end` bytes; raises OSError when it does not."""
        least = end - self._granted
        grant = max(min(max(self._granted, _GRANT_BYTES), _GRANT_BYTES_MAX), least)
        self._check_grant(grant)
        try:
            _disk.grant(self._descriptor, grant, self._granted)
        except OSError as error:
            # A disk that is nearly full may have room for these data alone.
            if error.errno not in _disk.FULL:
                raise
            grant = least
            _disk.grant(self._descriptor, grant, self._granted)
        self._granted += grant
        self._map(end)

    def _map(self, end: int) -> None:
        """Maps what was granted and not written, for `hold`; NumPy is not imported for that."""
        self._window = None
        numpy = sys.modules.get("numpy")
        start = end // mmap.PAGESIZE * mmap.PAGESIZE
        size = min(self._granted, _BYTES_MAX) - start
        if numpy is None or size < _HELD_BYTES_MIN:
            return
        try:
            mapping = mmap.mmap(self._descriptor, size, access=mmap.ACCESS_READ, offset=start)
        except (OSError, ValueError):  # no address space, or a file system that maps no files
            return
        memory = numpy.frombuffer(mapping, numpy.uint8)
        self._window = _Window(memory, start, start + size, _address(memory))


class _Window(NamedTuple):
    """A stretch of the file in memory: its bytes, its first one and its end in the file, its address."""

    memory: npt.NDArray[Any]
    start: int
    end: int
    address: int


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
