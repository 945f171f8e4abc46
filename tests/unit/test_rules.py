from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackd_service.rules import (
    RULE_CHARACTERS_MAX,
    WAIT_SECONDS,
    Firing,
    Metric,
    Rules,
    SilenceRule,
    StateRule,
    ValueRule,
    parse,
)
from trackd_service.run_states import RunState
from trackd_service.summary import BOOL, DOUBLE, INT64

SECOND = 1_000_000_000
MEMORY_KEY = "_system/node7/system.memory.utilization"


def make(*texts: str, wait_seconds: float = WAIT_SECONDS) -> Rules:
    return Rules(map(parse, texts), wait_seconds)


def log(
    rules: Rules, values: Sequence[float], key: str = "loss", start: int = 0, seconds: float = 1.0
) -> list[Firing]:
    """Logs one metric, a value a step, `seconds` apart, the first at step `start`."""
    steps = np.arange(start, start + len(values))
    times = (steps * seconds * SECOND).astype(np.int64)
    words = np.array(values, np.float64).reshape(-1, 1).view(np.uint64)
    return rules.evaluate_rows((key,), bytes((DOUBLE,)), steps, times, words)


def log_row(
    rules: Rules, values: dict[str, float], step: int = 0, time: int = 0, types: bytes = b""
) -> list[Firing]:
    words = np.array([list(values.values())], np.float64).view(np.uint64)
    types = types or bytes((DOUBLE,)) * len(values)
    return rules.evaluate_rows(tuple(values), types, np.array([step]), np.array([time]), words)


def steps_of(firings: Sequence[Firing]) -> list[int]:
    return [int(match[1]) for firing in firings if (match := re.search(r"at step (-?\d+)", firing.text))]


# -- the grammar -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nan(loss)", ValueRule("nan(loss)", Metric("loss", is_glob=False), "nan")),
        ("nan ( * )", ValueRule("nan ( * )", Metric("*", is_glob=True), "nan")),
        ("train/loss > 5", ValueRule("train/loss > 5", Metric("train/loss", is_glob=False), ">", 5)),
        ("  loss>=-1e-3 ", ValueRule("loss>=-1e-3", Metric("loss", is_glob=False), ">=", -1e-3)),
        ("a/*!=0", ValueRule("a/*!=0", Metric("a/*", is_glob=True), "!=", 0)),
        (
            "val/acc < 0.1 for 50 steps",
            ValueRule("val/acc < 0.1 for 50 steps", Metric("val/acc", is_glob=False), "<", 0.1, hold_steps=50),
        ),
        ("x == 1 for 1 step", ValueRule("x == 1 for 1 step", Metric("x", is_glob=False), "==", 1, hold_steps=1)),
        (
            "x <= 1 for 1.5h",
            ValueRule("x <= 1 for 1.5h", Metric("x", is_glob=False), "<=", 1, hold_seconds=5400),
        ),
        ('"my metric" >= 3', ValueRule('"my metric" >= 3', Metric("my metric", is_glob=False), ">=", 3)),
        (r'"a \"*\" > \\" > 3', ValueRule(r'"a \"*\" > \\" > 3', Metric(r'a "*" > \ '[:-1], is_glob=False), ">", 3)),
        ('nan("state")', ValueRule('nan("state")', Metric("state", is_glob=False), "nan")),
        ('"silent" > 5', ValueRule('"silent" > 5', Metric("silent", is_glob=False), ">", 5)),
        ("nan > 5", ValueRule("nan > 5", Metric("nan", is_glob=False), ">", 5)),
        ("verlust/µ > 5", ValueRule("verlust/µ > 5", Metric("verlust/µ", is_glob=False), ">", 5)),
        ("silent > 10m", SilenceRule("silent > 10m", 600)),
        ("silent>90s", SilenceRule("silent>90s", 90)),
        ("state == failed", StateRule("state == failed", frozenset({RunState.FAILED}))),
        ("state == ended", StateRule("state == ended", frozenset(RunState) - {RunState.RUNNING})),
        (
            "state != finished",
            StateRule("state != finished", frozenset(RunState) - {RunState.RUNNING, RunState.FINISHED}),
        ),
    ],
)  # fmt: skip
def test_a_rule_is_understood(text: str, expected: Any) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "character", "sentence"),
    [
        ("", 1, "the end of the rule stands where a metric is expected"),
        (
            "loss",
            5,
            "the end of the rule stands where '>' or '>=' or '<' or '<=' or '==' or '!=' is expected",
        ),
        ("loss > ten", 8, "'ten' stands where a finite number is expected"),
        ("loss > nan", 8, "'nan' stands where a finite number is expected"),
        ("loss > 1e999", 8, "'1e999' stands where a finite number is expected"),
        ('loss > "5"', 8, "'\"5\"' stands where a finite number is expected"),
        ("loss = 5", 6, "'=' is no operator: write '==' or '!='"),
        ("  loss !5", 8, "'!' is no operator: write '==' or '!='"),
        ("loss > 5 for", 13, "the end of the rule stands where a duration such as '90s', '10m' or '1.5h'"),
        ("loss > 5 for 10", 16, "the end of the rule stands where 'steps' or 'step' is expected"),
        ("loss > 5 for 0 steps", 14, "0 steps are not between 1 and"),
        ("loss > 5 for 3d", 14, "'3d' stands where a duration"),
        ("loss > 5 for 0s", 14, "0s is not between 0 s and 720 h"),
        ("loss > 5 for 721h", 14, "721h is not between 0 s and 720 h"),
        ("loss > 5 and 3", 10, "'and' stands where the end of the rule is expected"),
        ("my metric > 5", 4, "'metric' stands where '>'"),
        ('"loss > 5', 1, "the quote is never closed"),
        ('"" > 5', 1, "'\"\"' stands where a metric is expected"),
        ("nan(loss", 9, "the end of the rule stands where ')' is expected"),
        ("nan()", 5, "')' stands where a metric is expected"),
        ("silent < 10m", 8, "'<' stands where '>' is expected"),
        ("silent > 10", 10, "'10' stands where a duration"),
        ("state == lost", 10, "'lost' stands where finished, failed, killed, crashed, preempted or ended"),
        ("state == running", 10, "'running' stands where"),
        ("state != ended", 10, "a run that has not ended is no reason for an alert"),
        ("state > failed", 7, "'>' stands where '==' or '!=' is expected"),
    ],
)
def test_what_is_no_rule_is_told_in_one_sentence_that_says_where(
    text: str, character: int, sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"character {character}: {sentence}")) as error:
        parse(text)
    assert str(error.value).startswith(f"rule {text.strip()!r}, ")


def test_a_very_long_rule_is_turned_down() -> None:
    with pytest.raises(ValueError, match=f"the limit is {RULE_CHARACTERS_MAX}"):
        parse("x" * RULE_CHARACTERS_MAX + " > 5")


@given(st.text(st.sampled_from('nasilentstate()<>=!"\\*? for10msteps\n'), max_size=40) | st.text())
@example('"\\')
@example("\u0665 > \u0665 for \u00b2 steps")
def test_no_text_is_anything_but_a_rule_or_a_value_error(text: str) -> None:
    try:
        rule = parse(text)
    except ValueError:
        return
    assert parse(rule.text) == rule


@pytest.mark.parametrize(
    ("metric", "key", "expected"),
    [
        (Metric("train/*", is_glob=True), "train/loss", True),
        (Metric("train/*", is_glob=True), "val/loss", False),
        (Metric("t?ain/*", is_glob=True), "train/a/b", True),
        (Metric("a[b]*", is_glob=True), "a[b]c", True),
        (Metric("a[b]*", is_glob=True), "abc", False),
        (Metric("a*", is_glob=False), "ab", False),
        (Metric("loss", is_glob=False), "Loss", False),
        (Metric("*", is_glob=True), "_row", False),
        (Metric("*", is_glob=True), MEMORY_KEY, False),
        (Metric("system.memory.*", is_glob=True), MEMORY_KEY, True),
        (Metric("system.memory.utilization", is_glob=False), MEMORY_KEY, True),
        (Metric("system.memory.usage", is_glob=False), MEMORY_KEY, False),
    ],
)
def test_a_metric_is_found_by_name_and_by_glob(metric: Metric, key: str, expected: bool) -> None:
    assert metric.matches(key) is expected


# -- values ----------------------------------------------------------------------------------------------------------------


def test_a_rule_fires_with_value_and_step_and_then_not_while_it_stays_true() -> None:
    rules = make("loss > 5")
    assert log(rules, [1, 5, 7.25, 8, 9]) == [
        Firing(parse("loss > 5"), "loss > 5", "loss is 7.25 at step 2", "WARN", 2 * SECOND)
    ]
    assert log(rules, [9] * 10_000, start=5) == []


def test_a_rule_fires_again_once_it_has_been_false_and_has_waited() -> None:
    rules = make("loss > 5", wait_seconds=10)
    assert steps_of(log(rules, [9, 9, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1, 9])) == [0, 12]


def test_what_becomes_true_while_the_rule_waits_is_told_after_the_wait() -> None:
    rules = make("loss > 5", wait_seconds=10)
    assert steps_of(log(rules, [9, 1] + [9] * 20)) == [0, 10]


def test_what_becomes_true_while_the_rule_waits_and_is_logged_no_more_is_told_by_the_clock() -> None:
    rules = make("nan(*)")
    assert len(log(rules, [math.nan], "auc")) == 1
    assert log(rules, [math.nan], "loss", start=60) == []
    assert rules.evaluate_clock(599 * SECOND, 60 * SECOND, RunState.RUNNING) == []
    (firing,) = rules.evaluate_clock(600 * SECOND, 60 * SECOND, RunState.RUNNING)
    assert (firing.text, firing.time) == ("loss is NaN at step 60", 600 * SECOND)
    assert rules.evaluate_clock(9_000 * SECOND, 60 * SECOND, RunState.RUNNING) == []
    assert log(rules, [math.nan], "loss", start=9_001) == []


def test_what_is_held_back_is_told_at_the_end_of_the_run() -> None:
    rules = make("nan(*)")
    log(rules, [math.nan], "auc")
    log(rules, [math.nan], "loss", start=60)
    (firing,) = rules.evaluate_state(RunState.CRASHED, 61 * SECOND)
    assert firing.text == "loss is NaN at step 60"


def test_what_has_become_false_while_the_rule_waited_is_not_told() -> None:
    rules = make("loss > 5")
    assert len(log(rules, [9, 1, 9, 1])) == 1
    assert rules.evaluate_clock(9_000 * SECOND, 3 * SECOND, RunState.RUNNING) == []


def test_nan_and_infinities_fire_nan_and_nothing_else() -> None:
    odd = [math.nan, math.inf, -math.inf]
    for value, shown in zip(odd, ("NaN", "infinite", "-infinite"), strict=True):
        (firing,) = log(make("nan(loss)"), [1, value])
        assert firing.text == f"loss is {shown} at step 1"
    for operator in (">", ">=", "<", "<=", "==", "!="):
        assert log(make(f"loss {operator} 1"), [math.nan]) == []
    assert log(make("nan(loss)"), [1e308, -1e308, 0]) == []


def test_integers_and_truth_values_are_compared_as_numbers() -> None:
    words = np.array([[1 << 40, 2**64 - 7, 1, 0]], np.uint64)
    words[:, 3:] = np.array([[0.5]]).view(np.uint64)
    keys, types = ("big", "negative", "flag", "half"), bytes((INT64, INT64, BOOL, DOUBLE))
    rules = make("big == 1099511627776", "negative == -7", "flag > 0", "half == 0.5")
    firings = rules.evaluate_rows(keys, types, np.array([4]), np.array([9]), words)
    assert [firing.text for firing in firings] == [
        "big is 1.09951e+12 at step 4", "negative is -7 at step 4", "flag is 1 at step 4", "half is 0.5 at step 4",
    ]  # fmt: skip


def test_metrics_that_turn_at_one_row_are_told_at_once() -> None:
    row = dict.fromkeys((f"m{i}" for i in range(8)), math.nan)
    (firing,) = log_row(make("nan(*)"), {"fine": 1.0, **row}, 3)
    assert firing.text == "m0 is NaN at step 3; the same holds for m1, m2, m3, m4 and 3 more"


def test_a_condition_over_steps_must_hold_all_the_while() -> None:
    text = "loss is 9 at step 14, since step 4"
    (firing,) = log(make("loss > 5 for 10 steps"), [9, 9, 9, 1] + [9] * 20)
    assert firing.text == text
    assert log(make("loss > 5 for 10 steps"), [9] * 10) == []
    assert log(make("loss > 5 for 10 steps"), ([9] * 9 + [math.nan]) * 10) == []


def test_a_condition_over_time_must_hold_all_the_while() -> None:
    assert steps_of(log(make("loss > 5 for 5m"), [1] + [9] * 100, seconds=30)) == [11]
    assert log(make("loss > 5 for 5m"), [1] + [9] * 10, seconds=30) == []


def test_a_late_row_fires_as_any_other() -> None:
    rules = make("loss > 5")
    rows = np.array([[9.0], [1.0]]).view(np.uint64)
    firings = rules.evaluate_rows(("loss",), bytes((DOUBLE,)), np.array([-3, -9]), np.array([5, 4]), rows)
    assert steps_of(firings) == [-3]
    assert steps_of(log(make("loss > 5"), [9], start=-3)) == [-3]


def test_a_clock_set_back_far_does_not_silence_a_rule() -> None:
    rules = make("loss > 5")
    assert log(rules, [9, 1], start=1_000_000)
    assert log(rules, [9, 1], start=10)


def test_system_metrics_are_told_with_their_host_and_without_a_step() -> None:
    (firing,) = log(make("system.memory.utilization > 0.95"), [0.97], MEMORY_KEY, start=5)
    assert firing.text == "system.memory.utilization on node7 is 0.97"


@given(
    # No more rows than a block may fire.
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0.0, 9.0, math.nan]), st.sampled_from([0.0, 9.0])),
        max_size=10,
    ),
    st.lists(st.integers(0, 10), max_size=3),
    st.sampled_from(["* > 5", "* > 5 for 4 steps", "* > 5 for 3s", "nan(*)"]),
    st.integers(0, 6),
)
def test_a_rule_fires_alike_however_its_rows_are_parted(
    rows: list[tuple[int, float, float]], cuts: list[int], text: str, wait_seconds: int
) -> None:
    steps = np.cumsum([row[0] for row in rows], dtype=np.int64)
    words = np.array([row[1:] for row in rows], np.float64).reshape(-1, 2).view(np.uint64)

    def fire(bounds: list[int]) -> list[Firing]:
        rules = make(text, wait_seconds=wait_seconds)
        firings = []
        for first, last in pairwise(bounds):
            part = slice(first, last)
            firings += rules.evaluate_rows(
                ("a", "b"), bytes((DOUBLE, DOUBLE)), steps[part], steps[part] * SECOND, words[part]
            )
            seen = json.loads(json.dumps(rules.dump(), allow_nan=False))
            rules = make(text, wait_seconds=wait_seconds)
            rules.restore(seen)
        return firings

    count = len(rows)
    expected = _expected(rows, parse(text), wait_seconds)
    assert fire([0, count]) == expected
    assert fire(list(range(count + 1))) == expected
    assert fire([0, *sorted(min(cut, count) for cut in cuts), count]) == expected


def _expected(rows: list[tuple[int, float, float]], rule: Any, wait_seconds: int) -> list[Firing]:
    """Says the same as the rules, a row and a metric at a time."""
    firings: list[Firing] = []
    since: dict[str, int] = {}
    told: set[str] = set()
    step = 0
    for gap, *values in rows:
        step += gap
        due = []
        for name, value in zip("ab", values, strict=True):
            if not (math.isnan(value) if rule.operator == "nan" else value > 5):
                since.pop(name, None)
                told.discard(name)
            elif step - since.setdefault(name, step) >= (rule.hold_steps or rule.hold_seconds):
                due += [(name, value)] if name not in told else []
        if due and (not firings or step * SECOND - firings[-1].time >= wait_seconds * SECOND):
            name, value = due[0]
            told.update(name for name, _ in due)
            text = f"{name} is {'NaN' if math.isnan(value) else f'{value:g}'} at step {step}"
            if rule.hold_steps or rule.hold_seconds:
                text += f", since step {since[name]}"
            text += "; the same holds for b" if len(due) > 1 else ""
            firings.append(Firing(rule, rule.text, text, "WARN", step * SECOND))
    return firings


def test_any_number_of_metrics_and_key_sets_keep_what_was_seen_of_them() -> None:
    rules = make("nan(*)", wait_seconds=0)
    for number in range(200):
        assert len(log(rules, [math.nan], f"m{number}")) == 1
    for number in range(200):
        assert log(rules, [math.nan], f"m{number}", start=1) == []
    wide = {f"m{number}": math.nan for number in range(300)}
    (firing,) = log_row(rules, wide, 2)
    assert firing.text.startswith("m200 is NaN")
    assert firing.text.endswith("and 95 more")


def test_a_block_that_would_fire_without_end_fires_a_few_times() -> None:
    firings = log(make("loss > 5", wait_seconds=0), [9, 1] * 50_000)
    assert steps_of(firings) == list(range(0, 20, 2))


# -- silence and states ----------------------------------------------------------------------------------------------------


def test_silence_fires_once_until_something_is_logged() -> None:
    rules = make("silent > 10m", wait_seconds=0)
    assert rules.evaluate_clock(600 * SECOND, 0, RunState.RUNNING) == []
    (firing,) = rules.evaluate_clock(3_783 * SECOND, 0, RunState.RUNNING)
    assert (firing.title, firing.text, firing.level) == (
        "silent > 10m", "nothing was logged for 1 h 3 min 3 s", "WARN",
    )  # fmt: skip
    assert rules.evaluate_clock(3_800 * SECOND, 0, RunState.RUNNING) == []
    assert rules.evaluate_clock(3_900 * SECOND, 3_899 * SECOND, RunState.RUNNING) == []
    assert len(rules.evaluate_clock(9_000 * SECOND, 3_899 * SECOND, RunState.RUNNING)) == 1


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.RUNNING])
def test_a_run_that_has_ended_is_not_silent(state: RunState) -> None:
    assert make("silent > 10m").evaluate_clock(9_000 * SECOND, 0, state) == []


def test_each_end_that_a_rule_names_fires_without_a_wait() -> None:
    rules = make("state == failed", "state == ended")
    assert rules.evaluate_state(RunState.RUNNING, 1) == []
    firings = rules.evaluate_state(RunState.FAILED, 2)
    assert [(each.title, each.text, each.level, each.time) for each in firings] == [
        ("state == failed", "the run has failed", "ERROR", 2),
        ("state == ended", "the run has failed", "ERROR", 2),
    ]
    assert rules.evaluate_state(RunState.FAILED, 3) == []
    assert rules.evaluate_state(RunState.RUNNING, 4) == []
    assert [each.title for each in rules.evaluate_state(RunState.CRASHED, 5)] == ["state == ended"]


def test_every_state_but_running_is_told_and_only_finishing_is_no_error() -> None:
    levels = {
        state: [each.level for each in make("state == ended").evaluate_state(state, 1)] for state in RunState
    }
    assert levels.pop(RunState.RUNNING) == []
    assert levels.pop(RunState.FINISHED) == ["INFO"]
    assert set(map(tuple, levels.values())) == {("ERROR",)}


def test_a_restart_fires_nothing_again() -> None:
    texts = ("nan(*)", "loss > 5 for 2 steps", "silent > 10m", "state == failed")
    rules = make(*texts)
    before = log(rules, [9, 9, math.inf, 9, 9, 9])
    before += rules.evaluate_clock(900 * SECOND, 5 * SECOND, RunState.RUNNING)
    before += rules.evaluate_state(RunState.FAILED, 901 * SECOND)
    assert sorted(firing.title for firing in before) == sorted(texts)
    seen = json.loads(json.dumps(rules.dump(), allow_nan=False))
    again = make("* < 0", *reversed(texts))
    again.restore(seen)
    assert log(again, [9, 9], start=6) == []
    assert again.evaluate_clock(901 * SECOND, 5 * SECOND, RunState.RUNNING) == []
    assert again.evaluate_state(RunState.FAILED, 902 * SECOND) == []


def test_the_same_rule_twice_fires_once() -> None:
    assert len(log(make("loss > 5", " loss > 5"), [9])) == 1


def test_a_title_is_one_line() -> None:
    (firing,) = log(make('"a\n b" > 5'), [9], "a\n b")
    assert firing.title == '"a b" > 5'
