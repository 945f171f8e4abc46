import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service.smoothing import Smoothing, SmoothingKind, smooth

VALUES = st.lists(
    st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf"), -float("inf")]), max_size=300
)


@settings(deadline=None)
@given(VALUES, st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 0.9999]))
def test_ema_equals_the_formula(values: list[float], weight: float) -> None:
    found = smooth(np.array(values, np.float64), Smoothing("ema", weight))
    mean, count, last = 0.0, 0, math.nan
    expected = []
    for value in values:
        if math.isfinite(value):
            count += 1
            mean = weight * mean + (1 - weight) * value
            last = mean / (1 - weight**count)
        expected.append(last)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-5)


@settings(deadline=None)
@given(VALUES, st.integers(1, 400))
def test_running_mean_equals_the_mean_of_each_window(values: list[float], width: int) -> None:
    found = smooth(np.array(values, np.float64), Smoothing("running_mean", width))
    before = (width - 1) // 2
    for index in range(len(values)):
        window = [
            value for value in values[max(0, index - before) : index - before + width] if math.isfinite(value)
        ]
        expected = math.fsum(window) / len(window) if window else math.nan
        np.testing.assert_allclose(found[index], expected, rtol=1e-9, atol=1e-4)


@settings(deadline=None)
@given(VALUES.filter(len), st.integers(1, 50))
def test_gaussian_stays_within_the_values(values: list[float], width: int) -> None:
    found = smooth(np.array(values, np.float64), Smoothing("gaussian", width))
    finite = [value for value in values if math.isfinite(value)]
    seen = found[np.isfinite(found)]
    if finite and len(seen):
        assert seen.min() >= min(finite) - 1e-6
        assert seen.max() <= max(finite) + 1e-6


def test_gaussian_is_a_bell_of_a_quarter_of_the_window() -> None:
    values = np.zeros(1001)
    values[500] = 1.0
    found = smooth(values, Smoothing("gaussian", 80))
    places = np.arange(1001) - 500
    assert math.isclose(found.sum(), 1.0, rel_tol=1e-9)
    assert math.isclose(math.sqrt((found * places**2).sum()), 20, rel_tol=0.03)
    bell = np.exp(-0.5 * (places / 20) ** 2)
    np.testing.assert_allclose(found, bell / bell.sum(), atol=0.1 * found.max())


def test_a_huge_value_spoils_only_its_own_window() -> None:
    values = np.ones(1000)
    values[100] = 1e300
    kinds: list[SmoothingKind] = ["running_mean", "gaussian"]
    for kind in kinds:
        np.testing.assert_allclose(smooth(values, Smoothing(kind, 10))[200:], 1.0)


def test_a_constant_stays_the_constant_from_its_first_point() -> None:
    for smoothing in (Smoothing("ema", 0.999), Smoothing("running_mean", 100), Smoothing("gaussian", 100)):
        np.testing.assert_allclose(smooth(np.full(5000, 3.25), smoothing), 3.25)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("ema", 1.0),
        ("ema", -0.1),
        ("ema", math.nan),
        ("running_mean", 0.5),
        ("gaussian", math.inf),
        ("median", 3),
    ],
)
def test_an_amount_out_of_range_is_refused(kind: SmoothingKind, amount: float) -> None:
    with pytest.raises(ValueError, match="smoothing"):
        Smoothing(kind, amount)


def test_nothing_in_nothing_out() -> None:
    assert len(smooth(np.empty(0), Smoothing("ema", 0.5))) == 0
    assert np.isnan(smooth(np.full(3, np.nan), Smoothing("gaussian", 5))).all()
