"""Owns what stands in the catalog of files that no run lists, on their way to being deleted from the bucket.

A file is *listed* where a run uses it: an object, a file of a segment that some store's manifest names, or one of a
compaction that holds. A file that is not is noted here, and goes this way: waiting, condemned, deleted, forgotten.

Invariants, of which each transaction keeps every one:

1. No file is condemned that is listed, and none becomes listed while it is condemned: `condemn` holds what runs list still
   for itself alone, whoever lists files (`relist`) holds it together with others, and each looks at what the other writes.
2. Requests to delete a file are only made while it is condemned, and for a bounded time since it was (`condemn_time`). One
   whose outcome nobody knows is repeated when that time is long over, so that none is under way when it is confirmed.
3. A deletion is numbered when it is confirmed. Whoever wants to list a file reads the number of the last one, then finds the
   file in the bucket, and then lists it: `relist` refuses when the file is condemned, or its deletion has a later number,
   for then it may have been found before it went. What was forgotten counts as later than anything before it.

So a file that is listed is in the bucket. A daemon that was told "the project has this object already", or that has put a
file long ago, has no promise until its manifest is taken: where the file has gone meanwhile, the manifest is refused with its
name, and the daemon puts it again. That no address is signed while it is condemned saves it from putting a file in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackd_service.catalog_tables import Tables

_NAMES_AT_ONCE = 500


class FilesGone(RuntimeError):
    """Files are deleted from the bucket, or about to be: they must be put again."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"{len(names)} files are not in the bucket any more, such as {names[0]}")
        self.names = list(names)

    def __reduce__(self) -> tuple[type[FilesGone], tuple[list[str]]]:
        return FilesGone, (self.names,)


class LookedTooLongAgo(RuntimeError):
    """What was found in the bucket is not known to be there still: look again."""


def last_deletion(tables: Tables) -> int:
    """Returns the number of the last confirmed deletion."""
    return _value(tables, "deletion")


def relist(tables: Tables, names: Iterable[str], looked: int | None) -> None:
    """Takes that files are listed from now on, in a transaction that holds what runs list together with others.

    Args:
        tables: Of the transaction.
        names: Those files that were not listed before.
        looked: What `last_deletion` said before they were found in the bucket; None for now.

    Raises:
        FilesGone: Some are condemned or deleted.
        LookedTooLongAgo: It cannot be said any more whether some are deleted.
    """
    wanted = sorted(set(names))
    found = _rows(tables, wanted)
    gone = [
        name
        for name, condemn_time, deletion in found
        if (deletion == 0 and condemn_time != 0)
        or (deletion != 0 and looked is not None and deletion > looked)
    ]
    if gone:
        raise FilesGone(gone)
    if looked is not None and looked < _value(tables, "forgotten"):
        raise LookedTooLongAgo("the files were found in the bucket too long ago")
    tables.executemany("DELETE FROM unlisted WHERE name = ?", [(name,) for name, _, _ in found])


def condemned(tables: Tables, names: Iterable[str]) -> list[str]:
    """Returns those of some files that requests to delete may be under way of."""
    rows = _rows(tables, sorted(set(names)))
    return [name for name, condemn_time, deletion in rows if condemn_time != 0 and deletion == 0]


def is_any_noted(tables: Tables, names: Iterable[str]) -> bool:
    """Says whether any of some files stands here."""
    return bool(_rows(tables, sorted(set(names))))


def expect(tables: Tables, names: Iterable[str]) -> None:
    """Takes that somebody is about to put files: those that wait begin to wait anew."""
    rows = _rows(tables, sorted(set(names)))
    waiting = [(name,) for name, condemn_time, _ in rows if condemn_time == 0]
    tables.executemany("DELETE FROM unlisted WHERE name = ? AND condemn_time = 0", waiting)


def note(tables: Tables, names: Iterable[str], now: int) -> None:
    """Notes files that are not listed, those that are known left as they are; `now` is by the database's clock."""
    tables.executemany(
        "INSERT INTO unlisted (name, since) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(name, now) for name in names],
    )


def condemn(
    tables: Tables, now: int, since_before: int, again_before: int, count_max: int
) -> tuple[list[str], int]:
    """Condemns files, in a transaction that holds what runs list for itself alone.

    Args:
        tables: Of the transaction.
        now: The time by the database's clock, in microseconds; what is condemned by one call has it for a mark.
        since_before: Those that have waited since before this time.
        again_before: Those too that were condemned before this time, whose deletion was never confirmed.
        count_max: How many at most.

    Returns:
        Those that are to be deleted now, and how many were looked at: fewer than `count_max` means that there are no more.
    """
    rows = tables.execute(
        "SELECT name FROM unlisted WHERE deletion = 0 AND ((condemn_time = 0 AND since <= ?) OR "
        "(condemn_time <> 0 AND condemn_time <= ?)) ORDER BY name LIMIT ?",
        (since_before, again_before, count_max),
    ).fetchall()
    names = [name for (name,) in rows]
    kept = listed(tables, names)
    tables.executemany("DELETE FROM unlisted WHERE name = ?", [(name,) for name in sorted(kept)])
    chosen = [name for name in names if name not in kept]
    tables.executemany(
        "UPDATE unlisted SET condemn_time = ? WHERE name = ?", [(now, name) for name in chosen]
    )
    return chosen, len(names)


def confirm(tables: Tables, names: Sequence[str], condemn_time: int) -> None:
    """Takes that the bucket has confirmed the deletion of files, which were condemned with this mark."""
    row = tables.execute(
        "INSERT INTO sweeps VALUES ('deletion', 1) ON CONFLICT (name) DO UPDATE SET value = sweeps.value + 1 "
        "RETURNING value"
    ).fetchone()
    tables.executemany(
        "UPDATE unlisted SET deletion = ? WHERE name = ? AND condemn_time = ?",
        [(row[0], name, condemn_time) for name in names],
    )


def forget(tables: Tables, before: int) -> None:
    """Forgets the deletions of files that were condemned before a time; see invariant 3."""
    row = tables.execute(
        "SELECT max(deletion) FROM unlisted WHERE deletion <> 0 AND condemn_time < ?", (before,)
    ).fetchone()
    if row[0] is not None:
        _raise(tables, "forgotten", row[0], row[0])
        tables.execute("DELETE FROM unlisted WHERE deletion <> 0 AND deletion <= ?", (row[0],))


def begin_listing(tables: Tables, now: int, before: int) -> bool:
    """Takes that the bucket is listed now; returns False where that was done since another time."""
    return _raise(tables, "list_time", now, before + 1)


def listed(tables: Tables, names: Sequence[str]) -> set[str]:
    """Returns those of some files that are listed."""
    found: set[str] = set()
    objects = {name.rpartition("/")[2]: name for name in names if name.startswith("files/")}
    for statement, some in (
        ("SELECT DISTINCT sha256 FROM object_uses WHERE sha256 IN ({})", list(objects)),
        ("SELECT name FROM sent_files WHERE name IN ({})", [name for name in names if name not in objects]),
    ):
        found.update(objects.get(name, name) for (name,) in _ask(tables, statement, some))
    # Of a run that was not received from stores, the catalog has no files but segments.
    segments = sorted({_segment(name) for name in names if name.startswith("segments/")})
    for table in ("segments", "masked_segments"):
        statement = "SELECT name FROM " + table + " WHERE name IN ({})"  # noqa: S608 - of the two above
        for (name,) in _ask(tables, statement, segments):
            found |= {f"segments/{name}.parquet", f"segments/{name}.levels"} & set(names)
    return found


def _value(tables: Tables, name: str) -> int:
    row = tables.execute("SELECT value FROM sweeps WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def _raise(tables: Tables, name: str, value: int, below: int) -> bool:
    """Sets a value where it is below another one; returns whether it was."""
    written = tables.execute(
        "INSERT INTO sweeps VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE sweeps.value < ?",
        (name, value, below),
    )
    return written.rowcount == 1


def _segment(name: str) -> str:
    return name.removeprefix("segments/").rpartition(".")[0]


def _rows(tables: Tables, names: Sequence[str]) -> list[tuple[str, int, int]]:
    statement = "SELECT name, condemn_time, deletion FROM unlisted WHERE name IN ({})"
    return [(name, int(time), int(number)) for name, time, number in _ask(tables, statement, names)]


def _ask(tables: Tables, statement: str, values: Sequence[str]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for start in range(0, len(values), _NAMES_AT_ONCE):
        some = values[start : start + _NAMES_AT_ONCE]
        found += tables.execute(statement.format(",".join("?" * len(some))), some).fetchall()
    return found
