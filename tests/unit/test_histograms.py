import json
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service import histograms
from trackd_service.arrays import RecordInvalid
from trackd_service.histograms import Histogram

FLOATS = st.lists(
    st.floats(width=64)
    | st.sampled_from(
        [0.0, -0.0, 5e-324, 1.7e308, 1.7976931348623157e308, -1.7e308, float("nan"), float("inf"), 1 + 2**-52]
    ),
    max_size=60,
)


def document(histogram: Histogram) -> str:
    return json.dumps(
        {
            "type": "histogram",
            "edges": histogram.edges.tolist(),
            "counts": histogram.counts.tolist(),
            "nan_count": histogram.nan_count,
        }
    )


def parse(answer: bytes) -> tuple[dict[str, Any], npt.NDArray[np.float32]]:
    assert answer[:4] == b"TKH1"
    (size,) = struct.unpack("<I", answer[4:8])
    assert (8 + size) % 8 == 0
    header = json.loads(answer[8 : 8 + size])
    counts = np.frombuffer(answer[8 + size :], "<f4").reshape(header["columns"], header["bins"])
    return header, counts


@settings(deadline=None)
@given(FLOATS, st.integers(0, 512))
def test_every_value_is_counted_once(values: list[float], bins: int) -> None:
    array = np.array(values, np.float64)
    found = histograms.bin_values(array, bins)
    finite = array[np.isfinite(array)]
    assert len(found.counts) == (bins or 64) == len(found.edges) - 1
    assert found.counts.sum() == finite.size
    assert found.nan_count == np.isnan(array).sum()
    assert found.infinite_count == np.isinf(array).sum()
    assert np.isfinite(found.edges).all()
    assert (np.diff(found.edges / 2) >= 0).all()
    if finite.size:
        assert found.edges[0] <= finite.min()
        assert finite.max() <= found.edges[-1]


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.integers(1, 64))
def test_bins_hold_the_values_between_their_edges(values: list[float], bins: int) -> None:
    array = np.array(values)
    found = histograms.bin_values(array, bins)
    places = np.minimum(np.searchsorted(found.edges, array, side="right") - 1, bins - 1)
    assert found.counts.tolist() == np.bincount(places, minlength=bins).tolist()


def test_raw_arrays_of_any_type_and_shape_are_binned() -> None:
    assert histograms.bin_values(np.array([[True, False], [True, True]]), 2).counts.tolist() == [1, 3]
    assert histograms.bin_values(np.arange(10, dtype=np.uint8).reshape(2, 5), 5).counts.tolist() == [2] * 5
    assert histograms.bin_values(np.array([1, 2, 3], np.float16), 1).counts.tolist() == [3]
    wide = histograms.bin_values(np.array([-(2**63), 2**63 - 1], np.int64), 2)
    assert wide.counts.tolist() == [1, 1]


def test_large_array_is_binned_as_numpy_does() -> None:
    values = np.random.default_rng(2).normal(size=3_000_000).astype(np.float32)
    found = histograms.bin_values(values, 64)
    expected, edges = np.histogram(values.astype(np.float64), 64)
    assert found.counts.tolist() == expected.tolist()
    assert found.edges.tolist() == edges.tolist()


def test_equal_values_stand_within_a_range() -> None:
    for value in (0.0, 3.0, 1e20, -1.7e308, 1.7976913371709784e308, 5e-324):
        found = histograms.bin_values(np.full(7, value), 64)
        assert found.counts.sum() == 7
        assert found.edges[0] < value < found.edges[-1]
        assert (found.edges[1:] > found.edges[:-1]).all()


def test_nothing_makes_empty_bins() -> None:
    for values in (np.array([]), np.array([np.nan, np.inf])):
        found = histograms.bin_values(values, 4)
        assert found.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
        assert found.counts.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("edges", "counts", "sentence"),
    [
        ([0, 1, 2], [1], "3 edges and 1 counts"),
        ([0, 1], [], "has 0 bins"),
        (list(range(514)), [1] * 513, "has 513 bins; it can have 1 to 512"),
        ([0, 2, 1], [1, 1], "do not ascend"),
        ([0, float("nan")], [1], "NaN"),
        ([0, 1], [float("inf")], "infinite"),
    ],
)
def test_edges_and_counts_that_are_no_histogram_are_refused(
    edges: list[float], counts: list[float], sentence: str
) -> None:
    with pytest.raises(RecordInvalid, match=sentence):
        histograms.check(edges, counts)


def test_too_many_bins_are_refused() -> None:
    for bins in (-1, 513):
        with pytest.raises(RecordInvalid, match="1 to 512"):
            histograms.bin_values(np.array([1.0]), bins)


@settings(deadline=None)
@given(st.data(), st.integers(1, 20), st.integers(1, 40))
def test_heat_map_holds_the_whole_mass(data: st.DataObject, columns: int, bins: int) -> None:
    logged = []
    for _ in range(data.draw(st.integers(0, 12))):
        edges = sorted(data.draw(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=12)))
        counts = data.draw(st.lists(st.integers(0, 1000), min_size=len(edges) - 1, max_size=len(edges) - 1))
        logged.append(histograms.check(edges, counts, nan_count=data.draw(st.integers(0, 5))))
    answer = histograms.heat_map(
        [(step * 3, document(each)) for step, each in enumerate(logged)], columns, bins, "layer/w"
    )
    header, counts_found = parse(answer)
    assert header["key"] == "layer/w"
    assert header["histogram_count"] == len(logged)
    assert header["columns"] == min(columns, len(logged))
    assert len(header["edges"]) == bins + 1
    assert (counts_found >= 0).all()
    assert sum(header["nan_counts"]) == sum(each.nan_count for each in logged)
    members = [
        [each for step, each in enumerate(logged) if first <= step * 3 <= last]
        for first, last in zip(header["first_steps"], header["last_steps"], strict=True)
    ]
    assert sum(map(len, members)) == len(logged)
    for column, inside in enumerate(members):
        mass = sum(each.counts.sum() for each in inside)
        assert counts_found[column].sum() == pytest.approx(mass, rel=1e-5, abs=1e-6)


def test_heat_map_spreads_counts_evenly_over_the_common_bins() -> None:
    wide, narrow = histograms.check([0, 4], [8]), histograms.check([1, 2, 3], [1, 2])
    header, counts = parse(histograms.heat_map([(0, document(wide)), (5, document(narrow))], 500, 4))
    assert header["edges"] == [0, 1, 2, 3, 4]
    assert counts.tolist() == [[2, 2, 2, 2], [0, 1, 2, 0]]
    assert (header["first_steps"], header["last_steps"]) == ([0, 5], [0, 5])


def test_heat_map_leaves_out_what_is_no_histogram_and_adds_up_lists() -> None:
    one = document(histograms.check([0, 1], [1]))
    several = json.dumps({"type": "histogram", "records": [json.loads(one), json.loads(one)]})
    documents = [(0, '{"type": "histogram", "pending": true}'), (1, several)]
    documents.append((2, '{"type": "histogram", "error": "no"}'))
    header, counts = parse(histograms.heat_map(documents, 10, 1))
    assert header["histogram_count"] == 1
    assert header["first_steps"] == [1]
    assert counts.tolist() == [[2]]


def test_heat_map_of_nothing_has_no_columns() -> None:
    header, counts = parse(histograms.heat_map([], 10, 4))
    assert (header["columns"], counts.shape) == (0, (0, 4))


def test_heat_map_reaches_over_the_largest_floats() -> None:
    histogram = histograms.bin_values(np.array([-1.7e308, 1.7e308]), 2)
    header, counts = parse(histograms.heat_map([(0, document(histogram))], 1, 2))
    assert counts.tolist() == [[1, 1]]
    assert header["edges"][0] == -1.7e308


@pytest.mark.parametrize(("columns", "bins"), [(0, 64), (4097, 64), (500, 0), (500, 513)])
def test_heat_map_of_impossible_size_is_refused(columns: int, bins: int) -> None:
    with pytest.raises(ValueError, match="it can be 1 to"):
        histograms.heat_map([], columns, bins)
