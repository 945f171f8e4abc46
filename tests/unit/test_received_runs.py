"""What stores say of a run, in any order and however often, and what people change of it, on both catalogs."""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import replace

import pytest
from tests.postgres_server import PostgresServer

from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import SegmentRow
from trackd_service.manifests import Manifest, SentSegment
from trackd_service.postgres_catalog import PostgresCatalog
from trackd_service.received_runs import add_edit, combine, pack, replaces
from trackd_service.records import Begin, Changes, Update
from trackd_service.runs import Run
from trackd_service.sent_runs import SentRuns
from trackd_service.summary import Summary


def manifest(
    store: int, sequence: int, *, names: str = "", write_time: int = 0, objects: str = ""
) -> Manifest:
    """What a store says of run p/r whose writer there has said so much."""
    run = Run("p", "r", 1_000 + store)
    begin = Begin(
        "p",
        "r",
        f"{store:032x}",
        "primary",
        Update(name="theirs"),
        {"host": f"node{store}"},
        False,
        "",
        "",
        None,
    )
    writer = run.open_writer(begin, 1_000, 0)
    writer.sequence = writer.sealed_sequence = sequence
    return Manifest(
        f"{store:016x}",
        f"node{store}",
        "1.0",
        write_time or sequence,
        run.dump(),
        Summary().dump(),
        [
            SentSegment(SegmentRow(f"{store}{name}", place, 7, 30), 10, name * 64, 20, name * 64)
            for place, name in enumerate(names)
        ],
        {name * 64: 5 for name in objects},
    )


def send(catalog: Catalog, sent: Manifest) -> bool:
    return SentRuns(catalog).receive("p", "r", sent.store_id, pack(sent.dump()), replaces, combine)


def shown(catalog: Catalog) -> tuple[list[str], dict[str, int], str]:
    found = catalog.load_run("p", "r")
    assert found is not None
    document, _, segments = found
    sequences = {writer["writer_id"][-1]: writer["sequence"] for writer in document["writers"]}
    return [segment.name for segment in segments], sequences, document["name"]


def test_stores_feed_one_run_whatever_the_order_and_however_often(catalog: Catalog) -> None:
    sent = [manifest(1, 1, names="a"), manifest(1, 5, names="ab"), manifest(2, 3, names="c", objects="d")]
    for order in itertools.permutations([*sent, sent[0], sent[2]]):
        catalog.delete_run("p", "r")
        for each in order:
            assert send(catalog, each)
        assert shown(catalog) == (["1a", "1b", "2c"], {"1": 5, "2": 3}, "theirs")
        assert catalog.is_used("d" * 64)
        assert SentRuns(catalog).files(["segments/1a.parquet", "segments/2c.levels", "segments/never"]) == {
            "segments/1a.parquet": (10, "a" * 64),
            "segments/2c.levels": (20, "c" * 64),
        }


def test_what_is_said_later_holds_even_if_the_clock_was_set_back(catalog: Catalog) -> None:
    send(catalog, manifest(1, 5, names="ab", write_time=900))
    send(catalog, manifest(1, 6, names="e", write_time=100))
    assert shown(catalog)[:2] == (["1e"], {"1": 6})
    send(catalog, manifest(1, 6, names="f", write_time=50))  # as far, and earlier
    assert shown(catalog)[0] == ["1e"]
    send(catalog, manifest(1, 6, names="01", write_time=200))  # merged, or a run that was renamed
    assert shown(catalog)[0] == ["10", "11"]
    assert sorted(catalog.garbage()) == ["1a", "1b", "1e"]


def test_what_a_person_changes_stays_whatever_is_sent_afterwards(catalog: Catalog) -> None:
    send(catalog, manifest(1, 1, names="a"))
    for change in (
        Update(name="ours", tags=["best"]),
        Update(archived=True),
        Changes("config", {"lr": 1, "seed": 2}, []),
        Changes("config", {"note": "x"}, ["lr"]),
    ):
        assert SentRuns(catalog).edit("p", "r", lambda edits, change=change: add_edit(edits, change), combine)  # type: ignore[misc]
    send(catalog, manifest(1, 2, names="ab"))
    found = catalog.load_run("p", "r")
    assert found is not None
    run = Run.load(found[0], found[1])
    assert (run.name, run.tags, run.archived, run.config) == (
        "ours",
        ["best"],
        True,
        {"seed": 2, "note": "x"},
    )
    assert len(found[2]) == 2
    assert not SentRuns(catalog).edit("p", "never", lambda edits: edits, combine)


def test_a_run_that_was_deleted_does_not_come_back(catalog: Catalog) -> None:
    send(catalog, manifest(1, 1, names="a", objects="d"))
    assert SentRuns(catalog).delete("p", "r", 5) == ["1a", f"files/dd/{'d' * 64}"]
    assert not send(catalog, manifest(1, 2, names="ab"))
    assert not send(catalog, manifest(2, 1, names="c"))
    assert catalog.load_run("p", "r") is None
    assert SentRuns(catalog).files(["segments/1a.parquet"]) == {}


def test_what_describes_no_run_changes_nothing(catalog: Catalog) -> None:
    send(catalog, manifest(1, 1, names="a"))
    bad = manifest(1, 2)
    bad = replace(bad, document={**bad.document, "ingest_health": {"never": 1}})
    with pytest.raises((TypeError, KeyError)):
        send(catalog, bad)
    assert shown(catalog)[:2] == (["1a"], {"1": 1})


def test_replicas_that_take_in_one_run_at_once_lose_nothing(postgres: PostgresServer) -> None:
    url = postgres.new_schema()
    replicas = [PostgresCatalog(url) for _ in range(3)]
    sent = [
        manifest(store, sequence, names="abcdef"[:sequence])
        for store in range(1, 5)
        for sequence in range(1, 7)
    ]
    random.Random(1).shuffle(sent)
    errors: list[BaseException] = []

    def work(place: int) -> None:
        try:
            for each in sent[place :: len(replicas)]:
                send(replicas[place], each)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(replicas))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    segments, sequences, _ = shown(replicas[0])
    assert sequences == {"1": 6, "2": 6, "3": 6, "4": 6}
    assert sorted(segments) == [f"{store}{name}" for store in range(1, 5) for name in "abcdef"]
    for replica in replicas:
        replica.close()


def test_a_replica_hears_of_every_commit_however_late_its_transaction_ends(postgres: PostgresServer) -> None:
    url = postgres.new_schema()
    one, other = PostgresCatalog(url), PostgresCatalog(url)
    news = other.changes(None)
    assert (news.written, news.deleted, news.is_whole) == ([], [], True)
    begun, finish = threading.Event(), threading.Event()

    def slow(*parts: object) -> object:
        begun.set()
        finish.wait(60)
        return combine(*parts)  # type: ignore[arg-type]

    late = manifest(1, 1, names="a")
    thread = threading.Thread(
        target=lambda: SentRuns(one).receive("p", "r", late.store_id, pack(late.dump()), replaces, slow)  # type: ignore[arg-type]
    )
    thread.start()
    assert begun.wait(60)
    other.commit_run({**late.document, "run_id": "quick"}, b"")  # begins later and ends first
    news = other.changes(news.place)
    assert [run_id for _, run_id, _, _ in news.written] == ["quick"]
    finish.set()
    thread.join()
    news = other.changes(news.place)
    assert "r" in [run_id for _, run_id, _, _ in news.written]
    one.delete_run("p", "r")
    news = other.changes(news.place)
    assert (news.deleted, news.is_whole) == ([("p", "r")], False)
    news = other.changes(news.place)
    assert (news.written, news.deleted) == ([], [])
    one.close()
    other.close()


def test_a_host_that_is_lost_stays_silent_when_people_change_the_run() -> None:
    heard = replace(manifest(1, 5), write_time_unix_ms=1_000_000)
    lost = replace(manifest(2, 5), write_time_unix_ms=500_000)
    edits = add_edit("", Update(notes="one host is gone"))
    for changed in ("", edits):
        received = combine([pack(part.dump()) for part in (heard, lost)], changed)
        run = Run.load(received.document, received.summary)
        found = run.describe(whole=True)["ranks"]
        assert (found["sentence"], run.notes) == (
            "2 processes on 2 hosts: 1 runs, 1 is silent",
            "one host is gone" if changed else "",
        )
        [note] = found["notes"]
        assert note["writer_ids"] == [f"{2:032x}"]
