"""Owns the catalog: which runs there are, what they look like, their segments, and how far each writer is sealed.

Invariants: `commit_run` is one transaction, and is the exactly-once of the store: a run's document, its segments and its
writers' sealed sequences change together or not at all. What stands here can be made again from logs and segments, but for
what only a person said (deletions).

The questions are asked here, once, in SQL that SQLite and PostgreSQL both understand; `sqlite_catalog` and
`postgres_catalog` say how each is reached. SQLAlchemy was measured at 234 ms of import and 13 MB of memory in a daemon that
must start in 0.1 s and idle in 60 MB, and is not used here.
"""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from trackd_service import catalog_schema, catalog_tables
from trackd_service.catalog_tables import Bulk, HistoryStart, SegmentRow, Tables

_log = logging.getLogger("trackd.catalog")

LoadedRun: TypeAlias = tuple[dict[str, Any], bytes, list[SegmentRow]]
_NONE: Mapping[str, int] = {}


class CatalogTooNew(RuntimeError):
    """The catalog was written by a newer trackd."""


class CatalogTooOld(RuntimeError):
    """The catalog is not up to date, and whoever has opened it may not change it."""


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


class Catalog(ABC):
    """What the store needs of a catalog.

    Attributes:
        change_count: Grows with each run that this process commits or deletes, or learns to have been by another one; may be
            read from any thread.
        thread_count: How many threads may use it at once.
        replacement_count: Grows when this process learns that another catalog has come into the place of this one: a run of
            the same commit number may be another one.
        keeps_nul: Whether a text may hold a NUL.
    """

    change_count = 0
    thread_count = 1
    replacement_count = 0
    keeps_nul = True

    @abstractmethod
    def reading(self) -> AbstractContextManager[Tables]:
        """Gives the tables for questions."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Tables]:
        """Gives the tables for one transaction: all of it is there and durable when this ends, or nothing."""

    def write_aside(self, what: str, statement: str, *arguments: Any) -> None:
        """Writes what the request at hand does not depend on: where that fails, the log says so, and nobody else."""
        try:
            with self.writing() as tables:
                tables.execute(statement, arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the request has nothing to do with it
            _log.warning("%s could not be written: %s", what, error)

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Bulk]:
        """Gives the tables of one moment, for all that they hold; nobody who writes waits for that."""

    @abstractmethod
    def loading(self, names: Sequence[str]) -> AbstractContextManager[Bulk]:
        """Gives tables for one transaction that fills them; nobody else writes them until it ends.

        From then on it is another catalog to those who follow it.
        """

    @abstractmethod
    def close(self) -> None:
        """Closes the catalog."""

    @abstractmethod
    def clock(self, tables: Tables) -> int:
        """Returns the time by the database's clock, in microseconds since 1970: the one clock that all replicas share."""

    @abstractmethod
    def hold_listing(self, tables: Tables, *, is_alone: bool) -> None:
        """Has what runs list stand still until the transaction ends.

        Who lists files takes it together with others; who judges that files are listed nowhere takes it alone.
        """

    def _migrate(self, tables: Tables, version: int) -> None:
        """Brings the tables to the version after `version`, 0 for no tables, as a part of a transaction."""
        for statement in catalog_schema.statements(version):
            tables.execute(statement)
        if version == 1:
            for run_key, text in tables.execute("SELECT run_key, document FROM runs").fetchall():
                files = {file["sha256"]: file["size_bytes"] for file in json.loads(text).get("files", ())}
                catalog_tables.add_uses(tables, run_key, files)

    # -- runs ------------------------------------------------------------------------------------------------------

    def load_run(self, project: str, run_id: str) -> LoadedRun | None:
        """Returns a run's document, summary and segments in order, or None."""
        return self.load_runs(project, [run_id]).get(run_id)

    def load_runs(self, project: str, run_ids: Sequence[str]) -> dict[str, LoadedRun]:
        """Returns what `load_run` does, of runs of a project by id; those that are not there are left out."""
        found: dict[str, LoadedRun] = {}
        with self.reading() as tables:
            for some in catalog_tables.chunks(run_ids):
                rows = tables.execute(
                    "SELECT run_key, run_id, document, summary FROM runs "  # noqa: S608 - no value is pasted
                    f"WHERE project = ? AND run_id IN {catalog_tables.places(some)}",
                    (project, *some),
                ).fetchall()
                segments = catalog_tables.read_segments(tables, [row[0] for row in rows])
                for run_key, run_id, document, summary in rows:
                    found[run_id] = json.loads(document), summary, segments.get(run_key, [])
        return {run_id: found[run_id] for run_id in run_ids if run_id in found}

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
        with self.writing() as tables:
            run_key = catalog_tables.write_whole(tables, document, summary, objects)
            for name in removed:
                tables.execute("DELETE FROM segments WHERE name = ?", (name,))
                tables.execute(catalog_tables.ADD_GARBAGE, (name,))
            catalog_tables.add_segments(tables, run_key, added)
            if start is not None:
                catalog_tables.begin_history(tables, run_key, start)
        self.change_count += 1

    def commit_runs(self, runs: Iterable[tuple[dict[str, Any], bytes, Mapping[str, int]]]) -> None:
        """Writes documents, summaries and objects of several runs as `commit_run` does, all in one transaction."""
        with self.writing() as tables:
            for document, summary, objects in runs:
                catalog_tables.write_whole(tables, document, summary, objects)
        self.change_count += 1

    def replace_run(
        self,
        document: dict[str, Any],
        summary: bytes,
        segments: Iterable[SegmentRow],
        objects: Mapping[str, int],
    ) -> None:
        """Writes a run that was read elsewhere over what is known of it, in one transaction; what it had becomes garbage."""
        with self.writing() as tables:
            catalog_tables.replace_run(tables, document, summary, list(segments), objects)
        self.change_count += 1

    @abstractmethod
    def hold_run(self, tables: Tables, project: str, run_id: str) -> None:
        """Has nobody else write a run until the transaction ends."""

    # -- lists of commits ------------------------------------------------------------------------------------------

    def commits(self) -> list[Commit]:
        """Returns how often each run was committed, those that run first, then the newest first."""
        with self.reading() as tables:
            rows = tables.execute(
                "SELECT project, run_id, commit_number, state = 'running' FROM runs "
                "ORDER BY state = 'running' DESC, create_time DESC"
            ).fetchall()
        return [Commit(project, run_id, number, bool(running)) for project, run_id, number, running in rows]

    def committed(self, project: str, run_id: str) -> Committed | None:
        """Returns a run as it was committed last, or None."""
        with self.reading() as tables:
            row = tables.execute(
                "SELECT run_key, commit_number, document, summary FROM runs WHERE project = ? AND run_id = ?",
                (project, run_id),
            ).fetchone()
            if row is None:
                return None
            objects = tables.execute(
                "SELECT sha256, size_bytes FROM object_uses WHERE run_key = ? ORDER BY size_bytes", (row[0],)
            ).fetchall()
            return Committed(
                row[1],
                json.loads(row[2]),
                row[3],
                catalog_tables.read_segments(tables, [row[0]]).get(row[0], []),
                dict(objects),
            )

    def writer_start(self, writer_id: str) -> int | None:
        """Returns where the automatic steps of a writer begin, or None when it was never said."""
        with self.reading() as tables:
            row = tables.execute(
                "SELECT starting_step FROM writer_starts WHERE writer_id = ?", (writer_id,)
            ).fetchone()
        return None if row is None else int(row[0])

    def save_writer_start(self, writer_id: str, starting_step: int) -> None:
        """Says where the automatic steps of a writer begin; forgotten when a run's document has the writer."""
        with self.writing() as tables:
            tables.execute(catalog_tables.ADD_WRITER_START, (writer_id, starting_step))

    def delete_run(self, project: str, run_id: str, objects: Iterable[str] = ()) -> list[str]:
        """Deletes a run; returns what is now garbage: its segments, and `files/AB/SHA256` of objects nobody else uses.

        `objects` are those that it uses beside the ones in the catalog.
        """
        with self.writing() as tables:
            names = catalog_tables.delete_run(tables, project, run_id, objects)
        self.change_count += 1
        return names

    # -- space -----------------------------------------------------------------------------------------------------

    def is_used(self, sha256: str) -> bool:
        """Says whether some run uses an object."""
        with self.reading() as tables:
            return catalog_tables.is_used(tables, sha256)

    def uses_of_project(self, project: str, hashes: Sequence[str]) -> set[str]:
        """Returns those of the objects, by their sha256, that some run of a project uses."""
        with self.reading() as tables:
            return catalog_tables.uses_of(tables, project, hashes)

    def projects_with(self, sha256: str) -> list[str]:
        """Returns the projects whose runs use an object."""
        with self.reading() as tables:
            rows = tables.execute(
                "SELECT DISTINCT project FROM object_uses JOIN runs USING (run_key) WHERE sha256 = ?",
                (sha256,),
            ).fetchall()
        return [project for (project,) in rows]

    def used_names(self) -> set[str]:
        """Returns the names in the object store of everything that some run uses."""
        with self.reading() as tables:
            names = {
                f"files/{sha256[:2]}/{sha256}"
                for (sha256,) in tables.execute("SELECT DISTINCT sha256 FROM object_uses")
            }
            for (name,) in tables.execute(
                "SELECT name FROM segments UNION ALL SELECT name FROM masked_segments"
            ):
                names |= {f"segments/{name}.parquet", f"segments/{name}.levels"}
        return names

    def usage(self) -> list[RunUsage]:
        """Returns what each run takes."""
        with self.reading() as tables:
            rows = tables.execute(
                # Each part is summed once and then joined: looked up run by run, it took minutes at 20,000 runs.
                "SELECT project, run_id, coalesce(segment_bytes, 0), coalesce(object_bytes, 0), "
                "coalesce(object_count, 0), coalesce(own_bytes, 0) FROM runs "
                "LEFT JOIN (SELECT run_key, CAST(sum(size_bytes) AS BIGINT) AS segment_bytes "
                "FROM (SELECT run_key, size_bytes FROM segments "
                "UNION ALL SELECT run_key, size_bytes FROM masked_segments) AS held GROUP BY run_key) AS points "
                "USING (run_key) "
                "LEFT JOIN (SELECT run_key, CAST(sum(size_bytes) AS BIGINT) AS object_bytes, count(*) AS object_count, "
                "CAST(sum(CASE WHEN user_count = 1 THEN size_bytes ELSE 0 END) AS BIGINT) AS own_bytes FROM object_uses "
                "JOIN (SELECT sha256, count(*) AS user_count FROM object_uses GROUP BY sha256) AS users USING (sha256) "
                "GROUP BY run_key) AS used USING (run_key)"
            ).fetchall()
        return [RunUsage(*row) for row in rows]

    def project_sizes(self) -> list[tuple[str, int]]:
        """Returns (project, size in bytes of its segments and objects) of every project; an object counts once in each."""
        with self.reading() as tables:
            return tables.execute(
                "SELECT project, CAST(sum(size_bytes) AS BIGINT) FROM ("
                "SELECT project, size_bytes FROM segments JOIN runs USING (run_key) UNION ALL "
                "SELECT project, size_bytes FROM masked_segments JOIN runs USING (run_key) UNION ALL "
                "SELECT project, size_bytes FROM (SELECT DISTINCT project, sha256, size_bytes "
                "FROM object_uses JOIN runs USING (run_key)) AS used) AS held GROUP BY project"
            ).fetchall()

    def garbage(self) -> list[str]:
        """Returns the names of segments, and `files/AB/SHA256` of objects, that no run refers to any more."""
        with self.reading() as tables:
            return [name for (name,) in tables.execute("SELECT name FROM garbage").fetchall()]

    def forget_garbage(self, names: Iterable[str]) -> None:
        """Forgets segments whose files are deleted."""
        with self.writing() as tables:
            tables.executemany("DELETE FROM garbage WHERE name = ?", [(name,) for name in names])

    # -- presets and views -----------------------------------------------------------------------------------------

    def save_preset(self, preset: PresetRow) -> None:
        """Saves a preset over one of the same id."""
        with self.writing() as tables:
            tables.execute(
                "INSERT INTO presets VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET title = excluded.title, "
                "specification = excluded.specification",
                (preset.id, preset.title, preset.specification),
            )

    def presets(self) -> list[PresetRow]:
        """Returns the saved presets, by id."""
        with self.reading() as tables:
            rows = tables.execute("SELECT id, title, specification FROM presets ORDER BY id").fetchall()
        return [PresetRow(*row) for row in rows]

    def preset(self, preset_id: str) -> PresetRow | None:
        """Returns a saved preset, or None."""
        with self.reading() as tables:
            row = tables.execute(
                "SELECT id, title, specification FROM presets WHERE id = ?", (preset_id,)
            ).fetchone()
        return None if row is None else PresetRow(*row)

    def delete_preset(self, preset_id: str) -> bool:
        """Deletes a saved preset; returns whether it was there."""
        with self.writing() as tables:
            return tables.execute("DELETE FROM presets WHERE id = ?", (preset_id,)).rowcount > 0

    def save_view(self, view: ViewRow, count_max: int) -> bool:
        """Saves a view over one of the same project and id; returns False for one too many, which is not saved."""
        with self.writing() as tables:
            saved = tables.execute(
                "INSERT INTO views SELECT ?, ?, ?, ?, ? WHERE "
                "(SELECT count(*) FROM views WHERE project = ? AND id <> ?) < ? "
                "ON CONFLICT (project, id) DO UPDATE SET name = excluded.name, "
                "update_time = excluded.update_time, document = excluded.document",
                (
                    *(view.project, view.id, view.name, view.update_time, view.document),
                    *(view.project, view.id, count_max),
                ),
            )
            return saved.rowcount > 0

    def views(self, project: str) -> list[ViewRow]:
        """Returns the saved views of a project, last saved first, without their documents."""
        with self.reading() as tables:
            rows = tables.execute(
                "SELECT project, id, name, update_time FROM views WHERE project = ? ORDER BY update_time DESC, id",
                (project,),
            ).fetchall()
        return [ViewRow(*row) for row in rows]

    def view(self, project: str, view_id: str) -> ViewRow | None:
        """Returns a saved view, or None."""
        with self.reading() as tables:
            row = tables.execute(
                "SELECT project, id, name, update_time, document FROM views WHERE project = ? AND id = ?",
                (project, view_id),
            ).fetchone()
        return None if row is None else ViewRow(*row)

    def delete_view(self, project: str, view_id: str) -> bool:
        """Deletes a saved view; returns whether it was there."""
        with self.writing() as tables:
            deleted = tables.execute("DELETE FROM views WHERE project = ? AND id = ?", (project, view_id))
            return deleted.rowcount > 0

    # -- lists -----------------------------------------------------------------------------------------------------

    def projects(self) -> list[tuple[str, int, int]]:
        """Returns (project, run count, time of last change in nanoseconds) of every project."""
        with self.reading() as tables:
            return tables.execute(
                "SELECT project, count(*), max(update_time) FROM runs GROUP BY project"
            ).fetchall()

    def documents(self, project: str | None) -> list[dict[str, Any]]:
        """Returns the documents of a project's runs, or of all, newest first."""
        where, values = _of_project(project)
        with self.reading() as tables:
            rows = tables.execute(
                f"SELECT document FROM runs {where} ORDER BY create_time DESC",  # noqa: S608 - no value is pasted
                values,
            )
            return [json.loads(document) for (document,) in rows]

    def project_commits(self, project: str) -> dict[str, tuple[int, int]]:
        """Returns (create time, commit number) of each run of a project by id: equal ones mean that nothing was committed."""
        with self.reading() as tables:
            rows = tables.execute(
                "SELECT run_id, create_time, commit_number FROM runs WHERE project = ?", (project,)
            )
            return {run_id: (create_time, number) for run_id, create_time, number in rows}

    def document_texts(self, project: str, run_ids: Sequence[str]) -> dict[str, str]:
        """Returns the documents of runs of a project by id, as JSON; those that are not there are left out."""
        found: dict[str, str] = {}
        with self.reading() as tables:
            for some in catalog_tables.chunks(run_ids):
                found |= tables.execute(
                    f"SELECT run_id, document FROM runs WHERE project = ? AND run_id IN {catalog_tables.places(some)}",  # noqa: S608 - no value is pasted
                    (project, *some),
                ).fetchall()
        return {run_id: found[run_id] for run_id in run_ids if run_id in found}

    def create_times(self, project: str | None) -> list[tuple[str, str, int]]:
        """Returns (project, run id, create time) of a project's runs, or of all."""
        where, values = _of_project(project)
        with self.reading() as tables:
            return tables.execute(
                f"SELECT project, run_id, create_time FROM runs {where}",  # noqa: S608 - no value is pasted
                values,
            ).fetchall()

    def find_project(self, run_id: str) -> str | None:
        """Returns the project of the newest run with an id, or None."""
        with self.reading() as tables:
            row = tables.execute(
                "SELECT project FROM runs WHERE run_id = ? ORDER BY create_time DESC LIMIT 1", (run_id,)
            ).fetchone()
        return None if row is None else str(row[0])

    def run_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run."""
        with self.reading() as tables:
            return tables.execute("SELECT project, run_id FROM runs").fetchall()

    def running_keys(self) -> list[tuple[str, str]]:
        """Returns (project, run id) of every run that had not ended when it was committed last."""
        with self.reading() as tables:
            return tables.execute("SELECT project, run_id FROM runs WHERE state = 'running'").fetchall()


def _of_project(project: str | None) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if project is None else ("WHERE project = ?", (project,))
