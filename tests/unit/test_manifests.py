from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd_service import manifests
from trackd_service.catalog_tables import SegmentRow
from trackd_service.definitions import Definition, Definitions
from trackd_service.manifests import Manifest, ManifestInvalid, SentSegment, merge
from trackd_service.records import Begin, Finish, Update
from trackd_service.run_states import SEVERITY, Event, RunState
from trackd_service.runs import Run
from trackd_service.summary import BOOL, DOUBLE, INT64, Summary

KINDS = ("min", "max", "mean", "first", "last")
METRICS = ("loss", "accuracy", "note")
VALUES = (
    st.integers(-(2**53), 2**53)
    | st.floats(-1e6, 1e6)
    | st.sampled_from([math.nan, math.inf, -math.inf])
    | st.booleans()
    | st.sampled_from(["a", "b", ""])
)
# What each step's row holds, and which of four stores logged it.
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.dictionaries(st.sampled_from(METRICS), VALUES, min_size=1)), max_size=20
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
STATES = st.sampled_from(list(RunState))


def segment(name: str = "f" * 16 + "/" + "a" * 32, position: int = 0) -> SentSegment:
    return SentSegment(SegmentRow(name, position, 7, 30), 10, "1" * 64, 20, "2" * 64)


def manifest(
    store_id: int = 1, summary: Summary | None = None, segments: list[SentSegment] | None = None, **facts: Any
) -> Manifest:
    # Each store has a writer of its own: without, it would be a copy.
    writers = [{"writer_id": f"w{store_id}", "sequence": 1}]
    document = Run("vision", "r1", 1_000 + store_id).dump() | {"writers": writers} | facts
    return Manifest(
        f"{store_id:016x}",
        "host",
        "1.0",
        5,
        document,
        (summary or Summary()).dump(),
        [segment()] if segments is None else segments,
        {"3" * 64: 4},
        {"4" * 64: 5},
        {"f" * 16 + "/" + "b" * 32: 6},
    )


def add(summary: Summary, step: int, row: dict[str, Any]) -> None:
    for name, value in row.items():
        metric = summary.indices([name])
        if isinstance(value, str):
            summary.add_object(int(metric[0]), step, value)
            continue
        kind = BOOL if isinstance(value, bool) else DOUBLE if isinstance(value, float) else INT64
        word = np.array([value], np.float64 if kind == DOUBLE else np.int64).view(np.uint64)
        summary.add_rows(metric, np.array([kind], np.uint8), np.array([step]), word[:, None])


def read(summary: bytes) -> dict[str, Any]:
    definitions = Definitions()
    for name in METRICS:
        definitions.define(Definition(name, summary_kinds=KINDS), overwrite=False)
    return Summary.load(summary).read(definitions)


def summaries(rows: list[tuple[int, dict[str, Any]]]) -> tuple[Summary, list[Summary]]:
    """Returns the summary of all rows, whose steps are their places, and one for each store's own rows."""
    whole, parts = Summary(), [Summary() for _ in range(4)]
    for step, (store, row) in enumerate(rows):
        add(whole, step, row)
        add(parts[store], step, row)
    return whole, parts


def check_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert type(found[key]) is type(value), key
        if isinstance(value, float):
            # Means are sums in another order.
            assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-6, nan_ok=True), key
        else:
            assert found[key] == value, key


def test_a_manifest_comes_back_as_it_was_written() -> None:
    for name in ("vision", "プロ/ject \"'", "\x00", "ü" * 64):
        one = manifest(project=name, run_id=name[::-1], segments=[segment(), segment("f" * 16 + "/c", 1)])
        assert Manifest.load(one.dump()) == one
        assert (one.project, one.run_id) == (name, name[::-1])


def test_a_manifest_says_whose_it_is_before_anything_else_is_understood() -> None:
    document = json.loads(manifest().dump())
    assert (document["project"], document["run_id"]) == ("vision", "r1")
    assert document["segments"][0]["name"] == segment().row.name


def test_a_manifest_of_a_newer_trackd_is_refused_with_a_word() -> None:
    document = json.loads(manifest().dump()) | {"version": manifests.FORMAT_VERSION + 1}
    with pytest.raises(ManifestInvalid, match="update trackd"):
        Manifest.load(json.dumps(document).encode())


def test_names_of_manifests_are_told_from_other_names() -> None:
    name = manifests.manifest_name("vision", "r1", "00000000000000ab")
    assert manifests.parse_name(name) == (manifests.run_folder("vision", "r1"), "00000000000000ab")
    for other in ("runs/x.json", name + "x", "x" + name, name.upper(), name.replace("/", "//")):
        assert manifests.parse_name(other) is None


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_garbage_is_no_manifest(data: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        Manifest.load(data)


@given(st.data())
def test_a_manifest_with_one_value_replaced_is_refused_or_can_be_used(data: st.DataObject) -> None:
    document = json.loads(manifest().dump())
    holder = data.draw(st.sampled_from([document, document["segments"][0], document["document"]]))
    name = data.draw(st.sampled_from(sorted(holder)))
    holder[name] = data.draw(JSON)
    try:
        one = Manifest.load(json.dumps(document).encode())
    except ManifestInvalid:
        return
    assert one.project
    assert one.run_id
    assert Manifest.load(one.dump()) == one


@given(ROWS, st.permutations(range(4)))
def test_the_summary_of_several_stores_is_that_of_all_rows(
    rows: list[tuple[int, dict[str, Any]]], order: list[int]
) -> None:
    whole, parts = summaries(rows)
    merged = merge(manifest(store_id, parts[store_id]) for store_id in order)
    check_equal(read(merged.summary), read(whole.dump()))
    assert merged.document["metric_count"] == whole.metric_count


@given(ROWS)
def test_nan_is_counted_over_all_stores(rows: list[tuple[int, dict[str, Any]]]) -> None:
    whole, parts = summaries(rows)
    for summary in (whole, *parts):  # One more step, so that every value of the rows is counted.
        add(summary, len(rows), dict.fromkeys(METRICS, 0))
    merged = Summary.load(merge(manifest(number, part) for number, part in enumerate(parts)).summary)
    for name in METRICS:
        one, other = int(merged.indices([name])[0]), int(whole.indices([name])[0])
        assert merged._columns["nan_count"][one] == whole._columns["nan_count"][other]
        # The step that was added counts once for each store, but for the newest.
        assert merged._columns["total_count"][one] == whole._columns["total_count"][other] + len(parts) - 1


@given(ROWS)
def test_absorbing_leaves_the_other_summary_as_it_was(rows: list[tuple[int, dict[str, Any]]]) -> None:
    _, parts = summaries(rows)
    before = parts[1].dump()
    parts[0].absorb(parts[1])
    assert parts[1].dump() == before


@given(
    st.lists(st.tuples(STATES, st.integers(0, 3)), min_size=1, max_size=4),
    st.permutations(range(4)),
    ROWS,
)
def test_the_order_of_manifests_says_nothing(
    states: list[tuple[RunState, int]], order: list[int], rows: list[tuple[int, dict[str, Any]]]
) -> None:
    _, parts = summaries(rows)
    all_parts = [
        manifest(
            number,
            parts[number],
            [segment(f"{'f' * 16}/{number}{place}", place) for place in range(2)],
            state=state.value,
            create_time=create_time,
            tags=[state.value],
            config={"x": number},
            finish_time=number,
        )
        for number, (state, create_time) in enumerate(states)
    ]
    expected = merge(all_parts)
    found = merge(all_parts[number] for number in order if number < len(all_parts))
    # The bytes of a summary are compared by what is read: NaN is not equal to itself.
    check_equal(read(found.summary), read(expected.summary))
    assert replace(found, summary=b"") == replace(expected, summary=b"")


@given(st.lists(STATES, min_size=1, max_size=4))
def test_a_run_runs_while_it_runs_anywhere_and_ends_as_its_worst_part(states: list[RunState]) -> None:
    merged = merge(manifest(number, state=state.value) for number, state in enumerate(states))
    expected = (
        RunState.RUNNING if RunState.RUNNING in states else max(states, key=lambda each: SEVERITY[each])
    )
    assert merged.document["state"] == expected.value


def test_the_end_of_a_run_is_told_by_the_part_that_ended_worst_and_its_time_by_the_last() -> None:
    merged = merge(
        [
            manifest(1, state="finished", exit_code=0, finish_time=20, finish_time_unix_ms=2.0),
            manifest(
                2, state="failed", exit_code=3, finish_time=10, finish_time_unix_ms=1.0, traceback="boom"
            ),
        ]
    )
    names = ("state", "exit_code", "traceback", "finish_time", "finish_time_unix_ms")
    assert [merged.document[name] for name in names] == ["failed", 3, "boom", 20, 2.0]


def test_a_run_that_runs_anywhere_has_no_end() -> None:
    merged = merge(
        [
            manifest(1, state="failed", exit_code=3, finish_time=20, finish_time_unix_ms=2.0),
            manifest(2, state="running"),
        ]
    )
    names = ("state", "exit_code", "finish_time", "finish_time_unix_ms")
    assert [merged.document[name] for name in names] == ["running", None, None, None]


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=4))
def test_positions_of_merged_segments_are_each_taken_once(positions: list[list[int]]) -> None:
    parts = [
        manifest(
            store,
            segments=[
                segment(f"{'f' * 16}/{store}{place}", position)
                for place, position in enumerate(sorted(set(own)))
            ],
        )
        for store, own in enumerate(positions)
    ]
    if len(parts) == 1:
        parts.append(manifest(9, segments=[]))
    merged = merge(parts).segments
    assert [one.row.position for one in merged] == list(range(sum(len(set(own)) for own in positions)))
    for part in parts:  # Later segments of a store stay later: theirs are the points that hold.
        names = [one.row.name for one in part.segments]
        assert [one.row.name for one in merged if one.row.name in names] == names


def test_a_run_of_one_store_is_as_that_store_has_it() -> None:
    one = manifest()
    merged = merge([one])
    assert (merged.document, merged.summary, merged.segments) == (one.document, one.summary, [segment()])
    assert merged.objects == one.objects


def test_what_a_run_has_one_of_is_that_of_the_store_where_it_began() -> None:
    merged = merge(
        [
            manifest(2, create_time=2, name="second", notes="kept", config={"a": 2, "b": 2}, tags=["x", "y"]),
            manifest(1, create_time=1, name="first", notes="", config={"a": 1}, tags=["z", "x"]),
        ]
    )
    document = merged.document
    assert (document["name"], document["notes"], document["create_time"]) == ("first", "kept", 1)
    assert document["config"] == {"a": 1, "b": 2}
    assert document["tags"] == ["z", "x", "y"]


def test_a_copy_that_another_store_has_pulled_counts_once() -> None:
    rows = [(0, {"loss": 1}), (0, {"loss": 2}), (0, {"loss": 3})]
    _, (summary, *_) = summaries(rows)
    origin = manifest(1, summary, [segment(f"{'f' * 16}/a"), segment(f"{'f' * 16}/b", 1)], update_time=7)
    # It has merged what it pulled, before the origin logged more.
    pulled = manifest(
        2, summary, [segment(f"{'f' * 16}/ab")], writers=origin.document["writers"], update_time=6
    )
    own = manifest(3, segments=[segment(f"{'f' * 16}/c", 2)])
    merged = merge([pulled, own, origin])
    assert [one.row.name[-1:] for one in merged.segments] == ["a", "b", "c"]
    assert read(merged.summary)["loss.mean"] == 2


def test_values_set_by_hand_are_kept_from_all_stores() -> None:
    first, second = Summary(), Summary()
    first.by_hand.update({"a": 1})
    second.by_hand.update({"a": 2, "b": 2})
    merged = merge([manifest(1, first), manifest(2, second)])
    assert Summary.load(merged.summary).by_hand == {"a": 1, "b": 2}


def at_work(
    store_id: int, host: str, *ranks: int, write_time_ms: int, ended: tuple[int, ...] = ()
) -> Manifest:
    """Returns what a host's store says of a run that its ranks write, some of which have ended."""
    start = 1_000_000_000
    run = Run("vision", "r1", start)
    for number in ranks:
        begin = Begin(
            "vision",
            "r1",
            f"w{number}",
            "shared",
            Update(),
            {"host": host},
            False,
            f"rank {number}",
            "",
            None,
        )
        run.open_writer(begin, start)
    for number in ended:
        run.close_writer(run.writers[f"w{number}"], Event.FAILED, Finish(1, "", 0), start)
    run.system_metrics = {host: {"system.cpu.utilization": store_id / 10}}
    document, summary = run.dump(), run.summary.dump()
    return Manifest(f"{store_id:016x}", host, "1.0", write_time_ms, document, summary, [])


def ranks_of(*parts: Manifest) -> tuple[Run, dict[str, Any]]:
    merged = merge(parts)
    run = Run.load(merged.document, merged.summary)
    found: dict[str, Any] = run.describe(whole=True)["ranks"]
    return run, found


def test_a_host_of_which_nothing_is_heard_while_others_go_on_is_silent() -> None:
    heard = at_work(1, "node-0", 0, 1, write_time_ms=1_000_000)
    for lag_ms, is_silent in ((0, False), (120_000, False), (121_000, True)):
        for parts in (
            (heard, at_work(2, "node-1", 2, 3, write_time_ms=1_000_000 - lag_ms)),
            (at_work(2, "node-1", 2, 3, write_time_ms=1_000_000 - lag_ms), heard),
        ):
            run, found = ranks_of(*parts)
            assert (found["silent_count"], found["running_count"]) == ((2, 2) if is_silent else (0, 4))
            assert (run.state, run.is_stalled) == (RunState.RUNNING, False)
            if is_silent:
                [note] = found["notes"]
                assert note["text"] == "all 2 ranks at work on node-1 are silent"
                assert note["since_unix_ms"] == 1_000_000 - lag_ms


def test_a_run_whose_only_hosts_at_work_are_lost_is_stalled() -> None:
    ended = at_work(1, "node-0", 0, 1, write_time_ms=1_000_000, ended=(0, 1))
    run, found = ranks_of(ended, at_work(2, "node-1", 2, 3, write_time_ms=500_000))
    assert (run.state, run.is_stalled) == (RunState.RUNNING, True)
    assert (found["silent_count"], found["failed_count"]) == (2, 2)


def test_hosts_of_one_run_hide_nothing_of_each_other() -> None:
    parts = [at_work(number, f"node-{number}", number, write_time_ms=1_000_000) for number in range(8)]
    run, found = ranks_of(*parts)
    assert run.system_metrics == {
        f"node-{number}": {"system.cpu.utilization": number / 10} for number in range(8)
    }
    assert found["sentence"] == "8 ranks on 8 hosts: all run"


def test_one_host_has_failed_and_the_other_runs_on() -> None:
    run, found = ranks_of(
        at_work(1, "node-0", 0, 1, write_time_ms=1_000_000, ended=(0, 1)),
        at_work(2, "node-1", 2, 3, write_time_ms=1_000_000),
    )
    assert run.state is RunState.RUNNING
    assert found["sentence"] == "4 ranks on 2 hosts: 2 run, 2 have failed"


def test_a_writer_that_two_stores_tell_of_is_as_the_one_says_that_is_further() -> None:
    older, newer = at_work(1, "node-0", 0, write_time_ms=1_000), at_work(2, "node-0", 0, write_time_ms=2_000)
    for part, sequence in ((older, 5), (newer, 9)):
        part.document["writers"][0] |= {"sequence": sequence, "row_count": sequence}
        own = part.document["writers"][0] | {"writer_id": f"own-{sequence}", "label": f"rank {sequence}"}
        part.document["writers"].append(own)
    for parts in ((older, newer), (newer, older)):
        run, _ = ranks_of(*parts)
        assert run.writers["w0"].row_count == 9


def test_what_another_store_said_a_while_ago_is_held_against_where_the_leader_was_then() -> None:
    second = 1_000_000_000
    documents = []
    for store_id, last in ((1, 100), (2, 70)):
        part = at_work(store_id, f"node-{store_id}", store_id, write_time_ms=(1 + last) * 1000)
        run = Run.load(part.document, part.summary)
        writer = run.writers[f"w{store_id}"]
        for step in range(last + 1):
            rows = np.array([step]), np.array([(1 + step) * second])
            writer.progress.note(*rows, has_given_steps=True)
        writer.row_count, writer.metrics = last + 1, {"loss": None}
        documents.append(replace(part, document=run.dump()))
    run, found = ranks_of(*documents)
    lags = {each["label"]: each["steps_behind"] for each in run.describe(whole=True)["writers"]}
    assert lags == {
        "rank 1": 0,
        "rank 2": 0,
    }  # its store was heard of 30 s ago: at step 70, as was the other then
    assert found["notes"] == []
