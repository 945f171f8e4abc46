"""Owns the answer to what two runs do not share: config, environment, packages, and the files that both keep."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from trackd_service.comparison import MISSING, Difference, compare, compare_packages, compare_texts
from trackd_service.store import Store
from trackd_service.stored_runs import StoredRun

_FILE_BYTES_MAX = 10 << 20  # of a text that is compared; larger ones are only said to differ
_PACKAGES = "requirements.txt"


@dataclass(frozen=True, slots=True)
class RunDifference:
    """One value that two runs do not share: the part, the key, both values; `MISSING` where one has none."""

    part: str
    key: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that two runs do not share: its path, and a unified diff, empty for what is no text or too large."""

    path: str
    diff: str


class CompareQuery:
    """Compares runs of a store."""

    def __init__(self, store: Store) -> None:
        """Takes the store."""
        self._store = store

    async def compare(
        self, left: tuple[str, str], right: tuple[str, str]
    ) -> tuple[list[RunDifference], list[FileDifference]]:
        """Returns what two runs, given as (project, run id), do not share; raises RunNotFound."""
        one, other = await self._store.get(*left), await self._store.get(*right)
        for stored in (one, other):
            await self._store.keeper.settle(stored)
        found = _of("config", compare(one.run.config, other.run.config))
        found += _of("environment", compare(one.run.environment, other.run.environment))
        packages = [await self._text(stored, _PACKAGES) for stored in (one, other)]
        if packages[0] is not None and packages[1] is not None:
            found += _of("packages", await asyncio.to_thread(compare_packages, packages[0], packages[1]))
        files = []
        for path in sorted({*one.run.files, *other.run.files} - {_PACKAGES}):
            facts = [stored.run.files.get(path) for stored in (one, other)]
            if facts[0] is not None and facts[1] is not None and facts[0]["sha256"] == facts[1]["sha256"]:
                continue
            texts = [await self._text(one, path), await self._text(other, path)]
            diff = ""
            if any(text is not None for text in texts):
                difference = await asyncio.to_thread(compare_texts, texts[0] or "", texts[1] or "", path)
                diff = difference.text
            files.append(FileDifference(path, diff))
        return found, files

    async def _text(self, stored: StoredRun, path: str) -> str | None:
        """Returns a file as text; None where there is none, and for what is no text or too large."""
        facts = stored.run.files.get(path)
        if facts is None or facts["size_bytes"] > _FILE_BYTES_MAX:
            return None
        place = await self._store.file_path(stored, path)
        try:
            return (await asyncio.to_thread(place.read_bytes)).decode()
        except (OSError, UnicodeDecodeError):
            return None


def _of(part: str, differences: list[Difference]) -> list[RunDifference]:
    return [RunDifference(part, each.key, each.left, each.right) for each in differences]


__all__ = ["MISSING", "CompareQuery", "FileDifference", "RunDifference"]
