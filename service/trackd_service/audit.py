"""Owns the audit: who has changed what of people, keys and access, and who has deleted runs.

Invariants: an entry stands in the transaction of what it tells of; nothing here changes or deletes one; no entry holds a
secret, or a line break that somebody has sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import InvalidArgument
from trackd_service.principals import Actor, require_server_admin

LIMIT_MAX = 1000
_TEXT_CHARACTERS_MAX = 400


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    Attributes:
        key: Its number.
        time: When, in nanoseconds since 1970 UTC.
        actor: Whose name; "@operator" for a command on the server's machine, empty where nobody is known.
        address: From where.
        action: What, such as "key.make".
        subject: Of what, such as "user:ada".
        detail: What else is to be said of it; `by` is the way the actor came in.
    """

    key: int
    time: int
    actor: str
    address: str
    action: str
    subject: str
    detail: dict[str, Any]


class Audit:
    """Lists what was done, and says what is to be written with a deletion."""

    def __init__(self, catalog: Catalog, clock: Callable[[], int]) -> None:
        self._catalog = catalog
        self._clock = clock

    def entries(
        self,
        actor: Actor,
        *,
        limit: int = 100,
        by: str = "",
        action: str = "",
        subject: str = "",
        before: Entry | None = None,
    ) -> list[Entry]:
        """Returns entries, newest first; for server admins.

        Args:
            actor: Who asks.
            limit: How many at most; 1 to 1,000.
            by: Of that actor alone; empty for all.
            action: Of that action alone; one that ends in "." for all that begin so; empty for all.
            subject: Of that subject alone; empty for all.
            before: The last entry of the page before this one.
        """
        require_server_admin(actor, "to read the audit")
        if not 1 <= limit <= LIMIT_MAX:
            raise InvalidArgument(
                f"limit is {limit}; it can be 1 to {LIMIT_MAX}", field="limit", limit=LIMIT_MAX
            )
        where: list[str] = ["1 = 1"]
        values: list[object] = []
        for column, value in (("actor", by), ("subject", subject)):
            if value:
                where.append(f"{column} = ?")
                values.append(_one_line(value))
        if action:
            where.append("substr(action, 1, ?) = ?" if action.endswith(".") else "action = ?")
            values += [len(action), _one_line(action)] if action.endswith(".") else [_one_line(action)]
        if before is not None:
            where.append("(time < ? OR time = ? AND audit_key < ?)")
            values += [before.time, before.time, before.key]
        with self._catalog.reading() as tables:
            rows = tables.execute(
                "SELECT audit_key, time, actor, address, action, subject, detail FROM audit "  # noqa: S608 - no value is pasted
                f"WHERE {' AND '.join(where)} ORDER BY time DESC, audit_key DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [
            Entry(key, time, name, address, what, of, json.loads(detail))
            for key, time, name, address, what, of, detail in rows
        ]

    def of_deletion(self, actor: Actor, project: str, run_id: str) -> Callable[[Tables], None]:
        """Returns what writes that somebody has deleted a run, for `SentRuns.delete`."""
        return lambda tables: note(tables, self._clock(), actor, "run.delete", f"run:{project}/{run_id}")


def note(tables: Tables, now: int, actor: Actor, action: str, subject: str, **detail: object) -> None:
    """Writes an entry as a part of a transaction."""
    note_of(tables, now, actor.name, actor.address, action, subject, by=actor.way, **detail)


def note_of(
    tables: Tables, now: int, name: str, address: str, action: str, subject: str, **detail: object
) -> None:
    """Writes an entry of somebody who is not signed in, as a part of a transaction."""
    tables.execute(
        "INSERT INTO audit (time, actor, address, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (now, *map(_one_line, (name, address, action, subject)), json.dumps(detail, sort_keys=True)),
    )


def _one_line(text: str) -> str:
    """Returns a text as one line that both databases can keep."""
    return "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:_TEXT_CHARACTERS_MAX]
    )
