"""Owns the HTTP face of charts: series, expressions, groups of runs, events, importance. See docs/http_api.md.

Invariants: a question is checked whole before anything is read; writers go first between some series and the next.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trackd_service.daemon import Daemon
from trackd_service.errors import InvalidArgument
from trackd_service.expressions import Expression, parse
from trackd_service.group_query import GroupRequest
from trackd_service.groups import Aggregate, Band
from trackd_service.http_parts import answer, body, number, text
from trackd_service.series_query import MEDIA_TYPE, SeriesAnswer, SeriesRequest, encode
from trackd_service.smoothing import Smoothing, SmoothingKind

_SERIES_MAX = 10_000
_TOGETHER = 32  # series of a question that are answered at the same time: 10 ms of the event loop


class SeriesFace:
    """Answers the routes."""

    def __init__(self, daemon: Daemon) -> None:
        """Takes the daemon."""
        self._query = daemon.query

    def routes(self, api: str) -> list[Route]:
        """Returns the routes; `api` is the address of the API."""
        return [
            Route(f"{api}/series:query", self.series, methods=["POST"]),
            Route(f"{api}/projects/{{project}}/events", self.events),
            Route(f"{api}/projects/{{project}}/importance", self.importance, methods=["POST"]),
        ]

    async def series(self, request: Request) -> Response:
        """Answers series as binary columns."""
        question = await body(request)
        try:
            requests = list(_requests(question))
            omit = frozenset(_texts(question, "omit")) if question.get("omit") is not None else frozenset()
        except ValueError as error:  # of the requests, Smoothing and expressions, which check themselves
            raise InvalidArgument(str(error)) from None
        await self._query.make_ready(requests)
        answers: list[SeriesAnswer] = []
        while len(answers) < len(requests):
            first = requests[len(answers)]
            if isinstance(first, GroupRequest):
                answers.append(await self._query.group(first))
            else:
                # Together: what they read comes by one task of the worker.
                some = requests[len(answers) : len(answers) + _TOGETHER]
                alone = itertools.takewhile(lambda one: isinstance(one, SeriesRequest), some)
                answers += await asyncio.gather(
                    *map(self._query.series, cast("Iterator[SeriesRequest]", alone))
                )
            await asyncio.sleep(0)  # the writers go first
        data = await asyncio.to_thread(encode, answers, omit)
        return Response(data, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    async def events(self, request: Request) -> Response:
        """Lists what happened in runs."""
        runs = [run for run in request.query_params.get("runs", "").split(",") if run]
        events = await self._query.events.of_runs(request.path_params["project"], runs)
        return answer({"events": [asdict(event) for event in events]})

    async def importance(self, request: Request) -> Response:
        """Says which columns have to do with how runs ended."""
        question = await body(request)
        run_ids, columns = _texts(question, "run_ids"), question.get("columns")
        found = await self._query.importance.measure(
            request.path_params["project"],
            run_ids,
            text(question, "target"),
            None if columns is None else _texts(question, "columns"),
        )
        return answer(asdict(found))


def _texts(values: dict[str, Any], name: str) -> list[str]:
    given = values.get(name)
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise InvalidArgument(f"{name} must be a list of texts", field=name)
    return given


def _requests(question: dict[str, Any]) -> Iterator[SeriesRequest | GroupRequest]:
    wanted = question.get("series", [])
    if not isinstance(wanted, list) or len(wanted) > _SERIES_MAX:
        raise InvalidArgument(
            f"series must be a list of at most {_SERIES_MAX}", field="series", limit=_SERIES_MAX
        )
    shared: dict[str, Any] = {
        "x": text(question, "x", "step"),
        "buckets": int(number(question, "buckets") or 1000),
        "min_x": number(question, "min_x"),
        "max_x": number(question, "max_x"),
        "smoothing": _smoothing(question.get("smoothing")),
    }
    known: dict[str, Expression] = {}
    for each in wanted:
        if not isinstance(each, dict):
            raise InvalidArgument("each of series must be an object", field="series")
        expression: Expression | None = None
        if each.get("expression") is not None:
            if each.get("key") is not None:
                raise InvalidArgument("each of series has either a key or an expression", field="expression")
            source = text(each, "expression")
            # A chart asks the same of each of its runs.
            expression = known.get(source) or known.setdefault(source, parse(source))
        named: dict[str, Any] = {
            "project": text(each, "project"),
            "key": text(each, "key") if expression is None else expression.text,
            "expression": expression,
        }
        if each.get("group") is not None:
            yield _group_request(each["group"], named | shared)
            continue
        per_bucket = each.get("points_per_bucket")
        yield SeriesRequest(
            run=text(each, "run"),
            after_x=number(each, "after_x"),
            points_per_bucket=None if per_bucket is None else int(number(each, "points_per_bucket") or 0),
            **named,
            **shared,
        )


def _smoothing(given: Any) -> Smoothing | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise InvalidArgument("smoothing must be an object with kind and amount", field="smoothing")
    kind, amount = text(given, "kind"), number(given, "amount") or 0.0
    return Smoothing(cast("SmoothingKind", kind), amount)  # which checks both


def _group_request(group: Any, shared: dict[str, Any]) -> GroupRequest:
    if not isinstance(group, dict):
        raise InvalidArgument("group must be an object with id and runs", field="group")
    runs = group.get("runs")
    if not isinstance(runs, list) or not all(isinstance(run, str) for run in runs):
        raise InvalidArgument("runs of a group must be a list of run ids", field="runs")
    return GroupRequest(
        group=text(group, "id"),
        runs=tuple(runs),
        aggregate=cast("Aggregate", text(group, "aggregate", "mean")),
        band=cast("Band", text(group, "band", "range")),
        **shared,
    )
