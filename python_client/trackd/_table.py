"""Owns `Table`: rows and columns of cells, and their cheapest exact encoding.

Invariants: a cell reads back as what it was: 1, 1.0 and True stay apart, an int64 keeps its bits, NaN is not an empty cell.
A table is kept either as columns, as it was made, or as rows, once some are added or asked for, never as both: a million
small lists cost more than what is in them. Columns of arrays and DataFrames stay arrays until then. Cells are plain values
or typed records from the moment they are added: what cannot be logged is refused then, and a list, array or figure that
changes later changes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _record, _values, _wire

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Array: TypeAlias = npt.NDArray[Any]
    # A masked array where cells are empty.
    Column: TypeAlias = list[Any] | Array

LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
_DEFAULT_COLUMNS = ("Input", "Output", "Expected")  # what wandb calls three columns without names
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_PLAIN = frozenset({float, int, bool, str, type(None)})
_NUMBERS = {float: "<f8", int: "<i8", bool: "|b1"}
_EMPTY_CELL = _wire.message(1, b"")  # a `Value` with no kind set
_DOUBLE_CELL = struct.Struct("<3sd")
_DOUBLE_HEAD = b"\x0a\x09\x09"  # the field `cells`, 9 bytes, the field `double_value`: written at once, being the commonest


class Table(_record.Record):
    """A table with named columns; a cell is a number, text, truth value, None, nested data, or a typed record.

    A cell may be any typed record (`trackd.Image`, `trackd.Html`, …) or what is logged as one: a figure of Matplotlib,
    Plotly or Bokeh, a PIL image. Dates become ISO text, arrays nested lists. There is no limit on rows.

    Args:
        columns: The names; need not be unique. By default those of `dataframe`, "Input", "Output", "Expected" for rows of
            three cells, and "0", "1", … for others. Names of a DataFrame choose from its columns.
        data: Rows: a list of lists of cells, a 2-D array, or a DataFrame of pandas or polars.
        rows: The older name of `data`.
        dataframe: A DataFrame of pandas or polars; its index is not kept.
        dtype: Accepted; cells keep their own types.
        optional: Accepted; any cell can be None.
        allow_mixed_types: Accepted; any column can be mixed.
        log_mode: "IMMUTABLE", "MUTABLE" or "INCREMENTAL"; each call of `log` keeps the whole table in any of them.

    Attributes:
        columns: The names.

    Raises:
        ValueError: a row has another length than there are columns, or rows are given twice.
        TypeError: a row is no list, or a cell cannot be logged.
    """

    kind = "table"
    field = 7

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: Any = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = "IMMUTABLE",
    ) -> None:
        if log_mode is not None and log_mode not in LOG_MODES:
            raise ValueError(f"Table: log_mode is {log_mode!r}; it can be {', '.join(LOG_MODES)}")
        given = [
            name
            for name, value in (("data", data), ("rows", rows), ("dataframe", dataframe))
            if value is not None
        ]
        if len(given) > 1:
            raise ValueError(f"Table: {' and '.join(given)} are given together; give the rows once")
        if isinstance(columns, str):
            raise TypeError(f"Table: columns is the text {columns!r}; it is a list of names: [{columns!r}]")
        names = None if columns is None else [str(name) for name in columns]
        source = data if data is not None else rows if rows is not None else dataframe
        self._rows: list[list[Any]] | None = None
        self._columns: list[Column] = []
        if source is None:
            self.columns = list(_DEFAULT_COLUMNS) if names is None else names
            self._rows = []
        elif _is_frame(source):
            own_names = [str(name) for name in source.columns]
            columns = _frame_columns(source)
            if names is not None and set(names) <= set(
                own_names
            ):  # some of the columns, in an order of their own
                columns = [columns[own_names.index(name)] for name in names]
            self._columns = columns
            self.columns = own_names if names is None else names
            self._check_width(len(columns), "the DataFrame")
        elif dataframe is not None:
            raise TypeError(
                f"Table: dataframe is a {type(dataframe).__name__}; it is a DataFrame of pandas or polars"
            )
        elif getattr(source, "ndim", 1) == 2 and _holds_numbers(source):
            array = _record.as_array(source)
            self._columns = [_record.owned(array[:, index]) for index in range(array.shape[1])]
            self.columns = _default_names(array.shape[1]) if names is None else names
            self._check_width(array.shape[1], "the array")
        else:
            given_rows = _rows_of(source)
            self.columns = _default_names(len(given_rows[0]) if given_rows else 3) if names is None else names
            self._check_rows(given_rows, 0)
            if given_rows:
                self._columns = [
                    _plain_cells(name, [row[index] for row in given_rows])
                    for index, name in enumerate(self.columns)
                ]
            else:
                self._rows = []

    @property
    def data(self) -> list[list[Any]]:
        """The rows, each a list of cells; what is changed in them is changed in the table."""
        return self._as_rows()

    def __len__(self) -> int:
        """Returns the number of rows."""
        if self._rows is not None:
            return len(self._rows)
        return len(self._columns[0]) if self._columns else 0

    def add_data(self, *data: Any) -> None:
        """Adds a row, one argument a column.

        Raises:
            ValueError: there are more or fewer cells than columns.
            TypeError: a cell cannot be logged.
        """
        rows = self._as_rows()
        self._check_rows([data], len(rows))
        rows.append(
            [
                cell if type(cell) in _PLAIN else _owned_cell(name, cell)
                for name, cell in zip(self.columns, data, strict=True)
            ]
        )

    def add_row(self, *row: Any) -> None:
        """Adds a row: like `add_data`, or one list of cells."""
        if len(row) == 1 and isinstance(row[0], list | tuple) and len(self.columns) != 1:
            row = tuple(row[0])
        self.add_data(*row)

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Adds a column behind the others.

        Args:
            name: Its name.
            data: A cell for each row: a list, a 1-D array, or a Series.
            optional: Accepted; any cell can be None.

        Raises:
            ValueError: there are more or fewer cells than rows.
            TypeError: a cell cannot be logged.
        """
        column = _owned_column(name, data)
        first = not self.columns and not len(self)
        if not first and len(column) != len(self):
            raise ValueError(
                f"Table: column {name!r} has {len(column)} cells and the table has {len(self)} rows; give one cell a row"
            )
        if first:
            self._rows, self._columns = None, []
        if self._rows is None:
            self._columns.append(column)
        else:
            for row, cell in zip(self._rows, _as_list(column), strict=True):
                row.append(cell)
        self.columns.append(str(name))

    def get_column(self, name: str, convert_to: str | None = None) -> Any:
        """Returns the cells of the first column of a name.

        Args:
            name: The column's name.
            convert_to: None for a list, "numpy" for an array.

        Raises:
            KeyError: there is no such column.
            ValueError: `convert_to` is something else.
        """
        if convert_to not in (None, "numpy"):
            raise ValueError(f"Table: convert_to is {convert_to!r}; it can be None or 'numpy'")
        if name not in self.columns:
            raise KeyError(f"Table: there is no column {name!r}; the columns are {self.columns}")
        index = self.columns.index(name)
        column: Column = self._columns[index] if self._rows is None else [row[index] for row in self._rows]
        if convert_to == "numpy":
            import numpy as np

            return np.array(column) if isinstance(column, list) else column.copy()
        return list(_as_list(column))

    def get_dataframe(self) -> pd.DataFrame:
        """Returns the table as a DataFrame of pandas."""
        import pandas

        if self._rows is not None:
            rows: pd.DataFrame = pandas.DataFrame.from_records(self._rows, columns=self.columns)
            return rows
        columns = [column if isinstance(column, list) else _as_series(column) for column in self._columns]
        frame: pd.DataFrame = pandas.DataFrame(dict(enumerate(columns)))
        frame.columns = pandas.Index(self.columns)
        return frame

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yields each row's number, from 0, and its cells."""
        yield from enumerate(self._as_rows())

    def cast(self, col_name: str, dtype: Any, optional: bool = False) -> None:
        """Does nothing: cells keep their own types. Accepted so that existing scripts run.

        Raises:
            KeyError: there is no such column.
        """
        if col_name not in self.columns:
            raise KeyError(f"Table: there is no column {col_name!r}; the columns are {self.columns}")

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Table`."""
        columns: Sequence[Column] = self._columns
        rows = self._rows
        if rows is not None:
            self._check_rows(rows, 0)  # whoever has `data` may have changed it
            columns = [[row[index] for row in rows] for index in range(len(self.columns))]
        return b"".join(
            _wire.message(1, _wire.text(1, name) + _cells(name, column, draft))
            for name, column in zip(self.columns, columns, strict=True)
        ) + _wire.integer(2, len(self))

    def _as_rows(self) -> list[list[Any]]:
        if self._rows is None:
            self._rows = [list(cells) for cells in zip(*map(_as_list, self._columns), strict=True)]
            self._columns = []
        return self._rows

    def _check_rows(self, rows: Sequence[Sequence[Any]], first: int) -> None:
        width = len(self.columns)
        if set(map(len, rows)) <= {width}:
            return
        number, row = next((first + index, row) for index, row in enumerate(rows) if len(row) != width)
        raise ValueError(
            f"Table: row {number} has {len(row)} cells and the table has {width} columns, {self.columns}: "
            "give one cell a column"
        )

    def _check_width(self, width: int, what: str) -> None:
        if width != len(self.columns):
            raise ValueError(
                f"Table: {what} has {width} columns and {len(self.columns)} names are given, {self.columns}: "
                "give one name a column"
            )


def _as_list(column: Column) -> list[Any]:
    cells: list[Any] = column if isinstance(column, list) else column.tolist()
    return cells


def _default_names(width: int) -> list[str]:
    return (
        list(_DEFAULT_COLUMNS) if width == len(_DEFAULT_COLUMNS) else [str(index) for index in range(width)]
    )


def _rows_of(source: Any) -> list[Sequence[Any]]:
    """Returns rows of any form as lists or tuples; raises TypeError when they are none."""
    if hasattr(source, "tolist") and hasattr(source, "dtype"):  # an array of texts or objects
        source = source.tolist()
    if not isinstance(source, Iterable) or isinstance(source, str | bytes | Mapping):
        raise TypeError(
            f"Table: data is a {type(source).__name__}; it is a list of rows, a 2-D array, or a DataFrame"
        )
    given: list[Any] = list(source)
    if set(map(type, given)) <= {list, tuple}:
        return given
    rows: list[Sequence[Any]] = []
    for number, row in enumerate(given):
        if hasattr(row, "tolist") and getattr(row, "ndim", 0) == 1:
            rows.append(row.tolist())
        elif isinstance(row, list | tuple):
            rows.append(row)
        else:
            raise TypeError(f"Table: row {number} is a {type(row).__name__}; a row is a list of cells")
    return rows


def _holds_numbers(array: Any) -> bool:
    """Says whether an array or tensor of any library holds numbers, none of them masked."""
    return getattr(array.dtype, "kind", "f") in "biuf" and not hasattr(array, "mask")


def _owned_cell(name: str, cell: Any) -> Any:
    """Returns a cell as a plain value or a typed record; raises TypeError when it can be none."""
    if isinstance(cell, _record.Record):
        return cell
    if isinstance(cell, float | int) and not hasattr(cell, "name"):  # NumPy's doubles; no enums
        return float(cell) if isinstance(cell, float) else int(cell)
    if hasattr(cell, "dtype"):
        if getattr(cell.dtype, "kind", "f") in "mM":  # NumPy's dates and durations
            return _as_list(_times(cell.reshape(1)))[0]
        return _values.plain(name, cell)
    if _record.is_from(cell, "pandas"):
        name_of_type = type(cell).__name__
        if name_of_type in ("NaTType", "NAType"):
            return None
        if name_of_type in ("Interval", "Period"):
            return str(cell)
    from trackd import _records

    record = _records.wrap(cell)
    return _values.plain(name, cell) if record is None else record


def _owned_column(name: str, data: Any) -> Column:
    """Returns the cells of a column as a list of plain cells, or as an array of numbers."""
    if _record.is_from(data, "pandas") and hasattr(data, "array"):
        return _series_column(name, data)
    if getattr(data, "ndim", 0) == 1 and _holds_numbers(data):
        return _record.owned(_record.as_array(data))
    if isinstance(data, str) or not isinstance(data, Iterable):
        raise TypeError(
            f"Table: column {name!r} is a {type(data).__name__}; it is a list or a 1-D array of cells"
        )
    return _plain_cells(name, list(data))


def _plain_cells(name: str, cells: list[Any]) -> list[Any]:
    if _PLAIN.issuperset(map(type, cells)):
        return cells
    return [cell if type(cell) in _PLAIN else _owned_cell(name, cell) for cell in cells]


def _is_frame(value: Any) -> bool:
    return type(value).__name__ == "DataFrame" or (
        _record.is_from(value, "pandas") and hasattr(value, "iloc")
    )


def _frame_columns(frame: Any) -> list[Column]:
    if hasattr(frame, "iloc"):
        return [_series_column(str(name), frame.iloc[:, index]) for index, name in enumerate(frame.columns)]
    columns: list[Column] = []
    for name, series in zip(frame.columns, frame.get_columns(), strict=True):  # polars
        if series.dtype.is_numeric() and not series.null_count():
            array = series.to_numpy()
            if array.dtype.kind in "iuf":
                columns.append(_record.owned(array))
                continue
        columns.append(_plain_cells(name, series.to_list()))
    return columns


def _series_column(name: str, series: Any) -> Column:
    """Returns the cells of a Series of pandas, or of an Index."""
    import numpy as np

    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, np.dtype):
        if kind in "biuf":
            return _record.owned(_record.as_array(series.to_numpy()))
        if kind in "mM":
            return _times(series.to_numpy())
    elif kind in "biuf" and hasattr(
        dtype, "numpy_dtype"
    ):  # nullable numbers, where NaN and NA are both empty
        missing = series.isna().to_numpy(dtype=bool)
        filled = series.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return np.ma.MaskedArray(filled, missing) if missing.any() else _record.owned(filled)
    cells = series.tolist()
    types = set(map(type, cells))
    if types == {str, float} and all(cell != cell for cell in cells if type(cell) is float):  # noqa: PLR0124
        return [None if type(cell) is float else cell for cell in cells]  # pandas' empty texts are NaN
    return _plain_cells(name, cells)


def _times(times: Array) -> Column:
    """Returns dates as ISO text and durations as seconds; NaT is an empty cell."""
    import numpy as np

    missing = np.isnat(times)
    if times.dtype.kind == "m":
        seconds = times / np.timedelta64(1, "s")
        return np.ma.MaskedArray(seconds, missing) if missing.any() else seconds
    unit = np.datetime_data(times.dtype)[0]
    for coarser in ("s", "ms", "us"):  # the shortest text that holds them all
        if unit in ("ms", "us", "ns", "ps", "fs", "as"):
            rounded = times.astype(f"M8[{coarser}]")
            if bool(np.all((rounded == times) | missing)):
                times = rounded
                break
    texts: list[str] = np.datetime_as_string(times).tolist()
    return [None if empty else text for text, empty in zip(texts, missing.tolist(), strict=True)]


def _as_series(column: Array) -> Any:
    """Returns a column for pandas: whole numbers with empty cells as its nullable type, which keeps them whole."""
    import numpy as np
    import pandas

    if not isinstance(column, np.ma.MaskedArray):
        return column
    return pandas.array(column.tolist(), dtype=pandas.array(column.data[:0]).dtype)


def _cells(name: str, column: Sequence[Any] | Array, draft: _record.Draft) -> bytes:
    """Encodes the cells of a `TableColumn` in the cheapest exact form."""
    import numpy as np

    if not len(column):
        return b""
    if isinstance(column, np.ndarray):
        return _array_cells(column, draft)
    types = set(map(type, column))
    empty = type(None) in types
    types.discard(type(None))
    if len(types) == 1:
        (only,) = types
        if only is str:
            return _text_cells(column, draft)
        if only in _NUMBERS:
            numbers = _number_cells(column, _NUMBERS[only], empty, draft)
            if numbers is not None:
                return numbers
    return _wire.message(3, b"".join([_cell(name, cell, draft) for cell in column]))


def _array_cells(column: Array, draft: _record.Draft) -> bytes:
    import numpy as np

    if not isinstance(column, np.ma.MaskedArray):
        return _wire.message(2, draft.array(column))
    return _wire.message(2, draft.array(column.data)) + _wire.message(
        5, draft.array(~np.ma.getmaskarray(column))
    )


def _number_cells(column: Sequence[Any], dtype: str, empty: bool, draft: _record.Draft) -> bytes | None:
    """Encodes numbers of one type and empty cells; None when an integer has more than 64 bits."""
    import numpy as np

    try:
        numbers = np.array([0 if cell is None else cell for cell in column] if empty else column, dtype)
    except OverflowError:
        return None
    encoded = _wire.message(2, draft.array(numbers))
    if empty:
        encoded += _wire.message(5, draft.array(np.array([cell is not None for cell in column])))
    return encoded


def _text_cells(column: Sequence[str | None], draft: _record.Draft) -> bytes:
    import numpy as np

    texts = [cell for cell in column if cell is not None]
    joined = "".join(texts)
    if joined.isascii() and len(texts) == len(column):
        data, sizes = joined.encode(), np.fromiter(map(len, texts), "<i8", len(texts))
    else:
        encoded = [None if cell is None else cell.encode("utf-8", "backslashreplace") for cell in column]
        data = b"".join([each for each in encoded if each is not None])
        sizes = np.array([-1 if each is None else len(each) for each in encoded], "<i8")
    return _wire.message(4, _wire.message(1, draft.payload(data)) + _wire.message(2, draft.array(sizes)))


def _cell(name: str, cell: Any, draft: _record.Draft) -> bytes:
    """Encodes one cell of a `CellList`."""
    kind = type(cell)
    if kind is float:
        return _DOUBLE_CELL.pack(_DOUBLE_HEAD, cell)
    if cell is None:
        return _EMPTY_CELL
    if kind is bool or (kind is int and _INT64_MIN <= cell <= _INT64_MAX):
        return _wire.message(1, _wire.value(cell))
    if isinstance(cell, _record.Record) or (
        isinstance(cell, list) and cell and isinstance(cell[0], _record.Record)
    ):
        return _wire.message(1, _wire.value(_wire.Encoded(_record.encode(cell, draft))))
    return _wire.message(1, _wire.value(_values.leaf(name, cell)))
