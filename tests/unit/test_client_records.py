"""`wrap`: which objects are typed records, and what a list of them is."""

import subprocess
import sys
from typing import Any

import bokeh.plotting
import matplotlib.axes
import matplotlib.figure
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import PIL.Image
import plotly.graph_objects
import pytest
from tests.unit.encoded import Encoded, raises

from trackd import _record, data_types
from trackd._records import wrap


class Frame(pd.DataFrame):
    """A class of a person's own."""


def drawn() -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure()
    figure.add_subplot().imshow(np.zeros((2, 2)))
    return figure


def bokeh_figure() -> Any:
    figure = bokeh.plotting.figure()
    figure.line([1], [2])
    return figure


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: data_types.Html("x"), "html"),
        (lambda: PIL.Image.new("L", (2, 2)), "image"),
        (lambda: drawn(), "image"),  # noqa: PLW0108 - one form for all
        (lambda: drawn().axes[0], "image"),
        (lambda: plotly.graph_objects.Figure(), "plot"),  # noqa: PLW0108
        (lambda: bokeh_figure(), "plot"),  # noqa: PLW0108
        (lambda: pd.DataFrame({"a": [1]}), "table"),
        (lambda: Frame({"a": [1]}), "table"),
    ],
)
def test_objects_that_are_records(make: Any, kind: str) -> None:
    value = make()
    record = wrap(value)
    assert isinstance(record, _record.Record)
    assert record.kind == kind
    assert Encoded(record).message.WhichOneof("kind") == kind
    for both in ([value, make()], (value, make())):
        records = wrap(both)
        assert isinstance(records, list)
        assert [each.kind for each in records] == [kind, kind]


@pytest.mark.parametrize(
    "value",
    [
        5,
        0.5,
        "x",
        None,
        [],
        (),
        [1, 2],
        ["a", None],
        {},
        {"a": 1},
        np.zeros(3),
        object(),
        pd.Series([1]),
        np,
        [np],
        matplotlib.axes.Axes,
    ],
)
def test_objects_that_are_none(value: Any) -> None:
    assert wrap(value) is None


def test_pyplot_is_its_current_figure() -> None:
    plt.switch_backend("agg")
    plt.plot([1, 2])
    try:
        record = wrap(plt)
        assert isinstance(record, _record.Record)
        assert record.kind in ("plot", "image")
        several = wrap([plt, plt])
        assert isinstance(several, list)
        assert len(several) == 2
    finally:
        plt.close("all")
    raises(ValueError, "empty", lambda: wrap(plt))


def test_a_list_that_mixes_records_with_other_things_says_so() -> None:
    raises(TypeError, "records|place 1|int|own", lambda: wrap([data_types.Html("x"), 5]))
    raises(TypeError, "records|place 0|NoneType", lambda: wrap([None, PIL.Image.new("L", (1, 1))]))


def test_every_name_of_the_reference_is_there() -> None:
    for name in [
        "Audio",
        "Bokeh",
        "BoundingBoxes2D",
        "Classes",
        "Histogram",
        "Html",
        "Image",
        "ImageMask",
        "Molecule",
        "Object3D",
        "Plotly",
        "Table",
        "Video",
        "box3d",
    ]:
        assert callable(getattr(data_types, name))
        assert name in data_types.__all__


def test_importing_the_types_imports_no_library() -> None:
    program = (
        "import sys, trackd.data_types, trackd._records; "
        "print([name for name in ('numpy', 'PIL', 'pandas', 'matplotlib', 'plotly', 'bokeh', 'google.protobuf', 'grpc') "
        "if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "[]"


def test_two_threads_that_begin_with_importlib_leave_it_whole() -> None:
    # At the one line of `importlib` where another thread's import of a part of it leaves it without `sys`.
    program = """
import sys, threading, trackd

def trace(frame, event, argument):
    if frame.f_globals.get("__name__") != "importlib":
        return None
    if event == "line" and "_bootstrap" in frame.f_globals and "importlib._bootstrap" not in sys.modules:
        sys.settrace(None)
        thread = threading.Thread(target=lambda: __import__("importlib.machinery"))
        thread.start()
        thread.join(1)
    return trace

sys.settrace(trace)
import importlib
print(importlib.import_module("colorsys").__name__)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.stdout.strip(), ended.stderr) == ("colorsys", "")
