import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackd_service import arrays, tables
from trackd_service.arrays import AnyArray, RecordInvalid
from trackd_service.tables import Cell, Document, Json

COLUMNS = st.sampled_from(sorted(arrays.DTYPES)).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), st.integers(0, 30))
)
CELLS = st.lists(
    st.none()
    | st.floats()
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from([Json('{"a":[1,1.0,true]}'), Document('{"type":"markdown","text":"x"}')])
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "table.parquet"


def texts_of(cells: list[str | None]) -> tuple[bytes, AnyArray]:
    encoded = [None if cell is None else cell.encode() for cell in cells]
    sizes = np.array([-1 if cell is None else len(cell) for cell in encoded], np.int64)
    return b"".join(cell or b"" for cell in encoded), sizes


@settings(deadline=None)
@given(COLUMNS, st.data())
def test_numbers_are_read_back_exactly(path: Path, values: AnyArray, data: st.DataObject) -> None:
    validity = data.draw(st.none() | hnp.arrays(np.bool_, len(values)))
    column = tables.numbers("x", values, validity)
    tables.write([column], len(values), path)
    found = pq.read_table(path).column("c0").to_pylist()
    assert column.type == {"f": "number", "b": "bool"}.get(values.dtype.kind, "integer")
    for place, (cell, value) in enumerate(zip(found, values.tolist(), strict=True)):
        if validity is not None and not validity[place]:
            assert cell is None
        else:
            assert cell == value or (math.isnan(cell) and math.isnan(value))


@settings(deadline=None)
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)))
def test_texts_are_read_back_exactly(path: Path, cells: list[str | None]) -> None:
    column = tables.texts("x", *texts_of(cells))
    tables.write([column], len(cells), path)
    assert pq.read_table(path).column("c0").to_pylist() == cells


@settings(deadline=None)
@given(CELLS)
def test_cells_of_any_kind_are_read_back_exactly(path: Path, cells: list[Cell]) -> None:
    column = tables.values("x", cells)
    tables.write([column], len(cells), path)
    found = pq.read_table(path).column("c0").to_pylist()
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) > 1:
        assert column.type == "json"
    for cell, logged in zip(found, cells, strict=True):
        if column.type not in ("json", "record"):
            assert repr(cell) == repr(logged)
        elif logged is None:
            assert cell is None
        else:
            assert as_said(json.loads(cell)) == as_said(
                json.loads(logged) if isinstance(logged, Json | Document) else logged
            )


def as_said(value: Any) -> tuple[str, str]:
    """Returns a value with its type, so that 1, 1.0 and true are three; NaN and infinities as JSON has them here."""
    if isinstance(value, float) and not math.isfinite(value):
        value = {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    return type(value).__name__, repr(value)


def test_file_says_its_columns_by_position(path: Path) -> None:
    columns = [
        tables.values("a", [1, 2]),
        tables.values("a", ["x", None]),
        tables.values("", [None, None]),
        tables.values("m", [1, "1"]),
        tables.values("r", [Document('{"type":"markdown"}'), None]),
        tables.empty("e", 2),
    ]
    described = tables.write(columns, 2, path)
    assert [column["type"] for column in described["columns"]] == [
        "integer", "text", "text", "json", "record", "text",
    ]  # fmt: skip
    assert [column["name"] for column in described["columns"]] == ["a", "a", "", "m", "r", "e"]
    file = pq.read_metadata(path)
    assert file.schema.to_arrow_schema().names == ["c0", "c1", "c2", "c3", "c4", "c5"]
    assert json.loads(file.metadata[tables.METADATA_KEY]) == described


def test_same_table_makes_the_same_bytes(path: Path) -> None:
    column = tables.values("x", ["a", "b", None])
    tables.write([column], 3, path)
    first = path.read_bytes()
    tables.write([column], 3, path)
    assert path.read_bytes() == first


def test_rows_stand_in_groups_that_are_read_fast(path: Path) -> None:
    tables.write([tables.numbers("x", np.zeros(250_000))], 250_000, path)
    assert [pq.read_metadata(path).row_group(group).num_rows for group in range(3)] == [
        100_000, 100_000, 50_000,
    ]  # fmt: skip
    tables.write([tables.values("x", ["x" * 20_000] * 4_000)], 4_000, path)
    assert pq.read_metadata(path).num_row_groups == 3


def test_table_may_have_no_columns_or_no_rows(path: Path) -> None:
    assert tables.write([], 0, path) == {"columns": [], "row_count": 0}
    tables.write([tables.numbers("x", np.zeros(0)), tables.values("y", [])], 0, path)
    assert pq.read_table(path).num_rows == 0


def test_columns_of_unequal_lengths_are_refused(path: Path) -> None:
    with pytest.raises(RecordInvalid, match="column 'y' has 2 cells; the table has 3 rows"):
        tables.write([tables.values("x", [1, 2, 3]), tables.values("y", [1, 2])], 3, path)
    with pytest.raises(RecordInvalid, match="3 rows and no columns"):
        tables.write([], 3, path)
    with pytest.raises(RecordInvalid, match="10001 columns; the limit is 10000"):
        tables.write([tables.empty("x", 0)] * 10_001, 0, path)


@pytest.mark.parametrize("row_count", [-1, 100_000_001])
def test_impossible_row_counts_are_refused(row_count: int) -> None:
    with pytest.raises(RecordInvalid, match=f"has {row_count} rows"):
        tables.check_row_count(row_count)


def test_damaged_columns_are_refused() -> None:
    with pytest.raises(RecordInvalid, match="not UTF-8"):
        tables.texts("x", b"\xff\xfe", np.array([1, 1]))
    with pytest.raises(RecordInvalid, match="not UTF-8"):
        tables.texts("x", "ä".encode(), np.array([1, 1]))  # cut within a character
    with pytest.raises(RecordInvalid, match="texts of 3 bytes and came with 2"):
        tables.texts("x", b"ab", np.array([1, 2]))
    with pytest.raises(RecordInvalid, match="at least -1"):
        tables.texts("x", b"ab", np.array([4, -2]))
    with pytest.raises(RecordInvalid, match="and came with 2"):
        tables.texts("x", b"ab", np.array([2**62, 2**62, 2**62, 2**62, 2]))  # goes round to 2
    with pytest.raises(RecordInvalid, match="2x2"):
        tables.numbers("x", np.zeros((2, 2)))
    with pytest.raises(RecordInvalid, match="2 cells and 3 marks"):
        tables.numbers("x", np.zeros(2), np.ones(3, np.bool_))


def test_json_cells_are_json_that_everybody_reads() -> None:
    assert tables.checked_json('{"a": 1.0}') == '{"a": 1.0}'
    assert tables.checked_json("null") is None
    assert tables.checked_json("[NaN, -Infinity, 1e999, 1]") == (
        '[{"$float":"NaN"},{"$float":"-Infinity"},{"$float":"Infinity"},1]'
    )
    for text in ("{", "[" * 100_000, "1" * 5_000 + "x"):
        with pytest.raises(RecordInvalid, match="a cell is not JSON"):
            tables.checked_json(text)


def test_halves_are_kept_as_single_floats(path: Path) -> None:
    tables.write([tables.numbers("x", np.array([0.5, np.nan], np.float16))], 2, path)
    assert pq.read_schema(path).field("c0").type == pa.float32()
