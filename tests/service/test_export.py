"""The files that a history is exported to, read back with other programs' eyes."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import WaitUntil
from tests.service.reading import get_daemon

import trackd
from trackd._api_runs import Run

pytestmark = pytest.mark.usefixtures("project")

INT64_MAX = (1 << 63) - 1
ROWS: list[dict[str, Any]] = [
    {"loss": 0.1, "n": INT64_MAX, "ok": True, "mix": 1},
    {"loss": math.nan, "n": -5, "note": "=HYPERLINK(1)", "mix": 'a,b\n"c"'},
    {},
    {"loss": -math.inf, "ok": False, "list": [1, math.nan], "mix": 0.5, "n": 7},
]  # fmt: skip


@pytest.fixture
def run() -> Run:
    """Gives a finished run of `ROWS`."""
    writer = trackd.init()
    for row in ROWS:
        writer.log(row)
    writer.finish()
    return trackd.Api().run(writer.path)


def test_csv_has_a_row_a_step_and_a_column_a_metric(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    assert run.export(path) == str(path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["_step", "_timestamp", "_runtime", "list", "loss", "mix", "n", "note", "ok"]
    assert [row["_step"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["loss"] for row in rows] == ["0.1", "nan", "", "-inf"]
    assert [row["n"] for row in rows] == [str(INT64_MAX), "-5", "", "7"]
    assert [row["ok"] for row in rows] == ["true", "", "", "false"]
    assert [row["mix"] for row in rows] == ["1", 'a,b\n"c"', "", "0.5"]


def test_csv_text_that_a_spreadsheet_would_run_is_quoted_and_numbers_are_not(tmp_path: Path) -> None:
    writer = trackd.init()
    for value in ("=1+1", "+1", "-1", "@x", "\tx", "plain", -1, -0.5):
        writer.log({"=key": value})
    writer.finish()
    path = Path(trackd.Api().run(writer.path).export(tmp_path / "x.csv"))
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert header[-1] == "'=key"
    assert [row[-1] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain", "-1", "-0.5"]


def test_json_lines_are_strict_json_with_values_as_logged(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    run.export(path)

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    rows = [json.loads(line, parse_constant=refuse) for line in path.read_text(encoding="utf-8").splitlines()]
    values = [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows]
    assert values[0] == ROWS[0]
    assert values[1] == {**ROWS[1], "loss": "NaN"}
    assert values[2] == {}
    assert values[3] == {**ROWS[3], "loss": "-Infinity", "list": [1, "NaN"]}


def test_parquet_has_typed_columns_and_exact_integers(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "history.parquet"
    run.export(path)
    table = pq.read_table(path)
    assert {field.name: field.type for field in table.schema} == {
        "_step": pa.int64(),
        "_timestamp": pa.float64(),
        "_runtime": pa.float64(),
        "list": pa.string(),
        "loss": pa.float64(),
        "mix": pa.float64(),
        "mix (string)": pa.string(),
        "n": pa.int64(),
        "note": pa.string(),
        "ok": pa.bool_(),
    }
    columns = table.to_pydict()
    assert columns["_step"] == [0, 1, 2, 3]
    assert columns["n"] == [INT64_MAX, -5, None, 7]
    assert columns["ok"] == [True, None, None, False]
    assert columns["mix"] == [1.0, None, None, 0.5]
    assert columns["mix (string)"] == [None, 'a,b\n"c"', None, None]
    assert (columns["loss"][0], columns["loss"][2], columns["loss"][3]) == (0.1, None, -math.inf)
    assert math.isnan(columns["loss"][1])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_export_in_several_chunks_is_the_same_as_in_one(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = trackd.init()
    for i in range(3000):
        writer.log({"a": i, "half": i / 2} if i % 3 else {"a": i})
    writer.finish()
    run = trackd.Api().run(writer.path)
    whole, parts = Path(run.export(tmp_path / f"whole.{ending}")), tmp_path / f"parts.{ending}"
    monkeypatch.setattr("trackd._api_runs._SCAN_VALUES_MAX", 1000)
    monkeypatch.setattr(Run.tables, "__defaults__", (None, None, None, 1000))
    run.export(parts)
    if ending == "parquet":
        assert pq.ParquetFile(parts).num_row_groups > pq.ParquetFile(whole).num_row_groups
        assert pq.read_table(parts).equals(pq.read_table(whole))
    else:
        assert parts.read_bytes() == whole.read_bytes()


def test_run_without_a_value_can_be_exported(tmp_path: Path) -> None:
    writer = trackd.init()
    writer.finish()
    run = trackd.Api().run(writer.path)
    assert Path(run.export(tmp_path / "x.csv")).read_text() == "_step,_timestamp,_runtime\n"
    assert Path(run.export(tmp_path / "x.jsonl")).read_text() == ""
    assert pq.read_table(run.export(tmp_path / "x.parquet")).num_rows == 0


def test_export_that_fails_leaves_the_older_file_and_nothing_else(
    run: Run, tmp_path: Path, wait_until: WaitUntil
) -> None:
    path = tmp_path / "history.csv"
    path.write_text("older")
    wait_until(lambda: get_daemon().open_writer_count == 0)
    run.delete()
    with pytest.raises(trackd.CommError):
        run.export(path)
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"]
    assert path.read_text() == "older"


def test_export_needs_a_format_that_it_knows(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not end in \.csv, \.jsonl or \.parquet"):
        run.export(tmp_path / "history.txt")
    with pytest.raises(ValueError, match="export format is 'xml'"):
        run.export(tmp_path / "history.csv", format="xml")
    assert Path(run.export(tmp_path / "history.txt", format="jsonl")).read_text().count("\n") == 4


def test_typed_records_are_exported_as_their_documents(tmp_path: Path) -> None:
    run = trackd.init()
    run.log({"h": trackd.Histogram(np_histogram=([1, 2], [0, 1, 2])), "loss": 0.5})
    run.log({"loss": 0.25})
    run.finish()
    path = trackd.Api().run(run.path).export(tmp_path / "history.parquet")
    cells = pq.read_table(path).column("h").to_pylist()
    assert json.loads(cells[0])["counts"] == [1.0, 2.0]
    assert cells[1] is None
