from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd_service import config, ranks
from trackd_service.frames import FLAG_STEP
from trackd_service.progress import Progress
from trackd_service.records import Begin, Finish, Lines, Numbers, Update, Watching
from trackd_service.run_states import RunState, end_of
from trackd_service.runs import Run
from trackd_service.summary import INT64
from trackd_service.writers import Writer

SECOND = 1_000_000_000
START = 1_000 * SECOND


def begin(
    number: int, *, host: str = "", role: str = "shared", label: str | None = None, **fields: Any
) -> Begin:
    return Begin(
        "p",
        "r",
        f"w{number}",
        role,
        Update(),
        {"pid": 100 + number, "host": host or f"node-{number // 2}", "program": "p", "arguments": []},
        False,
        f"rank {number}" if label is None else label,
        "",
        None,
        **fields,
    )


def log(run: Run, writer: Writer, time: int, step: int | None = None, key: str = "loss") -> None:
    flags, steps = np.array([0 if step is None else FLAG_STEP]), np.array([step or 0])
    words = np.array([[1]], np.int64).view(np.uint64)
    run.apply(writer, Numbers((key,), bytes([INT64]), flags, steps, np.array([time]), words), time)


def opened(count: int, **fields: Any) -> tuple[Run, list[Writer]]:
    run = Run("p", "r", START)
    return run, [run.open_writer(begin(number, **fields), START) for number in range(count)]


def train(
    run: Run, writers: list[Writer], first: int, end: int, *, every: dict[int, int] | None = None
) -> None:
    """Logs a step a second in each writer; of some only each so many steps."""
    for step in range(first, end):
        for number, writer in enumerate(writers):
            if step % (every or {}).get(number, 1) == 0:
                log(run, writer, START + (step + 1) * SECOND, step)


def end(run: Run, writer: Writer, time: int, code: int = 0, signal: int = 0) -> None:
    run.close_writer(writer, end_of(code, signal), Finish(code, "", signal), time)


def standing(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.describe(whole=True)["ranks"]
    return found


def lags(run: Run) -> dict[str, int | None]:
    return {each["label"]: each["steps_behind"] for each in run.describe(whole=True)["writers"]}


def note_texts(run: Run) -> list[str]:
    return [note["text"] for note in standing(run)["notes"]]


def test_a_run_of_one_process_has_no_ranks_however_often_it_was_begun_again() -> None:
    run = Run("p", "r", START)
    for attempt in range(3):
        writer = run.open_writer(begin(attempt, role="primary", label=""), START + attempt * 10 * SECOND)
        log(run, writer, START + (attempt * 10 + 1) * SECOND)
        end(run, writer, START + (attempt * 10 + 2) * SECOND, code=1)
    helper = run.open_writer(begin(9, role="helper", label=""), START + 40 * SECOND)
    assert helper.role == "helper"
    assert run.describe(whole=True)["ranks"] is None


def test_ranks_that_all_run_are_told_in_one_sentence_and_leave_nothing_to_note() -> None:
    run, writers = opened(8)
    train(run, writers, 0, 100)
    assert standing(run) == {
        "rank_count": 8,
        "expected_count": None,
        "host_count": 4,
        "running_count": 8,
        "silent_count": 0,
        "finished_count": 0,
        "failed_count": 0,
        "sentence": "8 ranks on 4 hosts: all run",
        "notes": [],
    }
    for writer in writers:
        end(run, writer, START + 200 * SECOND)
    assert standing(run)["sentence"] == "8 ranks on 4 hosts: all have finished"


def test_ranks_come_in_the_order_of_their_numbers() -> None:
    run = Run("p", "r", START)
    for number in (10, 2, 0, 33, 1):
        run.open_writer(begin(number), START)
    assert [writer.label for writer in ranks.current(run.writers.values())] == [
        f"rank {number}" for number in (0, 1, 2, 10, 33)
    ]


def test_the_slowest_rank_is_the_one_furthest_behind_those_that_log_the_same() -> None:
    run, writers = opened(4)
    train(run, writers, 0, 1000)
    train(run, [*writers[:2], writers[3]], 1000, 1085)
    train(run, [writers[3]], 1085, 1086)
    assert lags(run) == {"rank 0": 1, "rank 1": 1, "rank 2": 86, "rank 3": 0}
    assert note_texts(run) == ["rank 2 on node-1 is the slowest: step 999, 86 behind the leader"]
    [found] = [each for each in run.describe(whole=True)["writers"] if each["label"] == "rank 2"]
    assert found["seconds_behind"] == pytest.approx(86)


def test_ranks_that_log_nothing_are_neither_slow_nor_silent_while_rank_0_goes_on_for_hours() -> None:
    run, writers = opened(64)
    for number in (3, 4):
        run.apply(writers[number], Lines("stdout", 0, ["hello"]), START + SECOND)
    train(run, writers[:1], 0, 10_000)
    assert not run.check_ranks(START + 10_001 * SECOND)
    assert set(lags(run).values()) == {None}
    assert standing(run)["sentence"] == "64 ranks on 32 hosts: all run"
    assert (note_texts(run), run.alerts) == ([], [])


def test_a_rank_that_logs_every_hundredth_step_is_not_slow_by_that() -> None:
    run, writers = opened(4)
    train(run, writers, 0, 1099, every={3: 100})
    assert lags(run)["rank 3"] == 98
    assert note_texts(run) == []
    assert not run.check_ranks(START + 1100 * SECOND)


def test_a_rank_that_counts_its_own_rare_rows_is_not_held_against_those_that_log_each_step() -> None:
    run, writers = opened(3)
    for second in range(1000):
        for writer in writers[:2] if second % 50 else writers:
            log(run, writer, START + second * SECOND)
    assert lags(run) == {"rank 0": 0, "rank 1": 0, "rank 2": None}
    assert note_texts(run) == []


def test_ranks_that_log_other_metrics_are_not_compared() -> None:
    run, writers = opened(3)
    for step in range(1000):
        for writer in writers[:2]:
            log(run, writer, START + step * SECOND, step)
        if step < 10:
            log(run, writers[2], START + step * SECOND, step, key="temperature")
    assert lags(run)["rank 2"] is None


def test_a_rank_that_falls_silent_while_others_go_on_is_told_once_and_no_longer_once_it_speaks() -> None:
    run, writers = opened(64)
    train(run, writers, 0, 50)
    others = [writer for writer in writers if writer.label != "rank 13"]
    train(run, others, 50, 50 + 119)
    assert not run.check_ranks(START + (50 + 119) * SECOND)
    train(run, others, 169, 180)
    now = START + 181 * SECOND
    assert run.check_ranks(now)
    assert [alert["title"] for alert in run.alerts] == ["rank 13 is silent"]
    assert run.alerts[0]["text"].startswith(
        "rank 13 on node-6 has said nothing for 131 s, while others go on"
    )
    assert standing(run)["sentence"] == "64 ranks on 32 hosts: 63 run, 1 is silent"
    [note] = standing(run)["notes"]
    assert note["text"] == "rank 13 on node-6 is silent"
    assert (note["kind"], note["writer_ids"]) == ("silent", ["w13"])
    assert note["since_unix_ms"] == (START + 50 * SECOND) / 1e6
    assert not run.check_ranks(now + 60 * SECOND)
    assert len(run.alerts) == 1
    log(run, writers[13], now + 61 * SECOND, 50)
    assert standing(run)["silent_count"] == 0


def test_a_rank_that_prints_is_not_silent() -> None:
    run, writers = opened(2)
    train(run, writers, 0, 10)
    train(run, writers[:1], 10, 300)
    run.apply(writers[1], Lines("stdout", 0, ["still waiting"]), START + 290 * SECOND)
    assert not run.check_ranks(START + 301 * SECOND)


def test_nobody_is_silent_while_most_wait_for_one_rank() -> None:
    run, writers = opened(8)
    train(run, writers, 0, 10)
    train(run, writers[:1], 10, 700)  # it evaluates, the others wait
    assert not run.check_ranks(START + 701 * SECOND)
    assert standing(run)["silent_count"] == 0


def test_nobody_is_silent_where_all_are() -> None:
    run, writers = opened(8)
    train(run, writers, 0, 10)
    assert not run.check_ranks(START + 5_000 * SECOND)


def test_a_rank_is_silent_by_its_own_habit() -> None:
    run, writers = opened(3)
    for minute in range(0, 60, 5):
        for writer in writers if minute % 10 == 0 else writers[:2]:
            log(run, writer, START + minute * 60 * SECOND, minute)
    now = START + 55 * 60 * SECOND
    for minute in range(60, 76, 5):
        now = START + minute * 60 * SECOND
        for writer in writers[:2]:
            log(run, writer, now, minute)
        assert not run.check_ranks(now)  # it pauses for ten minutes as a rule
    for minute in range(80, 90, 5):
        now = START + minute * 60 * SECOND
        for writer in writers[:2]:
            log(run, writer, now, minute)
    assert run.check_ranks(now)


def test_a_person_can_ask_to_hear_of_silence_sooner_or_never() -> None:
    for seconds, is_told in ((30.0, True), (0.0, False), (None, False), (3600.0, False)):
        run, writers = opened(2, watching=Watching(stalled_after_seconds=seconds))
        train(run, writers, 0, 10)
        train(run, writers[:1], 10, 60)
        assert run.check_ranks(START + 60 * SECOND) is is_told
    assert config.SILENT_AFTER_SECONDS > 60


def test_several_that_fall_silent_at_once_are_one_alert() -> None:
    run, writers = opened(16)
    train(run, writers, 0, 10)
    train(run, writers[:10], 10, 200)
    assert run.check_ranks(START + 201 * SECOND)
    assert [alert["title"] for alert in run.alerts] == ["6 ranks are silent"]
    assert note_texts(run)[0] == "rank 10 on node-5, rank 11 on node-5 and 4 more are silent"


def test_a_host_whose_ranks_are_all_silent_is_named() -> None:
    run, writers = opened(8)
    train(run, writers, 0, 10)
    train(run, writers[:6], 10, 200)
    assert run.check_ranks(START + 201 * SECOND)
    assert note_texts(run)[0] == "all 2 ranks at work on node-3 are silent"


def test_the_first_rank_that_ends_badly_is_told_and_not_each_that_it_takes_with_it() -> None:
    run, writers = opened(8)
    train(run, writers, 0, 10)
    end(run, writers[5], START + 20 * SECOND, code=3)
    for number in (1, 2, 3):
        end(run, writers[number], START + 21 * SECOND, signal=15)
    assert [(alert["title"], alert["text"]) for alert in run.alerts] == [
        ("rank 5 failed", "rank 5 on node-2 failed with exit code 3; others go on")
    ]
    assert run.state is RunState.RUNNING
    assert standing(run)["sentence"] == "8 ranks on 4 hosts: 4 run, 1 has failed, 3 were killed"
    assert note_texts(run) == ["rank 5 on node-2 failed with exit code 3, and 3 more ended after it"]
    ends = {each["label"]: (each["state"], each["exit_code"]) for each in run.describe(whole=True)["writers"]}
    assert (ends["rank 5"], ends["rank 1"], ends["rank 0"]) == (
        ("failed", 3),
        ("killed", None),
        ("running", None),
    )


def test_ranks_that_were_begun_again_count_once_and_go_on_behind() -> None:
    run, writers = opened(4)
    train(run, writers, 0, 10)
    for writer in writers:
        end(run, writer, START + 20 * SECOND, signal=9)
    again = [
        run.open_writer(replace(begin(number), writer_id=f"again{number}"), START + 30 * SECOND)
        for number in range(4)
    ]
    train(run, again, 30, 40)
    assert standing(run)["sentence"] == "4 ranks on 2 hosts: all run"
    superseded = {each["writer_id"] for each in run.describe(whole=True)["writers"] if each["superseded"]}
    assert superseded == {"w0", "w1", "w2", "w3"}


def test_two_processes_of_one_label_at_the_same_time_are_two() -> None:
    run = Run("p", "r", START)
    writers = [run.open_writer(begin(number, label="rank 0"), START + number) for number in range(2)]
    train(run, writers, 0, 10)
    assert standing(run)["rank_count"] == 2


def test_a_rank_that_never_came_is_missed_where_few_are_missing() -> None:
    run = Run("p", "r", START)
    run.environment = {"environment.WORLD_SIZE": "8"}
    for number in (0, 1, 2, 3, 4, 6, 7):
        run.open_writer(begin(number), START)
    assert (standing(run)["expected_count"], note_texts(run)) == (8, ["rank 5 of 8 has not come"])
    run.writers = {name: run.writers[name] for name in ("w0", "w4")}
    assert (standing(run)["expected_count"], note_texts(run)) == (8, [])


@pytest.mark.parametrize("size", ["", "x", "-3", "3.0", "2", "9" * 40, "٣"])
def test_a_world_size_that_is_none_is_not_believed(size: str) -> None:
    run, _ = opened(4)
    run.environment = {"environment.WORLD_SIZE": size}
    assert standing(run)["expected_count"] is None


def test_what_ranks_are_is_the_same_after_a_restart() -> None:
    run, writers = opened(4)
    train(run, writers, 0, 100)
    train(run, writers[:3], 100, 400)
    end(run, writers[0], START + 401 * SECOND, code=2)
    run.check_ranks(START + 402 * SECOND)
    again = Run.load(json.loads(json.dumps(run.dump())), run.summary.dump())
    assert again.describe(whole=True)["ranks"] == standing(run)
    assert again.describe(whole=True)["writers"] == run.describe(whole=True)["writers"]


def test_a_run_of_an_older_trackd_has_ranks_that_ended_as_it_did() -> None:
    run, writers = opened(2)
    train(run, writers, 0, 10)
    for writer in writers:
        end(run, writer, START + 20 * SECOND, code=1)
    document = run.dump()
    for each in document["writers"]:
        for name in ("progress", "state", "exit_code", "signal", "heard_time", "as_of_time", "is_silent"):
            del each[name]
    again = Run.load(document, run.summary.dump())
    assert standing(again)["sentence"] == "2 ranks on 1 host: all have failed"


def test_a_thousand_ranks_are_described_in_a_moment() -> None:
    run, writers = opened(1024)
    train(run, writers, 0, 3)
    found = standing(run)
    assert found["sentence"] == "1,024 ranks on 512 hosts: all run"


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**12)), min_size=1, max_size=30))
def test_progress_is_the_same_however_it_is_kept_in_between(rows: list[tuple[int, int]]) -> None:
    whole, kept = Progress(), Progress()
    for step, time in rows:
        piece = np.array([step]), np.array([time])
        whole.note(*piece, has_given_steps=True)
        kept = Progress.load(json.loads(json.dumps(kept.dump())))
        kept.note(*piece, has_given_steps=True)
    assert kept == whole
    assert whole.last_step == max(step for step, _ in rows)
    at_once = Progress()
    at_once.note(*(np.array(column) for column in zip(*rows, strict=True)), has_given_steps=True)
    assert (at_once.first_step, at_once.last_step, at_once.first_time) == (
        whole.first_step,
        whole.last_step,
        whole.first_time,
    )


def test_a_pace_is_that_of_the_last_minute() -> None:
    run, writers = opened(2)
    train(run, writers, 0, 100)
    assert writers[0].progress.steps_per_second == pytest.approx(1.0)
    for tenth in range(1000):
        log(run, writers[0], START + 101 * SECOND + tenth * SECOND // 10, 100 + tenth)
    assert writers[0].progress.steps_per_second == pytest.approx(10.0)
