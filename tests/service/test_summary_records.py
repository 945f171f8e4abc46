"""Owns the tests of arrays, tensors and records in the summary: kept whole, with their statistics, from both sides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.service.recording import Array, Tensor, read_run

import trackd
from trackd._api_records import StoredRecord

pytestmark = pytest.mark.usefixtures("project")

TYPES = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
PLAIN_MAX = 32  # elements; so few are shown as they are


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    """Draws an array of any type that is too large for plain numbers, sometimes with odd floats in it."""
    shape = draw(st.sampled_from([(33,), (500,), (7, 9), (2, 3, 4, 5), (1, 200, 1)]))
    dtype: np.dtype[Any] = np.dtype(draw(st.sampled_from(TYPES)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    values = random.normal(size=shape) * 10.0 ** random.integers(-3, 4)
    for place, odd in enumerate(draw(st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), max_size=5))):
        values.reshape(-1)[place] = odd
    return values.astype(dtype)


def check(record: Any, array: Array) -> None:
    """Checks a document against its array by NumPy's own statistics."""
    assert isinstance(record, StoredRecord)
    assert record.kind == "array"
    found = record.array()
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()
    assert (record["dtype"], record["shape"]) == (array.dtype.str, list(array.shape))
    exact = array.astype(np.float64).reshape(-1)
    finite = exact[np.isfinite(exact)]
    assert record.get("nan_count", 0) == np.isnan(exact).sum()
    assert record.get("infinite_count", 0) == np.isinf(exact).sum()
    if array.dtype.kind in "iu":
        assert (record["min"], record["max"]) == (array.min().item(), array.max().item())
        assert type(record["max"]) is int
    else:
        assert (record["min"], record["max"]) == (finite.min(), finite.max())
    scale = np.abs(finite).max()
    assert record["mean"] == pytest.approx(finite.mean(), rel=1e-9, abs=1e-9 * scale)
    assert record["variance"] == pytest.approx(finite.var(), rel=1e-9, abs=1e-9 * scale**2)
    assert record["percentile_95"] == pytest.approx(np.percentile(finite, 95), rel=1e-9, abs=1e-9 * scale)


@settings(
    deadline=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=st.lists(arrays(), min_size=5, max_size=12))
def test_arrays_are_kept_whole_with_their_statistics_however_they_are_set(drawn: list[Array]) -> None:
    run = trackd.init(reinit="create_new")
    for place, array in enumerate(drawn):
        copy = array.copy()
        run.summary[f"train/{place}"] = copy
        copy[...] = 0  # what was set is what it was
    run.summary.update({"tensor": Tensor(drawn[0].astype(np.float64))})
    run.finish()
    stored = read_run(run)
    for place, array in enumerate(drawn):
        stored.summary[f"later/{place}"] = array
    stored.summary.update()
    stored.summary.update({"nested": {"tensor": Tensor(drawn[0].astype(np.float64))}})
    for summary in (stored.summary, read_run(run).summary):
        for place, array in enumerate(drawn):
            check(summary[f"train/{place}"], array)
            check(summary[f"later/{place}"], array)
        check(summary["tensor"], drawn[0].astype(np.float64))
        check(summary["nested"]["tensor"], drawn[0].astype(np.float64))


def test_few_numbers_are_shown_as_they_are_and_more_are_kept() -> None:
    run = trackd.init()
    run.summary["few"] = np.arange(PLAIN_MAX)
    run.summary["more"] = np.arange(PLAIN_MAX + 1)
    run.summary["one"] = np.float32(0.5)
    run.summary["tensor of one"] = np.array([7])
    run.summary["texts"] = np.array(["a"] * 100)
    summary = read_run(run).summary
    assert summary["few"] == list(range(PLAIN_MAX))
    assert summary["more"].kind == "array"
    assert summary["one"] == 0.5
    assert summary["tensor of one"] in (7, [7])
    assert summary["texts"] == ["a"] * 100


def test_a_tensor_of_a_million_numbers_is_set_from_outside() -> None:
    run = trackd.init()
    run.log({"loss": 1.0})
    run.finish()
    tensor = np.random.default_rng(0).random(1_000_000)
    stored = read_run(run)
    stored.summary["tensor"] = tensor
    stored.summary.update()
    check(read_run(run).summary["tensor"], tensor)
    assert read_run(run).summary["loss"] == 1.0


def test_histograms_stand_in_the_summary() -> None:
    data = np.random.default_rng(0).normal(size=500)
    counts, edges = np.histogram(data)
    run = trackd.init()
    run.log({"logged": trackd.Histogram(data)})
    run.log({"logged": trackd.Histogram(data * 2, num_bins=3)})
    run.summary.update({"gradients": trackd.Histogram(np_histogram=(counts, edges))})
    stored = read_run(run)
    assert stored.summary["gradients"] == {
        "type": "histogram",
        "edges": edges.tolist(),
        "counts": counts.tolist(),
    }
    assert np.array_equal(stored.summary["logged"].histogram()[0], np.histogram(data * 2, bins=3)[0])
    stored.summary["from outside"] = trackd.Histogram(data, num_bins=5)
    stored.summary.update()
    assert len(read_run(run).summary["from outside"]["counts"]) == 5


def test_every_record_can_stand_in_the_summary() -> None:
    run = trackd.init()
    pixels = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    run.summary["sample"] = trackd.Image(pixels, caption="by hand")
    run.log(
        {
            "sample": trackd.Image(pixels[::-1]),
            "page": trackd.Html("<p>logged"),
            "list": [trackd.Markdown("x")] * 3,
        }
    )
    run.summary["table"] = trackd.Table(columns=["a"], data=[[1], [None]])
    summary = read_run(run).summary
    assert summary["sample"].caption == "by hand"  # what was set by hand stays
    assert np.array_equal(summary["sample"].array(), pixels)
    assert summary["page"].text() == "<p>logged"
    assert [record.text() for record in summary["list"].records] == ["x"] * 3
    assert summary["table"].rows() == [[1], [None]]
    stored = read_run(run)
    stored.summary["from outside"] = trackd.Image(pixels)
    stored.summary.update({"audio": trackd.Audio(np.zeros(100_000, np.int16), sample_rate=8000)})
    summary = read_run(run).summary
    assert np.array_equal(summary["from outside"].array(), pixels)
    assert summary["audio"]["duration_seconds"] == 12.5


def test_the_summary_is_read_while_training() -> None:
    array = np.arange(100.0)
    run = trackd.init()
    run.summary["weights"] = array
    run.log({"histogram": trackd.Histogram(array, num_bins=4), "loss": 0.5})
    assert run.flush(60)
    read_run(run)  # which waits for what is being encoded
    weights = run.summary["weights"]
    assert (weights["type"], weights["min"], weights["max"], weights["mean"], weights["shape"]) == (
        "array",
        0,
        99,
        49.5,
        [100],
    )
    assert weights["variance"] == pytest.approx(array.var())
    assert run.summary["histogram"]["counts"] == [25] * 4
    assert run.summary["loss"] == 0.5
    assert sorted(run.summary) == ["histogram", "loss", "weights"]
    run.summary["weights"] = array * 2
    assert run.flush(60)
    read_run(run)
    assert run.summary["weights"]["max"] == 198
    del run.summary["weights"]
    assert "weights" not in run.summary
    run.finish()
    assert "weights" not in read_run(run).summary


def test_a_value_and_a_record_take_each_others_place() -> None:
    run = trackd.init()
    run.log({"x": 1.0})
    run.log({"x": trackd.Markdown("a record")})
    assert read_run(run).summary["x"].text() == "a record"
    run.log({"x": 2.0})
    assert read_run(run).summary["x"] == 2.0
    run.summary["x"] = np.zeros(100)
    run.summary["x"] = 5
    assert read_run(run).summary["x"] == 5
    run.finish()
    assert read_run(run).summary["x"] == 5


def test_what_cannot_stand_in_the_summary_is_refused() -> None:
    run = trackd.init()
    run.log({"a": 1})
    for summary in (run.summary, read_run(run).summary):
        with pytest.raises(TypeError, match=r"value of 'bad'.*several kinds"):
            summary.update({"bad": [trackd.Markdown("a"), trackd.Html("b")]})
        with pytest.raises(TypeError, match=r"value of 'bad'"):
            summary.update({"bad": np.array([object()] * 100)})
    assert dict(read_run(run).summary) == {"a": 1}


def test_records_of_the_summary_survive_sealing_and_go_on() -> None:
    array = np.arange(1000)
    with trackd.init(id="first-half") as run:
        run.summary["weights"] = array
        run.log({"image": trackd.Image(np.eye(5))}, step=0)
    with trackd.init(id="first-half") as run:
        run.log({"image": trackd.Image(np.ones((2, 2)))}, step=1)
    stored = read_run(run)
    check(stored.summary["weights"], array)
    assert stored.summary["image"].array().shape == (2, 2)
    assert [row["image"].array().shape for row in stored.scan_history()] == [(5, 5), (2, 2)]


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_what_is_set_reads_back_as_pending_where_no_daemon_is(mode: str) -> None:
    run = trackd.init(mode=mode, reinit="create_new")
    run.summary["tensor"] = np.zeros(100)
    run.summary.update({"train": {"h": trackd.Histogram([1, 2])}})
    assert run.summary["tensor"] == {"type": "array", "pending": True}
    assert run.summary["train"]["h"] == {"type": "histogram", "pending": True}
    assert set(run.summary) == {"tensor", "train.h"}
    run.summary["tensor"] = 3
    assert run.summary["tensor"] == 3
    run.finish()
