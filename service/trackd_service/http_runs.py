"""Owns the HTTP routes of sets of runs: pages of columns, what columns there are, changes of many runs; docs/http_api.md.

Invariant: a question that cannot be understood is refused before any run is looked at, in one sentence.
"""

from __future__ import annotations

from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trackd_service import config
from trackd_service.daemon import Daemon
from trackd_service.errors import InvalidArgument
from trackd_service.filters import FIELD_CHARACTERS_MAX, ORDER_TERMS_MAX
from trackd_service.http_parts import answer, body, dump, integer, text
from trackd_service.run_edits import RunsEdit
from trackd_service.run_order import Term
from trackd_service.run_sets import Archived, ColumnsQuestion, RunsQuestion

_COLUMNS_MAX = 10_000  # of one question: a table shows some dozens, a comparison hundreds
_CELLS_MAX = 2_000_000  # of one answer: 2 s of work, 20 MB
_LEVELS_MAX = 8  # of groups
_JSON = "application/json"


class RunsFace:
    """Answers the routes."""

    def __init__(self, daemon: Daemon) -> None:
        """Takes the daemon."""
        self._query = daemon.query
        self._edits = daemon.edits

    def routes(self, project: str) -> list[Route]:
        """Returns the routes; `project` is the address of a project."""
        return [
            Route(f"{project}/runs:query", self.query, methods=["POST"]),
            Route(f"{project}/runs:csv", self.csv, methods=["POST"]),
            Route(f"{project}/runs:edit", self.edit, methods=["POST"]),
            Route(f"{project}/runs:delete", self.delete, methods=["POST"]),
            Route(f"{project}/columns", self.columns),
        ]

    async def query(self, request: Request) -> Response:
        """Answers a page of the runs that match."""
        question = read_question(await body(request))
        page = await self._query.sets.page(request.path_params["project"], question)
        # The brief forms are JSON already: put in as they are.
        runs = ",".join(page.pop("runs"))
        content = f'{dump(page)[:-1]},"runs":[{runs}]}}'
        return Response(content, media_type=_JSON, headers={"Cache-Control": "no-store"})

    async def csv(self, request: Request) -> Response:
        """Downloads columns of all runs that match."""
        project = request.path_params["project"]
        lines = await self._query.sets.csv(project, read_question(await body(request)))
        name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in project)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}-runs.csv"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(lines, media_type="text/csv", headers=headers)

    async def columns(self, request: Request) -> Response:
        """Lists columns, and what they hold."""
        parameters = request.query_params
        varying = parameters.get("varying", "false")
        if varying not in ("true", "false"):
            raise InvalidArgument(f"varying is {varying[:40]!r}; it can be true or false", field="varying")
        question = ColumnsQuestion(
            search=parameters.get("search", ""),
            varying=varying == "true",
            filter=parameters.get("filter", ""),
            offset=integer(parameters, "offset", 0),
            limit=min(integer(parameters, "limit", config.PAGE_SIZE_DEFAULT), config.PAGE_SIZE_MAX),
        )
        return answer(await self._query.sets.columns(request.path_params["project"], question))

    async def edit(self, request: Request) -> Response:
        """Changes many runs alike."""
        given = await body(request)
        edit = RunsEdit(
            name=_optional_text(given, "name"),
            notes=_optional_text(given, "notes"),
            group=_optional_text(given, "group"),
            add_tags=_texts(given, "add_tags"),
            remove_tags=_texts(given, "remove_tags"),
            archived=truth(given, "archived") if given.get("archived") is not None else None,
        )
        count = await self._edits.edit_many(request.path_params["project"], _run_ids(given), edit)
        return answer({"run_count": count})

    async def delete(self, request: Request) -> Response:
        """Deletes many runs."""
        run_ids = _run_ids(await body(request))
        return answer({"run_count": await self._edits.delete_many(request.path_params["project"], run_ids)})


def read_question(given: dict[str, Any]) -> RunsQuestion:
    """Returns a question about runs from its JSON; raises InvalidArgument."""
    archived = text(given, "archived", "without")
    if archived not in ("without", "with", "only"):
        raise InvalidArgument(
            f"archived is {archived[:40]!r}; it can be without, with or only", field="archived"
        )
    question = RunsQuestion(
        filter=text(given, "filter", ""),
        search=text(given, "search", ""),
        archived=cast("Archived", archived),
        sort=_terms(given),
        group_by=_names(given, "group_by", _LEVELS_MAX),
        columns=_names(given, "columns", _COLUMNS_MAX),
        aggregates=_names(given, "aggregates", _COLUMNS_MAX),
        with_runs=truth(given, "with_runs"),
        offset=whole_number(given, "offset", 0, 1 << 31),
        limit=whole_number(given, "limit", config.PAGE_SIZE_DEFAULT, config.PAGE_SIZE_MAX),
    )
    if len(question.columns) * question.limit > _CELLS_MAX:
        raise InvalidArgument(
            f"{len(question.columns)} columns of {question.limit} runs are asked; the limit is {_CELLS_MAX} values: "
            "ask for fewer columns or a smaller limit",
            limit=_CELLS_MAX,
        )
    return question


def _terms(given: dict[str, Any]) -> tuple[Term, ...]:
    sort = given.get("sort", [])
    if not isinstance(sort, list) or not all(isinstance(each, dict) for each in sort):
        raise InvalidArgument("sort must be a list of objects with column and descending", field="sort")
    if len(sort) > ORDER_TERMS_MAX:
        raise InvalidArgument(
            f"sort has {len(sort)} columns; the limit is {ORDER_TERMS_MAX}",
            field="sort",
            limit=ORDER_TERMS_MAX,
        )
    return tuple(Term(text(each, "column"), truth(each, "descending")) for each in sort)


def _texts(given: dict[str, Any], field: str) -> tuple[str, ...]:
    texts = given.get(field, [])
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise InvalidArgument(f"{field} must be a list of texts", field=field)
    return tuple(texts)


def _optional_text(given: dict[str, Any], name: str) -> str | None:
    return text(given, name) if given.get(name) is not None else None


def _run_ids(given: dict[str, Any]) -> tuple[str, ...]:
    run_ids = _texts(given, "run_ids")
    if not 1 <= len(run_ids) <= config.PAGE_SIZE_MAX:
        raise InvalidArgument(
            f"run_ids has {len(run_ids)} ids; it can have 1 to {config.PAGE_SIZE_MAX}",
            field="run_ids",
            limit=config.PAGE_SIZE_MAX,
        )
    return run_ids


def _names(given: dict[str, Any], field: str, count_max: int) -> tuple[str, ...]:
    names = _texts(given, field)
    if len(names) > count_max:
        raise InvalidArgument(
            f"{field} has {len(names)} columns; the limit is {count_max}", field=field, limit=count_max
        )
    for name in names:
        if len(name) > FIELD_CHARACTERS_MAX:
            raise InvalidArgument(
                f"a column of {field} is {len(name)} characters; the limit is {FIELD_CHARACTERS_MAX}: {name[:40]!r}…",
                field=field,
                limit=FIELD_CHARACTERS_MAX,
            )
    return names


def truth(given: dict[str, Any], name: str) -> bool:
    """Returns true or false of a JSON object, false where it is not there; raises InvalidArgument."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name} must be true or false; got {value!r:.40}", field=name)
    return value


def whole_number(given: dict[str, Any], name: str, default: int, largest: int) -> int:
    """Returns a whole number of a JSON object, from 0; raises InvalidArgument."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise InvalidArgument(
            f"{name} is {value!r:.40}; it must be a whole number from 0 to {largest}", field=name
        )
    return value
