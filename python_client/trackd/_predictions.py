"""Owns what a classifier predicted and what was true: classes, scores, and the curves that are counted from them.

Invariants: counts agree with scikit-learn's, which is not needed; a thinned curve keeps the lowest and the highest point of
every part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _plot_numbers, _record

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]

CURVE_POINTS_MAX = 10_000  # of one curve: more than any screen has columns
CURVES_POINTS_MAX = 100_000  # of all curves of a chart: as many rows as the page draws
_BUCKET_POINTS = 4  # a part of a thinned curve keeps its first, last, lowest and highest point


@dataclass(frozen=True)
class Classes:
    """Which class each example is of.

    Attributes:
        ids: The number of each example's class (n), from 0.
        names: The classes' names.
        values: The classes as the person's data say them, as texts.
    """

    ids: Integers
    names: list[str]
    values: list[str]


def number_classes(what: str, name: str, given: Array, count: int | None, names: list[str] | None) -> Classes:
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
        return Classes(ids, values, values)
    if given.dtype.kind == "U":
        if names is not None and set(values) <= set(names):
            places = {known: place for place, known in enumerate(names)}
            return Classes(np.array([places[value] for value in values])[ids], names, names)
    elif distinct[0] >= 0 and distinct[-1] < count:
        numbers = [str(number) for number in range(count)]
        return Classes(given, names or numbers, numbers)
    if len(values) == count:
        return Classes(ids, names or values, values)
    known = "" if names is None else f" named {', '.join(map(repr, names)):.100}"
    raise ValueError(
        f"{what}: {name} holds the classes {', '.join(values):.100}, and there are {count} classes{known}; "
        f"give numbers of 0 to {count - 1}, names from the list, or an example of each class"
    )


def read_classes(what: str, name: str, values: Any) -> Array:
    """Returns classes as an array (n) of int64 or of texts."""
    import numpy as np

    if isinstance(values, str | bytes | Mapping) or not (
        hasattr(values, "__len__") or hasattr(values, "ndim")
    ):
        raise TypeError(f"{what}: {name} is a {type(values).__name__}; it is a list or an array of classes")
    try:
        array = np.asarray(_plot_numbers.on_host(values))
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


def read_scores(what: str, name: str, values: Any) -> Floats:
    """Returns scores as an array (n, classes), or (n) where there is one column."""
    import numpy as np

    try:
        array = _record.as_array(_plot_numbers.on_host(values))
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


def check_length(what: str, truth: Array, name: str, length: int, unit: str) -> None:
    if len(truth) != length:
        raise ValueError(
            f"{what}: y_true has {len(truth)} values and {name} has {length} {unit}; give one for each example"
        )


def count_curves(
    what: str,
    y_true: Any,
    y_probas: Any,
    labels: Iterable[Any] | None,
    classes_to_plot: Iterable[Any] | None,
    curve: Any,
) -> tuple[list[str], Floats, Floats]:
    """Returns the curves of the chosen classes behind each other: the name of the class, x and y of each point."""
    import numpy as np

    truth = read_classes(what, "y_true", y_true)
    scores = read_scores(what, "y_probas", y_probas)
    check_length(what, truth, "y_probas", len(scores), "rows" if scores.ndim == 2 else "values")
    if (truth == truth[0]).all():
        raise ValueError(
            f"{what}: y_true holds only the class {truth[0].item()!r}; a curve needs examples of two classes at least"
        )
    count = scores.shape[1] if scores.ndim == 2 else 2
    classes = number_classes(
        what, "y_true", truth, count, _plot_numbers.read_names(f"{what}: labels", labels, count, "classes")
    )
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
    what: str, classes: Classes, wanted: Iterable[Any] | None, drawable: Sequence[int]
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


def count_positives(is_positive: Array, scores: Floats) -> tuple[Integers, Integers]:
    """Returns the true and the false positives at each distinct score, from the highest on."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.concatenate([np.flatnonzero(ordered[1:] != ordered[:-1]), [len(scores) - 1]])
    true_count = np.cumsum(is_positive[order], dtype=np.int64)[ends]
    return true_count, 1 + ends - true_count


def thin(x: Floats, y: Floats, points_max: int) -> tuple[Floats, Floats]:
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
