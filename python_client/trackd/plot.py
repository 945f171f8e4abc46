"""Owns the charts that are made from tables, numbers and predictions: `trackd.plot`.

Invariants: what cannot be drawn as asked is refused at once, with a sentence; nothing is cut, resampled or left out unless
the function's description says so. No scikit-learn and no pandas: curves are counted here, and agree with
scikit-learn's. Every function returns a `CustomChart` for `run.log({"key": chart})`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _record
from trackd._chart import ChartSpec, CustomChart
from trackd._table import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]

CURVE_POINTS_MAX = 10_000  # of one curve: more than any screen has columns
CURVES_POINTS_MAX = 100_000  # of all curves of a chart: as many rows as the page draws
_BUCKET_POINTS = 4  # a part of a thinned curve keeps its first, last, lowest and highest point
_PLAIN = frozenset({float, int, bool, str, type(None)})
CONFUSION_CLASSES_MAX = 1_000  # a million cells; more cannot be seen, and the browser would not draw them

__all__ = [
    "CURVE_POINTS_MAX",
    "ChartSpec",
    "CustomChart",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]


def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str = "", split_table: bool = False
) -> CustomChart:
    """Draws a column over another as a line, or as several lines.

    Args:
        table: A table.
        x: The column of x, numbers. Points are joined in its order; an empty cell or NaN is a gap.
        y: The column of y, numbers.
        stroke: The column that says which line a row belongs to; None for one line.
        title: Over the chart.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        TypeError: `table` is no `Table`, or a column holds what is no number.
        ValueError: the table has no such column.
    """
    fields = {"x": x, "y": y} if stroke is None else {"x": x, "y": y, "stroke": stroke}
    chart = CustomChart(table, "trackd/line/v0", fields, {"title": title}, split_table)
    _check_numbers("line", table, x, y)
    return chart


def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Draws a point for each row.

    Args:
        table: A table.
        x: The column of x, numbers; rows with an empty cell or NaN have no point.
        y: The column of y, numbers.
        title: Over the chart.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        TypeError: `table` is no `Table`, or a column holds what is no number.
        ValueError: the table has no such column.
    """
    chart = CustomChart(table, "trackd/scatter/v0", {"x": x, "y": y}, {"title": title}, split_table)
    _check_numbers("scatter", table, x, y)
    return chart


def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Draws a bar for each row, in the order of the rows.

    Args:
        table: A table.
        label: The column of the bars' names.
        value: The column of their lengths, numbers.
        title: Over the chart.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        TypeError: `table` is no `Table`, or `value` holds what is no number.
        ValueError: the table has no such column.
    """
    fields = {"label": label, "value": value}
    chart = CustomChart(table, "trackd/bar/v0", fields, {"title": title}, split_table)
    _check_numbers("bar", table, value)
    return chart


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Draws how the numbers of a column are distributed, in up to 40 bins.

    Args:
        table: A table.
        value: The column of numbers; empty cells, NaN and infinities are in no bin.
        title: Over the chart.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        TypeError: `table` is no `Table`, or `value` holds what is no number.
        ValueError: the table has no such column.
    """
    chart = CustomChart(table, "trackd/histogram/v0", {"value": value}, {"title": title}, split_table)
    _check_numbers("histogram", table, value)
    return chart


def line_series(
    xs: Any,
    ys: Any,
    keys: Iterable[Any] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Draws several lines with a legend.

    Args:
        xs: The x values, numbers: one list shared by all lines, or a list of lists, one a line. Arrays and tensors do too.
        ys: The y values, numbers: a list of lists, one a line, or one list for one line. None and NaN are gaps.
        keys: The names of the lines; by default `line_0`, `line_1`, ….
        title: Over the chart.
        xname: Under the x axis.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        ValueError: the numbers of lines, of names, or of the x and y values of a line differ, or a name occurs twice.
        TypeError: something is no list of numbers.
    """
    import numpy as np

    x_lines, y_lines = _lines("xs", xs), _lines("ys", ys)
    if len(x_lines) not in (1, len(y_lines)):
        raise ValueError(
            f"line_series: xs has {len(x_lines)} lists and ys has {len(y_lines)}; "
            "give one list of x for all lines, or one for each"
        )
    names = _names("line_series: keys", keys, len(y_lines), "lines")
    names = names or [f"line_{index}" for index in range(len(y_lines))]
    x_lines = x_lines * len(y_lines) if len(x_lines) == 1 else x_lines
    for name, x, y in zip(names, x_lines, y_lines, strict=True):
        if len(x) != len(y):
            raise ValueError(
                f"line_series: line {name!r} has {len(x)} x and {len(y)} y values; give one y for each x"
            )
    table = _table(
        step=np.concatenate(x_lines),
        lineKey=[name for name, y in zip(names, y_lines, strict=True) for _ in range(len(y))],
        lineVal=np.concatenate(y_lines),
    )
    fields = {"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"}
    return CustomChart(table, "trackd/lineseries/v0", fields, {"title": title, "xname": xname}, split_table)


def pr_curve(
    y_true: Any,
    y_probas: Any,
    labels: Iterable[Any] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    interp_size: int | None = None,
    title: str = "",
    split_table: bool = False,
) -> CustomChart:
    """Draws the precision over the recall of a classifier, one curve a class against all others.

    The points are those of scikit-learn's `precision_recall_curve` with `drop_intermediate=False`: one for each distinct
    score, from recall 0 and precision 1 on. A curve of more than 10,000 points is thinned: of the points within each 1/2,500
    of the recall the first, the last, and those of least and greatest precision stay, so that every point left out lies
    between two that are drawn at most 0.0004 of recall away. More than ten curves share 100,000 points: n of them have
    100,000/n each, and for 0.0004 stands 0.00004 n.

    Args:
        y_true: The true classes (n): integers, truth values or texts.
        y_probas: The scores, a column a class (n, classes), or those of the second of two classes (n). Probabilities or
            any numbers that are higher the likelier the class. Columns stand for the classes 0, 1, …; for other integers or
            texts they stand for the classes in ascending order, as in scikit-learn, or in the order of `labels` where
            `y_true` holds these.
        labels: The names of the classes, in the order of the columns.
        classes_to_plot: Which classes to draw, as in `y_true` or as in `labels`; by default all that occur in `y_true`.
        interp_size: How many evenly spaced recalls to draw instead of all points: at each the precision of the highest
            score that reaches it; 2 to 10,000.
        title: Over the chart.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        ValueError: shapes or numbers do not fit, a score is NaN, or there are no examples of two classes.
        TypeError: classes or scores are of no such kind.
    """
    import numpy as np

    _check_interp_size(interp_size)

    def curve(is_positive: Array, scores: Floats, points_max: int) -> tuple[Floats, Floats]:
        true_count, false_count = _counts(is_positive, scores)
        recall = np.concatenate([[0.0], true_count / true_count[-1]])
        precision = np.concatenate([[1.0], true_count / (true_count + false_count)])
        if interp_size is None:
            return _thinned(recall, precision, points_max)
        wanted = np.linspace(0, 1, interp_size)
        return wanted, precision[np.searchsorted(recall, wanted)]

    names, recalls, precisions = _curves("pr_curve", y_true, y_probas, labels, classes_to_plot, curve)
    table = _table(**{"class": names, "recall": recalls, "precision": precisions})
    fields = {"x": "recall", "y": "precision", "class": "class"}
    strings = {"title": title, "x-axis-title": "Recall", "y-axis-title": "Precision"}
    return CustomChart(table, "trackd/area-under-curve/v0", fields, strings, split_table)


def roc_curve(
    y_true: Any,
    y_probas: Any,
    labels: Iterable[Any] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    title: str = "",
    split_table: bool = False,
) -> CustomChart:
    """Draws the true over the false positive rate of a classifier, one curve a class against all others.

    The points are those of scikit-learn's `roc_curve` with `drop_intermediate=False`: one for each distinct score, from
    (0, 0) on. A curve of more than 10,000 points is thinned as in `pr_curve`: every point left out lies between two that are
    drawn at most 0.0004 of the false positive rate away; or 0.00004 n with n curves, where there are more than ten.

    Args:
        y_true: The true classes (n), as in `pr_curve`.
        y_probas: The scores (n, classes) or (n), as in `pr_curve`.
        labels: The names of the classes, in the order of the columns.
        classes_to_plot: Which classes to draw, as in `y_true` or as in `labels`; by default all that occur in `y_true`.
        title: Over the chart.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        ValueError: shapes or numbers do not fit, a score is NaN, or there are no examples of two classes.
        TypeError: classes or scores are of no such kind.
    """
    import numpy as np

    def curve(is_positive: Array, scores: Floats, points_max: int) -> tuple[Floats, Floats]:
        true_count, false_count = _counts(is_positive, scores)
        false_rate = np.concatenate([[0.0], false_count / false_count[-1]])
        return _thinned(false_rate, np.concatenate([[0.0], true_count / true_count[-1]]), points_max)

    names, false_rates, true_rates = _curves("roc_curve", y_true, y_probas, labels, classes_to_plot, curve)
    table = _table(**{"class": names, "fpr": false_rates, "tpr": true_rates})
    fields = {"x": "fpr", "y": "tpr", "class": "class"}
    strings = {"title": title, "x-axis-title": "False positive rate", "y-axis-title": "True positive rate"}
    return CustomChart(table, "trackd/area-under-curve/v0", fields, strings, split_table)


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Iterable[Any] | None = None,
    title: str = "",
    split_table: bool = False,
) -> CustomChart:
    """Draws how many examples of each class were taken for which; classes without examples stay.

    Args:
        probs: The scores, a column a class (n, classes); the highest of a row is the prediction, the first one of equals.
        y_true: The true classes (n): integers, truth values or texts.
        preds: The predicted classes (n), of the same kind; instead of `probs`.
        class_names: The names of the classes: of the classes 0, 1, …, or of those that occur, in ascending order, where
            they are others and as many. Classes that are texts are found in it by name. By default the classes that occur.
        title: Over the chart.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        ValueError: not exactly one of `probs` and `preds` is given, shapes or numbers do not fit, a score is NaN, or there
            are more than 1,000 classes.
        TypeError: classes or scores are of no such kind.
    """
    import numpy as np

    what = "confusion_matrix"
    if (probs is None) == (preds is None):
        given = "neither probs nor preds" if probs is None else "both probs and preds"
        raise ValueError(f"{what}: {given} is given; give scores as probs or predicted classes as preds")
    if y_true is None:
        raise ValueError(f"{what}: y_true is not given; give the true class of each example")
    truth = _class_values(what, "y_true", y_true)
    if probs is not None:
        scores = _scores(what, "probs", probs)
        _check_length(what, truth, "probs", len(scores), "rows")
        if scores.ndim != 2 or scores.shape[1] < 2:
            raise ValueError(
                f"{what}: probs has shape {scores.shape}; it has a column for each class, at least two"
            )
        count = scores.shape[1]
        names = _names(f"{what}: class_names", class_names, count, "columns of probs")
        classes = _classes(what, "y_true", truth, count, names)
        actual, predicted = classes.ids, scores.argmax(axis=1)
    else:
        predictions = _class_values(what, "preds", preds)
        _check_length(what, truth, "preds", len(predictions), "values")
        if truth.dtype.kind != predictions.dtype.kind:
            raise TypeError(
                f"{what}: y_true holds {truth[0].item()!r} and preds {predictions[0].item()!r}; "
                "give both as integers or as texts"
            )
        names = _names(f"{what}: class_names", class_names, None, "")
        both = np.concatenate([truth, predictions])
        classes = _classes(what, "y_true and preds", both, len(names) if names else None, names)
        actual, predicted = classes.ids[: len(truth)], classes.ids[len(truth) :]
    count = len(classes.names)
    if count > CONFUSION_CLASSES_MAX:
        raise ValueError(
            f"{what}: there are {count} classes; the limit is {CONFUSION_CLASSES_MAX}: group them, or log a trackd.Table"
        )
    cells = np.bincount(actual * count + predicted, minlength=count * count)
    table = _table(
        Actual=[name for name in classes.names for _ in range(count)],
        Predicted=classes.names * count,
        nPredictions=cells.astype(np.int64),
    )
    fields = {"Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"}
    return CustomChart(table, "trackd/confusion_matrix/v1", fields, {"title": title}, split_table)


def plot_table(
    vega_spec_name: str | Mapping[str, Any],
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Draws a table with a preset: one that comes with trackd, or one saved by `trackd.save_preset` or on the page.

    Args:
        vega_spec_name: The preset's id, such as "trackd/line/v0" or "me/loss"; or a Vega-Lite specification as a dict.
        data_table: A table.
        fields: The name of a column for each field of the preset: `{"x": "step", "value": "height"}`.
        string_fields: The texts of the preset: `{"title": "Height"}`.
        split_table: Accepted; a chart keeps its table with itself.

    Raises:
        TypeError: `data_table` is no `Table`, or `fields` no dict.
        ValueError: the table lacks a column, or the id is empty or too long.
    """
    return CustomChart(data_table, vega_spec_name, fields, string_fields, split_table)


def visualize(id: str, value: Table) -> CustomChart:  # noqa: A002 - wandb's name
    """Draws a table with a preset whose fields have the names of its columns.

    Args:
        id: The preset's id.
        value: A table.

    Raises:
        TypeError: `value` is no `Table`.
        ValueError: the id is empty or too long.
    """
    return CustomChart(value, id, {column: column for column in getattr(value, "columns", ())})


def _check_interp_size(interp_size: Any) -> None:
    if interp_size is not None and not (
        isinstance(interp_size, int) and 2 <= interp_size <= CURVE_POINTS_MAX
    ):
        raise ValueError(
            f"pr_curve: interp_size is {interp_size!r}; "
            f"it is an integer of 2 to {CURVE_POINTS_MAX}, or None for all points"
        )


def _table(**columns: Any) -> Table:
    table = Table(columns=[], data=[])
    for name, cells in columns.items():
        table.add_column(name, cells)
    return table


def _check_numbers(chart: str, table: Table, *columns: str) -> None:
    """Raises TypeError where a column holds something that cannot be drawn as a number."""
    for name in columns:
        cells = table.get_column(str(name))
        if set(map(type, cells)) <= {int, float, bool, type(None)}:
            continue
        for row, cell in enumerate(cells):
            try:
                _ = None if cell is None else float(cell)  # a text such as "0.5" is drawn as its number
            except (TypeError, ValueError):
                shown = repr(cell) if isinstance(cell, str) else f"a {type(cell).__name__}"
                raise TypeError(
                    f"{chart}: column {name!r} holds {shown:.60} in row {row}; it can hold numbers: choose another column"
                ) from None


def _lines(name: str, values: Any) -> list[Array]:
    """Returns the lists of numbers in `xs` or `ys`; a flat list is one line."""
    values = _on_host(values)
    dimensions = getattr(values, "ndim", None)
    if (
        dimensions == 0
        or isinstance(values, str | bytes | Mapping)
        or (dimensions is None and not isinstance(values, Iterable))
    ):
        raise TypeError(
            f"line_series: {name} is a {type(values).__name__}; it is a list of numbers, or a list of such lists"
        )
    items = list(values)
    if items and not any(map(_is_list, items)):
        return [_numbers(f"line_series: {name}", values if dimensions == 1 else items)]
    if dimensions == 1 and not items:
        return [_numbers(f"line_series: {name}", values)]
    if not items:
        raise ValueError(f"line_series: {name} is empty; give at least one list of numbers")
    return [_numbers(f"line_series: {name}[{index}]", item) for index, item in enumerate(items)]


def _on_host(values: Any) -> Any:
    """Returns tensors as NumPy arrays, also those in a list; anything else as it is."""
    import numpy as np

    if not isinstance(values, np.ndarray) and (hasattr(values, "detach") or hasattr(values, "numpy")):
        return _record.as_array(values)
    if isinstance(values, list | tuple) and not _PLAIN.issuperset(map(type, values)):
        return list(map(_on_host, values))
    return values


def _is_list(value: Any) -> bool:
    dimensions = getattr(
        value, "ndim", None
    )  # a tensor of no dimension is a number, and claims to be iterable
    return dimensions > 0 if isinstance(dimensions, int) else isinstance(value, Iterable)


def _numbers(what: str, values: Any) -> Array:
    """Returns numbers as an own array (n); None becomes NaN."""
    import math

    values = _on_host(values)
    if not hasattr(values, "dtype") and isinstance(values, Iterable) and not isinstance(values, str | bytes):
        values = [math.nan if value is None else value for value in values]
    try:
        array = _record.as_array(values)
    except TypeError as error:
        raise TypeError(f"{what} is no list of numbers: {error}") from None
    if array.ndim != 1:
        raise ValueError(f"{what} has shape {array.shape}; it is one list of numbers")
    return array


def _names(what: str, names: Iterable[Any] | None, count: int | None, of: str) -> list[str] | None:
    """Returns names as texts; None for none. `count` is how many there must be."""
    if names is None:
        return None
    if isinstance(names, str | Mapping) or not isinstance(names, Iterable):
        raise TypeError(f"{what} is a {type(names).__name__}; it is a list of names")
    texts = [str(name) for name in names]
    if count is not None and len(texts) != count:
        raise ValueError(f"{what} has {len(texts)} names and there are {count} {of}; give one name for each")
    if not texts:
        raise ValueError(f"{what} is empty; give one name for each, or leave it out")
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise ValueError(
            f"{what} holds {twice!r} twice; names that are equal cannot be told apart: rename one"
        )
    return texts


@dataclass(frozen=True)
class _Classes:
    """Which class each example is of.

    Attributes:
        ids: The number of each example's class (n), from 0.
        names: The classes' names.
        values: The classes as the person's data say them, as texts.
    """

    ids: Integers
    names: list[str]
    values: list[str]


def _classes(what: str, name: str, given: Array, count: int | None, names: list[str] | None) -> _Classes:
    """Numbers the classes.

    Args:
        what: The chart, for errors.
        name: Where the classes are from, for errors.
        given: The class of each example (n).
        count: How many classes there are; None for those that occur.
        names: Their names, `count` of them; None for the classes themselves.

    Raises:
        ValueError: the classes do not fit the count and the names.
    """
    import numpy as np

    distinct, ids = np.unique(given, return_inverse=True)
    values = [str(value) for value in distinct.tolist()]
    if count is None:
        return _Classes(ids, values, values)
    if given.dtype.kind == "U":
        if names is not None and set(values) <= set(names):
            places = {known: place for place, known in enumerate(names)}
            return _Classes(np.array([places[value] for value in values])[ids], names, names)
    elif distinct[0] >= 0 and distinct[-1] < count:
        numbers = [str(number) for number in range(count)]
        return _Classes(given, names or numbers, numbers)
    if len(values) == count:
        return _Classes(ids, names or values, values)
    known = "" if names is None else f" named {', '.join(map(repr, names)):.100}"
    raise ValueError(
        f"{what}: {name} holds the classes {', '.join(values):.100}, and there are {count} classes{known}; "
        f"give numbers of 0 to {count - 1}, names from the list, or an example of each class"
    )


def _class_values(what: str, name: str, values: Any) -> Array:
    """Returns classes as an array (n) of int64 or of texts."""
    import numpy as np

    if isinstance(values, str | bytes | Mapping) or not (
        hasattr(values, "__len__") or hasattr(values, "ndim")
    ):
        raise TypeError(f"{what}: {name} is a {type(values).__name__}; it is a list or an array of classes")
    try:
        array = np.asarray(_on_host(values))
    except ValueError:
        raise ValueError(
            f"{what}: {name} holds lists of unequal lengths; it is one list of classes"
        ) from None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"{what}: {name} has shape {array.shape}; it holds one class an example: "
            "use .argmax(axis=1) on columns of classes"
        )
    if not array.size:
        raise ValueError(f"{what}: {name} is empty; give at least one example")
    kind = array.dtype.kind
    if kind == "O":
        kinds = {"U" if isinstance(value, str) else "O" for value in array.tolist()}
        if kinds == {"U"}:
            return array.astype(str)
        try:
            array = _record.as_array(array.tolist())  # Python's own numbers in an array of objects
        except TypeError:
            wrong = next(value for value in array.tolist() if not isinstance(value, int | str))
            raise TypeError(
                f"{what}: {name} holds {wrong!r:.40}; it holds integers, truth values or texts, all of one kind"
            ) from None
        kind = array.dtype.kind
    if kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if kind in "UT":
        return array.astype(str)
    whole = (
        np.isfinite(array) & (array == np.floor(array))
        if kind == "f"
        else np.full(array.shape, kind in "biu")
    )
    if not whole.all():
        raise TypeError(
            f"{what}: {name} holds {array[~whole][0].item()!r:.40}; it holds integers, truth values or texts, all of one kind"
        )
    return array.astype(np.int64)


def _scores(what: str, name: str, values: Any) -> Floats:
    """Returns scores as an array (n, classes), or (n) where there is one column."""
    import numpy as np

    try:
        array = _record.as_array(_on_host(values))
    except TypeError as error:
        raise TypeError(f"{what}: {name} is no array of scores: {error}") from None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{what}: {name} has shape {array.shape}; it has a row for each example and a column for each class"
        )
    scores: Floats = array.astype(np.float64)
    missing = np.isnan(scores)
    if missing.any():
        raise ValueError(
            f"{what}: {name} holds NaN, first in row {np.argwhere(missing)[0][0]} and {missing.sum()} in all; "
            "leave these examples out"
        )
    return scores


def _check_length(what: str, truth: Array, name: str, length: int, unit: str) -> None:
    if len(truth) != length:
        raise ValueError(
            f"{what}: y_true has {len(truth)} values and {name} has {length} {unit}; give one for each example"
        )


def _curves(
    what: str,
    y_true: Any,
    y_probas: Any,
    labels: Iterable[Any] | None,
    classes_to_plot: Iterable[Any] | None,
    curve: Any,
) -> tuple[list[str], Floats, Floats]:
    """Returns the curves of the chosen classes behind each other: the name of the class, x and y of each point."""
    import numpy as np

    truth = _class_values(what, "y_true", y_true)
    scores = _scores(what, "y_probas", y_probas)
    _check_length(what, truth, "y_probas", len(scores), "rows" if scores.ndim == 2 else "values")
    if (truth == truth[0]).all():
        raise ValueError(
            f"{what}: y_true holds only the class {truth[0].item()!r}; a curve needs examples of two classes at least"
        )
    count = scores.shape[1] if scores.ndim == 2 else 2
    classes = _classes(what, "y_true", truth, count, _names(f"{what}: labels", labels, count, "classes"))
    seen = set(classes.ids.tolist())
    # One column of scores is that of the second class.
    drawable = [index for index in range(count) if index in seen and (scores.ndim == 2 or index == 1)]
    names: list[str] = []
    xs, ys = [], []
    chosen = list(_chosen(what, classes, classes_to_plot, drawable))
    points_max = min(CURVE_POINTS_MAX, CURVES_POINTS_MAX // len(chosen))
    for index in chosen:
        column = scores[:, index] if scores.ndim == 2 else scores
        x, y = curve(classes.ids == index, column, points_max)
        names += [classes.names[index]] * len(x)
        xs.append(x)
        ys.append(y)
    return names, np.concatenate(xs), np.concatenate(ys)


def _chosen(
    what: str, classes: _Classes, wanted: Iterable[Any] | None, drawable: Sequence[int]
) -> Iterator[int]:
    """Yields the numbers of the classes to draw, ascending."""
    if wanted is None:
        yield from drawable
        return
    if isinstance(wanted, str) or not isinstance(wanted, Iterable):
        raise TypeError(f"{what}: classes_to_plot is {wanted!r}; it is a list of classes: [{wanted!r}]")
    places = {name: place for place, name in enumerate(classes.names)}
    places |= {value: place for place, value in enumerate(classes.values)}
    chosen = set()
    for entry in wanted:
        text = str(int(entry)) if isinstance(entry, bool) else str(entry)
        place = places.get(text)
        if place not in drawable:
            why = "no class" if place is None else "a class without a curve"
            raise ValueError(
                f"{what}: classes_to_plot holds {entry!r}, {why}; "
                f"it can hold {', '.join(classes.names[index] for index in drawable)}"
            )
        chosen.add(place)
    if not chosen:
        raise ValueError(f"{what}: classes_to_plot is empty; leave it out to draw all classes")
    yield from sorted(place for place in drawable if place in chosen)


def _counts(is_positive: Array, scores: Floats) -> tuple[Integers, Integers]:
    """Returns the true and the false positives at each distinct score, from the highest on."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.concatenate([np.flatnonzero(ordered[1:] != ordered[:-1]), [len(scores) - 1]])
    true_count = np.cumsum(is_positive[order], dtype=np.int64)[ends]
    return true_count, 1 + ends - true_count


def _thinned(x: Floats, y: Floats, points_max: int) -> tuple[Floats, Floats]:
    """Returns a curve with at most `points_max` points; x is ascending, both are in 0 to 1."""
    import numpy as np

    if len(x) <= points_max:
        return x, y
    bucket_count = max(1, points_max // _BUCKET_POINTS)
    bucket = np.minimum((x * bucket_count).astype(np.int64), bucket_count - 1)
    changes = np.flatnonzero(bucket[1:] != bucket[:-1])
    firsts, lasts = np.concatenate([[0], changes + 1]), np.concatenate([changes, [len(x) - 1]])
    by_height = np.lexsort(
        (y, bucket)
    )  # each bucket from its lowest to its highest; buckets stay where they are
    kept = np.unique(np.concatenate([firsts, lasts, by_height[firsts], by_height[lasts]]))
    return x[kept], y[kept]
