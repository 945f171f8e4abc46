"""Owns the copy of a catalog: a backup, a restore and a move between SQLite and PostgreSQL are the same thing.

Invariants: what is copied is one moment of the source; the target is whole and checked, or as empty as before, whatever dies
on the way; memory holds a few rows at a time; to those who follow the target it is another catalog from then on. No table is
named here: one that is added to the schema is copied.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trackd_service import catalog_schema
from trackd_service.catalog import Catalog, CatalogTooOld
from trackd_service.catalog_tables import Bulk
from trackd_service.sqlite_catalog import SqliteCatalog

_MODULUS = 1 << 256
_TELL_ROWS = 1000
_STEP_PAGES = 10_000  # of an old file that is copied before it is brought up to date


class CopyRefused(Exception):
    """A catalog cannot be copied, as the sentence says; the target is as it was."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: how many rows, and the sum of their hashes, which is the same in any order."""

    row_count: int
    digest: int


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        tables: The content of each table by name.
        digest: Of all of them; the same for the same content, wherever it stands.
    """

    tables: dict[str, Content]
    digest: str

    @property
    def row_count(self) -> int:
        """How many rows there are in all tables."""
        return sum(content.row_count for content in self.tables.values())


Tell = Callable[[str, int, int], object]


def copy(source: Catalog, target: Catalog, tell: Tell = lambda *_: None) -> Copied:
    """Copies everything of a catalog into an empty one, and compares.

    Args:
        source: Any catalog of this version; others may go on writing it.
        target: An empty one.
        tell: Called now and then with the table, how many of its rows are done, and how many there are.

    Raises:
        CopyRefused: The target is not empty, or cannot keep something that the source holds.
        StorageUnavailable, InvalidArgument, sqlite3.Error: One of them fails; nothing has been copied.
    """
    names = [table.name for table in tables()]
    copied: dict[str, Content] = {}
    with source.snapshot() as old, target.loading(names) as new:
        # Replicas that serve an empty catalog write these by themselves; of another catalog, they mean nothing here.
        for name in catalog_schema.OWN_TABLES:
            new.execute(f'DELETE FROM "{name}"')  # noqa: S608 - of the schema
        for table in tables():
            if new.execute(f'SELECT 1 FROM "{table.name}" LIMIT 1').fetchone():  # noqa: S608 - of the schema
                raise CopyRefused(
                    f"the catalog to copy into is not empty (there is something in {table.name}): "
                    "name another database, schema or file"
                )
        for table in tables():
            count = _row_count(old, table)
            summing = _Summing()
            with contextlib.closing(old.scan(table.name, table.columns, table.key)) as found:
                rows = summing.over(found if target.keeps_nul else _without_nul(table, found))
                new.load(table.name, table.columns, _told(rows, table.name, count, tell))
            copied[table.name] = summing.content()
        for table in tables():
            found_there = _summed(new, table, copied[table.name].row_count, tell)
            if found_there != copied[table.name]:
                raise CopyRefused(
                    f"{table.name} reads otherwise in the copy ({found_there.row_count} rows of "
                    f"{copied[table.name].row_count}): nothing was kept; look at the disk of the target"
                )
    return Copied(copied, _digest(copied))


def content(catalog: Catalog) -> Copied:
    """Returns what a catalog holds, as of `copy`."""
    found: dict[str, Content] = {}
    with catalog.snapshot() as bulk:
        for table in tables():
            found[table.name] = _summed(bulk, table, 0, lambda *_: None)
    return Copied(found, _digest(found))


def copy_to_file(source: Catalog, path: Path, tell: Tell = lambda *_: None) -> Copied:
    """Copies a catalog into a new SQLite file, for this user alone; the file is there whole or not at all.

    Raises:
        CopyRefused: The file is there already, or as of `copy`.
    """
    if path.exists() or path.is_symlink():
        raise CopyRefused(f"{path} is there already: name a file that is not, or move that one away")
    path = path.absolute()
    if not path.parent.is_dir():
        raise CopyRefused(f"the folder {path.parent} is not there: make it first")
    # mkstemp makes it for this user alone.
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".partial", dir=path.parent)
    unfinished = Path(name)
    try:
        catalog = SqliteCatalog(unfinished)
        try:
            # Until it has its name, nothing in it is worth a journal; then it is one file, with no second one beside it.
            with catalog.reading() as here:
                here.execute("PRAGMA journal_mode=OFF")
                here.execute("PRAGMA synchronous=OFF")
            copied = copy(source, catalog, tell)
            with catalog.reading() as here:
                here.execute("PRAGMA journal_mode=DELETE")
        finally:
            catalog.close()
        os.fsync(descriptor)
        try:
            os.link(unfinished, path)  # unlike a renaming, it replaces no file that has come meanwhile
        except FileExistsError:
            raise CopyRefused(f"{path} has come meanwhile: name another file") from None
        except OSError:  # a file system without hard links
            unfinished.rename(path)
        _sync_folder(path.parent)
    finally:
        os.close(descriptor)
        for ending in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                Path(name + ending).unlink()
    return copied


@contextlib.contextmanager
def opened_file(path: Path) -> Iterator[Catalog]:
    """Gives the catalog in a SQLite file, to be copied from; the file stays as it is, whoever writes it meanwhile.

    One of an older version is brought up to date in a copy, in the folder for temporary files.

    Raises:
        CopyRefused: There is no catalog in it, or it is damaged.
        CatalogTooNew: A newer trackd wrote it.
    """
    if not path.is_file():
        raise CopyRefused(f"there is no file {path}")
    with contextlib.ExitStack() as stack:
        try:
            try:
                catalog = SqliteCatalog(path, is_read_only=True)
            except CatalogTooOld:
                catalog = _brought_up_to_date(path, stack)
            stack.callback(catalog.close)
            with catalog.reading() as here:
                found = here.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise CopyRefused(f"{path} cannot be read as a catalog: {error}") from None
        if found != "ok":
            raise CopyRefused(f"{path} is damaged ({' '.join(found.split())[:200]}): take another backup")
        yield catalog


def _brought_up_to_date(path: Path, stack: contextlib.ExitStack) -> SqliteCatalog:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackd-")))
    made = folder / "catalog.sqlite"
    with (
        contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(made)) as new,
    ):
        if old.execute("PRAGMA user_version").fetchone()[0] == 0:
            raise CopyRefused(f"{path} is no catalog of trackd")
        old.backup(new, pages=_STEP_PAGES)
    return SqliteCatalog(made)


@cache
def tables() -> tuple[Table, ...]:
    """Returns the tables of a catalog, each behind those that it refers to."""
    made = SqliteCatalog(Path(":memory:"))
    try:
        with made.reading() as here:
            names = [
                name
                for (name,) in here.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
                ).fetchall()
            ]
            found = {name: _described(here, name) for name in names}
            needs = {
                name: {row[2] for row in here.execute(f'PRAGMA foreign_key_list("{name}")').fetchall()}
                - {name}
                for name in names
            }
    finally:
        made.close()
    ordered: list[str] = []
    while len(ordered) < len(names):
        ordered += [name for name in names if name not in ordered and needs[name] <= set(ordered)]
    return tuple(found[name] for name in ordered)


def _described(here: Any, name: str) -> Table:
    rows = here.execute(f'PRAGMA table_info("{name}")').fetchall()
    key = sorted((row[5], row[1]) for row in rows if row[5])
    return Table(name, tuple(row[1] for row in rows), tuple(column for _, column in key))


class _Summing:
    """Sums up rows on their way."""

    def __init__(self) -> None:
        self._count = 0
        self._digest = 0

    def over(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            self._count += 1
            self._digest += _hash(row)
            yield row

    def content(self) -> Content:
        return Content(self._count, self._digest % _MODULUS)


def _summed(bulk: Bulk, table: Table, count: int, tell: Tell) -> Content:
    summing = _Summing()
    with contextlib.closing(bulk.scan(table.name, table.columns, table.key)) as rows:
        for _ in _told(summing.over(rows), f"{table.name}, compared", count, tell):
            pass
    return summing.content()


def _hash(row: Sequence[Any]) -> int:
    made = hashlib.sha256()
    for value in row:
        if value is None:
            made.update(b"-")
            continue
        data = value if isinstance(value, bytes) else str(value).encode()
        made.update(b"%c%d:" % (type(value).__name__.encode()[:1], len(data)))
        made.update(data)
    return int.from_bytes(made.digest(), "big")


def _digest(found: dict[str, Content]) -> str:
    lines = [f"{name} {each.row_count} {each.digest:064x}\n" for name, each in sorted(found.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _row_count(bulk: Bulk, table: Table) -> int:
    return int(bulk.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0])  # noqa: S608 - of the schema


def _without_nul(table: Table, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                key = {name: row[table.columns.index(name)] for name in table.key}
                raise CopyRefused(
                    f"{column} of {table.name} {key} holds a NUL, which PostgreSQL cannot keep: "
                    "change it in the catalog that is copied"
                )
        yield row


def _told(rows: Iterable[Sequence[Any]], what: str, count: int, tell: Tell) -> Iterator[Sequence[Any]]:
    for done, row in enumerate(rows, 1):
        yield row
        if done % _TELL_ROWS == 0:
            tell(what, done, count)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
