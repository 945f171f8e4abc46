"""The hand-written encoders against the generated classes: what one writes the other reads as the same."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd import _wire
from trackd.v1 import records_pb2, values_pb2
from trackd_service import records

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.floats(allow_nan=False) | INT64 | st.booleans() | TEXTS)
def test_a_value_reads_back_with_its_type(value: Any) -> None:
    found = records.value(values_pb2.Value.FromString(_wire.value(value)))
    assert found == value
    assert type(found) is type(value)


def test_nan_and_json_and_lone_surrogates_are_values() -> None:
    assert math.isnan(values_pb2.Value.FromString(_wire.value(math.nan)).double_value)
    assert values_pb2.Value.FromString(_wire.value(_wire.dump_json([1, "ü"]))).json_value == '[1,"ü"]'
    assert values_pb2.Value.FromString(_wire.value("a\udc80")).string_value == "a\\udc80"


@given(
    INT64, st.lists(st.tuples(TEXTS, INT64)), st.none() | st.integers(0, 2**63 - 1), st.none() | st.booleans()
)
def test_a_row_reads_back(
    time: int, items: list[tuple[str, int]], step: int | None, commit: bool | None
) -> None:
    body = _wire.row(items, step, commit)
    message = records_pb2.Record.FromString(_wire.record(time, _wire.ROW, body))
    assert message.time_unix_nanos == time
    assert [(entry.key, entry.value.int_value) for entry in message.row.values] == items
    assert (message.row.step if message.row.HasField("step") else None) == step
    assert (message.row.commit if message.row.HasField("commit") else None) == commit


@given(st.integers(1, 65_535), st.lists(st.tuples(TEXTS, st.sampled_from("dq?")), min_size=1))
def test_a_key_set_reads_back(key_set_id: int, columns: list[tuple[str, str]]) -> None:
    keys, types = [key for key, _ in columns], "".join(kind for _, kind in columns)
    message = records_pb2.KeySet.FromString(_wire.key_set(key_set_id, keys, types))
    assert message.key_set_id == key_set_id
    assert list(message.keys) == keys
    assert list(message.types) == [{"d": 1, "q": 2, "?": 3}[kind] for kind in types]


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("optional", [None, True, False])
def test_a_definition_reads_back(optional: bool | None, overwrite: bool) -> None:
    goal = "maximize" if overwrite else None
    body = _wire.metric_definition("a/*", "epoch", optional, optional, ["min", "best"], goal, overwrite)
    defined = records.from_message(
        records_pb2.Record(metric_definition=records_pb2.MetricDefinition.FromString(body))
    )
    assert isinstance(defined, records.Define)
    definition = defined.definition
    assert (definition.name, definition.step_metric, definition.summary_kinds) == (
        "a/*",
        "epoch",
        ("min", "best"),
    )
    assert (definition.step_sync, definition.hidden, definition.goal) == (optional, optional, goal)
    assert defined.overwrite == overwrite


def test_a_definition_of_nothing_leaves_everything() -> None:
    body = _wire.metric_definition("a", None, None, None, [], None, False)
    message = records_pb2.MetricDefinition.FromString(body)
    assert message == records_pb2.MetricDefinition(name="a")


def test_changes_and_updates_read_back() -> None:
    changes = records_pb2.ConfigUpdate.FromString(_wire.changes([("a", 1), ("b", "x")], ["c"]))
    assert [entry.key for entry in changes.set] == ["a", "b"]
    assert list(changes.removed_keys) == ["c"]
    assert records_pb2.RunUpdate.FromString(_wire.run_update()) == records_pb2.RunUpdate()
    update = records_pb2.RunUpdate.FromString(_wire.run_update("n", "", ("t", "u"), "g", None, True, False))
    assert (update.name, update.HasField("notes"), update.notes, update.group) == ("n", True, "", "g")
    assert list(update.tags.tags) == ["t", "u"]
    assert not update.HasField("job_type")
    assert (update.preempting, update.HasField("archived"), update.archived) == (True, True, False)
    empty = records_pb2.RunUpdate.FromString(_wire.run_update(tags=()))
    assert empty.HasField("tags")


@pytest.mark.parametrize("code", [0, 1, 255, -1, 2**31 - 1, -(2**31)])
def test_an_end_and_an_alert_read_back(code: int) -> None:
    finish = records_pb2.WriterFinish.FromString(_wire.writer_finish(code, "why\n", 15))
    assert (finish.exit_code, finish.traceback, finish.signal) == (code, "why\n", 15)
    alert = records_pb2.Alert.FromString(_wire.alert("title", "text", "WARN", 1.5))
    assert (alert.title, alert.text, alert.level, alert.wait_seconds) == ("title", "text", 2, 1.5)


@pytest.mark.parametrize("starting_step", [None, 0, 7])
def test_the_beginning_of_a_writer_reads_back(starting_step: int | None) -> None:
    process = {"pid": 5, "host": "h", "program": "p", "arguments": ["a", "", "ü", 3], "boot_id": "b"}
    settings = _wire.run_settings("drop", 0.5, None, ("git", "program"), ("nan(loss)",))
    start = _wire.run_update("n", tags=("t",))
    body = _wire.writer_begin(
        "p",
        "r",
        "ab12",
        "helper",
        start,
        process,
        settings,
        "rank 1",
        "python 1",
        starting_step,
        ("q", "s", 0),
    )
    begin = records.begin(records_pb2.WriterBegin.FromString(body))
    assert begin == records.Begin(
        "p",
        "r",
        "ab12",
        "helper",
        records.Update(name="n", tags=["t"]),
        {"pid": 5, "host": "h", "program": "p", "arguments": ["a", "", "ü", "3"], "boot_id": "b"},
        True,
        "rank 1",
        "python 1",
        starting_step,
        records.Origin("q", "s", 0),
        records.Watching(0.5, None, frozenset({"git", "program"}), ("nan(loss)",)),
    )


def test_lines_and_facts_read_back() -> None:
    lines = records_pb2.ConsoleLines.FromString(_wire.console_lines("stderr", 0, ["", "\x1b[31mü"]))
    assert (lines.stream, lines.first_line, list(lines.lines)) == (2, 0, ["", "\x1b[31mü"])
    body = _wire.environment([("a.b", 1), ("c", "x")], "/f", "/p.py", "/python", ["/s"])
    found = records_pb2.Environment.FromString(body)
    assert [(fact.key, fact.value.WhichOneof("kind")) for fact in found.facts] == [
        ("a.b", "int_value"),
        ("c", "string_value"),
    ]
    assert (found.folder, found.program_path, found.interpreter) == ("/f", "/p.py", "/python")
    assert list(found.search_paths) == ["/s"]
