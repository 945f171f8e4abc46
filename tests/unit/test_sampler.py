import contextlib
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.conftest import WaitUntil
from tests.unit.fake_nvml import GIB, FakeGpu, FakeNvml

from trackd_service import sampler
from trackd_service.accelerators import Accelerators
from trackd_service.nvidia import NvidiaDriver
from trackd_service.sampler import Sampler

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20

# Starts the program given as its argument and says so; ends with its standard input.
CHILD = (
    "import subprocess, sys; c = subprocess.Popen(sys.argv[1:], stdin=0); print(c.pid, flush=True); c.wait()"
)
IDLE = "import sys; print('ready', flush=True); sys.stdin.read()"
BUSY = "import os\nwhile os.getppid() != 1: pass"


@pytest.fixture
def measure() -> Iterator[Callable[..., Sampler]]:
    """Gives a maker of samplers that are closed at the end."""
    made: list[Sampler] = []

    def make(
        *disk_paths: str,
        proc: Path = Path("/proc"),
        cgroup_root: Path = Path("/sys/fs/cgroup"),
        gpus: int = 0,
    ) -> Sampler:
        def open_accelerators() -> Accelerators:
            return Accelerators(
                [NvidiaDriver(FakeNvml(*(FakeGpu(memory={os.getpid(): GIB}) for _ in range(gpus))))]
            )

        made.append(
            Sampler(disk_paths, open_accelerators=open_accelerators, proc=proc, cgroup_root=cgroup_root)
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def start() -> Iterator[Callable[..., int]]:
    """Gives a starter of Python programs that end with the test; it returns the pid once the first line was printed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie has no children
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
        process.communicate()


def chain(*program: str) -> list[str]:
    """Returns the arguments of a process whose grandchild runs a program."""
    return [CHILD, sys.executable, "-c", CHILD, sys.executable, "-c", *program]


def write_process(
    proc: Path,
    pid: int,
    *,
    parent: int = 1,
    started: int = 100,
    ticks: int = 0,
    pages: int = 10,
    threads: int = 1,
    state: str = "S",
    read_bytes: int = 0,
) -> None:
    """Writes a process as the proc file system shows it, with a name that does its worst."""
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    fields: list[object] = [
        state,
        parent,
        *[0] * 9,
        ticks,
        0,
        0,
        0,
        20,
        0,
        threads,
        0,
        started,
        999,
        pages,
        *[0] * 28,
    ]
    (folder / "stat").write_text(f"{pid} (a) R 9 (b)) {' '.join(map(str, fields))}\n")
    (folder / "io").write_text(f"rchar: 1\nread_bytes: {read_bytes}\nwrite_bytes: 0\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Gives a small proc file system with one process that tells that it is one."""
    folder = tmp_path / "proc"
    write_process(folder, 1, parent=0)
    shutil.copytree(folder / "1", folder / "self")
    return folder


def sample_until_rates(machine: Sampler, wait_until: WaitUntil) -> dict[str, float]:
    """Returns a sample with rates: the kernel counts CPU time in hundredths of a second."""
    values: dict[str, float] = {}

    def has_rates() -> bool:
        values.update(machine.sample_machine())
        return "system.cpu.utilization" in values

    wait_until(has_rates)
    return values


def base(name: str) -> str:
    return name.partition("/")[0]


def test_machine_values_are_within_their_ranges(
    measure: Callable[..., Sampler], wait_until: WaitUntil
) -> None:
    machine = measure("/", "/nowhere/at/all", gpus=1)
    values = sample_until_rates(machine, wait_until)
    assert {
        "system.cpu.load_average.1m",
        "system.memory.usage",
        "system.memory.utilization",
        "system.filesystem.usage//",
        "system.network.io.receive_rate",
        "hw.gpu.utilization/0",
    } <= values.keys()
    assert any(name.startswith("system.cpu.utilization/") for name in values)
    assert not any("nowhere" in name for name in values)
    for name, value in values.items():
        assert value >= 0, name
        assert ("utilization" not in name) or value <= 1, name
    assert values["system.memory.usage"] <= values["system.memory.limit"] <= psutil.virtual_memory().total


def test_first_sample_has_no_rates_and_the_second_has(
    measure: Callable[..., Sampler], start: Callable[..., int], wait_until: WaitUntil
) -> None:
    machine = measure("/", gpus=1)
    pid = start(IDLE)
    first = machine.sample_machine() | machine.sample_processes("run", [pid])
    assert not [name for name in first if "_rate" in name or base(name).endswith("cpu.utilization")]
    found = sample_until_rates(machine, wait_until)
    found.update(machine.sample_processes("run", [pid]))
    assert {
        "process.cpu.utilization",
        "process.disk.io.read_rate",
        "hw.gpu.io.receive_rate/0",
    } <= found.keys()


@pytest.mark.parametrize("has_proc", [True, False])
def test_tree_is_counted_with_its_grandchildren(
    measure: Callable[..., Sampler],
    start: Callable[..., int],
    wait_until: WaitUntil,
    tmp_path: Path,
    has_proc: bool,
) -> None:
    machine = measure(proc=Path("/proc") if has_proc else tmp_path)
    pid = start(*chain(IDLE))
    wait_until(lambda: len(psutil.Process(pid).children(recursive=True)) == 2)
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]

    def is_counted_whole() -> bool:
        # The processes may still be starting: what they have open and loaded changes meanwhile.
        values = machine.sample_processes("run", [pid])
        return (
            values["process.count"] == 3
            and values["process.thread.count"] == sum(each.num_threads() for each in tree)
            and values["process.open_file_descriptor.count"] == sum(each.num_fds() for each in tree)
            and values["process.memory.usage"]
            == pytest.approx(sum(each.memory_info().rss for each in tree), rel=0.1)
        )

    wait_until(is_counted_whole, message="the whole tree in the sample")
    # A writer below another one is counted once.
    assert machine.sample_processes("run", [each.pid for each in tree])["process.count"] == 3


def test_busy_grandchild_shows_as_its_share_of_a_core(
    measure: Callable[..., Sampler], start: Callable[..., int], wait_until: WaitUntil
) -> None:
    machine = measure()
    pid = start(*chain(BUSY))
    wait_until(lambda: len(psutil.Process(pid).children(recursive=True)) == 2)
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]

    def used_seconds() -> float:
        return sum(each.cpu_times().user + each.cpu_times().system for each in tree)

    begun, used = time.monotonic(), used_seconds()
    machine.sample_processes("run", [pid])
    wait_until(lambda: used_seconds() > used + 0.5)
    values = machine.sample_processes("run", [pid])
    expected = (used_seconds() - used) / (time.monotonic() - begun)
    assert values["process.cpu.utilization"] == pytest.approx(expected, rel=0.2)
    assert values["process.cpu.limit.utilization"] == pytest.approx(
        values["process.cpu.utilization"] / values["process.cpu.limit"]
    )

    idle = start(IDLE)
    machine.sample_processes("idle", [idle])
    wait_until(lambda: machine.sample_processes("idle", [idle])["process.cpu.utilization"] == 0)


def test_both_sources_of_processes_say_the_same(start: Callable[..., int]) -> None:
    pid = start(*chain(IDLE))
    folder, portable = sampler._ProcFolder(Path("/proc")), sampler._PsutilProcesses()
    ours, theirs = folder.stat(pid), portable.stat(pid)
    assert ours is not None
    assert theirs is not None
    assert (ours.parent, ours.thread_count) == (theirs.parent, theirs.thread_count)
    assert ours.cpu_seconds == pytest.approx(theirs.cpu_seconds, abs=0.02)
    assert ours.memory_bytes == pytest.approx(theirs.memory_bytes, rel=0.05)
    assert (pid, os.getpid()) in set(folder.parents()) & set(portable.parents())
    assert folder.io_bytes(pid) == portable.io_bytes(pid)
    assert folder.descriptor_count(pid) == portable.descriptor_count(pid)
    gone = 2**22 + 1  # above the largest pid
    for processes in (folder, portable):
        assert (processes.stat(gone), processes.io_bytes(gone), processes.descriptor_count(gone)) == (
            None,
        ) * 3


def test_process_that_ended_is_left_out(measure: Callable[..., Sampler], start: Callable[..., int]) -> None:
    machine = measure()
    living, ended = start(IDLE), start(IDLE)
    assert machine.sample_processes("run", [living, ended])["process.count"] == 2
    psutil.Process(ended).kill()
    os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)  # it stays a zombie until the fixture reaps it
    assert machine.sample_processes("run", [living, ended])["process.count"] == 1
    assert machine.sample_processes("other", [ended]) == {}
    assert machine.sample_processes("none", []) == {}


def test_pid_that_is_used_again_is_no_writer_of_the_run(measure: Callable[..., Sampler], proc: Path) -> None:
    machine = measure(proc=proc)
    write_process(proc, 7, started=100, ticks=50)
    assert machine.sample_processes("run", [7, 8])["process.count"] == 1
    write_process(proc, 7, started=200, ticks=90)
    write_process(proc, 8)  # was gone when it was first asked for
    assert machine.sample_processes("run", [7, 8]) == {}
    assert machine.sample_processes("later run", [7])["process.count"] == 1


def test_pid_of_a_child_that_is_used_again_gives_no_rate_and_a_stranger_does_not_count(
    measure: Callable[..., Sampler], proc: Path
) -> None:
    machine = measure(proc=proc)
    write_process(proc, 7)
    write_process(proc, 8, parent=7, ticks=1000)
    machine.sample_processes("run", [7])
    write_process(proc, 8, parent=7, started=300, ticks=5000)
    values = machine.sample_processes("run", [7])
    assert (values["process.count"], values["process.cpu.utilization"]) == (2, 0)
    machine._tree = StaleTree({7, 8})  # type: ignore[assignment]
    write_process(proc, 8, parent=1, started=400)
    assert machine.sample_processes("run", [7])["process.count"] == 1


class StaleTree:
    """A tree as it was looked up some time ago."""

    def __init__(self, members: set[int]) -> None:
        self._members = members

    def members(self, _roots: object) -> set[int]:
        return self._members


def test_rate_is_left_out_when_its_count_goes_back(measure: Callable[..., Sampler], proc: Path) -> None:
    machine = measure(proc=proc)
    write_process(proc, 7, read_bytes=5000)
    machine.sample_processes("run", [7])
    write_process(proc, 7, read_bytes=9000)
    assert machine.sample_processes("run", [7])["process.disk.io.read_rate"] > 0
    write_process(proc, 7, read_bytes=10)
    values = machine.sample_processes("run", [7])
    assert "process.disk.io.read_rate" not in values
    assert values["process.disk.io.write_rate"] == 0


def test_rates_are_told_apart_by_their_key_until_it_is_forgotten(
    measure: Callable[..., Sampler], proc: Path
) -> None:
    machine = measure(proc=proc)
    write_process(proc, 7)
    assert "process.cpu.utilization" not in machine.sample_processes("a", [7])
    assert "process.cpu.utilization" not in machine.sample_processes("b", [7])
    assert "process.cpu.utilization" in machine.sample_processes("a", [7])
    machine.forget("a")
    machine.forget("never seen")
    assert "process.cpu.utilization" not in machine.sample_processes("a", [7])


def test_children_are_read_from_the_threads_that_started_them_where_the_kernel_lists_them(
    measure: Callable[..., Sampler], proc: Path
) -> None:
    lists = {"self/task/1": "", "7/task/7": "8 9 ", "7/task/70": "10", "8/task/8": "11", "9/task/9": ""}
    for name, children in lists.items():
        (proc / name).mkdir(parents=True)
        (proc / name / "children").write_text(children)
    # Parents say something else, so that it shows which of the two was asked; 10 is gone.
    write_process(proc, 7, pages=1)
    for pid, parent in ((8, 7), (9, 7), (11, 8)):
        write_process(proc, pid, parent=parent, pages=1, threads=2)
    write_process(proc, 12, parent=7)
    write_process(proc, 13, parent=9, state="Z")
    values = measure(proc=proc).sample_processes("run", [7])
    assert values["process.count"] == 4
    assert values["process.thread.count"] == 7
    assert values["process.memory.usage"] == 4 * os.sysconf("SC_PAGESIZE")


def test_limits_of_a_container_are_what_utilisation_is_of(
    measure: Callable[..., Sampler], tmp_path: Path
) -> None:
    root = tmp_path / "cgroup"
    root.mkdir()
    for name, content in {
        "cgroup.controllers": "cpu memory",
        "memory.max": f"{512 * MIB}",
        "memory.current": f"{200 * MIB}",
        "memory.stat": f"inactive_file {72 * MIB}",
        "cpu.max": "50000 100000",
        "cpu.stat": "usage_usec 0\nnr_periods 0\nnr_throttled 0",
    }.items():
        (root / name).write_text(content)
    machine = measure(cgroup_root=root)
    values = machine.sample_machine()
    assert values["system.memory.limit"] == 512 * MIB
    assert values["system.memory.usage"] == 128 * MIB
    assert values["system.memory.utilization"] == 0.25
    values = machine.sample_processes("run", [os.getpid()])
    assert values["process.memory.limit"] == 512 * MIB
    assert values["process.memory.utilization"] == 0.25
    assert values["process.cpu.limit"] == 0.5

    (root / "cpu.stat").write_text("usage_usec 3600000000\nnr_periods 40\nnr_throttled 10")
    assert machine.sample_machine()["system.cpu.utilization"] == 1
    assert machine.sample_processes("run", [os.getpid()])["process.cpu.throttled"] == pytest.approx(0.25)
    (root / "memory.max").write_text("max")
    assert machine.sample_machine()["system.memory.limit"] == psutil.virtual_memory().total
    facts = machine.describe()
    assert facts["system.cpu.limit"] == 0.5


def test_gpu_use_of_a_run_is_its_processes_own(
    measure: Callable[..., Sampler], start: Callable[..., int]
) -> None:
    machine = measure(gpus=2)
    assert "process.gpu.memory.usage/0" not in machine.sample_processes("run", [os.getpid()])
    machine.sample_machine()
    values = machine.sample_processes("run", [os.getpid()])
    assert (values["process.gpu.memory.usage/0"], values["process.gpu.memory.usage/1"]) == (GIB, GIB)
    assert not any(".gpu." in name for name in machine.sample_processes("other", [start(IDLE)]))


def test_trouble_costs_its_metrics_only_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Accelerators:
        raise RuntimeError("no such driver")

    machine = Sampler(("/",), open_accelerators=fail)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert "system.memory.usage" in machine.sample_machine()
            assert "os.type" in machine.describe()
    assert [message for message in caplog.messages if "no such driver" in message] == [
        "system metrics: read_accelerators: RuntimeError: no such driver",
        "system metrics: describe_accelerators: RuntimeError: no such driver",
    ]
    machine.close()


def test_closed_sampler_has_given_the_drivers_back_and_opens_them_when_used_again() -> None:
    nvml = FakeNvml(FakeGpu())
    machine = Sampler((), open_accelerators=lambda: Accelerators([NvidiaDriver(nvml)]))
    assert nvml.open_count == 0
    for _ in range(2):
        assert "hw.gpu.power/0" in machine.sample_machine()
        assert nvml.open_count == 1
        machine.close()
        assert nvml.open_count == 0


def test_description_says_what_the_machine_is(measure: Callable[..., Sampler]) -> None:
    facts = measure(gpus=1).describe()
    assert facts["system.cpu.logical.count"] == psutil.cpu_count()
    assert facts["system.memory.total"] == psutil.virtual_memory().total
    assert 0 < float(facts["system.cpu.limit"]) <= float(facts["system.cpu.logical.count"])
    assert facts["os.kernel.version"] == os.uname().release
    assert facts["hw.gpu.name/0"] == "NVIDIA H100 80GB HBM3"
    assert all(fact != "" for fact in facts.values())


def test_nothing_heavy_is_imported_before_the_first_sample() -> None:
    code = (
        "import sys; from trackd_service.sampler import Sampler; Sampler(); "
        "print([name for name in ('psutil', 'pynvml', 'amdsmi', 'numpy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_what_costs_much_is_done_less_often() -> None:
    budget = sampler._Budget()
    assert budget.is_due()
    with budget.spending():
        begun = time.thread_time()
        while time.thread_time() - begun < 0.03:
            pass
    assert not budget.is_due()
    budget._begun -= 29  # half a minute later
    assert not budget.is_due()
    budget._begun -= 60
    assert budget.is_due()


def test_every_metric_stands_in_the_documentation(
    measure: Callable[..., Sampler], wait_until: WaitUntil
) -> None:
    documented = set(
        re.findall(
            r"^\| `([a-z0-9_.]+)(?:/[^`]*)?`", (ROOT / "docs" / "system_metrics.md").read_text(), re.MULTILINE
        )
    )
    machine = measure("/", gpus=1)
    found = sample_until_rates(machine, wait_until)
    for _ in range(2):
        found.update(machine.sample_processes("run", [os.getpid()]))
    assert {base(name) for name in (*found, *machine.describe())} - documented == set()
