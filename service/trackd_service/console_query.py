"""Owns the answers about a run's console: lines by number, the last ones, and those that match a pattern.

Invariants: a line is answered as it was written last; both streams of a writer share the numbers. A search reads a stretch
of lines at a time, so that memory holds little of a long console, and nothing a user writes takes more than linear time.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackd_service.errors import InvalidArgument
from trackd_service.series import Series, merge
from trackd_service.store import Store, StoredRun
from trackd_service.streams import CONSOLE_STREAMS, console_key

if TYPE_CHECKING:
    from collections.abc import Callable

LINES_DEFAULT, LINES_MAX = 1_000, 10_000
_STRETCH_LINES = 50_000  # searched in one go: some 5 MB
_PATTERN_CHARACTERS_MAX = 1_000
_ESCAPES = re.compile(r"\x1b\[[0-9;:]*m")  # colours, which a search does not see


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number, "stdout" or "stderr", when it was written last in nanoseconds since 1970 UTC, its text."""

    number: int
    stream: str
    time: int
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one writer, and how many it has; `next_line` is the one to ask for next, None at the end."""

    writer_id: str
    line_count: int
    lines: list[Line]
    next_line: int | None


class ConsoleQuery:
    """Reads the consoles of a store's runs."""

    def __init__(self, store: Store) -> None:
        """Takes the store."""
        self._store = store

    async def read(
        self, project: str, run_id: str, writer_id: str, first_line: int | None, limit: int, pattern: str
    ) -> Lines:
        """Returns lines of a writer's console.

        Args:
            project: The project.
            run_id: The run.
            writer_id: The writer; empty means the first that has lines.
            first_line: The first line; None means the last `limit` lines, or, with a pattern, from the start.
            limit: The most lines; 0 means 1,000, the limit is 10,000.
            pattern: Only lines that match this regular expression (RE2), colours left out; empty means all.

        Raises:
            RunNotFound: there is no such run.
            InvalidArgument: there is no such writer, or the pattern is none.
        """
        stored = await self._store.get(project, run_id)
        writers = stored.run.writers
        if writer_id and writer_id not in writers:
            raise InvalidArgument(f"run {run_id!r} has no writer {writer_id[:40]!r}", field="writer_id")
        chosen = (
            writers[writer_id]
            if writer_id
            else next((each for each in writers.values() if each.console_line_count), None)
        )
        if chosen is None:
            return Lines("", 0, [], None)
        limit = min(limit or LINES_DEFAULT, LINES_MAX)
        matches = _compile(pattern) if pattern else None
        count = chosen.console_line_count
        start = first_line if first_line is not None else 0 if matches else max(0, count - limit)
        keys = [(console_key(chosen.writer_id, stream), stream) for stream in CONSOLE_STREAMS]
        # The unsealed lines are taken once, and cut for every stretch.
        tails = [stored.tail(key, "string") for key, _ in keys]
        found: list[Line] = []
        stretch = _STRETCH_LINES if matches else limit
        while start < count and len(found) <= limit:
            end = min(start + stretch, count)
            lines = await _stretch(stored, keys, tails, start, end)
            found += await asyncio.to_thread(matches, lines) if matches else lines
            start = end
            if not matches:
                break
        next_line = start if start < count else None
        if len(found) > limit:
            next_line = found[limit].number
        return Lines(chosen.writer_id, count, found[:limit], next_line)


async def _stretch(
    stored: StoredRun, keys: list[tuple[str, str]], tails: list[Series], start: int, end: int
) -> list[Line]:
    """Returns the lines with `start` <= number < `end`, both streams merged."""
    sealed = await stored.read_sealed_many([(key, "string") for key, _ in keys], start, end)
    lines: list[Line] = []
    for (_, stream), parts, tail in zip(keys, sealed, tails, strict=True):
        series = merge([*parts, tail.between(start, end)])
        lines += [
            Line(number, stream, time, text)
            for number, time, text in zip(
                series.steps.tolist(), series.times.tolist(), series.strings or [], strict=True
            )
        ]
    return sorted(lines, key=lambda line: line.number)


def _compile(pattern: str) -> Callable[[list[Line]], list[Line]]:
    # Needed by few daemons, and not at their start.
    import re2  # type: ignore[import-untyped,unused-ignore]

    if len(pattern) > _PATTERN_CHARACTERS_MAX:
        raise InvalidArgument(
            f"pattern is {len(pattern)} characters; the limit is {_PATTERN_CHARACTERS_MAX}", field="pattern"
        )
    options = re2.Options()
    options.log_errors = False
    try:
        search = re2.compile(pattern, options).search
    except re2.error as error:
        raise InvalidArgument(
            f"pattern {pattern[:60]!r} is no regular expression: {error}", field="pattern"
        ) from None
    return lambda lines: [line for line in lines if search(_ESCAPES.sub("", line.text))]
