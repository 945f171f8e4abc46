"""Owns what the routes of the HTTP face share: bodies and parameters in, JSON out. Faults in them are `InvalidArgument`."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trackd_service.errors import InvalidArgument, TrackdError

_BODY_BYTES_MAX = 1 << 20  # a query of 10,000 series is 1 MB


async def body(request: Request, bytes_max: int = _BODY_BYTES_MAX) -> dict[str, Any]:
    """Returns a request's body as a JSON object; raises InvalidArgument when it is none, or too large."""
    data = bytearray()
    async for chunk in _limited(request, bytes_max):
        data += chunk
    return parse_object(data.decode("utf-8", "replace"))


async def _limited(request: Request, bytes_max: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise InvalidArgument(f"the body is over {bytes_max} bytes", limit=bytes_max)
        yield chunk


def parse_object(source: str) -> dict[str, Any]:
    """Returns a JSON object from its text, an empty one from none; raises InvalidArgument."""
    if not source:
        return {}
    try:
        value = json.loads(source)
    except (ValueError, RecursionError):
        raise InvalidArgument(f"this is not JSON: {source[:60]!r}") from None
    if not isinstance(value, dict):
        raise InvalidArgument(f"a JSON object is needed; got {type(value).__name__}")
    return value


def integer(parameters: Any, name: str, default: int) -> int:
    """Returns a whole number of a query string; raises InvalidArgument."""
    given = parameters.get(name)
    if given is None:
        return default
    if not given.isdecimal() or len(given) > 9:
        raise InvalidArgument(f"{name} is {given[:40]!r}; it must be a whole number from 0", field=name)
    return int(given)


def text(values: dict[str, Any], name: str, default: str | None = None) -> str:
    """Returns a text of a JSON object; raises InvalidArgument."""
    value = values.get(name, default)
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} must be a text; got {type(value).__name__}", field=name)
    return value


def number(values: dict[str, Any], name: str) -> float | None:
    """Returns a finite number of a JSON object, or None; raises InvalidArgument."""
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidArgument(f"{name} must be a finite number; got {value!r:.40}", field=name)
    return value


def answer(value: Any) -> Response:
    """Returns a JSON answer that nobody keeps."""
    return json_answer(dump(value))


def json_answer(content: str) -> Response:
    """Returns an answer that is JSON already, which nobody keeps."""
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})


def refusal(error: TrackdError) -> Response:
    """Returns an error of ours in its one form."""
    body = {"error": {"reason": error.reason, "message": error.message, "metadata": error.metadata}}
    return Response(json.dumps(body), error.http_status, media_type="application/json")


def dump(value: Any) -> str:
    """Returns JSON text; NaN and infinities as the texts that the API documents."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"))


def _finite(value: Any) -> Any:
    """Returns a value with NaN and infinities as the texts that the API documents."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
