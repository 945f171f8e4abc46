"""Owns what a catalog holds of runs that stores send to a team server: what each store says, and what a server adds to it.

Invariants: a run is written as all stores together say it, in the transaction that takes what one of them says; what is
sent again, late or in another order changes nothing; what it lists is in the bucket (`unlisted`); a deleted run does not come
back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeAlias

from trackd_service import catalog_tables, unlisted
from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import SegmentRow, Tables

_SECOND = 1_000_000


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


# Makes one run of what each store says, of the changes that people have made of it, of compactions, and of the ids of the
# stores of which nothing was heard for long.
Combine: TypeAlias = Callable[[Sequence[bytes], str, Sequence[Compaction], AbstractSet[str]], ReceivedRun]


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
    """What stores have sent of a run, for a compaction: see `SentRuns.receive`."""

    commit_number: int
    contents: list[bytes]
    edits: str
    compactions: list[Compaction]


class SentRuns:
    """The runs of a catalog that stores have sent."""

    def __init__(self, catalog: Catalog) -> None:
        """Takes the catalog."""
        self._catalog = catalog

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
        with self._catalog.writing() as tables:
            self._catalog.hold_run(tables, project, run_id)
            if tables.execute(
                "SELECT 1 FROM deleted_runs WHERE project = ? AND run_id = ?", (project, run_id)
            ).fetchone():
                return False
            run_key, edits, contents, compactions, lost = _received(tables, project, run_id)
            former = contents.get(store_id)
            if former is not None and not replaces(former, content):
                return True
            contents[store_id] = content
            received = combine(list(contents.values()), edits, compactions, lost - {store_id})
            self._catalog.hold_listing(tables, is_alone=False)
            unlisted.relist(tables, _new_files(tables, run_key, received), looked)
            run_key = _write_received(tables, received)
            tables.execute(
                "INSERT INTO manifests VALUES (?, ?, ?, ?, 0) ON CONFLICT (run_key, store_id) DO UPDATE SET "
                "content = excluded.content, receive_time = excluded.receive_time, is_lost = 0",
                (run_key, store_id, content, self._catalog.clock(tables)),
            )
        self._catalog.change_count += 1
        return True

    def edit(
        self,
        project: str,
        run_id: str,
        change: Callable[[str], str],
        combine: Combine,
    ) -> bool:
        """Changes what people have changed of a run that was received; returns False where there is none."""
        with self._catalog.writing() as tables:
            self._catalog.hold_run(tables, project, run_id)
            run_key, edits, contents, compactions, lost = _received(tables, project, run_id)
            if run_key is None or not contents:
                return False
            edits = change(edits)
            _write_received(tables, combine(list(contents.values()), edits, compactions, lost))
            tables.execute("UPDATE runs SET edits = ? WHERE run_key = ?", (edits, run_key))
        self._catalog.change_count += 1
        return True

    def unheard(self, seconds: float) -> list[tuple[str, str]]:
        """Returns (project, run id) of the runs at work of which some store was not heard of for so many seconds."""
        with self._catalog.reading() as tables:
            before = self._catalog.clock(tables) - int(seconds * _SECOND)
            rows = tables.execute(
                "SELECT DISTINCT project, run_id, receive_time = 0 FROM runs JOIN manifests USING (run_key) WHERE "
                "state = 'running' AND is_lost = 0 AND receive_time <= ?",
                (before,),
            ).fetchall()
        if any(is_unknown for *_, is_unknown in rows):  # sent to an older trackd: heard of from now on
            with self._catalog.writing() as tables:
                tables.execute(
                    "UPDATE manifests SET receive_time = ? WHERE receive_time = 0",
                    (self._catalog.clock(tables),),
                )
        return [(project, run_id) for project, run_id, is_unknown in rows if not is_unknown]

    def give_up(
        self,
        project: str,
        run_id: str,
        seconds: float,
        combine: Combine,
        check: Callable[[Tables], object],
    ) -> bool:
        """Takes for lost the stores of a run that were not heard of for so long, until they are heard of again.

        Args:
            project: The run's project.
            run_id: Its id.
            seconds: For how long.
            combine: As of `receive`.
            check: Called in the same transaction: raises an error where nothing is to be written.

        Returns:
            Whether there were any.
        """
        with self._catalog.writing() as tables:
            check(tables)
            self._catalog.hold_run(tables, project, run_id)
            given_up = tables.execute(
                "UPDATE manifests SET is_lost = 1 WHERE is_lost = 0 AND receive_time <= ? AND run_key = "
                "(SELECT run_key FROM runs WHERE project = ? AND run_id = ?)",
                (self._catalog.clock(tables) - int(seconds * _SECOND), project, run_id),
            )
            if not given_up.rowcount:
                return False
            _, edits, contents, compactions, lost = _received(tables, project, run_id)
            _write_received(tables, combine(list(contents.values()), edits, compactions, lost))
        self._catalog.change_count += 1
        return True

    def crowded(self, segment_count: int) -> list[CrowdedRun]:
        """Returns the runs that stores have sent, and that have so many segments, or several and have ended."""
        with self._catalog.reading() as tables:
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

    def load(self, project: str, run_id: str) -> SentRun | None:
        """Returns what stores have sent of a run, or None."""
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT commit_number FROM runs WHERE project = ? AND run_id = ?", (project, run_id)
            ).fetchone()
            _, edits, contents, compactions, _ = _received(tables, project, run_id)
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
        with self._catalog.writing() as tables:
            check(tables)
            self._catalog.hold_run(tables, project, run_id)
            run_key, edits, contents, compactions, lost = _received(tables, project, run_id)
            if run_key is None or not contents:
                return False
            replaced = set(compaction.replaced)
            others = [each for each in compactions if not replaced.issuperset(each.replaced)]
            received = combine(list(contents.values()), edits, [*others, compaction], lost)
            if not received.compactions.issuperset([compaction.name, *(each.name for each in others)]):
                return False
            self._catalog.hold_listing(tables, is_alone=False)
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
        self._catalog.change_count += 1
        return True

    def find_unlisted(self, names: Sequence[str], project: str | None = None) -> tuple[int, list[str]]:
        """Returns the number of the last deletion in the bucket, and those of some files that no run lists.

        With a project these are the files that no run of it lists: what other projects have, it is not told.
        """
        with self._catalog.reading() as tables:
            number = unlisted.last_deletion(tables)
            if project is None:
                known = unlisted.listed(tables, names)
            else:
                objects = {name.rpartition("/")[2]: name for name in names if name.startswith("files/")}
                known = unlisted.listed(tables, [name for name in names if not name.startswith("files/")])
                known |= {
                    objects[sha256] for sha256 in catalog_tables.uses_of(tables, project, list(objects))
                }
        return number, [name for name in names if name not in known]

    def expect_files(self, names: Sequence[str]) -> list[str]:
        """Takes that files are about to be put; returns those that cannot be yet, as they may be deleted just now."""
        with self._catalog.reading() as tables:
            if not unlisted.is_any_noted(tables, names):
                return []
        with self._catalog.writing() as tables:
            unlisted.expect(tables, names)
            return unlisted.condemned(tables, names)

    def delete(
        self, project: str, run_id: str, delete_time: int, note: Callable[[Tables], object] | None = None
    ) -> list[str]:
        """Deletes a run like `Catalog.delete_run`, for good: what stores still send of it is not taken.

        `note` is called in the same transaction: what is written of who did it is there with it, or neither is.
        """
        with self._catalog.writing() as tables:
            if note is not None:
                note(tables)
            self._catalog.hold_run(tables, project, run_id)
            tables.execute(
                "INSERT INTO deleted_runs VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (project, run_id, delete_time),
            )
            names = catalog_tables.delete_run(tables, project, run_id, ())
        self._catalog.change_count += 1
        return names

    def files(self, names: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Returns the size in bytes and the sha256 of files of segments that were sent, by name."""
        found: dict[str, tuple[int, str]] = {}
        with self._catalog.reading() as tables:
            for some in catalog_tables.chunks(names):
                rows = tables.execute(
                    f"SELECT name, size_bytes, sha256 FROM sent_files WHERE name IN {catalog_tables.places(some)}",  # noqa: S608 - no value is pasted
                    some,
                ).fetchall()
                found |= {name: (size_bytes, sha256) for name, size_bytes, sha256 in rows}
        return found


def _received(
    tables: Tables, project: str, run_id: str
) -> tuple[int | None, str, dict[str, bytes], list[Compaction], set[str]]:
    """Returns a run's key, None for none, what people changed of it, what each store says, compactions, and lost stores."""
    row = tables.execute(
        "SELECT run_key, edits FROM runs WHERE project = ? AND run_id = ?", (project, run_id)
    ).fetchone()
    if row is None:
        return None, "", {}, [], set()
    rows = tables.execute(
        "SELECT store_id, content, is_lost FROM manifests WHERE run_key = ?", (row[0],)
    ).fetchall()
    compactions = tables.execute(
        "SELECT name, point_count, parquet_bytes, parquet_sha256, levels_bytes, levels_sha256, replaced FROM compactions "
        "WHERE run_key = ? ORDER BY name",
        (row[0],),
    ).fetchall()
    return (
        row[0],
        row[1],
        {store_id: bytes(content) for store_id, content, _ in rows},
        [
            Compaction(name, count, size, sha256, levels_size, levels_sha256, tuple(json.loads(replaced)))
            for name, count, size, sha256, levels_size, levels_sha256, replaced in compactions
        ],
        {store_id for store_id, _, is_lost in rows if is_lost},
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
    run_key = catalog_tables.replace_run(
        tables, run.document, run.summary, run.segments, run.objects, catalog_tables.segments_of(files)
    )
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
    tables.executemany(
        catalog_tables.ADD_GARBAGE, [(name,) for name in sorted(catalog_tables.segments_of(former - files))]
    )
    fresh = [(name,) for name in sorted(catalog_tables.segments_of(files - former))]
    tables.executemany("DELETE FROM garbage WHERE name = ?", fresh)
    return run_key
