import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.array_source import START, ArraySource, numbers, split

from trackd_service.cell_memory import CellMemory
from trackd_service.expressions import parse
from trackd_service.group_query import GroupRequest, query_group
from trackd_service.groups import Aggregate, Band, Grid, Member, combine, reduce_cells
from trackd_service.series import Series
from trackd_service.series_query import QueryInvalid, SeriesAnswer
from trackd_service.smoothing import Smoothing, smooth

AXES = st.sampled_from(["step", "wall_time", "relative_time"])
CUTS = st.lists(st.integers(0, 3000), max_size=3)
PLACES = st.none() | st.floats(-0.1, 1.1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("groups")


@st.composite
def curves(draw: st.DrawFn) -> Series:
    """Draws a run: logged at every step or at some, with a clock that may be set back."""
    count = draw(st.integers(0, 3000))
    random = np.random.default_rng(draw(st.integers(0, 100)))
    strides = np.ones(count, np.int64) if draw(st.booleans()) else random.integers(1, 4, count)
    steps = draw(st.integers(-300, 300)) + np.cumsum(strides)
    gaps = random.integers(0, 1_000_000_000, count)
    if count and draw(st.booleans()):
        gaps[count // 2] = -5_000_000_000
    values = random.normal(size=count)
    values[random.random(count) < draw(st.sampled_from([0.0, 0.01]))] = math.nan
    return numbers(steps, values, START + np.cumsum(gaps))


def sealed(folder: Path, series: Series, cuts: list[int]) -> ArraySource:
    """Makes a run with files of its own."""
    return split(Path(tempfile.mkdtemp(dir=folder)), series, cuts)


def ask(sources: list[ArraySource], memory: CellMemory | None = None, **asked: Any) -> SeriesAnswer:
    runs = tuple(f"r{number}" for number in range(len(sources)))
    request = GroupRequest("p", "g", runs, asked.pop("key", "m"), **asked)

    async def run() -> SeriesAnswer:
        used = memory or CellMemory()
        try:
            return await query_group(sources, request, used)
        finally:
            if memory is None:
                used.clear()

    return asyncio.run(run())


def column(series: Series, x: str) -> list[int]:
    values = series.steps if x == "step" else series.times - (START if x == "relative_time" else 0)
    return list(map(int, values))


def naive(
    runs: list[Series],
    x: str,
    buckets: int,
    low: int | None,
    high: int | None,
    aggregate: Aggregate = "mean",
    band: Band = "range",
    smoothing: Smoothing | None = None,
) -> dict[str, Any]:
    """Answers from the definition: choose cells by trying, then combine runs whose cells are made of all points."""
    points = []
    for series in runs:
        assert series.doubles is not None
        smoothed = series.doubles if smoothing is None else smooth(series.doubles, smoothing)
        all_rows = zip(column(series, x), series.doubles.tolist(), smoothed.tolist(), strict=True)
        points.append(sorted(all_rows, key=lambda row: row[0]))
    every = [row[0] for rows in points for row in rows]
    if not every:
        return {"cell_count": 0}
    first = min(every) if low is None else max(low, min(every))
    last = max(every) if high is None else min(high, max(every))
    inside = [[row for row in rows if first <= row[0] <= last] for rows in points]
    if first > last:
        return {"cell_count": 0}
    exponent: int | None = None
    distinct = {row[0] for rows in inside for row in rows}
    if len(distinct) > buckets or max(map(len, inside)) > buckets:
        exponent = 0
        while (last >> exponent) - (first >> exponent) + 1 > buckets:
            exponent += 1
        first, last = (first >> exponent) << exponent, (((last >> exponent) + 1) << exponent) - 1
    members = []
    for rows in points:
        if not rows:
            continue
        wide = np.array([row[0] for row in rows], np.int64)
        y, smoothed = (np.array([row[place] for row in rows], np.float64) for place in (1, 2))
        cut = (wide >= first) & (wide <= last)
        before = wide < first
        members.append(
            Member(
                reduce_cells(wide[cut], y[cut], smoothed[cut], Grid(exponent)),
                int(Grid(exponent).keys(wide[-1:])[0]),
                y[before][-1] if before.any() else math.nan,
                smoothed[before][-1] if before.any() else math.nan,
            )
        )
    columns = combine(members, aggregate, band)
    return {
        "cell_count": len(columns["y"]),
        "total_count": sum(map(len, inside)),
        "exponent": exponent,
        **columns,
    }


def assert_answers(answer: SeriesAnswer, expected: dict[str, Any], scale: int) -> None:
    assert answer.mode == "group"
    assert len(answer.columns["y"]) == expected["cell_count"]
    if not expected["cell_count"]:
        return
    assert answer.total_count == expected["total_count"]
    exponent = expected["exponent"]
    assert answer.cell_width == (0.0 if exponent is None else 2.0**exponent / scale)
    middle = (expected["x_first"] / 2 + expected["x_last"] / 2) / scale
    np.testing.assert_allclose(answer.x_base + answer.columns["x"], middle, rtol=1e-12, atol=1e-6)
    for name in ("count", "nonfinite"):
        np.testing.assert_array_equal(answer.columns[name], expected[name], err_msg=name)
    for name in {"y", "low", "high", "smoothed"} & answer.columns.keys():
        np.testing.assert_allclose(answer.columns[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


def place(runs: list[Series], x: str, share: float | None) -> int | None:
    every = [value for series in runs for value in column(series, x)]
    if share is None or not every:
        return None
    return round(min(every) + share * (max(every) - min(every)))


def asked_x(value: int | None, x: str) -> float | int | None:
    return None if value is None else value if x == "step" else value / 1e9


@settings(max_examples=150, deadline=None)
@given(
    runs=st.lists(curves(), min_size=1, max_size=4),
    cuts=CUTS,
    x=AXES,
    buckets=st.sampled_from([2, 7, 60, 500]),
    low=PLACES,
    high=PLACES,
    smoothing=st.none() | st.just(Smoothing("ema", 0.9)),
)
def test_answer_is_what_the_definition_says_however_the_runs_were_sealed(
    folder: Path,
    runs: list[Series],
    cuts: list[int],
    x: str,
    buckets: int,
    low: float | None,
    high: float | None,
    smoothing: Smoothing | None,
) -> None:
    begin, end = place(runs, x, low), place(runs, x, high)
    if x == "wall_time":  # a double does not hold nanoseconds since 1970
        begin, end = (None if one is None else round(one / 1e9) * 10**9 for one in (begin, end))
    expected = naive(runs, x, buckets, begin, end, smoothing=smoothing)
    sources = [sealed(folder, series, cuts) for series in runs]
    asked = {
        "x": x,
        "buckets": buckets,
        "min_x": asked_x(begin, x),
        "max_x": asked_x(end, x),
        "smoothing": smoothing,
    }
    memory = CellMemory()
    for _ in range(2):  # the second answer comes from memory
        answer = ask(sources, memory, **asked)
        assert_answers(answer, expected, 1 if x == "step" else 10**9)


@given(runs=st.lists(curves(), min_size=1, max_size=3), cut=st.integers(1, 3000), late=st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_late_points_and_new_points_of_a_running_run_count_at_once(
    folder: Path, runs: list[Series], cut: int, late: int
) -> None:
    memory = CellMemory()
    sources = [sealed(folder, series, [cut]) for series in runs]
    ask(sources, memory, buckets=50)
    for series, source in zip(runs, sources, strict=True):
        if len(series) > late:
            again = series.take(slice(len(series) - late, None))
            tail = source.tails["m", "number"]
            # Rows are written again, with other values: the later write wins, also over sealed points.
            source.tails["m", "number"] = (
                numbers(again.steps, np.full(late, 3.0), again.times) if len(tail) <= late else tail
            )
            source.revision += 1
    whole = [source.whole("m") for source in sources]
    assert_answers(ask(sources, memory, buckets=50), naive(whole, "step", 50, None, None), 1)


def test_panning_by_less_than_a_cell_changes_no_cell(folder: Path) -> None:
    random = np.random.default_rng(1)
    runs = [numbers(np.arange(10_000), random.normal(size=10_000)) for _ in range(3)]
    sources = [sealed(folder, series, [9_000]) for series in runs]
    answers = [
        ask(sources, buckets=100, min_x=low, max_x=low + 1_000) for low in (3_000, 3_001, 3_007, 3_016)
    ]
    for answer in answers:
        assert answer.cell_width == 16
        shared, ours, theirs = np.intersect1d(
            answers[0].columns["x"], answer.columns["x"], return_indices=True
        )
        assert len(shared) >= 60
        for name in ("y", "low", "high", "count"):
            np.testing.assert_array_equal(answers[0].columns[name][ours], answer.columns[name][theirs])


def test_run_that_has_ended_is_not_carried_on_and_one_that_logs_rarely_is(folder: Path) -> None:
    long = numbers([0, 1, 2, 3, 4, 5], [0.0, 0, 0, 0, 0, 0])
    rare = numbers([0, 4], [6.0, 12.0])
    answer = ask([sealed(folder, series, []) for series in (long, rare)])
    assert answer.columns["x"].tolist() == [0, 1, 2, 3, 4, 5]
    assert answer.columns["y"].tolist() == [3, 3, 3, 3, 6, 0]
    assert answer.columns["count"].tolist() == [2, 2, 2, 2, 2, 1]
    zoomed = ask([sealed(folder, series, []) for series in (long, rare)], min_x=2, max_x=3)
    assert zoomed.columns["y"].tolist() == [3, 3]


def test_aligned_runs_are_answered_without_reading_points(folder: Path) -> None:
    runs = [numbers(np.arange(2**17), np.arange(2**17, dtype=np.float64) * factor) for factor in (1, 3)]
    sources = [sealed(folder, series, [2**17]) for series in runs]
    answer = ask(sources, buckets=1000)
    assert sum(source.read_point_count for source in sources) == 0
    assert_answers(answer, naive(runs, "step", 1000, None, None), 1)


def test_running_group_is_asked_again_without_reading_what_is_sealed(folder: Path) -> None:
    steps = np.arange(20_000) * 3
    sources = [sealed(folder, numbers(steps, steps.astype(np.float64)), [15_000]) for _ in range(3)]
    memory = CellMemory()
    ask(sources, memory, buckets=100)
    for source in sources:
        source.read_point_count = 0
        tail = source.tails["m", "number"]
        assert tail.doubles is not None
        source.tails["m", "number"] = numbers(np.append(tail.steps, 60_001), np.append(tail.doubles, 7.0))
        source.revision += 1
    answer = ask(sources, memory, buckets=100)
    assert sum(source.read_point_count for source in sources) == 0
    assert_answers(answer, naive([source.whole("m") for source in sources], "step", 100, None, None), 1)


def test_x_of_a_metric_and_an_expression_are_joined_by_step(folder: Path) -> None:
    sources = []
    for factor in (1.0, 2.0):
        source = sealed(folder, numbers([0, 1, 2, 3], [1.0, 2, 3, 4]), [2])
        source.tails["epoch", "number"] = numbers([1, 2], [0.5 * factor, 1.0], key="epoch")
        sources.append(source)
    answer = ask(sources, x="metric:epoch")
    assert (answer.joined_count, answer.missing_count) == (2, 2)
    assert answer.columns["x"].tolist() == [0.5, 1.0]
    assert answer.x_extent == (0.5, 1.0)
    assert answer.columns["y"].tolist() == [2.0, (3.5 + 3.0) / 2]
    expression = parse("m * 10 - epoch")
    answer = ask(sources, key=expression.text, expression=expression, band="none")
    assert answer.key == "m * 10 - epoch"
    assert (answer.joined_count, answer.missing_count) == (2, 2)
    assert answer.columns["x"].tolist() == [1, 2, 3]
    assert answer.columns["y"].tolist() == [19.25, 29.0, 39.0]
    assert answer.columns["low"].tolist() == answer.columns["high"].tolist() == [19.25, 29.0, 39.0]


def test_group_without_points_is_empty(folder: Path) -> None:
    answer = ask([sealed(folder, numbers([], []), [])], smoothing=Smoothing("ema", 0.5))
    assert {name: len(values) for name, values in answer.columns.items()} == dict.fromkeys(
        ("x", "y", "low", "high", "count", "nonfinite", "smoothed"), 0
    )
    assert answer.x_extent is None


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"runs": ()}, "group has 0 runs; it can have 1 to 10,000"),
        ({"runs": tuple(map(str, range(10_001)))}, "group has 10,001 runs; it can have 1 to 10,000"),
        ({"runs": ("a", "b", "a")}, "group has the run 'a' twice; name each run once"),
        ({"aggregate": "sum"}, "aggregate is 'sum'; it is one of mean, median, min, max"),
        ({"band": "wide"}, "band is 'wide'; it is one of range, std, stderr, none"),
        ({"buckets": 1}, "buckets is 1; it must be 2 to 10,000"),
        ({"x": "metric:"}, "x is 'metric:'; it is one of step, wall_time, relative_time, metric:NAME"),
    ],
)
def test_broken_rule_is_told_in_one_sentence(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(QueryInvalid) as caught:
        GroupRequest(**{"project": "p", "group": "g", "runs": ("a",), "key": "m", **asked})
    assert str(caught.value) == sentence


def test_memory_forgets_the_longest_unused_first() -> None:
    memory = CellMemory(bytes_max=2_500)
    for name in ("a", "b"):
        memory.put(name, name, 500)
    assert memory.get("a") == "a"
    memory.put("c", "c", 500)
    assert [memory.get(name) for name in ("a", "b", "c")] == ["a", None, "c"]
    memory.put("c", "C", 900)
    assert memory.size_bytes == 2_400
    memory.clear()
    assert memory.size_bytes == 0
