"""Owns how a server writes its log: one record is one line on standard error, as JSON or for a person.

Invariants: whatever a message, an argument or an error holds, it makes no second line and no second record; no secret is
written; a record that cannot be formatted is written as well as it goes, and raises to nobody.
"""

from __future__ import annotations

import datetime
import json
import logging
import math
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from trackd._redact import REDACTED, redact_mapping, redact_text
from trackd_service import tokens

_TEXT_CHARACTERS_MAX = 20_000  # of a text, tracebacks too: a line is to be read, and to be shipped
_OWN = ("time", "level", "logger", "message", "exception")
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
# What begins as a token is one, even where it was cut: its kind and its id say which, and are no secret.
_TOKEN = re.compile(rf"\b((?:{tokens.KEY_KIND}|{tokens.SESSION_KIND})[0-9A-Za-z]{{12}})[0-9A-Za-z]+")


def configure(is_json: bool, stream: TextIO | None = None) -> None:
    """Has everything that is logged from now on written to standard error.

    Args:
        is_json: As one JSON document a line; else as a line for a person.
        stream: Where to instead.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonFormatter() if is_json else LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


class JsonFormatter(logging.Formatter):
    """One JSON document a line: time, level, logger, message, what `extra` holds, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of a record."""
        document: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        for name, value in _extra(record).items():
            document[f"extra_{name}" if name in _OWN else name] = value
        if exception := _exception(record):
            document["exception"] = exception
        return json.dumps(document, default=_text)


class LineFormatter(logging.Formatter):
    """A line for a person: what JSON escapes is escaped here, too."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of a record."""
        line = f"{_time(record)} {record.levelname} {record.name}: {_one_line(_message(record))}"
        for name, value in _extra(record).items():
            line += " " + _one_line(f"{name}={json.dumps(value, default=_text, ensure_ascii=False)}")
        if exception := _exception(record):
            line += " | " + _one_line(exception)
        return line


def _time(record: logging.LogRecord) -> str:
    moment = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit: the record is still worth its line
        message = f"{_text(record.msg)} {_text(record.args)}"
    return _safe(message)


def _exception(record: logging.LogRecord) -> str:
    text = record.exc_text or ""
    if record.exc_info and not text:
        try:
            text = logging.Formatter().formatException(record.exc_info)
        except Exception as error:  # noqa: BLE001 - an error whose own text fails
            text = f"{type(error).__name__} while an error was written"
    # The end says what it was.
    if len(text) > _TEXT_CHARACTERS_MAX:
        text = "…" + text[-_TEXT_CHARACTERS_MAX:]
    return _safe(text)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    found = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {str(name): _plain(value) for name, value in redact_mapping(found).items()} if found else found


def _plain(value: Any, depth: int = 0) -> Any:
    """Returns a value as JSON has it, without secrets."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and depth < 4:
        return {_safe(_text(key)): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < 4:
        return [_plain(each, depth + 1) for each in value]
    return _safe(_text(value))


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - somebody else's __str__
        return f"<{type(value).__name__}>"


def _safe(text: str) -> str:
    if len(text) > _TEXT_CHARACTERS_MAX:
        text = text[:_TEXT_CHARACTERS_MAX] + "…"
    return redact_text(_TOKEN.sub(rf"\1{REDACTED}", text))


def _one_line(text: str) -> str:
    """Returns a text with whatever ends or changes a line escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
