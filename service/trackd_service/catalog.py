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
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from trackd_service import catalog_schema, unlisted

_NONE: Mapping[str, int] = {}
_VALUES_MAX = 500  # of one statement; SQLite before 3.32 takes 999


class CatalogTooNew(RuntimeError):
    """The catalog was written by a newer trackd."""


class CatalogTooOld(RuntimeError):
    """The catalog is not up to date, and whoever has opened it may not change it."""


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
class Compaction:
    """A segment that a server has made of several neighbours, `replaced`, their names in order; facts as of its files."""

    name: str
    point_count: int
    parquet_bytes: int
    parquet_sha256: str
    levels_bytes: int
    levels_sha256: str
    replaced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceivedRun:
    """A run as several stores have sent it, put together: what a catalog keeps of it.

    Attributes:
        document: As of `commit_run`.
        summary: As of `commit_run`.
        segments: Its segments in order.
        objects: Size in bytes by sha256 of its objects.
        files: (name in the object store, size in bytes, sha256) of the files of its segments, and of those that compactions
            have taken the place of: a store may replace one of these by another.
        compactions: The names of the compactions that hold; the others are void, for ever.
    """

    document: dict[str, Any]
    summary: bytes
    segments: list[SegmentRow]
    objects: dict[str, int]
    files: list[tuple[str, int, str]]
    compactions: frozenset[str] = frozenset()


# Makes one run of what each store says, of the changes that people have made of it, and of compactions.
Combine: TypeAlias = Callable[[Sequence[bytes], str, Sequence[Compaction]], ReceivedRun]


@dataclass(frozen=True, slots=True)
class CrowdedRun:
    """A run with many segments: how many, how often it was committed, and whether it had not ended then."""

    project: str
    run_id: str
    commit_number: int
    is_running: bool
    segment_count: int


@dataclass(frozen=True, slots=True)
class SentRun:
    """What stores have sent of a run, for a compaction: see `Catalog.receive`."""

    commit_number: int
    contents: list[bytes]
    edits: str
    compactions: list[Compaction]


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


class Cursor(Protocol):
    """What a statement has found."""

    @property
    def rowcount(self) -> int:
        """How many rows it has changed."""

    def fetchone(self) -> Any:
        """Returns the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Returns all rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Tables(Protocol):
    """The tables of a catalog, for the time of one transaction or one question."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Runs a statement, in which `?` stands for each value."""

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> object:
        """Runs a statement for each row of values."""


class Bulk(Tables, Protocol):
    """The tables of a catalog, for all that they hold; memory holds a few rows of them at a time."""

    def scan(
        self, table: str, columns: Sequence[str], key: Sequence[str]
    ) -> Generator[Sequence[Any], None, None]:
        """Yields all rows of a table, by its primary key; to be closed before the catalog is."""

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Writes rows into a table."""


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
                _add_uses(tables, run_key, files)

    # -- runs ------------------------------------------------------------------------------------------------------

    def load_run(self, project: str, run_id: str) -> tuple[dict[str, Any], bytes, list[SegmentRow]] | None:
        """Returns a run's document, summary and segments in order, or None."""
        with self.reading() as tables:
            row = tables.execute(
                "SELECT run_key, document, summary FROM runs WHERE project = ? AND run_id = ?",
                (project, run_id),
            ).fetchone()
            return None if row is None else (json.loads(row[1]), row[2], _segments(tables, row[0]))

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
            run_key = _write_whole(tables, document, summary, objects)
            for name in removed:
                tables.execute("DELETE FROM segments WHERE name = ?", (name,))
                tables.execute(_ADD_GARBAGE, (name,))
            _add_segments(tables, run_key, added)
            if start is not None:
                _begin_history(tables, run_key, start)
        self.change_count += 1

    def commit_runs(self, runs: Iterable[tuple[dict[str, Any], bytes, Mapping[str, int]]]) -> None:
        """Writes documents, summaries and objects of several runs as `commit_run` does, all in one transaction."""
        with self.writing() as tables:
            for document, summary, objects in runs:
                _write_whole(tables, document, summary, objects)
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
            _replace_run(tables, document, summary, list(segments), objects)
        self.change_count += 1

    # -- runs that other stores send -------------------------------------------------------------------------------

    def receive(
        self,
        project: str,
        run_id: str,
        store_id: str,
        content: bytes,
        replaces: Callable[[bytes, bytes], bool],
        combine: Combine,
        looked: int | None = None,
    ) -> bool:
        """Takes what a store says of a run, and writes the run as all stores together say it; in one transaction.

        Sent again, or late, it changes nothing. Compactions of the run that do not fit what it says any more are void.

        Args:
            project: The run's project.
            run_id: Its id.
            store_id: Which store.
            content: What it says.
            replaces: Tells of (what it said before, what it says now) whether the latter is newer.
            combine: Makes one run of it all.
            looked: What `find_unlisted` said first, before files that no run lists were found in the bucket; None for now.

        Returns:
            False where the run was deleted here: nothing is written.

        Raises:
            FilesGone: Files of it are deleted from the bucket, or about to be.
            LookedTooLongAgo: Somebody is to look for its files again.
        """
        with self.writing() as tables:
            self._hold(tables, project, run_id)
            if tables.execute(
                "SELECT 1 FROM deleted_runs WHERE project = ? AND run_id = ?", (project, run_id)
            ).fetchone():
                return False
            run_key, edits, contents, compactions = _received(tables, project, run_id)
            former = contents.get(store_id)
            if former is not None and not replaces(former, content):
                return True
            contents[store_id] = content
            received = combine(list(contents.values()), edits, compactions)
            self.hold_listing(tables, is_alone=False)
            unlisted.relist(tables, _new_files(tables, run_key, received), looked)
            run_key = _write_received(tables, received)
            tables.execute(
                "INSERT INTO manifests VALUES (?, ?, ?) ON CONFLICT (run_key, store_id) DO UPDATE SET "
                "content = excluded.content",
                (run_key, store_id, content),
            )
        self.change_count += 1
        return True

    def edit_received(
        self,
        project: str,
        run_id: str,
        change: Callable[[str], str],
        combine: Combine,
    ) -> bool:
        """Changes what people have changed of a run that was received; returns False where there is none."""
        with self.writing() as tables:
            self._hold(tables, project, run_id)
            run_key, edits, contents, compactions = _received(tables, project, run_id)
            if run_key is None or not contents:
                return False
            edits = change(edits)
            _write_received(tables, combine(list(contents.values()), edits, compactions))
            tables.execute("UPDATE runs SET edits = ? WHERE run_key = ?", (edits, run_key))
        self.change_count += 1
        return True

    def crowded_runs(self, segment_count: int) -> list[CrowdedRun]:
        """Returns the runs that stores have sent, and that have so many segments, or several and have ended."""
        with self.reading() as tables:
            rows = tables.execute(
                "SELECT project, run_id, commit_number, state = 'running', segment_count FROM runs JOIN "
                "(SELECT run_key, count(*) AS segment_count FROM segments GROUP BY run_key HAVING count(*) > 1) AS counted "
                "USING (run_key) WHERE (state <> 'running' OR segment_count >= ?) AND EXISTS "
                "(SELECT 1 FROM manifests WHERE manifests.run_key = runs.run_key) ORDER BY segment_count DESC, run_key",
                (segment_count,),
            ).fetchall()
        return [
            CrowdedRun(project, run_id, number, bool(running), count)
            for project, run_id, number, running, count in rows
        ]

    def sent_run(self, project: str, run_id: str) -> SentRun | None:
        """Returns what stores have sent of a run, or None."""
        with self.reading() as tables:
            row = tables.execute(
                "SELECT commit_number FROM runs WHERE project = ? AND run_id = ?", (project, run_id)
            ).fetchone()
            _, edits, contents, compactions = _received(tables, project, run_id)
        return SentRun(row[0], list(contents.values()), edits, compactions) if row and contents else None

    def compact(
        self,
        project: str,
        run_id: str,
        compaction: Compaction,
        combine: Combine,
        check: Callable[[Tables], object],
        looked: int | None = None,
    ) -> bool:
        """Puts a compaction in the place of the segments that it replaces, and of older compactions of these.

        Args:
            project: The run's project.
            run_id: Its id.
            compaction: The segment; its files are in the bucket.
            combine: As of `receive`.
            check: Called in the same transaction: raises an error where nothing is to be written.
            looked: As of `receive`.

        Returns:
            False where what it replaces is not there as it was any more: nothing is written.

        Raises:
            FilesGone, LookedTooLongAgo: As of `receive`.
        """
        with self.writing() as tables:
            check(tables)
            self._hold(tables, project, run_id)
            run_key, edits, contents, compactions = _received(tables, project, run_id)
            if run_key is None or not contents:
                return False
            replaced = set(compaction.replaced)
            others = [each for each in compactions if not replaced.issuperset(each.replaced)]
            received = combine(list(contents.values()), edits, [*others, compaction])
            if not received.compactions.issuperset([compaction.name, *(each.name for each in others)]):
                return False
            self.hold_listing(tables, is_alone=False)
            unlisted.relist(tables, _new_files(tables, run_key, received), looked)
            tables.execute(
                "INSERT INTO compactions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(compaction.name, run_key, compaction.point_count, compaction.parquet_bytes),
                    *(compaction.parquet_sha256, compaction.levels_bytes, compaction.levels_sha256),
                    json.dumps(compaction.replaced),
                ),
            )
            _write_received(tables, received)
        self.change_count += 1
        return True

    def find_unlisted(self, names: Sequence[str], project: str | None = None) -> tuple[int, list[str]]:
        """Returns the number of the last deletion in the bucket, and those of some files that no run lists.

        With a project these are the files that no run of it lists: what other projects have, it is not told.
        """
        with self.reading() as tables:
            number = unlisted.last_deletion(tables)
            if project is None:
                known = unlisted.listed(tables, names)
            else:
                objects = {name.rpartition("/")[2]: name for name in names if name.startswith("files/")}
                known = unlisted.listed(tables, [name for name in names if not name.startswith("files/")])
                known |= {objects[sha256] for sha256 in _uses(tables, project, list(objects))}
        return number, [name for name in names if name not in known]

    def expect_files(self, names: Sequence[str]) -> list[str]:
        """Takes that files are about to be put; returns those that cannot be yet, as they may be deleted just now."""
        with self.reading() as tables:
            if not unlisted.is_any_noted(tables, names):
                return []
        with self.writing() as tables:
            unlisted.expect(tables, names)
            return unlisted.condemned(tables, names)

    def delete_received(
        self, project: str, run_id: str, delete_time: int, note: Callable[[Tables], object] | None = None
    ) -> list[str]:
        """Deletes a run like `delete_run`, for good: what stores still send of it is not taken.

        `note` is called in the same transaction: what is written of who did it is there with it, or neither is.
        """
        with self.writing() as tables:
            if note is not None:
                note(tables)
            self._hold(tables, project, run_id)
            tables.execute(
                "INSERT INTO deleted_runs VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (project, run_id, delete_time),
            )
            names = _delete_run(tables, project, run_id, ())
        self.change_count += 1
        return names

    def sent_files(self, names: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Returns the size in bytes and the sha256 of files of segments that were sent, by name."""
        found: dict[str, tuple[int, str]] = {}
        with self.reading() as tables:
            for some in _chunks(names):
                rows = tables.execute(
                    f"SELECT name, size_bytes, sha256 FROM sent_files WHERE name IN {_places(some)}",  # noqa: S608 - no value is pasted
                    some,
                ).fetchall()
                found |= {name: (size_bytes, sha256) for name, size_bytes, sha256 in rows}
        return found

    @abstractmethod
    def _hold(self, tables: Tables, project: str, run_id: str) -> None:
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
            return Committed(row[1], json.loads(row[2]), row[3], _segments(tables, row[0]), dict(objects))

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
            tables.execute(_ADD_WRITER_START, (writer_id, starting_step))

    def delete_run(self, project: str, run_id: str, objects: Iterable[str] = ()) -> list[str]:
        """Deletes a run; returns what is now garbage: its segments, and `files/AB/SHA256` of objects nobody else uses.

        `objects` are those that it uses beside the ones in the catalog.
        """
        with self.writing() as tables:
            names = _delete_run(tables, project, run_id, objects)
        self.change_count += 1
        return names

    # -- space -----------------------------------------------------------------------------------------------------

    def is_used(self, sha256: str) -> bool:
        """Says whether some run uses an object."""
        with self.reading() as tables:
            return _is_used(tables, sha256)

    def uses_of_project(self, project: str, hashes: Sequence[str]) -> set[str]:
        """Returns those of the objects, by their sha256, that some run of a project uses."""
        with self.reading() as tables:
            return _uses(tables, project, hashes)

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
            for some in _chunks(run_ids):
                found |= tables.execute(
                    f"SELECT run_id, document FROM runs WHERE project = ? AND run_id IN {_places(some)}",  # noqa: S608 - no value is pasted
                    (project, *some),
                ).fetchall()
        return {run_id: found[run_id] for run_id in run_ids if run_id in found}

    def segment_names(self, project: str, run_ids: Sequence[str]) -> list[str]:
        """Returns the names of the segments of runs of a project."""
        found: list[str] = []
        with self.reading() as tables:
            for some in _chunks(run_ids):
                rows = tables.execute(
                    "SELECT name FROM segments JOIN runs USING (run_key) "  # noqa: S608 - no value is pasted
                    f"WHERE project = ? AND run_id IN {_places(some)}",
                    (project, *some),
                ).fetchall()
                found += [name for (name,) in rows]
        return found

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


_ADD_GARBAGE = "INSERT INTO garbage VALUES (?) ON CONFLICT DO NOTHING"
_ADD_WRITER_START = "INSERT INTO writer_starts VALUES (?, ?) ON CONFLICT DO NOTHING"


def _of_project(project: str | None) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if project is None else ("WHERE project = ?", (project,))


def _write_whole(tables: Tables, document: dict[str, Any], summary: bytes, objects: Mapping[str, int]) -> int:
    """Writes a run with the objects that it uses, and forgets how the writers in it began; returns its key."""
    run_key = _write_run(tables, document, summary)
    _add_uses(tables, run_key, objects)
    known = [(writer["writer_id"],) for writer in document.get("writers", ())]
    tables.executemany("DELETE FROM writer_starts WHERE writer_id = ?", known)
    return run_key


def _write_run(tables: Tables, document: dict[str, Any], summary: bytes) -> int:
    """Writes a run's document and summary; returns its key."""
    found = tables.execute(
        "INSERT INTO runs (project, run_id, state, create_time, update_time, document, summary) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, run_id) DO UPDATE SET state = excluded.state, "
        "update_time = excluded.update_time, document = excluded.document, summary = excluded.summary, "
        "commit_number = runs.commit_number + 1 RETURNING run_key",
        (
            document["project"],
            document["run_id"],
            document["state"],
            document["create_time"],
            document["update_time"],
            # A lone surrogate, which JSON escapes, cannot otherwise be stored as text; nor, in PostgreSQL, can a NUL.
            json.dumps(document),
            summary,
        ),
    ).fetchone()
    return int(found[0])


def _delete_run(tables: Tables, project: str, run_id: str, objects: Iterable[str]) -> list[str]:
    """Deletes a run and notes what is garbage now; returns that."""
    names = [
        name
        for table in ("segments", "masked_segments")
        for (name,) in tables.execute(
            f"SELECT name FROM {table} JOIN runs USING (run_key) WHERE project = ? AND run_id = ?",  # noqa: S608 - of the two above
            (project, run_id),
        ).fetchall()
    ]
    sent = tables.execute(
        "SELECT name FROM sent_files JOIN runs USING (run_key) WHERE project = ? AND run_id = ?",
        (project, run_id),
    ).fetchall()
    names += sorted(_segments_of(name for (name,) in sent) - set(names))
    used = {
        sha256
        for (sha256,) in tables.execute(
            "SELECT sha256 FROM object_uses JOIN runs USING (run_key) WHERE project = ? AND run_id = ?",
            (project, run_id),
        ).fetchall()
    }
    tables.execute("DELETE FROM runs WHERE project = ? AND run_id = ?", (project, run_id))
    names += [
        f"files/{sha256[:2]}/{sha256}" for sha256 in sorted({*used, *objects}) if not _is_used(tables, sha256)
    ]
    tables.executemany(_ADD_GARBAGE, [(name,) for name in names])
    return names


def _replace_run(
    tables: Tables,
    document: dict[str, Any],
    summary: bytes,
    segments: Sequence[SegmentRow],
    objects: Mapping[str, int],
    kept: Collection[str] = (),
) -> int:
    """Writes a run over what is known of it; what it had becomes garbage, but for what is kept. Returns its key."""
    run_key = _write_run(tables, document, summary)
    former = {
        name
        for (name,) in tables.execute("SELECT name FROM segments WHERE run_key = ?", (run_key,)).fetchall()
    }
    tables.execute("DELETE FROM segments WHERE run_key = ?", (run_key,))
    gone = former - {segment.name for segment in segments} - set(kept)
    tables.executemany(_ADD_GARBAGE, [(name,) for name in sorted(gone)])
    _add_segments(tables, run_key, segments)
    tables.execute("DELETE FROM object_uses WHERE run_key = ?", (run_key,))
    _add_uses(tables, run_key, objects)
    return run_key


def _received(
    tables: Tables, project: str, run_id: str
) -> tuple[int | None, str, dict[str, bytes], list[Compaction]]:
    """Returns a run's key, None for none, the changes that people made of it, what each store says, and its compactions."""
    row = tables.execute(
        "SELECT run_key, edits FROM runs WHERE project = ? AND run_id = ?", (project, run_id)
    ).fetchone()
    if row is None:
        return None, "", {}, []
    rows = tables.execute("SELECT store_id, content FROM manifests WHERE run_key = ?", (row[0],)).fetchall()
    compactions = tables.execute(
        "SELECT name, point_count, parquet_bytes, parquet_sha256, levels_bytes, levels_sha256, replaced FROM compactions "
        "WHERE run_key = ? ORDER BY name",
        (row[0],),
    ).fetchall()
    return (
        row[0],
        row[1],
        {store_id: bytes(content) for store_id, content in rows},
        [
            Compaction(name, count, size, sha256, levels_size, levels_sha256, tuple(json.loads(replaced)))
            for name, count, size, sha256, levels_size, levels_sha256, replaced in compactions
        ],
    )


def _new_files(tables: Tables, run_key: int | None, run: ReceivedRun) -> list[str]:
    """Returns the files that a run lists from now on, and has not listed before."""
    former = _sent_names(tables, run_key)
    used = _names(tables, "SELECT sha256 FROM object_uses WHERE run_key = ?", run_key)
    return [name for name, _, _ in run.files if name not in former] + [
        f"files/{sha256[:2]}/{sha256}" for sha256 in run.objects if sha256 not in used
    ]


def _sent_names(tables: Tables, run_key: int | None) -> set[str]:
    return _names(tables, "SELECT name FROM sent_files WHERE run_key = ?", run_key)


def _names(tables: Tables, statement: str, run_key: int | None) -> set[str]:
    return {name for (name,) in tables.execute(statement, (run_key,)).fetchall()}


def _write_received(tables: Tables, run: ReceivedRun) -> int:
    files = {name for name, _, _ in run.files}
    # What a compaction stands for is no garbage: some store lists it.
    run_key = _replace_run(tables, run.document, run.summary, run.segments, run.objects, _segments_of(files))
    former = _sent_names(tables, run_key)
    tables.execute("DELETE FROM sent_files WHERE run_key = ?", (run_key,))
    tables.executemany(
        "INSERT INTO sent_files VALUES (?, ?, ?, ?)",
        [(name, run_key, size_bytes, sha256) for name, size_bytes, sha256 in run.files],
    )
    held = _names(tables, "SELECT name FROM compactions WHERE run_key = ?", run_key)
    tables.executemany(
        "DELETE FROM compactions WHERE name = ?", [(name,) for name in sorted(held - run.compactions)]
    )
    tables.executemany(_ADD_GARBAGE, [(name,) for name in sorted(_segments_of(former - files))])
    fresh = [(name,) for name in sorted(_segments_of(files - former))]
    tables.executemany("DELETE FROM garbage WHERE name = ?", fresh)
    return run_key


def _segments_of(files: Iterable[str]) -> set[str]:
    return {
        name.removeprefix("segments/").rpartition(".")[0] for name in files if name.startswith("segments/")
    }


def _segments(tables: Tables, run_key: int) -> list[SegmentRow]:
    rows = tables.execute(
        "SELECT name, position, point_count, size_bytes FROM segments WHERE run_key = ? ORDER BY position",
        (run_key,),
    )
    return [SegmentRow(*row) for row in rows]


def _add_segments(tables: Tables, run_key: int, segments: Iterable[SegmentRow]) -> None:
    tables.executemany(
        "INSERT INTO segments (name, run_key, position, point_count, size_bytes) VALUES (?, ?, ?, ?, ?)",
        [(each.name, run_key, each.position, each.point_count, each.size_bytes) for each in segments],
    )


def _add_uses(tables: Tables, run_key: int, objects: Mapping[str, int]) -> None:
    tables.executemany(
        "INSERT INTO object_uses VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(run_key, sha256, size_bytes) for sha256, size_bytes in objects.items()],
    )


def _uses(tables: Tables, project: str, hashes: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for some in _chunks(hashes):
        values = ", ".join(["(?)"] * len(some))
        found.update(
            sha256
            for (sha256,) in tables.execute(
                f"WITH wanted (sha256) AS (VALUES {values}) SELECT sha256 FROM wanted WHERE EXISTS (SELECT 1 FROM "  # noqa: S608
                "object_uses JOIN runs USING (run_key) WHERE object_uses.sha256 = wanted.sha256 AND project = ?)",
                (*some, project),
            )
        )
    return found


def _is_used(tables: Tables, sha256: str) -> bool:
    found = tables.execute("SELECT 1 FROM object_uses WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
    return found is not None


def _begin_history(tables: Tables, run_key: int, start: HistoryStart) -> None:
    tables.execute(_ADD_WRITER_START, (start.writer_id, start.starting_step))
    for name in start.masked:
        tables.execute(
            "INSERT INTO masked_segments SELECT name, run_key, point_count, size_bytes, ? FROM segments "
            "WHERE name = ?",
            (start.mask_time, name),
        )
        tables.execute("DELETE FROM segments WHERE name = ?", (name,))
    if start.objects_of is not None:
        tables.execute(
            "INSERT INTO object_uses SELECT ?, sha256, object_uses.size_bytes FROM object_uses "
            "JOIN runs USING (run_key) WHERE project = ? AND run_id = ? ON CONFLICT DO NOTHING",
            (run_key, *start.objects_of),
        )


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Returns values, some at a time: as many as one statement may have."""
    return (values[start : start + _VALUES_MAX] for start in range(0, len(values), _VALUES_MAX))


def _places(values: Sequence[str]) -> str:
    """Returns a place for each of some values, for `IN`."""
    return f"({', '.join('?' * len(values))})"
