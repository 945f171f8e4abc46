"""Owns the measuring of this machine and of the processes of runs: CPU, memory, disks, network, temperatures, accelerators.

Invariants:
- Nothing raises out of a sample: what cannot be read is left out, and said once in the daemon's log.
- A rate needs two samples. A count that is new, or that went back, gives none for that once; no rate is negative.
- A process is its pid and its start: a pid that is used again is another process, and no writer of the run.
- psutil and the drivers' libraries are imported at the first sample. Looking for children, and reading temperatures, take
  at most a thousandth of a core each: where they cost more they are done less often.

docs/system_metrics.md lists every metric with its unit and range. /proc/PID/stat, /proc/PID/io and
/proc/PID/task/TID/children are described in proc(5).
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from trackd_service import accelerators, cgroups
from trackd_service.accelerators import Accelerators

_log = logging.getLogger(__name__)
_Key = TypeVar("_Key", bound=Hashable)

_PAUSE_RATIO = 1000  # what took 1 ms of CPU time is done again after 1 s at the earliest: 0.1 % of a core
_TEMPERATURE_CELSIUS_MIN = -40  # a sensor that is not connected tells the end of its range, often 255
_TEMPERATURE_CELSIUS_MAX = 150
_STAT_BYTES = 4096  # /proc/PID/stat and /proc/PID/io have a few hundred
_CHILDREN_BYTES = 65_536  # 8,000 children of one thread


class Sampler:
    """Measures one machine. Not for several threads at a time.

    It holds the accelerators' drivers open between samples; `close` gives them back, the next sample opens them again.
    """

    def __init__(
        self,
        disk_paths: Sequence[str] = ("/",),
        *,
        open_accelerators: Callable[[], Accelerators] = accelerators.open_present,
        proc: Path = Path("/proc"),
        cgroup_root: Path = Path("/sys/fs/cgroup"),
    ) -> None:
        """Remembers what to measure; imports and opens nothing.

        Args:
            disk_paths: Files or folders whose file systems are watched; one that is not there is left out.
            open_accelerators: Opens the accelerators at the first sample.
            proc: Where the proc file system is mounted.
            cgroup_root: Where the cgroup file systems are mounted.
        """
        self._disk_paths = disk_paths
        self._open_accelerators = open_accelerators
        self._accelerators: Accelerators | None = None
        self._proc = proc
        self._cgroup_root = cgroup_root
        self._processes: _Processes | None = None
        self._tree: _Tree | None = None
        self._runs: dict[str, _Run] = {}
        self._cpu_rates: _Rates[tuple[str, int]] = _Rates()
        self._rates: _Rates[tuple[str, str]] = _Rates()
        self._mounts: dict[str, str] = {}
        self._physical: dict[frozenset[str], list[str]] = {}
        self._memory_size_bytes = 0
        self._temperature_budget = _Budget()
        self._complaints: set[str] = set()

    def sample_machine(self) -> dict[str, float]:
        """Returns the machine's metrics; rates and utilisations of CPUs are since the call before, and not in the first."""
        values: dict[str, float] = {}
        totals: dict[tuple[str, str], float] = {}
        for read in (
            self._read_cpu,
            self._read_memory,
            self._read_disks,
            self._read_networks,
            self._read_temperatures,
            self._read_accelerators,
        ):
            with self._forgiving(read.__name__):
                read(values, totals)
        values.update(_sum_by_name(self._rates.update(totals)))
        return _finite(values)

    def sample_processes(self, key: str, pids: Iterable[int]) -> dict[str, float]:
        """Returns the metrics of some processes and all their descendants together.

        What they use of accelerators is as of the last `sample_machine`.

        Args:
            key: Tells the groups of processes apart, for the rates; a run's id.
            pids: The processes, as numbered for this process. One that is gone is left out, also when its pid is used
                again while it is still asked for.

        Returns:
            Nothing when all of them are gone.
        """
        values: dict[str, float] = {}
        with self._forgiving("sample_processes"):
            self._read_processes(values, self._runs.setdefault(key, _Run()), set(pids))
        return _finite(values)

    def forget(self, key: str) -> None:
        """Forgets a group of processes."""
        self._runs.pop(key, None)

    def describe(self) -> dict[str, str | int | float]:
        """Returns what does not change while the machine runs; what is not known is left out."""
        facts: dict[str, str | int | float] = {}
        for describe in (_describe_system, _describe_cpu, self._describe_limits, self._describe_accelerators):
            with self._forgiving(describe.__name__):
                facts.update(describe())
        return facts

    def close(self) -> None:
        """Gives the accelerators' drivers back and forgets all groups of processes."""
        self._runs.clear()
        if self._accelerators is not None:
            self._accelerators.close()
            self._accelerators = None

    @contextlib.contextmanager
    def _forgiving(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - no trouble of a machine ends its measuring
            if name not in self._complaints:
                self._complaints.add(name)
                _log.warning("system metrics: %s: %s: %s", name.strip("_"), type(error).__name__, error)

    def _read_cpu(self, values: dict[str, float], _totals: Mapping[tuple[str, str], float]) -> None:
        import psutil

        totals: dict[tuple[str, int], float] = {}
        for core, times in enumerate(psutil.cpu_times(percpu=True)):
            seconds = times._asdict()
            # The time of guests is in user and nice already.
            total = sum(seconds.values()) - seconds.get("guest", 0) - seconds.get("guest_nice", 0)
            totals["total", core] = total
            totals["busy", core] = total - seconds["idle"] - seconds.get("iowait", 0)
        limit = cgroups.of_machine(self._cgroup_root).cpu()
        if limit is not None and limit.usage_seconds is not None:
            totals["cgroup", 0] = limit.usage_seconds
        rates = self._cpu_rates.update(totals)
        busy = {core: rate for (kind, core), rate in rates.items() if kind == "busy"}
        available = {core: rate for (kind, core), rate in rates.items() if kind == "total" and core in busy}
        for core, rate in available.items():
            if rate:
                values[f"system.cpu.utilization/{core}"] = _fraction(busy[core] / rate)
        if limit is not None and ("cgroup", 0) in rates:
            values["system.cpu.utilization"] = _fraction(rates["cgroup", 0] / limit.cores)
        elif sum(available.values()):
            values["system.cpu.utilization"] = _fraction(sum(busy.values()) / sum(available.values()))
        for name, load in zip(("1m", "5m", "15m"), os.getloadavg(), strict=True):
            values[f"system.cpu.load_average.{name}"] = load

    def _read_memory(self, values: dict[str, float], _totals: Mapping[tuple[str, str], float]) -> None:
        import psutil

        memory = psutil.virtual_memory()
        usage, limit = memory.total - memory.available, memory.total
        group = cgroups.of_machine(self._cgroup_root).memory()
        if group is not None and group.limit_bytes < limit and group.usage_bytes is not None:
            usage, limit = group.usage_bytes, group.limit_bytes
        values["system.memory.usage"] = usage
        values["system.memory.limit"] = limit
        values["system.memory.utilization"] = _fraction(usage / limit)
        swap = psutil.swap_memory()
        values["system.paging.usage"] = swap.used
        if swap.total:
            values["system.paging.utilization"] = _fraction(swap.used / swap.total)

    def _read_disks(self, values: dict[str, float], totals: dict[tuple[str, str], float]) -> None:
        import psutil

        disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        for name in self._only_physical(Path("/sys/block"), disks):
            totals["system.disk.io.read_rate", name] = disks[name].read_bytes
            totals["system.disk.io.write_rate", name] = disks[name].write_bytes
        for path in self._disk_paths:
            with contextlib.suppress(OSError):  # not there yet, or not any more
                mount = self._mounts.get(path) or _mount_point(path)
                self._mounts[path] = mount
                space = psutil.disk_usage(mount)
                values[f"system.filesystem.usage/{mount}"] = space.used
                values[f"system.filesystem.utilization/{mount}"] = _fraction(space.percent / 100)

    def _read_networks(self, _values: Mapping[str, float], totals: dict[tuple[str, str], float]) -> None:
        import psutil

        networks = psutil.net_io_counters(pernic=True, nowrap=False)
        outward = [name for name in networks if name not in ("lo", "lo0")]
        for name in self._only_physical(Path("/sys/class/net"), outward):
            totals["system.network.io.receive_rate", name] = networks[name].bytes_recv
            totals["system.network.io.transmit_rate", name] = networks[name].bytes_sent

    def _only_physical(self, folder: Path, names: Iterable[str]) -> list[str]:
        """Returns the devices that are hardware, or all where none is: what a virtual one does, hardware does too."""
        key = frozenset(names)
        if key not in self._physical:
            if len(self._physical) > 2:  # devices came or went
                self._physical.clear()
            self._physical[key] = [name for name in key if (folder / name / "device").exists()] or list(key)
        return self._physical[key]

    def _read_temperatures(self, values: dict[str, float], _totals: Mapping[tuple[str, str], float]) -> None:
        import psutil

        if not hasattr(psutil, "sensors_temperatures") or not self._temperature_budget.is_due():
            return
        with self._temperature_budget.spending():
            chips = psutil.sensors_temperatures()
        for chip, sensors in chips.items():
            celsius = [
                each.current
                for each in sensors
                if _TEMPERATURE_CELSIUS_MIN <= each.current <= _TEMPERATURE_CELSIUS_MAX
            ]
            if celsius:
                values[f"hw.temperature/{chip}"] = max(celsius)

    def _read_accelerators(self, values: dict[str, float], totals: dict[tuple[str, str], float]) -> None:
        found, counts = self._opened_accelerators().sample()
        values.update(found)
        totals.update({(name, ""): count for name, count in counts.items()})

    def _opened_accelerators(self) -> Accelerators:
        if self._accelerators is None:
            self._accelerators = self._open_accelerators()
        return self._accelerators

    def _read_processes(self, values: dict[str, float], run: _Run, pids: set[int]) -> None:
        if self._processes is None or self._tree is None:
            self._processes = _open_processes(self._proc)
            self._tree = _Tree(self._processes)
        processes = self._processes
        roots = run.living(pids, processes)
        if not roots:
            return
        members = _stats(roots, self._tree.members(roots), processes)
        totals: dict[tuple[str, int, float], float] = {}
        descriptors = []
        for pid, stat in members.items():
            totals["process.cpu.utilization", pid, stat.started] = stat.cpu_seconds
            counts = processes.io_bytes(pid)
            if counts is not None:
                totals["process.disk.io.read_rate", pid, stat.started] = counts[0]
                totals["process.disk.io.write_rate", pid, stat.started] = counts[1]
            descriptors.append(processes.descriptor_count(pid))
        usage = sum(stat.memory_bytes for stat in members.values())
        values["process.count"] = len(members)
        values["process.thread.count"] = sum(stat.thread_count for stat in members.values())
        values["process.memory.usage"] = usage
        known = [count for count in descriptors if count is not None]
        if known:
            values["process.open_file_descriptor.count"] = sum(known)
        values.update(_sum_by_name(run.rates.update(totals)))
        self._read_limits(values, run, min(roots), usage)
        if self._accelerators is not None:
            values.update(self._accelerators.of_processes(members))

    def _read_limits(self, values: dict[str, float], run: _Run, pid: int, usage_bytes: int) -> None:
        """Adds what the group of a process may use, and how much of that is used."""
        group = cgroups.of_process(pid, self._proc, self._cgroup_root)
        cores = float(_affinity(pid))
        cpu = group.cpu()
        if cpu is not None:
            cores = min(cores, cpu.cores)
            rates = run.throttling.update({"periods": cpu.period_count, "throttled": cpu.throttled_count})
            if rates.get("periods"):
                values["process.cpu.throttled"] = _fraction(rates.get("throttled", 0) / rates["periods"])
        values["process.cpu.limit"] = cores
        if "process.cpu.utilization" in values:
            values["process.cpu.limit.utilization"] = _fraction(values["process.cpu.utilization"] / cores)
        limit = self._memory_bytes()
        memory = group.memory()
        if memory is not None and memory.limit_bytes < limit and memory.usage_bytes is not None:
            usage_bytes, limit = memory.usage_bytes, memory.limit_bytes
        values["process.memory.limit"] = limit
        values["process.memory.utilization"] = _fraction(usage_bytes / limit)

    def _describe_limits(self) -> dict[str, str | int | float]:
        group = cgroups.of_process(os.getpid(), self._proc, self._cgroup_root)
        cpu, memory = group.cpu(), group.memory()
        cores = float(_affinity(os.getpid()))
        total = self._memory_bytes()
        return {
            "system.cpu.limit": cores if cpu is None else min(cores, cpu.cores),
            "system.memory.total": total,
            "system.memory.limit": total if memory is None else min(total, memory.limit_bytes),
        }

    def _memory_bytes(self) -> int:
        import psutil

        if not self._memory_size_bytes:
            self._memory_size_bytes = psutil.virtual_memory().total
        return self._memory_size_bytes

    def _describe_accelerators(self) -> dict[str, str | int | float]:
        return self._opened_accelerators().describe()


class _Budget:
    """Says when something may be done again so that it takes at most a thousandth of a core."""

    def __init__(self) -> None:
        self._begun = -math.inf
        self._cost_seconds = 0.0

    def is_due(self) -> bool:
        """Says whether it may be done again; when it is, what was spent before is forgotten."""
        now = time.monotonic()
        if now - self._begun < self._cost_seconds * _PAUSE_RATIO:
            return False
        self._begun = now
        self._cost_seconds = 0.0
        return True

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """Counts the CPU time of what is done within."""
        begun = time.thread_time()
        try:
            yield
        finally:
            self._cost_seconds += time.thread_time() - begun


class _Rates(Generic[_Key]):
    """The counts of the call before, to which the next ones are compared."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._totals: Mapping[_Key, float] = {}

    def update(self, totals: Mapping[_Key, float]) -> dict[_Key, float]:
        """Returns by how much counts have grown a second; those that are new or went back are left out."""
        now = time.monotonic()
        passed = 0.0 if self._seconds is None else now - self._seconds
        before, self._totals, self._seconds = self._totals, totals, now
        if passed <= 0:
            return {}
        return {
            key: (total - before[key]) / passed
            for key, total in totals.items()
            if key in before and total >= before[key]
        }


class _Stat(NamedTuple):
    """What the kernel says of a process."""

    parent: int
    started: float  # with the pid, tells a process from all others; in a unit of its source
    cpu_seconds: float
    thread_count: int
    memory_bytes: int


class _Processes(Protocol):
    """Where processes are read from. What has ended, or may not be looked at, is None."""

    def stat(self, pid: int) -> _Stat | None:
        """Returns what is known of a living process."""

    def children(self, pid: int) -> list[int] | None:
        """Returns the children of a process; None where only `parents` tells."""

    def parents(self) -> Iterable[tuple[int, int]]:
        """Returns the pids of all processes, each with its parent's."""

    def io_bytes(self, pid: int) -> tuple[int, int] | None:
        """Returns how many bytes it made the disks read and write."""

    def descriptor_count(self, pid: int) -> int | None:
        """Returns how many files it has open."""


class _ProcFolder:
    """Processes in the proc file system: one file tells most of a process, at a tenth of psutil's cost."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._tick_seconds = 1 / os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGESIZE")
        # Only where the kernel was built with CONFIG_PROC_CHILDREN.
        self._lists_children = any(
            (folder / "self" / "task" / thread / "children").exists()
            for thread in _names(f"{folder}/self/task")
        )

    def stat(self, pid: int) -> _Stat | None:
        content = _read(f"{self._folder}/{pid}/stat", _STAT_BYTES)
        # The name of the program stands in brackets and may itself hold brackets and spaces. What follows is, counted
        # from 0: state, parent, …, 11 and 12: CPU time in user and kernel, 17: threads, 19: start, 21: resident pages.
        fields = content[content.rfind(b")") + 2 :].split()
        if len(fields) < 22 or fields[0] in (b"Z", b"X", b"x"):
            return None
        return _Stat(
            int(fields[1]),
            int(fields[19]),
            (int(fields[11]) + int(fields[12])) * self._tick_seconds,
            int(fields[17]),
            int(fields[21]) * self._page_bytes,
        )

    def children(self, pid: int) -> list[int] | None:
        if not self._lists_children:
            return None
        tasks = f"{self._folder}/{pid}/task"  # a child is listed by the thread that started it
        lists = (_read(f"{tasks}/{thread}/children", _CHILDREN_BYTES) for thread in _names(tasks))
        return [int(child) for each in lists for child in each.split()]

    def parents(self) -> Iterable[tuple[int, int]]:
        for name in _names(self._folder):
            if name.isdecimal():
                stat = self.stat(int(name))
                if stat is not None:
                    yield int(name), stat.parent

    def io_bytes(self, pid: int) -> tuple[int, int] | None:
        lines = _read(f"{self._folder}/{pid}/io", _STAT_BYTES).splitlines()
        counts = dict(line.split(b": ") for line in lines)
        if b"read_bytes" not in counts or b"write_bytes" not in counts:
            return None
        return int(counts[b"read_bytes"]), int(counts[b"write_bytes"])

    def descriptor_count(self, pid: int) -> int | None:
        folder = Path(self._folder, str(pid), "fd")
        try:
            # Since Linux 6.2 the size of the folder is the number of open files; before, it is 0.
            return folder.stat().st_size or len(os.listdir(folder))
        except OSError:
            return None


class _PsutilProcesses:
    """Processes as psutil finds them, where there is no proc file system."""

    def stat(self, pid: int) -> _Stat | None:
        import psutil

        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                return _Stat(
                    process.ppid(),
                    process.create_time(),
                    times.user + times.system,
                    process.num_threads(),
                    process.memory_info().rss,
                )
        except psutil.Error:
            return None

    def children(self, pid: int) -> list[int] | None:  # noqa: ARG002
        return None

    def parents(self) -> Iterable[tuple[int, int]]:
        import psutil

        return ((each.pid, each.info["ppid"]) for each in psutil.process_iter(["ppid"]))

    def io_bytes(self, pid: int) -> tuple[int, int] | None:
        import psutil

        try:
            counts = psutil.Process(pid).io_counters()
        except (AttributeError, psutil.Error):  # not on every system
            return None
        return counts.read_bytes, counts.write_bytes

    def descriptor_count(self, pid: int) -> int | None:
        import psutil

        try:
            return psutil.Process(pid).num_fds()
        except psutil.Error:
            return None


class _Tree:
    """Who is whose child, looked up as often as its cost allows."""

    def __init__(self, processes: _Processes) -> None:
        self._processes = processes
        self._budget = _Budget()
        self._children: dict[int, list[int]] = {}
        self._is_complete = False  # whether a process that is not among them has no children

    def members(self, roots: Iterable[int]) -> set[int]:
        """Returns the pids of some processes and all their descendants."""
        if self._budget.is_due():
            self._children = {}
            self._is_complete = False
        found: set[int] = set()
        left = list(roots)
        while left:
            pid = left.pop()
            if pid not in found:
                found.add(pid)
                left += self._children_of(pid)
        return found

    def _children_of(self, pid: int) -> Sequence[int]:
        if pid not in self._children and not self._is_complete:
            with self._budget.spending():
                listed = self._processes.children(pid)
                if listed is None:
                    for child, parent in self._processes.parents():
                        self._children.setdefault(parent, []).append(child)
                    self._is_complete = True
                else:
                    self._children[pid] = listed
        return self._children.get(pid, ())


@dataclass
class _Run:
    """What is remembered of one group of processes between samples."""

    rates: _Rates[tuple[str, int, float]] = field(default_factory=_Rates)
    throttling: _Rates[str] = field(default_factory=_Rates)
    started: dict[int, float | None] = field(
        default_factory=dict
    )  # by the pids asked for; None was gone at once

    def living(self, pids: set[int], processes: _Processes) -> dict[int, _Stat]:
        """Returns those of the pids asked for that are still the processes they were when first asked for."""
        stats = {pid: processes.stat(pid) for pid in pids}
        self.started = {
            pid: self.started.get(pid, stat.started if stat else None) for pid, stat in stats.items()
        }
        return {pid: stat for pid, stat in stats.items() if stat and stat.started == self.started[pid]}


def _open_processes(proc: Path) -> _Processes:
    return _ProcFolder(proc) if (proc / "self" / "stat").exists() else _PsutilProcesses()


def _stats(roots: Mapping[int, _Stat], members: Collection[int], processes: _Processes) -> dict[int, _Stat]:
    """Returns what is known of the living members of a tree; one whose parent is not of the tree has another's pid now."""
    stats = dict(roots)
    for pid in members:
        if pid not in roots:
            stat = processes.stat(pid)
            if stat is not None and stat.parent in members:
                stats[pid] = stat
    return stats


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: str, size_bytes: int) -> bytes:
    """Returns the beginning of a small file, or nothing; a file object would take twice as long."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, size_bytes)
    except OSError:  # the process ended in between
        return b""
    finally:
        os.close(descriptor)


def _mount_point(path: str) -> str:
    """Returns the folder in which the file system of a path is mounted."""
    place = Path(path).resolve(strict=True)
    while not place.is_mount():
        place = place.parent
    return str(place)


def _affinity(pid: int) -> int:
    """Returns on how many of the machine's logical cores a process may run; at least 1."""
    try:
        return len(os.sched_getaffinity(pid))
    except (AttributeError, OSError):  # not on every system; the process has ended
        return os.cpu_count() or 1


def _describe_system() -> dict[str, str | int | float]:
    import platform

    facts: dict[str, str | int | float] = {
        "os.type": platform.system().lower(),
        "os.kernel.version": platform.release(),
        "host.arch": platform.machine(),
    }
    with contextlib.suppress(OSError):
        facts["os.description"] = platform.freedesktop_os_release()["PRETTY_NAME"]
    return facts


def _describe_cpu() -> dict[str, str | int | float]:
    import platform

    import psutil

    facts: dict[str, str | int | float] = {
        "system.cpu.logical.count": psutil.cpu_count() or 0,
        "system.cpu.physical.count": psutil.cpu_count(logical=False) or 0,
        "host.cpu.model.name": platform.processor(),
    }
    # The library knows only the architecture here; x86 names the model in this file, other architectures do not.
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                facts["host.cpu.model.name"] = value.strip()
                break
    return {name: fact for name, fact in facts.items() if fact}


def _sum_by_name(rates: Mapping[tuple[Any, ...], float]) -> dict[str, float]:
    """Returns the sums of rates by the first part of their keys, the metric."""
    sums: dict[str, float] = {}
    for key, rate in rates.items():
        sums[key[0]] = sums.get(key[0], 0.0) + rate
    return sums


def _fraction(value: float) -> float:
    """Returns a share as 0 to 1: clocks that are read one after the other make it pass a little beyond."""
    return min(max(value, 0.0), 1.0)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
