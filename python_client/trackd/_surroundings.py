"""Owns what a training process says of its own code and environment; the daemon finds out the rest from there.

Invariant: no secret leaves the process: arguments and variables go through `_redact`, and only variables on its list are
read at all.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from trackd import _wire
from trackd._settings import Settings, command, environment


def boot_id() -> str:
    """Returns the id of this boot of the machine, or the empty string."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def record(settings: Settings) -> bytes:
    """Encodes the Environment record of this process."""
    from trackd import _redact

    # Not `platform`: it makes named tuples, which evaluates a text, and in a process that Ctrl-C ends that makes Python
    # forget to end by the signal (run_eval_code_obj in Python/pythonrun.c).
    system = os.uname() if hasattr(os, "uname") else None
    facts: dict[str, Any] = {}
    is_python = not settings.command  # otherwise this interpreter says nothing of the program
    if is_python:
        facts = {
            "python.version": sys.version.partition(" ")[0],
            "python.implementation": sys.implementation.name,
            "python.executable": sys.executable or "",
        }
    facts |= {
        "os.name": sys.platform if system is None else f"{system.sysname} {system.release} {system.machine}",
        "process.folder": _folder(),
    }
    for name in ("torch", "tensorflow", "jax", "numpy") if is_python else ():
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            facts[f"library.{name}"] = str(version)
    for name, value in _redact.kept_environment(environment()).items():
        facts[f"environment.{name}"] = value
    path = command(settings)[0]
    has_program = os.path.isfile(path)
    return _wire.environment(
        facts.items(),
        _folder() if settings.captures else "",
        os.path.abspath(path) if has_program else "",
        (sys.executable or "") if is_python else "",
        [os.path.abspath(path) for path in dict.fromkeys(sys.path) if path and os.path.isdir(path)]
        if is_python
        else [],
    )


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
