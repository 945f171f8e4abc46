"""Figures of Plotly, Bokeh and Matplotlib: nothing in them is lost on the way, or they are drawn as images."""

import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import bokeh.document
import bokeh.embed
import bokeh.layouts
import bokeh.plotting
import matplotlib as mpl
import matplotlib.gridspec
import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects
import pytest
from tests.unit.encoded import Encoded, raises

from trackd import _record
from trackd._figure import Bokeh, Plotly, matplotlib_record
from trackd._html import Html
from trackd._image import Image
from trackd.v1 import values_pb2


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


def specification(record: _record.Record) -> Any:
    encoded = Encoded(record)
    payload = encoded.message.plot.specification
    assert payload.media_type == "application/json"
    return json.loads(encoded.bytes_of(payload))


def chart(draw: Callable[[Any], object], columns: int = 1) -> Any:
    """Returns what a figure is logged as: the chart of Plotly, or None for an image."""
    figure, axes = plt.subplots(1, columns)
    draw(axes)
    record = matplotlib_record(figure)
    return specification(record) if isinstance(record, Plotly) else None


def test_a_plotly_figure_is_kept_as_its_own_json() -> None:
    figure = plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 2.5, None], name="ü"))
    record = Plotly(figure)
    figure.add_bar(y=[1])
    message = Encoded(record).message.plot
    assert message.language == values_pb2.PLOT_LANGUAGE_PLOTLY
    assert not message.runtime
    assert specification(record)["data"] == [{"y": [1, 2.5, None], "name": "ü", "type": "scatter"}]


def test_a_dict_of_data_and_layout_is_a_plotly_figure() -> None:
    figure = {"data": [{"y": np.array([1.0, np.nan]), "type": "scatter"}], "layout": {"title": {"text": "t"}}}
    assert specification(Plotly(figure)) == {
        "data": [{"y": [1, None], "type": "scatter"}],
        "layout": {"title": {"text": "t"}},
    }
    raises(TypeError, "list|Plotly figure", lambda: Plotly([1]))


def test_a_bokeh_figure_carries_the_scripts_that_draw_it() -> None:
    figure = bokeh.plotting.figure(title="t")
    figure.line([1, 2], [3.5, np.nan])
    encoded = Encoded(Bokeh(figure))
    message = encoded.message.plot
    assert message.language == values_pb2.PLOT_LANGUAGE_BOKEH
    item = json.loads(encoded.bytes_of(message.specification))
    assert item["root_id"] == figure.id
    assert item["version"] == bokeh.__version__
    assert [payload.media_type for payload in message.runtime] == ["text/javascript"] * len(message.runtime)
    scripts = [encoded.bytes_of(payload) for payload in message.runtime]
    assert b"bokeh.min.js" in scripts[0][:100]
    assert not any(b"bokeh-mathjax" in script[:100] for script in scripts)
    formula = bokeh.plotting.figure(title="$$x^2$$")
    formula.line([1], [1])
    encoded = Encoded(Bokeh(formula))
    assert any(b"bokeh-mathjax" in encoded.bytes_of(each)[:100] for each in encoded.message.plot.runtime)


def figure_of(y: float) -> Any:
    figure = bokeh.plotting.figure()
    figure.line([1, 2], [y, y])
    return figure


def test_layouts_and_documents_of_bokeh() -> None:
    assert specification(Bokeh(bokeh.layouts.row(figure_of(1), figure_of(2))))["root_id"]
    document = bokeh.document.Document()
    raises(ValueError, "document is empty", lambda: Bokeh(document))
    document.add_root(figure_of(1))
    assert specification(Bokeh(document))["root_id"] == document.roots[0].id
    document.add_root(figure_of(2))
    item = specification(Bokeh(document))
    assert len(item["doc"]["roots"]) == 1
    assert all(root.id in json.dumps(item) for root in document.roots)
    assert len(document.roots) == 2


def test_files_of_bokeh(tmp_path: pathlib.Path) -> None:
    path, page = tmp_path / "chart.json", tmp_path / "chart.html"
    item: Any = json.loads(json.dumps(bokeh.embed.json_item(figure_of(1))))
    path.write_text(json.dumps(item), encoding="utf-8")
    assert specification(Bokeh(path)) == item
    path.write_text(json.dumps(item["doc"]), encoding="utf-8")
    assert specification(Bokeh(str(path)))["root_id"] == item["root_id"]
    page.write_text("<b>", encoding="utf-8")
    assert isinstance(Bokeh(page), Html)
    path.write_text("[1]", encoding="utf-8")
    raises(ValueError, "chart.json|no Bokeh document|json_item", lambda: Bokeh(path))
    path.write_text("{", encoding="utf-8")
    raises(ValueError, "chart.json|no JSON", lambda: Bokeh(path))
    raises(FileNotFoundError, "no file", lambda: Bokeh("missing.json"))
    raises(TypeError, "int|Bokeh model", lambda: Bokeh(5))


def test_without_bokeh_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bokeh.embed", None)
    raises(ImportError, "Bokeh is not installed|pip install bokeh", lambda: Bokeh(5))


def test_lines_become_a_chart() -> None:
    def draw(axes: Any) -> None:
        axes.plot([1, 2, 3], [1.0, np.nan, 9.0], label="loss")
        axes.plot([1, 2], [5, 6], "o--")
        axes.set(title="t", xlabel="x", ylabel="y", yscale="log")
        axes.legend()

    found = chart(draw)
    first, second = found["data"]
    assert (first["x"], first["y"], first["name"]) == ([1, 2, 3], [1, None, 9], "loss")
    assert (second["y"], second["mode"], second["showlegend"]) == ([5, 6], "lines+markers", False)
    layout = found["layout"]
    assert layout["title"]["text"] == "t"
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]) == ("x", "y")
    assert (layout["yaxis"]["type"], layout["showlegend"]) == ("log", True)


def test_points_keep_their_colours_and_sizes() -> None:
    (trace,) = chart(lambda axes: axes.scatter([1, 2], [3, 4], s=[9, 100], c=[0, 1]))["data"]
    assert (trace["x"], trace["y"], trace["mode"]) == ([1, 2], [3, 4], "markers")
    assert len(set(trace["marker"]["color"])) == len(set(trace["marker"]["size"])) == 2


def test_bars_keep_signs_widths_and_what_they_stand_on() -> None:
    def draw(axes: Any) -> None:
        axes.bar([0, 1], [-1, 2], width=0.5, label="a")
        axes.bar([0, 1], [3, 4], bottom=[0, 2], label="b")
        axes.legend()

    found = chart(draw)
    first, second = found["data"]
    assert (first["x"], first["y"], first["base"], first["width"]) == ([0, 1], [-1, 2], [0, 0], [0.5, 0.5])
    assert (second["y"], second["base"], second["name"]) == ([3, 4], [0, 2], "b")
    assert found["layout"]["barmode"] == "overlay"
    (lying,) = chart(lambda axes: axes.barh(["u", "v"], [1, 2]))["data"]
    assert (lying["orientation"], lying["x"], lying["y"]) == ("h", [1, 2], [0, 1])
    (counts,) = chart(lambda axes: axes.hist([0, 0, 1, 5], bins=[0, 1, 2, 6]))["data"]
    assert (counts["x"], counts["y"], counts["width"]) == ([0.5, 1.5, 4], [2, 1, 1], [1, 1, 4])


def test_categories_stay_at_the_ticks_of_their_own_axes() -> None:
    def draw(axes: Any) -> None:
        axes[0].plot([1, 2], [3, 4])
        axes[1].bar(["u", "v"], [1, 2])

    layout = chart(draw, columns=2)["layout"]
    assert layout["xaxis2"]["ticktext"] == ["u", "v"]
    assert layout["xaxis2"]["tickvals"] == [0, 1]
    assert "ticktext" not in layout["xaxis"]


def test_dates_stay_dates() -> None:
    days = np.array(["2020-01-01", "2020-01-02"], "M8[D]")
    found = chart(lambda axes: axes.plot(days, [1, 2]))
    assert found["layout"]["xaxis"]["type"] == "date"
    assert found["data"][0]["x"][0].startswith("2020-01-01")
    assert chart(lambda axes: axes.bar(days, [1, 2])) is None


@pytest.mark.parametrize(
    "draw",
    [
        lambda axes: axes.imshow(np.zeros((2, 2))),
        lambda axes: axes.fill_between([1, 2], [1, 2]),
        lambda axes: axes.pie([1, 2]),
        lambda axes: axes.errorbar([1, 2], [1, 2], yerr=0.1),
        lambda axes: axes.contour(np.random.default_rng(0).random((4, 4))),
        lambda axes: axes.pcolormesh(np.zeros((2, 2))),
        lambda axes: axes.step([1, 2], [1, 2]),
        lambda axes: axes.text(0.5, 0.5, "hi"),
        lambda axes: axes.axhline(0.5),
        lambda axes: axes.boxplot([1, 2, 3]),
        lambda axes: (axes.plot([1, 2]), axes.twinx().plot([2, 1])),
        lambda axes: (axes.plot([1, 2]), axes.set_yscale("symlog")),
        lambda axes: (axes.plot([1, 2]), axes.set_title("$x^2$")),
        lambda axes: (axes.plot([1, 2]), axes.figure.suptitle("both")),
        lambda axes: (axes.plot([1, 2]), axes.set_xticks([0, 1], ["a", "b"])),
        lambda axes: (axes.scatter([1, 2], [1, 2], label="p"), axes.legend()),
        lambda axes: axes.set_axis_off(),
        lambda axes: axes.set_aspect("equal"),
    ],
)
def test_what_plotly_would_lose_is_drawn_as_an_image(draw: Callable[[Any], object]) -> None:
    assert chart(draw) is None


def test_axes_and_pyplot_are_their_figures() -> None:
    raises(ValueError, "empty|plt.show", lambda: matplotlib_record(plt))
    plt.plot([1, 2, 3, 4])
    for value in (
        plt,
        plt,
        plt.gca(),
        plt.gcf(),
        plt.gca().lines[0],
    ):  # twice: the figure is still the current one
        assert specification(matplotlib_record(value))["data"][0]["y"] == [1, 2, 3, 4]
    plt.figure()
    raises(ValueError, "empty", lambda: matplotlib_record(plt))
    lonely = plt.gcf().add_subplot().plot([1])[0]
    lonely.remove()
    raises(ValueError, "Line2D|in no figure", lambda: matplotlib_record(lonely))
    inner: Any = plt.figure().add_subfigure(matplotlib.gridspec.GridSpec(1, 2)[0]).subplots()
    inner.plot([1, 2])
    assert isinstance(matplotlib_record(inner), Image)


def test_without_plotly_a_figure_is_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    plt.plot([1, 2])
    assert isinstance(Plotly.make_plot_media(plt), Plotly)
    assert isinstance(Plotly(plt), Plotly)
    monkeypatch.setitem(sys.modules, "plotly.matplotlylib", None)
    assert isinstance(Plotly.make_plot_media(plt), Image)
    raises(ValueError, "cannot be turned|trackd.Image", lambda: Plotly(plt))
