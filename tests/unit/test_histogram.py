"""`Histogram`: the raw values go out as they are; what cannot be binned says why."""

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.encoded import Encoded, Tensor, raises

from trackd._histogram import Histogram


@given(
    st.lists(st.floats(width=32), max_size=20),
    st.sampled_from(["f2", "f4", "f8"]),
    st.integers(1, 512),
)
def test_the_raw_values_read_back(values: list[float], dtype: str, bins: int) -> None:
    with np.errstate(over="ignore"):
        array = np.array(values, dtype)
    encoded = Encoded(Histogram(array, num_bins=bins))
    message = encoded.message.histogram
    assert np.array_equal(encoded.array(message.raw), array, equal_nan=True)
    assert message.raw.dtype == array.dtype.str
    assert message.bin_count == bins
    assert not message.edges


@pytest.mark.parametrize(
    "sequence",
    [
        [1, 2, 3],
        (0.5, 1.5),
        [[1], [2]],
        [],
        range(4),
        np.arange(6, dtype="u2").reshape(2, 3),
        [True, False],
        7,
    ],
)
def test_any_sequence_and_shape_is_taken(sequence: Any) -> None:
    encoded = Encoded(Histogram(sequence))
    assert np.array_equal(encoded.array(encoded.message.histogram.raw), np.asarray(sequence))
    assert encoded.message.histogram.bin_count == 64


def test_tensors_and_later_changes() -> None:
    array = np.arange(3.0)
    histogram, of_tensor = Histogram(array), Histogram(Tensor(array))
    array[:] = 9
    for each in (histogram, of_tensor):
        encoded = Encoded(each)
        assert encoded.array(encoded.message.histogram.raw).tolist() == [0, 1, 2]


def test_bins_of_the_person_read_back() -> None:
    for given_bins in (
        np.histogram([1, 2, 2, 3], bins=3),
        ([1, 2, 1], [1, 2, 3, 4]),
        (np.array([0.5]), [0, 1]),
    ):
        message = Encoded(Histogram(np_histogram=given_bins)).message.histogram
        assert list(message.counts) == list(map(float, given_bins[0]))
        assert list(message.edges) == list(map(float, given_bins[1]))
        assert not message.HasField("raw")


def test_a_script_that_asks_for_bins_gets_those_of_the_finite_values() -> None:
    histogram = Histogram([0.0, 1.0, 1.0, math.nan, math.inf], num_bins=2)
    assert histogram.histogram == [1, 2]
    assert histogram.bins == [0, 0.5, 1]
    assert Histogram(np.array([True, False, True]), num_bins=2).histogram == [1, 2]
    assert sum(Histogram([]).histogram) == 0
    assert Histogram(np_histogram=([3], [0, 1])).bins == [0, 1]


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (ValueError, "513 bins|the limit is 512|fewer", {"sequence": [1], "num_bins": 513}),
        (ValueError, "0 bins|the limit is 512", {"sequence": [1], "num_bins": 0}),
        (TypeError, "num_bins|2.5|integer", {"sequence": [1], "num_bins": 2.5}),
        (TypeError, "num_bins|True", {"sequence": [1], "num_bins": True}),
        (TypeError, "neither", {}),
        (TypeError, "both", {"sequence": [1], "np_histogram": ([1], [0, 1])}),
        (TypeError, "<U4|integers or floats", {"sequence": "text"}),
        (TypeError, "a list|no array", {"sequence": [[1], [2, 3]]}),
        (TypeError, "complex", {"sequence": [1j]}),
        (ValueError, "list|tuple of counts and edges", {"np_histogram": [1, 2, 3]}),
        (ValueError, "2 counts|2 edges|one more", {"np_histogram": ([1, 2], [0, 1])}),
        (ValueError, "513 bins|512", {"np_histogram": (np.ones(513), np.arange(514))}),
        (ValueError, "ascending", {"np_histogram": ([1, 2], [0, 2, 1])}),
        (ValueError, "ascending", {"np_histogram": ([1], [0, math.nan])}),
        (ValueError, "count|negative", {"np_histogram": ([-1], [0, 1])}),
        (TypeError, "<U1|integers or floats", {"np_histogram": (["a"], [0, 1])}),
        (ValueError, "no list of", {"np_histogram": (1, 2)}),
    ],
)
def test_what_is_no_histogram_says_why(error: type[Exception], words: str, arguments: dict[str, Any]) -> None:
    raises(error, words, lambda: Histogram(**arguments))


def test_a_hundred_thousand_values_cost_a_copy() -> None:
    values = np.random.default_rng(0).random(100_000, np.float32)
    best = math.inf
    for _ in range(50):
        begin = time.perf_counter()
        Histogram(values)
        best = min(best, time.perf_counter() - begin)
    assert best < 500e-6  # 12 microseconds where nothing else runs; binning takes milliseconds
