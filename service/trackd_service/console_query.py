"""Owns the answers about a run's console: lines by number, the last ones, and those that match a pattern.

Invariants: a line is answered as it was written last; both streams of a writer share the numbers. A search reads a stretch
of lines at a time, so that memory holds little of a long console, and nothing a user writes takes more than linear time. It
answers what it has after a moment, so that the first match of a long console is not held up by the others.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trackd_service.errors import InvalidArgument
from trackd_service.segments import COLOURS, Search
from trackd_service.series import Int64Array, Series, merge
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun
from trackd_service.streams import CONSOLE_STREAMS, console_key

if TYPE_CHECKING:
    from collections.abc import Callable

    Matches = Callable[[list[str]], Int64Array]  # texts to the places of those that match

LINES_DEFAULT, LINES_MAX = 1_000, 10_000
_STRETCH_LINES = 131_072  # searched in one go: some 13 MB, eight groups of rows
_SEARCH_SECONDS = 0.25  # a person sees the count grow four times a second
_PATTERN_CHARACTERS_MAX = 1_000
_COLOURS = re.compile(COLOURS)


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
        search = Search(pattern, limit + 1) if pattern else None
        count = chosen.console_line_count
        start = first_line if first_line is not None else 0 if matches else max(0, count - limit)
        keys = [(console_key(chosen.writer_id, stream), stream) for stream in CONSOLE_STREAMS]
        # The unsealed lines are taken once, and cut for every stretch.
        tails = [stored.tail(key, "string") for key, _ in keys]
        found: list[Line] = []
        stretch = _STRETCH_LINES if matches else limit
        deadline = time.monotonic() + _SEARCH_SECONDS
        while start < count and len(found) <= limit:
            end = min(start + stretch, count)
            found += await _stretch(stored, keys, tails, start, end, search, matches)
            start = end
            if not matches or time.monotonic() > deadline:
                break
        next_line = start if start < count else None
        if len(found) > limit:
            next_line = found[limit].number
        return Lines(chosen.writer_id, count, found[:limit], next_line)


async def _stretch(
    stored: StoredRun,
    keys: list[tuple[str, str]],
    tails: list[Series],
    start: int,
    end: int,
    search: Search | None,
    matches: Matches | None,
) -> list[Line]:
    """Returns the lines with `start` <= number < `end` that match, both streams merged."""
    cuts = [tail.between(start, end) for tail in tails]
    # Sealed lines are searched where they are read; not so where one may have been written again: what it was must not match.
    is_searched_there = search is not None and not any(
        _overlaps(stored, key, cut, start, end) for (key, _), cut in zip(keys, cuts, strict=True)
    )
    sealed = await stored.read_sealed_many(
        [(key, "string") for key, _ in keys], start, end, search if is_searched_there else None
    )
    lines: list[Line] = []
    for (_, stream), parts, cut in zip(keys, sealed, cuts, strict=True):
        tail = await _those(cut, matches) if is_searched_there else cut
        series = merge([*parts, tail])
        if not is_searched_there:
            series = await _those(series, matches)
        lines += [
            Line(number, stream, time, text)
            for number, time, text in zip(
                series.steps.tolist(), series.times.tolist(), series.strings or [], strict=True
            )
        ]
    return sorted(lines, key=lambda line: line.number)


async def _those(series: Series, matches: Matches | None) -> Series:
    """Returns the points that match; all without a pattern."""
    if matches is None or not len(series):
        return series
    return series.take(await asyncio.to_thread(matches, series.strings or []))


def _overlaps(stored: StoredRun, key: str, tail: Series, start: int, end: int) -> bool:
    """Says whether two parts of a stream have lines in one and the same stretch of numbers."""
    extents = [(part.first_step, part.last_step) for part in stored.sealed(key, "string")]
    if len(tail):
        extents.append((int(tail.steps[0]), int(tail.steps[-1])))
    inside = sorted((max(first, start), min(last, end - 1)) for first, last in extents)
    inside = [(first, last) for first, last in inside if first <= last]
    return any(last >= first for (_, last), (first, _) in itertools.pairwise(inside))


def _compile(pattern: str) -> Matches:
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

    def places(texts: list[str]) -> Int64Array:
        plain = (_COLOURS.sub("", text) if "\x1b" in text else text for text in texts)
        return np.array([place for place, text in enumerate(plain) if search(text)], np.int64)

    return places
