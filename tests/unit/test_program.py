"""What `trackd run` reads in the lines that a program prints."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd._program import NOT_EXECUTABLE, NOT_FOUND, Metrics, find, read_metrics


@pytest.mark.parametrize(
    ("line", "step", "values"),
    [
        ("loss=0.25", None, {"loss": 0.25}),
        ("step=3 loss=1 val/acc=9e-1", 3, {"loss": 1, "val/acc": 0.9}),
        ("epoch 2 (loss=-.5, acc=+1.), done", None, {"loss": -0.5, "acc": 1.0}),
        ("12%|█▏ | 3/25 [00:01<00:08, 2.5it/s, loss=0.5]", None, {"loss": 0.5}),
        ("\x1b[32mloss=\x1b[1m0.5\x1b[0m", None, {"loss": 0.5}),
        ("loss=inf grad=-Inf", None, {"loss": math.inf, "grad": -math.inf}),
        ("step=-1 loss=2", None, {"step": -1, "loss": 2}),
        ("step=1.5 loss=2", None, {"step": 1.5, "loss": 2}),
        ("step=7", 7, {}),
        ("a=1 a=2", None, {"a": 2}),
        ("n=123456789012345678 m=12345678901234567890", None, {"n": 123456789012345678, "m": 12345678901234567890.0}),
        ("time=3s a==1 http://h/?x=1&y=2 if a=b; name=run1 v=1.2.3 =5 x= 5 9a=1 1e5", None, {}),
    ],
)  # fmt: skip
def test_pairs_of_a_line_are_metrics(line: str, step: int | None, values: dict[str, Any]) -> None:
    assert read_metrics(line) == (step, values)


def test_nan_is_a_number() -> None:
    assert math.isnan(read_metrics("loss=nan")[1]["loss"])


def test_a_long_line_takes_no_long_time() -> None:
    assert read_metrics("a" * 10_000_000) == (None, {})
    assert read_metrics("a.b=" * 1_000_000) == (None, {})


TEXT = "loss=1\nstep=4 loss=2\r\n 1% loss=3\r 2% loss=4\r\nnothing\nacc=5\rloss=6"


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_rows_do_not_depend_on_how_the_text_comes(cuts: list[int]) -> None:
    rows: list[tuple[dict[str, Any], int | None]] = []
    metrics = Metrics(lambda values, step: rows.append((values, step)))
    bounds = [0, *sorted(cuts), len(TEXT)]
    for begin, end in itertools.pairwise(bounds):
        metrics.hear("stdout", TEXT[begin:end])
    metrics.hear("stderr", "err=1")
    metrics.close()
    assert rows == [
        ({"loss": 1}, None),
        ({"loss": 2}, 4),
        ({"loss": 4}, None),
        ({"loss": 6}, None),
        ({"err": 1}, None),
    ]


def test_what_is_no_program_has_the_code_of_a_shell() -> None:
    assert find("sh") == find("/bin/sh") == 0
    assert find("/etc/passwd") == NOT_EXECUTABLE
    assert find("no-such-program") == find("/no/such/program") == NOT_FOUND
