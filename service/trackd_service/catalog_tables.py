"""Owns the tables of a catalog as statements see them, and the changes of several tables that keep a run whole.

`catalog` and `sent_runs` are made of these. Invariant: each runs within a transaction of its caller, and leaves no run
without its segments and objects, and no file that nobody uses without a note of that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_VALUES_MAX = 500  # of one statement; SQLite before 3.32 takes 999


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


ADD_GARBAGE = "INSERT INTO garbage VALUES (?) ON CONFLICT DO NOTHING"
ADD_WRITER_START = "INSERT INTO writer_starts VALUES (?, ?) ON CONFLICT DO NOTHING"


def write_whole(tables: Tables, document: dict[str, Any], summary: bytes, objects: Mapping[str, int]) -> int:
    """Writes a run with the objects that it uses, and forgets how the writers in it began; returns its key."""
    run_key = write_run(tables, document, summary)
    add_uses(tables, run_key, objects)
    known = [(writer["writer_id"],) for writer in document.get("writers", ())]
    tables.executemany("DELETE FROM writer_starts WHERE writer_id = ?", known)
    return run_key


def write_run(tables: Tables, document: dict[str, Any], summary: bytes) -> int:
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


def delete_run(tables: Tables, project: str, run_id: str, objects: Iterable[str]) -> list[str]:
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
    names += sorted(segments_of(name for (name,) in sent) - set(names))
    used = {
        sha256
        for (sha256,) in tables.execute(
            "SELECT sha256 FROM object_uses JOIN runs USING (run_key) WHERE project = ? AND run_id = ?",
            (project, run_id),
        ).fetchall()
    }
    tables.execute("DELETE FROM runs WHERE project = ? AND run_id = ?", (project, run_id))
    names += [
        f"files/{sha256[:2]}/{sha256}" for sha256 in sorted({*used, *objects}) if not is_used(tables, sha256)
    ]
    tables.executemany(ADD_GARBAGE, [(name,) for name in names])
    return names


def replace_run(
    tables: Tables,
    document: dict[str, Any],
    summary: bytes,
    segments: Sequence[SegmentRow],
    objects: Mapping[str, int],
    kept: Collection[str] = (),
) -> int:
    """Writes a run over what is known of it; what it had becomes garbage, but for what is kept. Returns its key."""
    run_key = write_run(tables, document, summary)
    former = {
        name
        for (name,) in tables.execute("SELECT name FROM segments WHERE run_key = ?", (run_key,)).fetchall()
    }
    tables.execute("DELETE FROM segments WHERE run_key = ?", (run_key,))
    gone = former - {segment.name for segment in segments} - set(kept)
    tables.executemany(ADD_GARBAGE, [(name,) for name in sorted(gone)])
    add_segments(tables, run_key, segments)
    tables.execute("DELETE FROM object_uses WHERE run_key = ?", (run_key,))
    add_uses(tables, run_key, objects)
    return run_key


def segments_of(files: Iterable[str]) -> set[str]:
    """Returns the names of the segments that files of the object store belong to."""
    return {
        name.removeprefix("segments/").rpartition(".")[0] for name in files if name.startswith("segments/")
    }


def read_segments(tables: Tables, run_keys: Sequence[int]) -> dict[int, list[SegmentRow]]:
    """Returns the segments of at most as many runs as `chunks` gives, by run key, in order; no entry where there are none."""
    found: dict[int, list[SegmentRow]] = {}
    if run_keys:
        rows = tables.execute(
            "SELECT run_key, name, position, point_count, size_bytes FROM segments "  # noqa: S608 - no value is pasted
            f"WHERE run_key IN {places(run_keys)} ORDER BY run_key, position",
            tuple(run_keys),
        )
        for run_key, *row in rows:
            found.setdefault(run_key, []).append(SegmentRow(*row))
    return found


def add_segments(tables: Tables, run_key: int, segments: Iterable[SegmentRow]) -> None:
    """Writes segments of a run."""
    tables.executemany(
        "INSERT INTO segments (name, run_key, position, point_count, size_bytes) VALUES (?, ?, ?, ?, ?)",
        [(each.name, run_key, each.position, each.point_count, each.size_bytes) for each in segments],
    )


def add_uses(tables: Tables, run_key: int, objects: Mapping[str, int]) -> None:
    """Writes that a run uses objects, size in bytes by sha256."""
    tables.executemany(
        "INSERT INTO object_uses VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(run_key, sha256, size_bytes) for sha256, size_bytes in objects.items()],
    )


def uses_of(tables: Tables, project: str, hashes: Sequence[str]) -> set[str]:
    """Returns those of some objects, by their sha256, that a run of a project uses."""
    found: set[str] = set()
    for some in chunks(hashes):
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


def is_used(tables: Tables, sha256: str) -> bool:
    """Says whether any run uses an object."""
    found = tables.execute("SELECT 1 FROM object_uses WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
    return found is not None


def begin_history(tables: Tables, run_key: int, start: HistoryStart) -> None:
    """Writes the history that a new writer of a run begins with."""
    tables.execute(ADD_WRITER_START, (start.writer_id, start.starting_step))
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


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Returns values, some at a time: as many as one statement may have."""
    return (values[start : start + _VALUES_MAX] for start in range(0, len(values), _VALUES_MAX))


def places(values: Sequence[object]) -> str:
    """Returns a place for each of some values, for `IN`."""
    return f"({', '.join('?' * len(values))})"
