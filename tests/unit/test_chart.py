"""`CustomChart`: what it refuses, what it encodes, and that nothing changes it afterwards."""

import json
from typing import Any

import pytest

from trackd import _record
from trackd._chart import CustomChart
from trackd._table import Table
from trackd.v1 import values_pb2


def table() -> Table:
    return Table(columns=["epoch", "loss [%]"], data=[[1, 0.5], [2, 0.25]])


def encoded(chart: CustomChart) -> tuple[values_pb2.Plot, bytes]:
    """Returns the chart's message as the daemon reads it, and the bytes beside it."""
    draft = _record.Draft()
    message = values_pb2.TypedRecord.FromString(_record.encode(chart, draft))
    assert message.WhichOneof("kind") == "plot"
    return message.plot, b"".join(draft.buffers)


def test_a_chart_of_a_preset_reads_back() -> None:
    fields = {"x": "epoch", "y": "loss [%]"}
    chart = CustomChart(table(), "trackd/line/v0", fields, {"title": "Loss ü", "none": None}, caption="late")
    plot, _ = encoded(chart)
    assert plot.language == values_pb2.PLOT_LANGUAGE_VEGA_LITE
    assert plot.preset_id == "trackd/line/v0"
    assert dict(plot.fields) == fields
    assert dict(plot.strings) == {"title": "Loss ü"}
    assert plot.caption == "late"
    assert [column.name for column in plot.data.columns] == ["epoch", "loss [%]"]
    assert plot.data.row_count == 2
    assert not plot.HasField("specification")


def test_a_chart_of_a_specification_reads_back_and_does_not_follow_the_dict() -> None:
    specification: dict[str, Any] = {"mark": "bar", "data": {"name": "table"}, "title": "a\udc80"}
    chart = CustomChart(table(), specification, {"x": "epoch"})
    specification["mark"] = "line"
    plot, data = encoded(chart)
    found = plot.specification.range
    assert json.loads(data[found.offset : found.offset + found.size_bytes])["mark"] == "bar"
    assert plot.specification.media_type == "application/json"
    assert not plot.preset_id
    assert plot.HasField("data")


def test_a_specification_may_hold_its_own_data() -> None:
    plot, _ = encoded(CustomChart(None, {"mark": "point", "data": {"values": [{"x": 1}]}}))
    assert not plot.HasField("data")


def test_a_chart_draws_the_rows_that_its_table_has_when_it_is_logged() -> None:
    rows = table()
    chart = CustomChart(rows, "my/preset", {"x": "epoch"})
    rows.add_data(3, 0.125)
    assert encoded(chart)[0].data.row_count == 3


def test_the_parts_of_a_chart_can_be_read() -> None:
    rows = table()
    chart = CustomChart(rows, "my/preset", {"x": "epoch"}, {"title": 3}, split_table=True)
    assert chart.table is rows
    assert chart.spec.spec_name == "my/preset"
    assert chart.spec.fields == {"x": "epoch"}
    assert chart.spec.string_fields == {"title": "3"}
    assert chart.spec.split_table


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[1, 2]], "trackd/line/v0"), TypeError, ["trackd/line/v0", "got a list", "trackd.Table"]),
        ((None, "trackd/line/v0"), TypeError, ["got a NoneType", "trackd.Table"]),
        (([1], {"mark": "bar"}), TypeError, ["with a specification", "got a list"]),
        ((None, ""), ValueError, ["preset", "0 characters", "1 to 128"]),
        ((None, "x" * 129), ValueError, ["129 characters", "1 to 128"]),
        ((None, "a\nb"), ValueError, ["printable"]),
        ((None, 3), TypeError, ["preset is 3", "specification as a dict"]),
        ((None, {}), TypeError, ["preset is {}"]),
        ((None, {"a": float("nan")}), TypeError, ["no JSON"]),
        ((None, {"a": object()}), TypeError, ["no JSON", "object"]),
        ((Table(columns=["a"], data=[]), "p", ["a"]), TypeError, ["fields is a list", "dict"]),
        ((Table(columns=["a"], data=[]), "p", {}, "t"), TypeError, ["string_fields is a str"]),
        (
            (Table(columns=["a", "b"], data=[]), "p", {"x": "loss"}),
            ValueError,
            ["field 'x'", "column 'loss'", "'a', 'b'"],
        ),
        ((None, {"mark": "bar"}, {"x": "a"}), ValueError, ["column 'a'", "none"]),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    arguments: tuple[Any, ...], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as caught:
        CustomChart(*arguments)
    assert [word for word in words if word not in str(caught.value)] == []
