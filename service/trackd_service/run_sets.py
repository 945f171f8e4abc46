"""Owns the answers about sets of runs: which match, a page of rows and columns, the tree of groups, what columns hold.

Invariant: an answer is what web/src/api/run_sets.ts and docs/http_api.md say, as JSON values; nothing is left out silently.
No I/O and no clock.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from trackd_service.filter_text import parse
from trackd_service.filters import pattern_test
from trackd_service.run_filter import compile_tree
from trackd_service.run_order import Level, Sums, Term, arrange, codes, sums
from trackd_service.run_table import BIG, BOOL, FIELDS, JSON, TEXT, Cells, RunTable, Slots

DISTINCT_COUNT_MAX = 1_000  # a column of more values is no choice of any
VALUES_MAX = 50  # of a column, for completion

Archived: TypeAlias = Literal["without", "with", "only"]


@dataclass(frozen=True, slots=True)
class RunsQuestion:
    """Which runs of a project, in which order, and which of their columns."""

    filter: str = ""
    search: str = ""
    archived: Archived = "without"
    sort: tuple[Term, ...] = ()
    group_by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()
    with_runs: bool = False
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ColumnsQuestion:
    """Which columns of a project."""

    search: str = ""
    varying: bool = False
    filter: str = ""
    offset: int = 0
    limit: int = 100


def chooser(question: RunsQuestion, now: float) -> Callable[[RunTable], Slots]:
    """Returns a function that chooses the runs of a table that match, newest first; `now` in seconds since 1970, for ages.

    Raises:
        InvalidFilter: filter or search cannot be understood.
    """
    tree = parse(question.filter)
    matches = None if tree is None else compile_tree(tree, now)
    is_found = pattern_test("search", question.search) if question.search else None

    def choose(table: RunTable) -> Slots:
        rows = table.rows()
        if question.archived != "with" and len(rows):
            is_archived = table.cells("archived", rows).numbers == 1
            rows = rows[is_archived == (question.archived == "only")]
        if is_found is not None:
            names = table.cells("name", rows).values()
            rows = rows[np.array([is_found(name) for name in names], np.bool_)]
        return rows if matches is None else rows[matches(table, rows)]

    return choose


def page(table: RunTable, rows: Slots, question: RunsQuestion) -> dict[str, Any]:
    """Returns a page of runs, whose slots are `rows`, newest first; `runs` are brief forms as JSON texts."""
    ordered, levels = arrange(table, rows, question.sort, question.group_by)
    shown = ordered[question.offset : question.offset + question.limit]
    return {
        "total_count": len(rows),
        "project_run_count": len(table),
        "revision": table.revision,
        "run_ids": table.ids(shown),
        "columns": [{"name": name, "values": table.cells(name, shown).values()} for name in question.columns],
        "groups": _tree(table, ordered, levels, question.aggregates),
        "runs": table.briefs(shown) if question.with_runs else [],
    }


def _tree(
    table: RunTable, rows: Slots, levels: Sequence[Level], aggregates: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns the groups of all levels, each before those inside it."""
    if not levels or not len(rows):
        return []
    is_running = np.array([state == "running" for state in table.cells("state", rows).values()], np.int64)
    run_ids = table.ids(rows)
    columns = [table.cells(name, rows) for name in aggregates]
    found: list[tuple[int, int, dict[str, Any]]] = []
    for depth, level in enumerate(levels):
        ends = np.append(level.starts[1:], len(rows)).tolist()
        running = np.add.reduceat(is_running, level.starts).tolist()
        outer = [np.searchsorted(above.starts, level.starts, side="right") - 1 for above in levels[:depth]]
        totals = [sums(cells, level.starts) for cells in columns]
        for position, first in enumerate(level.starts.tolist()):
            above = [levels[place].values[inner[position]] for place, inner in enumerate(outer)]
            group = {
                "level": depth,
                "values": [*above, level.values[position]],
                "first": first,
                "count": ends[position] - first,
                "running_count": running[position],
                "run_ids": run_ids[first : ends[position]] if depth == len(levels) - 1 else [],
                "aggregates": _aggregates(aggregates, totals, position),
            }
            found.append((first, depth, group))
    found.sort(key=lambda each: each[:2])
    return [group for _, _, group in found]


def _aggregates(names: Sequence[str], totals: Sequence[Sums], position: int) -> list[dict[str, Any]]:
    return [
        {
            "column": name,
            "count": int(each.count[position]),
            "min": float(each.low[position]),
            "max": float(each.high[position]),
            "mean": float(each.mean[position]),
        }
        for name, each in zip(names, totals, strict=True)
        if each.count[position]
    ]


# -- CSV -----------------------------------------------------------------------------------------------------------


def listing(table: RunTable, rows: Slots, question: RunsQuestion) -> tuple[list[str], list[str]]:
    """Returns the ids of runs in order, and the columns asked, or all."""
    ordered, _ = arrange(table, rows, question.sort, question.group_by)
    return table.ids(ordered), list(question.columns) or column_names(table)


def csv_rows(table: RunTable, run_ids: Sequence[str], names: Sequence[str]) -> bytes:
    """Returns lines of CSV with the values of those of the runs that are still there, as they are."""
    rows = table.find(run_ids)
    columns = [[_csv_text(value) for value in table.cells(name, rows).values()] for name in names]
    return csv_lines(list(zip(*columns, strict=True)))


def csv_lines(lines: Sequence[Sequence[str]]) -> bytes:
    """Returns lines of CSV."""
    file = io.StringIO()
    csv.writer(file).writerows(lines)
    return file.getvalue().encode("utf-8", "replace")


def _csv_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return json.dumps(value, ensure_ascii=False)


# -- columns -------------------------------------------------------------------------------------------------------


def column_names(table: RunTable) -> list[str]:
    """Returns all columns: the fields, then config and summary by name."""
    keys = sorted(name for name in table.columns if name not in FIELDS)
    return [*FIELDS, *keys]


def columns(table: RunTable, rows: Slots, question: ColumnsQuestion) -> dict[str, Any]:
    """Returns what columns hold in some runs; without those in which none of them has a value, unless they are fields."""
    names = column_names(table)
    if question.search:
        scored = [(score, name) for name in names if (score := _closeness(question.search, name)) is not None]
        names = [name for _, name in sorted(scored, key=lambda each: each[0])]  # stable: fields first
    if len(rows) < len(table) or question.varying:
        names = [name for name in names if _is_wanted(name, table.cells(name, rows), question.varying)]
    shown = names[question.offset : question.offset + question.limit]
    return {
        "total_count": len(names),
        "columns": [{"name": name, **_facts(name, table.cells(name, rows))} for name in shown],
    }


def _is_wanted(name: str, cells: Cells, only_varying: bool) -> bool:
    if not only_varying:
        return name in FIELDS or bool(cells.kinds.any())
    if not len(cells.kinds):
        return False
    kinds = cells.kinds
    if (kinds != kinds[0]).any():
        # Most columns that differ are told without looking at their texts; 1 and 1.0 are alike.
        if not cells.is_number().all():
            return True
    elif kinds[0] in (0, BOOL) or kinds[0] not in (TEXT, JSON):
        numbers = cells.numbers
        first = numbers[0]
        same = np.isnan(numbers) if np.isnan(first) else numbers == first
        if not same.all():
            return True
    ranks = codes(cells)
    return bool((ranks != ranks[0]).any())


def _closeness(search: str, name: str) -> tuple[int, int] | None:
    """Returns how well a name has the letters of a search in their order, smaller is better; None when it has not."""
    wanted, lower = search.casefold().replace(" ", ""), name.casefold()
    place = lower.find(wanted)
    if place >= 0:  # a whole word first, then the shorter name
        begins = place == 0 or not lower[place - 1].isalnum()
        return (0 if begins else 1, len(name))
    spread, last = 0, -1
    for letter in wanted:
        found = lower.find(letter, last + 1)
        if found < 0:
            return None
        spread += found - last if last >= 0 else 0
        last = found
    return (2 + spread, len(name))


def _facts(name: str, cells: Cells) -> dict[str, Any]:
    """Returns kind, counts, extremes and frequent values of a column."""
    has_value = cells.kinds != 0
    is_number = cells.is_number()
    numbers = cells.numbers[is_number & np.isfinite(cells.numbers)]
    kind = _kind(name, cells)
    values: list[Any] = []
    places = counts = np.zeros(0, np.int64)
    if kind in ("number", "time", "duration") and not (cells.kinds == BIG).any():
        distinct_count = len(np.unique(cells.numbers[is_number]))  # NaN counts as one
    else:
        distinct, places, counts = np.unique(codes(cells)[has_value], return_index=True, return_counts=True)
        distinct_count = len(distinct)
    if kind in ("string", "bool"):
        frequent = np.argsort(-counts, kind="stable")[:VALUES_MAX]
        positions = np.flatnonzero(has_value)[places[frequent]]
        values = [cells.value(position) for position in positions.tolist()]
    elif kind == "list":
        # What is asked of a list is whether something is in it.
        seen = Counter(
            item
            for items in cells.values()
            if items is not None
            for item in dict.fromkeys(each for each in items if isinstance(each, str))
        )
        values = [item for item, _ in seen.most_common(VALUES_MAX)]
    return {
        "kind": kind,
        "run_count": int(has_value.sum()),
        "distinct_count": min(distinct_count, DISTINCT_COUNT_MAX),
        "min": float(numbers.min()) if len(numbers) else None,
        "max": float(numbers.max()) if len(numbers) else None,
        "values": values,
    }


def _kind(name: str, cells: Cells) -> str:
    if name in FIELDS:
        return FIELDS[name]
    present = set(cells.kinds[cells.kinds != 0].tolist())
    if not present:
        return "other"
    if bool(cells.is_number()[cells.kinds != 0].all()):
        return "number"
    if len(present) > 1:
        return "mixed"
    (only,) = present
    if only != JSON:
        return "string" if only == TEXT else "bool"
    texts = cells.kept(np.flatnonzero(cells.kinds == JSON))
    return "list" if all(text.startswith("[") for text in texts) else "other"
