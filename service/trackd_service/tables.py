"""Owns tables as files: typed columns to a Parquet file, and what such a file says of its columns.

Invariants: the columns are `c0`, `c1`, … by position, since names may repeat; every cell is kept exactly, also whether a
number was written as 1 or 1.0; an empty cell is null and NaN is a number. Columns of `json` and `record` hold JSON texts.
What the file says of itself stands under `METADATA_KEY`, so that it is a table without the document beside it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from trackd_service.arrays import AnyArray, RecordInvalid, show_shape

ROWS_MAX = 100_000_000  # a gigabyte, the largest payload, holds no more numbers than that
COLUMNS_MAX = 10_000  # each is at least a page of the file for every group of rows
ROW_GROUP_ROWS = 100_000  # what is read to show one page: some milliseconds
ROW_GROUP_BYTES = 32 << 20  # and where rows are large, fewer of them
METADATA_KEY = b"trackd.table"
_ROW_GROUP_ROWS_MIN = 1_000
_TEXT_BYTES_MAX = (1 << 31) - 1  # of a column: Arrow's offsets have 32 bits

ODD_FLOAT = "$float"  # the key under which a cell of JSON holds a number that JSON has not
TYPES = ("number", "integer", "bool", "text", "json", "record")


class Json(str):
    """A cell that is a JSON text, to tell it from a text."""

    __slots__ = ()


class Document(str):
    """A cell that is a typed record: its document as JSON text."""

    __slots__ = ()


Cell: TypeAlias = float | int | bool | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its name, one of `TYPES`, and its cells as a `pyarrow.Array`."""

    name: str
    type: str
    cells: Any


def check_row_count(row_count: int) -> None:
    """Raises RecordInvalid for more rows than a table can have, before anything is made of so many."""
    if not 0 <= row_count <= ROWS_MAX:
        raise RecordInvalid(f"the table has {row_count} rows; it can have 0 to {ROWS_MAX}")


def empty(name: str, row_count: int) -> Column:
    """Returns a column of empty cells."""
    import pyarrow as pa

    return Column(name, "text", pa.nulls(row_count, pa.string()))


def numbers(name: str, values: AnyArray, validity: AnyArray | None = None) -> Column:
    """Returns a column of numbers or truth values of one type.

    Args:
        name: The column's name.
        values: (n,), of any type of `arrays.DTYPES`.
        validity: Bools (n,): which cells hold a value; None when all do.

    Raises:
        RecordInvalid: they are no column.
    """
    import pyarrow as pa

    if values.ndim != 1:
        raise RecordInvalid(
            f"column {_show(name)} has the shape {show_shape(values.shape)}; it can be (rows)"
        )
    if validity is not None and (validity.shape != values.shape or validity.dtype.kind != "b"):
        raise RecordInvalid(
            f"column {_show(name)} has {values.size} cells and {validity.size} marks of empty cells"
        )
    if values.dtype == np.float16:
        values = values.astype(np.float32)  # the same numbers; other readers of Parquet know no halves
    cells = pa.array(values, mask=None if validity is None else ~validity)
    return Column(name, {"f": "number", "b": "bool"}.get(values.dtype.kind, "integer"), cells)


def texts(name: str, data: bytes | memoryview, sizes: AnyArray) -> Column:
    """Returns a column of texts.

    Args:
        name: The column's name.
        data: All texts, UTF-8, end to end.
        sizes: int64 (n,), the size of each in bytes; -1 for an empty cell.

    Raises:
        RecordInvalid: they are no column.
    """
    import pyarrow as pa

    if sizes.ndim != 1 or sizes.dtype != np.int64 or (sizes < -1).any():
        raise RecordInvalid(f"column {_show(name)} has sizes of texts that are no numbers of at least -1")
    valid = sizes >= 0
    ends = np.cumsum(np.where(valid, sizes, 0))
    total = int(ends[-1]) if ends.size else 0
    # A size beyond all of the data is looked for by itself: a sum of such may go round and come out right.
    if total != len(data) or (sizes > len(data)).any():
        raise RecordInvalid(f"column {_show(name)} has texts of {total} bytes and came with {len(data)}")
    if total > _TEXT_BYTES_MAX:
        raise RecordInvalid(f"column {_show(name)} has {total} bytes of text; the limit is {_TEXT_BYTES_MAX}")
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    marks = None if valid.all() else pa.array(valid).buffers()[1]
    cells = pa.StringArray.from_buffers(sizes.size, pa.py_buffer(offsets), pa.py_buffer(data), marks)
    try:
        cells.validate(full=True)
    except pa.ArrowInvalid:
        raise RecordInvalid(f"column {_show(name)} holds text that is not UTF-8") from None
    return Column(name, "text", cells)


def values(name: str, cells: Sequence[Cell]) -> Column:
    """Returns a column of cells of any kind: of the type that all of them have, otherwise of JSON.

    Args:
        name: The column's name.
        cells: float, int (of 64 bits), bool, str, `Json`, `Document`, or None for an empty cell. In a column of JSON a float
            that is NaN or infinite, which JSON has not, is `{"$float": "NaN"}`, "Infinity" or "-Infinity".
    """
    import pyarrow as pa

    kinds = set(map(type, cells)) - {type(None)}
    if not kinds:
        return empty(name, len(cells))
    if len(kinds) > 1:
        return Column(name, "json", pa.array(list(map(_as_json, cells)), pa.string()))
    kind = kinds.pop()
    column_type, arrow_type = {
        float: ("number", pa.float64()),
        int: ("integer", pa.int64()),
        bool: ("bool", pa.bool_()),
        str: ("text", pa.string()),
        Json: ("json", pa.string()),
        Document: ("record", pa.string()),
    }[kind]
    return Column(name, column_type, pa.array(cells, arrow_type))


def write(columns: Sequence[Column], row_count: int, path: Path) -> dict[str, Any]:
    """Writes a table.

    Args:
        columns: Its columns, in order.
        row_count: How many cells each has.
        path: The file to write.

    Returns:
        `columns` and `row_count`, as the document of a table has them.

    Raises:
        RecordInvalid: the columns are too many, or of unequal lengths.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if len(columns) > COLUMNS_MAX:
        raise RecordInvalid(f"the table has {len(columns)} columns; the limit is {COLUMNS_MAX}")
    for column in columns:
        if len(column.cells) != row_count:
            raise RecordInvalid(
                f"column {_show(column.name)} has {len(column.cells)} cells; the table has {row_count} rows"
            )
    if row_count and not columns:
        raise RecordInvalid(f"the table has {row_count} rows and no columns")
    described = {
        "columns": [{"name": column.name, "type": column.type} for column in columns],
        "row_count": row_count,
    }
    names = [f"c{place}" for place in range(len(columns))]
    metadata = {METADATA_KEY: json.dumps(described).encode()}
    table = pa.table([column.cells for column in columns], names=names).replace_schema_metadata(metadata)
    rows = ROW_GROUP_ROWS
    if table.nbytes > ROW_GROUP_BYTES:
        rows = min(
            rows, max(_ROW_GROUP_ROWS_MIN, math.floor(row_count * ROW_GROUP_BYTES / table.nbytes) or 1)
        )
    pq.write_table(
        table,
        path,
        row_group_size=rows,
        compression="zstd",
        compression_level=1,
        # Numbers seldom repeat, and looking for it takes half of the time.
        use_dictionary=[
            name
            for name, column in zip(names, columns, strict=True)
            if column.type in ("text", "json", "record")
        ],
    )
    return described


def checked_json(text: str) -> Json | None:
    """Returns a JSON text as a cell: as it is, or with NaN and infinities as `values` writes them; None for null.

    Raises:
        RecordInvalid: it is not JSON, or nested too deep.
    """
    odd: list[str] = []

    def constant(name: str) -> dict[str, str]:
        odd.append(name)
        return {ODD_FLOAT: name}

    def number(digits: str) -> float | dict[str, str]:
        value = float(digits)
        return value if math.isfinite(value) else constant("Infinity" if value > 0 else "-Infinity")

    try:
        parsed = json.loads(text, parse_constant=constant, parse_float=number)
    except (ValueError, RecursionError):
        raise RecordInvalid(f"a cell is not JSON, or is nested too deep: {text[:40]!r}") from None
    if parsed is None:
        return None
    return Json(json.dumps(parsed, ensure_ascii=False, separators=(",", ":")) if odd else text)


def _as_json(cell: Cell) -> str | None:
    # As json.dumps writes them, without what it costs to call: these cells come by the million.
    if cell is None or isinstance(cell, Json | Document):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, int) or math.isfinite(cell):
        return repr(cell)
    name = "NaN" if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    return f'{{"{ODD_FLOAT}":"{name}"}}'


def _show(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:40] + "…")
