"""Owns what a store knows of a bucket: what it has confirmed, and which manifests were read from it; a SQLite file.

Invariants: what is said to be there was confirmed before, and what may be there was noted before it was sent; losing the
file costs questions to the bucket, never data. It belongs to one bucket: with another one it begins anew.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trackd_service.catalog_tables import SegmentRow
from trackd_service.manifests import SentSegment

_SCHEMA_VERSION = 1
_STORE_ID = re.compile(r"[0-9a-f]{16}")
_ASK_AT_ONCE = 500  # names of one question: SQLite takes 999 values at least
_SCHEMA = """
BEGIN;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE segments (
    name TEXT PRIMARY KEY,
    parquet_bytes INTEGER NOT NULL,
    parquet_sha256 TEXT NOT NULL,
    levels_bytes INTEGER NOT NULL,
    levels_sha256 TEXT NOT NULL,
    superseded_time INTEGER,
    is_missing INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE objects (sha256 TEXT PRIMARY KEY);
CREATE TABLE runs (
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    commit_number INTEGER NOT NULL,
    synced_step INTEGER NOT NULL,
    synced_time INTEGER NOT NULL,
    PRIMARY KEY (project, run_id)
);
CREATE TABLE manifests (
    name TEXT PRIMARY KEY,
    etag TEXT NOT NULL,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL
);
PRAGMA user_version=1;
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class SyncedRun:
    """How far a run is in the bucket.

    Attributes:
        commit_number: Of the commit that is there whole; -1 while something of it is missing.
        synced_step: Below which its steps are there.
        synced_time: When that was confirmed, in milliseconds since 1970 UTC.
    """

    commit_number: int
    synced_step: int
    synced_time: int


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """A manifest that was read: the bucket's tag of its content, and whose it is."""

    etag: str
    project: str
    run_id: str


def load_store_id(folder: Path) -> str:
    """Returns 16 hexadecimal digits that tell a store from any other, made at the first call and kept in `store_id`."""
    path = folder / "store_id"
    try:
        found = path.read_text(encoding="ascii").strip()
        if _STORE_ID.fullmatch(found):
            return found
    except (OSError, ValueError):
        pass
    made = os.urandom(8).hex()
    temporary = folder / f".store_id.{os.getpid()}"
    with temporary.open("w", encoding="ascii") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return made


class BucketLedger:
    """What one bucket has confirmed. Not safe to call from several threads at once."""

    def __init__(self, path: Path, target: str) -> None:
        """Opens the ledger of a store for a bucket; `target` tells it from every other bucket."""
        try:
            self._open(path)
        except sqlite3.OperationalError:
            raise  # locked, full, not readable: nothing says that it is damaged
        except sqlite3.DatabaseError:
            self._connection.close()
            for ending in ("", "-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            self._open(path)
        if self.fact("target") != target:
            for table in ("segments", "objects", "runs", "manifests"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - of the four above
            self.set_fact("target", target)
            self.set_fact("tried", "")
            self.set_fact("catalog", "")

    def _open(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _SCHEMA_VERSION):
            self._connection.close()
            raise ValueError(
                f"{path.name} has version {version}; this trackd knows {_SCHEMA_VERSION}: update trackd"
            )
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        if version == 0:
            self._connection.executescript(_SCHEMA)

    def fact(self, name: str) -> str:
        """Returns what was noted under a name; empty for nothing."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Notes something under a name."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def begin_segments(self, names: Iterable[str]) -> None:
        """Notes segments that may be in the bucket from now on, whole or in part: once replaced, they are cleared away."""
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT OR IGNORE INTO segments VALUES (?, 0, '', 0, '', NULL, 1)", [(name,) for name in names]
        )
        self._connection.execute("COMMIT")

    def add_segments(self, segments: Iterable[SentSegment]) -> None:
        """Notes segments that the bucket has confirmed."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, NULL, 0)",
            [
                (
                    each.row.name,
                    each.parquet_bytes,
                    each.parquet_sha256,
                    each.levels_bytes,
                    each.levels_sha256,
                )
                for each in segments
            ],
        )

    def segments(self, rows: Sequence[SegmentRow]) -> dict[str, SentSegment]:
        """Returns, by name, those of a run's segments that the bucket has."""
        found: dict[str, SentSegment] = {}
        by_name = {row.name: row for row in rows}
        for names in _groups(list(by_name)):
            marks = ",".join("?" * len(names))
            for name, *facts in self._connection.execute(
                f"SELECT * FROM segments WHERE NOT is_missing AND name IN ({marks})",  # noqa: S608 - question marks
                names,
            ):
                found[name] = SentSegment(by_name[name], *facts[:4])
        return found

    def facts(self, names: Iterable[str]) -> dict[str, tuple[int, str]]:
        """Returns (size in bytes, sha256) of files of segments, by name in the object store, as far as they are known."""
        found: dict[str, tuple[int, str]] = {}
        wanted = {name.removeprefix("segments/").rpartition(".")[0] for name in names}
        for group in _groups(sorted(wanted)):
            marks = ",".join("?" * len(group))
            for name, *facts in self._connection.execute(
                f"SELECT * FROM segments WHERE parquet_sha256 != '' AND name IN ({marks})",  # noqa: S608
                group,
            ):
                found[f"segments/{name}.parquet"] = (facts[0], facts[1])
                found[f"segments/{name}.levels"] = (facts[2], facts[3])
        return found

    def confirmed(self) -> dict[str, tuple[int, str]]:
        """Returns (size in bytes, -1 for unknown; sha256) by name of all that is needed and was confirmed."""
        found: dict[str, tuple[int, str]] = {}
        for name, *facts in self._connection.execute(
            "SELECT name, parquet_bytes, parquet_sha256, levels_bytes, levels_sha256 FROM segments "
            "WHERE superseded_time IS NULL AND parquet_sha256 != ''"
        ):
            found[f"segments/{name}.parquet"] = (facts[0], facts[1])
            found[f"segments/{name}.levels"] = (facts[2], facts[3])
        for (sha256,) in self._connection.execute("SELECT sha256 FROM objects"):
            found[f"files/{sha256[:2]}/{sha256}"] = (-1, sha256)
        return found

    def doubt_runs(self) -> None:
        """Notes that no run is known to be whole in the bucket; what it has confirmed of files stays so."""
        self._connection.execute("UPDATE runs SET commit_number = -1")

    def doubt(self, names: Iterable[str]) -> None:
        """Notes that the bucket turned out not to have some files, and no run whole; their sums are remembered."""
        self.doubt_files(names)
        self.doubt_runs()

    def doubt_files(self, names: Iterable[str]) -> None:
        """Notes that the bucket turned out not to have some files, of a run that is not whole there anyway."""
        for name in names:
            if name.startswith("segments/"):
                self._connection.execute(
                    "UPDATE segments SET is_missing = 1 WHERE name = ?",
                    (name.removeprefix("segments/").rpartition(".")[0],),
                )
            elif name.startswith("files/"):
                self.forget_objects([name.rpartition("/")[2]])

    def manifests(self) -> dict[str, ReadManifest]:
        """Returns the manifests that were read, by name."""
        rows = self._connection.execute("SELECT name, etag, project, run_id FROM manifests")
        return {name: ReadManifest(*facts) for name, *facts in rows}

    def save_manifests(self, manifests: Mapping[str, ReadManifest]) -> None:
        """Notes manifests that were read and taken in."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?)",
            [(name, each.etag, each.project, each.run_id) for name, each in manifests.items()],
        )

    def forget_manifests(self, names: Iterable[str]) -> None:
        """Forgets manifests that the bucket does not have any more."""
        self._connection.executemany("DELETE FROM manifests WHERE name = ?", [(name,) for name in names])

    def supersede(self, folder: str, current: Collection[str], now: int) -> dict[str, int]:
        """Notes that of a run's segments only the current ones are needed; returns, by name, since when others are not."""
        others = {
            name: since
            for name, since in self._connection.execute(
                "SELECT name, superseded_time FROM segments WHERE name >= ? AND name < ?",
                (f"{folder}/", f"{folder}0"),  # "0" is the character after "/"
            )
            if name not in current
        }
        self._connection.executemany(
            "UPDATE segments SET superseded_time = ? WHERE name = ?",
            [(now, name) for name, since in others.items() if since is None],
        )
        return {name: now if since is None else since for name, since in others.items()}

    def forget_segments(self, names: Iterable[str]) -> None:
        """Forgets segments that the bucket does not have any more."""
        self._connection.executemany("DELETE FROM segments WHERE name = ?", [(name,) for name in names])

    def superseded(self, before: int) -> list[str]:
        """Returns the segments that nobody needs since before a time in milliseconds since 1970."""
        rows = self._connection.execute("SELECT name FROM segments WHERE superseded_time < ?", (before,))
        return [name for (name,) in rows]

    def add_objects(self, hashes: Iterable[str]) -> None:
        """Notes objects that the bucket has confirmed."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO objects VALUES (?)", [(sha256,) for sha256 in hashes]
        )

    def objects(self, hashes: Iterable[str]) -> set[str]:
        """Returns those of some objects that the bucket has."""
        found: set[str] = set()
        for names in _groups(list(hashes)):
            marks = ",".join("?" * len(names))
            found.update(
                sha256
                for (sha256,) in self._connection.execute(
                    f"SELECT sha256 FROM objects WHERE sha256 IN ({marks})",  # noqa: S608 - question marks
                    names,
                )
            )
        return found

    def forget_objects(self, hashes: Iterable[str]) -> None:
        """Forgets objects that the bucket turned out not to have."""
        self._connection.executemany("DELETE FROM objects WHERE sha256 = ?", [(each,) for each in hashes])

    def save_run(self, project: str, run_id: str, synced: SyncedRun) -> None:
        """Notes how far a run is in the bucket."""
        self._connection.execute(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)",
            (project, run_id, synced.commit_number, synced.synced_step, synced.synced_time),
        )

    def runs(self) -> dict[tuple[str, str], SyncedRun]:
        """Returns how far each run is, by (project, run id)."""
        rows = self._connection.execute(
            "SELECT project, run_id, commit_number, synced_step, synced_time FROM runs"
        )
        return {(project, run_id): SyncedRun(*facts) for project, run_id, *facts in rows}

    def forget_run(self, project: str, run_id: str) -> None:
        """Forgets a run that was deleted here, or whose copy turned out not to be whole."""
        self._connection.execute("DELETE FROM runs WHERE project = ? AND run_id = ?", (project, run_id))

    def close(self) -> None:
        """Closes the ledger."""
        self._connection.close()


def _groups(names: list[str]) -> Iterable[list[str]]:
    return (names[start : start + _ASK_AT_ONCE] for start in range(0, len(names), _ASK_AT_ONCE))
