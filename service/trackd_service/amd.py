"""Owns what is asked of AMD's GPUs, through the library `amdsmi` that comes with ROCm, where it is installed.

Invariants: the library is initialised once and shut down once; what it answers with "N/A" is no value. Percentages become
fractions, megahertz hertz, microwatts watts. How much of a GPU a process keeps busy is not told.

Source: AMD's "AMD SMI Python API reference", whose names and units are used here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

_DEVICE_FILE = "/dev/kfd"  # of the kernel driver for compute; without it `amdsmi` prints its complaints

# amdsmi_status_t: INVAL, NOT_SUPPORTED, NOT_YET_IMPLEMENTED, FAIL_LOAD_SYMBOL, NO_PERM.
_UNSUPPORTED = frozenset({1, 2, 3, 5, 10})
# amdsmi_status_t: NOT_FOUND, NOT_INIT, DRIVER_NOT_LOADED, NO_DRV.
_LOST = frozenset({31, 32, 34, 51})


class AmdDevice:
    """One GPU."""

    def __init__(self, amdsmi: Any, handle: Any) -> None:
        """Takes the GPU's handle."""
        self._amdsmi = amdsmi
        self._handle = handle

    @property
    def gauges(self) -> tuple[Callable[[], dict[str, float]], ...]:
        """Values of now; see `accelerators.Device`."""
        return (
            self._utilization,
            self._memory,
            self._temperature,
            self._power,
            self._power_limit,
            self._graphics_clock,
            self._memory_clock,
            self._errors,
        )

    @property
    def totals(self) -> tuple[Callable[[], dict[str, float]], ...]:
        """Nothing; see `accelerators.Device`."""
        return ()

    @property
    def processes(self) -> tuple[Callable[[], dict[tuple[int, str], float]], ...]:
        """What processes use; see `accelerators.Device`."""
        return (self._process_memory,)

    def describe(self) -> dict[str, str | int]:
        """Returns name, memory and the driver's version, as far as they are known."""
        amdsmi, handle = self._amdsmi, self._handle
        facts: dict[str, str | int] = {"hw.gpu.vendor": "AMD"}
        with contextlib.suppress(Exception):
            facts["hw.gpu.name"] = str(amdsmi.amdsmi_get_gpu_asic_info(handle)["market_name"])
        with contextlib.suppress(Exception):
            facts["hw.gpu.memory.limit"] = int(
                amdsmi.amdsmi_get_gpu_memory_total(handle, amdsmi.AmdSmiMemoryType.VRAM)
            )
        with contextlib.suppress(Exception):
            facts["hw.gpu.driver.version"] = str(amdsmi.amdsmi_get_gpu_driver_info(handle)["driver_version"])
        return facts

    def _utilization(self) -> dict[str, float]:
        activity = self._amdsmi.amdsmi_get_gpu_activity(self._handle)
        return _scaled(
            0.01,
            {
                "hw.gpu.utilization": activity["gfx_activity"],
                "hw.gpu.memory.controller.utilization": activity["umc_activity"],
            },
        )

    def _memory(self) -> dict[str, float]:
        kind = self._amdsmi.AmdSmiMemoryType.VRAM
        used = float(self._amdsmi.amdsmi_get_gpu_memory_usage(self._handle, kind))
        total = float(self._amdsmi.amdsmi_get_gpu_memory_total(self._handle, kind))
        values = {"hw.gpu.memory.usage": used, "hw.gpu.memory.limit": total}
        if total:
            values["hw.gpu.memory.utilization"] = used / total
        return values

    def _temperature(self) -> dict[str, float]:
        amdsmi = self._amdsmi
        # Accelerators of the Instinct line have no sensor at the edge; all have one at the hottest spot.
        celsius = amdsmi.amdsmi_get_temp_metric(
            self._handle, amdsmi.AmdSmiTemperatureType.HOTSPOT, amdsmi.AmdSmiTemperatureMetric.CURRENT
        )
        return {"hw.gpu.temperature": float(celsius)}

    def _power(self) -> dict[str, float]:
        power = self._amdsmi.amdsmi_get_power_info(self._handle)
        # MI300 and later tell the power of now, earlier ones an average.
        for name in ("current_socket_power", "average_socket_power"):
            values = _scaled(1, {"hw.gpu.power": power.get(name)})
            if values:
                return values
        return {}

    def _power_limit(self) -> dict[str, float]:
        cap = self._amdsmi.amdsmi_get_power_cap_info(self._handle)
        return _scaled(1e-6, {"hw.gpu.power.limit": cap["power_cap"]})

    def _graphics_clock(self) -> dict[str, float]:
        clock = self._amdsmi.amdsmi_get_clock_info(self._handle, self._amdsmi.AmdSmiClkType.GFX)
        return _scaled(1e6, {"hw.gpu.clock.graphics": clock["clk"]})

    def _memory_clock(self) -> dict[str, float]:
        clock = self._amdsmi.amdsmi_get_clock_info(self._handle, self._amdsmi.AmdSmiClkType.MEM)
        return _scaled(1e6, {"hw.gpu.clock.memory": clock["clk"]})

    def _errors(self) -> dict[str, float]:
        counts = self._amdsmi.amdsmi_get_gpu_total_ecc_count(self._handle)
        return {"hw.gpu.errors.uncorrected": float(counts["uncorrectable_count"])}

    def _process_memory(self) -> dict[tuple[int, str], float]:
        return {
            (int(process["pid"]), "process.gpu.memory.usage"): float(process["memory_usage"]["vram_mem"])
            for process in self._amdsmi.amdsmi_get_gpu_process_list(self._handle)
        }


class AmdDriver:
    """AMD SMI, initialised."""

    def __init__(self, amdsmi: Any) -> None:
        """Initialises the library; raises what it raises when there is no driver."""
        self._amdsmi = amdsmi
        amdsmi.amdsmi_init()
        try:
            self._devices = [AmdDevice(amdsmi, handle) for handle in amdsmi.amdsmi_get_processor_handles()]
        except Exception:
            amdsmi.amdsmi_shut_down()
            raise

    @property
    def devices(self) -> list[AmdDevice]:
        """The GPUs, as `amd-smi list` orders them."""
        return self._devices

    def fate(self, error: Exception) -> Literal["unsupported", "lost", "passing"]:
        """Says what an exception means; one that is not the library's says that it and this module do not fit."""
        if not isinstance(error, self._amdsmi.AmdSmiException):
            return "unsupported"
        code = getattr(error, "err_code", None)
        return "unsupported" if code in _UNSUPPORTED else "lost" if code in _LOST else "passing"

    def close(self) -> None:
        """Shuts the library down."""
        self._amdsmi.amdsmi_shut_down()


def open_driver() -> AmdDriver | None:
    """Returns AMD SMI, or None where there is no AMD driver, no `amdsmi`, or the two do not work together."""
    if not Path(_DEVICE_FILE).exists():
        return None
    try:
        import amdsmi

        return AmdDriver(amdsmi)
    except Exception:  # noqa: BLE001 - libraries of all versions fail in all ways
        return None


def _scaled(factor: float, values: dict[str, Any]) -> dict[str, float]:
    """Returns the numbers among some answers, in other units."""
    return {name: value * factor for name, value in values.items() if isinstance(value, int | float)}
