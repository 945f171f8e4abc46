"""Owns what the address of a page and a saved view say that matters to which answers an exported page needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


@dataclass
class View:
    """What the address of a page says that matters to which answers it needs."""

    filter: str = ""
    search: str = ""
    archived: str = "without"
    hidden: set[str] = field(default_factory=set)
    only: set[str] = field(default_factory=set)
    group_by: list[str] = field(default_factory=list)
    aggregate: str = "mean"
    band: str = "range"
    axis: str = ""
    smoothings: list[dict[str, Any]] = field(default_factory=list)
    view: str = ""

    def shows(self, run_id: str) -> bool:
        """Says whether the run is drawn."""
        return run_id in self.only if self.only else run_id not in self.hidden


def view_of(query: str) -> View:
    """Reads the query of a page's address, as the page writes it."""
    values = parse_qs(query, keep_blank_values=True)
    one = {name: given[0] for name, given in values.items()}
    return View(
        filter=one.get("filter", ""),
        search=one.get("search", ""),
        archived="with" if one.get("archived") == "with" else "without",
        hidden=set(values.get("hide", [])),
        only=set(values.get("only", [])),
        group_by=values.get("group", []),
        aggregate=one.get("aggregate", "mean"),
        band=one.get("band", "range"),
        axis=one.get("x", ""),
        smoothings=[smoothing] if (smoothing := smoothing_of(one.get("smooth", ""))) else [],
        view=one.get("view", ""),
    )


def smoothing_of(text: str) -> dict[str, Any] | None:
    """Reads a smoothing as the address has it, `KIND:AMOUNT`; None where it is none."""
    kind, _, amount = text.partition(":")
    try:
        return {"kind": kind, "amount": float(amount)} if kind else None
    except ValueError:
        return None


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Yields every object within a JSON value, itself among them."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def values_in(document: Any, name: str) -> Iterator[str]:
    """Yields the texts of every list of that name in a view's document."""
    for each in walk(document):
        given = each.get(name)
        yield from (one for one in given if isinstance(one, str)) if isinstance(given, list) else ()


def axes_in(document: Any) -> Iterator[str]:
    """Yields the metrics that charts of a view's document have as x, as `metric:NAME`."""
    for each in walk(document):
        if isinstance(axis := each.get("x"), str) and axis.startswith("metric:"):
            yield axis


def smoothings_in(document: Any) -> Iterator[dict[str, Any]]:
    """Yields the smoothings that charts of a view's document have of their own."""
    for each in walk(document):
        smoothing = each.get("smoothing")
        if isinstance(smoothing, str) and (read := smoothing_of(smoothing)):
            yield read
        elif isinstance(smoothing, dict) and isinstance(smoothing.get("amount"), int | float):
            yield {"kind": smoothing.get("kind"), "amount": smoothing["amount"]}
