"""Owns the question which columns of runs have to do with a number that they ended with.

Invariants: the runs stand in the order of their ids, so that the same runs have the same answer in whatever order they
were named; the columns are taken from the runs' documents in one place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trackd_service.errors import InvalidArgument, RunNotFound
from trackd_service.importance import Column, Importances, measure
from trackd_service.store import Store

RUNS_MAX = 10_000
# As many columns are judged in seconds.
COLUMNS_MAX = 200
_CONFIG, _SUMMARY = "config.", "summary."


class ImportanceQuery:
    """Judges columns of a store's runs."""

    def __init__(self, store: Store) -> None:
        """Takes the store."""
        self._store = store

    async def measure(
        self, project: str, run_ids: Sequence[str], target: str, columns: Sequence[str] | None
    ) -> Importances:
        """Says how much columns have to do with a target.

        Args:
            project: Of the runs.
            run_ids: The runs, at most 10,000.
            target: A column of numbers, for example `summary.val/loss`.
            columns: The columns to judge; None for all of the config in which the runs differ, at most 200, those that
                most runs have.

        Returns:
            The answer.

        Raises:
            InvalidArgument: A limit is broken.
            RunNotFound: A run is not in the project.
        """
        for name, given, limit in (("run_ids", run_ids, RUNS_MAX), ("columns", columns or (), COLUMNS_MAX)):
            if len(given) > limit:
                raise InvalidArgument(
                    f"{name} has {len(given):,} entries; the limit is {limit:,}", field=name, limit=limit
                )
        found = {document["run_id"]: document for document in await self._store.documents(project)}
        for run_id in run_ids:
            if run_id not in found:
                raise RunNotFound(
                    f"run {run_id!r} is not in project {project!r}", project=project, run_id=run_id
                )
        documents = [found[run_id] for run_id in sorted(set(run_ids))]
        return await asyncio.to_thread(_measure, documents, target, columns)


def _measure(
    documents: Sequence[Mapping[str, Any]], target: str, columns: Sequence[str] | None
) -> Importances:
    named = None if columns is None else [target, *dict.fromkeys(columns)]
    table = read_columns(documents, named)
    values = table.pop(target, None) or next(iter(read_columns(documents, [target]).values()))
    if columns is None:
        differing = [(name, column) for name, column in table.items() if _is_varying(column)]
        # Those that most runs have; the sort keeps the order of names among equals.
        differing.sort(key=lambda item: sum(value is None for value in item[1]))
        chosen = [Column(name, column) for name, column in differing[:COLUMNS_MAX]]
    else:
        chosen = [Column(name, table[name] if name != target else values) for name in dict.fromkeys(columns)]
    return measure(target, values, chosen)


def read_columns(documents: Sequence[Mapping[str, Any]], names: Sequence[str] | None) -> dict[str, list[Any]]:
    """Returns columns of runs, by name in order: a value for each document, None where it has none.

    Args:
        documents: The runs, whole.
        names: Which columns; None for all of the config.
    """
    flat = [_flatten(document, with_summary=names is not None) for document in documents]
    if names is None:
        names = sorted({name for row in flat for name in row if name.startswith(_CONFIG)})
    return {name: [row.get(name) for row in flat] for name in names}


def _flatten(document: Mapping[str, Any], *, with_summary: bool) -> dict[str, Any]:
    """Returns the columns of one run by name."""
    flat = {name: value for name, value in document.items() if isinstance(value, (str, int, float, bool))}
    flat["id"] = document["run_id"]
    end = document.get("finish_time_unix_ms") or document["update_time_unix_ms"]
    flat["duration"] = (end - document["create_time_unix_ms"]) / 1e3
    flat["host"] = document["process"].get("host")
    flat.update(_leaves(_CONFIG, document["config"]))
    if with_summary:
        flat.update(_leaves(_SUMMARY, document["summary"]))
    return flat


def _leaves(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value


def _is_varying(column: Sequence[Any]) -> bool:
    first = column[0] if column else None
    return any(value != first or type(value) is not type(first) for value in column)
