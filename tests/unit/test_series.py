import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service.series import Series, empty, merge, settle

STEPS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5), max_size=30)


def numbers(steps: list[int], first: float = 0.0) -> Series:
    return Series(
        "k",
        "number",
        np.array(steps, np.int64),
        np.arange(len(steps), dtype=np.int64),
        np.arange(len(steps), dtype=np.float64) + first,
    )


@settings(deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=4))
def test_merge_keeps_the_last_write_of_each_step(parts: list[list[int]]) -> None:
    series = [numbers(steps, 100.0 * index) for index, steps in enumerate(parts)]
    expected: dict[int, float] = {}
    for part in series:
        assert part.doubles is not None
        expected.update(zip(part.steps.tolist(), part.doubles.tolist(), strict=True))
    merged = merge(series)
    assert merged.doubles is not None
    assert merged.steps.tolist() == sorted(expected)
    assert merged.doubles.tolist() == [expected[step] for step in sorted(expected)]


def test_merge_keeps_exact_integers_of_the_parts_that_have_them() -> None:
    exact = 2**53 + 1
    one = numbers([1, 2])
    other = Series(
        "k",
        "number",
        np.array([3], np.int64),
        np.array([0], np.int64),
        np.array([float(exact)]),
        np.array([exact], np.int64),
        np.array([True]),
    )
    merged = merge([one, other])
    assert merged.ints is not None
    assert merged.int_mask is not None
    assert merged.ints[merged.int_mask].tolist() == [exact]
    assert merged.int_mask.tolist() == [False, False, True]


def test_merge_of_texts_keeps_the_last_write() -> None:
    steps, times = np.array([1, 2], np.int64), np.zeros(2, np.int64)
    merged = merge(
        [
            Series("k", "string", steps, times, strings=["a", "b"]),
            Series("k", "string", steps[:1], times[:1], strings=["c"]),
        ]
    )
    assert merged.strings == ["c", "b"]


def test_between_is_half_open_and_returns_itself_when_nothing_is_cut() -> None:
    series = numbers([1, 3, 5, 7])
    assert series.between(3, 7).steps.tolist() == [3, 5]
    assert series.between(None, 1).steps.tolist() == []
    assert series.between(None, None) is series
    assert series.between(1, 8) is series


def test_take_selects_texts_like_arrays() -> None:
    series = Series(
        "k", "string", np.arange(3, dtype=np.int64), np.zeros(3, np.int64), strings=["a", "b", "c"]
    )
    assert series.take(np.array([True, False, True])).strings == ["a", "c"]
    assert series.take(np.array([1], np.int64)).strings == ["b"]
    assert series.take(slice(1, None)).strings == ["b", "c"]


def test_empty_has_the_columns_of_its_kind() -> None:
    assert empty("k", "bool").doubles is not None
    assert empty("k", "string").strings == []
    assert len(settle(empty("k", "number"))) == 0
