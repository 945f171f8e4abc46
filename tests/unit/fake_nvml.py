"""Stands for the module `pynvml` on a machine without a GPU: functions by their real names, answering by real structs.

Invariants: constants, structs and errors are those of the installed `pynvml`; a function that is not written down here does
not exist. Every call is counted, and can be made to fail.
"""

# ruff: noqa: N802, N803 - the names of functions and arguments are the real ones

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pynvml

GIB = 1 << 30


@dataclass
class FakeGpu:
    """What one GPU answers; a return code in `failures`, by the name of a function, is raised instead."""

    failures: dict[str, int] = field(default_factory=dict)
    field_failures: dict[int, int] = field(default_factory=dict)
    fields: dict[int, int] = field(default_factory=dict)
    memory: dict[int, int] = field(default_factory=dict)  # bytes by pid
    utilization: list[tuple[int, int, int]] = field(default_factory=list)  # (pid, time stamp, percent)


class FakeNvml:
    """A driver with some GPUs."""

    def __init__(self, *gpus: FakeGpu, has_driver: bool = True) -> None:
        self.gpus = gpus
        self.has_driver = has_driver
        self.calls: Counter[tuple[str, int]] = Counter()
        self.open_count = 0

    def __getattr__(self, name: str) -> Any:
        value = getattr(pynvml, name)
        if inspect.isfunction(value):
            raise AttributeError(f"the fake has no {name}")
        return value

    def nvmlInit(self) -> None:
        if not self.has_driver:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
        self.open_count += 1

    def nvmlShutdown(self) -> None:
        self.open_count -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return "570.86.15"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 12_080

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._answer("nvmlDeviceGetHandleByIndex", index)
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        self._answer("nvmlDeviceGetName", handle)
        return "NVIDIA H100 80GB HBM3"

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        self._answer("nvmlDeviceGetUtilizationRates", handle)
        return pynvml.c_nvmlUtilization_t(gpu=75, memory=40)

    def nvmlDeviceGetMemoryInfo(self, handle: int, version: int | None = None) -> Any:
        name = "nvmlDeviceGetMemoryInfo"
        self._answer(f"{name}_v2" if version else name, handle)
        if version:
            return pynvml.c_nvmlMemory_v2_t(
                version, total=80 * GIB, reserved=GIB, free=59 * GIB, used=20 * GIB
            )
        return pynvml.c_nvmlMemory_t(total=80 * GIB, free=59 * GIB, used=21 * GIB)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        self._answer("nvmlDeviceGetTemperature", handle)
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        self._answer("nvmlDeviceGetPowerUsage", handle)
        return 412_500

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        self._answer("nvmlDeviceGetEnforcedPowerLimit", handle)
        return 700_000

    def nvmlDeviceGetClockInfo(self, handle: int, type: int) -> int:  # noqa: A002 - as the real one names it
        self._answer("nvmlDeviceGetClockInfo", handle)
        return {pynvml.NVML_CLOCK_GRAPHICS: 1980, pynvml.NVML_CLOCK_MEM: 2619}[type]

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:
        self._answer("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        return int(pynvml.nvmlClocksThrottleReasonSwPowerCap)

    def nvmlDeviceGetTotalEccErrors(self, handle: int, errorType: int, counterType: int) -> int:
        assert (errorType, counterType) == (
            pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            pynvml.NVML_VOLATILE_ECC,
        )
        self._answer("nvmlDeviceGetTotalEccErrors", handle)
        return 3

    def nvmlDeviceGetFieldValues(self, handle: int, fieldIds: list[tuple[int, int]]) -> Any:
        gpu = self._answer("nvmlDeviceGetFieldValues", handle)
        values = (pynvml.c_nvmlFieldValue_t * len(fieldIds))()
        for value, (identifier, scope) in zip(values, fieldIds, strict=True):
            value.fieldId, value.scopeId = identifier, scope
            value.nvmlReturn = gpu.field_failures.get(identifier, pynvml.NVML_SUCCESS)
            value.valueType = pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
            value.value.ullVal = gpu.fields.get(identifier, 0)
        return values

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        gpu = self._answer("nvmlDeviceGetComputeRunningProcesses", handle)
        processes = [
            pynvml.c_nvmlProcessInfo_t(pid=pid, usedGpuMemory=used) for pid, used in gpu.memory.items()
        ]
        return [pynvml.nvmlStructToFriendlyObject(process) for process in processes]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[Any]:
        self._answer("nvmlDeviceGetGraphicsRunningProcesses", handle)
        return []

    def nvmlDeviceGetProcessUtilization(self, handle: int, timeStamp: int) -> list[Any]:
        gpu = self._answer("nvmlDeviceGetProcessUtilization", handle)
        samples = [
            pynvml.c_nvmlProcessUtilizationSample_t(pid=pid, timeStamp=time, smUtil=percent)
            for pid, time, percent in gpu.utilization
            if time > timeStamp
        ]
        if not samples:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return samples

    def _answer(self, name: str, index: int) -> FakeGpu:
        self.calls[name, index] += 1
        gpu = self.gpus[index]
        if name in gpu.failures:
            raise pynvml.NVMLError(gpu.failures[name])
        return gpu

    def fail_everything(self, index: int, code: int) -> None:
        """Makes every later call for one GPU fail."""
        names = [name for name in dir(type(self)) if name.startswith("nvmlDevice")]
        self.gpus[index].failures = dict.fromkeys([*names, "nvmlDeviceGetMemoryInfo_v2"], code)
