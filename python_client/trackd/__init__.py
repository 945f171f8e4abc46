"""trackd: a local-first experiment tracker.

    import trackd

    with trackd.init(project="digits", config={"lr": 1e-3}) as run:
        for loss in (0.9, 0.5, 0.3):
            run.log({"train/loss": loss})

`trackd ui` opens the live page. `import trackd as wandb` runs existing scripts. Importing this package is cheap: what it
gives is imported when it is used, and gRPC, protobuf and NumPy only by what needs them.
"""

from __future__ import annotations

# Here, before there is a second thread: where two begin with it at once, Python may leave an `importlib` that can import
# nothing (its own comment on `_bootstrap` says how), for us and for the rest of the process.
import importlib
import sys
from typing import TYPE_CHECKING, Any

from trackd._version import VERSION

if TYPE_CHECKING:
    from trackd import data_types, plot, plots
    from trackd._api import Api
    from trackd._init import finish, init
    from trackd._presets import save_preset
    from trackd._run import Run
    from trackd._settings import Settings
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
    from trackd.errors import CommError, Error, UsageError
    from trackd.plot import plot_table, visualize

    join = finish
    log: Any
    config: Any
    summary: Any
    define_metric: Any
    alert: Any
    mark_preempting: Any
    save: Any
    log_code: Any
    watch: Any
    unwatch: Any

__version__ = VERSION

run: Run | None = None  # the current run

# Functions and mappings of the current run; `trackd._init` sets them with each run that begins or ends.
_FOLLOWERS = (
    "log", "config", "summary", "define_metric", "alert", "mark_preempting", "save", "log_code", "watch", "unwatch",
)  # fmt: skip


def login(*args: Any, **kwargs: Any) -> bool:
    """Returns True: there is no account. Accepted so that existing scripts run."""
    return True


def setup(*args: Any, **kwargs: Any) -> None:
    """Does nothing: there is nothing to set up before a fork. Accepted so that existing scripts run."""


_LATE = {
    "Api": "_api",
    "Run": "_run",
    "Settings": "_settings",
    "save_preset": "_presets",
    **dict.fromkeys(("CommError", "Error", "UsageError"), "errors"),
    **dict.fromkeys(("finish", "init"), "_init"),
    **dict.fromkeys(("plot_table", "visualize"), "plot"),
    **dict.fromkeys(
        (
            "Audio", "Bokeh", "Classes", "Histogram", "Html", "Image", "Markdown", "Molecule", "Object3D", "Plotly", "Table",
            "Video", "box3d",
        ),
        "data_types",
    ),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports what the package gives on first use."""
    if name in ("data_types", "plot", "plots"):
        return importlib.import_module(f"trackd.{name}")
    value: Any
    if name in _LATE:
        value = getattr(importlib.import_module(f"trackd.{_LATE[name]}"), name)
    elif name in _FOLLOWERS:
        value = importlib.import_module("trackd._init").BeforeInit(name)
    elif name == "join":  # wandb's older name
        value = importlib.import_module("trackd._init").finish
    else:
        raise AttributeError(f"module 'trackd' has no attribute {name!r}")
    return globals().setdefault(name, value)


def __dir__() -> list[str]:
    """Returns all that the package gives, used or not: a shell completes its names."""
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Adds the cell magic `%%trackd`; for `%load_ext trackd` in a notebook that has not imported trackd yet."""
    from trackd import _notebook

    _notebook.register(ipython)


if "IPython" in sys.modules:
    from trackd import _notebook

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
