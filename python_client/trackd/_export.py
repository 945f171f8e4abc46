"""Owns the files that a history is exported to: CSV, JSON lines and Parquet.

Invariants: a row a step, ascending; the columns are `_step`, `_timestamp`, `_runtime` and the metrics by name; a run of any
size is written in ranges of steps; a file appears under its name only when it is whole.
"""

from __future__ import annotations

import csv
import json
import math
import os
from typing import TYPE_CHECKING, Any, TextIO

from trackd import _history
from trackd._api_records import KINDS
from trackd.errors import Error

if TYPE_CHECKING:
    from trackd._api_runs import Run

_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}
FORMATS = ("csv", "jsonl", "parquet")
# What a spreadsheet would run when it opens the file (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def format_of(path: str, given: str | None) -> str:
    """Returns the format of an export; raises ValueError when neither the argument nor the path's ending names one."""
    chosen = given or _ENDINGS.get(os.path.splitext(path)[1].lower())
    if chosen not in FORMATS:
        what = (
            f"export format is {given!r}" if given else f"{path!r} does not end in .csv, .jsonl or .parquet"
        )
        raise ValueError(f"{what}; the format can be csv, jsonl or parquet")
    return chosen


def export(run: Run, path: str, given_format: str | None) -> str:
    """Writes the history of a run to a file; documented at `Run.export`."""
    chosen = format_of(path, given_format)
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}")
    try:
        if chosen == "parquet":
            _write_parquet(run, temporary)
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                write_text(run, file, chosen)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    return path


def write_text(run: Run, file: TextIO, chosen: str) -> None:
    """Writes the history as "csv" or "jsonl" to an open text file."""
    if chosen == "jsonl":
        file.writelines(json.dumps(strict_json(row), ensure_ascii=False) + "\n" for row in run.scan_history())
        return
    names = [*_history.ROW_COLUMNS, *dict.fromkeys(metric.name for metric in run.metrics())]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_safe(name) for name in names])
    for row in run.scan_history():
        writer.writerow([_cell(row.get(name, "")) for name in names])


def strict_json(value: Any) -> Any:
    """Returns a value as JSON can hold it: NaN and infinities as the texts of docs/http_api.md."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: strict_json(item) for key, item in value.items()}
    return [strict_json(item) for item in value] if isinstance(value, list) else value


def _cell(value: Any) -> Any:
    """Returns a value as a CSV cell: numbers exactly, truth values as true and false, lists as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return _safe(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _safe(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


# -- Parquet -------------------------------------------------------------------------------------------------------


def _write_parquet(run: Run, path: str) -> None:
    """Writes a column a metric and kind: int64 where every value is an integer, double for other numbers, bool, text.

    Of a name with values of several kinds the first keeps the name, the others are called `name (kind)`; values that are
    neither numbers, truth values nor texts are JSON texts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = _parquet_columns(run)
    fields = [
        (_history.STEP, pa.int64()),
        (_history.TIMESTAMP, pa.float64()),
        (_history.RUNTIME, pa.float64()),
    ]
    types = {
        "int": pa.int64(),
        "number": pa.float64(),
        "bool": pa.bool_(),
        "string": pa.string(),
        "other": pa.string(),
        **dict.fromkeys(KINDS, pa.string()),  # the documents of typed records
    }
    schema = pa.schema([*fields, *((name, types[kind]) for name, kind in columns.values())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in run.tables():
            timestamps = table.times / 1e9
            arrays: dict[str, Any] = {
                _history.STEP: pa.array(table.steps),
                _history.TIMESTAMP: pa.array(timestamps),
                _history.RUNTIME: pa.array(timestamps - run.create_time),
            }
            for series, positions in table.columns:
                column = columns.get((series.key, series.kind))
                if column is None:  # logged since the columns were read
                    continue
                name, kind = column
                arrays[name] = _parquet_array(series, positions, len(table.steps), kind, types[kind])
            writer.write_table(
                pa.table(
                    [arrays.get(field.name, pa.nulls(len(table.steps), field.type)) for field in schema],
                    schema=schema,
                )
            )


def _parquet_columns(run: Run) -> dict[tuple[str, str], tuple[str, str]]:
    """Returns (column's name, its type) by a metric's name and kind; reads the whole run to know which are integers."""
    has_floats: set[str] = set()
    for table in run.tables():
        for series, _ in table.columns:
            if series.kind == "number" and not (len(series.ints) and series.int_mask.all()):
                has_floats.add(series.key)
    columns: dict[tuple[str, str], tuple[str, str]] = {}
    taken = set(_history.ROW_COLUMNS)
    for metric in run.metrics():
        name = metric.name if metric.name not in taken else f"{metric.name} ({metric.kind})"
        taken.add(name)
        kind = "int" if metric.kind == "number" and metric.name not in has_floats else metric.kind
        columns[metric.name, metric.kind] = (name, kind)
    return columns


def _parquet_array(
    series: _history.Series, positions: Any, row_count: int, kind: str, arrow_type: Any
) -> Any:
    import numpy as np
    import pyarrow as pa

    values: Any
    if kind == "int":
        values = series.array()
        if values.dtype != np.int64:
            raise Error(f"metric {series.key!r} got its first fraction while it was exported: export again")
    elif series.is_numeric:
        values = series.doubles if kind == "number" else series.array()
    else:
        values = np.array(list(series.strings), object)
    filled = np.zeros(row_count, values.dtype)
    filled[positions] = values
    is_missing = np.ones(row_count, np.bool_)
    is_missing[positions] = False
    return pa.array(filled, arrow_type, mask=is_missing)
