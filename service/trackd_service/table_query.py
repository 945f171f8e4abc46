"""Owns the answers of a stored table to a question: its rows filtered, grouped, sorted, and a page of them (docs/records.md).

Invariants: the same question gives the same rows in the same order; sorting is stable, NaN stands behind the numbers and
empty cells behind everything, both ways.

Files of tables never change, so what was read of one and worked out about it is kept, by its sha256, within
`CACHE_BYTES_MAX`: a page of a sorted table is then a look-up of its rows.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trackd_service.table_question import (
    COMPARISONS,
    Condition,
    Filter,
    Group,
    Query,
    QueryInvalid,
    Sort,
    check,
)
from trackd_service.tables import METADATA_KEY, ODD_FLOAT

CACHE_BYTES_MAX = (
    512 << 20
)  # a million rows of ten columns with some orders; the process ends when nobody asks

BoolArray: TypeAlias = npt.NDArray[np.bool_]
RowArray: TypeAlias = npt.NDArray[np.uint32]
T = TypeVar("T")

# Ranks of JSON values in an order; what is not listed is a list or an object.
_RANK_BOOL, _RANK_NUMBER, _RANK_TEXT, _RANK_OTHER = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class _Header:
    """What is known of a file without reading its rows.

    Attributes:
        path: Where it is.
        sha256: Of its content.
        names: Of the columns.
        types: Of the columns, as `tables.TYPES`.
        starts: int64 (g + 1,), the first row of each group of rows, and the number of rows.
        metadata: What the file's end says, a `pyarrow.parquet.FileMetaData`.
    """

    path: str
    sha256: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    starts: npt.NDArray[np.int64]
    metadata: Any

    @property
    def row_count(self) -> int:
        return int(self.starts[-1])


@dataclass(frozen=True, slots=True)
class _JsonKeys:
    """JSON cells taken apart, so that they can be compared a column at a time.

    Attributes:
        ranks: uint8 (n,): 0 empty, then the kinds in the order that they sort.
        numbers: float64 (n,): numbers and truth values; 0 elsewhere.
        texts: A `pyarrow.Array` of strings: texts, and lists and objects as JSON with sorted keys; empty elsewhere.
    """

    ranks: npt.NDArray[np.uint8]
    numbers: npt.NDArray[np.float64]
    texts: Any

    @property
    def size_bytes(self) -> int:
        return int(self.ranks.nbytes + self.numbers.nbytes + self.texts.nbytes)


@dataclass(frozen=True, slots=True)
class _Grouped:
    """The answer to a group, before it is sorted: names, types and a `pyarrow.Array` a column."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    columns: tuple[Any, ...]
    row_count: int


class _Cache:
    """Keeps what was worked out, the least recently used going first."""

    def __init__(self, size_bytes_max: int) -> None:
        self._size_bytes_max = size_bytes_max
        self._size_bytes = 0
        self._entries: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()

    def find(self, key: tuple[Any, ...]) -> Any:
        """Returns what stands under a key, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: tuple[Any, ...], value: T, size_bytes: int) -> T:
        """Keeps a value, if it is not larger than everything together may be, and returns it."""
        if size_bytes <= self._size_bytes_max and key not in self._entries:
            self._entries[key] = value, size_bytes
            self._size_bytes += size_bytes
            while self._size_bytes > self._size_bytes_max:
                _, (_, freed) = self._entries.popitem(last=False)
                self._size_bytes -= freed
        return value

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()
        self._size_bytes = 0


_cache = _Cache(CACHE_BYTES_MAX)


def read_rows(path: str, sha256: str, query: dict[str, Any]) -> dict[str, Any]:
    """Returns a page of a table's rows; query and answer are those of docs/records.md, Rows of a table.

    `!=` and `not` hold for empty cells, every other condition does not. A text column is compared by code point, and a JSON
    column as truth values, numbers, texts and the rest, in this order. With `group`, `columns` says nothing; NaN is left out
    of the aggregates, as empty cells are; groups stand in the order of their first rows.

    Args:
        path: The Parquet file, as `tables.write` wrote it.
        sha256: Of its content.
        query: What is asked, parsed from JSON.

    Raises:
        QueryInvalid: the query cannot be understood, or does not fit the table, or the file is none.
    """
    header = _header(path, sha256)
    checked = check(query, header.types)
    mask = _mask(header, checked)
    if checked.group is not None:
        return _answer_groups(header, checked, checked.group, mask)
    order = _order(header, checked, mask)
    if order is None:
        row_count = header.row_count
        last = min(row_count, checked.offset + checked.limit)
        rows = np.arange(min(checked.offset, last), last, dtype=np.int64)
    else:
        row_count = len(order)
        rows = order[checked.offset : checked.offset + checked.limit].astype(np.int64)
    cells = _cells(header, checked.columns, rows)
    return {
        "total_count": header.row_count,
        "row_count": row_count,
        "columns": [
            {"name": header.names[column], "type": header.types[column]} for column in checked.columns
        ],
        "rows": [list(row) for row in zip(*cells, strict=True)] if cells else [[] for _ in rows],
        "row_numbers": rows.tolist(),
    }


# -- the file -------------------------------------------------------------------------------------------------------------


def _header(path: str, sha256: str) -> _Header:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: _Header | None = _cache.find(("header", sha256))
    if found is not None and found.path == path:
        return found
    try:
        metadata = pq.read_metadata(path)
        described = json.loads((metadata.metadata or {})[METADATA_KEY])
    except (OSError, KeyError, ValueError, pa.ArrowException):
        raise QueryInvalid(f"the object {sha256[:8]}… is no table that can be read") from None
    counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    header = _Header(
        path,
        sha256,
        tuple(column["name"] for column in described["columns"]),
        tuple(column["type"] for column in described["columns"]),
        np.cumsum([0, *counts], dtype=np.int64),
        metadata,
    )
    return _cache.put(("header", sha256), header, metadata.serialized_size)


def _chunks(header: _Header, columns: Sequence[int], groups: Sequence[int]) -> dict[tuple[int, int], Any]:
    """Returns the cells of columns in groups of rows, a `pyarrow.Array` for each (column, group)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[tuple[int, int], Any] = {}
    file: Any = None
    for group in groups:
        missing = []
        for column in columns:
            chunk = _cache.find(("chunk", header.sha256, column, group))
            if chunk is None:
                missing.append(column)
            else:
                found[column, group] = chunk
        if not missing:
            continue
        try:
            file = file or pq.ParquetFile(header.path, metadata=header.metadata)
            table = file.read_row_group(group, columns=[f"c{column}" for column in missing])
        except (OSError, pa.ArrowException):
            raise QueryInvalid(f"the rows of the object {header.sha256[:8]}… cannot be read") from None
        for column in missing:
            chunk = _combined(table.column(f"c{column}"))
            key = ("chunk", header.sha256, column, group)
            found[column, group] = _cache.put(key, chunk, chunk.nbytes)
    if file is not None:
        file.close()
    return found


def _combined(column: Any) -> Any:
    """Returns a chunked array as one array."""
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _column(header: _Header, column: int) -> Any:
    """Returns all cells of a column, a `pyarrow.ChunkedArray` of the chunks that are kept."""
    import pyarrow as pa

    groups = range(len(header.starts) - 1)
    chunks = _chunks(header, [column], groups)
    if not chunks:
        return pa.chunked_array([], header.metadata.schema.to_arrow_schema().field(f"c{column}").type)
    return pa.chunked_array([chunks[column, group] for group in groups])


def _cells(header: _Header, columns: Sequence[int], rows: npt.NDArray[np.int64]) -> list[list[Any]]:
    """Returns the cells of some rows as an answer has them, a list a column."""
    import pyarrow as pa

    if not len(rows):
        return [[] for _ in columns]
    places = np.searchsorted(header.starts, rows, side="right") - 1
    groups = np.unique(places).tolist()
    chunks = _chunks(header, columns, groups)
    answer = []
    # Rows are taken group by group and then put back into their order.
    by_group = [np.flatnonzero(places == group) for group in groups]
    back = np.argsort(np.concatenate(by_group), kind="stable")
    within = [
        pa.array(rows[here] - header.starts[group]) for group, here in zip(groups, by_group, strict=True)
    ]
    for column in columns:
        taken = [chunks[column, group].take(indices) for group, indices in zip(groups, within, strict=True)]
        cells = _plain(pa.concat_arrays(taken), header.types[column])
        answer.append(cells if len(groups) == 1 else [cells[place] for place in back.tolist()])
    return answer


def _plain(cells: Any, column_type: str) -> list[Any]:
    """Returns a `pyarrow.Array` as an answer has its cells."""
    values: list[Any] = cells.to_pylist()
    if column_type in ("json", "record"):
        return [None if value is None else json.loads(value, object_hook=_odd_as_text) for value in values]
    if column_type != "number":
        return values
    if (
        str(cells.type) == "float"
    ):  # the shortest decimal that is this 32-bit float: 0.1 rather than 0.10000000149
        values = [None if value is None else float(str(np.float32(value))) for value in values]
    return [value if value is None or math.isfinite(value) else _odd_name(value) for value in values]


def _odd_name(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


# -- filter ---------------------------------------------------------------------------------------------------------------


def _mask(header: _Header, query: Query) -> BoolArray | None:
    """Returns which rows the filter lets through; None without a filter."""
    if query.filter is None:
        return None
    key = ("mask", header.sha256, query.filter_key)
    found: BoolArray | None = _cache.find(key)
    if found is None:
        found = _evaluate(header, query.filter)
        _cache.put(key, found, found.nbytes + len(query.filter_key))
    return found


def _evaluate(header: _Header, filters: Filter) -> BoolArray:
    if isinstance(filters, Condition):
        return _evaluate_test(header, filters)
    if filters.operator == "not":
        return ~_evaluate(header, filters.filters[0])
    is_and = filters.operator == "and"
    result = np.full(header.row_count, is_and)
    for part in filters.filters:
        if is_and:
            result &= _evaluate(header, part)
        else:
            result |= _evaluate(header, part)
    return result


def _evaluate_test(header: _Header, test: Condition) -> BoolArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = _column(header, test.column)
    if test.operator == "is_empty":
        return _bools(pc.is_null(cells))
    if test.operator == "is_not_empty":
        return _bools(pc.is_valid(cells))
    if test.operator == "contains":
        return _bools(pc.match_substring(cells, test.value, ignore_case=True))
    if test.operator == "matches":
        return _bools(pc.match_substring_regex(cells, test.value))
    column_type = header.types[test.column]
    if column_type == "json":
        keys = _json_keys(header, test.column)
        return _json_in(keys, test.value) if test.operator == "in" else _json_compare(keys, test)
    if test.operator == "in":
        return _in(cells, column_type, test.value)
    compare = getattr(pc, COMPARISONS[test.operator])
    if column_type == "text":
        return _bools(compare(cells, pa.scalar(test.value, cells.type)))
    if column_type == "integer":
        return _compare_integers(cells, test.operator, test.value)
    return _bools(compare(cells, pa.scalar(float(test.value), cells.type)))


def _in(cells: Any, column_type: str, values: Sequence[Any]) -> BoolArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = [value for value in values if value is not None]
    if column_type == "integer":
        low, high = _integer_range(cells.type)
        wanted = [int(value) for value in wanted if isinstance(value, int) or value.is_integer()]
        wanted = [value for value in wanted if low <= value <= high]
    elif column_type == "number":
        wanted = [float(value) for value in wanted]
    found = _bools(pc.is_in(cells, value_set=pa.array(wanted, cells.type)))
    if column_type == "number" and any(map(math.isnan, wanted)):
        found = found | _bools(pc.is_nan(cells))
    if column_type == "number" and 0.0 in wanted:  # -0.0 is equal to it and hashed apart
        found = found | _bools(pc.equal(cells, pa.scalar(0.0, cells.type)))
    return np.logical_or(found, _bools(pc.is_null(cells))) if None in values else found


def _compare_integers(cells: Any, operator: str, value: float) -> BoolArray:
    """Compares integers with any number exactly: as floats, large ones would be equal to their neighbours."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_less = operator in ("<", "<=")
    if math.isnan(value):
        return np.zeros(len(cells), np.bool_)
    low, high = _integer_range(cells.type)
    if math.isinf(value):
        bound = high + 1 if value > 0 else low - 1
    else:  # x < 2.5 is x < 3, and x <= 2.5 is x <= 2
        bound = math.ceil(value) if operator in ("<", ">=") else math.floor(value)
    if not low <= bound <= high:
        return _bools(pc.is_valid(cells)) if (bound > high) == is_less else np.zeros(len(cells), np.bool_)
    return _bools(getattr(pc, COMPARISONS[operator])(cells, pa.scalar(bound, cells.type)))


def _integer_range(arrow_type: Any) -> tuple[int, int]:
    info = np.iinfo(arrow_type.to_pandas_dtype())
    return int(info.min), int(info.max)


def _bools(cells: Any) -> BoolArray:
    """Returns truth values as NumPy's, empty ones as false."""
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(cells, fill_value=False), np.bool_)


# -- JSON cells -----------------------------------------------------------------------------------------------------------


def _json_keys(header: _Header, column: int) -> _JsonKeys:
    key = ("json", header.sha256, column)
    found: _JsonKeys | None = _cache.find(key)
    if found is None:
        found = _take_apart(_column(header, column).to_pylist())
        _cache.put(key, found, found.size_bytes)
    return found


def _take_apart(cells: Sequence[str | None]) -> _JsonKeys:
    import pyarrow as pa

    ranks = np.zeros(len(cells), np.uint8)
    numbers = np.zeros(len(cells))
    texts = [""] * len(cells)
    for place, text in enumerate(cells):
        if text is not None:
            ranks[place], numbers[place], texts[place] = _json_key(
                json.loads(text, object_hook=_odd_as_float)
            )
    return _JsonKeys(ranks, numbers, pa.array(texts, pa.large_string()))


def _odd_as_text(value: dict[str, Any]) -> Any:
    """Returns a number that JSON has not as the text that the API documents; any other object as it is."""
    return value[ODD_FLOAT] if value.keys() == {ODD_FLOAT} else value


def _odd_as_float(value: dict[str, Any]) -> Any:
    return float(value[ODD_FLOAT]) if value.keys() == {ODD_FLOAT} else value


def _json_key(value: Any) -> tuple[int, float, str]:
    """Returns the rank, the number and the text by which a JSON value is compared."""
    if isinstance(value, bool):
        return _RANK_BOOL, float(value), ""
    if isinstance(value, int | float):
        return _RANK_NUMBER, _float(value), ""
    if isinstance(value, str):
        return _RANK_TEXT, 0.0, value
    return _RANK_OTHER, 0.0, json.dumps(value, sort_keys=True)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _json_in(keys: _JsonKeys, values: Sequence[Any]) -> BoolArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = np.zeros(len(keys.ranks), np.bool_)
    wanted = [_json_key(value) for value in values if value is not None]
    for rank in {rank for rank, _, _ in wanted}:
        if rank in (_RANK_BOOL, _RANK_NUMBER):
            same = np.isin(keys.numbers, [number for each, number, _ in wanted if each == rank])
        else:
            texts = pa.array([text for each, _, text in wanted if each == rank], pa.large_string())
            same = _bools(pc.is_in(keys.texts, value_set=texts))
        found |= same & (keys.ranks == rank)
    return found | (keys.ranks == 0) if None in values else found


def _json_compare(keys: _JsonKeys, test: Condition) -> BoolArray:
    """Compares numbers with a number, or texts with a text; cells of other kinds are neither smaller nor larger."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rank, number, text = _json_key(test.value)
    compare = getattr(pc, COMPARISONS[test.operator])
    if rank == _RANK_NUMBER:
        found = compare(pa.array(keys.numbers), number)
    else:
        found = compare(keys.texts, pa.scalar(text, pa.large_string()))
    same: BoolArray = _bools(found) & (keys.ranks == rank)
    return same


# -- order ----------------------------------------------------------------------------------------------------------------


def _order(header: _Header, query: Query, mask: BoolArray | None) -> RowArray | None:
    """Returns the rows of the answer in order; None for all of them as they were logged."""
    if mask is None and not query.sort:
        return None
    key = ("order", header.sha256, query.sort, query.filter_key)
    found: RowArray | None = _cache.find(key)
    if found is not None:
        return found
    if mask is None:
        keys = [(_sort_keys(header, column), is_descending) for column, is_descending in query.sort]
        found = _sorted(keys, header.row_count)
    elif not query.sort:
        found = np.flatnonzero(mask).astype(np.uint32)
    else:
        # All rows are put into order, and kept so: the next filter only picks from them.
        order = _order(header, _without_filter(query), None)
        assert order is not None
        found = order[mask[order]]
    return _cache.put(key, found, found.nbytes)


def _without_filter(query: Query) -> Query:
    return Query(query.offset, query.limit, query.columns, query.sort, None, "", query.group)


def _sort_keys(header: _Header, column: int) -> list[Any]:
    if header.types[column] == "json":
        return _json_sort_keys(_json_keys(header, column))
    return [_column(header, column)]


def _json_sort_keys(keys: _JsonKeys) -> list[Any]:
    import pyarrow as pa

    return [pa.array(keys.ranks, mask=keys.ranks == 0), pa.array(keys.numbers), keys.texts]


def _sorted(keys: Sequence[tuple[list[Any], bool]], row_count: int) -> RowArray:
    """Returns the rows sorted by columns, each of which may be several arrays."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {}
    terms: list[tuple[str, str]] = []
    for arrays, is_descending in keys:
        for array in arrays:
            name = str(len(terms))
            is_bool = pa.types.is_boolean(array.type)
            columns[name] = array.cast(pa.uint8()) if is_bool else array
            terms.append((name, "descending" if is_descending else "ascending"))
    if not row_count:
        return np.zeros(0, np.uint32)
    table = pa.table(columns)
    order: RowArray = pc.sort_indices(table, sort_keys=terms).to_numpy().astype(np.uint32)
    return order


# -- groups ---------------------------------------------------------------------------------------------------------------


def _answer_groups(header: _Header, query: Query, group: Group, mask: BoolArray | None) -> dict[str, Any]:
    import pyarrow as pa

    key = ("groups", header.sha256, query.filter_key, group)
    grouped: _Grouped | None = _cache.find(key)
    if grouped is None:
        grouped = _grouped(header, group, mask)
        _cache.put(key, grouped, sum(column.nbytes for column in grouped.columns))
    order_key = ("group order", header.sha256, query.filter_key, group, query.sort)
    order: RowArray | None = _cache.find(order_key)
    if order is None:
        order = _group_order(grouped, query.sort)
        _cache.put(order_key, order, order.nbytes)
    rows = pa.array(order[query.offset : query.offset + query.limit])
    cells = [
        _plain(column.take(rows), column_type)
        for column, column_type in zip(grouped.columns, grouped.types, strict=True)
    ]
    return {
        "total_count": header.row_count,
        "row_count": grouped.row_count,
        "columns": [
            {"name": name, "type": column_type}
            for name, column_type in zip(grouped.names, grouped.types, strict=True)
        ],
        "rows": [list(row) for row in zip(*cells, strict=True)],
        "row_numbers": None,
    }


def _group_order(grouped: _Grouped, sort: Sort) -> RowArray:
    if not sort:
        return np.arange(grouped.row_count, dtype=np.uint32)
    keys = []
    for place, is_descending in sort:
        column = grouped.columns[place]
        if grouped.types[place] == "json":
            keys.append((_json_sort_keys(_take_apart(column.to_pylist())), is_descending))
        else:
            keys.append(([column], is_descending))
    return _sorted(keys, grouped.row_count)


def _grouped(header: _Header, group: Group, mask: BoolArray | None) -> _Grouped:
    import pyarrow as pa

    def chosen(column: int) -> Any:
        cells = _column(header, column)
        return cells if mask is None else cells.filter(pa.array(mask))

    keys = [f"k{place}" for place in range(len(group.by))]
    columns = {key: chosen(column) for key, column in zip(keys, group.by, strict=True)}
    asked: list[tuple[str, str]] = []
    for place, (column, function) in enumerate(group.aggregates):
        columns[f"v{place}"] = _prepared(chosen(column), header.types[column], function)
        asked.append((f"v{place}", function))
    # The place of each group's first row: Arrow puts groups into an order of its own.
    row_count = header.row_count if mask is None else int(mask.sum())
    columns["row"] = pa.array(np.arange(row_count))
    # One thread, since several add up floats in another order each time.
    groups = pa.table(columns).group_by(keys, use_threads=False)
    table = groups.aggregate([*asked, ("row", "min")]).sort_by("row_min")
    found = [_combined(table.column(key)) for key in keys]
    found += [_combined(table.column(f"{name}_{function}")) for name, function in asked]
    names = [header.names[column] for column in group.by]
    names += [f"{function}({header.names[column]})" for column, function in group.aggregates]
    types = [header.types[column] for column in group.by]
    for place, (column, function) in enumerate(group.aggregates):
        is_float = pa.types.is_floating(found[len(keys) + place].type)
        types.append(_aggregate_type(header.types[column], function, is_float=is_float))
    return _Grouped(tuple(names), tuple(types), tuple(found), table.num_rows)


def _aggregate_type(column_type: str, function: str, *, is_float: bool) -> str:
    if function in ("min", "max"):
        return column_type
    if function == "count":
        return "integer"
    return "number" if is_float else "integer"


def _prepared(cells: Any, column_type: str, function: str) -> Any:
    """Returns cells as Arrow's aggregates take them: NaN is left out, and no sum goes round at 64 bits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if function == "count":
        return cells
    if column_type == "number":
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
        return cells.cast(pa.float64()) if function in ("mean", "sum") else cells
    if column_type == "bool" and function in ("mean", "sum"):
        return cells.cast(pa.int64())
    if column_type == "integer" and function == "sum" and len(cells):
        extremes = pc.min_max(cells).as_py()
        largest = max(abs(extremes["min"] or 0), abs(extremes["max"] or 0))
        return cells.cast(pa.float64(), safe=False) if largest * len(cells) >= 1 << 63 else cells
    return cells
