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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

_SCHEMA_VERSION = 5
_NONE: Mapping[str, int] = {}
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


# What a catalog of the version before lacks.
_UPGRADES = {
    1: """
CREATE TABLE object_uses (
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (run_key, sha256)
);
CREATE INDEX object_uses_by_sha256 ON object_uses (sha256);
CREATE TABLE presets (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    specification TEXT NOT NULL
);
""",
    # Where the steps of a writer begin that is not in its run's document yet, and segments that a rewind has hidden.
    2: """
CREATE TABLE writer_starts (
    writer_id TEXT PRIMARY KEY,
    starting_step INTEGER NOT NULL
);
CREATE TABLE masked_segments (
    name TEXT PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES runs (run_key) ON DELETE CASCADE,
    point_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mask_time INTEGER NOT NULL
)
""",
    # Grows with each commit of a run: what was copied elsewhere since then is whole, or is not.
    3: "ALTER TABLE runs ADD COLUMN commit_number INTEGER NOT NULL DEFAULT 1",
    # No reference to runs: a project's views outlive its runs.
    4: """
CREATE TABLE views (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    update_time INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, id)
)
""",
}


class CatalogTooNew(RuntimeError):
    """The catalog was written by a newer trackd."""


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment of a run; `position` orders the segments as they were sealed."""

    name: str
    position: int
    point_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class HistoryStart:
    """The history that a new writer begins with, made in the transaction that it is a part of.

    Attributes:
        writer_id: The writer.
        starting_step: Its first automatic step.
        masked: Names of segments that are no longer read, and stay.
        mask_time: When, in nanoseconds since 1970 UTC.
        objects_of: (project, run id) whose objects the run uses as well; None for none.
    """

    writer_id: str
    starting_step: int
    masked: tuple[str, ...] = ()
    mask_time: int = 0
    objects_of: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RunUsage:
    """How much space a run takes: its segments, its objects, and those of them that no other run uses, in bytes."""

    project: str
    run_id: str
    segment_bytes: int
    object_bytes: int
    object_count: int
    own_object_bytes: int


@dataclass(frozen=True, slots=True)
class PresetRow:
    """A saved preset; `specification` is JSON."""

    id: str
    title: str
    specification: str


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A saved view of a project; `update_time` in nanoseconds since 1970 UTC, `document` is JSON, empty in a list."""

    project: str
    id: str
    name: str
    update_time: int
    document: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """How often a run was committed, and whether it had not ended then."""

    project: str
    run_id: str
    commit_number: int
    is_running: bool


@dataclass(frozen=True, slots=True)
class Committed:
    """A run as one commit has left it: document, summary, segments in order, and size in bytes by sha256 of its objects."""

    commit_number: int
    document: dict[str, Any]
    summary: bytes
    segments: list[SegmentRow]
    objects: dict[str, int]


class Catalog(Protocol):
    """What the store needs of a catalog; SQLite and, for teams, PostgreSQL.

    Attributes:
        change_count: Grows with each run that this process commits or deletes; may be read from any thread.
    """

    change_count: int

    def load_run(self, project: str, run_id: str) -> tuple[dict[str, Any], bytes, list[SegmentRow]] | None:
        """Returns a run's document, summary and segments in order, or None."""

    def commit_run(
        self,
        document: dict[str, Any],
        summary: bytes,
        added: Iterable[SegmentRow] = (),
        removed: Iterable[str] = (),
        objects: Mapping[str, int] = _NONE,
        start: HistoryStart | None = None,
    ) -> None:
        """Writes a run, adds and removes segments, adds objects (size in bytes by sha256) that it uses.

        In one transaction, with the history that a new writer begins with; durable when it returns.
        """

    def commit_runs(self, runs: Iterable[tuple[dict[str, Any], bytes, Mapping[str, int]]]) -> None:
        """Writes documents, summaries and objects of several runs as `commit_run` does, all in one transaction."""

    def replace_run(
        self,
        document: dict[str, Any],
        summary: bytes,
        segments: Iterable[SegmentRow],
        objects: Mapping[str, int],
    ) -> None:
        """Writes a run that was read elsewhere over what is known of it, in one transaction; what it had becomes garbage."""

    def commits(self) -> list[Commit]:
        """Returns how often each run was committed, those that run first, then the newest first."""

    def committed(self, project: str, run_id: str) -> Committed | None:
        """Returns a run as it was committed last, or None."""

    def writer_start(self, writer_id: str) -> int | None:
        """Returns where the automatic steps of a writer begin, or None when it was never said."""

    def save_writer_start(self, writer_id: str, starting_step: int) -> None:
        """Says where the automatic steps of a writer begin; forgotten when a run's document has the writer."""

    def delete_run(self, project: str, run_id: str, objects: Iterable[str] = ()) -> list[str]:
        """Deletes a run; returns what is now garbage: its segments, and `files/AB/SHA256` of objects nobody else uses.

        `objects` are those that it uses beside the ones in the catalog.
        """

    def is_used(self, sha256: str) -> bool:
        """Says whether some run uses an object."""

    def used_names(self) -> set[str]:
        """Returns the names in the object store of everything that some run uses."""

    def usage(self) -> list[RunUsage]:
        """Returns what each run takes."""

    def project_sizes(self) -> list[tuple[str, int]]:
        """Returns (project, size in bytes of its segments and objects) of every project; an object counts once in each."""

    def save_preset(self, preset: PresetRow) -> None:
        """Saves a preset over one of the same id."""

    def presets(self) -> list[PresetRow]:
        """Returns the saved presets, by id."""

    def preset(self, preset_id: str) -> PresetRow | None:
        """Returns a saved preset, or None."""

    def delete_preset(self, preset_id: str) -> bool:
        """Deletes a saved preset; returns whether it was there."""

    def save_view(self, view: ViewRow, count_max: int) -> bool:
        """Saves a view over one of the same project and id; returns False for one too many, which is not saved."""

    def views(self, project: str) -> list[ViewRow]:
        """Returns the saved views of a project, last saved first, without their documents."""

    def view(self, project: str, view_id: str) -> ViewRow | None:
        """Returns a saved view, or None."""

    def delete_view(self, project: str, view_id: str) -> bool:
        """Deletes a saved view; returns whether it was there."""

    def projects(self) -> list[tuple[str, int, int]]:
        """Returns (project, run count, time of last change in nanoseconds) of every project."""

    def documents(self, project: str | None) -> list[dict[str, Any]]:
        """Returns the documents of a project's runs, or of all, newest first."""

    def project_commits(self, project: str) -> dict[str, tuple[int, int]]:
        """Returns (create time, commit number) of each run of a project by id: equal ones mean that nothing was committed."""

    def document_texts(self, project: str, run_ids: Sequence[str]) -> dict[str, str]:
        """Returns the documents of runs of a project by id, as JSON; those that are not there are left out."""

    def create_times(self, project: str | None) -> list[tuple[str, str, int]]:
        """Returns (project, run id, create time) of a project's runs, or of all."""

    def find_project(self, run_id: str) -> str | None:
        """Returns the project of the newest run with an id, or None."""

    def run_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run."""

    def running_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run that had not ended when it was committed last."""

    def garbage(self) -> list[str]:
        """Returns the names of segments, and `files/AB/SHA256` of objects, that no run refers to any more."""

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
        self.change_count = 0
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
            self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version=1; COMMIT;")
            version = 1
        for step in range(version, _SCHEMA_VERSION):
            self._upgrade(step)

    def _upgrade(self, version: int) -> None:
        """Brings a catalog to the version after `version`, in one transaction."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _UPGRADES[version].split(";"):
                connection.execute(statement)
            if version == 1:
                for run_key, text in connection.execute("SELECT run_key, document FROM runs").fetchall():
                    files = {file["sha256"]: file["size_bytes"] for file in json.loads(text).get("files", ())}
                    self._add_uses(run_key, files)
            connection.execute(f"PRAGMA user_version={version + 1}")
            connection.execute("COMMIT")
            self.change_count += 1
        except BaseException:
            self._roll_back()
            raise

    def _add_uses(self, run_key: int, objects: Mapping[str, int]) -> None:
        self._connection.executemany(
            "INSERT INTO object_uses VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(run_key, sha256, size_bytes) for sha256, size_bytes in objects.items()],
        )

    def load_run(self, project: str, run_id: str) -> tuple[dict[str, Any], bytes, list[SegmentRow]] | None:
        """Returns a run's document, summary and segments in order, or None."""
        row = self._connection.execute(
            "SELECT run_key, document, summary FROM runs WHERE project = ? AND run_id = ?", (project, run_id)
        ).fetchone()
        if row is None:
            return None
        return json.loads(row[1]), row[2], self._segments(row[0])

    def commit_run(
        self,
        document: dict[str, Any],
        summary: bytes,
        added: Iterable[SegmentRow] = (),
        removed: Iterable[str] = (),
        objects: Mapping[str, int] = _NONE,
        start: HistoryStart | None = None,
    ) -> None:
        """Writes a run, its segments and its objects in one transaction; see `Catalog.commit_run`."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            run_key = self._write_whole(document, summary, objects)
            for name in removed:
                connection.execute("DELETE FROM segments WHERE name = ?", (name,))
                connection.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (name,))
            self._add_segments(run_key, added)
            if start is not None:
                self._begin_history(run_key, start)
            connection.execute("COMMIT")
            self.change_count += 1
        except BaseException:
            self._roll_back()
            raise

    def commit_runs(self, runs: Iterable[tuple[dict[str, Any], bytes, Mapping[str, int]]]) -> None:
        """Writes several runs in one transaction; see `Catalog.commit_runs`."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for document, summary, objects in runs:
                self._write_whole(document, summary, objects)
            connection.execute("COMMIT")
            self.change_count += 1
        except BaseException:
            self._roll_back()
            raise

    def _write_whole(self, document: dict[str, Any], summary: bytes, objects: Mapping[str, int]) -> int:
        """Writes a run with the objects that it uses, and forgets how the writers in it began; returns its key."""
        run_key = self._write_run(document, summary)
        self._add_uses(run_key, objects)
        known = [(writer["writer_id"],) for writer in document.get("writers", ())]
        self._connection.executemany("DELETE FROM writer_starts WHERE writer_id = ?", known)
        return run_key

    def _write_run(self, document: dict[str, Any], summary: bytes) -> int:
        """Writes a run's document and summary; returns its key."""
        found = self._connection.execute(
            "INSERT INTO runs (project, run_id, state, create_time, update_time, document, summary) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, run_id) DO UPDATE SET state = excluded.state, "
            "update_time = excluded.update_time, document = excluded.document, summary = excluded.summary, "
            "commit_number = commit_number + 1 RETURNING run_key",
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
        ).fetchone()
        return int(found[0])

    def _add_segments(self, run_key: int, segments: Iterable[SegmentRow]) -> None:
        self._connection.executemany(
            "INSERT INTO segments (name, run_key, position, point_count, size_bytes) VALUES (?, ?, ?, ?, ?)",
            [(each.name, run_key, each.position, each.point_count, each.size_bytes) for each in segments],
        )

    def replace_run(
        self,
        document: dict[str, Any],
        summary: bytes,
        segments: Iterable[SegmentRow],
        objects: Mapping[str, int],
    ) -> None:
        """Writes a run that was read elsewhere over what is known of it; see `Catalog.replace_run`."""
        connection, segments = self._connection, list(segments)
        connection.execute("BEGIN IMMEDIATE")
        try:
            run_key = self._write_run(document, summary)
            former = {
                name
                for (name,) in connection.execute("SELECT name FROM segments WHERE run_key = ?", (run_key,))
            }
            connection.execute("DELETE FROM segments WHERE run_key = ?", (run_key,))
            connection.executemany(
                "INSERT OR IGNORE INTO garbage VALUES (?)",
                [(name,) for name in former - {segment.name for segment in segments}],
            )
            self._add_segments(run_key, segments)
            connection.execute("DELETE FROM object_uses WHERE run_key = ?", (run_key,))
            self._add_uses(run_key, objects)
            connection.execute("COMMIT")
            self.change_count += 1
        except BaseException:
            self._roll_back()
            raise

    def commits(self) -> list[Commit]:
        """Returns how often each run was committed; see `Catalog.commits`."""
        rows = self._connection.execute(
            "SELECT project, run_id, commit_number, state = 'running' FROM runs "
            "ORDER BY state = 'running' DESC, create_time DESC"
        )
        return [Commit(project, run_id, number, bool(running)) for project, run_id, number, running in rows]

    def committed(self, project: str, run_id: str) -> Committed | None:
        """Returns a run as it was committed last, or None."""
        row = self._connection.execute(
            "SELECT run_key, commit_number, document, summary FROM runs WHERE project = ? AND run_id = ?",
            (project, run_id),
        ).fetchone()
        if row is None:
            return None
        objects = self._connection.execute(
            "SELECT sha256, size_bytes FROM object_uses WHERE run_key = ? ORDER BY size_bytes", (row[0],)
        ).fetchall()
        return Committed(row[1], json.loads(row[2]), row[3], self._segments(row[0]), dict(objects))

    def _segments(self, run_key: int) -> list[SegmentRow]:
        rows = self._connection.execute(
            "SELECT name, position, point_count, size_bytes FROM segments WHERE run_key = ? ORDER BY position",
            (run_key,),
        )
        return [SegmentRow(*row) for row in rows]

    def _begin_history(self, run_key: int, start: HistoryStart) -> None:
        connection = self._connection
        self.save_writer_start(start.writer_id, start.starting_step)
        for name in start.masked:
            connection.execute(
                "INSERT INTO masked_segments SELECT name, run_key, point_count, size_bytes, ? FROM segments "
                "WHERE name = ?",
                (start.mask_time, name),
            )
            connection.execute("DELETE FROM segments WHERE name = ?", (name,))
        if start.objects_of is not None:
            connection.execute(
                "INSERT INTO object_uses SELECT ?, sha256, object_uses.size_bytes FROM object_uses "
                "JOIN runs USING (run_key) WHERE project = ? AND run_id = ? ON CONFLICT DO NOTHING",
                (run_key, *start.objects_of),
            )

    def writer_start(self, writer_id: str) -> int | None:
        """Returns where the automatic steps of a writer begin, or None when it was never said."""
        row = self._connection.execute(
            "SELECT starting_step FROM writer_starts WHERE writer_id = ?", (writer_id,)
        ).fetchone()
        return None if row is None else int(row[0])

    def save_writer_start(self, writer_id: str, starting_step: int) -> None:
        """Says where the automatic steps of a writer begin; forgotten when a run's document has the writer."""
        self._connection.execute(
            "INSERT INTO writer_starts VALUES (?, ?) ON CONFLICT DO NOTHING", (writer_id, starting_step)
        )

    def delete_run(self, project: str, run_id: str, objects: Iterable[str] = ()) -> list[str]:
        """Deletes a run; returns what is now garbage; see `Catalog.delete_run`."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            names = [
                name
                for table in ("segments", "masked_segments")
                for (name,) in connection.execute(
                    f"SELECT name FROM {table} JOIN runs USING (run_key) WHERE project = ? AND run_id = ?",  # noqa: S608 - of the two above
                    (project, run_id),
                ).fetchall()
            ]
            used = {
                sha256
                for (sha256,) in connection.execute(
                    "SELECT sha256 FROM object_uses JOIN runs USING (run_key) WHERE project = ? AND run_id = ?",
                    (project, run_id),
                ).fetchall()
            }
            connection.execute("DELETE FROM runs WHERE project = ? AND run_id = ?", (project, run_id))
            names += [
                f"files/{sha256[:2]}/{sha256}"
                for sha256 in sorted({*used, *objects})
                if not self.is_used(sha256)
            ]
            connection.executemany("INSERT OR IGNORE INTO garbage VALUES (?)", [(name,) for name in names])
            connection.execute("COMMIT")
            self.change_count += 1
        except BaseException:
            self._roll_back()
            raise
        return names

    def is_used(self, sha256: str) -> bool:
        """Says whether some run uses an object."""
        found = self._connection.execute(
            "SELECT 1 FROM object_uses WHERE sha256 = ? LIMIT 1", (sha256,)
        ).fetchone()
        return found is not None

    def used_names(self) -> set[str]:
        """Returns the names in the object store of everything that some run uses."""
        names = {
            f"files/{sha256[:2]}/{sha256}"
            for (sha256,) in self._connection.execute("SELECT DISTINCT sha256 FROM object_uses")
        }
        for (name,) in self._connection.execute(
            "SELECT name FROM segments UNION ALL SELECT name FROM masked_segments"
        ):
            names |= {f"segments/{name}.parquet", f"segments/{name}.levels"}
        return names

    def usage(self) -> list[RunUsage]:
        """Returns what each run takes."""
        rows = self._connection.execute(
            # Each part is summed once and then joined: looked up run by run, it took minutes at 20,000 runs.
            "SELECT project, run_id, coalesce(segment_bytes, 0), coalesce(object_bytes, 0), "
            "coalesce(object_count, 0), coalesce(own_bytes, 0) FROM runs "
            "LEFT JOIN (SELECT run_key, sum(size_bytes) AS segment_bytes FROM (SELECT run_key, size_bytes FROM segments "
            "UNION ALL SELECT run_key, size_bytes FROM masked_segments) AS held GROUP BY run_key) AS points "
            "USING (run_key) "
            "LEFT JOIN (SELECT run_key, sum(size_bytes) AS object_bytes, count(*) AS object_count, "
            "sum(CASE WHEN user_count = 1 THEN size_bytes ELSE 0 END) AS own_bytes FROM object_uses "
            "JOIN (SELECT sha256, count(*) AS user_count FROM object_uses GROUP BY sha256) AS users USING (sha256) "
            "GROUP BY run_key) AS used USING (run_key)"
        ).fetchall()
        return [RunUsage(*row) for row in rows]

    def project_sizes(self) -> list[tuple[str, int]]:
        """Returns (project, size in bytes of its segments and objects) of every project; an object counts once in each."""
        return self._connection.execute(
            "SELECT project, sum(size_bytes) FROM ("
            "SELECT project, size_bytes FROM segments JOIN runs USING (run_key) UNION ALL "
            "SELECT project, size_bytes FROM masked_segments JOIN runs USING (run_key) UNION ALL "
            "SELECT project, size_bytes FROM (SELECT DISTINCT project, sha256, size_bytes "
            "FROM object_uses JOIN runs USING (run_key)) AS used) AS held GROUP BY project"
        ).fetchall()

    def save_preset(self, preset: PresetRow) -> None:
        """Saves a preset over one of the same id."""
        self._connection.execute(
            "INSERT INTO presets VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET title = excluded.title, "
            "specification = excluded.specification",
            (preset.id, preset.title, preset.specification),
        )

    def presets(self) -> list[PresetRow]:
        """Returns the saved presets, by id."""
        rows = self._connection.execute("SELECT id, title, specification FROM presets ORDER BY id")
        return [PresetRow(*row) for row in rows]

    def preset(self, preset_id: str) -> PresetRow | None:
        """Returns a saved preset, or None."""
        row = self._connection.execute(
            "SELECT id, title, specification FROM presets WHERE id = ?", (preset_id,)
        ).fetchone()
        return None if row is None else PresetRow(*row)

    def delete_preset(self, preset_id: str) -> bool:
        """Deletes a saved preset; returns whether it was there."""
        return self._connection.execute("DELETE FROM presets WHERE id = ?", (preset_id,)).rowcount > 0

    def save_view(self, view: ViewRow, count_max: int) -> bool:
        """Saves a view over one of the same project and id; returns False for one too many, which is not saved."""
        saved = self._connection.execute(
            "INSERT INTO views SELECT ?, ?, ?, ?, ? WHERE "
            "(SELECT count(*) FROM views WHERE project = ? AND id <> ?) < ? "
            "ON CONFLICT (project, id) DO UPDATE SET name = excluded.name, update_time = excluded.update_time, "
            "document = excluded.document",
            (
                *(view.project, view.id, view.name, view.update_time, view.document),
                *(view.project, view.id, count_max),
            ),
        )
        return saved.rowcount > 0

    def views(self, project: str) -> list[ViewRow]:
        """Returns the saved views of a project, last saved first, without their documents."""
        rows = self._connection.execute(
            "SELECT project, id, name, update_time FROM views WHERE project = ? ORDER BY update_time DESC, id",
            (project,),
        )
        return [ViewRow(*row) for row in rows]

    def view(self, project: str, view_id: str) -> ViewRow | None:
        """Returns a saved view, or None."""
        row = self._connection.execute(
            "SELECT project, id, name, update_time, document FROM views WHERE project = ? AND id = ?",
            (project, view_id),
        ).fetchone()
        return None if row is None else ViewRow(*row)

    def delete_view(self, project: str, view_id: str) -> bool:
        """Deletes a saved view; returns whether it was there."""
        deleted = self._connection.execute(
            "DELETE FROM views WHERE project = ? AND id = ?", (project, view_id)
        )
        return deleted.rowcount > 0

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

    def project_commits(self, project: str) -> dict[str, tuple[int, int]]:
        """Returns (create time, commit number) of each run of a project by id."""
        rows = self._connection.execute(
            "SELECT run_id, create_time, commit_number FROM runs WHERE project = ?", (project,)
        )
        return {run_id: (create_time, number) for run_id, create_time, number in rows}

    def document_texts(self, project: str, run_ids: Sequence[str]) -> dict[str, str]:
        """Returns the documents of runs of a project by id, as JSON."""
        found: dict[str, str] = {}
        for run_id in run_ids:  # each by the index; a list of values would be pasted SQL
            row = self._connection.execute(
                "SELECT document FROM runs WHERE project = ? AND run_id = ?", (project, run_id)
            ).fetchone()
            if row is not None:
                found[run_id] = row[0]
        return found

    def create_times(self, project: str | None) -> list[tuple[str, str, int]]:
        """Returns (project, run id, create time) of a project's runs, or of all."""
        where, values = ("", ()) if project is None else ("WHERE project = ?", (project,))
        return self._connection.execute(
            f"SELECT project, run_id, create_time FROM runs {where}",  # noqa: S608 - no value is pasted
            values,
        ).fetchall()

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
