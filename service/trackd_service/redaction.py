"""Owns the removal of secrets from what comes by calls: clients in other languages send it as it is.

Invariant: what has no secret stays as it is; a config value that is redacted is still a value. A client that writes a log of
its own has removed them before (docs/protocol.md).
"""

from __future__ import annotations

import json
from typing import Any

from trackd.v1 import records_pb2


def redact(record: records_pb2.Record) -> None:
    """Removes the secrets from a record that may hold some: config, console, arguments, facts."""
    kind = record.WhichOneof("kind")
    if kind == "config_update":
        _redact_entries(record.config_update.set)
    elif kind == "environment":
        _redact_entries(record.environment.facts)
    elif kind == "console_lines":
        from trackd._redact import redact_text

        for index, line in enumerate(record.console_lines.lines):
            redacted = redact_text(line)
            if redacted is not line:
                record.console_lines.lines[index] = redacted


def redact_begin(begin: records_pb2.WriterBegin) -> None:
    """Removes the secrets from the arguments of the process that opens a writer."""
    if begin.process.arguments:
        from trackd._redact import redact_arguments

        begin.process.arguments[:] = redact_arguments(begin.process.arguments)


def _redact_entries(entries: Any) -> None:
    # Loaded with the first that need it: most daemons serve clients that do this themselves.
    from trackd._redact import redact_mapping

    for entry in entries:
        value = entry.value
        kind = value.WhichOneof("kind")
        if kind == "string_value":
            redacted = redact_mapping({entry.key: value.string_value})[entry.key]
            if redacted != value.string_value:
                value.string_value = redacted
        elif kind == "json_value":
            try:
                plain = json.loads(value.json_value)
            except (ValueError, RecursionError):
                continue  # refused as a value, in its place
            redacted = redact_mapping({entry.key: plain})[entry.key]
            if redacted != plain:
                value.json_value = json.dumps(redacted, ensure_ascii=False)
