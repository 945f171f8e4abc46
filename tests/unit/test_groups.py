import itertools
import math
import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service.groups import (
    AGGREGATES,
    BANDS,
    Aggregate,
    Band,
    Grid,
    Member,
    choose_grid,
    combine,
    join_cells,
    reduce_cells,
)

VALUES = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf])
# The x of points and their values, over few cells so that runs meet.
RUNS = st.lists(
    st.dictionaries(st.integers(-40, 40), VALUES, max_size=30).map(lambda points: sorted(points.items())),
    min_size=1,
    max_size=6,
)


def member(points: list[tuple[int, float]], low: int, grid: Grid, *, is_smoothed: bool = False) -> Member:
    """Makes a member of a run's points; those below `low` are before the range."""
    x, y = np.array([at for at, _ in points], np.int64), np.array([value for _, value in points], np.float64)
    inside = x >= low
    cells = reduce_cells(x[inside], y[inside], y[inside] * 2 if is_smoothed else None, grid)
    before = y[~inside][-1] if (~inside).any() else math.nan
    last_key = grid.keys(x[-1:])[0].item() if len(x) else None
    return Member(cells, last_key, before, before * 2)


def naive_values(
    points: list[tuple[int, float]], low: int, cell: int, exponent: int | None
) -> tuple[list[float], float]:
    """Returns the finite values that a run has in a cell, and what it carries there if it has no point in it."""

    def key(at: int) -> int:
        return at if exponent is None else at >> exponent

    inside = [value for at, value in points if at >= low and key(at) == cell]
    earlier = [value for at, value in points if key(at) < cell]
    is_over = not points or cell > key(points[-1][0])
    carried = earlier[-1] if earlier and not is_over and not inside else math.nan
    return [value for value in inside if math.isfinite(value)], carried if math.isfinite(
        carried
    ) else math.nan


def naive(
    runs: list[list[tuple[int, float]]], low: int, exponent: int | None, aggregate: Aggregate, band: Band
) -> dict[int, tuple[float, ...]]:
    """Returns y, low, high, count and nonfinite of each cell, from the definition."""
    cells = sorted(
        {at if exponent is None else at >> exponent for points in runs for at, _ in points if at >= low}
    )
    found: dict[int, tuple[float, ...]] = {}
    for cell in cells:
        means: list[float] = []
        extremes: list[tuple[float, float]] = []
        nonfinite = 0
        for points in runs:
            own, carried = naive_values(points, low, cell, exponent)
            nonfinite += sum(
                not math.isfinite(value)
                for at, value in points
                if at >= low and (at if exponent is None else at >> exponent) == cell
            )
            if own:
                means.append(math.fsum(own) / len(own))
                extremes.append((min(own), max(own)))
            elif not math.isnan(carried):
                means.append(carried)
                extremes.append((carried, carried))
        y = lower = upper = math.nan
        if means:
            y = {
                "mean": math.fsum(means) / len(means),
                "median": statistics.median(means),
                "min": min(one for one, _ in extremes),
                "max": max(one for _, one in extremes),
            }[aggregate]
            spread = statistics.stdev(means) if len(means) > 1 else 0.0
            lower, upper = {
                "range": (min(one for one, _ in extremes), max(one for _, one in extremes)),
                "std": (y - spread, y + spread),
                "stderr": (y - spread / math.sqrt(len(means)), y + spread / math.sqrt(len(means))),
                "none": (y, y),
            }[band]
        found[cell] = y, lower, upper, len(means), nonfinite
    return found


@settings(max_examples=300)
@given(
    runs=RUNS,
    low=st.integers(-45, 45),
    exponent=st.none() | st.integers(0, 5),
    aggregate=st.sampled_from(AGGREGATES),
    band=st.sampled_from(BANDS),
)
def test_group_is_what_its_definition_says(
    runs: list[list[tuple[int, float]]], low: int, exponent: int | None, aggregate: Aggregate, band: Band
) -> None:
    grid = Grid(exponent)
    if exponent is not None:
        low = (low >> exponent) << exponent
    columns = combine([member(points, low, grid) for points in runs], aggregate, band)
    expected = naive(runs, low, exponent, aggregate, band)
    assert grid.keys(columns["x_first"]).tolist() == list(expected)
    assert grid.keys(columns["x_last"]).tolist() == list(expected)
    rows = np.array(list(expected.values())).reshape(-1, 5)
    for place, name in enumerate(("y", "low", "high", "count", "nonfinite")):
        np.testing.assert_allclose(columns[name], rows[:, place], rtol=1e-9, atol=1e-6, err_msg=name)


@given(runs=RUNS, cuts=st.lists(st.integers(0, 30), max_size=3), exponent=st.integers(0, 4))
def test_cells_of_stretches_join_to_the_cells_of_the_whole(
    runs: list[list[tuple[int, float]]], cuts: list[int], exponent: int
) -> None:
    grid = Grid(exponent)
    for points in runs:
        whole = member(points, -100, grid).cells
        bounds = [0, *sorted(min(cut, len(points)) for cut in cuts), len(points)]
        parts = [member(points[begin:end], -100, grid).cells for begin, end in itertools.pairwise(bounds)]
        joined = join_cells(parts)
        for name in ("keys", "x_first", "x_last"):
            np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
        for name in ("min", "max", "last", "count", "nonfinite"):
            np.testing.assert_array_equal(getattr(joined.values, name), getattr(whole.values, name))
        np.testing.assert_allclose(joined.values.sum, whole.values.sum, rtol=1e-9, atol=1e-6)


@given(runs=RUNS)
def test_smoothed_values_are_aggregated_by_themselves(runs: list[list[tuple[int, float]]]) -> None:
    finite = [[(at, value) for at, value in points if math.isfinite(value)] for points in runs]
    grid = Grid(2)
    columns = combine([member(points, -100, grid, is_smoothed=True) for points in finite], "mean", "none")
    np.testing.assert_allclose(columns["smoothed"], columns["y"] * 2, rtol=1e-12, atol=1e-9)


@given(first=st.integers(-(2**63), 2**63 - 1), length=st.integers(1, 2**64), count=st.integers(2, 10_000))
def test_grid_of_integers_is_the_narrowest_that_fits(first: int, length: int, count: int) -> None:
    last = min(first + length, 2**63 - 1)
    if last == first:
        return
    exponent: Any = choose_grid(first, last, count).exponent
    assert (last >> exponent) - (first >> exponent) < count
    assert exponent == 0 or (last >> (exponent - 1)) - (first >> (exponent - 1)) >= count


@given(
    first=st.floats(allow_nan=False, allow_infinity=False),
    last=st.floats(allow_nan=False, allow_infinity=False),
    count=st.integers(2, 10_000),
)
def test_grid_of_doubles_has_no_more_cells_than_asked(first: float, last: float, count: int) -> None:
    if first >= last:
        return
    grid = choose_grid(first, last, count)
    low, high = grid.keys(np.array([first, last]))
    assert high - low < count
    begin, end = grid.widen(first, last)
    assert begin <= first
    assert end >= last
    assert grid.keys(np.array([begin, end])).tolist() == [low, high]


def test_one_spike_among_many_points_is_in_the_band() -> None:
    y = np.zeros(100_000)
    y[77_777] = 1e6
    grid = Grid(10)
    cells = reduce_cells(np.arange(100_000), y, None, grid)
    columns = combine([Member(cells, 97)], "mean", "range")
    assert columns["high"].max() == 1e6
    assert columns["y"].max() < 1e4


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_many_runs_are_combined_in_blocks_of_cells(
    aggregate: Aggregate, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(3)
    grid = Grid(None)
    members = [Member(reduce_cells(np.arange(50), random.normal(size=50), None, grid), 49) for _ in range(7)]
    whole = combine(members, aggregate, "std")
    monkeypatch.setattr("trackd_service.groups._BLOCK_VALUES", 21)
    blocks = combine(members, aggregate, "std")
    for name, column in whole.items():
        np.testing.assert_array_equal(column, blocks[name], err_msg=name)
