"""Owns which metrics the runs of a project have, of which kinds, and how the latest definitions have them drawn.

Invariants: runs with the same metrics and definitions share what is kept of them; a list is made again only when some run
has got other metrics. No I/O and no clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trackd_service.definitions import Definitions


@dataclass(slots=True)
class _Shared:
    """Metrics by kind and definitions that some runs have alike."""

    kinds: Mapping[str, Sequence[str]]
    definitions: Definitions


class RunMetrics:
    """The metrics of a project's runs."""

    def __init__(self) -> None:
        """Begins without runs."""
        self.unknown: set[str] = set()  # ids of runs whose metrics somebody has to look up
        self._shared: dict[bytes, _Shared] = {}
        self._runs: dict[str, tuple[float, bytes]] = {}
        self._text: str | None = None

    def put(
        self,
        run_id: str,
        create_time: float,
        kinds: Mapping[str, Sequence[str]] | None,
        definitions: Sequence[dict[str, Any]],
    ) -> None:
        """Says which metrics a run has, None where that is not known."""
        if kinds is None:
            self.unknown.add(run_id)
            kinds = {}
        else:
            self.unknown.discard(run_id)
        digest = hashlib.blake2b(json.dumps([kinds, definitions]).encode(), digest_size=16).digest()
        if self._runs.get(run_id) == (create_time, digest):
            return
        self._runs[run_id] = (create_time, digest)
        if digest not in self._shared:
            self._shared[digest] = _Shared(kinds, Definitions.load(definitions))
        self._text = None

    def remove(self, run_id: str) -> None:
        """Forgets a run."""
        self.unknown.discard(run_id)
        del self._runs[run_id]
        self._text = None

    def text(self) -> str:
        """Returns `all` as a JSON array, which is kept: of 100,000 metrics it takes a third of a second to make."""
        if self._text is None:
            self._text = json.dumps(self.all(), separators=(",", ":"))
        return self._text

    def all(self) -> list[dict[str, Any]]:
        """Returns the metrics by name and kind: in how many runs, and how the newest of them has each drawn."""
        newest: dict[bytes, float] = {}
        counts: dict[bytes, int] = {}
        for create_time, digest in self._runs.values():
            newest[digest] = max(create_time, newest.get(digest, create_time))
            counts[digest] = counts.get(digest, 0) + 1
        self._shared = {digest: shared for digest, shared in self._shared.items() if digest in counts}
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for digest in sorted(newest, key=lambda each: -newest[each]):
            shared, count = self._shared[digest], counts[digest]
            for kind, names in shared.kinds.items():
                for name in names:
                    entry = found.get((name, kind))
                    if entry is not None:
                        entry["run_count"] += count
                        continue
                    definition = shared.definitions.of(name)
                    found[(name, kind)] = {
                        "name": name,
                        "kind": kind,
                        "run_count": count,
                        "hidden": bool(definition is not None and definition.hidden),
                        "step_metric": None if definition is None else definition.step_metric,
                    }
        return [found[key] for key in sorted(found)]
