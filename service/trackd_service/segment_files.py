"""Owns the files of segments, as the runs of a store need them: put under a name of the run, opened, fetched from elsewhere.

Invariant: a damaged segment costs its run the points that it holds, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from trackd_service.catalog_tables import SegmentRow
from trackd_service.levels import LevelsFile, SegmentDamaged
from trackd_service.manifests import run_folder
from trackd_service.objects import DirectoryStore
from trackd_service.runs import Run
from trackd_service.segments import SegmentInfo
from trackd_service.stored_runs import Elsewhere, Segment, StoredRun


class SegmentFiles:
    """The files of a store's segments.

    Attributes:
        elsewhere: Where those are that are not in the object store; None where all are.
        scratch: A folder for files being made.
    """

    def __init__(self, objects: DirectoryStore, scratch: Path) -> None:
        """Takes the object store, and the folder."""
        self._objects = objects
        self.scratch = scratch
        self.elsewhere: Elsewhere | None = None

    async def need(self, names: Sequence[str]) -> None:
        """Sees to it, as far as that is possible, that objects lie in the directory."""
        if self.elsewhere is not None:
            going = self.elsewhere.use(names)
            missing = [name for name in names if name in going or self._objects.local_path(name) is None]
            if missing:
                await self.elsewhere.fetch(missing)

    async def look_ahead(self, names: Iterable[str]) -> None:
        """Has objects fetched that are about to be needed: together, and not counted as read."""
        if self.elsewhere is not None:
            await self.elsewhere.fetch([name for name in names if self._objects.local_path(name) is None])

    async def open_all(
        self, stored: StoredRun, rows: Sequence[SegmentRow], known: Iterable[Segment] = ()
    ) -> None:
        """Opens the segments of a run; `known` are those of them that are open already."""
        opened = {segment.row.name: segment for segment in known}
        await self.need([f"segments/{row.name}.levels" for row in rows if row.name not in opened])
        for row in rows:
            segment = opened.get(row.name)
            if segment is not None:
                segment = Segment(row, segment.parquet, segment.levels)
                stored.segments = [*stored.segments, segment]
                stored.next_position = max(stored.next_position, row.position + 1)
            else:
                # Verified whole, away from the event loop: a chart is drawn from the levels alone.
                await asyncio.to_thread(self.add, stored, row, is_new=False)

    def add(self, stored: StoredRun, row: SegmentRow, is_new: bool) -> None:
        """Opens a segment of a run; one that was not written just now is verified."""
        stored.next_position = max(stored.next_position, row.position + 1)
        parquet = self._objects.local_path(f"segments/{row.name}.parquet")
        levels = self._objects.local_path(f"segments/{row.name}.levels")
        if self.elsewhere is not None:  # it is fetched when somebody wants to see single points
            parquet = self._objects.root / f"segments/{row.name}.parquet"
        try:
            if parquet is None or levels is None:
                raise SegmentDamaged("it is not in the store")
            file = LevelsFile(levels)
            if not is_new:
                file.verify()
            stored.segments = [*stored.segments, Segment(row, parquet, file)]
        except (SegmentDamaged, OSError) as error:
            stored.note_damage(f"{row.point_count} points of segment {row.name} cannot be read: {error}")

    async def keep(self, run: Run, info: SegmentInfo, position: int) -> SegmentRow:
        """Moves a written segment into the object store, into a folder of the run's own."""
        # Any engine reads FOLDER/*.parquet as one run.
        name = f"{run_folder(run.project, run.run_id)}/{info.name}"
        for path, ending in ((info.parquet_path, "parquet"), (info.levels_path, "levels")):
            await asyncio.to_thread(self._objects.put_file, f"segments/{name}.{ending}", path)
        return SegmentRow(name, position, info.point_count, info.size_bytes)

    def clear_scratch(self, name: str) -> None:
        """Removes what a failed seal or merge has left: on a full disk it would keep the next one from succeeding."""
        for path in self.scratch.glob(f"{name}.*"):
            path.unlink(missing_ok=True)

    async def delete(self, name: str) -> None:
        """Deletes the files of a segment that no run has any more."""
        for ending in ("parquet", "levels"):
            await asyncio.to_thread(self._objects.delete, f"segments/{name}.{ending}")
