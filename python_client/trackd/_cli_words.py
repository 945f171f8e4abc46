"""Owns what a command gets from a shell and gives to it: words to values, values to lines, exit codes."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from trackd import _export, _upload

DONE, FAILED = 0, 1
RUNS_SHOWN = 20

# Adds a command: its name, the function that runs it, words for the help.
Add: TypeAlias = Callable[..., argparse.ArgumentParser]


def key_value(text: str) -> tuple[str, Any]:
    """Returns what KEY=VALUE says."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE")
    return key, parse_value(value)


def parse_value(text: str) -> Any:
    """Returns what a word of the shell says: a number, true, false, null, a JSON list, object or string, else the text."""
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    if re.fullmatch(
        r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity)|nan", text, re.ASCII | re.IGNORECASE
    ):
        return float(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text[:1] in ("[", "{", '"') or text == "null":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def filters(text: str) -> dict[str, Any]:
    """Returns the conditions that a JSON object says."""
    try:
        filters = json.loads(text)
    except (ValueError, RecursionError):
        filters = None
    if not isinstance(filters, dict):
        raise argparse.ArgumentTypeError(f"""{text!r} is no JSON object such as '{{"state": "failed"}}'""")
    return filters


def seconds(text: str) -> float:
    """Returns a time above 0."""
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds above 0")
    return seconds


def rate(text: str) -> int:
    """Returns bytes a second."""
    try:
        return _upload.parse_rate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def days(text: str) -> float:
    """Returns a number of days."""
    days = float(text)
    if not 0 <= days < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of days from 0")
    return days


def step(text: str) -> int:
    """Returns a step."""
    step = int(text)
    if not 0 <= step < 1 << 63:
        raise argparse.ArgumentTypeError(f"{step} is no step; steps are 0 to 2^63-1")
    return step


def count(text: str) -> int:
    """Returns a count of at least 1."""
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is no count of at least 1")
    return count


def print_line(text: str) -> None:
    """Writes a line to standard output."""
    sys.stdout.write(text + "\n")


def print_json(value: Any) -> None:
    """Writes one JSON document to standard output."""
    print_line(json.dumps(_export.strict_json(value), indent=2, ensure_ascii=False))


def shown(value: Any) -> str:
    """Returns a value as it stands in a line: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def ranks_line(ranks: dict[str, Any] | None, now: float) -> str:
    """Returns how the ranks of a run stand in one line; empty where one process writes it."""
    if ranks is None:
        return ""
    line: str = ranks["sentence"]
    for note in ranks["notes"][:1]:
        line += f"; {note['text']}"
        if note["since"] is not None:
            line += f" for {_duration(now - note['since'])}"
    return line


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
