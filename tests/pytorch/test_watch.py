"""`run.watch`: histograms of gradients and parameters, at their steps, and a model that is as if it were not watched."""

from __future__ import annotations

import copy
import gc
import io
import math
import multiprocessing
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from tests.conftest import WaitUntil
from torch import nn

import trackd
from trackd import _run, _watch

MODERN = hasattr(torch, "compile")


@pytest.fixture
def run(project: str) -> _run.Run:
    """Gives a run of a project of the test's own."""
    return trackd.init(project=project)


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))


def train(run: _run.Run, model: Callable[[Any], Any], step_count: int = 4) -> None:
    for _ in range(step_count):
        model(torch.ones(2, 3)).sum().backward()
        run.log({"loss": 1.0})


def finished(run: _run.Run) -> dict[int, dict[str, Any]]:
    """Ends a run and returns its histograms by step and name, encoded."""
    run.finish(quiet=True)
    rows: dict[int, dict[str, Any]] = {}
    for row in trackd.Api().run(run.path).scan_history():
        found = {key: value for key, value in row.items() if isinstance(value, dict) and "counts" in value}
        if found:
            rows[row["_step"]] = found
    return rows


def names(kind: str, prefix: str = "") -> set[str]:
    return {f"{kind}/{prefix}{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")}


def hooks(model: nn.Module) -> int:
    tensors = [hook for parameter in model.parameters() for hook in parameter._backward_hooks or ()]
    return len(model._forward_hooks) + len(tensors)


def histogram(tensor: Any) -> _watch.WatchedHistogram:
    begun = _watch.begin(torch, tensor)
    assert begun is not None
    return begun[0]()


# -- what is logged, and where -----------------------------------------------------------------------------------------


def test_gradients_stand_at_the_step_of_every_nth_backward_pass(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log_freq=2)
    train(run, model, 5)
    rows = finished(run)
    assert {step: set(row) for step, row in rows.items()} == dict.fromkeys((1, 3), names("gradients"))
    weight = rows[3]["gradients/0.weight"]
    alone = copy.deepcopy(model)
    alone.zero_grad()
    alone(torch.ones(2, 3)).sum().backward()
    gradient = alone[0].weight.grad
    assert gradient is not None
    assert sum(weight["counts"]) == gradient.numel()
    assert (weight["edges"][0], weight["edges"][-1]) == (gradient.min().item(), gradient.max().item())


def test_parameters_are_taken_at_every_nth_forward_pass(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log="parameters", log_freq=3)
    with torch.no_grad():
        for _ in range(4):
            model(torch.ones(2, 3))
            run.log({"loss": 1.0})
            model[0].weight.fill_(7.0)
    rows = finished(run)
    assert {step: set(row) for step, row in rows.items()} == {2: names("parameters")}
    low, high = rows[2]["parameters/0.weight"]["edges"]
    assert low < 7 < high
    assert high - low < 1e-4
    assert rows[2]["parameters/0.weight"]["counts"] == [12]


def test_further_models_have_a_number_in_their_names(run: _run.Run) -> None:
    first, second, third = mlp(), mlp(), mlp()
    assert run.watch([first, second], log="all", log_freq=1) == []
    run.watch(third, log_freq=1, idx=7)
    train(run, lambda x: first(x) + second(x) + third(x), 1)
    prefixes = ("", "graph_1")
    expected = {
        name for kind in ("gradients", "parameters") for prefix in prefixes for name in names(kind, prefix)
    }
    assert set(finished(run)[0]) == expected | names("gradients", "graph_7")


def test_a_histogram_joins_the_row_of_an_explicit_step(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log_freq=1)
    for step in (10, 20):
        run.log({"begun": 1.0}, step=step)
        model(torch.ones(2, 3)).sum().backward()
    assert set(finished(run)) == {10, 20}


def test_histograms_move_no_step(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log="all", log_freq=1)
    train(run, model, 200)
    assert run.step == 200
    assert set(finished(run)) == set(range(200))
    rows = list(trackd.Api().run(run.path).scan_history(keys=["_step", "loss"]))
    assert [row["_step"] for row in rows] == list(range(200))


def test_no_histogram_is_late_where_late_rows_are_dropped(project: str) -> None:
    run = trackd.init(project=project, settings={"late_steps": "drop"})
    model = mlp()
    run.watch(model, log="all", log_freq=1)
    train(run, model, 50)
    assert set(finished(run)) == set(range(50))
    assert trackd.Api().run(run.path).ingest_health["dropped_late_row_count"] == 0


def test_a_hook_does_the_work_when_too_much_waits(run: _run.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "_WAITING_ELEMENTS_MAX_COUNT", 0)
    monkeypatch.setattr(_watch.Watcher, "_work", None)
    model = mlp()
    run.watch(model, log_freq=1)
    train(run, model, 2)
    assert set(finished(run)) == {0, 1}


def test_the_graph_is_a_table_of_modules(run: _run.Run) -> None:
    model = mlp()
    model[2].weight = model[2].weight.requires_grad_(False)
    (table,) = run.watch(model, log=None, log_graph=True)
    assert hooks(model) == 0
    assert table.columns == ["module", "class", "parameters", "trainable"]
    assert table.data == [
        ["", "Sequential", 0, 0],
        ["0", "Linear", 16, 16],
        ["1", "ReLU", 0, 0],
        ["2", "Linear", 5, 1],
    ]
    run.finish(quiet=True)
    assert trackd.Api().run(run.path).summary["graph_0"]["row_count"] == 4


# -- arguments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (TypeError, r"Expected a pytorch model \(torch.nn.Module\). Received <class 'int'>", {"models": 3}),
        (TypeError, r"Received <class 'str'>", {"models": [nn.Linear(1, 1), "model"]}),
        (ValueError, "log must be one of 'gradients', 'parameters', 'all', or None", {"log": "weights"}),
        (TypeError, "log_freq is 2.5", {"log_freq": 2.5}),
        (TypeError, "idx is '1'", {"idx": "1"}),
    ],
)
@pytest.mark.parametrize("mode", ["online", "disabled"])
def test_a_wrong_argument_is_named_and_leaves_no_hook(
    project: str, mode: str, error: type[Exception], words: str, arguments: dict[str, Any]
) -> None:
    if mode == "disabled" and not {"models", "log"} & set(arguments):
        pytest.skip("a disabled run checks models and log")
    run = trackd.init(project=project, mode=mode)
    model = mlp()
    with pytest.raises(error, match=words):
        run.watch(**{"models": model, **arguments})
    assert hooks(model) == 0


def test_a_disabled_run_hooks_nothing(project: str) -> None:
    model = mlp()
    with trackd.init(project=project, mode="disabled") as run:
        run.watch(model, log="all", log_graph=True)
        run.unwatch(model)
        assert hooks(model) == 0


def test_a_model_watched_again_is_watched_anew_under_its_names(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log="all", log_freq=1)
    count = hooks(model)
    run.watch(model, log="all", log_freq=2)
    assert hooks(model) == count
    train(run, model, 3)
    rows = finished(run)
    assert {step: set(row) for step, row in rows.items()} == {1: names("gradients") | names("parameters")}


def test_a_second_graph_of_a_model_is_refused(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log_graph=True)
    with pytest.raises(ValueError, match=r"once per model.*unwatch"):
        run.watch(model, log_graph=True)


def test_an_index_in_use_is_refused(run: _run.Run) -> None:
    first, second = mlp(), mlp()
    run.watch(first)
    with pytest.raises(ValueError, match="idx is 0"):
        run.watch(second, idx=0)
    assert hooks(second) == 0


# -- the end of a watch ------------------------------------------------------------------------------------------------


def test_unwatch_removes_the_hooks_and_keeps_what_was_taken(run: _run.Run) -> None:
    first, second = mlp(), mlp()
    run.watch([first, second], log="all", log_freq=1)
    train(run, lambda x: first(x) + second(x), 1)
    run.unwatch(first)
    assert hooks(first) == 0
    assert hooks(second) > 0
    train(run, lambda x: first(x) + second(x), 1)
    run.unwatch()
    assert hooks(second) == 0
    train(run, second, 1)
    rows = finished(run)
    assert len(rows[0]) == 16
    assert set(rows[1]) == names("gradients", "graph_1") | names("parameters", "graph_1")
    assert set(rows) == {0, 1}


def test_unwatch_of_what_is_not_watched_warns(run: _run.Run) -> None:
    run.watch(mlp())
    with pytest.warns(UserWarning, match="Linear is not watched"):
        run.unwatch(nn.Linear(1, 1))


def test_finish_removes_the_hooks(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log="all", log_freq=1)
    run.finish(quiet=True)
    assert hooks(model) == 0
    model(torch.ones(2, 3)).sum().backward()


def test_a_failure_ends_the_watch_with_one_warning_and_no_error(
    run: _run.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watch, "begin", Mock(side_effect=RuntimeError("no memory")))
    model = mlp()
    run.watch(model, log="all", log_freq=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(run, model, 3)
    assert [str(each.message) for each in caught] == [
        "watch: the model is watched no longer, after RuntimeError: no memory"
    ]
    assert finished(run) == {}


def test_a_failure_in_the_thread_reaches_no_training(run: _run.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(run, "_warn", said.append)
    monkeypatch.setattr(_watch, "bin_values", lambda values: 1 / 0)
    model = mlp()
    run.watch(model, log_freq=1)
    train(run, model, 3)
    assert finished(run) == {}
    assert said == ["watch: the model is watched no longer, after ZeroDivisionError: division by zero"]


# -- the model is as before --------------------------------------------------------------------------------------------


def test_copies_and_files_of_a_watched_model_are_of_the_model_alone(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log="all", log_freq=1)
    file = io.BytesIO()
    torch.save(model, file)
    assert b"trackd" not in file.getvalue()
    file.seek(0)
    arguments = {"weights_only": False} if MODERN else {}
    for twin in (torch.load(file, **arguments), copy.deepcopy(model)):
        assert torch.equal(twin(torch.ones(2, 3)), model(torch.ones(2, 3)))
        twin(torch.ones(2, 3)).sum().backward()
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}
    run.log({"loss": 1.0})
    assert set(finished(run)[0]) == names("parameters")  # of the model's own two forward passes


def test_a_watch_keeps_no_model_alive(run: _run.Run) -> None:
    model = mlp()
    run.watch(model, log="all", log_freq=1)
    train(run, model, 1)
    dead = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert dead() is None
    finally:
        gc.enable()
    run.watch(mlp(), log_freq=1)
    assert set(finished(run)) == {0}


def test_gradients_are_the_same_watched_and_not(run: _run.Run) -> None:
    watched, other = mlp(), mlp()
    run.watch(watched, log="all", log_freq=1)
    for model in (watched, other):
        model(torch.ones(2, 3)).sum().backward(retain_graph=True)
    for left, right in zip(watched.parameters(), other.parameters(), strict=True):
        assert left.grad is not None
        assert right.grad is not None
        assert torch.equal(left.grad, right.grad)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_trace_holds_nothing_of_the_watch(run: _run.Run) -> None:
    watched, other = mlp(), mlp()
    run.watch(watched, log="all", log_freq=1)
    graphs = [str(torch.jit.trace(model, torch.ones(2, 3)).inlined_graph) for model in (watched, other)]
    operations = [[line.partition("aten::")[2] for line in graph.splitlines()] for graph in graphs]
    assert operations[0] == operations[1]


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_scripted_model_shows_its_gradients_alone(run: _run.Run) -> None:
    model = torch.jit.script(mlp())
    with pytest.warns(UserWarning, match="parameters are not watched.*ScriptModules"):
        run.watch(model, log="all", log_freq=1)
    train(run, model, 1)
    assert set(finished(run)[0]) == names("gradients")


@pytest.mark.skipif(not MODERN, reason="torch.compile is of PyTorch 2")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("watched_first", [True, False])
def test_a_compiled_model_trains_in_one_graph_and_shows_its_gradients(
    run: _run.Run, watched_first: bool
) -> None:
    model = mlp()
    if watched_first:
        run.watch(model, log="all", log_freq=2)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    if not watched_first:
        run.watch(compiled, log="all", log_freq=2)
    train(run, compiled, 4)
    rows = finished(run)
    prefix = "" if watched_first else "_orig_mod."
    expected = names("gradients", prefix) | (set() if watched_first else names("parameters", prefix))
    assert {step: set(row) for step, row in rows.items()} == dict.fromkeys((1, 3), expected)


@pytest.mark.filterwarnings("ignore")
def test_wrapped_models_show_their_names_with_module(run: _run.Run, tmp_path: Path) -> None:
    parallel = nn.DataParallel(mlp())
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'rendezvous'}", rank=0, world_size=1
    )
    try:
        distributed = nn.parallel.DistributedDataParallel(mlp())
        run.watch([parallel, distributed], log="all", log_freq=1)
        train(run, lambda x: parallel(x) + distributed(x), 1)
    finally:
        torch.distributed.destroy_process_group()
    expected = {
        name
        for kind in ("gradients", "parameters")
        for prefix in ("", "graph_1")
        for name in names(kind, f"{prefix}module.")
    }
    assert set(finished(run)[0]) == expected


def test_a_forked_child_logs_what_it_takes(run: _run.Run, wait_until: WaitUntil) -> None:
    model = mlp()
    run.watch(model, log="parameters", log_freq=1)
    with torch.no_grad():
        model(torch.ones(2, 3))
        run.flush()
        child = multiprocessing.get_context("fork").Process(target=_forward_and_finish, args=(run, model))
        child.start()
        child.join(60)
    assert child.exitcode == 0
    run.finish(quiet=True)
    # Nobody waits for the log of a child that has ended: the daemon finds it within a moment.
    wait_until(lambda: len(finished(run).get(3, ())) == 4, message="the child's histograms")
    rows = finished(run)
    assert set(rows[0]) == set(rows[3]) == names("parameters")
    assert rows[3]["parameters/0.weight"]["counts"] == [12]


def _forward_and_finish(run: _run.Run, model: Any) -> None:
    for _ in range(3):
        run.log({"child": 1.0})
    model[0].weight.fill_(7.0)
    model(torch.ones(2, 3))
    run.finish(quiet=True)


# -- which parameters --------------------------------------------------------------------------------------------------


def test_frozen_unused_and_shared_parameters(run: _run.Run) -> None:
    model = nn.ModuleDict({"used": nn.Linear(3, 3), "twin": nn.Linear(3, 3), "unused": nn.Linear(3, 3)})
    model["twin"].weight = model["used"].weight
    model["twin"].bias.requires_grad_(False)
    run.watch(model, log_freq=1)
    train(run, lambda x: model["twin"](model["used"](x)), 1)
    assert set(finished(run)[0]) == {"gradients/used.weight", "gradients/used.bias"}


def test_parameters_that_change_are_followed(run: _run.Run) -> None:
    model = mlp()
    model[2].bias.requires_grad_(False)
    run.watch(model, log_freq=2)
    train(run, model, 1)
    model[2].bias.requires_grad_(True)
    model[0].weight = nn.Parameter(torch.zeros(4, 3))
    train(run, model, 4)
    rows = finished(run)
    assert "gradients/0.weight" in rows[1]
    # The hook is put on during a backward pass, which may be past this parameter.
    assert "gradients/2.bias" in rows[1] or "gradients/2.bias" in rows[2]


def test_lazy_parameters_come_with_the_first_pass(run: _run.Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "lazy modules are a new feature"
        model = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 1))
    run.watch(model, log="all", log_freq=1, log_graph=True)
    train(run, model, 2)
    assert {"gradients/0.weight", "parameters/0.weight"} <= set(finished(run)[1])


def test_a_sparse_gradient_counts_its_zeros(run: _run.Run) -> None:
    model = nn.Embedding(10, 4, sparse=True)
    run.watch(model, log_freq=1)
    model(torch.tensor([1, 1, 5])).sum().backward()
    found = finished(run)[0]["gradients/weight"]
    assert sum(found["counts"]) == 40
    assert found["counts"][0] == 32
    assert (found["edges"][0], found["edges"][-1]) == (0, 2)


# -- which tensors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8]
)
def test_every_type_of_number_is_counted(dtype: Any) -> None:
    found = histogram(torch.arange(128).reshape(8, 16).to(dtype))
    assert found.histogram == [2] * 64
    assert (found.bins[0], found.bins[-1]) == (0, 127)


def test_complex_numbers_count_by_magnitude() -> None:
    found = histogram(torch.tensor([3 + 4j, 0j]))
    assert (found.bins[0], found.bins[-1], sum(found.histogram)) == (0, 5, 2)


def test_what_is_not_finite_is_counted_apart() -> None:
    found = histogram(torch.tensor([math.nan, math.inf, -math.inf, math.nan, 1.0, 2.0]))
    assert (sum(found.histogram), found.nan_count, found.infinite_count) == (2, 2, 2)
    assert (found.bins[0], found.bins[-1]) == (1, 2)
    nothing = histogram(torch.full((3,), math.nan))
    assert (nothing.histogram, nothing.nan_count) == ([0], 3)


@pytest.mark.parametrize("value", [0.0, -2.5, 1e30, 1e-30])
def test_a_constant_is_one_narrow_bin(value: float) -> None:
    found = histogram(torch.full((5, 2), value))
    low, high = found.bins
    assert found.histogram == [10]
    assert low < value < high
    assert high - low <= max(1e-5 * abs(value), 1e-11)


def test_neighbouring_numbers_and_the_widest_range_have_bins() -> None:
    close = histogram(torch.tensor([1.0, math.nextafter(1.0, 2.0)], dtype=torch.float64))
    assert (close.histogram, len(close.bins)) == ([2], 2)
    wide = histogram(torch.tensor([-3.4e38, 0.0, 3.4e38]))
    assert (wide.histogram[0], wide.histogram[32], wide.histogram[-1]) == (1, 1, 1)


@pytest.mark.parametrize("tensor", [torch.empty(0, 3), torch.empty(2, device="meta")])
def test_what_holds_no_numbers_is_left_out(tensor: Any) -> None:
    assert _watch.begin(torch, tensor) is None


def test_a_scalar_and_other_layouts_are_counted() -> None:
    assert histogram(torch.tensor(3.0)).histogram == [1]
    assert sum(histogram(torch.ones(3, 4).t()).histogram) == 12
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "sparse CSR is in beta"
        compressed = torch.eye(4).to_sparse_csr()
    assert sum(histogram(compressed).histogram) == 16


@pytest.mark.parametrize("width", [1024, 1000, 3, 1])
def test_a_large_tensor_is_thinned_alike_each_time_and_over_all_columns(width: int) -> None:
    rows = 4_000_000 // width
    tensor = torch.arange(width, dtype=torch.float32).repeat(rows, 1)
    first, second = histogram(tensor), histogram(tensor)
    assert 500_000 < sum(first.histogram) <= 1 << 20
    assert first.histogram == second.histogram
    taken = _watch._thin(tensor, 1 << 20)
    assert torch.equal(taken.unique(), torch.arange(width, dtype=torch.float32))


def test_the_copy_is_of_the_moment() -> None:
    tensor = torch.zeros(4)
    begun = _watch.begin(torch, tensor)
    assert begun is not None
    tensor.fill_(9.0)
    assert begun[0]().bins[0] < 0


def samples() -> Iterator[Any]:
    generator = torch.Generator().manual_seed(1)
    for size in (1, 2, 63, 1000, 100_000):
        values = torch.randn(size, generator=generator)
        yield values
        yield values.double() * 1e-30
        yield values.half()
        yield torch.where(values > 1, torch.tensor(math.nan), values)
        yield torch.where(
            values > 0, torch.tensor(math.inf), torch.where(values < -1, torch.tensor(-math.inf), values)
        )
        yield torch.full((size,), 2.5)
        yield torch.full((size,), math.nan)
        yield torch.full((size,), -math.inf)


def test_bins_counted_on_a_device_are_those_of_the_host() -> None:
    for values in samples():
        on_device = _watch._begin_on_device(torch, values)()
        on_host = histogram(values)
        assert on_device.bins == pytest.approx(on_host.bins, rel=1e-6, abs=1e-38)
        assert (on_device.nan_count, on_device.infinite_count) == (on_host.nan_count, on_host.infinite_count)
        assert sum(on_device.histogram) == sum(on_host.histogram)
        moved = np.abs(np.cumsum(on_device.histogram) - np.cumsum(on_host.histogram)).max()
        assert moved <= max(2, 1e-3 * values.numel())  # edges are rounded to the tensor's own type


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_hooks_on_a_gpu_do_not_wait_for_it(run: _run.Run) -> None:
    model = mlp().cuda()
    inputs = torch.ones(2, 3, device="cuda")
    run.watch(model, log="all", log_freq=1)
    torch.cuda.set_sync_debug_mode("error")  # whatever waits raises, which ends the watch with a warning
    try:
        model(inputs).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    run.log({"loss": 1.0})
    assert set(finished(run)[0]) == names("gradients") | names("parameters")


def test_on_most_steps_a_hook_only_counts() -> None:
    class Watch:
        period = 1_000_000

    hook = _watch._GradientHook(Watch(), "weight", 1_000_000)  # type: ignore[arg-type]
    best = math.inf
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(10_000):
            hook(None)
        best = min(best, (time.perf_counter() - begin) / 10_000)
    assert best < 1e-6
