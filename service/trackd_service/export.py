"""Owns a run's history as text: CSV and JSON lines, a row a step, written piece by piece.

Invariants: all rows, unsampled, in the order of steps; memory holds one stretch of steps at a time; a text that a
spreadsheet would take for a formula is defused.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

from trackd_service.series import Kind, Series
from trackd_service.stored_runs import StoredRun
from trackd_service.streams import ROW_KEY

_POINTS_PER_PIECE = 200_000  # 5 MB of arrays, some 20 MB of text
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_Row = dict[str, Any]


async def write_csv(stored: StoredRun) -> AsyncIterator[str]:
    """Yields the history as CSV: `_step`, `_timestamp` (seconds since 1970), then the metrics by name."""
    columns = ["_step", "_timestamp", *sorted({key for key, _ in stored.metrics()})]
    yield _csv_text([columns])
    async for rows in _pieces(stored):
        yield await asyncio.to_thread(_csv_rows, rows, columns)


async def write_jsonl(stored: StoredRun) -> AsyncIterator[str]:
    """Yields the history as JSON lines, one object a step; NaN and infinities are the texts of docs/http_api.md."""
    async for rows in _pieces(stored):
        yield await asyncio.to_thread(_json_rows, rows)


FORMATS: dict[str, tuple[Callable[[StoredRun], AsyncIterator[str]], str]] = {
    "csv": (write_csv, "text/csv; charset=utf-8"),
    "jsonl": (write_jsonl, "application/x-ndjson"),
}


async def _pieces(stored: StoredRun) -> AsyncIterator[list[_Row]]:
    """Yields rows, a stretch of steps at a time."""
    metrics = stored.metrics()
    keys: list[tuple[str, Kind]] = [*sorted(metrics), (ROW_KEY, "bool")]
    first = min((first for _, first, _ in metrics.values()), default=0)
    last = max((last for _, _, last in metrics.values()), default=-1)
    total_count = sum(count for count, _, _ in metrics.values())
    piece_count = max(1, math.ceil(total_count / _POINTS_PER_PIECE))
    width = max(1, (last - first) // piece_count + 1)
    for low in range(first, last + 1, width):
        rows = await stored.read(keys, low, min(low + width, last + 1))
        yield await asyncio.to_thread(_rows, rows)


def _rows(series: list[Series]) -> list[_Row]:
    rows: dict[int, _Row] = {}
    for one in series:
        for step, time, value in zip(one.steps.tolist(), one.times.tolist(), _values(one), strict=True):
            row = rows.setdefault(step, {"_step": step, "_timestamp": time / 1e9})
            row["_timestamp"] = max(row["_timestamp"], time / 1e9)
            if one.key != ROW_KEY:
                row[one.key] = value
    return [rows[step] for step in sorted(rows)]


def _values(series: Series) -> list[Any]:
    if series.strings is not None:
        return [json.loads(text) for text in series.strings] if series.kind == "other" else series.strings
    assert series.doubles is not None
    values: list[Any] = series.doubles.tolist()
    if series.kind == "bool":
        return [bool(value) for value in values]
    if series.ints is None or series.int_mask is None:
        return values
    exact = zip(values, series.ints.tolist(), series.int_mask.tolist(), strict=True)
    return [integer if is_integer else value for value, integer, is_integer in exact]


def _csv_rows(rows: list[_Row], columns: list[str]) -> str:
    return _csv_text([[_cell(row.get(name)) for name in columns] for row in rows])


def _json_rows(rows: list[_Row]) -> str:
    return "".join(json.dumps(_finite(row), ensure_ascii=False) + "\n" for row in rows)


def _csv_text(rows: list[list[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
