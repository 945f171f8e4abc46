import math
import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackd_service.forest import Forest
from trackd_service.importance import Column, Importances, correlate, measure

PAIRS = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=30)


def by_name(found: Importances) -> dict[str, Any]:
    return {one.column: one for one in found.columns}


def numbers(seed: int, count: int = 200) -> list[float]:
    values: list[float] = np.random.default_rng(seed).random(count).tolist()
    return values


@given(pairs=PAIRS)
def test_correlations_are_those_of_the_definition(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array([pair[side] for pair in pairs], np.float64) for side in (0, 1))
    found, ranked = correlate(x, y), correlate(x, y, is_ranked=True)
    if len(pairs) < 3 or len(set(x)) < 2 or len(set(y)) < 2:
        assert found is ranked is None
        return
    assert found == pytest.approx(statistics.correlation(x.tolist(), y.tolist()), abs=1e-9)

    def ranks(values: list[float]) -> list[float]:
        ordered = sorted(values)
        return [ordered.index(one) + (ordered.count(one) + 1) / 2 for one in values]

    expected = statistics.correlation(ranks(x.tolist()), ranks(y.tolist()))
    assert ranked == pytest.approx(expected, abs=1e-9)


@given(x=st.lists(st.floats(), min_size=3, max_size=8), y=st.lists(st.floats(), min_size=3, max_size=8))
def test_no_number_breaks_a_correlation(x: list[float], y: list[float]) -> None:
    count = min(len(x), len(y))
    for is_ranked in (False, True):
        found = correlate(np.array(x[:count]), np.array(y[:count]), is_ranked=is_ranked)
        assert found is None or -1 <= found <= 1


def test_the_column_that_makes_the_target_has_the_importance_and_noise_has_none() -> None:
    rate, noise = numbers(1), numbers(2)
    found = measure("y", [3 * value for value in rate], [Column("noise", noise), Column("lr", rate)])
    assert [one.column for one in found.columns] == ["lr", "noise"]
    lr, other = found.columns
    assert lr.pearson == pytest.approx(1)
    assert lr.spearman == pytest.approx(1)
    assert lr.importance is not None
    assert lr.importance > 0.97
    assert abs(other.pearson or 0) < 0.2
    assert found.explained is not None
    assert found.explained > 0.95
    assert found.caution == ""


def test_texts_truth_values_and_curves_are_seen_by_the_forest() -> None:
    random = np.random.default_rng(5)
    optimizer = random.choice(["adam", "sgd", "lamb"], 300).tolist()
    is_warm = (random.random(300) < 0.5).tolist()
    depth = random.integers(1, 9, 300).tolist()
    target = [
        2.0 * (one == "sgd") + two + (three - 4.5) ** 2 / 8
        for one, two, three in zip(optimizer, is_warm, depth, strict=True)
    ]
    columns = [
        Column("optimizer", optimizer),
        Column("warm", is_warm),
        Column("depth", depth),
        Column("noise", random.random(300).tolist()),
        Column("same", [1] * 300),
    ]
    found = by_name(measure("y", target, columns))
    assert [found[name].kind for name in ("optimizer", "warm", "depth")] == ["string", "bool", "number"]
    assert found["optimizer"].pearson is None
    assert (found["optimizer"].distinct_count, found["warm"].distinct_count) == (3, 2)
    assert found["warm"].pearson > 0.2
    assert abs(found["depth"].spearman) < 0.2
    for name in ("optimizer", "warm", "depth"):
        assert found[name].importance > 0.1
    assert found["noise"].importance < 0.03
    assert found["same"].importance == 0
    assert found["same"].pearson is None
    assert sum(one.importance for one in found.values()) == pytest.approx(1)


def test_missing_values_and_targets_are_left_out_and_counted() -> None:
    rate = numbers(3)
    target: list[Any] = list(rate)
    target[:3] = [None, math.nan, "text"]
    values: list[Any] = list(rate)
    values[10:60] = [None] * 50
    (one,) = measure("y", target, [Column("lr", values)]).columns
    assert (one.run_count, one.kind) == (147, "number")
    assert one.pearson == pytest.approx(1)


def test_the_same_runs_have_the_same_answer() -> None:
    columns = [Column(str(seed), numbers(seed, 2_500)) for seed in range(4)]
    target = [a + b * b for a, b in zip(columns[0].values, columns[1].values, strict=True)]
    assert measure("y", target, columns) == measure("y", target, columns)


@pytest.mark.parametrize(
    ("target", "columns", "caution"),
    [
        ([], [], "0 runs have a finite number as y; importance needs 8"),
        ([1.0, None], [[1, 2]], "1 run has a finite number as y; importance needs 8"),
        ([1.0] * 9, [list(range(9))], "y is the same in all 9 runs: nothing can explain it"),
        (list(range(9)), [], "no column differs between the runs"),
    ],
)
def test_too_little_data_is_said_in_a_sentence(
    target: list[Any], columns: list[list[Any]], caution: str
) -> None:
    found = measure("y", target, [Column(str(place), values) for place, values in enumerate(columns)])
    assert found.caution == caution
    assert found.explained is None
    assert all(one.importance is None for one in found.columns)


def test_a_target_of_noise_is_said_to_be_unexplained() -> None:
    found = measure("y", numbers(8), [Column("x", numbers(9))])
    assert found.caution == "the forest predicts 0% of the variance of y: importances say little"


@settings(max_examples=30)
@given(
    values=st.lists(
        st.one_of(
            st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=3), st.lists(st.integers())
        ),
        min_size=8,
        max_size=12,
    )
)
def test_any_column_of_values_is_judged(values: list[Any]) -> None:
    target = [float(place) for place in range(len(values))]
    (one,) = measure("y", target, [Column("c", values)]).columns
    assert one.importance is not None
    assert 0 <= one.importance <= 1


def test_a_column_of_several_features_is_shuffled_as_one() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2, (400, 3)).astype(np.float64)
    target = bits[:, 0] + bits[:, 1] - 1
    forest = Forest(bits, target / target.std(), np.array([0, 0, 1]), random)
    together, noise = forest.harm(2)
    assert together > 1
    assert abs(noise) < 0.05
