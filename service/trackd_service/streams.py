"""Owns which stream of a run a series belongs to: what was logged, what was measured of the machine, or its console. Pure.

Invariant: a series' name alone says its stream. No client can log under the prefixes of the others.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Stream: TypeAlias = Literal["history", "system", "console"]

ROW_KEY = "_row"  # the hidden metric that marks rows without values, so that they are rows of the history too
SYSTEM_PREFIX = "_system/"
CONSOLE_PREFIX = "_console/"
RESERVED_PREFIXES = (SYSTEM_PREFIX, CONSOLE_PREFIX)
CONSOLE_STREAMS = ("stdout", "stderr")


def stream_of(key: str) -> Stream:
    """Returns the stream of a series."""
    if not key.startswith("_"):
        return "history"
    if key.startswith(SYSTEM_PREFIX):
        return "system"
    return "console" if key.startswith(CONSOLE_PREFIX) else "history"


def system_key(host: str, name: str) -> str:
    """Returns the name of the series of one measured value, for example "_system/node7/system.cpu.utilization"."""
    return f"{SYSTEM_PREFIX}{host}/{name}"


def console_key(writer_id: str, stream: str) -> str:
    """Returns the name of the series of a writer's lines, whose steps are the lines' numbers."""
    return f"{CONSOLE_PREFIX}{writer_id}/{stream}"
