"""Owns what a control group may use and does use: CPU time and memory, of cgroups of version 1 and 2.

Invariants:
- A limit is the tightest one on the way from a process's group up to the root; use and throttling are those of the group
  that sets it, because that is the group the kernel slows down or kills in.
- "No limit" is None, never a huge number. What cannot be read is no limit.
- The root is the root that this process sees: in a container, the container's own group.

Sources: the kernel's documentation, "Control Group v2" (cpu.max, cpu.stat, memory.max, memory.current, memory.stat),
"CFS Bandwidth Control" and "Memory Resource Controller" (version 1), and cgroups(7) for /proc/PID/cgroup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_V1_UNLIMITED_BYTES = (
    1 << 62
)  # version 1 says "no limit" by the largest number of whole pages, just below 2 ** 63


@dataclass(frozen=True, slots=True)
class CpuLimit:
    """How much CPU time a group may use, and what it did use.

    Attributes:
        cores: The quota as a number of cores, above 0; 1.5 is 150 ms of CPU time every 100 ms.
        usage_seconds: CPU time of all its processes since it was made; None where that is not counted.
        period_count: How many scheduling periods it had work in, since it was made.
        throttled_count: In how many of these it used up its quota and had to wait.
    """

    cores: float
    usage_seconds: float | None
    period_count: int
    throttled_count: int


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """How much memory a group may hold, and what it holds.

    Attributes:
        limit_bytes: Where the kernel begins to kill.
        usage_bytes: What its processes hold, without the pages of files that the kernel can drop at once; None where
            that is not counted.
    """

    limit_bytes: int
    usage_bytes: int | None


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group of a process, seen through the controllers for CPU and memory.

    Attributes:
        cpu_folders: The group's folder and its parents', upwards to the root.
        memory_folders: The same, of the other controller in version 1.
        is_v2: Which version's files stand in them.
    """

    cpu_folders: tuple[Path, ...]
    memory_folders: tuple[Path, ...]
    is_v2: bool

    def cpu(self) -> CpuLimit | None:
        """Returns the tightest limit of CPU time, or None when there is none."""
        limits = [
            (cores, folder) for folder in self.cpu_folders if (cores := self._cores(folder)) is not None
        ]
        if not limits:
            return None
        cores, folder = min(limits)
        statistics = _read_table(folder / "cpu.stat")
        return CpuLimit(
            cores,
            self._cpu_usage(folder, statistics),
            statistics.get("nr_periods", 0),
            statistics.get("nr_throttled", 0),
        )

    def memory(self) -> MemoryLimit | None:
        """Returns the tightest limit of memory, or None when there is none."""
        name = "memory.max" if self.is_v2 else "memory.limit_in_bytes"
        limits = [
            (limit, folder)
            for folder in self.memory_folders
            if (limit := _read_number(folder / name)) is not None and 0 < limit < _V1_UNLIMITED_BYTES
        ]
        if not limits:
            return None
        limit, folder = min(limits)
        return MemoryLimit(limit, self._memory_usage(folder))

    def _cores(self, folder: Path) -> float | None:
        if self.is_v2:
            quota, _, period = _read(folder / "cpu.max").partition(" ")
        else:
            quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        try:
            cores = int(quota) / int(period)
        except (ValueError, ZeroDivisionError):  # "max", or not there
            return None
        return cores if cores > 0 else None

    def _cpu_usage(self, folder: Path, statistics: dict[str, int]) -> float | None:
        if self.is_v2:
            usage = statistics.get("usage_usec")
            return None if usage is None else usage / 1e6
        controller = self.cpu_folders[-1]
        accounting = controller.with_name("cpuacct") / folder.relative_to(controller)
        nanoseconds = _read_number(accounting / "cpuacct.usage")
        return None if nanoseconds is None else nanoseconds / 1e9

    def _memory_usage(self, folder: Path) -> int | None:
        usage = _read_number(folder / ("memory.current" if self.is_v2 else "memory.usage_in_bytes"))
        if usage is None:
            return None
        statistics = _read_table(folder / "memory.stat")
        return max(usage - statistics.get("inactive_file" if self.is_v2 else "total_inactive_file", 0), 0)


def of_process(pid: int, proc: Path = _PROC, root: Path = _ROOT) -> Cgroup:
    """Returns the group of a process; the root's when the process is gone or its group is outside of what is seen here.

    Args:
        pid: The process, as numbered in `proc`.
        proc: Where the proc file system is mounted.
        root: Where the cgroup file systems are mounted: version 2 itself, or a folder with one folder a controller of
            version 1.
    """
    paths: dict[str, str] = {}
    for line in _read(proc / str(pid) / "cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(",") if number != "0" else [""]:
            paths[controller] = path
    if _is_v2(root):
        folders = tuple(_upwards(root, paths.get("", "/")))
        return Cgroup(folders, folders, is_v2=True)
    return Cgroup(
        tuple(_upwards(root / "cpu", paths.get("cpu", "/"))),
        tuple(_upwards(root / "memory", paths.get("memory", "/"))),
        is_v2=False,
    )


def of_machine(root: Path = _ROOT) -> Cgroup:
    """Returns the root's group: of a machine it has no limits, of a container it has the container's."""
    if _is_v2(root):
        return Cgroup((root,), (root,), is_v2=True)
    return Cgroup((root / "cpu",), (root / "memory",), is_v2=False)


def _is_v2(root: Path) -> bool:
    return (root / "cgroup.controllers").exists()


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """Yields the folders of a group and its parents; only the root's where the path leads out of what is mounted here."""
    relative = PurePosixPath(path.lstrip("/"))
    if ".." in relative.parts or not (root / relative).is_dir():
        relative = PurePosixPath()
    yield root / relative
    for parent in relative.parents:
        yield root / parent


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""


def _read_number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text.isdecimal() else None


def _read_table(path: Path) -> dict[str, int]:
    """Returns a file of lines "name number"."""
    pairs = (line.partition(" ") for line in _read(path).splitlines())
    return {name: int(number) for name, _, number in pairs if number.isdecimal()}
