"""Owns the answers about typed records: at which steps they are, their documents, histograms over steps, rows of tables.

Invariant: reads change nothing; what is not encoded yet is answered as pending, at once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, TypeAlias

import numpy as np

from trackd_service.errors import InvalidArgument
from trackd_service.series import RECORD_KINDS, Kind, Series, merge
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun

LIMIT_MAX = 1_000  # documents in one answer
COLUMNS_MAX, BINS_MAX = 4_096, 512
# Sealed series of documents that somebody scrolls through: each move of a slider would read them again.
_CACHED_BYTES_MAX = 64 << 20

_Key: TypeAlias = tuple[str, str, str, Kind, tuple[str, ...]]


class RecordQuery:
    """Reads the typed records of a store's runs."""

    def __init__(self, store: Store) -> None:
        """Takes the store."""
        self._store = store
        self._sealed: OrderedDict[_Key, tuple[Series, int]] = OrderedDict()

    async def steps(self, project: str, run_id: str, key: str, kind: str) -> list[int]:
        """Returns the steps at which a key has a record of a kind, ascending."""
        series = await self._series(await self._store.get(project, run_id), key, kind)
        steps: list[int] = series.steps.tolist()
        return steps

    async def documents(
        self, project: str, run_id: str, key: str, kind: str, at: int | None, limit: int
    ) -> tuple[list[tuple[int, int, str]], int]:
        """Returns records as (step, time in nanoseconds, document as JSON), and how many there are in all.

        Args:
            project: The project.
            run_id: The run.
            key: The metric.
            kind: One of `RECORD_KINDS`.
            at: From the record at the largest step up to this one, or the first of all; None means the last `limit` records.
            limit: The most records.
        """
        series = await self._series(await self._store.get(project, run_id), key, kind)
        limit = max(1, min(limit, LIMIT_MAX))
        if at is None:
            start = max(0, len(series) - limit)
        else:
            start = max(0, int(np.searchsorted(series.steps, at, side="right")) - 1)
        part = series.take(slice(start, start + limit))
        texts = part.strings or []
        return list(zip(part.steps.tolist(), part.times.tolist(), texts, strict=True)), len(series)

    async def histograms(self, project: str, run_id: str, key: str, columns: int, bins: int) -> bytes:
        """Returns all histograms of a key as one array; see docs/records.md, "Histograms over steps"."""
        from trackd_service import histograms

        if not 1 <= columns <= COLUMNS_MAX or not 1 <= bins <= BINS_MAX:
            raise InvalidArgument(
                f"columns is {columns} and bins {bins}; they can be 1 to {COLUMNS_MAX} and 1 to {BINS_MAX}",
                field="columns",
            )
        series = await self._series(await self._store.get(project, run_id), key, "histogram")
        pairs = list(zip(series.steps.tolist(), series.strings or [], strict=True))
        return await asyncio.to_thread(histograms.heat_map, pairs, columns, bins, key)

    async def rows(self, sha256: str, question: dict[str, Any]) -> dict[str, Any]:
        """Returns rows of a table; see docs/records.md, "Rows of a table".

        Raises:
            ObjectMissing: the store has no such object.
            InvalidArgument: the object is no table, or the question cannot be understood.
        """
        from trackd_service.table_query import read_rows

        path = await self._store.object_path(sha256)
        try:
            return await self._store.in_worker(read_rows, str(path), sha256, question)
        except ValueError as error:
            raise InvalidArgument(str(error)) from None

    async def _series(self, stored: StoredRun, key: str, kind: str) -> Series:
        if kind not in RECORD_KINDS:
            raise InvalidArgument(
                f"kind is {kind[:40]!r}; a kind of records is one of {', '.join(RECORD_KINDS)}", field="kind"
            )
        known: Kind = next(each for each in RECORD_KINDS if each == kind)
        tail = stored.tail(key, known)
        sealed = await self._read_sealed(stored, key, known)
        return merge([sealed, tail]) if len(sealed) else tail

    async def _read_sealed(self, stored: StoredRun, key: str, kind: Kind) -> Series:
        """Returns the sealed records of a key."""
        names = tuple(segment.row.name for segment in stored.segments)
        place = (stored.run.project, stored.run.run_id, key, kind, names)
        if place in self._sealed:
            self._sealed.move_to_end(place)
            return self._sealed[place][0]
        parts = await stored.read_sealed(key, kind, None, None)
        series = merge(parts) if parts else stored.tail(key, kind).take(slice(0, 0))
        size_bytes = sum(map(len, series.strings or [])) + 16 * len(series)
        if size_bytes <= _CACHED_BYTES_MAX // 2:
            self._sealed[place] = series, size_bytes
            while sum(size for _, size in self._sealed.values()) > _CACHED_BYTES_MAX:
                self._sealed.popitem(last=False)
        return series
