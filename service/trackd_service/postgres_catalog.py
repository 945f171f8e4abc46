"""Owns the catalog of a team: a schema of a PostgreSQL database, shared by all replicas of a server.

Invariants: whatever several replicas do at once, a run is written by one transaction at a time; what the database does not
answer is told as `StorageUnavailable`, which passes, and is never half done; a replica that asks for changes is told every
one, however late its transaction ended.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from trackd_service import catalog_schema
from trackd_service.catalog import Catalog, CatalogTooNew, Cursor, Tables
from trackd_service.errors import InvalidArgument, StorageUnavailable

_CONNECT_SECONDS = 5
# For a connection: longer than a failover of a second or two, shorter than a client's patience.
_WAIT_SECONDS = 10.0
_STATEMENT_MILLISECONDS = 60_000
_THREADS = 4
_RUN_LOCKS = 0x72756E
_LISTING_LOCK = 0x6C697374
_MIGRATION_LOCK = 0x7472_6163_6B64  # a number of our own among the database's advisory locks
# When each run was written last, in the one order in which another replica can be sure to have seen everything: a number that
# grows with each row is given out before its transaction ends, and a reader would pass over one that ends late.
_FEED = """
CREATE TABLE run_deletions (
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    delete_time TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX run_deletions_by_transaction ON run_deletions (transaction_id);
ALTER TABLE runs ADD COLUMN transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX runs_by_transaction ON runs (transaction_id);
CREATE FUNCTION note_run_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.transaction_id := pg_current_xact_id(); RETURN NEW; END $$;
CREATE TRIGGER runs_are_written BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION note_run_write();
CREATE FUNCTION note_run_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO run_deletions (project, run_id) VALUES (OLD.project, OLD.run_id); RETURN NULL; END $$;
CREATE TRIGGER runs_are_deleted AFTER DELETE ON runs FOR EACH ROW EXECUTE FUNCTION note_run_delete();
"""


class PostgresCatalog(Catalog):
    """A catalog in a PostgreSQL database, of version 13 or newer. Any thread may use it."""

    thread_count = _THREADS

    def __init__(self, url: str) -> None:
        """Opens the catalog, making its tables or bringing them up to date.

        Args:
            url: A connection string of PostgreSQL, such as `postgresql://trackd@db.example/trackd`; the password comes from
                `PGPASSWORD` or a password file, or stands in it.

        Raises:
            CatalogTooNew: A newer trackd wrote it.
            StorageUnavailable: The database does not answer, or does not let this user make tables.
        """
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=_THREADS,
            timeout=_WAIT_SECONDS,
            open=False,
            # What the database has closed, as it does when it stops, is found out here and not by a question.
            check=ConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                "connect_timeout": _CONNECT_SECONDS,
                "application_name": "trackd",
                # A statement that hangs holds a connection, of which there are few.
                "options": f"{_options(url)} -c statement_timeout={_STATEMENT_MILLISECONDS}".strip(),
            },
        )
        self._pool.open()
        try:
            self._bring_up_to_date()
        except BaseException:
            self._pool.close()
            raise

    def _bring_up_to_date(self) -> None:
        with self.writing() as tables:
            # Replicas that start at once wait for the first here.
            tables.execute("SELECT pg_advisory_xact_lock(?)", (_MIGRATION_LOCK,))
            tables.execute("CREATE TABLE IF NOT EXISTS trackd_version (version BIGINT NOT NULL)")
            row = tables.execute("SELECT version FROM trackd_version").fetchone()
            found = 0 if row is None else int(row[0])
            if found > catalog_schema.VERSION:
                raise CatalogTooNew(
                    f"the catalog has version {found}; this trackd knows {catalog_schema.VERSION}: update trackd"
                )
            for version in range(found, catalog_schema.VERSION):
                self._migrate(_Dialect(tables.connection), version)
            if found == 0:
                tables.execute(_FEED)
                tables.execute("INSERT INTO trackd_version VALUES (?)", (catalog_schema.VERSION,))
            elif found < catalog_schema.VERSION:
                tables.execute("UPDATE trackd_version SET version = ?", (catalog_schema.VERSION,))

    def changes(self, since: int) -> tuple[int, list[tuple[str, str, int]], list[tuple[str, str]]]:
        """Returns what other replicas, and this one, have committed.

        Args:
            since: What the former call returned first; 0 at first, for everything.

        Returns:
            What to ask with next; (project, run id, commit number) of each run written since, some perhaps for the second
            time; and (project, run id) of each deleted one.
        """
        with self.writing() as tables:
            tables.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Every transaction before this one has ended; those behind it may still end, and are asked for again.
            horizon = tables.execute(
                "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            ).fetchone()[0]
            written = tables.execute(
                "SELECT project, run_id, commit_number FROM runs WHERE transaction_id >= ?::text::xid8",
                (since,),
            ).fetchall()
            deleted = tables.execute(
                "SELECT project, run_id FROM run_deletions WHERE transaction_id >= ?::text::xid8", (since,)
            ).fetchall()
        return int(horizon), written, deleted

    def _hold(self, tables: Tables, project: str, run_id: str) -> None:
        # A run that is not there yet has no row to lock. Two names of one hash wait for each other, and that is all.
        tables.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(?::text, ?))", (f"{project}/{run_id}", _RUN_LOCKS)
        )

    def clock(self, tables: Tables) -> int:
        """Returns the time by the database's clock, in microseconds since 1970."""
        # Not now(), which is when the transaction began: it may have waited since then.
        found = tables.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
        return int(found[0])

    def hold_listing(self, tables: Tables, *, is_alone: bool) -> None:
        """Has what runs list stand still until the transaction ends; see `Catalog.hold_listing`."""
        lock = "pg_advisory_xact_lock" if is_alone else "pg_advisory_xact_lock_shared"
        tables.execute(f"SELECT {lock}(hashtextextended(current_schema(), ?))", (_LISTING_LOCK,))

    @contextlib.contextmanager
    def reading(self) -> Iterator[_Statements]:
        """Gives the tables for questions."""
        with _told(), self._pool.connection() as connection:
            yield _Statements(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[_Statements]:
        """Gives the tables for one transaction: all of it is there and durable when this ends, or nothing."""
        with _told(), self._pool.connection() as connection, connection.transaction():
            yield _Statements(connection)

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()


class _Statements:
    """The tables, for statements in which `?` stands for a value."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        # Without values, the text may hold several statements.
        return self.connection.execute(statement.replace("?", "%s").encode(), values or None)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> object:
        some = list(rows)
        if some:
            with self.connection.cursor() as cursor:
                cursor.executemany(statement.replace("?", "%s").encode(), some)
        return None


class _Dialect(_Statements):
    """The tables, for definitions as SQLite has them: its integers have eight bytes."""

    _TYPES = (
        (re.compile(r"\bINTEGER PRIMARY KEY\b"), "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
        (re.compile(r"\bINTEGER\b"), "BIGINT"),
        (re.compile(r"\bBLOB\b"), "BYTEA"),
    )

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        for pattern, text in self._TYPES:
            statement = pattern.sub(text, statement)
        return super().execute(statement, values)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tells what the database says as errors of ours."""
    try:
        yield
    except psycopg.DataError as error:
        raise InvalidArgument(f"the database cannot keep a value: {_sentence(error)}") from None
    except (psycopg.OperationalError, PoolTimeout, psycopg.errors.InsufficientPrivilege) as error:
        # With it: gone, restarting, full, a deadlock of two replicas that it has ended by one.
        raise StorageUnavailable(f"the catalog's database cannot be asked: {_sentence(error)}") from None


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _options(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url).get("options") or "")
