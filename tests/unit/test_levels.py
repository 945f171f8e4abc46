from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service.downsample import BUCKET_COLUMNS, reduce_points
from trackd_service.levels import LEVEL_BASE, LevelsFile, SegmentDamaged, write_levels
from trackd_service.series import Kind, Series
from trackd_service.series_table import collect


def series_of(key: str, count: int, kind: Kind = "number", seed: int = 0) -> Series:
    random = np.random.default_rng(seed + count)
    steps = np.cumsum(random.integers(1, 5, count)).astype(np.int64)
    times = np.cumsum(random.integers(0, 5, count)).astype(np.int64)
    if kind == "string":
        return Series(key, kind, steps, times, strings=["x"] * count)
    values = random.normal(size=count)
    values[random.random(count) < 0.01] = np.nan
    return Series(key, kind, steps, times, values)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("levels")


@settings(deadline=None)
@given(
    counts=st.lists(
        st.sampled_from([1, 100, 255, 256, 257, 1000, 4096, 5000, 70_000]), min_size=1, max_size=5
    ),
    position=st.sampled_from([0, 1, 127, 128, 5000]),
)
def test_every_level_equals_reducing_the_points(folder: Path, counts: list[int], position: int) -> None:
    series = [series_of(f"m{index}", count, seed=index) for index, count in enumerate(counts)]
    path = folder / "some.levels"
    size = write_levels(path, collect(series, [position] * len(series)))
    assert size == path.stat().st_size
    levels = LevelsFile(path)
    levels.verify()
    row_start = 0
    for one in series:
        sealed = levels.series(one.key, "number")
        assert sealed is not None
        assert (sealed.row_start, sealed.count, sealed.position) == (row_start, len(one), position)
        assert (sealed.first_step, sealed.last_step) == (one.steps[0], one.steps[-1])
        assert (sealed.first_time, sealed.last_time) == (one.times[0], one.times[-1])
        assert sealed.times_ascend
        assert bool(sealed.levels) == (len(one) >= 2 * LEVEL_BASE)
        for level in sealed.levels:
            assert one.doubles is not None
            expected = reduce_points(one.steps, one.times, one.doubles, level.points_per_bucket, position)
            found = level.buckets(0, len(level))
            for name in BUCKET_COLUMNS:
                if name == "sum":
                    np.testing.assert_allclose(found.sum, expected.sum, rtol=1e-9, atol=1e-9)
                else:
                    assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=True), name
            assert level.start(0) == 0
            assert level.start(len(level)) == len(one)
            for point in (0, len(one) // 2, len(one) - 1):
                bucket = level.index_of(point)
                assert level.start(bucket) <= point < level.start(bucket + 1)
        row_start += len(one)


def test_levels_reach_the_top_of_a_long_series_in_few_buckets(folder: Path) -> None:
    path = folder / "long.levels"
    write_levels(path, collect([series_of("long", 300_000), series_of("short", 300)]))
    long = LevelsFile(path).series("long", "number")
    short = LevelsFile(path).series("short", "number")
    assert long is not None
    assert short is not None
    assert [level.points_per_bucket for level in long.levels] == [128, 2048, 32_768]
    assert [len(level) for level in long.levels] == [2344, 147, 10]
    assert [level.points_per_bucket for level in short.levels] == [128]


def test_names_of_every_kind_are_found_and_others_are_not(folder: Path) -> None:
    path = folder / "names.levels"
    keys = ["a", "a/b", "aa", "b", "z" * 500, "ü/ß", "\U0001f600"]
    series = [series_of(key, 3) for key in keys] + [series_of("a", 400, "string"), series_of("a", 5, "bool")]
    write_levels(path, collect(series))
    levels = LevelsFile(path)
    assert len(levels) == len(series)
    names = levels.keys()
    assert names == sorted(names, key=lambda name: name[0])
    assert {key for key, _ in names} == set(keys)
    for one in series:
        found = levels.series(one.key, one.kind)
        assert found is not None
        assert found.count == len(one)
    text = levels.series("a", "string")
    assert text is not None
    assert text.levels == ()
    assert levels.series("ab", "number") is None
    assert levels.series("b", "string") is None
    assert levels.series("\uffff", "number") is None
    assert [one.key for one in levels.all_series()] == [key for key, _ in names]


def test_clock_set_back_is_noted(folder: Path) -> None:
    path = folder / "times.levels"
    steps = np.arange(3, dtype=np.int64)
    back = Series("back", "number", steps, np.array([2, 1, 3], np.int64), np.zeros(3))
    on = Series("on", "number", steps, np.array([2, 2, 3], np.int64), np.zeros(3))
    write_levels(path, collect([back, on]))
    assert [one.times_ascend for one in LevelsFile(path).all_series()] == [False, True]


@settings(deadline=None)
@given(st.integers(0, 12_000), st.integers(0, 12_000), st.sampled_from([0, 77]))
def test_narrowed_rows_hold_all_points_of_the_range(folder: Path, low: int, high: int, position: int) -> None:
    series = series_of("m", 3000)
    path = folder / "narrow.levels"
    write_levels(path, collect([series_of("a", 50), series], [0, position]))
    sealed = LevelsFile(path).series("m", "number")
    assert sealed is not None
    start, count = sealed.narrow(low, high)
    wanted = np.flatnonzero((series.steps >= low) & (series.steps < high))
    assert count <= len(wanted) + 2 * LEVEL_BASE
    if len(wanted):
        assert start <= 50 + wanted[0]
        assert start + count > 50 + wanted[-1]
    assert sealed.narrow(None, None) == (50, 3000)


def test_a_file_of_no_series_is_read_back(folder: Path) -> None:
    path = folder / "none.levels"
    write_levels(path, collect([]))
    levels = LevelsFile(path)
    assert len(levels) == 0
    assert levels.keys() == []
    assert levels.series("a", "number") is None


@pytest.mark.parametrize("cut", [0, 3, 15, 40, -1])
def test_a_file_cut_short_is_refused(folder: Path, cut: int) -> None:
    path = folder / "cut.levels"
    write_levels(path, collect([series_of("m", 1000)]))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SegmentDamaged):
        LevelsFile(path)


def test_no_altered_byte_goes_unseen(folder: Path) -> None:
    path = folder / "flip.levels"
    write_levels(path, collect([series_of("m", 600), series_of("n", 20)]))
    whole = path.read_bytes()
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 0x40
        path.write_bytes(altered)
        with pytest.raises(SegmentDamaged):
            LevelsFile(path).verify()


def test_a_later_format_version_is_refused_by_name(folder: Path) -> None:
    path = folder / "version.levels"
    write_levels(path, collect([series_of("m", 10)]))
    data = bytearray(path.read_bytes())
    data[4] = 2
    path.write_bytes(data)
    with pytest.raises(SegmentDamaged, match="version 2"):
        LevelsFile(path)


def test_a_missing_file_is_no_damage(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LevelsFile(folder / "missing.levels")
