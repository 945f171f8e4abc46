"""Owns what this process has open: its runs, its shippers, and what becomes of both at a fork and at the end.

Invariants: a run that is open when the process ends by itself is finished; no child is forked in the middle of a gRPC
call; a forked child has its runs as helpers and no shipper.
"""

from __future__ import annotations

# These two are not used here. They register fork hooks of their own, and hooks before a fork run in the reverse order of
# their registration: were they imported later, a fork would take the lock of `logging` and then wait for our thread, which
# may be importing gRPC and wait for that lock.
import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
from collections.abc import Callable

from trackd import _exit, _shipper
from trackd._run import Run
from trackd._shipper import Shipper

on_end: list[Callable[[Run], None]] = []  # told when a run has ended

_runs: list[Run] = []
_shippers: dict[tuple[str, bool], Shipper] = {}
_parked: list[Shipper] = []
_left: list[
    Shipper
] = []  # of the process before a fork: closing their channels would wait for threads that are not here


def shipper_of(store: str, start_daemon: bool) -> Shipper:
    """Returns the process's shipper for a store, starting it on first need."""
    key = (store, start_daemon)
    if key not in _shippers:
        _shippers[key] = Shipper(store, start_daemon)
    return _shippers[key]


def keep(run: Run) -> None:
    """Has a run finished when the process ends by itself, and followed into forked children."""
    run.on_end = _forget
    _runs.append(run)
    _exit.install(_finish_all)


def running() -> list[Run]:
    """Returns the runs that are open in this process."""
    return list(_runs)


def _forget(run: Run) -> None:
    if run in _runs:
        _runs.remove(run)
    for follow in on_end:
        follow(run)


def _finish_all(exit_code: int, traceback: str) -> None:
    for run in running():
        run.end(exit_code, traceback)


def _before_fork() -> None:
    _parked.extend(shipper for shipper in _shippers.values() if shipper.park())


def _after_fork_in_parent() -> None:
    while _parked:
        _parked.pop().unpark()


def _after_fork_in_child() -> None:
    _shipper.note_fork()
    _parked.clear()
    _left.extend(_shippers.values())
    _shippers.clear()
    for run in _runs:
        run.become_helper()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
