"""Owns what a writer asks of its disk: room that cannot be taken back, a lock, that files are kept.

Invariant: a full disk is met here, as an OSError, and never by a store into mapped memory.
"""

from __future__ import annotations

import errno
import os

try:
    import fcntl
except ImportError:  # pragma: no cover - no flock on Windows: the daemon then goes by the pid
    fcntl = None  # type: ignore[assignment]

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNSUPPORTED = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV}


def lock(descriptor: int) -> None:
    """Locks a part that is being made; where the file system has no locks, the daemon sees a writer that is gone.

    Raises:
        BlockingIOError: a daemon that has just started looks whether the file was left by a dead client.
    """
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass


def grant(descriptor: int, size: int, offset: int = 0) -> None:
    """Has the disk grant `size` bytes from an offset on, so that no store into them can fail for lack of space."""
    try:
        os.posix_fallocate(descriptor, offset, size)
    except (AttributeError, OSError) as error:
        # ENOSPC and EDQUOT are the answer; file systems and systems without the call get zeros written instead.
        if isinstance(error, OSError) and error.errno not in _UNSUPPORTED:
            raise
        zeros = bytes(1 << 16)
        for done in range(0, size, len(zeros)):
            os.pwrite(descriptor, zeros[: size - done], offset + done)


def sync_path(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(path: str) -> int:
    """Returns a file's size in bytes; 0 when the daemon has deleted it."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
