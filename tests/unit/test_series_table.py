import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service.series import Kind, Series, merge
from trackd_service.series_table import collect, merge_tables


def series_of(key: str, kind: Kind, steps: list[int], mark: int) -> Series:
    count = len(steps)
    array = np.array(sorted(set(steps)), np.int64)
    count = len(array)
    times = np.full(count, mark, np.int64)
    if kind in ("string", "other"):
        return Series(key, kind, array, times, strings=[f"{mark}"] * count)
    if kind == "number" and mark % 2:
        return Series(key, kind, array, times, array.astype(np.float64), array, np.ones(count, np.bool_))
    return Series(key, kind, array, times, np.full(count, float(mark)))


def plain(series: Series) -> tuple[object, ...]:
    ints = [] if series.ints is None or series.int_mask is None else series.ints[series.int_mask].tolist()
    doubles = None if series.doubles is None else series.doubles.tolist()
    return (
        series.key,
        series.kind,
        series.steps.tolist(),
        series.times.tolist(),
        doubles,
        ints,
        series.strings,
    )


PARTS = st.lists(
    st.dictionaries(
        st.tuples(st.sampled_from(["a", "b/ü", "c"]), st.sampled_from(["number", "bool", "string", "other"])),
        st.lists(st.integers(-20, 20), min_size=1, max_size=10),
        max_size=6,
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(PARTS)
def test_merging_tables_equals_merging_each_series(parts: list[dict[tuple[str, Kind], list[int]]]) -> None:
    written = [
        [series_of(key, kind, steps, mark) for (key, kind), steps in part.items()]
        for mark, part in enumerate(parts)
    ]
    merged = merge_tables([collect(part) for part in written])
    by_name: dict[tuple[str, Kind], list[Series]] = {}
    for part in written:
        for one in part:
            by_name.setdefault((one.key, one.kind), []).append(one)
    expected = {name: plain(merge(ones)) for name, ones in by_name.items()}
    found = list(merged.series())
    assert {(one.key, one.kind): plain(one) for one in found} == expected
    assert [one.key for one in found] == sorted(one.key for one in found)


def test_collect_sorts_leaves_out_what_is_empty_and_moves_positions_along() -> None:
    table = collect(
        [
            series_of("b", "number", [1], 0),
            series_of("a", "number", [], 0),
            series_of("a", "string", [1, 2], 0),
            series_of("a", "bool", [5], 0),
        ],
        [7, 8, 9, 10],
    )
    assert table.keys == ["a", "a", "b"]
    assert table.positions.tolist() == [10, 9, 7]
    assert table.counts.tolist() == [1, 2, 1]
    assert len(list(collect([]).series())) == 0


def test_collect_refuses_one_series_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        collect([series_of("a", "number", [1], 0), series_of("a", "number", [2], 0)])


def test_merged_positions_are_those_of_the_oldest_part() -> None:
    one = collect([series_of("a", "number", [1, 2], 0)], [100])
    other = collect([series_of("a", "number", [3], 0)], [102])
    assert merge_tables([one, other]).positions.tolist() == [100]
