"""Owns how the daemon learns that a process which is not its child has ended, and by what.

Invariants:
- A pid alone names nobody: a process is watched only when it holds a file open that its run alone has. Pids of other
  namespaces and pids used again are turned away by that.
- What no source tells is "not known", and may be known later. One thing is inferred: a process whose status nobody knows and
  in whose group the OOM killer has been at work since was taken by it.
- Nothing here waits, and nothing here takes a process's end away from its parent.

Sources, best first: a pidfd tells that the process has ended (pidfd_open(2)). While it is a zombie, /proc/PID/stat has its
wait status (field 52, proc_pid_stat(5)). Once its parent has reaped it, the pidfd has it (PIDFD_GET_INFO of the kernel's
include/uapi/linux/pidfd.h, Linux >= 6.15). What the OOM killer took is counted for each control group (`oom_kill` in
memory.events of version 2, in memory.oom_control of version 1) and for the machine (/proc/vmstat).
"""

from __future__ import annotations

import fcntl
import functools
import os
import select
import struct
from dataclasses import dataclass
from pathlib import Path

from trackd_service import cgroups

_PROC = Path("/proc")
_BOOT_ID = _PROC / "sys/kernel/random/boot_id"
_SIGKILL = 9  # what the OOM killer sends

# struct pidfd_info, first version (PIDFD_INFO_SIZE_VER0), which later kernels answer too: u64 mask, u64 cgroupid, u32 pid,
# tgid, ppid and eight ids of users and groups, s32 exit_code.
_INFO = struct.Struct("=QQ3I8Ii")
_INFO_EXIT = (
    1 << 3
)  # PIDFD_INFO_EXIT: asked for in the mask, and set in the answer once the process is reaped
_GET_INFO = (
    (3 << 30) | (_INFO.size << 16) | (0xFF << 8) | 11
)  # _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.

    Attributes:
        exit_code: 0 to 255; None when it is not known, or when a signal ended the process.
        signal: The number of the signal that ended it; 0 for none, and when it is not known.
        is_out_of_memory: Whether the kernel's OOM killer took it.
    """

    exit_code: int | None
    signal: int
    is_out_of_memory: bool


@dataclass(frozen=True, slots=True)
class _Stat:
    """What /proc/PID/stat says."""

    is_ended: bool
    start_ticks: int  # since boot: with the pid, it names one process
    wait_status: int


class ProcessWatch:
    """Watches one process of this host and user from its life on; costs one file descriptor."""

    def __init__(self, pid: int, descriptor: int, start_ticks: int) -> None:
        """Use `open`."""
        self._pid = pid
        self._descriptor = descriptor
        self._start_ticks = start_ticks
        self._kills = _KillCounter(pid)
        self._exit: Exit | None = None  # once all is known

    @staticmethod
    def open(pid: int, holds: Path) -> ProcessWatch | None:
        """Returns a watch on a process that holds the file `holds` open.

        Returns None when there is no such process, when it is another one, and where that cannot be told: of another
        user, and on systems without /proc. Costs about 7 µs for each file that the process has open.
        """
        if pid <= 0:
            return None
        # The descriptor first: from then on the pid cannot come to mean another process without our knowing.
        descriptor = _open_descriptor(pid)
        stat = _read_stat(pid)
        if stat is None or not _is_held(pid, holds):
            if descriptor >= 0:
                os.close(descriptor)
            return None
        return ProcessWatch(pid, descriptor, stat.start_ticks)

    @property
    def descriptor(self) -> int:
        """A pidfd, readable from the end of the process on; -1 where the system has none, and once closed."""
        return self._descriptor

    def exit(self) -> Exit | None:
        """Returns None while the process lives, else what is known of its end by now.

        A wait status is known while the process is a zombie, and again, on newer kernels, once it has been reaped.
        """
        if self._exit is not None:
            return self._exit
        if self._descriptor >= 0 and not _is_readable(self._descriptor):
            return None
        stat = _read_stat(self._pid)
        if stat is not None and stat.start_ticks != self._start_ticks:
            stat = None  # the pid is another process's by now
        if stat is not None and not stat.is_ended:
            return None
        status = self._reaped_status() if stat is None else stat.wait_status
        if status is None:
            is_killed = self._kills.has_grown(is_group_only=True)
            return Exit(None, _SIGKILL if is_killed else 0, is_killed)
        signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self._exit = Exit(
            None if signal else os.WEXITSTATUS(status),
            signal,
            signal == _SIGKILL and self._kills.has_grown(),
        )
        return self._exit

    def close(self) -> None:
        """Gives the descriptor back; what was known by then can still be asked for."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _reaped_status(self) -> int | None:
        """Returns the wait status that the kernel keeps with the pidfd, or None where it does not."""
        if self._descriptor < 0:
            return None
        try:
            answer = fcntl.ioctl(self._descriptor, _GET_INFO, _INFO.pack(_INFO_EXIT, *[0] * 13))
        except OSError:  # an older kernel, or not reaped yet
            return None
        mask, *_, status = _INFO.unpack(answer)
        return int(status) if mask & _INFO_EXIT else None


@functools.cache
def boot_id() -> str:
    """Returns the id of this boot of the machine, a UUID; "" where the system gives none."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


class _KillCounter:
    """Tells whether the OOM killer has been at work since the counter was made: in a process's group, or anywhere."""

    def __init__(self, pid: int) -> None:
        group = cgroups.of_process(pid)
        self._path = group.memory_folders[0] / ("memory.events" if group.is_v2 else "memory.oom_control")
        self._group_count = _read_oom_kills(self._path)
        self._machine_count = _read_oom_kills(_PROC / "vmstat")

    def has_grown(self, *, is_group_only: bool = False) -> bool:
        """Says whether a process was killed; a group that is gone is answered for by the machine, if that is wanted."""
        count = _read_oom_kills(self._path)
        if count is not None and self._group_count is not None:
            return count > self._group_count
        if is_group_only:
            return False
        count = _read_oom_kills(_PROC / "vmstat")
        return count is not None and self._machine_count is not None and count > self._machine_count


def _read_oom_kills(path: Path) -> int | None:
    """Returns the number behind "oom_kill" in a file of lines "name number"; None where there is none."""
    try:
        text = path.read_text("ascii", "replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if name == "oom_kill" and number.isdecimal():
            return int(number)
    return None


def _open_descriptor(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, a Python built without it, or no descriptor is free
        return -1


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()  # select.select() takes no descriptor above 1,023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _read_stat(pid: int) -> _Stat | None:
    """Returns the state of a process, or None when there is none of that pid."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("ascii", "replace")
    except OSError:
        return None
    # The name, field 2, may hold blanks and brackets; the rest begins with field 3, the state.
    fields = text.rpartition(")")[2].split()
    if len(fields) < 50:
        return None
    # A first thread that has ended is a zombie too, while others of its process live.
    is_ended = fields[0] in ("Z", "X") and int(fields[17]) <= 1
    return _Stat(is_ended, int(fields[19]), int(fields[49]))


def _is_held(pid: int, path: Path) -> bool:
    """Says whether a process has a file open."""
    try:
        wanted = path.stat()
        with os.scandir(_PROC / str(pid) / "fd") as entries:
            return any(_is_same(entry, wanted) for entry in entries)
    except OSError:
        return False


def _is_same(entry: os.DirEntry[str], wanted: os.stat_result) -> bool:
    try:
        found = entry.stat()
    except OSError:  # closed meanwhile
        return False
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
