"""Stores of which a team server hears nothing any more: who is given up on, when not, and what brings them back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_received_runs import manifest, send

from trackd_service.absences import Absences
from trackd_service.catalog import Catalog
from trackd_service.errors import StorageUnavailable
from trackd_service.leases import Leases
from trackd_service.manifests import Manifest
from trackd_service.objects import DirectoryStore
from trackd_service.received_runs import add_edit, combine
from trackd_service.records import Update
from trackd_service.runs import Run
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store

SECONDS = 0.2


def document(catalog: Catalog) -> dict[str, Any]:
    found = catalog.load_run("p", "r")
    assert found is not None
    return Run.load(found[0], found[1]).describe(whole=True)


def ended(sent: Manifest) -> Manifest:
    sent.document["state"] = "finished"
    for writer in sent.document["writers"]:
        writer["is_open"] = False
    return sent


class Server:
    """A store over a catalog, and who looks for the silent there."""

    def __init__(self, catalog: Catalog, folder: Path, seconds: float = SECONDS) -> None:
        self.store = Store(catalog, DirectoryStore(folder / "objects"), folder / "scratch")
        self.bucket_answers = True
        self.absences = Absences(self.store, catalog, Leases(catalog), self._bucket_answers, seconds)

    async def _bucket_answers(self) -> bool:
        return self.bucket_answers

    async def look_once_silence_counts(self) -> int:
        """Looks again and again until it is long enough that something could have been given up on."""
        end = time.monotonic() + 1.5 * SECONDS
        count = 0
        while time.monotonic() < end:
            count += await self.absences.look()
            await asyncio.sleep(0.01)
        return count


def test_a_run_whose_only_machine_is_not_heard_of_is_stalled_until_it_is(
    catalog: Catalog, tmp_path: Path
) -> None:
    async def work() -> None:
        send(catalog, manifest(1, 5, names="a", write_time=1_764_000_000_000))
        server = Server(catalog, tmp_path)
        assert await server.absences.look() == 0
        assert not document(catalog)["stalled"]
        assert await server.look_once_silence_counts() == 1
        found = document(catalog)
        assert (found["state"], found["stalled"], found["finish_time_unix_ms"]) == ("running", True, None)
        assert found["end_reason"] == (
            "nothing was heard of node1 after 2025-11-24 16:00 UTC: the machine, or the network between, may be gone"
        )
        assert [writer["silent"] for writer in found["writers"]] == [True]
        # What is done on the server meanwhile changes nothing about it.
        sent = SentRuns(catalog)
        assert sent.edit("p", "r", lambda edits: add_edit(edits, Update(notes="seen")), combine)
        assert document(catalog)["stalled"]
        assert send(catalog, manifest(1, 5, names="a", write_time=1_764_000_000_000 - 1))  # late, and older
        assert document(catalog)["stalled"]
        assert await server.absences.look() == 0  # once
        send(catalog, manifest(1, 6, names="ab", write_time=1_764_000_500_000))
        found = document(catalog)
        assert (found["state"], found["stalled"], found["end_reason"]) == ("running", False, "")
        assert [writer["silent"] for writer in found["writers"]] == [False]
        await server.store.close()

    asyncio.run(work())


def test_of_several_machines_the_lost_one_is_silent_and_the_run_goes_on(
    catalog: Catalog, tmp_path: Path
) -> None:
    async def work() -> None:
        send(catalog, manifest(1, 5, names="a"))
        server = Server(catalog, tmp_path, seconds=2)  # a busy machine keeps the second silent for less
        deadline = time.monotonic() + 20
        number = 0
        while not await server.absences.look():
            number += 1
            send(catalog, manifest(2, number))
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        found = document(catalog)
        assert (found["state"], found["stalled"], found["end_reason"]) == ("running", False, "")
        assert {writer["process"]["host"]: writer["silent"] for writer in found["writers"]} == {
            "node1": True,
            "node2": False,
        }
        await server.store.close()

    asyncio.run(work())


def test_a_run_that_has_ended_is_never_given_up_on(catalog: Catalog, tmp_path: Path) -> None:
    async def work() -> None:
        send(catalog, ended(manifest(1, 5, names="a")))
        server = Server(catalog, tmp_path)
        assert await server.look_once_silence_counts() == 0
        assert document(catalog)["state"] == "finished"
        await server.store.close()

    asyncio.run(work())


def test_what_the_server_has_missed_itself_is_nobodys_silence(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        send(catalog, manifest(1, 5, names="a"))
        server = Server(catalog, tmp_path)
        looks = 0
        enough = asyncio.Event()
        look = server.absences.look

        async def look_or_fail() -> int:
            nonlocal looks
            looks += 1
            if looks == 40:
                enough.set()
            if looks % 4 == 0:  # within the time after which a store would be lost
                raise StorageUnavailable("the database is away")
            return await look()

        monkeypatch.setattr(server.absences, "look", look_or_fail)
        running = asyncio.ensure_future(server.absences.run())
        await enough.wait()
        assert not document(catalog)["stalled"]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.store.close()

    asyncio.run(work())


def test_while_the_bucket_is_away_nobody_is_given_up_on(catalog: Catalog, tmp_path: Path) -> None:
    async def work() -> None:
        send(catalog, manifest(1, 5, names="a"))
        server = Server(catalog, tmp_path)
        server.bucket_answers = False
        assert await server.look_once_silence_counts() == 0
        server.bucket_answers = True
        assert await server.absences.look() == 0  # it may have kept the store from saying a word until now
        assert await server.look_once_silence_counts() == 1
        await server.store.close()

    asyncio.run(work())


def test_what_an_older_trackd_has_received_is_heard_of_from_now_on(catalog: Catalog, tmp_path: Path) -> None:
    async def work() -> None:
        send(catalog, manifest(1, 5, names="a"))
        with catalog.writing() as tables:
            tables.execute("UPDATE manifests SET receive_time = 0")
        assert SentRuns(catalog).unheard(60) == []
        server = Server(catalog, tmp_path)
        assert await server.look_once_silence_counts() == 1
        await server.store.close()

    asyncio.run(work())
