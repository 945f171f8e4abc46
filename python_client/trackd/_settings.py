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
from typing import Any, NamedTuple

MODES = ("online", "offline", "disabled", "shared")
CONSOLES = ("wrap", "redirect", "off")
_CONSOLE_NAMES = {"auto": "wrap", "wrap_raw": "wrap", "wrap_emu": "wrap"}  # the last two of existing scripts
CAPTURES = ("git", "diff", "packages", "program")
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
        console: How the console is captured: "wrap" what Python writes (default, also "auto"), "redirect" what child
            processes and C libraries write too, or "off". `TRACKD_CONSOLE`.
        system_interval_seconds: How often the daemon samples the machine, at least 0.1; 0 is never, None its default of 2.
            `TRACKD_SYSTEM_INTERVAL_SECONDS`.
        stalled_after_seconds: After how long without a record the run is shown as stalled; 0 is never, None the daemon's
            default of 600.
        captures: What is found out about code and environment, of "git" (commit, branch, remote), "diff" (what differs from
            the commit), "packages" and "program" (the script itself); all by default. `TRACKD_CAPTURES`, names separated by
            commas, or "none".
        alert_rules: Rules that raise alerts, for example "nan(loss)" or "silent > 10m"; see docs/alerts.md.
        command: The program that is tracked, and its arguments, where it is another than this one, as in `trackd run`.
    """

    store: str | None = None
    late_steps: str = "keep"
    finish_timeout_seconds: float = 5.0
    quiet: bool = False
    label: str = ""
    console: str = "auto"
    system_interval_seconds: float | None = None
    stalled_after_seconds: float | None = None
    captures: tuple[str, ...] = CAPTURES
    alert_rules: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def __init__(self, **values: Any) -> None:
        """Takes the settings above over those of the environment; what means something to wandb alone is ignored."""
        values.setdefault("quiet", _truth(variable("QUIET")) or _truth(variable("SILENT")))
        values.setdefault("label", variable("LABEL") or "")
        values.setdefault("console", variable("CONSOLE") or "auto")
        values.setdefault("captures", _captures(variable("CAPTURES")))
        values.setdefault("system_interval_seconds", _seconds(variable("SYSTEM_INTERVAL_SECONDS")))
        for name in _NAMES:
            setattr(self, name, values.pop(name, getattr(Settings, name)))
        self._read_wandb(values)
        if values.pop("silent", False) in (True, "true", "1"):
            self.quiet = True
        if not self.label and values.get("x_label"):
            self.label = str(values["x_label"])
        if self.late_steps not in ("keep", "drop"):
            raise ValueError(f'settings late_steps is {self.late_steps!r}; it can be "keep" or "drop"')
        self.console = _CONSOLE_NAMES.get(self.console, self.console)
        if self.console not in CONSOLES:
            raise ValueError(f"settings console is {self.console!r}; it can be {', '.join(CONSOLES)} or auto")
        self.captures = tuple(self.captures)
        for capture in self.captures:
            if capture not in CAPTURES:
                raise ValueError(f"settings captures has {capture!r}; it can have {', '.join(CAPTURES)}")
        rules: Any = self.alert_rules  # a single rule is given as a text
        self.alert_rules = (rules,) if isinstance(rules, str) else tuple(map(str, rules))
        for name in ("system_interval_seconds", "stalled_after_seconds"):
            seconds = getattr(self, name)
            if seconds is not None and not (isinstance(seconds, int | float) and 0 <= seconds < 1e9):
                raise ValueError(f"settings {name} is {seconds!r}; it must be a number of seconds from 0")

    def _read_wandb(self, values: Mapping[str, Any]) -> None:
        """Takes the settings of wandb that mean one of ours."""
        if values.get("x_disable_stats") or _truth(variable("DISABLE_STATS")):
            self.system_interval_seconds = 0.0
        elif values.get("x_stats_sampling_interval") is not None and self.system_interval_seconds is None:
            self.system_interval_seconds = float(values["x_stats_sampling_interval"])
        dropped: set[str] = set()
        if values.get("disable_git") or _truth(variable("DISABLE_GIT")):
            dropped |= {"git", "diff"}
        if values.get("disable_code") or _truth(variable("DISABLE_CODE")) or values.get("save_code") is False:
            dropped |= {"diff", "program"}
        if values.get("x_disable_meta"):
            dropped |= set(CAPTURES)
        self.captures = tuple(capture for capture in self.captures if capture not in dropped)


_NAMES = (
    "store", "late_steps", "finish_timeout_seconds", "quiet", "label", "console", "system_interval_seconds",
    "stalled_after_seconds", "captures", "alert_rules", "command",
)  # fmt: skip


# Where the server of a bucket is named, for others than AWS: ours, then those that boto3 knows.
_ENDPOINT_VARIABLES = ("TRACKD_UPLOAD_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def _captures(names: str | None) -> tuple[str, ...]:
    if names is None:
        return CAPTURES
    return () if names == "none" else tuple(name.strip() for name in names.split(",") if name.strip())


def _seconds(given: str | None) -> float | None:
    if given is None:
        return None
    try:
        return float(given)
    except ValueError:
        raise ValueError(
            f"TRACKD_SYSTEM_INTERVAL_SECONDS is {given!r}; it must be a number of seconds from 0"
        ) from None


def make_settings(given: Settings | Mapping[str, Any] | None) -> Settings:
    """Returns the settings of a call over those of the environment."""
    return given if isinstance(given, Settings) else Settings(**(given or {}))


def variable(name: str) -> str | None:
    """Returns `TRACKD_name`, else `WANDB_name`; None when neither has text."""
    return os.environ.get(f"TRACKD_{name}") or os.environ.get(f"WANDB_{name}") or None


def environment() -> Mapping[str, str]:
    """Returns the environment itself, for what is looked up in it by a list of names."""
    return os.environ


def host() -> str:
    """Returns what this machine is called: `TRACKD_HOST`, else its own name."""
    if given := variable("HOST"):
        return given
    import socket  # only for this one name: `import trackd` stays cheap

    return socket.gethostname()


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
        The folder, and a sentence when it is not the one asked for, because that one cannot be used. The address of a team
        server, and None, where such a one is asked for.

    Raises:
        ValueError: it is the address of a bucket or server that cannot be.
    """
    asked = given or os.environ.get("TRACKD_STORE")
    if url := bucket_url(given):
        return _bucket_store(url), None
    if asked and is_server(asked):
        from trackd import _team_server  # rarely needed, and dear

        return _team_server.server_url(asked), None
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


def is_server(store: str) -> bool:
    """Says whether a store is a team server's address, which is read and not logged into."""
    return store.startswith(("https://", "http://"))


class ServerAccess(NamedTuple):
    """How a team server is come in to: by which key, and with which authorities (a PEM file) its certificate is checked."""

    key: str
    ca_file: str


def server_access(url: str) -> ServerAccess:
    """Returns what `TRACKD_API_KEY` says, else what `trackd login` has kept in the store of this machine; "" for nothing."""
    from trackd import _team_server

    # Not WANDB_API_KEY: that one is for another site alone.
    asked = os.environ.get("TRACKD_STORE") or ""
    is_folder = asked and not is_server(asked) and not asked.startswith("s3://")
    folder = absolute_path(os.path.expanduser(asked)) if is_folder else _default_store()
    entry = _team_server.kept(folder).get(url, {})
    key = os.environ.get("TRACKD_API_KEY") or entry.get("key") or ""
    return ServerAccess(key.strip(), entry.get("ca_file") or os.environ.get("SSL_CERT_FILE") or "")


def bucket_url(given: str | None = None) -> str:
    """Returns the bucket that is asked for as a store, which can only be read; empty for a folder."""
    asked = given or os.environ.get("TRACKD_STORE") or ""
    return asked.rstrip("/") if asked.startswith("s3://") else ""


def bucket_endpoint() -> str:
    """Returns the server of buckets that the environment names; empty for AWS."""
    found = (value for name in _ENDPOINT_VARIABLES if (value := os.environ.get(name)))
    return next(found, "").rstrip("/")


def shows_bucket(store: str) -> bool:
    """Says whether a store's folder shows a bucket, and can only be read."""
    return os.path.exists(os.path.join(store, "bucket.json"))


def check_can_log(store: str) -> None:
    """Raises ValueError for a store that is only read."""
    if shows_bucket(store):
        raise ValueError(
            "the store is a bucket, which can only be read: log into a local store, and set TRACKD_UPLOAD=s3://BUCKET/PREFIX "
            "to have it uploaded"
        )
    if is_server(store):
        raise ValueError(
            "the store is a team server, which can only be read: log into a local store, and have that sent there by "
            f"`trackd login {store}`"
        )


def _bucket_store(url: str) -> str:
    """Returns the folder of the store that shows a bucket: what is read of the bucket is kept there.

    Raises:
        ValueError: no such folder can be made.
    """
    import hashlib
    import json
    import re

    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()-]+)*", url):
        raise ValueError(
            "the store is no bucket that can be: write s3://BUCKET/PREFIX, without anything else"
        )
    document = {
        "version": 1, "url": url, "endpoint_url": bucket_endpoint(),
        "region": os.environ.get("AWS_REGION", ""), "profile": os.environ.get("AWS_PROFILE", ""),
    }  # fmt: skip
    text = json.dumps(document)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(cache, "trackd", "buckets", hashlib.sha256(text.encode()).hexdigest()[:16])
    if problem := _prepare(folder):
        raise ValueError(f"what is read of {url} cannot be kept in {folder}: {problem}; set XDG_CACHE_HOME")
    path = os.path.join(folder, "bucket.json")
    if not os.path.exists(path):
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    return folder


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


def command(settings: Settings) -> list[str]:
    """Returns the program that is tracked, "python" in an interactive session, and its arguments."""
    if settings.command:
        return list(settings.command)
    given = list(map(str, getattr(sys, "argv", ())))
    return given if given and given[0] else ["python", *given[1:]]
