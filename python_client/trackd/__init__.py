"""trackd: a local-first experiment tracker.

    import trackd

    with trackd.init(project="digits", config={"lr": 1e-3}) as run:
        for loss in (0.9, 0.5, 0.3):
            run.log({"train/loss": loss})

`trackd ui` opens the live page. `import trackd as wandb` runs existing scripts. Importing this package is cheap: gRPC,
protobuf, NumPy and the reading API are imported when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackd._settings import Settings
from trackd._version import VERSION
from trackd.errors import CommError, Error, UsageError

if TYPE_CHECKING:
    from trackd._api import Api

__version__ = VERSION

run: Run | None = None  # the current run

from trackd._init import BeforeInit, finish, init  # noqa: E402 - needs `run`
from trackd._run import Run  # noqa: E402

log: Any = BeforeInit("log")
config: Any = BeforeInit("config")
summary: Any = BeforeInit("summary")
define_metric: Any = BeforeInit("define_metric")
alert: Any = BeforeInit("alert")
mark_preempting: Any = BeforeInit("mark_preempting")
save: Any = BeforeInit("save")
log_code: Any = BeforeInit("log_code")
join = finish  # wandb's older name


def login(*args: Any, **kwargs: Any) -> bool:
    """Returns True: there is no account. Accepted so that existing scripts run."""
    return True


def setup(*args: Any, **kwargs: Any) -> None:
    """Does nothing: there is nothing to set up before a fork. Accepted so that existing scripts run."""


def __getattr__(name: str) -> Any:
    """Imports the reading API on first use."""
    if name == "Api":
        from trackd._api import Api

        return Api
    raise AttributeError(f"module 'trackd' has no attribute {name!r}")


__all__ = [
    "Api",
    "CommError",
    "Error",
    "Run",
    "Settings",
    "UsageError",
    "__version__",
    "alert",
    "config",
    "define_metric",
    "finish",
    "init",
    "join",
    "log",
    "log_code",
    "login",
    "mark_preempting",
    "run",
    "save",
    "setup",
    "summary",
]
