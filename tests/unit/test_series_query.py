import asyncio
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.array_source import START, ArraySource, numbers, split

from trackd_service.levels import LevelsFile, SealedSeries
from trackd_service.segments import SealedRange, SegmentInfo, read_ranges, write_segment
from trackd_service.series import Kind, Series, merge
from trackd_service.series_query import (
    QueryInvalid,
    SeriesAnswer,
    SeriesRequest,
    encode,
    query,
)
from trackd_service.smoothing import Smoothing, smooth
from trackd_service.worker import Worker

FLOATS = st.floats(-1e9, 1e9) | st.sampled_from([float("nan"), float("inf"), -float("inf")])


def absolute(series: Series, x: str) -> npt.NDArray[Any]:
    if x == "step":
        return series.steps
    if x == "wall_time":
        base = START // 10**9
        return float(base) + (series.times - base * 10**9) / 1e9
    return (series.times - START) / 1e9


def naive(series: Series, request: SeriesRequest) -> dict[str, Any]:
    """Answers from the definition: one point after another."""
    assert series.doubles is not None
    x, y = absolute(series, request.x).tolist(), series.doubles.tolist()
    rows = [
        row
        for row in range(len(series))
        if (request.min_x is None or x[row] >= request.min_x)
        and (request.max_x is None or x[row] <= request.max_x)
    ]
    size = 1
    while size < 2**40 and (
        len(rows) > request.buckets if size == 1 else len({row // size for row in rows}) > request.buckets
    ):
        size *= 2
    after = request.after_x
    delta = after is not None and size == (request.points_per_bucket or 1)
    shown = [row for row in rows if not delta or (after is not None and x[row] > after)]
    if size == 1:
        return {
            "size": 1,
            "delta": delta,
            "total": len(rows),
            "x": [x[row] for row in shown],
            "y": [y[row] for row in shown],
        }
    groups: dict[int, list[int]] = {}
    for row in shown:
        groups.setdefault(row // size, []).append(row)
    found: dict[str, Any] = {"size": size, "delta": delta, "total": len(rows)}
    members = list(groups.values())
    finite = [[y[row] for row in group if math.isfinite(y[row])] for group in members]
    found["x_first"] = [x[group[0]] for group in members]
    found["x_last"] = [x[group[-1]] for group in members]
    found["min"] = [min(values, default=math.nan) for values in finite]
    found["max"] = [max(values, default=math.nan) for values in finite]
    found["last"] = [y[group[-1]] for group in members]
    found["mean"] = [math.fsum(values) / len(values) if values else math.nan for values in finite]
    found["nonfinite"] = [len(group) - len(values) for group, values in zip(members, finite, strict=True)]
    return found


def assert_answers(answer: SeriesAnswer, expected: dict[str, Any]) -> None:
    assert answer.points_per_bucket == expected["size"]
    assert answer.mode == ("points" if expected["size"] == 1 else "buckets")
    assert answer.delta == expected["delta"]
    assert answer.total_count == expected["total"]
    for name in ("x", "x_first", "x_last"):
        if name in expected:
            shown = answer.x_base + answer.columns[name]
            np.testing.assert_array_equal(shown, np.array(expected[name], np.float64), err_msg=name)
    for name in ("y", "min", "max", "last", "nonfinite"):
        if name in expected:
            np.testing.assert_array_equal(answer.columns[name], expected[name], err_msg=name)
    if "mean" in expected:
        np.testing.assert_allclose(answer.columns["mean"], expected["mean"], rtol=1e-9, atol=1e-6)


def ask(source: ArraySource, **asked: Any) -> SeriesAnswer:
    return asyncio.run(query(source, SeriesRequest("p", "r", "m", **asked)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("query")


@st.composite
def curves(draw: st.DrawFn) -> Series:
    count = draw(st.integers(0, 3000))
    random = np.random.default_rng(draw(st.integers(0, 100)))
    steps = draw(st.integers(-5000, 5000)) + np.cumsum(random.integers(1, 4, count))
    times = START + np.cumsum(random.integers(0, 3_000_000_000, count))
    values = random.normal(size=count)
    for place, value in draw(st.lists(st.tuples(st.integers(0, 2999), FLOATS), max_size=5)):
        if place < count:
            values[place] = value
    return numbers(steps, values, times)


CUTS = st.lists(st.integers(0, 3000), max_size=4)
PLACES = st.none() | st.integers(0, 3000)


@settings(max_examples=200, deadline=None)
@given(
    series=curves(),
    cuts=CUTS,
    x=st.sampled_from(["step", "wall_time", "relative_time"]),
    buckets=st.integers(2, 60),
    low=PLACES,
    high=PLACES,
    after=PLACES,
    size=st.none() | st.sampled_from([1, 32, 64, 128, 256, 512]),
)
def test_query_equals_the_definition_however_the_data_was_sealed(
    folder: Path,
    series: Series,
    cuts: list[int],
    x: str,
    buckets: int,
    low: int | None,
    high: int | None,
    after: int | None,
    size: int | None,
) -> None:
    source = split(folder, series, cuts)
    places = absolute(series, x)

    def at(place: int | None) -> Any:
        return None if place is None or len(places) == 0 else places[min(place, len(places) - 1)].item()

    request = SeriesRequest("p", "r", "m", x, buckets, at(low), at(high), None, at(after), size)
    assert_answers(asyncio.run(query(source, request)), naive(series, request))


@settings(deadline=None)
@given(series=curves(), parts=st.integers(1, 4), seed=st.integers(0, 50), buckets=st.integers(2, 60))
def test_overlapping_parts_are_answered_as_merged(
    folder: Path, series: Series, parts: int, seed: int, buckets: int
) -> None:
    random = np.random.default_rng(seed)
    source = ArraySource(folder)
    for _ in range(parts):
        some = series.take(random.random(len(series)) < 0.5)
        if len(some):
            source.seal(replace(some, doubles=random.normal(size=len(some))), 0)
    tail = series.take(random.random(len(series)) < 0.3)
    source.tails["m", "number"] = replace(tail, doubles=random.normal(size=len(tail)))
    request = SeriesRequest("p", "r", "m", buckets=buckets)
    assert_answers(asyncio.run(query(source, request)), naive(source.whole("m"), request))


@settings(deadline=None)
@given(series=curves(), cuts=CUTS, buckets=st.integers(2, 60))
def test_parts_out_of_place_still_hide_nothing(
    folder: Path, series: Series, cuts: list[int], buckets: int
) -> None:
    source = split(folder, series, cuts, aligned=False)
    answer = ask(source, buckets=buckets)
    assert answer.count <= buckets
    assert answer.total_count == len(series)
    if answer.mode == "buckets":
        assert series.doubles is not None
        x_first, x_last = answer.columns["x_first"], answer.columns["x_last"]
        assert bool(np.all(x_first[1:] > x_last[:-1]))
        for index, (first, last) in enumerate(zip(x_first, x_last, strict=True)):
            values = series.doubles[(series.steps >= first) & (series.steps <= last)]
            finite = values[np.isfinite(values)]
            assert answer.columns["nonfinite"][index] == len(values) - len(finite)
            if len(finite):
                assert answer.columns["min"][index] == finite.min()
                assert answer.columns["max"][index] == finite.max()


@settings(deadline=None)
@given(series=curves(), cut=st.integers(0, 3000), seen=st.integers(1, 3000), buckets=st.integers(2, 60))
def test_base_and_delta_join_to_the_full_answer(
    folder: Path, series: Series, cut: int, seen: int, buckets: int
) -> None:
    seen = min(seen, len(series))
    base = ask(split(folder, series.take(slice(0, seen)), [cut]), buckets=buckets)
    source = split(folder, series, [cut])
    full = ask(source, buckets=buckets)
    size = base.points_per_bucket
    # Of buckets the last may grow still: a client asks on from the last full one.
    kept = base.count if base.mode == "points" else seen // size
    known = base.columns["x" if base.mode == "points" else "x_last"][:kept]
    after = -math.inf if kept == 0 else known[-1].item()
    delta = ask(source, buckets=buckets, after_x=after, points_per_bucket=size)
    assert delta.delta == (full.points_per_bucket == size)
    assert delta.total_count == full.total_count
    for name, column in full.columns.items():
        joined = (
            np.concatenate([base.columns[name][:kept], delta.columns[name]])
            if delta.delta
            else delta.columns[name]
        )
        np.testing.assert_array_equal(joined, column)


def test_a_spike_of_one_point_in_a_million_is_seen_at_every_zoom(folder: Path) -> None:
    values = np.zeros(1_000_000)
    values[654_321] = 1.0
    steps = np.arange(len(values), dtype=np.int64)
    source = split(folder, numbers(steps, values), [300_000, 990_000])
    low, high = 0, 999_999
    while True:
        answer = ask(source, buckets=100, min_x=low, max_x=high)
        if answer.mode == "points":
            break
        assert answer.count <= 100
        hit = int(np.argmax(answer.columns["max"]))
        assert answer.columns["max"][hit] == 1.0
        low, high = int(answer.columns["x_first"][hit]), int(answer.columns["x_last"][hit])
        assert low <= 654_321 <= high
    assert answer.columns["x"][np.argmax(answer.columns["y"])] == 654_321


def test_an_overview_reads_no_points_and_a_zoom_few(folder: Path) -> None:
    steps = np.arange(1_000_000, dtype=np.int64)
    source = split(folder, numbers(steps, np.sin(steps / 1000)), [999_000])
    ask(source, buckets=1000)
    ask(source, buckets=1000, x="wall_time")
    assert source.read_point_count == 0
    ask(source, buckets=1000, min_x=100_001, max_x=800_002)
    assert source.read_point_count <= 2 * 128
    source.read_point_count = 0
    ask(source, buckets=1000, min_x=500_000, max_x=500_900)
    assert source.read_point_count <= 900 + 4 * 128


def test_a_clock_set_back_is_answered_in_order_of_time(folder: Path) -> None:
    times = [START + 10**9 * second for second in (0, 5, 2, 7, 6)]
    source = split(folder, numbers([0, 1, 2, 3, 4], [0.0, 1.0, 2.0, 3.0, 4.0], times), [2])
    answer = ask(source, x="relative_time", min_x=1, max_x=6)
    assert answer.columns["x"].tolist() == [2.0, 5.0, 6.0]
    assert answer.columns["step"].tolist() == [2.0, 1.0, 4.0]
    assert answer.x_extent == (0.0, 7.0)


def test_steps_beyond_two_to_the_53_stay_exact_behind_their_base(folder: Path) -> None:
    first = 2**62
    answer = ask(split(folder, numbers([first, first + 1, first + 3], [1.0, 2.0, 3.0]), [2]))
    assert answer.x_base == first
    assert answer.columns["x"].tolist() == [0.0, 1.0, 3.0]
    assert answer.x_extent == (first, first + 3)
    narrow = ask(split(folder, numbers([first, first + 1], [1.0, 2.0]), []), min_x=first + 1)
    assert narrow.columns["y"].tolist() == [2.0]


def test_int64_ends_are_steps_like_others(folder: Path) -> None:
    series = numbers([-(2**63), 0, 2**63 - 1], [1.0, 2.0, 3.0], [START] * 3)
    for cuts in ([], [1, 3]):
        answer = ask(split(folder, series, cuts))
        assert answer.columns["y"].tolist() == [1.0, 2.0, 3.0]
        assert ask(split(folder, series, cuts), min_x=2**63 - 1, max_x=math.inf).columns["y"].tolist() == [
            3.0
        ]
        assert ask(split(folder, series, cuts), min_x=2**63).count == 0
        assert ask(split(folder, series, cuts), max_x=-math.inf).count == 0


def test_a_metric_as_x_takes_its_last_value_and_counts_what_it_did(folder: Path) -> None:
    source = split(folder, numbers(list(range(8)), [float(step) for step in range(8)]), [3])
    epoch = numbers([2, 4, 6, 7], [0.5, 1.0, math.nan, 0.75], key="epoch")
    source.tails["epoch", "number"] = epoch
    answer = ask(source, x="metric:epoch")
    # Steps 0 and 1 come before the first value, step 6 has none that can be drawn.
    assert (answer.missing_count, answer.joined_count, answer.total_count) == (3, 2, 5)
    assert answer.columns["x"].tolist() == [0.5, 0.5, 0.75, 1.0, 1.0]
    assert answer.columns["step"].tolist() == [2.0, 3.0, 7.0, 4.0, 5.0]
    assert answer.x_extent == (0.5, 1.0)
    cut = ask(source, x="metric:epoch", min_x=0.75, max_x=1, after_x=0.75, points_per_bucket=1)
    assert cut.columns["step"].tolist() == [4.0, 5.0]
    none = ask(source, x="metric:missing")
    assert (none.count, none.missing_count) == (0, 8)


def test_a_metric_as_x_in_buckets(folder: Path) -> None:
    steps = np.arange(1000, dtype=np.int64)
    source = split(folder, numbers(steps, steps.astype(np.float64)), [500])
    source.seal(numbers(steps, steps / 10, key="epoch"), 0)
    answer = ask(source, x="metric:epoch", buckets=10)
    assert (answer.mode, answer.points_per_bucket, answer.count) == ("buckets", 128, 8)
    assert answer.columns["x_first"].tolist() == [128 * place / 10 for place in range(8)]
    assert answer.columns["max"].tolist() == [*(128.0 * place + 127 for place in range(7)), 999.0]


@pytest.mark.parametrize(
    "smoothing", [Smoothing("ema", 0.9), Smoothing("gaussian", 20), Smoothing("running_mean", 7)]
)
def test_smoothing_is_over_the_whole_series_before_the_range_is_cut(
    folder: Path, smoothing: Smoothing
) -> None:
    steps = np.arange(5000, dtype=np.int64)
    values = np.sin(steps / 50)
    values[17] = np.nan
    expected = smooth(values, smoothing)
    source = split(folder, numbers(steps, values), [1000, 4000])
    points = ask(source, buckets=100, min_x=2000, max_x=2050, smoothing=smoothing)
    np.testing.assert_allclose(points.columns["smoothed"], expected[2000:2051])
    buckets = ask(source, buckets=100, smoothing=smoothing)
    np.testing.assert_allclose(buckets.columns["smoothed"], expected[buckets.columns["x_last"].astype(int)])
    plain = ask(source, buckets=100)
    for name, column in plain.columns.items():
        np.testing.assert_allclose(buckets.columns[name], column)


def test_truth_values_are_drawn_where_there_are_no_numbers(folder: Path) -> None:
    source = ArraySource(folder)
    source.tails["m", "bool"] = numbers([1, 2], [1.0, 0.0], kind="bool")
    assert (ask(source).kind, ask(source).columns["y"].tolist()) == ("bool", [1.0, 0.0])
    source.tails["m", "number"] = numbers([3], [5.0])
    assert (ask(source).kind, ask(source).columns["y"].tolist()) == ("number", [5.0])


@pytest.mark.parametrize("x", ["step", "wall_time", "metric:a"])
def test_a_series_that_is_not_there_has_no_points(folder: Path, x: str) -> None:
    answer = ask(ArraySource(folder), x=x, smoothing=Smoothing("ema", 0.5) if x == "step" else None)
    assert (answer.count, answer.total_count, answer.x_extent) == (0, 0, None)


def test_the_same_question_has_the_same_bytes(folder: Path) -> None:
    steps = np.arange(50_000, dtype=np.int64)
    values = np.random.default_rng(0).normal(size=len(steps)).round(3)
    one = ask(split(folder, numbers(steps, values), [10_000, 20_000]), buckets=300)
    other = ask(split(folder, numbers(steps, values), [123, 44_321]), buckets=300)
    for name in ("x_first", "x_last", "min", "max", "last", "nonfinite"):
        assert one.columns[name].tobytes() == other.columns[name].tobytes()
    again = ask(split(folder, numbers(steps, values), [10_000, 20_000]), buckets=300)
    assert encode([one]) == encode([again])


def decode(data: bytes) -> tuple[list[dict[str, Any]], list[dict[str, npt.NDArray[Any]]]]:
    assert data[:4] == b"TKS1"
    size = int.from_bytes(data[4:8], "little")
    assert (8 + size) % 8 == 0
    described = json.loads(data[8 : 8 + size])["series"]
    columns = []
    for series in described:
        found = {}
        for column in series["columns"]:
            assert column["offset"] % 8 == 0
            dtype = {"float64": "<f8", "uint32": "<u4"}[column["type"]]
            found[column["name"]] = np.frombuffer(data, dtype, column["length"], 8 + size + column["offset"])
        columns.append(found)
    return described, columns


def test_encoded_answers_are_read_back(folder: Path) -> None:
    steps = np.arange(3001, dtype=np.int64)
    values = steps / 3
    values[5] = np.nan
    source = split(folder, numbers(steps, values), [2000])
    answers = [ask(source, buckets=99), ask(source, x="wall_time", max_x=1e9), ask(source, buckets=10_000)]
    described, columns = decode(encode(answers))
    assert len(described) == 3
    for answer, header, found in zip(answers, described, columns, strict=True):
        assert header["count"] == answer.count
        assert header["x_base"] == str(answer.x_base)
        assert header["x_extent"] == (None if answer.x_extent is None else list(answer.x_extent))
        for name in (
            "project",
            "run",
            "key",
            "kind",
            "mode",
            "delta",
            "total_count",
            "points_per_bucket",
            "revision",
        ):
            assert header[name] == getattr(answer, name)
        assert list(found) == list(answer.columns)
        for name, column in found.items():
            np.testing.assert_array_equal(column, answer.columns[name])
    assert list(columns[0]) == ["x_first", "x_last", "min", "max", "last", "mean", "nonfinite"]
    assert list(columns[1]) == ["x", "y", "step"]
    assert list(columns[2]) == ["x", "y"]
    assert decode(encode([])) == ([], [])


@pytest.mark.parametrize(
    "asked",
    [
        {"buckets": 1},
        {"buckets": 10_001},
        {"x": "time"},
        {"x": "metric:"},
        {"min_x": math.nan},
        {"max_x": 10**400},
        {"points_per_bucket": 0},
    ],
)
def test_a_question_against_the_rules_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(QueryInvalid):
        SeriesRequest("p", "r", "m", **asked)


class MovingSource(ArraySource):
    """A run whose tail is sealed while it is read: the first read finds more points than were planned."""

    async def read_sealed(
        self, key: str, kind: Kind, min_step: int | None, max_step: int | None
    ) -> list[Series]:
        tail = self.tails.pop((key, kind), None)
        if tail is not None:
            whole = merge([*self.written[key, kind], tail])
            self.parts[key, kind].clear()
            self.written[key, kind].clear()
            self.seal(whole, 0)
        return await super().read_sealed(key, kind, min_step, max_step)


def test_sealing_while_a_query_runs_loses_no_point(folder: Path) -> None:
    steps = np.arange(2000, dtype=np.int64)
    values = steps.astype(np.float64)
    source = MovingSource(folder)
    # Every other point is sealed, the rest is not: the parts lie over each other.
    source.seal(numbers(steps[:500:2], values[:500:2]), 0)
    source.seal(numbers(steps[600:1000], values[600:1000]), 250)
    source.tails["m", "number"] = numbers(steps[1000:], values[1000:])
    answer = ask(source, buckets=2000)
    assert answer.columns["x"].tolist() == [*range(0, 500, 2), *range(600, 2000)]


class SegmentSource(ArraySource):
    """A run of real segments, read through a worker process."""

    def __init__(self, folder: Path, worker: Worker, infos: list[SegmentInfo]) -> None:
        super().__init__(folder)
        self.worker = worker
        self.files = [(info.parquet_path, LevelsFile(info.levels_path)) for info in infos]

    def sealed(self, key: str, kind: Kind) -> list[SealedSeries]:
        return [one for _, levels in self.files if (one := levels.series(key, kind)) is not None]

    async def read_sealed(
        self, key: str, kind: Kind, min_step: int | None, max_step: int | None
    ) -> list[Series]:
        ranges = [
            SealedRange(path, key, kind, *one.narrow(min_step, max_step))
            for path, levels in self.files
            if (one := levels.series(key, kind)) is not None
        ]
        return await self.worker.run(read_ranges, ranges, min_step, max_step)


async def test_real_segments_through_a_worker_are_answered_as_defined(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    steps = np.cumsum(random.integers(1, 3, 60_000))
    series = numbers(steps, random.normal(size=len(steps)))
    other = numbers(steps[:100], random.normal(size=100), key="a/other")
    infos = [
        write_segment([series.take(slice(0, 25_000)), other], tmp_path, "one"),
        write_segment([series.take(slice(25_000, 59_000))], tmp_path, "two", [25_000]),
    ]
    worker = Worker()
    try:
        source = SegmentSource(tmp_path, worker, infos)
        source.tails["m", "number"] = series.take(slice(59_000, None))
        for asked in (
            SeriesRequest("p", "r", "m", buckets=100),
            SeriesRequest("p", "r", "m", buckets=1000, min_x=30_001, max_x=80_000),
            SeriesRequest(
                "p", "r", "m", x="wall_time", buckets=500, min_x=START / 1e9 + 100, max_x=START / 1e9 + 400
            ),
        ):
            assert_answers(await query(source, asked), naive(series, asked))
    finally:
        await worker.close()
