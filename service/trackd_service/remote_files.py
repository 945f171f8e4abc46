"""Owns files that are read where they lie, a page at a time: of a segment in a bucket a chart needs a hundredth.

Invariant: a page is asked for once while it is remembered; what a reader wants in one go is asked for in one go.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

PAGE_BYTES = (
    128 << 10
)  # about what one metric has in a row group; asking costs a few milliseconds whatever the size
_CACHE_BYTES_MAX = 64 << 20  # of all files of this process together
_pages: OrderedDict[tuple[str, int], bytes] = OrderedDict()


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file elsewhere.

    Attributes:
        name: What tells it from every other file.
        size_bytes: Its size.
        read_range: Returns the bytes from a position to before another; can be pickled.
    """

    name: str
    size_bytes: int
    read_range: Callable[[int, int], bytes]

    def open(self) -> io.BufferedIOBase:
        """Returns the file as one that can be read and sought."""
        return io.BufferedReader(_Pages(self), PAGE_BYTES)


class _Pages(io.RawIOBase):
    """A remote file as a stream over remembered pages."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        end = min(self._position + len(buffer), self._file.size_bytes)
        if end <= self._position:
            return 0
        first, last = self._position // PAGE_BYTES, (end - 1) // PAGE_BYTES
        data = b"".join(self._read(first, last))
        start = self._position - first * PAGE_BYTES
        size = end - self._position
        memoryview(buffer)[:size] = data[start : start + size]
        self._position = end
        return size

    def _read(self, first: int, last: int) -> list[bytes]:
        """Returns pages, those that are missing read in as few goes as can be."""
        name, size = self._file.name, self._file.size_bytes
        found: dict[int, bytes] = {}
        for page in range(first, last + 1):
            known = _pages.get((name, page))
            if known is not None:
                _pages.move_to_end((name, page))
                found[page] = known
        page = first
        while page <= last:
            stop = page
            while stop <= last and stop not in found:
                stop += 1
            if stop > page:
                begin = page * PAGE_BYTES
                data = self._file.read_range(begin, min(stop * PAGE_BYTES, size))
                for offset in range(stop - page):
                    piece = data[offset * PAGE_BYTES : (offset + 1) * PAGE_BYTES]
                    found[page + offset] = _pages[name, page + offset] = piece
            page = stop + 1
        while len(_pages) * PAGE_BYTES > _CACHE_BYTES_MAX:
            _pages.popitem(last=False)
        return [found[page] for page in range(first, last + 1)]
