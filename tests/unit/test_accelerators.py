import inspect
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest
from tests.unit.fake_nvml import GIB, FakeGpu, FakeNvml

from trackd_service import accelerators, amd, nvidia
from trackd_service.accelerators import Accelerators
from trackd_service.amd import AmdDriver
from trackd_service.nvidia import NvidiaDriver

GPU_METRICS = {
    "hw.gpu.utilization": 0.75,
    "hw.gpu.memory.controller.utilization": 0.4,
    "hw.gpu.memory.usage": 20 * GIB,
    "hw.gpu.memory.limit": 80 * GIB,
    "hw.gpu.memory.utilization": 0.25,
    "hw.gpu.temperature": 61,
    "hw.gpu.power": 412.5,
    "hw.gpu.power.limit": 700,
    "hw.gpu.clock.graphics": 1.98e9,
    "hw.gpu.clock.memory": 2.619e9,
    "hw.gpu.throttle.power": 1,
    "hw.gpu.throttle.thermal": 0,
    "hw.gpu.errors.uncorrected": 3,
}


def open_gpus(*gpus: FakeGpu) -> tuple[FakeNvml, Accelerators]:
    nvml = FakeNvml(*gpus)
    return nvml, Accelerators([NvidiaDriver(nvml)])


@pytest.fixture
def device_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the device files of both vendors, which are there when this one is."""
    path = tmp_path / "device"
    monkeypatch.setattr(nvidia, "_DEVICE_FILES", (str(path),))
    monkeypatch.setattr(amd, "_DEVICE_FILE", str(path))
    monkeypatch.setitem(sys.modules, "amdsmi", None)  # as if not installed
    return path


def test_fake_nvml_has_only_functions_of_pynvml_with_its_parameters() -> None:
    faked = [name for name in dir(FakeNvml) if name.startswith("nvml")]
    assert len(faked) > 15
    for name in faked:
        real = list(inspect.signature(inspect.unwrap(getattr(pynvml, name))).parameters)
        assert list(inspect.signature(getattr(FakeNvml, name)).parameters)[1:] == real, name


def test_every_device_answers_under_its_index() -> None:
    _, found = open_gpus(FakeGpu(), FakeGpu())
    values, _ = found.sample()
    assert values == {f"{name}/{index}": value for index in (0, 1) for name, value in GPU_METRICS.items()}


def test_unsupported_metric_is_asked_of_that_device_once() -> None:
    name = "nvmlDeviceGetPowerUsage"
    nvml, found = open_gpus(FakeGpu({name: pynvml.NVML_ERROR_NOT_SUPPORTED}), FakeGpu())
    for _ in range(3):
        values, _ = found.sample()
        assert "hw.gpu.power/0" not in values
        assert values["hw.gpu.power/1"] == 412.5
        assert values["hw.gpu.utilization/0"] == 0.75
    assert (nvml.calls[name, 0], nvml.calls[name, 1]) == (1, 3)


def test_passing_failure_is_asked_again() -> None:
    gpu = FakeGpu({"nvmlDeviceGetPowerUsage": pynvml.NVML_ERROR_TIMEOUT})
    _, found = open_gpus(gpu)
    assert "hw.gpu.power/0" not in found.sample()[0]
    gpu.failures.clear()
    assert found.sample()[0]["hw.gpu.power/0"] == 412.5


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNINITIALIZED])
def test_lost_device_gives_no_values_and_is_left_alone_while_others_go_on(code: int) -> None:
    nvml, found = open_gpus(FakeGpu(memory={7: GIB}), FakeGpu())
    found.sample()
    nvml.fail_everything(0, code)
    counts = []
    for _ in range(2):
        values, totals = found.sample()
        assert {name.rpartition("/")[2] for name in (*values, *totals)} == {"1"}
        assert found.of_processes({7}) == {}
        counts.append(sum(count for (_, index), count in nvml.calls.items() if index == 0))
    assert counts[0] == counts[1]


def test_device_lost_before_the_start_keeps_the_numbers_of_the_others() -> None:
    nvml = FakeNvml(FakeGpu(), FakeGpu())
    nvml.fail_everything(0, pynvml.NVML_ERROR_GPU_IS_LOST)
    found = Accelerators([NvidiaDriver(nvml)])
    values, _ = found.sample()
    assert values["hw.gpu.utilization/1"] == 0.75
    assert not any(name.endswith("/0") for name in values)
    assert found.describe()["hw.gpu.name/1"] == "NVIDIA H100 80GB HBM3"


def test_function_that_the_binding_lacks_costs_its_metric_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(FakeNvml, "nvmlDeviceGetEnforcedPowerLimit")
    _, found = open_gpus(FakeGpu())
    expected = {f"{name}/0": value for name, value in GPU_METRICS.items() if name != "hw.gpu.power.limit"}
    assert found.sample()[0] == expected


def test_newer_binding_without_the_deprecated_calls_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for old, new in (
        ("nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV"),
        ("nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlDeviceGetCurrentClocksEventReasons"),
    ):
        assert hasattr(pynvml, new)
        monkeypatch.setattr(FakeNvml, new, getattr(FakeNvml, old), raising=False)
        monkeypatch.delattr(FakeNvml, old)
    monkeypatch.setattr(FakeNvml, "__getattr__", lambda _, name: _constant(name))
    _, found = open_gpus(FakeGpu())
    assert found.sample()[0] == {f"{name}/0": value for name, value in GPU_METRICS.items()}


def _constant(name: str) -> Any:
    value = getattr(pynvml, name)
    if inspect.isfunction(value):
        raise AttributeError(name)
    return value


def test_old_driver_without_the_second_memory_call_tells_memory_by_the_first() -> None:
    gpu = FakeGpu({"nvmlDeviceGetMemoryInfo_v2": pynvml.NVML_ERROR_FUNCTION_NOT_FOUND})
    nvml, found = open_gpus(gpu)
    for _ in range(2):
        assert found.sample()[0]["hw.gpu.memory.usage/0"] == 21 * GIB
    assert nvml.calls["nvmlDeviceGetMemoryInfo_v2", 0] == 1


def test_process_usage_is_of_the_processes_asked_for_on_each_device() -> None:
    _, found = open_gpus(
        FakeGpu(
            memory={7: GIB, 8: 2 * GIB, 9: 4 * GIB}, utilization=[(7, 100, 60), (8, 100, 70), (9, 100, 5)]
        ),
        FakeGpu(memory={9: GIB}),
    )
    assert found.of_processes({7, 8}) == {}
    found.sample()
    assert found.of_processes({7, 8}) == {
        "process.gpu.memory.usage/0": 3 * GIB,
        "process.gpu.utilization/0": 1.0,
    }
    assert found.of_processes([9]) == {
        "process.gpu.memory.usage/0": 4 * GIB,
        "process.gpu.utilization/0": 0.05,
        "process.gpu.memory.usage/1": GIB,
    }
    assert found.of_processes([1]) == {}


def test_process_utilization_is_the_newest_and_none_while_there_is_nothing_new() -> None:
    gpu = FakeGpu(utilization=[(7, 100, 10), (7, 300, 30), (7, 200, 20), (7, 400, 4_000_000)])
    _, found = open_gpus(gpu)
    found.sample()
    assert found.of_processes([7]) == {"process.gpu.utilization/0": 0.3}
    gpu.utilization = [(7, 300, 30)]
    found.sample()
    assert found.of_processes([7]) == {}
    gpu.utilization.append((7, 500, 50))
    found.sample()
    assert found.of_processes([7]) == {"process.gpu.utilization/0": 0.5}


def test_traffic_is_told_in_bytes_and_without_the_links_that_are_not_there() -> None:
    gpu = FakeGpu(
        fields={
            pynvml.NVML_FI_DEV_PCIE_COUNT_RX_BYTES: 5000,
            pynvml.NVML_FI_DEV_PCIE_COUNT_TX_BYTES: 6000,
            pynvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX: 7,
        },
        field_failures={pynvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX: pynvml.NVML_ERROR_NOT_SUPPORTED},
    )
    nvml, found = open_gpus(gpu)
    expected = {
        "hw.gpu.io.receive_rate/0": 5000,
        "hw.gpu.io.transmit_rate/0": 6000,
        "hw.gpu.nvlink.receive_rate/0": 7 * 1024,
    }
    assert found.sample()[1] == expected
    gpu.field_failures.clear()
    assert found.sample()[1] == expected

    gpu.field_failures = dict.fromkeys(range(300), pynvml.NVML_ERROR_NOT_SUPPORTED)
    calls = nvml.calls["nvmlDeviceGetFieldValues", 0]
    assert [found.sample()[1], found.sample()[1]] == [{}, {}]
    assert nvml.calls["nvmlDeviceGetFieldValues", 0] == calls + 1


def test_description_names_the_devices_and_leaves_out_what_is_not_known() -> None:
    _, found = open_gpus(FakeGpu(), FakeGpu({"nvmlDeviceGetName": pynvml.NVML_ERROR_UNKNOWN}))
    facts = found.describe()
    assert {name: fact for name, fact in facts.items() if name.endswith("/0")} == {
        "hw.gpu.vendor/0": "NVIDIA",
        "hw.gpu.name/0": "NVIDIA H100 80GB HBM3",
        "hw.gpu.memory.limit/0": 80 * GIB,
        "hw.gpu.driver.version/0": "570.86.15",
        "hw.gpu.cuda.version/0": "12.8",
    }
    assert "hw.gpu.name/1" not in facts
    assert facts["hw.gpu.memory.limit/1"] == 80 * GIB


def test_present_driver_is_opened_once_and_given_back_once(
    device_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device_file.touch()
    nvml = FakeNvml(FakeGpu())
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    found = accelerators.open_present()
    assert found.sample()[0]["hw.gpu.temperature/0"] == 61
    assert nvml.open_count == 1
    found.close()
    found.close()
    assert nvml.open_count == 0
    assert found.sample() == ({}, {})


@pytest.mark.parametrize("module", [FakeNvml(has_driver=False), None, object()])
def test_library_that_is_absent_or_useless_means_no_accelerators(
    device_file: Path, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    device_file.touch()
    monkeypatch.setitem(sys.modules, "pynvml", module)
    found = accelerators.open_present()
    assert found.sample() == ({}, {})
    assert found.describe() == {}
    found.close()


def test_no_library_is_loaded_where_there_is_no_device_file(
    device_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = FakeNvml(FakeGpu())
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert not device_file.exists()
    assert accelerators.open_present().sample() == ({}, {})
    assert nvml.open_count == 0


def test_driver_that_fails_after_its_start_is_shut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeGpu())
    monkeypatch.delattr(FakeNvml, "nvmlDeviceGetCount")
    with pytest.raises(AttributeError):
        NvidiaDriver(nvml)
    assert nvml.open_count == 0


class AmdSmiError(Exception):
    def __init__(self, err_code: int) -> None:
        super().__init__(err_code)
        self.err_code = err_code


def fake_amdsmi(**changed: Any) -> Any:
    """Returns what `amdsmi` answers of one MI300X, with its names and units."""

    def raise_(error: Exception) -> Any:
        raise error

    answers: dict[str, Any] = {
        "amdsmi_init": None,
        "amdsmi_shut_down": None,
        "amdsmi_get_processor_handles": ["handle"],
        "amdsmi_get_gpu_activity": {"gfx_activity": 80, "umc_activity": "N/A", "mm_activity": 0},
        "amdsmi_get_gpu_memory_usage": 48 * GIB,
        "amdsmi_get_gpu_memory_total": 192 * GIB,
        "amdsmi_get_temp_metric": 55,
        "amdsmi_get_power_info": {"current_socket_power": "N/A", "average_socket_power": 320},
        "amdsmi_get_power_cap_info": {"power_cap": 750_000_000},
        "amdsmi_get_clock_info": {"clk": 2100},
        "amdsmi_get_gpu_total_ecc_count": {"correctable_count": 5, "uncorrectable_count": 2},
        "amdsmi_get_gpu_process_list": [{"pid": 7, "memory_usage": {"vram_mem": GIB}}],
        "amdsmi_get_gpu_asic_info": {"market_name": "AMD Instinct MI300X"},
        "amdsmi_get_gpu_driver_info": {"driver_version": "6.10.5"},
    } | changed
    functions = {
        name: (lambda *_, answer=answer: raise_(answer) if isinstance(answer, Exception) else answer)
        for name, answer in answers.items()
    }
    return SimpleNamespace(
        **functions,
        AmdSmiException=AmdSmiError,
        AmdSmiMemoryType=SimpleNamespace(VRAM=0),
        AmdSmiTemperatureType=SimpleNamespace(HOTSPOT=1),
        AmdSmiTemperatureMetric=SimpleNamespace(CURRENT=0),
        AmdSmiClkType=SimpleNamespace(GFX=0, MEM=1),
    )


def test_amd_devices_are_told_in_the_same_units_and_numbered_behind_nvidia() -> None:
    found = Accelerators([NvidiaDriver(FakeNvml(FakeGpu())), AmdDriver(fake_amdsmi())])
    values, totals = found.sample()
    assert {name: value for name, value in values.items() if name.endswith("/1")} == pytest.approx(
        {
            "hw.gpu.utilization/1": 0.8,
            "hw.gpu.memory.usage/1": 48 * GIB,
            "hw.gpu.memory.limit/1": 192 * GIB,
            "hw.gpu.memory.utilization/1": 0.25,
            "hw.gpu.temperature/1": 55,
            "hw.gpu.power/1": 320,
            "hw.gpu.power.limit/1": 750,
            "hw.gpu.clock.graphics/1": 2.1e9,
            "hw.gpu.clock.memory/1": 2.1e9,
            "hw.gpu.errors.uncorrected/1": 2,
        }
    )
    assert not any(name.endswith("/1") for name in totals)
    assert found.of_processes([7]) == {"process.gpu.memory.usage/1": GIB}
    assert found.describe()["hw.gpu.name/1"] == "AMD Instinct MI300X"
    found.close()


@pytest.mark.parametrize(
    ("error", "is_lost"), [(AmdSmiError(2), False), (KeyError("power_cap"), False), (AmdSmiError(34), True)]
)
def test_amd_failure_costs_a_metric_or_the_device(error: Exception, is_lost: bool) -> None:
    found = Accelerators([AmdDriver(fake_amdsmi(amdsmi_get_power_cap_info=error))])
    values, _ = found.sample()
    assert "hw.gpu.power.limit/0" not in values
    assert ("hw.gpu.temperature/0" not in values) == is_lost
    assert ("hw.gpu.temperature/0" not in found.sample()[0]) == is_lost
