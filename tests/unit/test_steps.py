import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackd_service.frames import FLAG_COMMIT, FLAG_HOLD, FLAG_STEP
from trackd_service.steps import StepCounter

INT64_MAX = 2**63 - 1
FLAGS = st.sampled_from(
    [0, FLAG_STEP, FLAG_COMMIT, FLAG_HOLD, FLAG_STEP | FLAG_COMMIT, FLAG_STEP | FLAG_HOLD]
)
STEPS = st.integers(0, 12) | st.sampled_from([INT64_MAX, INT64_MAX - 1])


def assign(counter: StepCounter, rows: list[tuple[int, int]]) -> tuple[list[int], list[bool]]:
    flags = np.array([flag for flag, _ in rows], np.int64)
    steps = np.array([step for _, step in rows], np.int64)
    assigned, late = counter.assign(flags, steps)
    return assigned.tolist(), late.tolist()


def test_automatic_rows_take_one_step_each() -> None:
    counter = StepCounter(5)
    assert assign(counter, [(0, 0)] * 3) == ([5, 6, 7], [False] * 3)
    assert counter.current == 8


def test_a_held_step_takes_the_next_row_too() -> None:
    counter = StepCounter()
    assert assign(counter, [(FLAG_HOLD, 0), (FLAG_HOLD, 0), (0, 0), (0, 0)])[0] == [0, 0, 0, 1]


def test_a_given_step_stays_open_and_a_committed_one_does_not() -> None:
    counter = StepCounter()
    rows = [(FLAG_STEP, 7), (FLAG_STEP, 7), (0, 0), (FLAG_STEP | FLAG_COMMIT, 20), (0, 0)]
    assert assign(counter, rows) == ([7, 7, 7, 20, 21], [False] * 5)
    assert counter.current == 22


def test_late_rows_keep_their_step_and_move_nothing() -> None:
    counter = StepCounter(10)
    rows = [(FLAG_STEP, 3), (FLAG_STEP | FLAG_COMMIT, 9), (FLAG_STEP, 10), (0, 0)]
    assert assign(counter, rows) == ([3, 9, 10, 10], [True, True, False, False])
    assert counter.current == 11


def test_the_largest_step_is_shared_and_never_passed() -> None:
    counter = StepCounter(INT64_MAX - 1)
    assert assign(counter, [(0, 0)] * 3) == ([INT64_MAX - 1, INT64_MAX, INT64_MAX], [False] * 3)
    assert counter.current == INT64_MAX


def test_no_rows_change_nothing() -> None:
    counter = StepCounter(4)
    assert assign(counter, []) == ([], [])
    assert counter.current == 4


@given(st.integers(0, 5), st.lists(st.tuples(FLAGS, STEPS), max_size=30), st.integers(0, 30))
def test_rows_get_the_same_steps_however_they_are_cut_into_batches(
    start: int, rows: list[tuple[int, int]], cut: int
) -> None:
    whole, one_by_one, cut_once = StepCounter(start), StepCounter(start), StepCounter(start)
    steps, late = assign(whole, rows)
    singles = [assign(one_by_one, [row]) for row in rows]
    assert steps == [step for single, _ in singles for step in single]
    assert late == [each for _, single in singles for each in single]
    first, second = assign(cut_once, rows[:cut]), assign(cut_once, rows[cut:])
    assert first[0] + second[0] == steps
    assert whole.current == one_by_one.current == cut_once.current
