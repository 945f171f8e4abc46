"""Owns the catalog of one machine: a SQLite file.

Invariant: the daemon is the only writer, through one connection in one thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from trackd_service import catalog_schema
from trackd_service.catalog import Catalog, CatalogTooNew, Tables


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
        found = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if found > catalog_schema.VERSION:
            raise CatalogTooNew(
                f"the catalog {path} has version {found}; this trackd knows {catalog_schema.VERSION}: update trackd"
            )
        for version in range(found, catalog_schema.VERSION):
            with self.writing() as tables:
                self._migrate(tables, version)
                tables.execute(f"PRAGMA user_version={version + 1}")
            self.change_count += 1

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

    def _hold(self, tables: Tables, project: str, run_id: str) -> None:
        pass  # the transaction is the only one there is

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
