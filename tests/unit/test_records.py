import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd.v1 import records_pb2, values_pb2
from trackd_service import records
from trackd_service.encodings import Data, Task
from trackd_service.errors import InvalidArgument
from trackd_service.frames import FLAG_COMMIT, FLAG_HOLD, FLAG_STEP

Record = records_pb2.Record


@given(st.binary(max_size=100))
def test_bytes_are_a_record_or_an_invalid_argument(data: bytes) -> None:
    with contextlib.suppress(InvalidArgument):
        records.decode(data)


def test_a_row_is_numbers_and_texts() -> None:
    values = {
        "d": values_pb2.Value(double_value=0.5),
        "i": values_pb2.Value(int_value=2**63 - 1),
        "b": values_pb2.Value(bool_value=True),
        "t": values_pb2.Value(string_value="x"),
        "j": values_pb2.Value(json_value="[1]"),
    }
    entries = [values_pb2.Entry(key=key, value=value) for key, value in values.items()]
    row = records.from_message(
        Record(time_unix_nanos=9, row=records_pb2.Row(step=4, commit=False, values=entries))
    )
    assert isinstance(row, records.Numbers)
    assert (row.keys, list(row.types), row.flags.tolist()) == (
        ("d", "i", "b"),
        [1, 2, 3],
        [FLAG_STEP | FLAG_HOLD],
    )
    assert (row.steps.tolist(), row.times.tolist()) == ([4], [9])
    assert row.words[:, :1].view(np.float64).tolist() == [[0.5]]
    assert row.words[:, 1:].view(np.int64).tolist() == [[2**63 - 1, 1]]
    assert row.texts == [(0, "t", "x"), (0, "j", "[1]")]
    assert [isinstance(text, records.Json) for _, _, text in row.texts] == [False, True]


def test_a_key_given_twice_keeps_the_last() -> None:
    entries = [values_pb2.Entry(key="a", value=values_pb2.Value(int_value=i)) for i in (1, 2)]
    row = records.from_message(Record(row=records_pb2.Row(values=entries)))
    assert isinstance(row, records.Numbers)
    assert (row.keys, row.words.tolist()) == (("a",), [[2]])


@pytest.mark.parametrize(
    ("commit", "steps", "flag"),
    [(None, [], 0), (True, [], FLAG_COMMIT), (False, [], FLAG_HOLD), (None, [3, 3], FLAG_STEP)],
)
def test_columns_share_their_flags(commit: bool | None, steps: list[int], flag: int) -> None:
    column = records_pb2.Column(key="a", doubles=np.zeros(2).tobytes())
    message = records_pb2.RowColumns(steps=steps, columns=[column])
    if commit is not None:
        message.commit = commit
    rows = records.from_message(Record(time_unix_nanos=5, row_columns=message))
    assert isinstance(rows, records.Numbers)
    assert rows.flags.tolist() == [flag, flag]
    assert rows.times.tolist() == [5, 5]


@pytest.mark.parametrize("content", [0.5, 1, True, "x", None, [1, "a"], {"a": {"b": None}}, 2**63 - 1])
def test_a_plain_value_goes_there_and_back(content: object) -> None:
    found = records.plain_value(records.to_value(content))
    assert found == content
    assert type(found) is type(content)


def test_an_integer_beyond_64_bits_is_sent_as_a_float() -> None:
    assert records.plain_value(records.to_value(2**70)) == float(2**70)


def test_a_deeply_nested_json_is_refused_and_breaks_nothing() -> None:
    with pytest.raises(InvalidArgument, match="nested too deep"):
        records.value(values_pb2.Value(json_value="[" * 100_000))


def page(data: values_pb2.Payload) -> values_pb2.TypedRecord:
    return values_pb2.TypedRecord(html=values_pb2.Html(encoded=data))


def test_a_typed_record_is_a_task_that_knows_where_its_bytes_are() -> None:
    record = page(values_pb2.Payload(range=values_pb2.ByteRange(offset=8, size_bytes=3)))
    row = records_pb2.Row(values=[values_pb2.Entry(key="k", value=values_pb2.Value(record_value=record))])
    inline = records.from_message(Record(row=row, data_inline=b"12345678abc"))
    assert isinstance(inline, records.Numbers)
    assert inline.texts == [(0, "k", Task("html", record.SerializeToString(), Data(b"12345678abc")))]
    place = records_pb2.DataRange(offset=64, size_bytes=11, check_sum=5)
    in_file = records.from_message(Record(row=row, data_range=place), "/store/log/w.data")
    assert isinstance(in_file, records.Numbers)
    (_, _, task), *_ = in_file.texts
    assert isinstance(task, Task)
    assert task.data == Data(path="/store/log/w.data", offset=64, size_bytes=11, check_sum=5)
    with pytest.raises(InvalidArgument, match="names a data file"):
        records.from_message(Record(row=row, data_range=place))


def test_a_list_of_records_has_one_kind() -> None:
    html = page(values_pb2.Payload(inline=b"x"))
    many = values_pb2.TypedRecord(list=values_pb2.RecordList(records=[html, html]))
    task = records.value(values_pb2.Value(record_value=many))
    assert isinstance(task, Task)
    assert task.kind == "html"
    other = values_pb2.TypedRecord(markdown=values_pb2.Markdown(text="x"))
    for mixed in ([html, other], [], [many]):
        message = values_pb2.TypedRecord(list=values_pb2.RecordList(records=mixed))
        with pytest.raises(InvalidArgument, match="records of one kind"):
            records.value(values_pb2.Value(record_value=message))
    with pytest.raises(InvalidArgument, match="has no kind"):
        records.value(values_pb2.Value(record_value=values_pb2.TypedRecord()))


def test_a_typed_record_may_stand_in_the_summary_and_not_in_the_config() -> None:
    entry = values_pb2.Entry(
        key="k", value=values_pb2.Value(record_value=page(values_pb2.Payload(inline=b"x")))
    )
    change = records.changes("summary", records_pb2.SummaryUpdate(set=[entry]))
    assert isinstance(change.values["k"], Task)
    with pytest.raises(InvalidArgument, match="cannot stand in the config"):
        records.changes("config", records_pb2.ConfigUpdate(set=[entry]))


def test_what_is_recorded_beside_the_rows_reads_back() -> None:
    lines = Record(
        console_lines=records_pb2.ConsoleLines(stream="CONSOLE_STREAM_STDERR", first_line=7, lines=["a", "b"])
    )
    assert records.from_message(lines) == records.Lines("stderr", 7, ["a", "b"])
    assert records.decode(records.sample_record(5, "host", {"a": 1.5})) == records.Sample("host", {"a": 1.5})
    facts = {"git.commit": "abc", "git.is_dirty": True, "count": 3}
    assert records.decode(records.environment_record(5, facts)) == records.Surroundings(facts)
    assert records.decode(records.file_record(5, "a/b", b"x", "code")) == records.File(
        "a/b", b"x", "", "code"
    )
    assert records.decode(records.alert_record(5, "t", "w", "ERROR")) == records.Alert("t", "w", "ERROR")


@pytest.mark.parametrize("key", ["_system/host/cpu", "_console/w/stdout"])
def test_names_of_the_daemon_s_own_are_refused_in_rows(key: str) -> None:
    with pytest.raises(InvalidArgument, match="are trackd's own"):
        records.check_key(key)
    assert records.check_key("system/cpu") == "system/cpu"


def test_the_defaults_of_a_beginning() -> None:
    message = records_pb2.WriterBegin(run=records_pb2.RunIdentity(project="p", run_id="r"), writer_id="w1")
    begin = records.begin(message)
    assert (begin.role, begin.drops_late_steps, begin.starting_step) == ("primary", False, None)
    assert begin.start == records.Update()
