"""trackd: a local-first experiment tracker.

    import trackd

    with trackd.init(project="digits", config={"lr": 1e-3}) as run:
        for loss in (0.9, 0.5, 0.3):
            run.log({"train/loss": loss})

`trackd ui` opens the live page. `import trackd as wandb` runs existing scripts. Importing this package is cheap: gRPC,
protobuf, NumPy and the reading API are imported when they are used.
"""

from __future__ import annotations

# Here, before there is a second thread: where two begin with it at once, Python may leave an `importlib` that can import
# nothing (its own comment on `_bootstrap` says how), for us and for the rest of the process.
import importlib
from typing import TYPE_CHECKING, Any

from trackd._settings import Settings
from trackd._version import VERSION
from trackd.errors import CommError, Error, UsageError

if TYPE_CHECKING:
    from trackd import data_types, plot, plots
    from trackd._api import Api
    from trackd._presets import save_preset
    from trackd.data_types import (
        Audio,
        Bokeh,
        Classes,
        Histogram,
        Html,
        Image,
        Markdown,
        Molecule,
        Object3D,
        Plotly,
        Table,
        Video,
        box3d,
    )
    from trackd.plot import plot_table, visualize

__version__ = VERSION

run: Run | None = None  # the current run

from trackd import _notebook  # noqa: E402 - these need `run`
from trackd._init import BeforeInit, finish, init  # noqa: E402
from trackd._run import Run  # noqa: E402

log: Any = BeforeInit("log")
config: Any = BeforeInit("config")
summary: Any = BeforeInit("summary")
define_metric: Any = BeforeInit("define_metric")
alert: Any = BeforeInit("alert")
mark_preempting: Any = BeforeInit("mark_preempting")
save: Any = BeforeInit("save")
log_code: Any = BeforeInit("log_code")
watch: Any = BeforeInit("watch")
unwatch: Any = BeforeInit("unwatch")
join = finish  # wandb's older name


def login(*args: Any, **kwargs: Any) -> bool:
    """Returns True: there is no account. Accepted so that existing scripts run."""
    return True


def setup(*args: Any, **kwargs: Any) -> None:
    """Does nothing: there is nothing to set up before a fork. Accepted so that existing scripts run."""


_LATE = {
    "Api": "_api",
    "plot_table": "plot",
    "visualize": "plot",
    "save_preset": "_presets",
    **dict.fromkeys(
        (
            "Audio", "Bokeh", "Classes", "Histogram", "Html", "Image", "Markdown", "Molecule", "Object3D", "Plotly", "Table",
            "Video", "box3d",
        ),
        "data_types",
    ),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports the reading API, the typed records and the charts on first use."""
    if name in ("data_types", "plot", "plots"):
        return importlib.import_module(f"trackd.{name}")
    if name in _LATE:
        value = getattr(importlib.import_module(f"trackd.{_LATE[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'trackd' has no attribute {name!r}")


def load_ipython_extension(ipython: Any) -> None:
    """Adds the cell magic `%%trackd`; for `%load_ext trackd` in a notebook that has not imported trackd yet."""
    _notebook.register(ipython)


if (_shell := _notebook.shell()) is not None:
    _notebook.register(_shell)

__all__ = [
    "Api",
    "Audio",
    "Bokeh",
    "Classes",
    "CommError",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Markdown",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "alert",
    "box3d",
    "config",
    "data_types",
    "define_metric",
    "finish",
    "init",
    "join",
    "log",
    "log_code",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "plots",
    "run",
    "save",
    "save_preset",
    "setup",
    "summary",
    "unwatch",
    "visualize",
    "watch",
]
