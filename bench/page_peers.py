r"""Owns the pages that trackd's is held against: the same numbers, written and served by TensorBoard, trackio and Aim.

Each runs with the interpreter of a virtual environment of its own, which trackd's never shares:

    python -m venv /tmp/tb && /tmp/tb/bin/pip install tensorboard==2.21.0
    python -m venv /tmp/tio && /tmp/tio/bin/pip install trackio==0.43.0
    python -m venv /tmp/aim && /tmp/aim/bin/pip install aim==3.29.1
    .venv/bin/python bench/bench_page.py --tensorboard /tmp/tb/bin/python --trackio /tmp/tio/bin/python \
        --aim /tmp/aim/bin/python

Of this file, only what writes runs there. Each page is opened as its maker has it at first: TensorBoard with its time series,
trackio with its metrics, Aim with a query for all metrics and a chart for each, in colours by run.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

if __name__ != "__main__":
    from _harness import clean_environment, wait_until

_PROJECT = "big"


def write_tensorboard(folder: str, names: Sequence[str], keys: Sequence[str], point_count: int) -> None:
    """Writes runs as TensorBoard's own writer does."""
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-not-found]
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-not-found]
    from tensorboard.summary.writer.event_file_writer import EventFileWriter  # type: ignore[import-not-found]

    for number, name in enumerate(names):
        writer = EventFileWriter(f"{folder}/{name}")
        for step, row in enumerate(_values(number, len(keys), point_count)):
            named = [Summary.Value(tag=key, simple_value=value) for key, value in zip(keys, row, strict=True)]
            writer.add_event(
                Event(wall_time=1.7e9 + number * 1e5 + step, step=step, summary=Summary(value=named))
            )
        writer.close()


def write_trackio(folder: str, names: Sequence[str], keys: Sequence[str], point_count: int) -> None:
    """Logs runs with trackio."""
    os.environ["TRACKIO_DIR"] = folder
    import trackio  # type: ignore[import-not-found]

    for number, name in enumerate(names):
        trackio.init(project=_PROJECT, name=name, embed=False)
        for step, row in enumerate(_values(number, len(keys), point_count)):
            trackio.log(dict(zip(keys, row, strict=True)), step=step)
        trackio.finish()


def write_aim(folder: str, names: Sequence[str], keys: Sequence[str], point_count: int) -> None:
    """Tracks runs with Aim."""
    from aim import Repo, Run  # type: ignore[import-not-found]

    Path(folder).mkdir()
    Repo.from_path(folder, init=True)
    for number, name in enumerate(names):
        run = Run(repo=folder, experiment=_PROJECT, system_tracking_interval=None, log_system_params=False)
        run.name = name
        for step, row in enumerate(_values(number, len(keys), point_count)):
            run.track(dict(zip(keys, row, strict=True)), step=step)
        run.close()


def _values(number: int, metric_count: int, point_count: int) -> list[list[float]]:
    """Returns the rows of a run: random walks, as those of `big_store`."""
    import numpy as np

    generator = np.random.default_rng(number)
    rows: list[list[float]] = generator.standard_normal((point_count, metric_count)).cumsum(axis=0).tolist()
    return rows


@dataclass(frozen=True)
class Peer:
    """A program whose page is measured."""

    name: str
    area: tuple[int, int, int, int]  # where its first charts stand: left, top, right and bottom
    chart: str  # what finds one
    saturation_min: int = 60  # of the colours of its lines

    @contextlib.contextmanager
    def served(
        self, python: str, folder: Path, run_count: int, metric_count: int, point_count: int
    ) -> Iterator[str]:
        """Gives the address of its page; the runs are written once and stay in the folder."""
        if not folder.is_dir():
            counts = [str(run_count), str(metric_count), str(point_count)]
            command = [python, __file__, self.name, str(folder), *counts]
            subprocess.run(command, check=True, env=clean_environment(), stdout=subprocess.DEVNULL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command, variables, path, ready = _SERVE[self.name](python, str(folder), port)
        environment = clean_environment() | variables
        environment["PATH"] = f"{Path(python).parent}:{environment['PATH']}"
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        address = f"http://127.0.0.1:{port}"

        def is_ready() -> bool:
            try:
                with urllib.request.urlopen(f"{address}{ready}", timeout=10) as answer:
                    return self.name != "TensorBoard" or answer.read().count(b"run-") >= run_count
            except OSError:
                return False

        try:
            wait_until(is_ready, f"{self.name} to have the runs")
            yield f"{address}{path}"
        finally:
            # Aim's server is a child of its command, with children of its own.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


# The line of a single run is a blue that is nearly grey.
TENSORBOARD = Peer("TensorBoard", (340, 170, 1150, 900), "line-chart", 20)
TRACKIO = Peer("trackio", (390, 140, 650, 350), "canvas.marks")
AIM = Peer("Aim", (140, 165, 420, 280), "svg.Visualization")

_Served = tuple[
    list[str], dict[str, str], str, str
]  # command, environment, path of the page, and one that answers


def _serve_tensorboard(python: str, folder: str, port: int) -> _Served:
    command = [python, "-m", "tensorboard.main", "--logdir", folder, "--port", str(port)]
    command += ["--host", "127.0.0.1", "--load_fast", "false", "--samples_per_plugin", "scalars=10000"]
    return command, {}, "/#timeseries", "/data/runs"


def _serve_trackio(python: str, folder: str, port: int) -> _Served:
    command = [str(Path(python).parent / "trackio"), "show", "--project", _PROJECT]
    # No browser of its own, and nothing said to anybody outside.
    variables = {"TRACKIO_DIR": folder, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "0"}
    variables |= {"HF_HUB_OFFLINE": "1", "BROWSER": "true"}
    return command, variables, f"/?project={_PROJECT}", "/"


def _serve_aim(python: str, folder: str, port: int) -> _Served:
    command = [str(Path(python).parent / "aim"), "up", "--repo", folder, "--port", str(port)]
    command += ["--host", "127.0.0.1", "--yes"]
    kinds = ("color", "stroke", "chart")
    select = {"options": [], "query": "", "advancedMode": True, "advancedQuery": 'metric.name != ""'}
    grouping = {
        **dict(zip(kinds, (["run.hash"], [], ["name"]), strict=True)),
        "reverseMode": dict.fromkeys(kinds, False),
        "isApplied": dict.fromkeys(kinds, True),
        "persistence": {"color": False, "stroke": False},
        "seed": {"color": 10, "stroke": 10},
        "paletteIndex": 0,
    }
    path = f"/metrics?select={_aim_text(select)}&grouping={_aim_text(grouping)}"
    return command, {"AIM_UI_TELEMETRY_ENABLED": "0"}, path, "/"


def _aim_text(value: object) -> str:
    """Returns a value as Aim's page writes it in its address."""
    text = urllib.parse.quote(json.dumps(value, separators=(",", ":")), safe=";,/?:@&=+$-_.!~*'()#")
    return "O-" + base64.b64encode(text.encode(), altchars=b"-_").decode().rstrip("=")


_SERVE = {"TensorBoard": _serve_tensorboard, "trackio": _serve_trackio, "Aim": _serve_aim}


def _write() -> None:
    name, folder, *counts = sys.argv[1:]
    run_count, metric_count, point_count = map(int, counts)
    writers = {"TensorBoard": write_tensorboard, "trackio": write_trackio, "Aim": write_aim}
    # The names of `big_store`.
    names = [f"run-{number:05}" for number in range(run_count)]
    keys = [f"{('train', 'val', 'system')[each % 3]}/metric_{each:04}" for each in range(metric_count)]
    writers[name](folder, names, keys, point_count)


if __name__ == "__main__":
    _write()
