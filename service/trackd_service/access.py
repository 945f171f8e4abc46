"""Owns who asks just now, and whether they may: the one check before every answer and every change.

Invariants: a face of a team server lets nothing through before it has said who asks; what somebody may not see looks as if it
were not there. Nobody is named where the daemon of one person is asked, or where a server works by itself: both may do all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from trackd_service.errors import PermissionDenied
from trackd_service.principals import Caller, require

_caller: ContextVar[Caller | None] = ContextVar("trackd_caller", default=None)


@contextlib.contextmanager
def asking(caller: Caller | None) -> Iterator[None]:
    """Has what is asked within this be asked by somebody; None for whom everything is allowed."""
    former = _caller.get()
    _caller.set(caller)
    try:
        yield
    finally:
        _caller.set(former)  # and no reset, which a stream that is closed from elsewhere would refuse


def caller() -> Caller | None:
    """Returns who asks; None for whom everything is allowed."""
    return _caller.get()


def reader() -> Callable[[str], bool]:
    """Returns what says of a project whether who asks now may see it: for answers that are given later."""
    asker = _caller.get()
    return (lambda _: True) if asker is None else asker.principal.can_read


def can_read(project: str) -> bool:
    """Says whether the runs of a project may be seen."""
    asker = _caller.get()
    return asker is None or asker.principal.can_read(project)


def check_write(project: str) -> None:
    """Raises PermissionDenied where the runs and views of a project may not be changed."""
    asker = _caller.get()
    if asker is not None:
        allowed = asker.principal.can_write(project)
        require(allowed, f"to change project {project[:80]!r}", "a writer of it")


def check_delete(project: str) -> None:
    """Raises PermissionDenied where the runs of a project may not be deleted."""
    asker = _caller.get()
    if asker is not None:
        allowed = asker.principal.can_administer(project)
        require(allowed, f"to delete runs of project {project[:80]!r}", "an admin of its team")


def check_server(what: str) -> None:
    """Raises PermissionDenied where something is for those alone who look after the whole store."""
    asker = _caller.get()
    if asker is not None and not asker.can_administer_server():
        raise PermissionDenied(f"{what} is not allowed here: it takes a server admin")
