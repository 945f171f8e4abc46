"""Owns the tests of interrupts: Ctrl+C comes between any two calls of ours, and leaves nothing behind that hangs later."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from tests.service.reading import rows

import trackd

_PLACES_MAX = 2_000


@contextmanager
def interrupt_after(place: int) -> Iterator[None]:
    """Raises KeyboardInterrupt behind the call of that number that ends within, as a signal handler may."""
    left = place

    def watch(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal left
        if event in ("return", "c_return"):
            left -= 1
            if left < 0:
                sys.setprofile(None)
                raise KeyboardInterrupt

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


def interrupt_everywhere(action: Callable[[], object], check: Callable[[], object]) -> int:
    """Does something again and again, interrupted behind its first call, its second and so on; returns how many there are."""
    for place in range(_PLACES_MAX):
        try:
            with interrupt_after(place):
                action()
        except KeyboardInterrupt:
            check()
            continue
        return place
    raise AssertionError(f"the action makes more than {_PLACES_MAX} calls")


@pytest.mark.parametrize("action", ["print", "log", "flush", "summary"])
def test_interrupt_at_any_moment_leaves_nothing_taken(
    action: str, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trackd.init(id=action, settings={"console": "wrap", "quiet": True})
    run.log({"n": -1})
    assert run.flush(60)
    count = 0

    def act() -> Any:
        if action == "print":
            print("a line of output")  # noqa: T201 - what is tested
        elif action == "log":
            run.log({f"key {count}": 1.0, "text": "with a record"})
        elif action == "flush":
            run.flush(60)
        else:
            return run.summary["n"]
        return None

    def check() -> None:
        nonlocal count
        count += 1
        # Another thread's row comes through, and so does the answer that it is there: no lock is left taken.
        thread = threading.Thread(target=run.log, args=({"n": count},))
        thread.start()
        thread.join(60)
        assert not thread.is_alive(), f"log() hangs after an interrupt behind call {count}"
        if count % 10 == 0:
            assert run.flush(60), f"flush() hears nothing after an interrupt behind call {count}"

    places = interrupt_everywhere(act, check)
    assert places == count > 3
    assert run.flush(60)
    run.finish()
    capsys.readouterr()
    found = [row["n"] for _, row in rows(action, project) if "n" in row]
    assert found == [-1, *range(1, count + 1)]
