"""Owns the charts that are made from tables, numbers and predictions: `trackd.plot`.

Invariants: what cannot be drawn as asked is refused at once, with a sentence; nothing is cut, resampled or left out unless
the function's description says so. No scikit-learn and no pandas: curves are counted here, and agree with
scikit-learn's. Every function returns a `CustomChart` for `run.log({"key": chart})`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _plot_numbers, _predictions
from trackd._chart import ChartSpec, CustomChart
from trackd._predictions import CURVE_POINTS_MAX
from trackd._table import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]

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

    x_lines, y_lines = _plot_numbers.read_lines("xs", xs), _plot_numbers.read_lines("ys", ys)
    if len(x_lines) not in (1, len(y_lines)):
        raise ValueError(
            f"line_series: xs has {len(x_lines)} lists and ys has {len(y_lines)}; "
            "give one list of x for all lines, or one for each"
        )
    names = _plot_numbers.read_names("line_series: keys", keys, len(y_lines), "lines")
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
        true_count, false_count = _predictions.count_positives(is_positive, scores)
        recall = np.concatenate([[0.0], true_count / true_count[-1]])
        precision = np.concatenate([[1.0], true_count / (true_count + false_count)])
        if interp_size is None:
            return _predictions.thin(recall, precision, points_max)
        wanted = np.linspace(0, 1, interp_size)
        return wanted, precision[np.searchsorted(recall, wanted)]

    names, recalls, precisions = _predictions.count_curves(
        "pr_curve", y_true, y_probas, labels, classes_to_plot, curve
    )
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
        true_count, false_count = _predictions.count_positives(is_positive, scores)
        false_rate = np.concatenate([[0.0], false_count / false_count[-1]])
        return _predictions.thin(false_rate, np.concatenate([[0.0], true_count / true_count[-1]]), points_max)

    names, false_rates, true_rates = _predictions.count_curves(
        "roc_curve", y_true, y_probas, labels, classes_to_plot, curve
    )
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
    truth = _predictions.read_classes(what, "y_true", y_true)
    if probs is not None:
        scores = _predictions.read_scores(what, "probs", probs)
        _predictions.check_length(what, truth, "probs", len(scores), "rows")
        if scores.ndim != 2 or scores.shape[1] < 2:
            raise ValueError(
                f"{what}: probs has shape {scores.shape}; it has a column for each class, at least two"
            )
        count = scores.shape[1]
        names = _plot_numbers.read_names(f"{what}: class_names", class_names, count, "columns of probs")
        classes = _predictions.number_classes(what, "y_true", truth, count, names)
        actual, predicted = classes.ids, scores.argmax(axis=1)
    else:
        predictions = _predictions.read_classes(what, "preds", preds)
        _predictions.check_length(what, truth, "preds", len(predictions), "values")
        if truth.dtype.kind != predictions.dtype.kind:
            raise TypeError(
                f"{what}: y_true holds {truth[0].item()!r} and preds {predictions[0].item()!r}; "
                "give both as integers or as texts"
            )
        names = _plot_numbers.read_names(f"{what}: class_names", class_names, None, "")
        both = np.concatenate([truth, predictions])
        classes = _predictions.number_classes(
            what, "y_true and preds", both, len(names) if names else None, names
        )
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
