"""P1: what does `import trackd` cost a process, over the start of bare Python?"""

from __future__ import annotations

import _floor
from _harness import arguments, median, say_machine, show

_BAR_MS = 60.0
_PEERS = ("wandb", "trackio", "mlflow", "tensorboardX", "aim")


def main() -> None:
    """Times interpreters in turn, so that a busy moment meets all alike."""
    parser = arguments(__doc__, repeats=15)
    repeats = parser.parse_args().repeats
    say_machine()
    codes = {"python": "pass", "trackd": "import trackd"}
    for peer in _PEERS:
        codes[peer] = f"import {peer}"
    times: dict[str, list[float]] = {name: [] for name in codes}
    _floor.python_ms(codes["trackd"])  # compiles and warms the page cache
    import importlib.util

    installed = [name for name in codes if name == "python" or importlib.util.find_spec(name)]
    for _ in range(repeats):
        for name in installed:
            times[name].append(_floor.python_ms(codes[name]))
    bare = median(times["python"])
    added = median(times["trackd"]) - bare
    show(
        "P1",
        "import trackd, over bare Python",
        added,
        "ms",
        floor=("python", bare),
        bar=f"≤ {_BAR_MS:.0f} ms",
        is_met=added <= _BAR_MS,
    )
    for name in installed:
        if name in _PEERS:
            show("P1", f"import {name}, over bare Python", median(times[name]) - bare, "ms")


if __name__ == "__main__":
    main()
