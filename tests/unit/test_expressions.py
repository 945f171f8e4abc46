import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.array_source import numbers

from trackd_service.expressions import ExpressionInvalid, evaluate, parse

NUMBERS = st.floats(-1e3, 1e3, allow_nan=False).map(lambda value: round(value, 3))
NAMES = st.sampled_from(["a", "train/loss", "x.y", "_b2", "min"])
QUOTED = st.text('ab \u00e9"\\/+', min_size=1, max_size=6)


def quote(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def formulas(draw: st.DrawFn, depth: int = 3) -> tuple[str, str]:
    """Draws an expression of ours with spaces around its operators, and the same in Python over NumPy."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        if draw(st.booleans()):
            name = draw(NAMES)
            return (quote(name) if name == "min" else name), f"v[{name!r}]"
        number = repr(abs(draw(NUMBERS)))
        return number, f"np.float64({number})"
    one, python_one = draw(formulas(depth - 1))
    two, python_two = draw(formulas(depth - 1))
    kind = draw(
        st.sampled_from(
            ["+", "-", "*", "/", "%", "**", "()", "neg", "abs", "log", "exp", "sqrt", "min", "max"]
        )
    )
    if kind == "()":
        return f"({one})", f"({python_one})"
    if kind == "neg":
        return f"-({one})", f"-({python_one})"
    if kind in ("abs", "log", "exp", "sqrt"):
        return f"{kind}({one})", f"np.{kind}({python_one})"
    if kind in ("min", "max"):
        return f"{kind}({one}, {two})", f"np.{kind}imum({python_one}, {python_two})"
    return f"{one} {kind} {two}", f"{python_one} {kind} {python_two}"


@given(formula=formulas(), seed=st.integers(0, 20))
def test_value_is_that_of_the_same_formula_in_python(formula: tuple[str, str], seed: int) -> None:
    text, in_python = formula
    random = np.random.default_rng(seed)
    values = {name: random.normal(scale=10, size=6) for name in ("a", "train/loss", "x.y", "_b2", "min")}
    if "v[" not in in_python:
        with pytest.raises(ExpressionInvalid, match="names no metric"):
            parse(text)
        return
    expression = parse(text)
    found = evaluate(expression, [numbers(range_of(6), values[name]) for name in expression.metrics])
    with np.errstate(all="ignore"):
        expected = eval(in_python, {"np": np, "v": values})
    assert (found.missing_count, int(found.is_joined.sum())) == (0, 0)
    np.testing.assert_array_equal(found.series.doubles, np.broadcast_to(expected, 6))


def range_of(count: int) -> list[int]:
    return list(range(count))


@given(name=QUOTED)
def test_quoted_name_is_any_name(name: str) -> None:
    assert parse(f"1 + {quote(name)}").metrics == (name,)


@given(text=st.text('ab/. 12+-*%(),"\\$\u0663', max_size=20))
def test_any_text_is_an_expression_or_one_sentence_about_it(text: str) -> None:
    said = ""
    try:
        parse(text)
    except ExpressionInvalid as error:
        said = str(error)
    assert said == "" or said.startswith("expression ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-a ** 2", -9.0),
        ("2 ** -1 * a", 1.5),
        ("a ** 2 ** 0.5", 3.0 ** (2**0.5)),
        ("1 - 2 - a", -4.0),
        ("12 / a / 2", 2.0),
        ("a/b", 7.0),
        ("a / b", 0.75),
        ("a /b", 0.75),
        ("-7 % a", 2.0),
        ("+-+a", -3.0),
        ("1e1*a+.5", 30.5),
        ("max(a, b, 3.5)", 4.0),
        ("a / 0", math.inf),
        ("log(-a)", math.nan),
        ("0 / (a - a)", math.nan),
        ("exp(a * 1000)", math.inf),
        ("(0 - a) ** 0.5", math.nan),
    ],
)
def test_operators_bind_as_in_python_and_no_value_raises(text: str, value: float) -> None:
    known = {"a": 3.0, "b": 4.0, "a/b": 7.0}
    expression = parse(text)
    found = evaluate(expression, [numbers([0], [known[name]]) for name in expression.metrics])
    np.testing.assert_array_equal(found.series.doubles, [value])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expression ends at position 1; expected a number, a metric, a function or '('"),
        ("a +", "expression ends at position 4; expected a number, a metric, a function or '('"),
        ("(a", "expression ends at position 3; expected an operator or ')'"),
        ("a b", "expression has 'b' at position 3; expected an operator or the end"),
        ("log(a, b)", "expression has ',' at position 6; expected an operator or ')'"),
        (
            "f(a)",
            "expression has 'f' at position 1, which is no function; there are abs, log, exp, sqrt, min, max",
        ),
        (
            'a + "b',
            (
                "expression has a quote that is not closed at position 5; expected a number, a metric, a function "
                "or '(' or an operator (quote names of other letters)"
            ),
        ),
        ("3 * 4", "expression '3 * 4' names no metric: write one, for example loss / 2"),
        ("(" * 51 + "a", "expression is nested more than 50 deep at position 52: split it"),
        (
            "a" * 1001,
            "expression is 1,001 characters; the limit is 1,000: name parts of it in the code that logs",
        ),
        (" + ".join(f"a{i}" for i in range(21)), "expression names 21 metrics; the limit is 20: split it"),
    ],
)
def test_fault_is_told_with_its_place_and_what_was_expected(text: str, sentence: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        parse(text)
    assert str(caught.value) == sentence


@given(
    one=st.dictionaries(st.integers(0, 20), st.floats(-5, 5), min_size=1),
    two=st.dictionaries(st.integers(0, 20), st.floats(-5, 5), min_size=1),
)
def test_metrics_are_joined_by_step_with_the_last_value_before(
    one: dict[int, float], two: dict[int, float]
) -> None:
    one, two = dict(sorted(one.items())), dict(sorted(two.items()))
    found = evaluate(
        parse("a - b"),
        [
            numbers(list(one), list(one.values()), [step * 10 for step in one]),
            numbers(list(two), list(two.values()), [step * 10 + 1 for step in two]),
        ],
    )
    steps = sorted(one | two)
    rows = [step for step in steps if min(one) <= step and min(two) <= step]
    assert found.series.steps.tolist() == rows
    assert found.missing_count == len(steps) - len(rows)
    assert found.is_joined.tolist() == [step not in one or step not in two for step in rows]
    assert found.series.times.tolist() == [step * 10 + (step in two) for step in rows]
    expected = [
        one[max(at for at in one if at <= row)] - two[max(at for at in two if at <= row)] for row in rows
    ]
    np.testing.assert_array_equal(found.series.doubles, np.array(expected, np.float64))
