"""Owns the noticing, on a team server, that nothing is heard any more of a store at work: its machine may be gone.

Invariants: a store at work says something once a minute, whether anything happens or not; one that is heard of again is not
lost any more, in the same transaction. One replica at a time looks, by a lease. What the server itself has missed, since it
was not there or could not ask the catalog or the bucket, is nobody's silence.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from trackd_service import config, received_runs
from trackd_service.catalog import Catalog
from trackd_service.errors import StorageUnavailable
from trackd_service.leases import LeaseLost, Leases
from trackd_service.sent_runs import SentRuns
from trackd_service.store import Store

_LOOKS = 12  # in the time after which a store is lost

_log = logging.getLogger("trackd.absences")


class Absences:
    """Gives up on stores of which nothing is heard."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        leases: Leases,
        bucket_answers: Callable[[], Awaitable[bool]],
        lost_after_seconds: float = config.LOST_AFTER_SECONDS,
    ) -> None:
        """Makes it; `run` begins its work.

        Args:
            store: Of the replica.
            catalog: That it is over.
            leases: By which one replica at a time looks.
            bucket_answers: Says whether the bucket can be asked: a store puts its files there before it says a word.
            lost_after_seconds: After how long without a word.
        """
        self._store = store
        self._sent = SentRuns(catalog)
        self._leases = leases
        self._bucket_answers = bucket_answers
        self._seconds = lost_after_seconds
        self._listening_time = time.monotonic()  # since when the server has missed nothing

    async def run(self) -> None:
        """Looks now and then, until it is cancelled."""
        while True:
            looked = time.monotonic()
            try:
                await self.look()
            except StorageUnavailable:
                self._listening_time = time.monotonic()
            except LeaseLost as error:
                _log.info("%s", error)
            except Exception:  # noqa: BLE001 - logged whole; the next look tries again
                _log.exception("who is silent could not be found out; it is tried again")
            await asyncio.sleep(self._seconds / _LOOKS)
            if time.monotonic() - looked > self._seconds / 2:  # stopped for a while, as a laptop is
                self._listening_time = time.monotonic()

    async def look(self) -> int:
        """Gives up on who is to be given up on now, unless another replica is at it; returns of how many runs.

        Raises:
            StorageUnavailable: The catalog cannot be asked.
            LeaseLost: Another replica goes on.
        """
        count = 0
        async with self._leases.hold("absences", self._store.on_catalog) as lease:
            if lease is None:
                return 0
            unheard = await self._store.on_catalog(self._sent.unheard, self._seconds)
            if not unheard or time.monotonic() - self._listening_time < self._seconds:
                return 0
            if not await self._bucket_answers():
                self._listening_time = time.monotonic()
                return 0
            for project, run_id in unheard:
                is_lost = await self._store.on_catalog(
                    self._sent.give_up,
                    project,
                    run_id,
                    self._seconds,
                    received_runs.combine,
                    lambda tables: self._leases.check(tables, lease),
                )
                if is_lost:
                    count += 1
                    _log.warning(
                        "nothing was heard for %g s of a machine that writes %s/%s",
                        self._seconds,
                        project,
                        run_id,
                    )
        return count
