"""Owns alert rules: what a person may write, and when a run's values, silence or end make a rule fire. Pure.

Invariants:
- A rule is data: parsed by the grammar below, never run as code; the work is linear in the rule and in the rows.
- What rows make fire depends on the rows and their times alone, not on a clock or on how they are parted into blocks.
- A rule fires when its condition becomes true, and again only after it has been false; for values and silence at the earliest
  after a wait, so that a metric that swings around a limit costs one alert a wait. What was held back is told then.
- NaN compares with nothing: only `nan(…)` is true of it.

    rule     = "nan" "(" metric ")"                                    a value is NaN or infinite
             | "silent" ">" duration                                   a run at work logs nothing
             | "state" ("==" | "!=") state                             a run ends
             | metric operator number ["for" (count "steps" | duration)]
    operator = ">" | ">=" | "<" | "<=" | "==" | "!="
    duration = a number and "s", "m" or "h"
    state    = "finished" | "failed" | "killed" | "crashed" | "preempted" | "ended" (any of them)
    metric   = a name, or a glob with "*" and "?"; within double quotes a name as it stands, with backslash as escape
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trackd_service.run_states import RunState
from trackd_service.series import BoolArray, Float64Array, Int64Array
from trackd_service.streams import SYSTEM_PREFIX
from trackd_service.summary import DOUBLE, Words

RULE_CHARACTERS_MAX = 1_000  # a metric name has at most 512 bytes
WAIT_SECONDS = 600.0  # between two firings of a rule: a person can read six an hour
_HOLD_SECONDS_MAX = 30 * 86_400  # no run is waited for longer; and nanoseconds stay far below 2 ** 63
_HOLD_STEPS_MAX = 1 << 53  # beyond it, a count is a slip of the hand
_FIRINGS_PER_BLOCK_MAX = 10  # a block may tell of days; its rows beyond are told of with the next one
_PLANS_MAX = (
    1_000  # key sets whose metrics are remembered; a run has a few, and one with more finds them anew
)
_METRICS_SHOWN = 5  # in the text of an alert

_ENDS = {state.value: state for state in RunState if state is not RunState.RUNNING}
_UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TOKEN = re.compile(
    r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<sign>[<>]=?|[=!]=|[()])|(?P<word>[^\s<>=!()"]+))'
)
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")
_COMPARE: dict[str, Callable[[Any, float], Any]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


@dataclass(frozen=True, slots=True)
class Metric:
    """Which metrics a rule is about.

    Attributes:
        name: A name or a glob; of a system metric without the host, for example "system.memory.utilization".
        is_glob: Whether `*` and `?` stand for other characters.
    """

    name: str
    is_glob: bool

    def matches(self, key: str) -> bool:
        """Says whether a series is one of them; a glob that begins with `*` means what was logged, nothing of the machine."""
        if key.startswith(SYSTEM_PREFIX):
            if self.is_glob and self.name.startswith("*"):
                return False
            key = key[len(SYSTEM_PREFIX) :].partition("/")[2]
        elif self.is_glob and key.startswith("_"):  # hidden, as for definitions
            return False
        if not self.is_glob:
            return key == self.name
        return fnmatch.fnmatchcase(key, self.name.replace("[", "[[]"))


@dataclass(frozen=True, slots=True)
class ValueRule:
    """A condition on a metric's values.

    Attributes:
        text: As written, blanks at its ends removed.
        metric: Which metrics.
        operator: A key of the comparisons, or "nan".
        number: What values are compared with.
        hold_steps: Over how many steps the condition must have held; 0 for none.
        hold_seconds: Over how many seconds; 0 for none.
    """

    text: str
    metric: Metric
    operator: str
    number: float = math.nan
    hold_steps: int = 0
    hold_seconds: float = 0.0

    def test(self, values: Float64Array) -> BoolArray:
        """Returns where the condition holds, in the shape of `values`."""
        if self.operator == "nan":
            found: BoolArray = ~np.isfinite(values)
            return found
        found = _COMPARE[self.operator](values, self.number)
        return found & ~np.isnan(values) if self.operator == "!=" else found


@dataclass(frozen=True, slots=True)
class SilenceRule:
    """A run at work logs nothing for longer than `limit_seconds`."""

    text: str
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class StateRule:
    """A run ends in one of `states`."""

    text: str
    states: frozenset[RunState]


Rule: TypeAlias = ValueRule | SilenceRule | StateRule


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing of a rule.

    Attributes:
        rule: The rule.
        title: One line, the same at every firing of the rule: its text.
        text: What was seen: value and step, how long, which end.
        level: "INFO" for a run that finished, "ERROR" for other ends, else "WARN".
        time: In nanoseconds since 1970: of the row that made it fire, or what the caller called now.
    """

    rule: Rule
    title: str
    text: str
    level: str
    time: int


# -- the grammar ---------------------------------------------------------------------------------------------------------


def parse(text: str) -> Rule:
    """Returns the rule that a text says.

    Raises:
        ValueError: it says none; the sentence tells what is wrong and at which character, counted from 1.
    """
    if len(text) > RULE_CHARACTERS_MAX:
        raise ValueError(
            f"the rule has {len(text)} characters; the limit is {RULE_CHARACTERS_MAX}: '{text[:24]}…'"
        )
    return _Parser(text).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "quoted", "sign", "word", or "end"
    text: str
    position: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._offset = len(text) - len(text.lstrip())
        self._tokens = list(self._split())
        self._next = 0

    def _split(self) -> Iterable[_Token]:
        position = 0
        while position < len(self._text):
            match = _TOKEN.match(self._text, position)
            if match is None:
                rest = self._text[position:]
                position += len(rest) - len(rest.lstrip())
                if self._text[position] == '"':
                    raise self._error(position, "the quote is never closed")
                raise self._error(position, f"{self._text[position]!r} is no operator: write '==' or '!='")
            kind = match.lastgroup or ""
            yield _Token(kind, match[kind], match.start(kind))
            position = match.end()
        yield _Token("end", "", len(self._text))

    def _error(self, position: int, sentence: str) -> ValueError:
        return ValueError(f"rule {self._text!r}, character {position + self._offset + 1}: {sentence}")

    def _wrong(self, token: _Token, expected: str) -> ValueError:
        seen = repr(token.text) if token.text else "the end of the rule"
        return self._error(token.position, f"{seen} stands where {expected} is expected")

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _peek(self, ahead: int = 0) -> str:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)].text

    def _expect(self, *texts: str) -> str:
        token = self._take()
        if token.text not in texts:
            raise self._wrong(token, " or ".join(repr(text) for text in texts))
        return token.text

    def parse(self) -> Rule:
        rule = self._rule()
        token = self._take()
        if token.kind != "end":
            raise self._wrong(token, "the end of the rule")
        return rule

    def _rule(self) -> Rule:
        if self._peek() == "nan" and self._peek(1) == "(":
            self._next += 2
            metric = self._metric()
            self._expect(")")
            return ValueRule(self._text, metric, "nan")
        if self._peek() == "silent":
            self._take()
            self._expect(">")
            return SilenceRule(self._text, self._duration(self._take()))
        if self._peek() == "state":
            self._take()
            return StateRule(self._text, self._states(self._expect("==", "!=")))
        metric = self._metric()
        operator = self._expect(*_COMPARE)
        number = self._number(self._take())
        steps, seconds = self._hold()
        return ValueRule(self._text, metric, operator, number, steps, seconds)

    def _metric(self) -> Metric:
        token = self._take()
        if token.kind == "quoted":
            name = re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
            if name:
                return Metric(name, is_glob=False)
        if token.kind != "word":
            raise self._wrong(token, "a metric")
        return Metric(token.text, is_glob="*" in token.text or "?" in token.text)

    def _number(self, token: _Token) -> float:
        try:
            number = float(token.text)
        except ValueError:
            number = math.nan
        if token.kind != "word" or not math.isfinite(number):
            raise self._wrong(token, "a finite number")
        return number

    def _hold(self) -> tuple[int, float]:
        """Returns the steps and seconds behind "for"; zeros where nothing is said."""
        if self._peek() != "for":
            return 0, 0.0
        self._take()
        token = self._take()
        if not token.text.isdecimal():
            return 0, self._duration(token)
        self._expect("steps", "step")
        steps = int(token.text)
        if not 1 <= steps <= _HOLD_STEPS_MAX:
            raise self._error(token.position, f"{token.text} steps are not between 1 and {_HOLD_STEPS_MAX}")
        return steps, 0.0

    def _duration(self, token: _Token) -> float:
        match = _DURATION.fullmatch(token.text)
        if match is None:
            raise self._wrong(token, "a duration such as '90s', '10m' or '1.5h'")
        seconds = float(match[1]) * _UNITS_SECONDS[match[2]]
        if not 0 < seconds <= _HOLD_SECONDS_MAX:
            raise self._error(token.position, f"{token.text} is not between 0 s and 720 h")
        return seconds

    def _states(self, sign: str) -> frozenset[RunState]:
        token = self._take()
        if token.kind != "word" or token.text not in (*_ENDS, "ended"):
            raise self._wrong(token, f"{', '.join(_ENDS)} or ended")
        every = frozenset(_ENDS.values())
        if token.text == "ended":
            if sign == "!=":
                raise self._error(token.position, "a run that has not ended is no reason for an alert")
            return every
        named = frozenset({_ENDS[token.text]})
        return named if sign == "==" else every - named


# -- evaluation ----------------------------------------------------------------------------------------------------------


class Rules:
    """The rules of one run, and what they have seen of it."""

    def __init__(self, rules: Iterable[Rule], wait_seconds: float = WAIT_SECONDS) -> None:
        """Takes the rules, each text once, and how long a rule is silent after it has fired; ends of runs never wait."""
        wait_ns = round(wait_seconds * 1e9)
        self.rules = by_text = list({rule.text: rule for rule in rules}.values())
        self._values = [_ValueWatch(rule, wait_ns) for rule in by_text if isinstance(rule, ValueRule)]
        self._silences = [_RunWatch(rule, wait_ns) for rule in by_text if isinstance(rule, SilenceRule)]
        self._states = [_RunWatch(rule, 0) for rule in by_text if isinstance(rule, StateRule)]
        self._plans: dict[tuple[str, ...], list[tuple[_ValueWatch, Int64Array, Int64Array]]] = {}

    def evaluate_rows(
        self, keys: tuple[str, ...], types: bytes, steps: Int64Array, times: Int64Array, words: Words
    ) -> list[Firing]:
        """Returns what n rows of one key set make fire.

        Args:
            keys: The k series' names, each once; those of the machine under their whole names.
            types: DOUBLE, INT64 or BOOL a key, of `summary`.
            steps: int64 of shape (n,).
            times: int64 of shape (n,), nanoseconds since 1970.
            words: uint64 of shape (n, k), the eight bytes of each value.
        """
        if not self._values or not len(steps):
            return []
        firings = []
        for watch, columns, slots in self._plan(keys):
            firings += watch.evaluate(_numbers(types, words, columns), slots, steps, times)
        return firings

    def evaluate_clock(self, now: int, last_row_time: int, state: RunState) -> list[Firing]:
        """Returns what silence makes fire, and what rows had made true while its rule waited; to be asked every few seconds.

        Args:
            now: The time, in nanoseconds since 1970.
            last_row_time: Of the run's last row, or of its begin, in the same.
            state: Of the run: only a running one is silent.
        """
        firings = [firing for watch in self._values if (firing := watch.tell_due(now)) is not None]
        silence_seconds = (now - last_row_time) / 1e9
        for watch in self._silences:
            limit_seconds = watch.rule.limit_seconds
            is_silent = state is RunState.RUNNING and silence_seconds > limit_seconds
            if watch.fires(is_silent, now):
                text = f"nothing was logged for {_show_seconds(silence_seconds)}"
                firings.append(Firing(watch.rule, watch.title, text, "WARN", now))
        return firings

    def evaluate_state(self, state: RunState, now: int) -> list[Firing]:
        """Returns what a state makes fire; at an end also what is still held back. To be asked after each change."""
        firings = []
        if state is not RunState.RUNNING:
            firings += [
                firing for watch in self._values if (firing := watch.tell_due(now, is_end=True)) is not None
            ]
        for watch in self._states:
            if watch.fires(state in watch.rule.states, now):
                level = "INFO" if state is RunState.FINISHED else "ERROR"
                firings.append(Firing(watch.rule, watch.title, f"the run has {_ENDED[state]}", level, now))
        return firings

    def dump(self) -> dict[str, Any]:
        """Returns what the rules have seen, as JSON values, so that a restart does not make them fire again."""
        return {watch.rule.text: watch.dump() for watch in self._watches()}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Takes what rules of the same texts had seen, from `dump`."""
        for watch in self._watches():
            if watch.rule.text in document:
                watch.restore(document[watch.rule.text])

    def _watches(self) -> list[_Watch[Any]]:
        return [*self._values, *self._silences, *self._states]

    def _plan(self, keys: tuple[str, ...]) -> list[tuple[_ValueWatch, Int64Array, Int64Array]]:
        """Returns the rules that rows of these keys concern, each with its columns and their places in the rule's table."""
        plan = self._plans.get(keys)
        if plan is None:
            plan = []
            for watch in self._values:
                columns = [i for i, key in enumerate(keys) if watch.rule.metric.matches(key)]
                if columns:
                    slots = watch.slots([keys[i] for i in columns])
                    plan.append((watch, np.array(columns, np.int64), slots))
            if len(self._plans) >= _PLANS_MAX:
                self._plans.clear()
            self._plans[keys] = plan
        return plan


_SomeRule = TypeVar("_SomeRule", bound=Rule)


class _Watch(Generic[_SomeRule]):
    """A rule and when it has fired."""

    def __init__(self, rule: _SomeRule, wait_ns: int) -> None:
        self.rule = rule
        self.title = " ".join(rule.text.split())
        self._wait_ns = wait_ns
        self._last_time: int | None = None

    def _has_waited(self, time: Any) -> Any:
        """Says whether the wait is over at a time, or at each of an int64 array; a clock set back far ends it, too."""
        return True if self._last_time is None else abs(time - self._last_time) >= self._wait_ns

    def dump(self) -> dict[str, Any]:
        return {"last_time": self._last_time}

    def restore(self, document: Mapping[str, Any]) -> None:
        self._last_time = document["last_time"]


class _RunWatch(_Watch[_SomeRule]):
    """What a rule about the run as a whole has seen."""

    def __init__(self, rule: _SomeRule, wait_ns: int) -> None:
        super().__init__(rule, wait_ns)
        self._is_told = False

    def fires(self, is_true: bool, now: int) -> bool:
        """Takes whether the condition holds; says whether the rule fires."""
        self._is_told = self._is_told and is_true
        if not is_true or self._is_told or not self._has_waited(now):
            return False
        self._is_told = True
        self._last_time = now
        return True

    def dump(self) -> dict[str, Any]:
        return {**super().dump(), "is_told": self._is_told}

    def restore(self, document: Mapping[str, Any]) -> None:
        super().restore(document)
        self._is_told = document["is_told"]


# What a rule knows of one metric.
_TABLE = np.dtype(
    [
        ("since_step", "<i8"),  # where the condition became true, while it is
        ("since_time", "<i8"),
        ("step", "<i8"),  # of the last value
        ("value", "<f8"),
        ("is_true", "?"),
        ("is_told", "?"),
        ("is_due", "?"),  # true, long enough, and not told, because the rule waits
    ]
)


class _ValueWatch(_Watch[ValueRule]):
    """What a rule about values has seen: a row of a table for each metric, so that any number costs a few NumPy calls."""

    def __init__(self, rule: ValueRule, wait_ns: int) -> None:
        super().__init__(rule, wait_ns)
        self._names: list[str] = []
        self._slots: dict[str, int] = {}
        self._table = np.zeros(16, _TABLE)

    def slots(self, names: Iterable[str]) -> Int64Array:
        """Returns the places of metrics in the table, adding new ones."""
        for name in names:
            if name not in self._slots:
                self._slots[name] = len(self._names)
                self._names.append(name)
        if len(self._names) > len(self._table):
            grown = np.zeros(2 * len(self._names), _TABLE)
            grown[: len(self._table)] = self._table
            self._table = grown
        return np.array([self._slots[name] for name in names], np.int64)

    def evaluate(
        self, values: Float64Array, slots: Int64Array, steps: Int64Array, times: Int64Array
    ) -> list[Firing]:
        """Returns what a block of rows makes fire.

        Args:
            values: float64 of shape (n, m).
            slots: int64 of shape (m,), the metrics' places in the table.
            steps: int64 of shape (n,).
            times: int64 of shape (n,).
        """
        is_true = self.rule.test(values)
        known = self._table[slots]
        # What is false and stays so, or is true, told, and stays so, is most of what is ever seen: nothing changes for it.
        is_changing = np.where(known["is_told"], ~is_true.all(axis=0), is_true.any(axis=0) | known["is_true"])
        if not is_changing.any():
            return []
        slots, known, is_true = slots[is_changing], known[is_changing], is_true[:, is_changing]
        values = values[:, is_changing]

        # For each row, the row of this block since which the condition holds; -1 for one before the block.
        was_true = np.concatenate((known["is_true"][np.newaxis], is_true[:-1]))
        rows = np.arange(len(steps))[:, np.newaxis]
        begins = np.maximum.accumulate(np.where(is_true & ~was_true, rows, -1), axis=0)
        since_steps = np.where(begins < 0, known["since_step"], steps[begins])
        since_times = np.where(begins < 0, known["since_time"], times[begins])
        is_met = is_true.copy()
        if self.rule.hold_steps:
            is_met &= steps[:, np.newaxis] - since_steps >= self.rule.hold_steps
        if self.rule.hold_seconds:
            is_met &= times[:, np.newaxis] - since_times >= round(self.rule.hold_seconds * 1e9)

        told_begins = np.where(known["is_told"], -1, -2)  # -2: what is true has not been told
        is_due = is_met & (begins != told_begins)
        firings: list[Firing] = []
        start = 0
        while len(firings) < _FIRINGS_PER_BLOCK_MAX:
            can_fire = is_due[start:].any(axis=1) & self._has_waited(times[start:])
            if not can_fire.any():
                break
            row = start + int(can_fire.argmax())
            columns = np.flatnonzero(is_due[row])
            seen = known[columns]
            seen["since_step"], seen["step"], seen["value"] = (
                since_steps[row, columns],
                steps[row],
                values[row, columns],
            )
            firings.append(self._fire(slots[columns], seen, int(times[row])))
            told_begins[columns] = begins[row, columns]
            is_due[:, columns] &= begins[:, columns] != told_begins[columns]
            start = row + 1

        known["since_step"], known["since_time"] = since_steps[-1], since_times[-1]
        known["step"], known["value"] = steps[-1], values[-1]
        known["is_true"], known["is_due"] = is_true[-1], is_due[-1]
        known["is_told"] = is_true[-1] & (begins[-1] == told_begins)
        self._table[slots] = known
        return firings

    def tell_due(self, now: int, *, is_end: bool = False) -> Firing | None:
        """Returns what was held back and still holds, once the wait or the run is over."""
        slots = np.flatnonzero(self._table["is_due"])
        if not len(slots) or not (is_end or self._has_waited(now)):
            return None
        seen = self._table[slots]
        self._table["is_due"][slots] = False
        self._table["is_told"][slots] = True
        return self._fire(slots, seen, now)

    def _fire(self, slots: Int64Array, seen: npt.NDArray[Any], time: int) -> Firing:
        self._last_time = time
        names = [self._names[slot] for slot in slots[:_METRICS_SHOWN].tolist()]
        first = seen[0]
        text = f"{_show_name(names[0])} is {_show_number(first['value'])}"
        if not names[0].startswith(SYSTEM_PREFIX):  # its steps are but the numbers of its samples
            text += f" at step {first['step']}"
            if self.rule.hold_steps or self.rule.hold_seconds:
                text += f", since step {first['since_step']}"
        if len(slots) > 1:
            text += f"; the same holds for {', '.join(map(_show_name, names[1:]))}"
        if len(slots) > len(names):
            text += f" and {len(slots) - len(names)} more"
        return Firing(self.rule, self.title, text, "WARN", time)

    def dump(self) -> dict[str, Any]:
        # Values are texts: JSON knows no NaN.
        metrics = {
            self._names[slot]: [str(row["value"]), *(row[name].item() for name in _DUMPED)]
            for slot in np.flatnonzero(self._table["is_true"]).tolist()
            for row in [self._table[slot]]
        }
        return {**super().dump(), "metrics": metrics}

    def restore(self, document: Mapping[str, Any]) -> None:
        super().restore(document)
        metrics = document["metrics"]
        slots = self.slots(metrics)
        for slot, (value, *rest) in zip(slots.tolist(), metrics.values(), strict=True):
            row = self._table[slot]
            row["is_true"], row["value"] = True, float(value)
            for name, each in zip(_DUMPED, rest, strict=True):
                row[name] = each


_DUMPED = ("since_step", "since_time", "step", "is_told", "is_due")
_ENDED = {
    RunState.FINISHED: "finished",
    RunState.FAILED: "failed",
    RunState.KILLED: "been killed",
    RunState.CRASHED: "crashed",
    RunState.PREEMPTED: "been preempted",
}


def _numbers(types: bytes, words: Words, columns: Int64Array) -> Float64Array:
    """Returns some columns of rows as float64 of shape (n, m); truth values as 0 and 1."""
    taken = np.ascontiguousarray(words) if len(columns) == len(types) else np.take(words, columns, axis=1)
    doubles = taken.view(np.float64)
    is_double = np.frombuffer(types, np.uint8)[columns] == DOUBLE
    if is_double.all():
        return doubles
    return np.where(is_double, doubles, taken.view(np.int64).astype(np.float64))


def _show_name(key: str) -> str:
    if not key.startswith(SYSTEM_PREFIX):
        return key
    host, _, name = key[len(SYSTEM_PREFIX) :].partition("/")
    return f"{name} on {host}"


def _show_number(value: float) -> str:
    return f"{value:.6g}".replace("nan", "NaN").replace("inf", "infinite")


def _show_seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"
