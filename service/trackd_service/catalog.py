"""Owns the catalog: which runs there are, what they look like, their segments, and how far each writer is sealed.

Invariants: the daemon is the only writer, through one connection in one thread; `commit_run` is one transaction, and is the
exactly-once of the store: a run's document, its segments and its writers' sealed sequences change together or not at all.
What stands here can be made again from logs and segments, but for what only a person said (deletions).

SQL is plain and portable on purpose: the same tables serve PostgreSQL. SQLAlchemy was measured at 234 ms of import and
13 MB of memory in a daemon that must start in 0.1 s and idle in 60 MB, and is not used here.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE runs (
    run_key INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    state TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    document TEXT NOT NULL,
    summary BLOB NOT NULL,
    UNIQUE (project, run_id)
);
CREATE TABLE segments (
    name TEXT PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    point_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    UNIQUE (run_key, position)
);
CREATE TABLE garbage (
    name TEXT PRIMARY KEY
);
CREATE INDEX runs_by_project ON runs (project, create_time);
"""


class CatalogTooNew(RuntimeError):
    """The catalog was written by a newer trackd."""


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment of a run; `position` orders the segments as they were sealed."""

    name: str
    position: int
    point_count: int
    size_bytes: int


class Catalog(Protocol):
    """What the store needs of a catalog; SQLite and, for teams, PostgreSQL."""

    def load_run(self, project: str, run_id: str) -> tuple[dict[str, Any], bytes, list[SegmentRow]] | None:
        """Returns a run's document, summary and segments in order, or None."""

    def commit_run(
        self,
        document: dict[str, Any],
        summary: bytes,
        added: Iterable[SegmentRow] = (),
        removed: Iterable[str] = (),
    ) -> None:
        """Writes a run, adds and removes segments, in one transaction; durable when it returns."""

    def delete_run(self, project: str, run_id: str) -> list[str]:
        """Deletes a run; returns the names of its segments, which are now garbage."""

    def projects(self) -> list[tuple[str, int, int]]:
        """Returns (project, run count, time of last change in nanoseconds) of every project."""

    def documents(self, project: str | None) -> list[dict[str, Any]]:
        """Returns the documents of a project's runs, or of all, newest first."""

    def find_project(self, run_id: str) -> str | None:
        """Returns the project of the newest run with an id, or None."""

    def run_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run."""

    def running_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run that had not ended when it was committed last."""

    def garbage(self) -> list[str]:
        """Returns the names of segments that no run refers to any more."""

    def forget_garbage(self, names: Iterable[str]) -> None:
        """Forgets segments whose files are deleted."""

    def close(self) -> None:
        """Closes the catalog."""


class SqliteCatalog:
    """A catalog in one SQLite file. Not safe to call from several threads at once."""

    @staticmethod
    def open(path: Path) -> tuple[SqliteCatalog, Path | None]:
        """Opens the file like `SqliteCatalog(path)`, but sets one that is no catalog aside and begins an empty one.

        Returns:
            The catalog, and where the damaged one stands now, or None when it was whole.

        Raises:
            CatalogTooNew: a newer trackd wrote it.
            sqlite3.OperationalError: the disk does not let it be opened.
        """
        try:
            return SqliteCatalog(path), None
        except sqlite3.OperationalError:
            raise  # locked, full, not readable: nothing says that it is damaged
        except sqlite3.DatabaseError:
            aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
            for ending in ("-wal", "-shm", ""):
                with contextlib.suppress(FileNotFoundError):
                    path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
            return SqliteCatalog(path), aside

    def __init__(self, path: Path) -> None:
        """Opens the file, making it or bringing it up to date.

        Raises:
            CatalogTooNew: a newer trackd wrote it.
            sqlite3.DatabaseError: it is damaged.
        """
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(
            # FULL: a commit is on the disk when it returns. One connection alone writes and checkpoints, which also keeps
            # clear of the WAL-reset bug of SQLite before 3.51.3.
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
        )
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _SCHEMA_VERSION:
            raise CatalogTooNew(
                f"the catalog {path} has version {version}; this trackd knows {_SCHEMA_VERSION}: update trackd"
            )
        if version == 0:
            self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_SCHEMA_VERSION}; COMMIT;")

    def load_run(self, project: str, run_id: str) -> tuple[dict[str, Any], bytes, list[SegmentRow]] | None:
        """Returns a run's document, summary and segments in order, or None."""
        row = self._connection.execute(
            "SELECT run_key, document, summary FROM runs WHERE project = ? AND run_id = ?", (project, run_id)
        ).fetchone()
        if row is None:
            return None
        segments = self._connection.execute(
            "SELECT name, position, point_count, size_bytes FROM segments WHERE run_key = ? ORDER BY position",
            (row[0],),
        ).fetchall()
        return json.loads(row[1]), row[2], [SegmentRow(*segment) for segment in segments]

    def commit_run(
        self,
        document: dict[str, Any],
        summary: bytes,
        added: Iterable[SegmentRow] = (),
        removed: Iterable[str] = (),
    ) -> None:
        """Writes a run, adds and removes segments, in one transaction; durable when it returns."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            run_key = connection.execute(
                "INSERT INTO runs (project, run_id, state, create_time, update_time, document, summary) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, run_id) DO UPDATE SET state = excluded.state, "
                "update_time = excluded.update_time, document = excluded.document, summary = excluded.summary "
                "RETURNING run_key",
                (
                    document["project"],
                    document["run_id"],
                    document["state"],
                    document["create_time"],
                    document["update_time"],
                    # A lone surrogate, which JSON escapes, cannot otherwise be stored as text.
                    json.dumps(document),
                    summary,
                ),
            ).fetchone()[0]
            for name in removed:
                connection.execute("DELETE FROM segments WHERE name = ?", (name,))
                connection.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (name,))
            for segment in added:
                connection.execute(
                    "INSERT INTO segments (name, run_key, position, point_count, size_bytes) VALUES (?, ?, ?, ?, ?)",
                    (segment.name, run_key, segment.position, segment.point_count, segment.size_bytes),
                )
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def delete_run(self, project: str, run_id: str) -> list[str]:
        """Deletes a run; returns the names of its segments, which are now garbage."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM segments JOIN runs USING (run_key) WHERE project = ? AND run_id = ?",
                    (project, run_id),
                ).fetchall()
            ]
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(name,) for name in names])
            connection.execute("DELETE FROM runs WHERE project = ? AND run_id = ?", (project, run_id))
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return names

    def _roll_back(self) -> None:
        # On a full disk SQLite rolls back by itself; doing it again would hide why.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def projects(self) -> list[tuple[str, int, int]]:
        """Returns (project, run count, time of last change in nanoseconds) of every project."""
        return self._connection.execute(
            "SELECT project, count(*), max(update_time) FROM runs GROUP BY project"
        ).fetchall()

    def documents(self, project: str | None) -> list[dict[str, Any]]:
        """Returns the documents of a project's runs, or of all, newest first."""
        where, values = ("", ()) if project is None else ("WHERE project = ?", (project,))
        rows = self._connection.execute(
            f"SELECT document FROM runs {where} ORDER BY create_time DESC",  # noqa: S608 - no value is pasted
            values,
        )
        return [json.loads(document) for (document,) in rows]

    def find_project(self, run_id: str) -> str | None:
        """Returns the project of the newest run with an id, or None."""
        row = self._connection.execute(
            "SELECT project FROM runs WHERE run_id = ? ORDER BY create_time DESC LIMIT 1", (run_id,)
        ).fetchone()
        return None if row is None else str(row[0])

    def run_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run."""
        return self._connection.execute("SELECT project, run_id FROM runs").fetchall()

    def running_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run that had not ended when it was committed last."""
        return self._connection.execute("SELECT project, run_id FROM runs WHERE state = 'running'").fetchall()

    def garbage(self) -> list[str]:
        """Returns the names of segments that no run refers to any more."""
        return [name for (name,) in self._connection.execute("SELECT name FROM garbage")]

    def forget_garbage(self, names: Iterable[str]) -> None:
        """Forgets segments whose files are deleted."""
        self._connection.executemany("DELETE FROM garbage WHERE name = ?", [(name,) for name in names])

    def close(self) -> None:
        """Closes the catalog."""
        self._connection.close()
