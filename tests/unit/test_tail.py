from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackd_service.series import Series
from trackd_service.summary import BOOL, DOUBLE, INT64
from trackd_service.tail import Tail

VALUES = st.floats(-10, 10) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.sampled_from(["x", "y"])
ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)), max_size=25
)


def append(tail: Tail, step: int, row: dict[str, Any]) -> None:
    texts = {key: value for key, value in row.items() if isinstance(value, str)}
    numbers = {key: value for key, value in row.items() if key not in texts}
    types = bytes(
        BOOL if isinstance(v, bool) else DOUBLE if isinstance(v, float) else INT64 for v in numbers.values()
    )
    words = np.zeros((1, len(numbers)), np.uint64)
    for position, value in enumerate(numbers.values()):
        words[:, position : position + 1].view(np.float64 if isinstance(value, float) else np.int64)[...] = (
            value
        )
    if numbers:
        tail.append(tuple(numbers), types, np.array([step]), np.array([step * 10]), words)
    for key, text in texts.items():
        tail.append_text(key, "string", step, step * 10, text)


def values(series: Series) -> list[tuple[int, Any]]:
    steps = series.steps.tolist()
    if series.strings is not None:
        return list(zip(steps, series.strings, strict=True))
    assert series.doubles is not None
    found: list[Any] = series.doubles.tolist()
    if series.kind == "bool":
        found = [bool(value) for value in found]
    if series.ints is not None and series.int_mask is not None:
        ints = series.ints.tolist()
        found = [ints[i] if exact else found[i] for i, exact in enumerate(series.int_mask.tolist())]
    return list(zip(steps, found, strict=True))


def kind_of(value: Any) -> str:
    return "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


@given(ROWS, st.integers(0, 25))
def test_a_series_has_the_last_write_of_each_step_however_rows_were_written(
    rows: list[tuple[int, dict[str, Any]]], cut: int
) -> None:
    whole, first, second = Tail(), Tail(), Tail()
    expected: dict[tuple[str, str], dict[int, Any]] = {}
    for position, (step, row) in enumerate(rows):
        append(whole, step, row)
        append(first if position < cut else second, step, row)
        for key, value in row.items():
            expected.setdefault((key, kind_of(value)), {})[step] = value
    joined = first.joined(second)
    for tail in (whole, joined):
        assert set(tail.extents()) == set(expected)
        for (key, kind), points in expected.items():
            found = values(tail.read(key, kind))  # type: ignore[arg-type]
            assert found == sorted(points.items())
            assert [type(value) for _, value in found] == [type(value) for _, value in sorted(points.items())]
    assert joined.point_count == whole.point_count == sum(len(row) for _, row in rows)
    assert joined.extents() == whole.extents()


def test_extents_count_every_value_and_know_the_first_and_the_last_step() -> None:
    tail = Tail()
    for step in (5, 2, 9, 2):
        append(tail, step, {"a": 1.0, "t": "x"})
    append(tail, 20, {"a": 3})
    assert tail.extents() == {("a", "number"): (5, 2, 20), ("t", "string"): (4, 2, 9)}


def test_what_was_never_written_is_empty() -> None:
    assert len(Tail().read("a", "number")) == 0
    assert Tail().read("a", "other").strings == []


def test_a_block_of_rows_is_appended_whole() -> None:
    tail = Tail()
    steps = np.arange(10_000)
    words = np.stack([steps.astype(np.float64).view(np.uint64), steps.view(np.uint64)], axis=1)
    tail.append(("d", "i"), bytes((DOUBLE, INT64)), steps, steps, words)
    tail.append(("d", "i"), bytes((DOUBLE, INT64)), steps + 10_000, steps, words)
    assert tail.point_count == 40_000
    assert tail.row_count == 20_000
    doubles = tail.read("d", "number").doubles
    assert doubles is not None
    assert doubles[10_005] == 5.0


def test_bytes_of_texts_are_counted_and_joined() -> None:
    first, later = Tail(), Tail()
    first.append_text("note", "string", 0, 1, "x" * 10)
    later.append_text("note", "string", 1, 2, "y" * 5)
    assert first.joined(later).text_bytes == 15
