"""Owns the catalog of one machine: a SQLite file.

Invariant: the daemon is the only writer, through one connection in one thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from trackd_service import catalog_schema
from trackd_service.catalog import Catalog, CatalogTooNew, CatalogTooOld
from trackd_service.catalog_tables import Bulk, Cursor, Tables


class SqliteCatalog(Catalog):
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

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        """Opens the file, making it or bringing it up to date.

        Args:
            path: Where it is.
            is_read_only: Change nothing: another process may be writing it.

        Raises:
            CatalogTooNew: a newer trackd wrote it.
            CatalogTooOld: it is not up to date, or no catalog, and nothing may be changed.
            sqlite3.DatabaseError: it is damaged.
        """
        if is_read_only:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            self._check_version(path)
            return
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(
            # FULL: a commit is on the disk when it returns. One connection alone writes and checkpoints, which also keeps
            # clear of the WAL-reset bug of SQLite before 3.51.3.
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
        )
        found = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if found > catalog_schema.VERSION:
            raise _too_new(path, found)
        for version in range(found, catalog_schema.VERSION):
            with self.writing() as tables:
                self._migrate(tables, version)
                tables.execute(f"PRAGMA user_version={version + 1}")
            self.change_count += 1

    def _check_version(self, path: Path) -> None:
        try:
            found = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if found > catalog_schema.VERSION:
                raise _too_new(path, found)
            if found < catalog_schema.VERSION:
                raise CatalogTooOld(
                    f"the catalog {path} has version {found}, and this trackd reads version {catalog_schema.VERSION}"
                )
        except BaseException:
            self._connection.close()
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Gives the tables for questions."""
        yield self._connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Gives the tables for one transaction: all of it is there and durable when this ends, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            # On a full disk SQLite rolls back by itself; doing it again would hide why.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Bulk]:
        """Gives the tables of one moment, for all that they hold."""
        self._connection.execute("BEGIN")
        try:
            yield _Bulk(self._connection)
        finally:
            self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def loading(self, names: Sequence[str]) -> Iterator[Bulk]:  # noqa: ARG002 - the whole file is one lock
        """Gives the tables for one transaction that fills them."""
        with self.writing():
            yield _Bulk(self._connection)
        self.change_count += 1

    def hold_run(self, tables: Tables, project: str, run_id: str) -> None:
        """Does nothing: the transaction is the only one there is."""

    def clock(self, tables: Tables) -> int:
        """Returns the time by the database's clock, in microseconds since 1970."""
        found = tables.execute(
            "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
        ).fetchone()
        return int(found[0])

    def hold_listing(self, tables: Tables, *, is_alone: bool) -> None:
        """Does nothing: the transaction is the only one there is."""

    def close(self) -> None:
        """Closes the catalog."""
        self._connection.close()


class _Bulk:
    """The tables, for many rows at a time; of a scan, memory holds one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> object:
        return self._connection.executemany(statement, rows)

    def scan(
        self, table: str, columns: Sequence[str], key: Sequence[str]
    ) -> Generator[Sequence[Any], None, None]:
        names, order = (", ".join(f'"{name}"' for name in some) for some in (columns, key))
        yield from self._connection.execute(f'SELECT {names} FROM "{table}" ORDER BY {order}')  # noqa: S608 - names of the schema

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join("?" for _ in columns)
        self._connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', rows)  # noqa: S608 - names of the schema


def _too_new(path: Path, found: int) -> CatalogTooNew:
    return CatalogTooNew(
        f"the catalog {path} has version {found}; this trackd knows {catalog_schema.VERSION}: update trackd"
    )
