"""`Table`: a cell reads back as what it was, in the cheapest form, and nobody changes it afterwards."""

import datetime
import json
import math
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.encoded import Encoded, Tensor, raises

from trackd import _record
from trackd._html import Html
from trackd._image import Image
from trackd._table import Table
from trackd.v1 import values_pb2

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | TEXTS, lambda inner: st.lists(inner, min_size=1, max_size=3)
)
CELLS = st.none() | st.booleans() | INT64 | st.floats() | TEXTS | st.lists(JSON, min_size=1, max_size=3)
COLUMN = st.sampled_from([st.floats(), INT64, st.booleans(), TEXTS, CELLS]).flatmap(
    lambda cells: st.lists(st.none() | cells, min_size=4, max_size=4)
)


def cell(value: values_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind is None:
        return None
    if kind == "json_value":
        return json.loads(value.json_value)
    return getattr(value, kind)


def column(encoded: Encoded, one: values_pb2.TableColumn) -> list[Any]:
    """Returns the cells of a column as the daemon reads them."""
    kind = one.WhichOneof("cells")
    if kind == "values":
        return [cell(each) for each in one.values.cells]  # noqa: PD011 - a message
    if kind == "texts":
        data, texts, begin = encoded.bytes_of(one.texts.data), [], 0
        for size in encoded.array(one.texts.sizes_bytes).tolist():
            texts.append(None if size < 0 else data[begin : begin + size].decode())
            begin += max(size, 0)
        assert begin == len(data)
        return texts
    if kind is None:
        return []
    cells: list[Any] = encoded.array(one.numbers).tolist()
    if one.HasField("validity"):
        there = encoded.array(one.validity).tolist()
        return [number if is_there else None for number, is_there in zip(cells, there, strict=True)]
    return cells


def read(table: Table) -> list[list[Any]]:
    """Returns the columns of a table as the daemon reads them."""
    encoded = Encoded(table)
    message = encoded.message.table
    assert [one.name for one in message.columns] == table.columns
    columns = [column(encoded, one) for one in message.columns]
    assert all(len(cells) == message.row_count == len(table) for cells in columns)
    return columns


def forms(table: Table) -> list[str | None]:
    return [one.WhichOneof("cells") for one in Encoded(table).message.table.columns]


def exactly(cells: list[Any]) -> list[tuple[type, str]]:
    return [(type(each), repr(each)) for each in cells]


@given(st.lists(COLUMN, min_size=1, max_size=4))
def test_every_cell_of_rows_reads_back_with_its_type(columns: list[list[Any]]) -> None:
    names = [f"c{index}" for index in range(len(columns))]
    rows = [list(row) for row in zip(*columns, strict=True)]
    at_once, one_by_one = Table(columns=names, data=rows), Table(columns=names)
    for row in rows:
        one_by_one.add_data(*row)
    by_columns = Table(columns=[])
    for name, cells in zip(names, columns, strict=True):
        by_columns.add_column(name, cells)
    for table in (at_once, one_by_one, by_columns):
        assert [exactly(cells) for cells in read(table)] == [exactly(cells) for cells in columns]
        assert [exactly(row) for row in table.data] == [exactly(row) for row in rows]


@given(
    st.sampled_from(["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "b1"]).flatmap(
        lambda dtype: st.lists(st.integers(0, 1), max_size=5).map(lambda values: np.array(values, dtype))
    )
)
def test_arrays_of_every_type_stay_arrays(array: Any) -> None:
    table = Table(columns=[])
    table.add_column("a", array)
    one = Encoded(table).message.table.columns[0]
    assert read(table) == [array.tolist()]
    if array.size:
        assert np.dtype(one.numbers.dtype) == array.dtype


def test_a_column_of_one_type_takes_the_cheap_form() -> None:
    table = Table(columns=list("abcde"), data=[[1, 0.5, True, "x", 1], [2, math.nan, None, None, 1.0]])
    assert forms(table) == ["numbers", "numbers", "numbers", "texts", "values"]


def test_integers_beyond_doubles_are_exact_and_beyond_64_bits_are_doubles() -> None:
    values = [2**53 + 1, -(2**63), 2**63 - 1]
    assert read(Table(columns=["a"], data=[[value] for value in values])) == [values]
    assert read(Table(columns=["a"], data=[[1], [2**70]])) == [[1, float(2**70)]]
    assert read(Table(dataframe=pd.DataFrame({"a": np.array([2**64 - 1], "u8")}))) == [[2**64 - 1]]


def test_numpy_scalars_are_their_python_values() -> None:
    row = [
        np.float64(0.1),
        np.float32(0.5),
        np.int8(-3),
        np.bool_(True),
        np.str_("x"),
        np.array(7),
        Tensor(2.5),
    ]
    columns = read(Table(columns=list("abcdefg"), data=[row]))
    assert [exactly(cells)[0] for cells in columns] == exactly([0.1, 0.5, -3, True, "x", 7, 2.5])


def test_dates_are_iso_text_and_durations_seconds() -> None:
    row = [
        datetime.date(2020, 1, 2),
        datetime.datetime(2020, 1, 2, 3, 4, 5),  # noqa: DTZ001 - a time without a zone is what is tested
        np.datetime64("2020-01-02"),
        pd.Timestamp("2020-01-02", tz="UTC"),
        datetime.timedelta(minutes=1),
        np.timedelta64(1500, "ms"),
        pd.NaT,
        pd.NA,
    ]
    assert [cells[0] for cells in read(Table(columns=list("abcdefgh"), data=[row]))] == [
        "2020-01-02",
        "2020-01-02T03:04:05",
        "2020-01-02",
        "2020-01-02T00:00:00+00:00",
        60.0,
        1.5,
        None,
        None,
    ]


def test_a_dataframe_keeps_its_types_and_its_empty_cells() -> None:
    frame = pd.DataFrame(
        {
            "f": np.array([0.5, math.nan, math.inf], "f4"),
            "i": np.array([1, 2, 3], "i4"),
            "n": pd.array([2**53 + 1, None, 3], "Int64"),
            "b": pd.array([True, None, False], "boolean"),
            "s": ["x", None, "ü"],
            "o": pd.Series(["x", math.nan, "z"], dtype=object),
            "m": pd.Series([1, 1.0, True], dtype=object),
            "t": np.array(["2020-01-01", "NaT", "2020-01-02T00:00:00.5"], "M8[ns]"),
            "d": pd.to_timedelta(["1s", None, "2min"]),
            "z": pd.to_datetime(["2020-01-01"] * 3).tz_localize("UTC"),
            "c": pd.Categorical(["u", "v", None]),
            "p": pd.period_range("2020-01", periods=3, freq="M"),
            "v": pd.interval_range(0, 3),
        }
    )
    columns = dict(zip(frame.columns, read(Table(dataframe=frame)), strict=True))
    assert exactly(columns.pop("f")) == exactly([0.5, math.nan, math.inf])
    assert exactly(columns.pop("m")) == exactly([1, 1.0, True])
    assert columns == {
        "i": [1, 2, 3],
        "n": [2**53 + 1, None, 3],
        "b": [True, None, False],
        "s": ["x", None, "ü"],
        "o": ["x", None, "z"],
        "t": ["2020-01-01T00:00:00.000", None, "2020-01-02T00:00:00.500"],
        "d": [1.0, None, 120.0],
        "z": ["2020-01-01T00:00:00+00:00"] * 3,
        "c": ["u", "v", None],
        "p": ["2020-01", "2020-02", "2020-03"],
        "v": ["(0, 1]", "(1, 2]", "(2, 3]"],
    }


def test_columns_of_a_dataframe_can_be_chosen_and_may_repeat() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    assert read(Table(dataframe=frame)) == [[1], [2], [3]]
    assert read(Table(columns=["b", "a"], dataframe=frame)) == [[2], [1]]
    assert Table(columns=["x", "y", "z"], data=frame).columns == ["x", "y", "z"]
    raises(ValueError, "3 columns|2 names", lambda: Table(columns=["x", "y"], dataframe=frame))


class PolarsType:
    def __init__(self, numeric: bool) -> None:
        self._numeric = numeric

    def is_numeric(self) -> bool:
        return self._numeric


class PolarsSeries:
    def __init__(self, cells: list[Any]) -> None:
        self._cells = cells
        self.dtype = PolarsType(all(isinstance(each, int | float | None) for each in cells))

    def null_count(self) -> int:
        return self._cells.count(None)

    def to_numpy(self) -> Any:
        return np.array(self._cells)

    def to_list(self) -> list[Any]:
        return self._cells


def test_a_dataframe_of_polars_is_read_column_by_column() -> None:
    class DataFrame:
        columns = ("a", "b", "c")

        def get_columns(self) -> list[PolarsSeries]:
            return [PolarsSeries([1, 2]), PolarsSeries([None, 0.5]), PolarsSeries(["x", None])]

    assert read(Table(dataframe=DataFrame())) == [[1, 2], [None, 0.5], ["x", None]]


def test_cells_are_records_and_figures_too() -> None:
    table = Table(columns=["html", "images"], data=[[Html("<b>a</b>"), [Image(np.zeros((2, 2)))] * 2]])
    encoded = Encoded(table)
    html, images = (one.values.cells[0].record_value for one in encoded.message.table.columns)  # noqa: PD011
    assert encoded.bytes_of(html.html.encoded) == b"<b>a</b>"
    assert [each.image.raw.shape for each in images.list.records] == [[2, 2], [2, 2]]


def test_what_changes_after_it_was_added_changes_nothing() -> None:
    array, cells, nested = np.zeros(2), [1, 2], {"a": [1]}
    table = Table(columns=[])
    table.add_column("a", array)
    table.add_column("b", cells)
    rows = [[nested, np.zeros(2)]]
    by_rows = Table(columns=["n", "array"], data=rows)
    array[:] = 5
    cells[0] = 9
    nested["a"].append(2)
    rows[0][1] = 7
    assert read(table) == [[0.0, 0.0], [1, 2]]
    assert read(by_rows) == [[{"a": [1]}], [[0.0, 0.0]]]


def test_a_table_is_read_and_grown_like_the_references() -> None:
    table = Table(columns=["a", 7], rows=[[1, "x"]])
    table.add_row(2, "y")
    table.add_row([3, "z"])
    table.add_column("c", np.array([0.5, 1.5, 2.5]), optional=True)
    table.cast("a", int)
    assert table.columns == ["a", "7", "c"]
    assert len(table) == 3
    assert table.data == [[1, "x", 0.5], [2, "y", 1.5], [3, "z", 2.5]]
    assert list(table.iterrows())[2] == (2, [3, "z", 2.5])
    assert table.get_column("7") == ["x", "y", "z"]
    assert table.get_column("c", convert_to="numpy").tolist() == [0.5, 1.5, 2.5]
    assert table.get_dataframe().to_dict("list") == {
        "a": [1, 2, 3],
        "7": ["x", "y", "z"],
        "c": [0.5, 1.5, 2.5],
    }
    table.data.append([4, "w", 3.5])
    assert read(table)[0] == [1, 2, 3, 4]
    table.data[0].pop()
    raises(ValueError, "row 0|2 cells|3 columns", lambda: read(table))


def test_a_dataframe_comes_back_from_columns_and_can_grow_by_rows() -> None:
    frame = pd.DataFrame({"n": pd.array([1, None], "Int64"), "s": ["x", None], "f": [0.5, math.nan]})
    table = Table(dataframe=frame)
    assert table.get_dataframe()["n"].tolist() == [1, pd.NA]
    assert table.get_column("n") == [1, None]
    table.add_data(3, "z", 1.0)
    assert read(table)[:2] == [[1, None, 3], ["x", None, "z"]]


def test_default_names_are_the_references_for_three_columns() -> None:
    assert Table().columns == Table(data=[[1, 2, 3]]).columns == ["Input", "Output", "Expected"]
    assert Table(data=np.zeros((2, 2))).columns == ["0", "1"]
    assert read(Table(data=np.arange(4).reshape(2, 2))) == [[0, 2], [1, 3]]
    assert read(Table(data=np.array([["x", "y"]]))) == [["x"], ["y"]]
    assert read(Table(columns=["a"], data=((each,) for each in (1, 2)))) == [[1, 2]]
    assert read(Table(columns=["a", "b"])) == [[], []]


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (ValueError, "row 1|1 cells|2 columns|'a', 'b'", {"columns": ["a", "b"], "data": [[1, 2], [3]]}),
        (TypeError, "row 0|int|list of cells", {"data": [1, 2]}),
        (TypeError, "str|list of rows", {"data": "text"}),
        (TypeError, "dict|list of rows", {"data": {"a": [1]}}),
        (
            TypeError,
            "text 'ab'|['ab']",
            {"columns": "ab"},
        ),
        (ValueError, "data and dataframe|once", {"data": [[1]], "dataframe": pd.DataFrame()}),
        (TypeError, "dataframe|list|pandas", {"dataframe": [[1]]}),
        (ValueError, "log_mode|'ONCE'|INCREMENTAL", {"log_mode": "ONCE"}),
        (ValueError, "2 columns|1 names", {"columns": ["a"], "data": np.zeros((3, 2))}),
        (TypeError, "'a'|object|cannot be logged", {"columns": ["a"], "data": [[object()]]}),
        (TypeError, "list|records|int", {"columns": ["a"], "data": [[[Html("x"), 1]]]}),
    ],
)
def test_a_table_that_cannot_be_one_says_why(
    error: type[Exception], words: str, arguments: dict[str, Any]
) -> None:
    raises(error, words, lambda: Table(**arguments))


def test_growing_wrongly_says_why_and_changes_nothing() -> None:
    table = Table(columns=["a"], data=[[1]])
    raises(ValueError, "row 1|2 cells|1 columns", lambda: table.add_data(1, 2))
    raises(ValueError, "'b'|2 cells|1 rows", lambda: table.add_column("b", [1, 2]))
    raises(TypeError, "'b'|int", lambda: table.add_column("b", 5))
    raises(KeyError, "'x'|'a'", lambda: table.get_column("x"))
    raises(KeyError, "'x'|'a'", lambda: table.cast("x", int))
    raises(ValueError, "'list'|numpy", lambda: table.get_column("a", convert_to="list"))
    assert read(table) == [[1]]


def test_a_text_of_a_mixed_column_over_the_limit_says_so() -> None:
    raises(ValueError, "limit", lambda: Encoded(Table(columns=["a"], data=[[1], ["x" * 2_000_000]])))


def test_a_hundred_thousand_rows_encode_quickly() -> None:
    rows = [[index / 3, index / 7, index, f"label {index % 97}"] for index in range(100_000)]
    begin = time.process_time()
    Table(columns=list("abcd"), data=rows).encode(_record.Draft())
    assert time.process_time() - begin < 1  # 0.1 s where nothing else runs; a message a cell takes several
