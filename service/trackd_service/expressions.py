"""Owns expressions over metrics: their grammar, and their value at each step of a run. Pure: NumPy only.

Invariants: nothing is evaluated but the few operators and functions named here; length, depth and the number of metrics
are bounded, so an expression costs no more than its metrics; no value raises: what has no result is NaN or infinite.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from trackd_service.series import BoolArray, Float64Array, Int64Array, Series, empty

LENGTH_MAX = 1_000
DEPTH_MAX = 50
METRICS_MAX = 20

# A slash or a dot is a part of a name only where letters follow at once: `a/b` is a metric, `a / b` divides two.
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:[/.]+[A-Za-z0-9_]+)*)"
    r'|"(?P<quoted>(?:[^"\\]|\\.)*)"'
    r"|(?P<sign>\*\*|[-+*/%(),]))"
)
_OPERAND = "a number, a metric, a function or '('"

Value: TypeAlias = Any  # a float, or a float64 array of one value a step
Program: TypeAlias = Callable[[Mapping[str, Float64Array]], Value]


class ExpressionInvalid(ValueError):
    """The text is no expression; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was understood.

    Attributes:
        text: As it was written.
        metrics: The names in it, each once, in their order.
        program: Computes it; compares by the text alone.
    """

    text: str
    metrics: tuple[str, ...]
    program: Program = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The values of an expression.

    Attributes:
        series: The points: every step at which any of the metrics has a value, and all have one there or before.
        is_joined: bool, of the same shape: whether a metric took its last value before the step.
        missing_count: How many steps come before the first value of one of the metrics.
    """

    series: Series
    is_joined: BoolArray
    missing_count: int


def parse(text: str) -> Expression:
    """Returns an expression; raises ExpressionInvalid."""
    if len(text) > LENGTH_MAX:
        raise ExpressionInvalid(
            f"expression is {len(text):,} characters; the limit is {LENGTH_MAX:,}: name parts of it in the code that logs"
        )
    parser = _Parser(text)
    program = parser.sum(0)
    parser.expect_end()
    if not parser.metrics:
        raise ExpressionInvalid(f"expression {text[:60]!r} names no metric: write one, for example loss / 2")
    if len(parser.metrics) > METRICS_MAX:
        raise ExpressionInvalid(
            f"expression names {len(parser.metrics)} metrics; the limit is {METRICS_MAX}: split it"
        )
    return Expression(text, tuple(parser.metrics), program)


def evaluate(expression: Expression, series: Sequence[Series]) -> Evaluated:
    """Computes an expression on the metrics of one run.

    Args:
        expression: The expression.
        series: The points of its metrics, in their order; an empty one where the run has no such metric.

    Returns:
        Its values, a number each; the time of a step is the latest that any of the metrics has there.
    """
    steps: Int64Array = np.unique(np.concatenate([each.steps for each in series]))
    times = np.full(len(steps), np.iinfo(np.int64).min)
    is_there = np.ones(len(steps), np.bool_)
    is_joined = np.zeros(len(steps), np.bool_)
    values: dict[str, Float64Array] = {}
    for name, each in zip(expression.metrics, series, strict=True):
        if len(each) == 0 or each.doubles is None:
            return Evaluated(empty(expression.text, "number"), np.zeros(0, np.bool_), len(steps))
        own = np.searchsorted(steps, each.steps)
        times[own] = np.maximum(times[own], each.times)
        places = np.searchsorted(each.steps, steps, side="right") - 1
        is_there &= places >= 0
        places = np.maximum(places, 0)
        is_joined |= each.steps[places] != steps
        values[name] = each.doubles[places]
    # Rows that are left out may hold anything: they are cut off after the arithmetic.
    with np.errstate(all="ignore"):
        result = np.broadcast_to(np.asarray(expression.program(values), np.float64), steps.shape)[is_there]
    return Evaluated(
        Series(expression.text, "number", steps[is_there], times[is_there], np.ascontiguousarray(result)),
        is_joined[is_there],
        len(steps) - int(is_there.sum()),
    )


def _fold(function: Callable[[Value, Value], Value]) -> Callable[..., Value]:
    def folded(*values: Value) -> Value:
        result = values[0]
        for value in values[1:]:
            result = function(result, value)
        return result

    return folded


_ONE_ARGUMENT: dict[str, Callable[..., Value]] = {
    "abs": np.abs,
    "log": np.log,
    "exp": np.exp,
    "sqrt": np.sqrt,
}
_ANY_ARGUMENTS: dict[str, Callable[..., Value]] = {"min": _fold(np.minimum), "max": _fold(np.maximum)}
_FUNCTIONS = _ONE_ARGUMENT | _ANY_ARGUMENTS
_SUMS: dict[str, Callable[[Value, Value], Value]] = {"+": np.add, "-": np.subtract}
_PRODUCTS: dict[str, Callable[[Value, Value], Value]] = {"*": np.multiply, "/": np.divide, "%": np.mod}


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the text: what it is, what it says, and where it begins, from 1."""

    kind: str
    text: str
    position: int


class _Parser:
    """Reads an expression from left to right: sums of products of powers."""

    def __init__(self, text: str) -> None:
        self.metrics: dict[str, None] = {}
        self._tokens = list(_tokens(text))
        self._next = 0

    def sum(self, depth: int) -> Program:
        """Reads terms that are added."""
        return self._chain(_SUMS, self._product, depth)

    def expect_end(self) -> None:
        """Checks that nothing follows."""
        if self._peek().kind != "end":
            self._refuse("an operator or the end")

    def _chain(
        self,
        operators: Mapping[str, Callable[[Value, Value], Value]],
        read: Callable[[int], Program],
        depth: int,
    ) -> Program:
        first = read(depth)
        rest: list[tuple[Callable[[Value, Value], Value], Program]] = []
        while self._peek().kind == "sign" and self._peek().text in operators:
            operator = operators[self._take().text]
            rest.append((operator, read(depth)))
        if not rest:
            return first

        # A loop, not nested calls: a chain is as long as the text allows.
        def program(values: Mapping[str, Float64Array]) -> Value:
            result = first(values)
            for operator, operand in rest:
                result = operator(result, operand(values))
            return result

        return program

    def _product(self, depth: int) -> Program:
        return self._chain(_PRODUCTS, self._signed, depth)

    def _signed(self, depth: int) -> Program:
        is_negative = False
        while self._peek().kind == "sign" and self._peek().text in ("+", "-"):
            is_negative ^= self._take().text == "-"
        operand = self._power(depth)
        return (lambda values: np.negative(operand(values))) if is_negative else operand

    def _power(self, depth: int) -> Program:
        base = self._operand(depth)
        if not self._is_sign("**"):
            return base
        self._take()
        exponent = self._signed(self._deeper(depth))
        return lambda values: np.power(np.asarray(base(values), np.float64), exponent(values))

    def _operand(self, depth: int) -> Program:
        token = self._peek()
        if token.kind == "number":
            value = np.float64(self._take().text)
            return lambda _: value
        if token.kind == "quoted":
            return self._metric(re.sub(r"\\(.)", r"\1", self._take().text))
        if token.kind == "name":
            self._take()
            if not self._is_sign("("):
                return self._metric(token.text)
            return self._call(token, depth)
        if not self._is_sign("("):
            self._refuse(_OPERAND)
        self._take()
        inside = self.sum(self._deeper(depth))
        self._close("an operator or ')'")
        return inside

    def _metric(self, name: str) -> Program:
        self.metrics[name] = None
        return lambda values: values[name]

    def _call(self, name: _Token, depth: int) -> Program:
        if name.text not in _FUNCTIONS:
            raise ExpressionInvalid(
                f"expression has {name.text[:40]!r} at position {name.position}, which is no function; "
                f"there are {', '.join(_FUNCTIONS)}"
            )
        self._take()
        arguments = [self.sum(self._deeper(depth))]
        while name.text in _ANY_ARGUMENTS and self._is_sign(","):
            self._take()
            arguments.append(self.sum(self._deeper(depth)))
        self._close("',' or ')'" if name.text in _ANY_ARGUMENTS else "an operator or ')'")
        function = _FUNCTIONS[name.text]
        return lambda values: function(*(argument(values) for argument in arguments))

    def _deeper(self, depth: int) -> int:
        if depth >= DEPTH_MAX:
            raise ExpressionInvalid(
                f"expression is nested more than {DEPTH_MAX} deep at position {self._peek().position}: split it"
            )
        return depth + 1

    def _close(self, expected: str) -> None:
        if not self._is_sign(")"):
            self._refuse(expected)
        self._take()

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _is_sign(self, sign: str) -> bool:
        return self._peek().kind == "sign" and self._peek().text == sign

    def _refuse(self, expected: str) -> None:
        token = self._peek()
        found = "ends" if token.kind == "end" else f"has {token.text[:40]!r}"
        raise ExpressionInvalid(f"expression {found} at position {token.position}; expected {expected}")


def _tokens(text: str) -> Sequence[_Token]:
    tokens: list[_Token] = []
    place = 0
    stop = len(text.rstrip())
    while place < stop:
        match = _TOKEN.match(text, place, stop)
        if match is None:
            at = place + len(text[place:]) - len(text[place:].lstrip())
            what = "a quote that is not closed" if text[at] == '"' else repr(text[at])
            raise ExpressionInvalid(
                f"expression has {what} at position {at + 1}; expected {_OPERAND} or an operator "
                "(quote names of other letters)"
            )
        kind = str(match.lastgroup)
        begin = match.start(kind) - (kind == "quoted")
        tokens.append(_Token(kind, match[kind], begin + 1))
        place = match.end()
    tokens.append(_Token("end", "", len(text) + 1))
    return tokens
