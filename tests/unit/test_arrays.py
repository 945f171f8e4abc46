import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackd_service import arrays
from trackd_service.arrays import AnyArray, RecordInvalid

ARRAYS = st.sampled_from(sorted(arrays.DTYPES)).flatmap(
    lambda dtype: hnp.arrays(
        np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7)
    )
)


@settings(deadline=None)
@given(ARRAYS)
def test_bytes_and_npy_file_give_the_array_back_to_the_bit(array: AnyArray) -> None:
    found = arrays.from_bytes(array.dtype.str, array.shape, array.tobytes())
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())
    loaded = np.load(io.BytesIO(b"".join(arrays.npy_pieces(found))), allow_pickle=False)
    assert (loaded.dtype, loaded.shape, loaded.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_array_that_is_not_contiguous_is_written_in_c_order() -> None:
    array = np.arange(12, dtype=np.int32).reshape(3, 4).T
    assert np.load(io.BytesIO(b"".join(arrays.npy_pieces(array)))).tolist() == array.tolist()


@pytest.mark.parametrize(
    ("dtype", "shape", "size", "sentence"),
    [
        ("|O8", [1], 8, "can have"),
        ("<U4", [1], 16, "can have"),
        (">f4", [1], 4, "can have"),
        ("<f4", [2, 3], 23, "2x3 and type <f4 takes 24 bytes; it came with 23"),
        ("<f4", [-1, -6], 24, "no axis can be negative"),
        ("<f4", [1] * 33, 4, "the limit is 32"),
    ],
)
def test_bytes_that_are_no_array_are_refused(dtype: str, shape: list[int], size: int, sentence: str) -> None:
    with pytest.raises(RecordInvalid, match=sentence):
        arrays.from_bytes(dtype, shape, bytes(size))


@settings(deadline=None)
@given(ARRAYS)
def test_statistics_are_those_of_the_finite_values(array: AnyArray) -> None:
    found = arrays.statistics(array)
    flat = array.reshape(-1).astype(np.float64)
    assert found.nan_count == np.isnan(flat).sum()
    assert found.infinite_count == np.isinf(flat).sum()
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        assert (found.min, found.max, found.mean, found.variance, found.percentile_95) == (None,) * 5
        return
    assert (float(found.min or 0), float(found.max or 0)) == (finite.min(), finite.max())
    with np.errstate(all="ignore"):
        mean = float(finite.mean())
    if found.mean is not None and abs(mean) < 1e100:
        assert math.isclose(found.mean, mean, rel_tol=1e-9, abs_tol=1e-9 * float(np.abs(finite).max()))
    if found.percentile_95 is not None:
        assert finite.min() <= found.percentile_95 <= finite.max()


def test_statistics_of_a_large_array_agree_with_numpy() -> None:
    values = np.random.default_rng(1).normal(3, 2, (arrays.BLOCK_ELEMENTS + 1000, 2)).astype(np.float32)
    values[7, 0], values[8, 1] = np.nan, np.inf
    found = arrays.statistics(values)
    finite = values[np.isfinite(values)].astype(np.float64)
    assert (found.nan_count, found.infinite_count) == (1, 1)
    assert found.mean == pytest.approx(finite.mean(), rel=1e-12)
    assert found.variance == pytest.approx(finite.var(), rel=1e-9)
    assert found.percentile_95 == pytest.approx(np.percentile(finite, 95), rel=1e-6)


def test_integers_have_exact_extremes() -> None:
    found = arrays.statistics(np.array([2**63 - 1, -(2**63)], np.int64))
    assert (found.min, found.max) == (-(2**63), 2**63 - 1)


def test_values_too_large_to_add_have_no_mean() -> None:
    found = arrays.statistics(np.array([1.7e308, 1.7e308]))
    assert (found.mean, found.variance) == (None, None)
    assert found.max == 1.7e308
