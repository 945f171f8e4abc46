"""Owns what is asked of NVIDIA's GPUs, through NVML as `pynvml` (of the package `nvidia-ml-py`) offers it.

Invariants: the library is initialised once and shut down once; every question is a few calls that only read what the
driver knows, so that none wakes a GPU for long or waits for a measurement (`nvmlDeviceGetPcieThroughput` waits 20 ms and
is not used). Utilisations become fractions, milliwatts watts, megahertz hertz.

Source: the NVML API reference, "Device Queries" and "Field Value Enums", whose names are used here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

# The driver's control device on Linux, and the paravirtual GPU of WSL.
_DEVICE_FILES = ("/dev/nvidiactl", "/dev/dxg")

_Fate: TypeAlias = Literal["unsupported", "lost", "passing"]  # as in `accelerators`
_FATES: dict[str, _Fate] = {
    "NVML_ERROR_INVALID_ARGUMENT": "unsupported",
    "NVML_ERROR_NOT_SUPPORTED": "unsupported",
    "NVML_ERROR_NO_PERMISSION": "unsupported",
    "NVML_ERROR_FUNCTION_NOT_FOUND": "unsupported",
    "NVML_ERROR_ARGUMENT_VERSION_MISMATCH": "unsupported",
    "NVML_ERROR_DEPRECATED": "unsupported",
    "NVML_ERROR_UNINITIALIZED": "lost",
    "NVML_ERROR_DRIVER_NOT_LOADED": "lost",
    "NVML_ERROR_GPU_IS_LOST": "lost",
    "NVML_ERROR_RESET_REQUIRED": "lost",
    "NVML_ERROR_LIB_RM_VERSION_MISMATCH": "lost",
    "NVML_ERROR_GPU_NOT_FOUND": "lost",
}

_ALL_LINKS = 0xFFFFFFFF  # the scope that sums the throughput of all NVLinks of a GPU
# Metric, field, scope, bytes a count. Received and transmitted are meant from the GPU's side.
_LINK_FIELDS = (
    ("hw.gpu.io.receive_rate", "NVML_FI_DEV_PCIE_COUNT_RX_BYTES", 0, 1),
    ("hw.gpu.io.transmit_rate", "NVML_FI_DEV_PCIE_COUNT_TX_BYTES", 0, 1),
    ("hw.gpu.nvlink.receive_rate", "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX", _ALL_LINKS, 1024),
    ("hw.gpu.nvlink.transmit_rate", "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX", _ALL_LINKS, 1024),
)
_VALUE_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")  # by nvmlValueType_t


class NvidiaDevice:
    """One GPU."""

    def __init__(self, nvml: Any, index: int) -> None:
        """Looks the GPU up; one that is lost already is listed and answers nothing."""
        self._nvml = nvml
        self._handle: Any = None
        self._links = list(_LINK_FIELDS)
        self._memory_version: int | None = nvml.nvmlMemory_v2
        self._sampled_until = 0  # the time stamp of the newest utilisation of a process, in microseconds
        with contextlib.suppress(nvml.NVMLError):
            self._handle = nvml.nvmlDeviceGetHandleByIndex(index)

    @property
    def gauges(self) -> tuple[Callable[[], dict[str, float]], ...]:
        """Values of now; see `accelerators.Device`."""
        if self._handle is None:
            return ()
        return (
            self._utilization,
            self._memory,
            self._temperature,
            self._power,
            self._power_limit,
            self._graphics_clock,
            self._memory_clock,
            self._throttling,
            self._errors,
        )

    @property
    def totals(self) -> tuple[Callable[[], dict[str, float]], ...]:
        """Counts that only grow; see `accelerators.Device`."""
        return () if self._handle is None else (self._traffic,)

    @property
    def processes(self) -> tuple[Callable[[], dict[tuple[int, str], float]], ...]:
        """What processes use; see `accelerators.Device`."""
        if self._handle is None:
            return ()
        # Compute comes last: of a process that does both, both lists give the same sum.
        return (self._graphics_memory, self._compute_memory, self._process_utilization)

    def describe(self) -> dict[str, str | int]:
        """Returns name, memory, and the versions of driver and CUDA, as far as they are known."""
        nvml, handle = self._nvml, self._handle
        facts: dict[str, str | int] = {"hw.gpu.vendor": "NVIDIA"}
        if handle is None:
            return facts
        with contextlib.suppress(nvml.NVMLError):
            facts["hw.gpu.name"] = _text(nvml.nvmlDeviceGetName(handle))
        with contextlib.suppress(nvml.NVMLError):
            facts["hw.gpu.memory.limit"] = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
        with contextlib.suppress(nvml.NVMLError):
            facts["hw.gpu.driver.version"] = _text(nvml.nvmlSystemGetDriverVersion())
        with contextlib.suppress(nvml.NVMLError):
            version = int(nvml.nvmlSystemGetCudaDriverVersion())
            facts["hw.gpu.cuda.version"] = f"{version // 1000}.{version % 1000 // 10}"
        return facts

    def _utilization(self) -> dict[str, float]:
        rates = self._nvml.nvmlDeviceGetUtilizationRates(self._handle)
        return {
            "hw.gpu.utilization": rates.gpu / 100,
            "hw.gpu.memory.controller.utilization": rates.memory / 100,
        }

    def _memory(self) -> dict[str, float]:
        # The first version counts what the driver keeps for itself as used; drivers before 510 know no other.
        try:
            memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle, version=self._memory_version)
        except self._nvml.NVMLError as error:
            if self._memory_version is None or _fate_of(self._nvml, error.value) != "unsupported":
                raise
            self._memory_version = None
            memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle)
        values = {"hw.gpu.memory.usage": float(memory.used), "hw.gpu.memory.limit": float(memory.total)}
        if memory.total:
            values["hw.gpu.memory.utilization"] = memory.used / memory.total
        return values

    def _temperature(self) -> dict[str, float]:
        nvml = self._nvml
        # The older call is known to every driver; a later `pynvml` will have the newer one only.
        read = getattr(nvml, "nvmlDeviceGetTemperature", None) or nvml.nvmlDeviceGetTemperatureV
        return {"hw.gpu.temperature": float(read(self._handle, nvml.NVML_TEMPERATURE_GPU))}

    def _power(self) -> dict[str, float]:
        return {"hw.gpu.power": self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1e3}

    def _power_limit(self) -> dict[str, float]:
        return {"hw.gpu.power.limit": self._nvml.nvmlDeviceGetEnforcedPowerLimit(self._handle) / 1e3}

    def _graphics_clock(self) -> dict[str, float]:
        clock = self._nvml.nvmlDeviceGetClockInfo(self._handle, self._nvml.NVML_CLOCK_GRAPHICS)
        return {"hw.gpu.clock.graphics": clock * 1e6}

    def _memory_clock(self) -> dict[str, float]:
        clock = self._nvml.nvmlDeviceGetClockInfo(self._handle, self._nvml.NVML_CLOCK_MEM)
        return {"hw.gpu.clock.memory": clock * 1e6}

    def _throttling(self) -> dict[str, float]:
        nvml = self._nvml
        # As with the temperature: the older name is known to every driver.
        read = (
            getattr(nvml, "nvmlDeviceGetCurrentClocksThrottleReasons", None)
            or nvml.nvmlDeviceGetCurrentClocksEventReasons
        )
        reasons = read(self._handle)
        power = nvml.nvmlClocksEventReasonSwPowerCap | nvml.nvmlClocksEventReasonHwPowerBrakeSlowdown
        thermal = nvml.nvmlClocksEventReasonSwThermalSlowdown | nvml.nvmlClocksEventReasonHwThermalSlowdown
        return {
            "hw.gpu.throttle.power": float(reasons & power != 0),
            "hw.gpu.throttle.thermal": float(reasons & thermal != 0),
        }

    def _errors(self) -> dict[str, float]:
        nvml = self._nvml
        count = nvml.nvmlDeviceGetTotalEccErrors(
            self._handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
        )
        return {"hw.gpu.errors.uncorrected": float(count)}

    def _traffic(self) -> dict[str, float]:
        nvml = self._nvml
        wanted = [(getattr(nvml, field), scope) for _, field, scope, _ in self._links]
        totals: dict[str, float] = {}
        for link, answer in zip(
            tuple(self._links), nvml.nvmlDeviceGetFieldValues(self._handle, wanted), strict=True
        ):
            name, _, _, unit_bytes = link
            if answer.nvmlReturn == nvml.NVML_SUCCESS:
                member = _VALUE_MEMBERS[answer.valueType]
                totals[name] = float(getattr(answer.value, member)) * unit_bytes
            elif _fate_of(nvml, answer.nvmlReturn) == "unsupported":
                self._links.remove(link)
        if not self._links:
            raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
        return totals

    def _graphics_memory(self) -> dict[tuple[int, str], float]:
        return self._process_memory(self._nvml.nvmlDeviceGetGraphicsRunningProcesses)

    def _compute_memory(self) -> dict[tuple[int, str], float]:
        return self._process_memory(self._nvml.nvmlDeviceGetComputeRunningProcesses)

    def _process_memory(self, list_processes: Callable[[Any], Any]) -> dict[tuple[int, str], float]:
        # A process in several MIG instances is listed for each.
        usage: dict[tuple[int, str], float] = {}
        for process in list_processes(self._handle):
            if process.usedGpuMemory is not None:
                key = (process.pid, "process.gpu.memory.usage")
                usage[key] = usage.get(key, 0.0) + process.usedGpuMemory
        return usage

    def _process_utilization(self) -> dict[tuple[int, str], float]:
        samples = self._nvml.nvmlDeviceGetProcessUtilization(self._handle, self._sampled_until)
        newest: dict[int, Any] = {}
        for sample in samples:
            # Drivers are known to fill in samples that hold no percentage.
            if sample.smUtil <= 100 and (
                sample.pid not in newest or sample.timeStamp > newest[sample.pid].timeStamp
            ):
                newest[sample.pid] = sample
        self._sampled_until = max([self._sampled_until, *(sample.timeStamp for sample in newest.values())])
        return {(pid, "process.gpu.utilization"): sample.smUtil / 100 for pid, sample in newest.items()}


class NvidiaDriver:
    """NVML, initialised."""

    def __init__(self, nvml: Any) -> None:
        """Initialises the library; raises what it raises when there is no driver."""
        self._nvml = nvml
        nvml.nvmlInit()
        try:
            self._devices = [NvidiaDevice(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
        except Exception:
            nvml.nvmlShutdown()
            raise

    @property
    def devices(self) -> list[NvidiaDevice]:
        """The GPUs, ordered by PCI bus."""
        return self._devices

    def fate(self, error: Exception) -> _Fate:
        """Says what an exception means; one that is not NVML's says that the binding and this module do not fit."""
        if not isinstance(error, self._nvml.NVMLError):
            return "unsupported"
        return _fate_of(self._nvml, error.value)

    def close(self) -> None:
        """Shuts the library down."""
        self._nvml.nvmlShutdown()


def open_driver() -> NvidiaDriver | None:
    """Returns NVML, or None where there is no NVIDIA driver, no `pynvml`, or the two do not work together."""
    if not any(Path(name).exists() for name in _DEVICE_FILES):
        return None
    try:
        import pynvml

        return NvidiaDriver(pynvml)
    except Exception:  # noqa: BLE001 - libraries of all versions fail in all ways
        return None


def _fate_of(nvml: Any, code: int) -> _Fate:
    for name, fate in _FATES.items():
        if code == getattr(nvml, name, None):
            return fate
    return "passing"


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
