from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from trackd_service.levels import LevelsFile, SegmentDamaged
from trackd_service.segments import (
    SealedRange,
    Search,
    merge_segments,
    read_all,
    read_ranges,
    read_segment_series,
    write_segment,
)
from trackd_service.series import Kind, Series, merge

START = 1_790_000_000_000_000_000


def numbers(key: str, count: int, first: int = 0, seed: int = 1) -> Series:
    random = np.random.default_rng(seed)
    steps = np.arange(first, first + count, dtype=np.int64)
    return Series(key, "number", steps, START + steps * 1_000_003, random.normal(size=count))


def all_kinds() -> list[Series]:
    steps = np.array([-(2**63), 0, 2**63 - 1], np.int64)
    times = np.array([START, START + 1, START + 2], np.int64)
    return [
        Series("a", "number", steps, times, np.array([np.nan, np.inf, -0.0])),
        Series(
            "a",
            "string",
            steps,
            times,
            strings=["", "line\nü\U0001f600", "x" * 10_000],
        ),
        Series("b", "bool", steps, times, np.array([1.0, 0.0, 1.0])),
        Series("c", "other", steps, times, strings=["{}", "[1,2]", '{"a":null}']),
        Series(
            "i",
            "number",
            steps,
            times,
            np.array([float(2**53 + 1), 0.5, -9.2e18]),
            np.array([2**53 + 1, 0, -(2**63)], np.int64),
            np.array([True, False, True]),
        ),
        numbers("z/long", 50_000),
    ]


def assert_same(found: Series, expected: Series) -> None:
    assert (found.key, found.kind) == (expected.key, expected.kind)
    assert found.steps.tolist() == expected.steps.tolist()
    assert found.times.tolist() == expected.times.tolist()
    assert found.strings == expected.strings
    assert (found.doubles is None) == (expected.doubles is None)
    if found.doubles is not None and expected.doubles is not None:
        assert found.doubles.tobytes() == expected.doubles.tobytes()
    assert (found.ints is None) == (expected.ints is None)
    if found.ints is not None and expected.ints is not None and found.int_mask is not None:
        assert expected.int_mask is not None
        assert found.int_mask.tolist() == expected.int_mask.tolist()
        assert found.ints[found.int_mask].tolist() == expected.ints[expected.int_mask].tolist()


def read(
    path: Path, key: str, kind: Kind, min_step: int | None = None, max_step: int | None = None
) -> Series:
    sealed = LevelsFile(path.with_suffix(".levels")).series(key, kind)
    assert sealed is not None
    return read_segment_series(path, key, kind, *sealed.narrow(min_step, max_step), min_step, max_step)


def test_every_kind_is_read_back_to_the_bit(tmp_path: Path) -> None:
    series = all_kinds()
    info = write_segment(series[::-1], tmp_path, "s1")
    assert (info.name, info.series_count, info.point_count) == ("s1", 6, 50_015)
    assert (info.first_step, info.last_step) == (-(2**63), 2**63 - 1)
    assert (info.first_time, info.last_time) == (START, START + 49_999 * 1_000_003)
    assert info.size_bytes == sum(path.stat().st_size for path in (info.parquet_path, info.levels_path))
    for found, expected in zip(read_all(info.parquet_path), series, strict=True):
        assert_same(found, expected)
    for expected in series:
        assert_same(read(info.parquet_path, expected.key, expected.kind), expected)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (16_000, 17_000), (49_999, None), (None, 3), (60_000, None)]
)
def test_a_range_of_steps_is_read_exactly(tmp_path: Path, low: int | None, high: int | None) -> None:
    info = write_segment([numbers("a", 20_000, seed=2), numbers("m", 50_000)], tmp_path, "s")
    assert_same(read(info.parquet_path, "m", "number", low, high), numbers("m", 50_000).between(low, high))


def test_wide_segment_keeps_each_series_apart(tmp_path: Path) -> None:
    series = [numbers(f"m{index:04}", 100, seed=index) for index in range(1000)]
    info = write_segment(series, tmp_path, "wide")
    assert pq.ParquetFile(info.parquet_path).num_row_groups < 10
    for index in (0, 163, 164, 999):
        assert_same(read(info.parquet_path, f"m{index:04}", "number"), series[index])


def test_several_ranges_are_read_in_one_call(tmp_path: Path) -> None:
    info = write_segment([numbers("a", 10), numbers("b", 10)], tmp_path, "s")
    ranges = [
        SealedRange(info.parquet_path, "b", "number", 10, 10),
        SealedRange(info.parquet_path, "a", "number", 0, 10),
        SealedRange(info.parquet_path, "a", "number", 0, 0),
    ]
    assert [(one.key, len(one)) for one in read_ranges(ranges, 3, 8)] == [("b", 5), ("a", 5), ("a", 0)]


def test_merged_segment_has_all_points_and_the_later_write_wins(tmp_path: Path) -> None:
    first, second = all_kinds(), [numbers("z/long", 10_000, first=45_000, seed=9), numbers("new", 5)]
    one = write_segment(first, tmp_path, "one")
    other = write_segment(second, tmp_path, "other", [50_000, 0])
    info = merge_segments([one.parquet_path, other.parquet_path], tmp_path, "merged")
    expected = {(series.key, series.kind): series for series in [*first, *second]}
    expected["z/long", "number"] = merge([first[-1], second[0]])
    found = {(series.key, series.kind): series for series in read_all(info.parquet_path)}
    assert found.keys() == expected.keys()
    for name, series in found.items():
        assert_same(series, expected[name])
    assert info.point_count == sum(map(len, expected.values()))
    sealed = LevelsFile(info.levels_path).series("z/long", "number")
    assert sealed is not None
    assert (sealed.position, sealed.count) == (0, 55_000)


def test_any_engine_reads_a_segment(tmp_path: Path) -> None:
    write_segment(all_kinds(), tmp_path, "one")
    write_segment([numbers("z/long", 10, first=50_000)], tmp_path, "other")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT metric, kind, count(*), count(value), count(value_int), count(value_string) "
            f"FROM '{tmp_path}/*.parquet' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        exact = connection.execute(
            f"SELECT value_int, step FROM '{tmp_path}/one.parquet' WHERE metric = 'i' AND value_int > 0"
        ).fetchall()
    assert rows == [
        ("a", "number", 3, 3, 0, 0),
        ("a", "string", 3, 0, 0, 3),
        ("b", "bool", 3, 3, 0, 0),
        ("c", "other", 3, 0, 0, 3),
        ("i", "number", 3, 3, 2, 0),
        ("z/long", "number", 50_010, 50_010, 0, 0),
    ]
    assert exact == [(2**53 + 1, -(2**63))]


def test_a_training_curve_costs_at_most_seven_bytes_a_point(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    steps = np.arange(100_000, dtype=np.int64)
    times = START + np.cumsum(random.integers(900_000, 1_100_000, len(steps)))
    values = (
        (np.exp(-steps / 30_000) + random.normal(0, 0.05, len(steps))).astype(np.float32).astype(np.float64)
    )
    info = write_segment([Series("train/loss", "number", steps, times, values)], tmp_path, "curve")
    assert info.size_bytes / info.point_count <= 7


def test_a_segment_of_no_points_is_read_back(tmp_path: Path) -> None:
    info = write_segment([], tmp_path, "none")
    assert (info.point_count, info.first_step) == (0, 0)
    assert list(read_all(info.parquet_path)) == []
    merged = merge_segments([info.parquet_path], tmp_path, "merged")
    assert merged.point_count == 0


def test_damage_is_a_typed_error(tmp_path: Path) -> None:
    info = write_segment([numbers("m", 40_000)], tmp_path, "s")
    whole = info.parquet_path.read_bytes()
    with pytest.raises(SegmentDamaged, match="rows"):
        read_segment_series(info.parquet_path, "m", "number", 0, 40_001)
    info.parquet_path.write_bytes(whole[:-100])
    with pytest.raises(SegmentDamaged, match="opened"):
        read_segment_series(info.parquet_path, "m", "number", 0, 10)
    info.parquet_path.write_bytes(whole[:50] + bytes(20_000) + whole[20_050:])
    with pytest.raises(SegmentDamaged, match="read"):
        list(read_all(info.parquet_path))
    with pytest.raises(FileNotFoundError):
        read_segment_series(tmp_path / "missing.parquet", "m", "number", 0, 10)


def test_a_file_that_goes_while_it_is_opened_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = write_segment([numbers("m", 10)], tmp_path, "s")
    status = info.parquet_path.stat()
    info.parquet_path.unlink()  # as a merge does it, when the file was looked at and is not open yet
    monkeypatch.setattr(Path, "stat", lambda self: status)
    with pytest.raises(FileNotFoundError):
        read_segment_series(info.parquet_path, "m", "number", 0, 10)


def test_a_parquet_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS step) TO '{path}'")
    with pytest.raises(SegmentDamaged, match="version"):
        read_segment_series(path, "m", "number", 0, 1)


def console(key: str, first: int, texts: list[str]) -> Series:
    steps = np.arange(first, first + len(texts), dtype=np.int64)
    return Series(key, "string", steps, START + steps, strings=texts)


def test_a_stretch_of_texts_is_read_without_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"line {number}" for number in range(100_000)]
    write_segment([console("a", 0, ["other"] * 5_000), console("b", 7, lines)], tmp_path, "s1")
    path = tmp_path / "s1.parquet"
    read_groups: list[int] = []
    read_row_groups = pq.ParquetFile.read_row_groups

    def watch(self: pq.ParquetFile, groups: list[int], *args: object, **kwargs: object) -> object:
        read_groups.extend(groups)
        return read_row_groups(self, groups, *args, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", watch)
    for low, high in [(50_000, 50_010), (0, 20), (100_000, 200_000), (16_384, 16_385), (200_000, 300_000)]:
        read_groups.clear()
        found = read(path, "b", "string", low, high)
        expected = [step for step in range(7, 100_007) if low <= step < high]
        assert found.steps.tolist() == expected
        assert found.strings == [lines[step - 7] for step in expected]
        assert len(read_groups) <= 2
    assert read(path, "a", "string", 4_998, None).strings == ["other"] * 2
    assert read(path, "b", "string").strings == lines


def test_texts_are_searched_without_their_colours_and_the_first_that_match_are_read(tmp_path: Path) -> None:
    texts = ["plain", "\x1b[31mwar\x1b[0mning", "warning", "Warnung", "warning"]
    write_segment([console("c", 0, texts)], tmp_path, "s1")
    sealed = LevelsFile(tmp_path / "s1.levels").series("c", "string")
    assert sealed is not None

    def search(pattern: str, count_max: int) -> list[int]:
        one = SealedRange(tmp_path / "s1.parquet", "c", "string", sealed.row_start, sealed.count)
        steps: list[int] = read_ranges([one], 0, 100, Search(pattern, count_max))[0].steps.tolist()
        return steps

    assert search("warning", 10) == [1, 2, 4]
    assert search("(?i)^WARN", 2) == [1, 2]
    assert search("x", 10) == []
