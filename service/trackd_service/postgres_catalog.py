"""Owns the catalog of a team: a schema of a PostgreSQL database, shared by all replicas of a server.

Invariants: whatever several replicas do at once, a run is written by one transaction at a time; what the database does not
answer is told as `StorageUnavailable`, which passes, and is never half done; a replica that asks for changes is told every
one, however late its transaction ended.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from trackd_service import catalog_schema
from trackd_service.catalog import Catalog, CatalogTooNew, CatalogTooOld
from trackd_service.catalog_tables import Bulk, Cursor, Tables
from trackd_service.errors import InvalidArgument, StorageUnavailable

_CONNECT_SECONDS = 5
# For a connection: longer than a failover of a second or two, shorter than a client's patience.
_WAIT_SECONDS = 10.0
# What passes once an operator has done something: rights that are missing, tables that are, before a backup is restored.
_OPERATORS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)
_STATEMENT_MILLISECONDS = 60_000
_THREADS = 4
_RUN_LOCKS = 0x72756E
_LISTING_LOCK = 0x6C697374
_MIGRATION_LOCK = 0x7472_6163_6B64  # a number of our own among the database's advisory locks
_BATCH_BYTES = (
    8 << 20
)  # of rows that are copied: this is what they take of memory, or the largest of them if that takes more
_BATCH_ROWS = 5000
_NO_LIMITS = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
# Which catalog this is: another one once a copy has come into its place, whatever numbers of transactions that has.
_INCARNATION = """
CREATE TABLE IF NOT EXISTS trackd_incarnation (id uuid NOT NULL DEFAULT gen_random_uuid());
INSERT INTO trackd_incarnation SELECT gen_random_uuid() WHERE NOT EXISTS (SELECT 1 FROM trackd_incarnation);
"""
# A table that was made anew from a dump is another one, of the same id.
_IDENTITY = "id::text || '-' || tableoid::text"
# A database that was recovered to an earlier moment, or whose standby has taken over, is on another timeline.
_TIMELINE = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
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


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has followed a catalog: in which one, and behind which transaction."""

    incarnation: str
    transaction: int


@dataclass(frozen=True, slots=True)
class News:
    """What was committed since a place.

    Attributes:
        place: What to ask with next.
        written: (project, run id, commit number, whether it has not ended) of each run written since, some perhaps for the
            second time.
        deleted: (project, run id) of each deleted one.
        is_whole: Whether this tells everything from the start: a run that is not in `written` is not there, and one of a
            known commit number may be another one all the same.
    """

    place: Place
    written: list[tuple[str, str, int, bool]]
    deleted: list[tuple[str, str]]
    is_whole: bool


class PostgresCatalog(Catalog):
    """A catalog in a PostgreSQL database, of version 13 or newer. Any thread may use it."""

    thread_count = _THREADS
    keeps_nul = False

    def __init__(self, url: str, *, is_read_only: bool = False) -> None:
        """Opens the catalog, making its tables or bringing them up to date.

        Args:
            url: A connection string of PostgreSQL, such as `postgresql://trackd@db.example/trackd`; the password comes from
                `PGPASSWORD` or a password file, or stands in it.
            is_read_only: Change nothing, as is right for a standby, or for a database that an older trackd serves.

        Raises:
            CatalogTooNew: A newer trackd wrote it.
            CatalogTooOld: It is not up to date, or no catalog yet, and nothing may be changed.
            InvalidArgument: The connection string cannot be understood.
            StorageUnavailable: The database does not answer, or does not let this user make tables.
        """
        options = _options(url)
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
                "options": f"{options} -c statement_timeout={_STATEMENT_MILLISECONDS}".strip(),
            },
        )
        self._pool.open()
        try:
            if is_read_only:
                self._check_version()
            else:
                self._bring_up_to_date()
            self._timeline = self._find_timeline()
        except BaseException:
            self._pool.close()
            raise

    def _check_version(self) -> None:
        with self.reading() as tables:
            is_there = tables.execute("SELECT to_regclass('trackd_version') IS NOT NULL").fetchone()[0]
            row = tables.execute("SELECT version FROM trackd_version").fetchone() if is_there else None
        found = 0 if row is None else int(row[0])
        if found > catalog_schema.VERSION:
            raise _too_new(found)
        if found == 0:
            raise CatalogTooOld("the database holds no catalog of trackd: look at its name and its schema")
        if found < catalog_schema.VERSION:
            raise CatalogTooOld(
                f"the catalog has version {found}, and this trackd reads version {catalog_schema.VERSION}: use the "
                "trackd that serves it, or let this one serve it first"
            )

    def _find_timeline(self) -> str:
        """Returns what asks for the timeline, or for nothing where a database, such as a standby, does not tell it."""
        with _told(), self._pool.connection() as connection:
            try:
                connection.execute(f"SELECT {_TIMELINE}".encode())
            except psycopg.Error:
                return "''"
        return _TIMELINE

    def _bring_up_to_date(self) -> None:
        with self.writing() as tables:
            # Replicas that start at once wait for the first here.
            tables.execute("SELECT pg_advisory_xact_lock(?)", (_MIGRATION_LOCK,))
            tables.execute("CREATE TABLE IF NOT EXISTS trackd_version (version BIGINT NOT NULL)")
            row = tables.execute("SELECT version FROM trackd_version").fetchone()
            found = 0 if row is None else int(row[0])
            if found > catalog_schema.VERSION:
                raise _too_new(found)
            tables.execute(_INCARNATION)
            for version in range(found, catalog_schema.VERSION):
                self._migrate(_Dialect(tables.connection), version)
            if found == 0:
                tables.execute(_FEED)
                tables.execute("INSERT INTO trackd_version VALUES (?)", (catalog_schema.VERSION,))
            elif found < catalog_schema.VERSION:
                tables.execute("UPDATE trackd_version SET version = ?", (catalog_schema.VERSION,))

    def identity(self) -> str:
        """Returns what tells this catalog from any other: one that a copy has come into the place of is another one."""
        with self.reading() as tables:
            return str(tables.execute(f"SELECT {_IDENTITY} FROM trackd_incarnation").fetchone()[0])  # noqa: S608

    def changes(self, since: Place | None) -> News:
        """Returns what other replicas, and this one, have committed since a place, None for everything.

        Where another catalog has come into the place of the one that was followed, everything is told anew.
        """
        with self.writing() as tables:
            tables.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Every transaction before this one has ended; those behind it may still end, and are asked for again.
            horizon, incarnation = tables.execute(
                f"SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, "  # noqa: S608 - of ours
                f"{_IDENTITY} || {self._timeline} "
                "FROM trackd_incarnation"
            ).fetchone()
            # A database that was put back to an earlier moment counts its transactions from there.
            is_whole = since is None or since.incarnation != incarnation or since.transaction > horizon
            start = 0 if since is None or is_whole else since.transaction
            written = tables.execute(
                "SELECT project, run_id, commit_number, state = 'running' FROM runs WHERE transaction_id >= ?::text::xid8",
                (start,),
            ).fetchall()
            deleted = tables.execute(
                "SELECT project, run_id FROM run_deletions WHERE transaction_id >= ?::text::xid8", (start,)
            ).fetchall()
        return News(Place(incarnation, int(horizon)), written, deleted, is_whole)

    def hold_run(self, tables: Tables, project: str, run_id: str) -> None:
        """Has nobody else write a run until the transaction ends."""
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

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Bulk]:
        """Gives the tables of one moment, for all that they hold."""
        with self.writing() as tables:
            tables.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            tables.execute(_NO_LIMITS)
            yield _Bulk(tables.connection)

    @contextlib.contextmanager
    def loading(self, names: Sequence[str]) -> Iterator[Bulk]:
        """Gives the tables for one transaction that fills them; nobody else writes them until it ends."""
        with self.writing() as tables:
            tables.execute(_NO_LIMITS)
            tables.execute(f"LOCK TABLE {', '.join(map(_quoted, names))} IN EXCLUSIVE MODE")
            bulk = _Bulk(tables.connection)
            yield bulk
            identities = tables.execute(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = current_schema() AND is_identity = 'YES'"
            ).fetchall()
            for table, column in identities:
                tables.execute(
                    f"SELECT setval(pg_get_serial_sequence(?, ?), max({_quoted(column)})) FROM {_quoted(table)} "  # noqa: S608 - names of the schema
                    "HAVING count(*) > 0",
                    (_quoted(table), column),
                )
            tables.execute("UPDATE trackd_incarnation SET id = gen_random_uuid()")

    def connection_counts(self) -> tuple[int, int, int]:
        """Returns how many connections there are, how many of them are used now, and how many questions wait for one."""
        stats = self._pool.get_stats()
        held = stats.get("pool_size", 0)
        return held, held - stats.get("pool_available", 0), stats.get("requests_waiting", 0)

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


class _Bulk(_Statements):
    """The tables, for many rows at a time; memory holds a few megabytes of them, or the largest one."""

    def scan(
        self, table: str, columns: Sequence[str], key: Sequence[str]
    ) -> Generator[Sequence[Any], None, None]:
        names, order = ", ".join(map(_quoted, columns)), ", ".join(map(_quoted, key))
        # The length of a value is known without the value: what is asked for next is as much as memory may hold.
        lengths = " + ".join(
            f"coalesce(octet_length({_quoted(column)}), 0)" for column in self._long(table, columns)
        )
        with (
            self.connection.cursor(f"sizes of {table}") as sizes,
            self.connection.cursor(f"rows of {table}", binary=True) as found,
        ):
            sizes.execute(f"SELECT {lengths or 0} FROM {_quoted(table)} ORDER BY {order}".encode())  # noqa: S608 - names of the schema
            found.execute(f"SELECT {names} FROM {_quoted(table)} ORDER BY {order}".encode())  # noqa: S608 - names of the schema
            while some := [size for (size,) in sizes.fetchmany(_BATCH_ROWS)]:
                for count in _batches(some):
                    yield from found.fetchmany(count)

    def _long(self, table: str, columns: Sequence[str]) -> list[str]:
        """Returns the columns whose values may be long."""
        rows = self.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ? "
            "AND data_type IN ('text', 'bytea')",
            (table,),
        )
        return [column for (column,) in rows if column in columns]

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names = ", ".join(map(_quoted, columns))
        statement = f"COPY {_quoted(table)} ({names}) FROM STDIN"
        with self.connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)


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
    except (psycopg.OperationalError, PoolTimeout, *_OPERATORS) as error:
        # With it: gone, restarting, full, a deadlock of two replicas that it has ended by one.
        raise StorageUnavailable(f"the catalog's database cannot be asked: {_sentence(error)}") from None


def _batches(sizes: Sequence[int]) -> Iterator[int]:
    """Yields how many rows of those sizes in bytes, in their order, are asked for together."""
    count = total = 0
    for size in sizes:
        if count and total + size > _BATCH_BYTES:
            yield count
            count = total = 0
        count, total = count + 1, total + size
    if count:
        yield count


def _too_new(found: int) -> CatalogTooNew:
    return CatalogTooNew(
        f"the catalog has version {found}; this trackd knows {catalog_schema.VERSION}: update trackd"
    )


def _quoted(name: str) -> str:
    """Returns a name of the schema as SQL has it."""
    return f'"{name}"'


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _options(url: str) -> str:
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {"port": "none"}
    # What the library says of a mistake quotes it, and that may be a piece of the password.
    if not all(port.isdecimal() or not port for port in str(parts.get("port") or "").split(",")):
        raise InvalidArgument(
            "the address of the catalog cannot be understood: write postgresql://USER@HOST:PORT/DATABASE, other characters "
            "than letters and digits in a name or a password as %XX"
        )
    return str(parts.get("options") or "")
