"""Owns which of several replicas does a piece of work: a lease on its name, for a bounded time.

Invariants: at one moment at most one lease of a name holds, whatever the replicas' own clocks say, as the database's alone
counts; the lease of a holder that was killed ends by itself. A holder may believe in a lease that it has lost (it was stopped
for a while, or cut off): so what it writes at the end it writes in a transaction that `check` is a part of, which fails then,
and which nobody takes the lease from before it has ended. A clock of the database that jumps, as another machine takes over,
makes a lease end early or late, and never two results of one piece of work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import StorageUnavailable

LEASE_SECONDS = 60.0  # how long work rests when its replica has died; renewed three times in that time
_FORGET_SECONDS = 86_400.0
_SECOND = 1_000_000

_log = logging.getLogger("trackd.leases")


class LeaseLost(RuntimeError):
    """The lease is somebody else's by now, or nobody's."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was taken: of what, and the mark of this holder, which no other one ever has."""

    name: str
    holder: str


class Leases:
    """Takes, renews and gives back leases in a catalog."""

    def __init__(self, catalog: Catalog, seconds: float = LEASE_SECONDS) -> None:
        """Takes the catalog that the replicas share, and how long a lease holds unless it is renewed."""
        self._catalog = catalog
        self.seconds = seconds

    def take(self, name: str) -> Lease | None:
        """Returns a lease, or None while somebody else holds it."""
        lease = Lease(name, os.urandom(16).hex())
        with self._catalog.writing() as tables:
            now = self._catalog.clock(tables)
            taken = tables.execute(
                # Of two at once, one waits for the other's row and then finds that it holds.
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
                "until = excluded.until WHERE leases.until <= ?",
                (name, lease.holder, self._end(now), now),
            )
            return lease if taken.rowcount == 1 else None

    def renew(self, lease: Lease) -> bool:
        """Has a lease hold for its whole time from now on; returns False where it was lost."""
        with self._catalog.writing() as tables:
            now = self._catalog.clock(tables)
            renewed = tables.execute(
                "UPDATE leases SET until = ? WHERE name = ? AND holder = ? AND until > ?",
                (self._end(now), lease.name, lease.holder, now),
            )
            return renewed.rowcount == 1

    def give_back(self, lease: Lease) -> None:
        """Lets others take a lease at once; one that was lost stays its new holder's."""
        with self._catalog.writing() as tables:
            before = self._catalog.clock(tables) - int(_FORGET_SECONDS * _SECOND)
            tables.execute(
                "DELETE FROM leases WHERE (name = ? AND holder = ?) OR until < ?",
                (lease.name, lease.holder, before),
            )

    def check(self, tables: Tables, lease: Lease) -> None:
        """Sees to it, as a part of a transaction, that a lease holds until the transaction ends. Raises LeaseLost."""
        held = tables.execute(
            # Writing the row has whoever wants to take it wait; when it has ended meanwhile, nobody has taken it.
            "UPDATE leases SET until = until WHERE name = ? AND holder = ? AND until > ?",
            (lease.name, lease.holder, self._catalog.clock(tables)),
        )
        if held.rowcount != 1:
            raise LeaseLost(f"the lease of {lease.name!r} was lost: what was done under it is not kept")

    @contextlib.asynccontextmanager
    async def hold(self, name: str, on_catalog: Callable[..., Awaitable[Any]]) -> AsyncIterator[Lease | None]:
        """Gives a lease that is renewed while the block runs and given back behind it, or None while another one has it.

        Args:
            name: Of what.
            on_catalog: Runs a function of the catalog in a thread of its own.

        Raises:
            StorageUnavailable: The catalog cannot be asked whether somebody has it.
        """
        lease: Lease | None = await on_catalog(self.take, name)
        if lease is None:
            yield None
            return
        renewing = asyncio.ensure_future(self._renew_for_ever(lease, on_catalog))
        try:
            yield lease
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with contextlib.suppress(StorageUnavailable):  # then it ends by itself
                await on_catalog(self.give_back, lease)

    async def _renew_for_ever(self, lease: Lease, on_catalog: Callable[..., Awaitable[Any]]) -> None:
        while True:
            await asyncio.sleep(self.seconds / 3)
            try:
                if not await on_catalog(self.renew, lease):
                    _log.warning(
                        "the lease of %s was lost; what is done under it is done by another replica",
                        lease.name,
                    )
                    return
            except StorageUnavailable:
                pass  # tried again; until it ends by itself, it holds

    def _end(self, now: int) -> int:
        return now + int(self.seconds * _SECOND)
