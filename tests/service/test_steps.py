"""Steps of several writers, of resumed runs, and the times of rows, as a reader sees them."""

from __future__ import annotations

import pytest
from tests.service.reading import get_run, logged, rows

import trackd
from trackd import _settings

pytestmark = pytest.mark.usefixtures("project")


def test_a_second_run_with_the_same_id_goes_on_behind_the_first() -> None:
    first = trackd.init(id="again")
    for i in range(3):
        first.log({"a": i})
    first.finish()
    second = trackd.init(id="again")
    second.log({"b": 1})
    second.log({"a": 9}, step=7)
    second.finish()
    assert rows("again") == [*((i, {"a": i}) for i in range(3)), (3, {"b": 1}), (7, {"a": 9})]
    assert get_run("again").next_step == 7


def test_each_writer_of_a_run_has_its_own_step() -> None:
    one = trackd.init(id="both", mode="shared")
    two = trackd.init(id="both", mode="shared", reinit="create_new")
    for i in range(3):
        one.log({"one": i})
    two.log({"two": 0})
    two.log({"two": 5}, step=10)
    one.log({"one": 3})
    assert (one.step, two.step) == (4, 10)
    one.finish()
    two.finish()
    assert rows("both") == [
        (0, {"one": 0, "two": 0}),
        (1, {"one": 1}),
        (2, {"one": 2}),
        (3, {"one": 3}),
        (10, {"two": 5}),
    ]


def test_gaps_between_steps_are_kept() -> None:
    run = trackd.init()
    for step in (0, 10, 20, 10**15):
        run.log({"a": step}, step=step)
    assert [step for step, _ in logged(run)] == [0, 10, 20, 10**15]


def test_the_same_calls_as_fixed_rows_and_as_records_get_the_same_steps() -> None:
    """A row with a text travels as a record, one of numbers as a fixed-width row: their steps follow one rule."""
    histories = []
    for extra in ({}, {"text": "x"}):
        run = trackd.init(reinit="finish_previous")
        for step, commit in [
            (None, None),
            (None, False),
            (None, None),
            (5, None),
            (5, None),
            (None, None),
        ] * 2 + [
            (40, True),
            (None, True),
            (50, False),
            (None, False),
            (None, None),
            (3, True),
            (None, None),
        ]:
            run.log({"a": 1.0, **extra}, step=step, commit=commit)
        histories.append(([step for step, _ in logged(run)], run.step, get_run(run.id).next_step))
    assert histories[0] == histories[1]
    assert histories[0][1] == histories[0][2]


@pytest.mark.parametrize("value", ["sometimes", "", None, 1])
def test_an_unknown_rule_for_late_steps_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match='can be "keep" or "drop"'):
        _settings.Settings(late_steps=value)
