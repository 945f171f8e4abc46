"""Owns the accelerators of the machine: which vendors' drivers are present, and what is asked of their devices.

Invariants:
- Nothing a driver does comes out of here as an exception. What a device does not support is asked once and never again;
  a device that is lost is not asked again at all; anything else is asked again at the next sample.
- Devices are numbered as their driver lists them (NVIDIA: by PCI bus, as `nvidia-smi` does), vendor after vendor. What a
  run may see of them (CUDA_VISIBLE_DEVICES) changes nothing.
- A vendor's library is loaded only where its device files are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias, TypeVar

from trackd_service import amd, nvidia

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

Fate: TypeAlias = Literal["unsupported", "lost", "passing"]


class Device(Protocol):
    """One accelerator: the questions it can be asked. Each may raise, and answers several metrics at once."""

    @property
    def gauges(self) -> Sequence[Callable[[], Mapping[str, float]]]:
        """Values of now, by metric."""

    @property
    def totals(self) -> Sequence[Callable[[], Mapping[str, float]]]:
        """Counts that only grow, by the metric that is their rate a second."""

    @property
    def processes(self) -> Sequence[Callable[[], Mapping[tuple[int, str], float]]]:
        """What processes use of the device, by pid and metric."""

    def describe(self) -> Mapping[str, str | int]:
        """Returns what does not change; what is not known is left out."""


class Driver(Protocol):
    """One vendor's library, opened."""

    @property
    def devices(self) -> Sequence[Device]:
        """Its accelerators, as it numbers them."""

    def fate(self, error: Exception) -> Fate:
        """Says what an exception out of a question means: for the question, for the device, or for now."""

    def close(self) -> None:
        """Gives the library back; may raise."""


class _Slot:
    """A device with its number and the questions that are left to ask it."""

    def __init__(self, index: int, driver: Driver, device: Device) -> None:
        self.index = index
        self.device = device
        self.gauges = list(device.gauges)
        self.totals = list(device.totals)
        self.processes = list(device.processes)
        self.usage: dict[tuple[int, str], float] = {}  # of the last sample, by pid and metric
        self._driver = driver

    def ask(self, questions: list[Callable[[], Mapping[_Key, _Value]]]) -> dict[_Key, _Value]:
        answers: dict[_Key, _Value] = {}
        for question in list(questions):
            try:
                answers.update(question())
            except Exception as error:  # noqa: BLE001 - a driver's trouble is the device's, never the daemon's
                fate = self._driver.fate(error)
                if fate == "unsupported":
                    questions.remove(question)
                elif fate == "lost":
                    for left in (self.gauges, self.totals, self.processes):
                        left.clear()
                    return {}
        return answers


class Accelerators:
    """The accelerators of some drivers. Not for several threads at a time."""

    def __init__(self, drivers: Sequence[Driver]) -> None:
        """Takes opened drivers, which are closed with it."""
        self._drivers = drivers
        pairs = [(driver, device) for driver in drivers for device in driver.devices]
        self._slots = [_Slot(index, driver, device) for index, (driver, device) in enumerate(pairs)]

    def sample(self) -> tuple[dict[str, float], dict[str, float]]:
        """Asks every device once.

        Returns:
            Values, and counts whose rates a second are metrics; both named "METRIC/INDEX".
        """
        values: dict[str, float] = {}
        totals: dict[str, float] = {}
        for slot in self._slots:
            values.update({f"{name}/{slot.index}": value for name, value in slot.ask(slot.gauges).items()})
            totals.update({f"{name}/{slot.index}": value for name, value in slot.ask(slot.totals).items()})
            slot.usage = slot.ask(slot.processes)
        return values, totals

    def of_processes(self, pids: Collection[int]) -> dict[str, float]:
        """Returns what some processes used together at the last sample, named "METRIC/INDEX"; only devices they use."""
        values: dict[str, float] = {}
        for slot in self._slots:
            for (pid, name), value in slot.usage.items():
                if pid in pids:
                    key = f"{name}/{slot.index}"
                    total = values.get(key, 0.0) + value
                    # Whole percents of several processes can add up to a little more than the device.
                    values[key] = min(total, 1.0) if name.endswith(".utilization") else total
        return values

    def describe(self) -> dict[str, str | int | float]:
        """Returns what does not change of every device, named "FACT/INDEX"."""
        facts: dict[str, str | int | float] = {}
        for slot in self._slots:
            with contextlib.suppress(Exception):
                facts.update({f"{name}/{slot.index}": fact for name, fact in slot.device.describe().items()})
        return facts

    def close(self) -> None:
        """Gives the drivers back. Nothing can be asked afterwards."""
        drivers, self._drivers, self._slots = self._drivers, [], []
        for driver in drivers:
            with contextlib.suppress(Exception):
                driver.close()


def open_present() -> Accelerators:
    """Opens the drivers that are there; without any, the machine has no accelerators."""
    drivers: tuple[Driver | None, ...] = (nvidia.open_driver(), amd.open_driver())
    return Accelerators([driver for driver in drivers if driver is not None])
