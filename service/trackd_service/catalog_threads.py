"""Owns the threads in which a store asks its catalog.

Invariant: the catalog is used from as many threads as it says; the event loop never waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from trackd_service.catalog import Catalog

_T = TypeVar("_T")


class CatalogThreads:
    """A catalog, asked from the event loop."""

    def __init__(self, catalog: Catalog) -> None:
        """Takes the catalog."""
        self.catalog = catalog
        self._pool = ThreadPoolExecutor(catalog.thread_count, "trackd-catalog")

    async def run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Runs a function of the catalog in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    async def close(self) -> None:
        """Closes the catalog, behind what is under way."""
        await self.run(self.catalog.close)
        self._pool.shutdown()
