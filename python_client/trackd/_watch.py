"""Owns `run.watch`: histograms of the gradients and parameters of PyTorch models, taken by hooks while they train.

Invariants: nothing here raises into a forward or a backward pass; the first failure ends the watch of its model, with one
warning. On most steps a hook counts and returns. No hook waits for a device, unless the run drops late rows. Nothing here
keeps a model alive, and a watched model is copied and pickled as one that is not watched. PyTorch is never imported: whoever
has a model has imported it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from trackd import _histogram, _record, _table, _wire

if TYPE_CHECKING:
    from trackd._record import AnyArray
    from trackd._run import Run

LOGS = ("gradients", "parameters", "all", None)
# Of one tensor, in memory that the training needs too; the shape of a distribution shows in far fewer.
_HOST_ELEMENTS_MAX_COUNT = 1 << 20
_DEVICE_ELEMENTS_MAX_COUNT = 1 << 22
# Copies that wait for the thread, 256 MiB of float32; above it a hook does the thread's work, and nothing is lost.
_WAITING_ELEMENTS_MAX_COUNT = 1 << 26
# Where all values are one, the bin is this share of them wide to each side, and no narrower than the second: as good as no
# width beside real gradients, so that one dead layer does not squeeze the heat map of all its steps.
_HALF_WIDTH_SHARE = 1e-6
_HALF_WIDTH_MIN = 1e-12

Write: TypeAlias = Callable[[str, _record.Record, int, int], None]


class WatchedHistogram(_histogram.Histogram):
    """A histogram that was counted beside the model, with what was not finite.

    Args:
        counts: How many values are in each bin, 1 to 512 bins.
        edges: One more than counts, ascending.
        nan_count: How many values were NaN.
        infinite_count: How many were infinite.
    """

    def __init__(
        self, counts: Sequence[float], edges: Sequence[float], nan_count: int = 0, infinite_count: int = 0
    ) -> None:
        super().__init__(np_histogram=(counts, edges))
        self.nan_count = nan_count
        self.infinite_count = infinite_count

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Histogram`."""
        return (
            super().encode(draft) + _wire.integer(5, self.nan_count) + _wire.integer(6, self.infinite_count)
        )


Finish: TypeAlias = Callable[[], WatchedHistogram]


def check(models: Any, log: Any) -> list[Any]:
    """Returns the models of a call as a list, each once.

    Raises:
        ValueError: `log` is none of `LOGS`.
        TypeError: a model is no `torch.nn.Module`.
    """
    if log not in LOGS:
        raise ValueError(f"log must be one of 'gradients', 'parameters', 'all', or None; got {log!r}")
    found = list(models) if isinstance(models, list | tuple) else [models]
    found = list({id(model): model for model in found}.values())
    module_class = getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", None)
    for model in found:
        if module_class is None or not isinstance(model, module_class):
            raise TypeError(f"Expected a pytorch model (torch.nn.Module). Received {type(model)}")
    return found


class Watcher:
    """The models that a run watches, and the thread that counts what their hooks have taken.

    Args:
        run: The run.
        write: Logs a record: key, record, step, nanoseconds since 1970. From any thread; never raises for disk or daemon.
        warn: Says a sentence; never raises.
    """

    def __init__(self, run: Run, write: Write, warn: Callable[[str], None]) -> None:
        self._run = run
        self._write = write
        self._warn = warn
        self._watches: list[_Watch] = []
        self._next_index = 0
        self._is_closed = False
        # A row that comes after its step would be dropped, so the hook makes it while the step lasts.
        self._in_hook = run.settings.late_steps == "drop"
        self._begin_thread()

    def _begin_thread(self) -> None:
        """Takes a lock and a thread of this process: those of a process before a fork are not here, or held for ever."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._waiting_count = 0
        self._executor = concurrent.futures.ThreadPoolExecutor(1, "trackd-watch")

    def watch(
        self, models: Any, log: str | None, log_freq: int, idx: int | None, log_graph: bool
    ) -> list[_table.Table]:
        """Puts hooks on models; a model that is watched already is watched anew under the same names.

        Returns:
            The tables of modules that `log_graph` asked for, one a model.

        Raises:
            TypeError: a model is no `torch.nn.Module`, or `log_freq` or `idx` no integer.
            ValueError: `log` is not one of `LOGS`, another model has the index, or the graph of the model is logged already.
        """
        found = check(models, log)
        for name, number in (("log_freq", log_freq), ("idx", idx)):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
                raise TypeError(f"{name} is {number!r}; it must be an int")
        self._watches = [each for each in self._watches if each.model() is not None]
        plans = [
            (model, self._find(model), self._index(model, idx, place)) for place, model in enumerate(found)
        ]
        for _, former, index in plans:
            if former is not None and former.has_graph and log_graph:
                raise ValueError(
                    "You can only call `watch` with log_graph once per model: call unwatch(model) first"
                )
            if any(each.index == index and each is not former for each in self._watches):
                raise ValueError(
                    f"idx is {index}, under which another model is watched: choose another, or unwatch it"
                )
        tables = []
        for model, former, index in plans:
            if former is not None:
                self._remove(former)
            watch = _Watch(self._take, self._warn, model, log, max(log_freq, 1), index)
            self._watches.append(watch)
            watch.has_graph = log_graph or (former is not None and former.has_graph)
            if log_graph:
                tables.append(describe(model))
                self._run.summary[f"graph_{index}"] = tables[-1]
        return tables

    def _index(self, model: Any, idx: int | None, place: int) -> int:
        former = self._find(model)
        if idx is not None:
            index = idx + place
        elif former is not None:
            return former.index
        else:
            index = self._next_index
        self._next_index = max(self._next_index, index + 1)
        return index

    def unwatch(self, models: Any = None) -> None:
        """Removes the hooks of some models, or of all; what they have taken is still logged."""
        if models is None:
            for watch in list(self._watches):
                self._remove(watch)
            return
        for model in models if isinstance(models, list | tuple) else [models]:
            found = self._find(model)
            if found is None:
                self._warn(f"unwatch: the {type(model).__name__} is not watched")
            else:
                self._remove(found)

    def close(self, timeout_seconds: float) -> None:
        """Removes all hooks and waits, for a bounded time, until what they took is logged."""
        self.unwatch()
        if self._pid == os.getpid():
            # At the interpreter's end the thread has done everything already and takes nothing more: RuntimeError.
            with contextlib.suppress(RuntimeError):
                try:
                    self._executor.submit(lambda: None).result(timeout_seconds)
                except concurrent.futures.TimeoutError:
                    self._warn(
                        f"watch: some histograms were not made within {timeout_seconds:g} s and are not kept"
                    )
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._is_closed = True

    def _find(self, model: Any) -> _Watch | None:
        return next((each for each in self._watches if each.model() is model), None)

    def _remove(self, watch: _Watch) -> None:
        watch.end()
        self._watches.remove(watch)

    def _take(self, watch: _Watch, key: str, tensor: Any) -> None:
        """Begins the histogram of a tensor, in a hook; it is logged at the step in progress now."""
        begun = begin(sys.modules["torch"], tensor)
        if begun is None:
            return
        finish, element_count = begun
        step, now = self._run.step, time.time_ns()
        if os.getpid() != self._pid:
            self._begin_thread()
        if not self._in_hook:
            with self._lock:
                has_room = self._waiting_count + element_count <= _WAITING_ELEMENTS_MAX_COUNT
                self._waiting_count += element_count if has_room else 0
            if has_room:
                self._executor.submit(self._work, watch, key, finish, step, now, element_count)
                return
        self._write(key, finish(), step, now)

    def _work(self, watch: _Watch, key: str, finish: Finish, step: int, now: int, element_count: int) -> None:
        """Finishes a histogram, in the thread."""
        try:
            histogram = finish()
            if not self._is_closed:
                self._write(key, histogram, step, now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the training is not to blame
            watch.fail(error)
        finally:
            with self._lock:
                self._waiting_count -= element_count


class _Watch:
    """One watched model: its hooks and when they take something."""

    def __init__(
        self,
        take: Callable[[_Watch, str, Any], None],
        warn: Callable[[str], None],
        model: Any,
        log: str | None,
        period: int,
        index: int,
    ) -> None:
        self._take = take
        self._warn = warn
        self.model = weakref.ref(model)
        self.period = period
        self.index = index
        self.has_graph = False
        self._prefix = f"graph_{index}" if index > 0 else ""  # wandb's names, which dashboards know
        self._with_gradients = log in ("gradients", "all")
        self._is_on = True
        self._has_failed = False
        # Those with a hook: the parameter, and the hook's handle.
        self._parameters: dict[str, tuple[weakref.ref[Any], Any]] = {}
        self._taken: set[str] = set()  # whose gradients were taken since the parameters were last looked at
        self._forward_handle: Any = None
        if log in ("parameters", "all"):
            try:
                self._forward_handle = model.register_forward_hook(_ForwardHook(self, sys.modules["torch"]))
            except RuntimeError as error:  # a scripted module takes none
                warn(f"watch: the parameters are not watched: {error}")
        if self._with_gradients:
            self._hook_parameters(period)

    def end(self) -> None:
        """Removes the hooks."""
        self._is_on = False
        if self._forward_handle is not None:
            self._forward_handle.remove()
        for _, handle in self._parameters.values():
            handle.remove()
        self._parameters.clear()

    def fail(self, error: Exception) -> None:
        """Stops taking, after a failure. The hooks stay: one of them may be running, and PyTorch be reading their list."""
        self._is_on = False
        if not self._has_failed:
            self._has_failed = True
            self._warn(f"watch: the model is watched no longer, after {type(error).__name__}: {error}")

    def take_gradient(self, name: str, gradient: Any) -> None:
        """Takes the gradient of a parameter, in its hook."""
        if not self._is_on or gradient is None:
            return
        try:
            if name in self._taken or not self._taken:
                self._taken.clear()
                self._hook_parameters(1)
            self._taken.add(name)
            self._take(self, f"gradients/{self._prefix}{name}", gradient)
        except Exception as error:  # noqa: BLE001 - see `_work`
            self.fail(error)

    def take_parameters(self) -> None:
        """Takes all parameters, in the hook of the forward pass."""
        if not self._is_on:
            return
        try:
            if self._with_gradients:
                self._hook_parameters(1)  # in time for the backward pass of this forward pass
            for name, parameter in self._named_parameters():
                self._take(self, f"parameters/{self._prefix}{name}", parameter)
        except Exception as error:  # noqa: BLE001 - see `_work`
            self.fail(error)

    def _hook_parameters(self, first: int) -> None:
        """Hooks the parameters that need a gradient and have no hook: new, exchanged and thawed ones.

        Args:
            first: At which of its next gradients a hook takes one, from 1.
        """
        for name, parameter in self._named_parameters():
            known = self._parameters.get(name)
            if not parameter.requires_grad or (known is not None and known[0]() is parameter):
                continue
            if known is not None:
                known[1].remove()
            handle = parameter.register_hook(_GradientHook(self, name, first))
            self._parameters[name] = (weakref.ref(parameter), handle)

    def _named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yields the parameters, a shared one once; those of lazy modules are none before the first forward pass."""
        model = self.model()
        if model is None:
            return
        is_lazy = sys.modules["torch"].nn.parameter.is_lazy
        for name, parameter in model.named_parameters():
            if not is_lazy(parameter):
                yield name, parameter


class _GradientHook:
    """Counts the gradients of a parameter and takes every so many-th."""

    __slots__ = ("_left", "_name", "_watch")

    def __init__(self, watch: _Watch, name: str, first: int) -> None:
        self._watch = watch
        self._name = name
        self._left = first

    def __call__(self, gradient: Any) -> None:
        self._left -= 1
        if self._left <= 0:
            self._left = self._watch.period
            self._watch.take_gradient(self._name, gradient)


class _ForwardHook:
    """Counts the forward passes of a model and takes its parameters at every so many-th."""

    __slots__ = ("_is_compiling", "_is_tracing", "_left", "_watch")

    def __init__(self, watch: _Watch, torch: Any) -> None:
        self._watch = watch
        self._left = watch.period
        self._is_tracing = torch.jit.is_tracing
        # PyTorch 2.1 and later.
        self._is_compiling = getattr(getattr(torch, "compiler", None), "is_compiling", torch.jit.is_tracing)

    def __call__(self, module: Any, arguments: Any, output: Any) -> None:
        if self._is_compiling() or self._is_tracing():
            return  # what is done here would become part of the compiled model
        if module is not self._watch.model():
            return  # a replica of data parallelism
        self._left -= 1
        if self._left <= 0:
            self._left = self._watch.period
            self._watch.take_parameters()

    def __reduce__(self) -> Any:
        """Leaves in copies and files of the model a hook that does nothing and needs no trackd to be read."""
        return getattr, (contextlib.nullcontext(), "__exit__")  # takes three arguments, returns None


def describe(model: Any) -> _table.Table:
    """Returns a table of a model's modules: name, class, parameters of its own, and how many of them are trained."""
    is_lazy = sys.modules["torch"].nn.parameter.is_lazy
    rows = []
    seen: set[int] = set()
    for name, module in model.named_modules():
        sizes = [
            (0 if is_lazy(parameter) else parameter.numel(), parameter.requires_grad)
            for parameter in module.parameters(recurse=False)
            if id(parameter) not in seen
        ]
        seen.update(map(id, module.parameters(recurse=False)))
        rows.append(
            [
                name,
                type(module).__name__,
                sum(size for size, _ in sizes),
                sum(size for size, trained in sizes if trained),
            ]
        )
    return _table.Table(columns=["module", "class", "parameters", "trainable"], data=rows)


def begin(torch: Any, tensor: Any) -> tuple[Finish, int] | None:
    """Begins the histogram of a tensor without waiting for its device.

    Of a tensor in the host's memory a copy is taken. Of one on a device the bins are counted there, and the counts are on
    their way. Of more than a million elements (4 million on a device) every n-th is taken: the least n that leaves no more
    and shares no factor with the last dimension, so that every column is met. Complex numbers count by their magnitude.

    Returns:
        What finishes it, in any thread, and how many elements were copied; None for a tensor without elements, or one that
        has no memory or whose memory is being captured into a CUDA graph.
    """
    with torch.no_grad():
        tensor = tensor.detach()
        if hasattr(tensor, "to_local"):  # a sharded DTensor: the part that is here
            tensor = tensor.to_local()
        if not tensor.numel() or tensor.device.type == "meta":
            return None
        if tensor.is_cuda and torch.cuda.is_current_stream_capturing():
            return None
        if tensor.is_sparse:
            return _begin_sparse(torch, tensor.clone())
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        is_host = tensor.device.type == "cpu"
        flat = _thin(tensor, _HOST_ELEMENTS_MAX_COUNT if is_host else _DEVICE_ELEMENTS_MAX_COUNT)
        if not is_host:
            return _begin_on_device(torch, flat), 0
        values = flat.clone()
        return lambda: bin_values(_as_numpy(torch, values)), values.numel()


def _thin(tensor: Any, elements_max_count: int) -> Any:
    stride = -(-tensor.numel() // elements_max_count)
    width = tensor.shape[-1] if tensor.dim() else 1
    while math.gcd(stride, width) > 1:
        stride += 1
    return tensor.reshape(-1)[::stride]


def _as_real(torch: Any, tensor: Any) -> Any:
    """Returns a tensor as float32 or float64."""
    if tensor.is_complex():
        tensor = tensor.abs()
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _as_numpy(torch: Any, tensor: Any) -> AnyArray:
    array: AnyArray = _as_real(torch, tensor).numpy()
    return array


def _begin_sparse(torch: Any, tensor: Any) -> tuple[Finish, int]:
    wait = _recorded(torch, tensor)

    def finish() -> WatchedHistogram:
        wait()
        with torch.no_grad():
            values = tensor.cpu().coalesce().values()
            return bin_values(_as_numpy(torch, values.reshape(-1)), tensor.numel() - values.numel())

    return finish, tensor._values().numel()  # noqa: SLF001 - `values` needs the sum over equal places, which takes its time


def _recorded(torch: Any, tensor: Any) -> Callable[[], object]:
    """Returns what waits until all work on a tensor that is queued now is done."""
    if not tensor.is_cuda:
        return lambda: None  # reading the tensor waits for it
    event = torch.cuda.Event(blocking=True)  # sleeps instead of spinning
    event.record(torch.cuda.current_stream(tensor.device))
    wait: Callable[[], object] = event.synchronize
    return wait


def _begin_on_device(torch: Any, flat: Any) -> Finish:
    """Counts bins by sorting: unlike `histc` it needs neither the range on the host nor, on CUDA, nondeterminism allowed."""
    values = _as_real(torch, flat)
    is_finite = values.isfinite()
    is_nan = values.isnan()
    low = values.masked_fill(~is_finite, math.inf).amin()
    high = values.masked_fill(~is_finite, -math.inf).amax()
    ordered = values.masked_fill(is_nan, math.inf).sort().values
    bin_count = _histogram.BINS_DEFAULT
    share = torch.arange(1, bin_count, device=values.device, dtype=values.dtype) / bin_count
    below = torch.searchsorted(ordered, low * (1 - share) + high * share)
    odd = [is_nan.sum(), (values == -math.inf).sum(), (values == math.inf).sum()]
    # Exact in float32: there are fewer than 2^24 values.
    found = torch.cat(
        [below.to(values.dtype), torch.stack([low, high, *(each.to(values.dtype) for each in odd)])]
    )
    if found.is_cuda:
        pinned = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
        found = pinned.copy_(found, non_blocking=True)
    wait = _recorded(torch, values)
    size = values.numel()

    def finish() -> WatchedHistogram:
        wait()
        *below, low, high, nan_count, below_all, above_all = found.tolist()
        finite_count = size - nan_count - below_all - above_all
        edges = _edges(low, high) if finite_count else _edges(0.0, 0.0)
        bounds = [below_all, *below, below_all + finite_count]
        counts = (
            [finite_count]
            if len(edges) == 2
            else [right - left for left, right in itertools.pairwise(bounds)]
        )
        return WatchedHistogram(counts, edges, int(nan_count), int(below_all + above_all))

    return finish


def bin_values(values: AnyArray, zero_count: int = 0) -> WatchedHistogram:
    """Returns the histogram of finite values in 64 equal bins from the least to the greatest, of a constant in one.

    Args:
        values: float32 or float64, of shape (n,).
        zero_count: How many zeros there are besides.
    """
    import numpy as np

    finite = values[np.isfinite(values)].astype(np.float64)
    nan_count = int(np.isnan(values).sum())
    infinite_count = values.size - finite.size - nan_count
    zero = [0.0] if zero_count or not finite.size else []
    low = float(min([*zero, finite.min()] if finite.size else zero))
    high = float(max([*zero, finite.max()] if finite.size else zero))
    edges = _edges(low, high)
    if len(edges) == 2:
        return WatchedHistogram([finite.size + zero_count], edges, nan_count, infinite_count)
    counts, _ = np.histogram(finite, len(edges) - 1, (low, high))
    counts[min(int(np.searchsorted(edges, 0, "right")) - 1, len(counts) - 1)] += zero_count
    return WatchedHistogram(counts.tolist(), edges, nan_count, infinite_count)


def _edges(low: float, high: float) -> list[float]:
    """Returns the edges of 64 equal bins, or of one where there is no room for more between neighbouring numbers."""
    if low == high:
        half = max(abs(low) * _HALF_WIDTH_SHARE, _HALF_WIDTH_MIN)
        return [low - half, low + half]
    count = _histogram.BINS_DEFAULT
    edges = [low * (1 - place / count) + high * (place / count) for place in range(count + 1)]
    return edges if all(left < right for left, right in itertools.pairwise(edges)) else [low, high]
