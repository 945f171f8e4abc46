"""`trackd.plot`: curves agree with scikit-learn's, matrices count exactly, and what cannot be drawn is refused."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from trackd import _predictions, plot, plots
from trackd._chart import CustomChart
from trackd._table import Table

# Few distinct scores, so that most are tied; infinities and both zeros among them.
SCORES = st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 3e300])
Floats = npt.NDArray[np.float64]


@st.composite
def binary_examples(draw: st.DrawFn) -> tuple[list[int], list[float]]:
    truth = draw(
        st.lists(st.integers(0, 1), min_size=2, max_size=40).filter(lambda each: len(set(each)) == 2)
    )
    scores = draw(st.lists(SCORES, min_size=len(truth), max_size=len(truth)))
    return truth, scores


@st.composite
def examples(draw: st.DrawFn) -> tuple[list[int], list[list[float]]]:
    count = draw(st.integers(2, 4))
    classes = st.lists(st.integers(0, count - 1), min_size=2, max_size=30)
    truth = draw(classes.filter(lambda each: len(set(each)) >= 2))
    row = st.lists(SCORES, min_size=count, max_size=count)
    return truth, draw(st.lists(row, min_size=len(truth), max_size=len(truth)))


class Tensor:
    """What a tensor of PyTorch looks like from outside."""

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)
        self.dtype = self._values.dtype

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return self

    def numpy(self) -> npt.NDArray[Any]:
        return self._values

    def __len__(self) -> int:
        return len(self._values)

    @property
    def ndim(self) -> int:
        return self._values.ndim


def columns(chart: CustomChart) -> dict[str, list[Any]]:
    assert chart.table is not None
    return {name: chart.table.get_column(name) for name in chart.table.columns}


def curve_of(chart: CustomChart, name: str, x: str, y: str) -> tuple[Floats, Floats]:
    """Returns the points of one curve of a chart."""
    data = columns(chart)
    chosen = [index for index, each in enumerate(data["class"]) if each == name]
    return np.array(data[x])[chosen], np.array(data[y])[chosen]


def sklearn_safe(scores: Any) -> Floats:
    """Returns scores in the same order that scikit-learn accepts: it refuses infinities."""
    ordered: Floats = np.nan_to_num(np.asarray(scores, np.float64), neginf=-1e308)
    return ordered


def words_missing(function: Callable[[], object], error: type[Exception], words: list[str]) -> list[str]:
    with pytest.raises(error) as caught:
        function()
    return [word for word in words if word not in str(caught.value)]


# Curves


@given(binary_examples())
def test_pr_curve_of_one_column_is_scikit_learns(example: tuple[list[int], list[float]]) -> None:
    truth, scores = example
    precision, recall, _ = metrics.precision_recall_curve(truth, sklearn_safe(scores))
    found = curve_of(plot.pr_curve(truth, scores), "1", "recall", "precision")
    np.testing.assert_array_equal(found, (recall[::-1], precision[::-1]))


@given(binary_examples())
def test_roc_curve_of_one_column_is_scikit_learns(example: tuple[list[int], list[float]]) -> None:
    truth, scores = example
    false_rate, true_rate, _ = metrics.roc_curve(truth, sklearn_safe(scores), drop_intermediate=False)
    found = curve_of(plot.roc_curve(truth, scores), "1", "fpr", "tpr")
    np.testing.assert_array_equal(found, (false_rate, true_rate))


@given(examples())
def test_curves_of_several_classes_are_those_of_each_against_the_others(
    example: tuple[list[int], list[list[float]]],
) -> None:
    truth, scores = example
    names = [f"class {index}" for index in range(len(scores[0]))]
    pr, roc = plot.pr_curve(truth, scores, names), plot.roc_curve(truth, scores, names)
    assert set(columns(pr)["class"]) == {
        names[index] for index in truth
    }  # those without examples have no curve
    for index in set(truth):
        positive, column = np.array(truth) == index, sklearn_safe(scores)[:, index]
        precision, recall, _ = metrics.precision_recall_curve(positive, column)
        found = curve_of(pr, names[index], "recall", "precision")
        np.testing.assert_array_equal(found, (recall[::-1], precision[::-1]))
        false_rate, true_rate, _ = metrics.roc_curve(positive, column, drop_intermediate=False)
        np.testing.assert_array_equal(curve_of(roc, names[index], "fpr", "tpr"), (false_rate, true_rate))


def test_a_constant_score_is_one_threshold() -> None:
    pr = curve_of(plot.pr_curve([0, 1, 1, 1], [0.5] * 4), "1", "recall", "precision")
    np.testing.assert_array_equal(pr, ([0, 1], [1, 0.75]))
    roc = curve_of(plot.roc_curve([0, 1, 1, 1], [0.5] * 4), "1", "fpr", "tpr")
    np.testing.assert_array_equal(roc, ([0, 1], [0, 1]))


@pytest.mark.parametrize(
    ("truth", "positive"),
    [
        ([0, 1, 1, 0], "1"),
        ([False, True, True, False], "1"),
        ([0.0, 1.0, 1.0, 0.0], "1"),
        ([-1, 1, 1, -1], "1"),
        ([1, 2, 2, 1], "2"),
        (["ham", "spam", "spam", "ham"], "spam"),
        (np.array(["ham", "spam", "spam", "ham"], object), "spam"),
        (np.array([b"ham", b"spam", b"spam", b"ham"]), "spam"),
        (np.array([0, 1, 1, 0], object), "1"),
        (np.array([[0], [1], [1], [0]]), "1"),
        (pd.Series([0, 1, 1, 0]), "1"),
        (pd.Series(["ham", "spam", "spam", "ham"], dtype="category"), "spam"),
        (Tensor([0, 1, 1, 0]), "1"),
        ((np.uint8(0), np.uint8(1), np.uint8(1), np.uint8(0)), "1"),
    ],
)
@pytest.mark.parametrize(
    "scores",
    [
        [0.1, 0.8, 0.4, 0.5],
        np.array([[0.1], [0.8], [0.4], [0.5]], np.float32),
        Tensor([0.1, 0.8, 0.4, 0.5]),
        pd.Series([0.1, 0.8, 0.4, 0.5]),
    ],
)
def test_classes_and_scores_may_be_of_any_usual_kind(truth: Any, scores: Any, positive: str) -> None:
    found = curve_of(plot.pr_curve(truth, scores), positive, "recall", "precision")
    np.testing.assert_allclose(found, ([0, 0.5, 0.5, 1, 1], [1, 1, 0.5, 2 / 3, 0.5]))


def test_columns_follow_the_ascending_classes_or_the_labels() -> None:
    scores = [[0.9, 0.1], [0.2, 0.8]]
    ascending = plot.roc_curve(["owl", "cat"], scores)
    assert list(dict.fromkeys(columns(ascending)["class"])) == ["cat", "owl"]
    labelled = plot.roc_curve(["owl", "cat"], scores, labels=["owl", "cat"])
    assert list(dict.fromkeys(columns(labelled)["class"])) == ["owl", "cat"]
    np.testing.assert_array_equal(curve_of(labelled, "owl", "fpr", "tpr"), ([0, 0, 1], [0, 1, 1]))
    np.testing.assert_array_equal(curve_of(ascending, "cat", "fpr", "tpr"), ([0, 1, 1], [0, 0, 1]))
    renamed = plot.roc_curve([3, 7], scores, labels=["three", "seven"])
    assert list(dict.fromkeys(columns(renamed)["class"])) == ["three", "seven"]


@pytest.mark.parametrize("wanted", [[2], ["owl"], np.array([2]), (2, "owl")])
def test_classes_to_plot_are_named_as_in_the_data_or_as_labelled(wanted: Any) -> None:
    scores = np.eye(3)[[0, 1, 2, 2]]
    chart = plot.pr_curve([0, 1, 2, 2], scores, ["cat", "dog", "owl"], classes_to_plot=wanted)
    assert set(columns(chart)["class"]) == {"owl"}


def test_interp_size_draws_evenly_spaced_recalls() -> None:
    truth, scores = [1, 0, 1, 1, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    recall, precision = curve_of(plot.pr_curve(truth, scores, interp_size=5), "1", "recall", "precision")
    np.testing.assert_allclose(recall, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(precision, [1, 1, 2 / 3, 0.75, 2 / 3])


def test_a_curve_up_to_the_limit_keeps_every_threshold() -> None:
    count = plot.CURVE_POINTS_MAX - 1
    truth = np.arange(count) % 2
    chart = plot.pr_curve(truth, np.arange(count) / count)
    assert len(columns(chart)["recall"]) == plot.CURVE_POINTS_MAX


@pytest.mark.parametrize("draw", ["pr", "roc"])
def test_a_longer_curve_is_thinned_within_what_is_promised(draw: str) -> None:
    random = np.random.default_rng(7)
    truth = random.integers(0, 2, 60_000)
    scores = truth * 0.5 + random.normal(size=len(truth))
    if draw == "pr":
        y, x, _ = metrics.precision_recall_curve(truth, scores)
        x, y = x[::-1], y[::-1]
        found_x, found_y = curve_of(plot.pr_curve(truth, scores), "1", "recall", "precision")
    else:
        x, y, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
        found_x, found_y = curve_of(plot.roc_curve(truth, scores), "1", "fpr", "tpr")
    assert len(x) > 5 * plot.CURVE_POINTS_MAX
    assert len(found_x) <= plot.CURVE_POINTS_MAX
    assert (found_x[0], found_y[0], found_x[-1], found_y[-1]) == (x[0], y[0], x[-1], y[-1])
    assert set(zip(found_x, found_y, strict=True)) <= set(zip(x, y, strict=True))
    assert found_y.min() == y.min()
    assert found_y.max() == y.max()
    for index in range(0, len(x), 97):
        near = found_y[np.abs(found_x - x[index]) <= 0.0004]
        assert near.min() <= y[index] <= near.max()


def test_many_curves_share_the_points_of_a_chart() -> None:
    truth = np.arange(6_000) % 40
    scores = np.random.default_rng(7).random((len(truth), 40))
    chart = plot.roc_curve(truth, scores)
    names = columns(chart)["class"]
    assert len(set(names)) == 40
    assert len(names) <= _predictions.CURVES_POINTS_MAX
    x, y, _ = metrics.roc_curve(truth == 7, scores[:, 7], drop_intermediate=False)
    found_x, found_y = curve_of(chart, "7", "fpr", "tpr")
    assert len(found_x) < len(x)
    for index in range(len(x)):
        near = found_y[np.abs(found_x - x[index]) <= 0.00004 * 40]
        assert near.min() <= y[index] <= near.max()


NAN = math.nan
BAD_CURVES: list[tuple[tuple[Any, ...], type[Exception], list[str]]] = [
    (([], []), ValueError, ["y_true is empty"]),
    (([0, 1], [0.1, 0.2, 0.3]), ValueError, ["y_true has 2 values", "y_probas has 3 values"]),
    (([0, 1], [[0.1, 0.2]]), ValueError, ["y_true has 2 values", "y_probas has 1 rows"]),
    (([1, 1, 1], [0.1, 0.2, 0.3]), ValueError, ["only the class 1", "two classes"]),
    ((["a", "a"], [[0.1, 0.2], [0.1, 0.2]]), ValueError, ["only the class 'a'"]),
    (([0, 1], [0.1, NAN]), ValueError, ["NaN", "row 1", "1 in all"]),
    (([0, 1], [[0.1, 0.2], [NAN, NAN]]), ValueError, ["NaN", "row 1", "2 in all"]),
    (([0, 1], [0.1, None]), TypeError, ["y_probas"]),
    (([0, 1], ["x", "y"]), TypeError, ["y_probas"]),
    (([0, 1], [[0.1], [0.1, 0.2]]), TypeError, ["y_probas", "no array"]),
    (([0, 1], np.zeros((2, 2, 2))), ValueError, ["y_probas has shape (2, 2, 2)"]),
    ((np.eye(2), np.eye(2)), ValueError, ["y_true has shape (2, 2)", "argmax"]),
    (([[0], [1, 2]], np.eye(2)), ValueError, ["y_true holds lists of unequal lengths"]),
    (([0, 0.5], [0.1, 0.2]), TypeError, ["y_true holds 0.5", "integers, truth values or texts"]),
    (([0, NAN], [0.1, 0.2]), TypeError, ["y_true holds nan"]),
    (([0, math.inf], [0.1, 0.2]), TypeError, ["y_true holds inf"]),
    (([0, None], [0.1, 0.2]), TypeError, ["y_true holds None"]),
    (([0, 1j], [0.1, 0.2]), TypeError, ["y_true holds"]),
    (("ab", [0.1, 0.2]), TypeError, ["y_true is a str"]),
    ((None, [0.1, 0.2]), TypeError, ["y_true is a NoneType"]),
    (({0: 1}, [0.1]), TypeError, ["y_true is a dict"]),
    (([0, 1, 2], [0.1, 0.2, 0.3]), ValueError, ["classes 0, 1, 2", "there are 2 classes"]),
    (([0, 1, 5, 6], np.ones((4, 3))), ValueError, ["classes 0, 1, 5, 6", "there are 3 classes", "0 to 2"]),
    ((["a", "b"], np.ones((2, 3))), ValueError, ["classes a, b", "there are 3 classes"]),
    ((["a", "z"], np.ones((2, 3)), ["a", "b", "c"]), ValueError, ["classes a, z", "named 'a', 'b', 'c'"]),
    (([0, 1], np.ones((2, 2)), ["a"]), ValueError, ["labels has 1 names", "2 classes"]),
    (([0, 1], np.ones((2, 2)), ["a", "a"]), ValueError, ["labels holds 'a' twice"]),
    (([0, 1], np.ones((2, 2)), "ab"), TypeError, ["labels is a str"]),
    (([0, 1], np.ones((2, 2)), {0: "a", 1: "b"}), TypeError, ["labels is a dict"]),
    (([0, 1], np.ones((2, 2)), None, [7]), ValueError, ["classes_to_plot holds 7", "no class", "0, 1"]),
    (([0, 1], np.ones((2, 3)), None, [2]), ValueError, ["classes_to_plot holds 2", "without a curve"]),
    (([0, 1], [0.1, 0.2], None, [0]), ValueError, ["classes_to_plot holds 0", "without a curve"]),
    (([0, 1], np.ones((2, 2)), None, []), ValueError, ["classes_to_plot is empty"]),
    (([0, 1], np.ones((2, 2)), None, "1"), TypeError, ["classes_to_plot is '1'", "['1']"]),
    (([0, 1], np.ones((2, 2)), None, 1), TypeError, ["classes_to_plot is 1", "[1]"]),
]


@pytest.mark.parametrize(("arguments", "error", "words"), BAD_CURVES)
def test_what_has_no_curve_is_refused(
    arguments: tuple[Any, ...], error: type[Exception], words: list[str]
) -> None:
    assert words_missing(lambda: plot.pr_curve(*arguments), error, [*words, "pr_curve"]) == []
    assert words_missing(lambda: plot.roc_curve(*arguments), error, [*words, "roc_curve"]) == []


@pytest.mark.parametrize("size", [1, 0, -3, 10_001, 2.5, "21"])
def test_interp_size_is_a_count(size: Any) -> None:
    words = [f"interp_size is {size!r}", "2 to 10000"]
    assert words_missing(lambda: plot.pr_curve([0, 1], [0, 1], interp_size=size), ValueError, words) == []


# Confusion matrices


def matrix_of(chart: CustomChart) -> tuple[list[str], list[list[int]]]:
    data = columns(chart)
    names = list(dict.fromkeys(data["Actual"]))
    cells = np.array(data["nPredictions"]).reshape(len(names), len(names))
    assert data["Predicted"] == names * len(names)
    return names, cells.tolist()


@given(examples())
def test_confusion_matrix_is_scikit_learns(example: tuple[list[int], list[list[float]]]) -> None:
    truth, scores = example
    count = len(scores[0])
    predicted = np.argmax(np.array(scores), axis=1)
    expected = metrics.confusion_matrix(truth, predicted, labels=list(range(count))).tolist()
    named = [f"c{index}" for index in range(count)]
    assert matrix_of(plot.confusion_matrix(probs=scores, y_true=truth)) == (
        list(map(str, range(count))),
        expected,
    )
    assert matrix_of(plot.confusion_matrix(scores, truth, class_names=named)) == (named, expected)
    by_number = plot.confusion_matrix(y_true=truth, preds=predicted, class_names=named)
    assert matrix_of(by_number) == (named, expected)
    texts = [named[index] for index in truth], [named[index] for index in predicted]
    assert matrix_of(plot.confusion_matrix(y_true=texts[0], preds=texts[1], class_names=named)) == (
        named,
        expected,
    )


def test_confusion_matrix_without_names_has_the_classes_that_occur() -> None:
    assert matrix_of(plot.confusion_matrix(y_true=[7, 3], preds=[3, 9])) == (
        ["3", "7", "9"],
        [[0, 0, 1], [1, 0, 0], [0, 0, 0]],
    )


def test_confusion_matrix_names_classes_that_do_not_begin_at_0_in_ascending_order() -> None:
    chart = plot.confusion_matrix(y_true=[1, 2, 3], preds=Tensor([1, 2, 2]), class_names=["a", "b", "c"])
    assert matrix_of(chart) == (["a", "b", "c"], [[1, 0, 0], [0, 1, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"y_true": [0, 1]}, ValueError, ["neither probs nor preds"]),
        ({"y_true": [0, 1], "preds": [0, 1], "probs": np.eye(2)}, ValueError, ["both probs and preds"]),
        ({"preds": [0, 1]}, ValueError, ["y_true is not given"]),
        ({"y_true": [0, 1], "preds": [0]}, ValueError, ["y_true has 2 values", "preds has 1 values"]),
        ({"y_true": [0, 1], "probs": [[0, 1]]}, ValueError, ["y_true has 2 values", "probs has 1 rows"]),
        ({"y_true": [], "preds": []}, ValueError, ["y_true is empty"]),
        (
            {"y_true": [0, 1], "probs": [0.1, 0.9]},
            ValueError,
            ["probs has shape (2,)", "column for each class"],
        ),
        ({"y_true": [0, 1], "probs": [[0.1, NAN]] * 2}, ValueError, ["probs holds NaN", "row 0"]),
        ({"y_true": [0, 1], "preds": ["a", "b"]}, TypeError, ["y_true holds 0", "preds 'a'"]),
        ({"y_true": [0, 1.5], "preds": [0, 1]}, TypeError, ["y_true holds 1.5"]),
        ({"y_true": [0, 1], "preds": [0, None]}, TypeError, ["preds holds None"]),
        (
            {"y_true": [0, 5], "preds": [0, 1], "class_names": ["a", "b"]},
            ValueError,
            ["0, 1, 5", "2 classes"],
        ),
        ({"y_true": ["a"], "preds": ["z"], "class_names": ["a", "b", "c"]}, ValueError, ["a, z", "'b'"]),
        ({"y_true": [0, 1], "probs": np.eye(2), "class_names": ["a"]}, ValueError, ["1 names", "2 columns"]),
        ({"y_true": [0, 1], "preds": [0, 1], "class_names": "ab"}, TypeError, ["class_names is a str"]),
        ({"y_true": [0, 1], "preds": [0, 1], "class_names": []}, ValueError, ["class_names is empty"]),
        ({"y_true": [0, 1], "preds": [0, 1], "class_names": ["a", "a"]}, ValueError, ["'a' twice"]),
        ({"y_true": range(1001), "preds": range(1001)}, ValueError, ["1001 classes", "limit is 1000"]),
    ],
)
def test_what_has_no_confusion_matrix_is_refused(
    arguments: dict[str, Any], error: type[Exception], words: list[str]
) -> None:
    assert (
        words_missing(lambda: plot.confusion_matrix(**arguments), error, [*words, "confusion_matrix"]) == []
    )


# Several lines


@pytest.mark.parametrize(
    ("xs", "ys", "expected"),
    [
        (
            [0, 1],
            [[1.5, 2.5], [3, 4]],
            [(0, "line_0", 1.5), (1, "line_0", 2.5), (0, "line_1", 3), (1, "line_1", 4)],
        ),
        ([[0], [5, 6]], [[1], [2, 3]], [(0, "line_0", 1), (5, "line_1", 2), (6, "line_1", 3)]),
        ([0, 1], [7, 8], [(0, "line_0", 7), (1, "line_0", 8)]),
        ([[0, 1]], [7, 8], [(0, "line_0", 7), (1, "line_0", 8)]),
        (
            np.arange(2),
            np.array([[1, 2], [3, 4]]),
            [(0, "line_0", 1), (1, "line_0", 2), (0, "line_1", 3), (1, "line_1", 4)],
        ),
        (Tensor([0, 1]), [Tensor([1, 2])], [(0, "line_0", 1), (1, "line_0", 2)]),
        ([Tensor(0), Tensor(1)], [Tensor(5), Tensor(6)], [(0, "line_0", 5), (1, "line_0", 6)]),
        (range(2), (each for each in [[1, 2]]), [(0, "line_0", 1), (1, "line_0", 2)]),
        (pd.Series([0, 1]), [pd.Series([1, 2])], [(0, "line_0", 1), (1, "line_0", 2)]),
        ([[]], [[]], []),
        (np.array([]), [[]], []),
        (
            np.array([[0], [5, 6]], object),
            [[1], [2, 3]],
            [(0, "line_0", 1), (5, "line_1", 2), (6, "line_1", 3)],
        ),
    ],
)
def test_line_series_takes_shared_and_own_x(xs: Any, ys: Any, expected: list[tuple[Any, ...]]) -> None:
    data = columns(plot.line_series(xs, ys))
    assert list(zip(data["step"], data["lineKey"], data["lineVal"], strict=True)) == expected


def test_line_series_keeps_whole_numbers_names_and_gaps() -> None:
    chart = plot.line_series([1, 2, 3], [[0.5, None, math.nan]], ["loss"], title="T", xname="epoch")
    data = columns(chart)
    assert [type(step) for step in data["step"]] == [int] * 3
    assert data["lineKey"] == ["loss"] * 3
    assert data["lineVal"][0] == 0.5
    assert all(map(math.isnan, data["lineVal"][1:]))
    assert chart.spec.string_fields == {"title": "T", "xname": "epoch"}


def test_line_series_owns_its_numbers() -> None:
    xs, ys = np.arange(3), np.ones(3)
    chart = plot.line_series(xs, [ys])
    xs[:] = 7
    ys[:] = 7
    assert columns(chart)["step"] == [0, 1, 2]
    assert columns(chart)["lineVal"] == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([1, 2, 3], [[1, 2, 3, 4]], ["a"]), ValueError, ["line 'a' has 3 x and 4 y values"]),
        (([[1], [1, 2]], [[1], [1]]), ValueError, ["line 'line_1' has 2 x and 1 y values"]),
        (([[1], [2]], [[1]]), ValueError, ["xs has 2 lists and ys has 1"]),
        (([[1], [2]], [[1], [2], [3]]), ValueError, ["xs has 2 lists and ys has 3"]),
        (([1], [[1], [2]], ["a"]), ValueError, ["keys has 1 names", "2 lines"]),
        (([1], [[1], [2]], ["a", "a"]), ValueError, ["keys holds 'a' twice"]),
        (([1], [[1]], "a"), TypeError, ["keys is a str"]),
        (("ab", [[1, 2]]), TypeError, ["xs is a str"]),
        ((3, [[1, 2]]), TypeError, ["xs is a int"]),
        (([1], {"a": [1]}), TypeError, ["ys is a dict"]),
        (([], [[1]]), ValueError, ["xs is empty"]),
        (([1], []), ValueError, ["ys is empty"]),
        (([1, 2], [["a", "b"]]), TypeError, ["ys[0]", "no list of numbers"]),
        (([1, 2], [[1, 2], 3]), ValueError, ["ys[1] has shape ()"]),
        ((np.zeros((2, 2, 2)), [[1, 2]]), ValueError, ["xs[0] has shape (2, 2)"]),
        ((np.zeros(()), [[1, 2]]), TypeError, ["xs"]),
    ],
)
def test_what_are_no_lines_is_refused(
    arguments: tuple[Any, ...], error: type[Exception], words: list[str]
) -> None:
    assert words_missing(lambda: plot.line_series(*arguments), error, [*words, "line_series"]) == []


# Charts of a table


def rows() -> Table:
    return Table(columns=["x", "y", "name"], data=[[1, 0.5, "a"], [None, "0.25", "b"], [True, math.nan, "c"]])


def test_charts_of_a_table_name_its_columns() -> None:
    table = rows()
    made = [
        plot.line(table, "x", "y", title="T"),
        plot.line(table, "x", "y", "name"),
        plot.scatter(table, "x", "y"),
        plot.bar(table, "name", "x"),
        plot.histogram(table, "y"),
        plot.plot_table("me/chart", table, {"x": "x", "value": "y"}, {"title": "T"}, split_table=True),
        plot.visualize("me/chart", table),
    ]
    assert all(chart.table is table for chart in made)
    assert [(chart.spec.spec_name, chart.spec.fields) for chart in made] == [
        ("trackd/line/v0", {"x": "x", "y": "y"}),
        ("trackd/line/v0", {"x": "x", "y": "y", "stroke": "name"}),
        ("trackd/scatter/v0", {"x": "x", "y": "y"}),
        ("trackd/bar/v0", {"label": "name", "value": "x"}),
        ("trackd/histogram/v0", {"value": "y"}),
        ("me/chart", {"x": "x", "value": "y"}),
        ("me/chart", {"x": "x", "y": "y", "name": "name"}),
    ]
    assert made[0].spec.string_fields == made[5].spec.string_fields == {"title": "T"}


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda: plot.line(rows(), "x", "loss"), ValueError, ["'loss'", "'x', 'y', 'name'"]),
        (lambda: plot.line(rows(), "x", "y", "hue"), ValueError, ["field 'stroke'", "'hue'"]),
        (lambda: plot.scatter(rows(), "z", "y"), ValueError, ["field 'x'", "'z'"]),
        (lambda: plot.bar(rows(), "name", "z"), ValueError, ["field 'value'", "'z'"]),
        (lambda: plot.histogram(rows(), "z"), ValueError, ["field 'value'", "'z'"]),
        (lambda: plot.plot_table("me/a", rows(), {"x": "z"}), ValueError, ["field 'x'", "'z'"]),
        (
            lambda: plot.line(rows(), "x", "name"),
            TypeError,
            ["line: column 'name' holds 'a' in row 0", "numbers"],
        ),
        (lambda: plot.scatter(rows(), "name", "y"), TypeError, ["scatter: column 'name'"]),
        (lambda: plot.bar(rows(), "x", "name"), TypeError, ["bar: column 'name'"]),
        (lambda: plot.histogram(rows(), "name"), TypeError, ["histogram: column 'name'"]),
        (lambda: plot.histogram(Table(["a"], [[[1]]]), "a"), TypeError, ["holds a "]),
        (lambda: plot.line([[1, 2]], "x", "y"), TypeError, ["trackd/line/v0", "got a list", "trackd.Table"]),  # type: ignore[arg-type]
        (lambda: plot.plot_table("a", [[1]], {}), TypeError, ["got a list"]),  # type: ignore[arg-type]
        (lambda: plot.visualize("a", [[1]]), TypeError, ["got a list"]),  # type: ignore[arg-type]
        (lambda: plot.visualize("", rows()), ValueError, ["0 characters"]),
    ],
)
def test_what_a_table_cannot_draw_is_refused(
    function: Callable[[], object], error: type[Exception], words: list[str]
) -> None:
    assert words_missing(function, error, words) == []


# Older names


OLDER: list[tuple[str, str, tuple[Any, ...]]] = [
    ("precision_recall", "pr_curve", ([0, 1], [0.1, 0.9], ["a", "b"])),
    ("roc", "roc_curve", ([0, 1], [0.1, 0.9], ["a", "b"])),
    ("pr_curve", "pr_curve", ([0, 1], [0.1, 0.9])),
    ("roc_curve", "roc_curve", ([0, 1], [0.1, 0.9])),
    ("confusion_matrix", "confusion_matrix", (None, [0, 1], [1, 1])),
    ("line", "line", (rows(), "x", "y")),
    ("scatter", "scatter", (rows(), "x", "y")),
    ("bar", "bar", (rows(), "name", "y")),
    ("histogram", "histogram", (rows(), "y")),
    ("line_series", "line_series", ([1, 2], [[1, 2]])),
    ("plot_table", "plot_table", ("me/chart", rows(), {"x": "x"})),
]


def test_every_older_name_is_tried_here() -> None:
    assert [name for name, _, _ in sorted(OLDER)] == plots.__all__


@pytest.mark.parametrize(("name", "successor", "arguments"), OLDER)
def test_an_older_name_draws_the_same_and_says_so_once(
    name: str, successor: str, arguments: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "_noticed", set())
    older = getattr(plots, name)
    with pytest.warns(DeprecationWarning, match=rf"plots\.{name} .* trackd\.plot\.{successor}$") as noticed:
        chart = older(*arguments)
    assert [warning.filename for warning in noticed] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        older(*arguments)
    expected = getattr(plot, successor)(*arguments)
    assert chart.spec == expected.spec
    assert chart.table.data == expected.table.data or successor in (
        "line",
        "scatter",
        "bar",
        "histogram",
        "plot_table",
    )
