"""What does `run.watch` cost a training step on the CPU, for a small model and for one of 10 M parameters?

Blocks of the large model are too short to take anything at log_freq=1000: their figure is what the hooks cost by themselves.
Needs PyTorch: `make test-torch` makes the environment `.venv-torch`, whose Python runs this script.
"""

from __future__ import annotations

import itertools
import statistics
import time
from typing import Any

from _harness import arguments, median, new_store, open_run, say_machine, show

# Layers, rows of a batch, steps a block: a block takes about a second.
_MODELS = {
    "MLP of 9 k parameters": ((32, 64, 64, 32, 10), 64, 1_000),
    "MLP of 10 M parameters": ((1024, 2048, 2048, 1792, 1), 32, 20),
}
_WATCHES: dict[str, dict[str, Any] | None] = {
    "unwatched": None,
    "gradients, log_freq=1000": {"log_freq": 1000},
    "all, log_freq=1000": {"log": "all", "log_freq": 1000},
    "gradients, log_freq=10": {"log_freq": 10},
    "all, log_freq=10": {"log": "all", "log_freq": 10},
}


def make_model(widths: tuple[int, ...]) -> Any:
    """Returns linear layers of these widths with ReLU between them."""
    import torch

    layers: list[Any] = []
    for before, after in itertools.pairwise(widths):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


class Training:
    """A model that trains on one batch, with the steps of watched and unwatched blocks timed alike.

    Args:
        run: The run that each step is logged to.
        widths: Of the model's layers.
        batch_size: Rows of the batch.
    """

    def __init__(self, run: Any, widths: tuple[int, ...], batch_size: int) -> None:
        """Makes model, optimiser and batch."""
        import torch

        self._run = run
        self.model = make_model(widths)
        self._optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-4)
        self._inputs = torch.randn(batch_size, widths[0])

    def step_ms(self, count: int) -> tuple[float, float]:
        """Trains for some steps; returns the mean and the median of a step in milliseconds."""
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            self._optimizer.zero_grad()
            self.model(self._inputs).square().mean().backward()
            self._optimizer.step()
            self._run.log({"loss": 1.0})
            times.append((time.perf_counter() - begin) * 1e3)
        return statistics.fmean(times), median(times)


def main() -> None:
    """Trains in blocks, the ways to watch in turn, so that a busy neighbour meets them all."""
    options = arguments(__doc__, repeats=7).parse_args()
    import torch

    say_machine()
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    with new_store() as store:
        store.start()
        run = open_run(str(store))
        for name, (widths, batch_size, step_count) in _MODELS.items():
            training = Training(run, widths, batch_size)
            training.step_ms(step_count)
            found: dict[str, list[tuple[float, float]]] = {way: [] for way in _WATCHES}
            for _ in range(options.repeats):
                for way, watch in _WATCHES.items():
                    if watch is not None:
                        run.watch(training.model, **watch)
                    found[way].append(training.step_ms(step_count))
                    run.unwatch()
            floors = [median(times) for times in zip(*found["unwatched"], strict=True)]
            for way in list(_WATCHES)[1:]:
                for number, kind in enumerate(("mean", "median")):
                    figure = median(times[number] for times in found[way])
                    show(
                        "3.4",
                        f"{name}: {way}, {kind} step",
                        figure,
                        "ms",
                        floor=("unwatched", floors[number]),
                    )
        run.finish()


if __name__ == "__main__":
    main()
