"""Compactions of runs that stores send: whatever comes, in whatever order, no point is seen that manifests do not say."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import SegmentRow, Tables
from trackd_service.leases import LeaseLost, Leases
from trackd_service.manifests import Manifest, SentSegment, run_folder
from trackd_service.received_runs import add_edit, combine, pack, replaces, unpack
from trackd_service.records import Begin, Update
from trackd_service.runs import Run
from trackd_service.sent_runs import Compaction, SentRuns
from trackd_service.summary import Summary

FOLDER = run_folder("p", "r")
Points = dict[int, int]  # of one series: value by step


def sum_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@dataclass
class Store:
    """A daemon's store as it feeds run p/r: its segments in order, and how far each writer is."""

    id: int
    rows: list[SegmentRow] = field(default_factory=list)
    sequences: dict[int, int] = field(default_factory=dict)
    next_position: int = 0

    def manifest(self, write_time: int) -> Manifest:
        run = Run("p", "r", 1_000 + self.id)
        for writer_id, sequence in self.sequences.items():
            begin = Begin(
                "p", "r", f"{writer_id:032x}", "primary", Update(), {"host": "n"}, False, "", "", None
            )
            writer = run.open_writer(begin, 1_000, 0)
            writer.sequence = writer.sealed_sequence = sequence
        segments = [SentSegment(row, 10, sum_of(row.name), 20, "0" * 64) for row in self.rows]
        return Manifest(f"{self.id:016x}", "n", "1.0", write_time, run.dump(), Summary().dump(), segments)


class World:
    """Stores that feed one run, what is on its way from them, and what each segment holds, whoever made it."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog = catalog
        self.random = random.Random(seed)
        self.stores = [Store(number) for number in range(1, 4)]
        self.contents: dict[str, Points] = {}
        self.under_way: list[Manifest] = []
        self.pending: list[Compaction] = []
        self.held_count = self.void_count = 0
        self._names = itertools.count()
        self._values = itertools.count()

    def new_segment(self, points: Points) -> str:
        name = f"{FOLDER}/{next(self._names):032x}"
        self.contents[name] = points
        return name

    def add(self, position: int, points: Points) -> SegmentRow:
        return SegmentRow(self.new_segment(points), position, len(points), 30)

    # -- what daemons do -------------------------------------------------------------------------------------------

    def seal(self) -> None:
        store = self.random.choice(self.stores)
        first = self.random.randrange(12)
        points = {step: next(self._values) for step in range(first, first + self.random.randrange(1, 5))}
        store.rows = [*store.rows, self.add(store.next_position, points)]
        store.next_position += 1
        store.sequences[store.id] = store.sequences.get(store.id, 0) + 1

    def merge(self) -> None:
        store = self.random.choice(self.stores)
        chosen = store.rows[-self.random.randrange(2, 5) :]
        if len(chosen) > 1:
            merged = self.add(chosen[0].position, self.points(row.name for row in chosen))
            store.rows = [*store.rows[: -len(chosen)], merged]

    def rewind(self) -> None:
        store = self.random.choice(self.stores)
        last = self.random.randrange(12)
        points = {
            step: value for step, value in self.points(row.name for row in store.rows).items() if step <= last
        }
        store.rows = [self.add(store.next_position, points)]
        store.next_position += 1
        store.sequences[store.id] = store.sequences.get(store.id, 0) + 1

    def pull(self) -> None:
        """Has one store copy what another one has, and perhaps go on from there."""
        source, target = self.random.sample(self.stores, 2)
        if not target.rows:
            target.rows = list(source.rows)
            target.sequences = dict(source.sequences)
            target.next_position = source.next_position

    def write_manifest(self) -> None:
        store = self.random.choice(self.stores)
        if store.sequences:
            self.under_way.append(store.manifest(next(self._values)))

    def deliver(self) -> None:
        """Has a manifest arrive: late, out of order, or for the second time."""
        if self.under_way:
            sent = self.random.choice(self.under_way)
            if self.random.random() < 0.7:
                self.under_way.remove(sent)
            SentRuns(self.catalog).receive("p", "r", sent.store_id, pack(sent.dump()), replaces, combine)

    def edit(self) -> None:
        change = Update(notes=str(next(self._values)))
        SentRuns(self.catalog).edit("p", "r", lambda edits: add_edit(edits, change), combine)

    def delete(self) -> None:
        if self.random.random() < 0.05:
            SentRuns(self.catalog).delete("p", "r", 1)

    # -- what servers do -------------------------------------------------------------------------------------------

    def begin_compaction(self) -> None:
        found = SentRuns(self.catalog).load("p", "r")
        shown = self.names()
        if found is None or len(shown) < 2:
            return
        start = self.random.randrange(len(shown) - 1)
        chosen = shown[start : start + self.random.randrange(2, 6)]
        replaced_by = {each.name: each.replaced for each in found.compactions}
        replaced = tuple(name for each in chosen for name in replaced_by.get(each, (each,)))
        name = self.new_segment(self.points(chosen))
        self.pending.append(
            Compaction(name, len(self.contents[name]), 10, sum_of(name), 20, "1" * 64, replaced)
        )

    def end_compaction(self) -> None:
        if self.pending:
            done = self.pending.pop(self.random.randrange(len(self.pending)))
            if SentRuns(self.catalog).compact("p", "r", done, combine, lambda _: None):
                self.held_count += 1
            else:
                self.void_count += 1

    # -- what is seen ----------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        found = self.catalog.load_run("p", "r")
        return [] if found is None else [row.name for row in found[2]]

    def points(self, names: Iterator[str] | list[str]) -> Points:
        """Returns the points of segments, the later one holding."""
        return {step: value for name in names for step, value in self.contents[name].items()}

    def check(self) -> None:
        sent = SentRuns(self.catalog).load("p", "r")
        if sent is None:
            assert self.names() == []
            return
        manifests_alone = combine(sent.contents, sent.edits)
        assert self.points(self.names()) == self.points([row.name for row in manifests_alone.segments])
        held = {each.name for each in sent.compactions}
        assert held <= set(self.names())
        # Nothing that somebody lists or reads is thought of as garbage, and each file has its facts.
        listed = {
            segment.row.name for content in sent.contents for segment in unpack(content).segments
        } | held
        assert not listed & set(self.catalog.garbage())
        files = [f"segments/{name}.{ending}" for name in listed for ending in ("parquet", "levels")]
        facts = SentRuns(self.catalog).files(files)
        assert facts.keys() == set(files)
        assert all(facts[f"segments/{name}.parquet"] == (10, sum_of(name)) for name in listed)
        assert SentRuns(self.catalog).find_unlisted(files) == (0, [])


OPERATIONS = (
    *(
        World.seal,
        World.seal,
        World.write_manifest,
        World.write_manifest,
        World.deliver,
        World.deliver,
        World.deliver,
    ),
    *(
        World.begin_compaction,
        World.end_compaction,
        World.merge,
        World.rewind,
        World.pull,
        World.edit,
        World.delete,
    ),
)


@pytest.mark.parametrize("seed", range(8))
def test_the_visible_points_are_always_those_that_the_manifests_alone_say(
    catalog: Catalog, seed: int
) -> None:
    held_count = void_count = 0
    for turn in range(2):
        catalog.delete_run("p", "r")
        with catalog.writing() as tables:
            tables.execute("DELETE FROM deleted_runs")
            tables.execute("DELETE FROM garbage")
        world = World(catalog, 2 * seed + turn)
        for _ in range(150):
            world.random.choice(OPERATIONS)(world)
            world.check()
        held_count += world.held_count
        void_count += world.void_count
    assert held_count
    assert void_count


def sent(store: Store, catalog: Catalog, write_time: int) -> None:
    manifest = store.manifest(write_time)
    assert SentRuns(catalog).receive("p", "r", manifest.store_id, pack(manifest.dump()), replaces, combine)


def rows(*names: str) -> list[SegmentRow]:
    return [SegmentRow(f"{FOLDER}/{name}", place, 7, 30) for place, name in enumerate(names)]


def compaction(name: str, *replaced: str) -> Compaction:
    return Compaction(
        f"{FOLDER}/{name}", 14, 10, "c" * 64, 20, "d" * 64, tuple(f"{FOLDER}/{each}" for each in replaced)
    )


def shown(catalog: Catalog) -> list[str]:
    found = catalog.load_run("p", "r")
    assert found is not None
    return [row.name.rpartition("/")[2] for row in found[2]]


def test_a_compaction_holds_through_what_others_send_and_is_void_for_ever_once_a_part_is_gone(
    catalog: Catalog,
) -> None:
    one, other = Store(1, rows("a", "b", "c"), {1: 1}), Store(2, rows("x"), {2: 1})
    sent(one, catalog, 1)
    assert SentRuns(catalog).compact("p", "r", compaction("ab", "a", "b"), combine, lambda _: None)
    sent(other, catalog, 1)
    one.rows = [*one.rows, replace(one.rows[0], name=f"{FOLDER}/e", position=3)]
    sent(one, catalog, 2)
    assert shown(catalog) == ["ab", "c", "e", "x"]
    one.rows = [one.rows[0], replace(one.rows[1], name=f"{FOLDER}/bc"), one.rows[3]]
    sent(one, catalog, 3)
    assert shown(catalog) == ["a", "bc", "e", "x"]
    assert sorted(name[-2:] for name in catalog.garbage()) == ["/b", "/c", "ab"]
    one.rows = rows("a", "b")
    sent(one, catalog, 4)
    assert shown(catalog) == ["a", "b", "x"]
    assert SentRuns(catalog).load("p", "r").compactions == []  # type: ignore[union-attr]


def test_a_compaction_takes_the_place_of_older_ones_that_it_was_made_of_and_of_no_other(
    catalog: Catalog,
) -> None:
    sent(Store(1, rows(*"abcdef"), {1: 1}), catalog, 1)
    for each in (compaction("ab", "a", "b"), compaction("cd", "c", "d"), compaction("abcd", *"abcd")):
        assert SentRuns(catalog).compact("p", "r", each, combine, lambda _: None)
    assert shown(catalog) == ["abcd", "e", "f"]
    assert sorted(catalog.garbage()) == [f"{FOLDER}/ab", f"{FOLDER}/cd"]
    for wrong in (
        compaction("bc", "b", "c"),  # what another one stands for
        compaction("de", "d", "e"),  # half of it
        compaction("fe", "f", "e"),  # in another order
        compaction("ef", "e", "never"),
        compaction("none"),
    ):
        assert not SentRuns(catalog).compact("p", "r", wrong, combine, lambda _: None)
    assert shown(catalog) == ["abcd", "e", "f"]
    assert not SentRuns(catalog).compact("p", "never", compaction("ef", "e", "f"), combine, lambda _: None)


def test_a_compaction_without_its_lease_is_not_written(catalog: Catalog) -> None:
    sent(Store(1, rows(*"ab"), {1: 1}), catalog, 1)
    leases = Leases(catalog)
    lease = leases.take("compact")
    assert lease is not None
    leases.give_back(lease)

    def check(tables: Tables) -> None:
        leases.check(tables, lease)

    with pytest.raises(LeaseLost):
        SentRuns(catalog).compact("p", "r", compaction("ab", "a", "b"), combine, check)
    assert shown(catalog) == ["a", "b"]


def test_what_a_deleted_run_had_is_garbage_with_its_compactions(catalog: Catalog) -> None:
    sent(Store(1, rows(*"abc"), {1: 1}), catalog, 1)
    assert SentRuns(catalog).compact("p", "r", compaction("ab", "a", "b"), combine, lambda _: None)
    SentRuns(catalog).delete("p", "r", 5)
    assert sorted(catalog.garbage()) == [f"{FOLDER}/{name}" for name in ("a", "ab", "b", "c")]
    assert not SentRuns(catalog).compact("p", "r", compaction("bc", "b", "c"), combine, lambda _: None)


def test_runs_with_many_segments_and_ended_ones_with_several_are_found(catalog: Catalog) -> None:
    sent(Store(1, rows(*"abc"), {1: 1}), catalog, 1)
    assert SentRuns(catalog).crowded(4) == []
    assert [(run.run_id, run.segment_count, run.is_running) for run in SentRuns(catalog).crowded(3)] == [
        ("r", 3, True)
    ]
    store = Store(1, rows(*"abc"), {1: 2})
    manifest = store.manifest(2)
    manifest = replace(manifest, document={**manifest.document, "state": "finished"})
    SentRuns(catalog).receive("p", "r", manifest.store_id, pack(manifest.dump()), replaces, combine)
    assert [(run.run_id, run.segment_count, run.is_running) for run in SentRuns(catalog).crowded(4)] == [
        ("r", 3, False)
    ]
    assert SentRuns(catalog).compact("p", "r", compaction("abc", *"abc"), combine, lambda _: None)
    assert SentRuns(catalog).crowded(4) == []
