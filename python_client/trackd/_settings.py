"""Owns what a person can set: `Settings`, the environment variables behind it, and where the store lies.

Only this module of the client reads the environment. Every `TRACKD_X` variable has the `WANDB_X` of existing scripts as its
fallback, so that `import trackd as wandb` needs no other change.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Mapping
from typing import Any

MODES = ("online", "offline", "disabled", "shared")
_MODE_NAMES = {"run": "online", "dryrun": "offline"}  # older names of existing scripts


class Settings:
    """Settings of a run; everything has a default.

    Attributes:
        store: The store's folder, on a local disk. None means `TRACKD_STORE`, else `~/.local/state/trackd`.
        late_steps: What happens to a row whose `step` is behind the current one: "keep" it at its step (default) or
            "drop" it with one warning.
        finish_timeout_seconds: How long `finish()` waits for the daemon; what is left is taken later.
        quiet: Whether the lines at start and end are left out.
        label: A label of this process in the run, for example "rank 3".
    """

    store: str | None = None
    late_steps: str = "keep"
    finish_timeout_seconds: float = 5.0
    quiet: bool = False
    label: str = ""

    def __init__(self, **values: Any) -> None:
        """Takes the settings above over those of the environment; what means something to wandb alone is ignored."""
        values.setdefault("quiet", _truth(variable("QUIET")) or _truth(variable("SILENT")))
        values.setdefault("label", variable("LABEL") or "")
        for name in ("store", "late_steps", "finish_timeout_seconds", "quiet", "label"):
            setattr(self, name, values.pop(name, getattr(Settings, name)))
        if values.pop("silent", False) in (True, "true", "1"):
            self.quiet = True
        if not self.label and values.get("x_label"):
            self.label = str(values["x_label"])
        if self.late_steps not in ("keep", "drop"):
            raise ValueError(f'settings late_steps is {self.late_steps!r}; it can be "keep" or "drop"')


def make_settings(given: Settings | Mapping[str, Any] | None) -> Settings:
    """Returns the settings of a call over those of the environment."""
    return given if isinstance(given, Settings) else Settings(**(given or {}))


def variable(name: str) -> str | None:
    """Returns `TRACKD_name`, else `WANDB_name`; None when neither has text."""
    return os.environ.get(f"TRACKD_{name}") or os.environ.get(f"WANDB_{name}") or None


def rank_label() -> str:
    """Returns "rank N" in a distributed job, else the empty string."""
    for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
        if (rank := os.environ.get(name)) is not None:
            return f"rank {rank}"
    return ""


def choose_mode(given: str | None) -> str:
    """Returns the mode of a run: the argument, else `TRACKD_MODE`, else "online"."""
    mode = given or variable("MODE") or "online"
    mode = _MODE_NAMES.get(mode, mode)
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}; it can be {', '.join(MODES)}")
    return mode


def default_project() -> str:
    """Returns `TRACKD_PROJECT`, else the name of the git repository around the program, else "uncategorized"."""
    if name := variable("PROJECT"):
        return name
    with contextlib.suppress(OSError):
        folder, above = os.getcwd(), ""
        while folder != above:
            if os.path.exists(os.path.join(folder, ".git")):
                return clean_name(os.path.basename(folder)) or "uncategorized"
            folder, above = os.path.dirname(folder), folder
    return "uncategorized"


def clean_name(name: str) -> str:
    """Returns a name with what a project's name cannot hold replaced by `-`."""
    return "".join("-" if character in "/\\#?%:" else character for character in name)[:128]


def store_path(given: str | None = None) -> tuple[str, str | None]:
    """Finds the store's folder, making it when it is missing.

    Returns:
        The folder, and a sentence when it is not the one asked for, because that one cannot be used.
    """
    asked = given or os.environ.get("TRACKD_STORE")
    wanted = absolute_path(os.path.expanduser(asked)) if asked else _default_store()
    problem = _prepare(wanted)
    if problem is None:
        return wanted, None
    import tempfile  # rarely needed, and dear: see test_architecture

    for root in ("/var/tmp", tempfile.gettempdir()):  # noqa: S108 - checked for owner and mode below
        other = os.path.join(root, f"trackd-{_user_id()}")
        if _prepare(other) is None:
            return other, f"the store {wanted} cannot be used ({problem}); {other} is used instead"
    return wanted, f"the store {wanted} cannot be used ({problem}); nothing can be kept"


def absolute_path(path: str) -> str:
    """Returns a path from the root, under the temporary folder where the working folder is gone."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        import tempfile

        return os.path.join(tempfile.gettempdir(), path)


def _default_store() -> str:
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "trackd")


def _prepare(folder: str) -> str | None:
    """Makes the folder private to its user; returns why it cannot be used, or None."""
    try:
        os.makedirs(os.path.join(folder, "log"), mode=0o700, exist_ok=True)
        status = os.stat(folder)
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            return "it belongs to another user"
        if stat.S_IMODE(status.st_mode) & 0o077:
            os.chmod(folder, 0o700)
    except OSError as error:
        return error.strerror or str(error)
    # Root may write anywhere but on a read-only file system; access() says so.
    return None if os.access(os.path.join(folder, "log"), os.W_OK | os.X_OK) else "it is not writable"


def _user_id() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _truth(text: str | None) -> bool:
    return (text or "").lower() in ("1", "true", "yes", "on")


def program() -> str:
    """Returns the path of the running program, or "python" in an interactive session."""
    return sys.argv[0] if getattr(sys, "argv", None) and sys.argv[0] else "python"
