import os
from pathlib import Path

import psutil
import pytest

from trackd_service import cgroups
from trackd_service.cgroups import CpuLimit, MemoryLimit

MIB = 1 << 20
PID = 42


def write(root: Path, files: dict[str, object]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


def write_proc(folder: Path, *lines: str) -> Path:
    write(folder, {f"proc/{PID}/cgroup": "\n".join(lines)})
    return folder / "proc"


def test_v2_limits_and_use_are_of_the_tightest_group_upwards(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, "0::/slurm/job_1/step_0")
    root = tmp_path / "cgroup"
    write(
        root,
        {
            "cgroup.controllers": "cpu memory",
            "slurm/cpu.max": "max 100000",
            "slurm/memory.max": 64 * MIB,
            "slurm/job_1/cpu.max": "150000 100000",
            "slurm/job_1/cpu.stat": "usage_usec 2500000\nuser_usec 1\nnr_periods 10\nnr_throttled 4",
            "slurm/job_1/memory.max": 32 * MIB,
            "slurm/job_1/memory.current": 20 * MIB,
            "slurm/job_1/memory.stat": f"anon 1\ninactive_file {5 * MIB}\nactive_file 7",
            "slurm/job_1/step_0/cpu.max": "400000 100000",
            "slurm/job_1/step_0/memory.max": "max",
        },
    )
    group = cgroups.of_process(PID, proc, root)
    assert group.cpu() == CpuLimit(1.5, 2.5, 10, 4)
    assert group.memory() == MemoryLimit(32 * MIB, 15 * MIB)


def test_v1_limits_and_use_are_of_the_tightest_group_upwards(tmp_path: Path) -> None:
    proc = write_proc(
        tmp_path, "5:cpu,cpuacct:/docker/a", "4:memory:/docker/a/b", "1:name=systemd:/x", "0::/"
    )
    root = tmp_path / "cgroup"
    write(
        root,
        {
            "cpu/docker/a/cpu.cfs_quota_us": 50_000,
            "cpu/docker/a/cpu.cfs_period_us": 100_000,
            "cpu/docker/a/cpu.stat": "nr_periods 8\nnr_throttled 2\nthrottled_time 99",
            "cpu/docker/cpu.cfs_quota_us": -1,
            "cpu/docker/cpu.cfs_period_us": 100_000,
            "cpuacct/docker/a/cpuacct.usage": 3_000_000_000,
            "memory/docker/a/b/memory.limit_in_bytes": 9_223_372_036_854_771_712,
            "memory/docker/a/memory.limit_in_bytes": 16 * MIB,
            "memory/docker/a/memory.usage_in_bytes": 10 * MIB,
            "memory/docker/a/memory.stat": f"inactive_file 1\ntotal_inactive_file {MIB}",
        },
    )
    group = cgroups.of_process(PID, proc, root)
    assert group.cpu() == CpuLimit(0.5, 3.0, 8, 2)
    assert group.memory() == MemoryLimit(16 * MIB, 9 * MIB)


@pytest.mark.parametrize("path", ["/docker/abc", "/../outside", "/"])
def test_group_outside_of_what_is_mounted_has_the_limits_of_the_root(tmp_path: Path, path: str) -> None:
    write(tmp_path / "outside", {"memory.max": 1})
    root = tmp_path / "cgroup"
    write(
        root,
        {"cgroup.controllers": "", "memory.max": MIB, "memory.current": MIB // 2, "cpu.max": "200000 100000"},
    )
    for group in (
        cgroups.of_process(PID, write_proc(tmp_path, f"0::{path}"), root),
        cgroups.of_machine(root),
    ):
        assert group.memory() == MemoryLimit(MIB, MIB // 2)
        assert group.cpu() == CpuLimit(2.0, None, 0, 0)

    v1 = tmp_path / "v1"
    write(
        v1, {"memory/memory.limit_in_bytes": MIB, "cpu/cpu.cfs_quota_us": 1000, "cpu/cpu.cfs_period_us": 2000}
    )
    for group in (
        cgroups.of_process(PID, write_proc(tmp_path, f"4:memory:{path}", f"3:cpu:{path}"), v1),
        cgroups.of_machine(v1),
    ):
        assert group.memory() == MemoryLimit(MIB, None)
        assert group.cpu() == CpuLimit(0.5, None, 0, 0)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cgroup.controllers": "cpu"},
        {"cgroup.controllers": "", "cpu.max": "max 100000", "memory.max": "max"},
        {"cgroup.controllers": "", "cpu.max": "nonsense", "memory.max": "-5"},
        {"cgroup.controllers": "", "cpu.max": "100000 0", "memory.max": "0"},
        {
            "cpu/cpu.cfs_quota_us": -1,
            "cpu/cpu.cfs_period_us": 1,
            "memory/memory.limit_in_bytes": (1 << 63) - 4096,
        },
    ],
)
def test_what_sets_no_limit_is_no_limit(tmp_path: Path, files: dict[str, object]) -> None:
    write(tmp_path, files)
    for group in (cgroups.of_machine(tmp_path), cgroups.of_process(PID, tmp_path / "none", tmp_path)):
        assert group.cpu() is None
        assert group.memory() is None


def test_memory_in_use_is_never_negative(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"cgroup.controllers": "", "memory.max": MIB, "memory.current": 5, "memory.stat": "inactive_file 9"},
    )
    assert cgroups.of_machine(tmp_path).memory() == MemoryLimit(MIB, 0)


def test_groups_of_this_machine_are_read_within_its_size() -> None:
    group = cgroups.of_process(os.getpid())
    assert all(folder.is_relative_to("/sys/fs/cgroup") for folder in group.cpu_folders + group.memory_folders)
    cpu, memory = group.cpu(), group.memory()
    assert cpu is None or cpu.cores > 0
    assert memory is None or 0 < (memory.usage_bytes or 1) <= psutil.virtual_memory().total
