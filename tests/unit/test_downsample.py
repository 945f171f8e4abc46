import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service.downsample import (
    BUCKET_COLUMNS,
    Buckets,
    bucket_starts,
    concat,
    pick_extremes,
    reduce_buckets,
    reduce_points,
)
from trackd_service.series import Series

VALUES = st.lists(
    st.floats(width=64) | st.sampled_from([0.0, 1.0, float("nan"), float("inf"), -float("inf"), 1.7e308]),
    max_size=200,
)


def points(values: list[float], first_step: int = 0) -> Series:
    count = len(values)
    steps = np.arange(count, dtype=np.int64) * 3 + first_step
    return Series("k", "number", steps, steps * 1000, np.array(values, np.float64))


def reduced(series: Series, size: int, position: int = 0) -> Buckets:
    assert series.doubles is not None
    return reduce_points(series.steps, series.times, series.doubles, size, position)


@settings(deadline=None)
@given(VALUES, st.integers(1, 40), st.integers(0, 100))
def test_every_bucket_sums_up_exactly_its_points(values: list[float], size: int, position: int) -> None:
    series = points(values)
    buckets = reduced(series, size, position)
    groups: dict[int, list[int]] = {}
    for index in range(len(values)):
        groups.setdefault((position + index) // size, []).append(index)
    assert len(buckets) == len(groups)
    mean = buckets.mean()
    for place, members in enumerate(groups.values()):
        finite = [values[index] for index in members if np.isfinite(values[index])]
        assert buckets.count[place] == len(members)
        assert buckets.nonfinite[place] == len(members) - len(finite)
        assert buckets.first_step[place] == members[0] * 3
        assert buckets.last_step[place] == members[-1] * 3
        assert buckets.first_time[place] == members[0] * 3000
        assert buckets.last_time[place] == members[-1] * 3000
        assert np.array_equal(buckets.first[place], values[members[0]], equal_nan=True)
        assert np.array_equal(buckets.last[place], values[members[-1]], equal_nan=True)
        if finite:
            assert buckets.min[place] == min(finite)
            assert buckets.max[place] == max(finite)
            slack = 1e-12 * max(abs(min(finite)), abs(max(finite)))
            assert min(finite) - slack <= mean[place] <= max(finite) + slack
        else:
            assert np.isnan([buckets.min[place], buckets.max[place], buckets.sum[place], mean[place]]).all()


@settings(deadline=None)
@given(VALUES, st.integers(1, 20), st.integers(1, 5))
def test_reducing_twice_equals_reducing_once(values: list[float], size: int, factor: int) -> None:
    series = points(values)
    twice, once = reduce_buckets(reduced(series, size), factor), reduced(series, size * factor)
    for name in BUCKET_COLUMNS:
        if name != "sum":
            assert np.array_equal(getattr(twice, name), getattr(once, name), equal_nan=True), name
    assert np.array_equal(np.isnan(twice.mean()), np.isnan(once.mean()))


def test_int64_extremes_survive() -> None:
    steps = np.array([-(2**63), 0, 2**63 - 1], np.int64)
    buckets = reduce_points(steps, steps, np.zeros(3), 2)
    assert buckets.first_step.tolist() == [-(2**63), 2**63 - 1]
    assert buckets.last_time.tolist() == [0, 2**63 - 1]


def test_mean_of_the_largest_doubles_does_not_overflow() -> None:
    assert reduced(points([1.7e308] * 4), 4).mean().tolist() == [1.7e308]


def test_concat_of_nothing_and_of_parts() -> None:
    assert len(concat([])) == 0
    one, other = reduced(points([1.0, 2.0]), 1), reduced(points([3.0]), 1)
    assert concat([one, other]).max.tolist() == [1.0, 2.0, 3.0]
    assert concat([one]) is one


def test_bucket_starts_keep_to_multiples_in_the_whole_series() -> None:
    assert bucket_starts(10, 4, 6).tolist() == [0, 2, 6]
    assert bucket_starts(10, 4, 8).tolist() == [0, 4, 8]
    assert bucket_starts(0, 4).tolist() == []


@settings(deadline=None)
@given(VALUES.filter(len), st.integers(1, 60))
def test_pick_extremes_keeps_the_ends_and_every_extreme_it_has_room_for(
    values: list[float], points_max: int
) -> None:
    series = points(values)
    picked = pick_extremes(series, points_max)
    assert len(picked) <= points_max
    assert picked.doubles is not None
    assert set(picked.steps.tolist()) <= set(series.steps.tolist())
    assert bool(np.all(picked.steps[1:] > picked.steps[:-1]))
    assert picked.steps[-1] == series.steps[-1]
    if len(values) <= points_max:
        assert picked is series
    finite = [value for value in values if np.isfinite(value)]
    if points_max >= 4:
        assert picked.steps[0] == series.steps[0]
        if finite:
            assert min(finite) in picked.doubles
            assert max(finite) in picked.doubles
    again = pick_extremes(series, points_max)
    assert again.steps.tolist() == picked.steps.tolist()


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=41, max_size=300))
def test_pick_extremes_keeps_the_extremes_of_each_bucket(values: list[float]) -> None:
    picked = pick_extremes(points(values), 40)
    assert picked.doubles is not None
    kept = set(zip(picked.steps.tolist(), picked.doubles.tolist(), strict=True))
    for bucket in range(10):
        low, high = bucket * len(values) // 10, (bucket + 1) * len(values) // 10
        part = values[low:high]
        for extreme in (min(part), max(part)):
            assert ((low + part.index(extreme)) * 3, extreme) in kept


def test_pick_extremes_keeps_a_spike_a_gap_and_a_constant() -> None:
    values = [0.0] * 100_000
    values[54_321] = 9.0
    values[70_000] = float("nan")
    picked = pick_extremes(points(values), 100)
    assert picked.doubles is not None
    assert 9.0 in picked.doubles
    assert np.isnan(picked.doubles).any()
    assert len(pick_extremes(points([1.0] * 1000), 100)) <= 100


def test_pick_extremes_of_texts_is_evenly_spaced() -> None:
    steps = np.arange(100, dtype=np.int64)
    series = Series("k", "string", steps, steps, strings=[str(step) for step in range(100)])
    assert pick_extremes(series, 4).strings == ["0", "33", "66", "99"]
    assert pick_extremes(series, 1).strings == ["99"]


def test_pick_extremes_refuses_no_points() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        pick_extremes(points([1.0]), 0)
