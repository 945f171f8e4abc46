"""Owns running a piece of Python as a training script: a process of its own, whose end and whose output are looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

RunScript: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"

SCRIPT_TIMEOUT_SECONDS = 60.0  # a script here ends within a second or two on a busy machine


def write_script(folder: Path, source: str) -> Path:
    """Writes source as a program and returns its path."""
    path = folder / f"train_{len(list(folder.iterdir()))}.py"
    path.write_text(textwrap.dedent(source))
    return path


def start_script(folder: Path, source: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Starts source as a program; its outputs are pipes."""
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, str(write_script(folder, source)), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
        **options,
    )


def run_script(folder: Path) -> RunScript:
    """Returns a function that runs source to its end and returns exit code and outputs."""

    def run(source: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        process = start_script(folder, source, *arguments, **options)
        try:
            output, errors = process.communicate(timeout=SCRIPT_TIMEOUT_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    return run
