"""Owns what the two faces see of the daemon: its parts, and facts about itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from trackd_service.ingest import Ingest
from trackd_service.live import Live
from trackd_service.query import Query
from trackd_service.run_edits import RunEdits
from trackd_service.space import Space
from trackd_service.store import Store
from trackd_service.transfers import Target
from trackd_service.uploader import Uploader


class Daemon:
    """The parts of one daemon."""

    def __init__(
        self,
        *,
        store: Store,
        ingest: Ingest,
        query: Query,
        live: Live,
        space: Space,
        uploader: Uploader,
        bucket: Callable[[], Target | None],
        token: str,
        facts: Callable[[], dict[str, Any]],
        stop: Callable[[], None],
        edits: RunEdits | None = None,
        kind: str = "daemon",
    ) -> None:
        """Takes the parts.

        `bucket` tells where the store is uploaded to, or which bucket it shows; `facts` what GetDaemon answers; `stop` begins
        the daemon's end; `edits` changes runs; `kind` is "daemon", or "server" for a team server.
        """
        self.store = store
        self.ingest = ingest
        self.query = query
        self.live = live
        self.space = space
        self.uploader = uploader
        self.bucket = bucket
        self.token = token
        self.facts = facts
        self.stop = stop
        self.edits = edits or RunEdits(store, ingest)
        self.kind = kind
        self.is_stopping = False
        self.call_time = time.monotonic()  # of the last call on either face

    def note_call(self) -> None:
        """Takes note that somebody has called."""
        self.call_time = time.monotonic()
