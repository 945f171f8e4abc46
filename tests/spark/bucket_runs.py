"""Owns runs in a bucket for tests of other engines: written as the uploader writes them, and known in every value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trackd_service import manifests, segments
from trackd_service.buckets import BucketStore
from trackd_service.catalog_tables import SegmentRow
from trackd_service.manifests import Manifest, SentSegment
from trackd_service.runs import Run
from trackd_service.segments import SegmentInfo
from trackd_service.series import Series
from trackd_service.summary import Summary

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "open_format.md"
STORE_ID = "00000000000000aa"
METRIC = "val/loss"
# Not whole microseconds, as no clock's are.
START_TIME = 1_700_000_000_123_456_789
STEP_NANOSECONDS = 1_000_001
_FENCE = re.compile(r"^```(python|sql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STEP_COUNT = 2_500

Rows = list[tuple[Any, ...]]


class BucketRun:
    """A run whose segments are put into a bucket, and what its manifest lists."""

    def __init__(
        self,
        store: BucketStore,
        folder: Path,
        project: str,
        run_id: str,
        store_id: str = STORE_ID,
        writer_id: str = "",
    ) -> None:
        self._store = store
        self._folder = folder
        self.project = project
        self.run_id = run_id
        self._store_id = store_id
        # A store without a writer of its own is a copy of another.
        self.writer_id = writer_id or store_id
        self.segments: list[SentSegment] = []

    @property
    def manifest_name(self) -> str:
        """The name of the run's manifest in the bucket."""
        return manifests.manifest_name(self.project, self.run_id, self._store_id)

    @property
    def files(self) -> set[str]:
        """The Parquet files that the manifest lists."""
        return {segment.files()[0][0] for segment in self.segments}

    def add(self, *series: Series) -> None:
        """Puts a segment into the bucket and lists it."""
        self.segments.append(self._put(segments.write_segment(series, self._folder, os.urandom(16).hex())))

    def merge(self) -> None:
        """Puts one segment with the points of all, and lists it instead of them."""
        paths = [self._folder / f"{segment.row.name.split('/')[1]}.parquet" for segment in self.segments]
        merged = segments.merge_segments(paths, self._folder, os.urandom(16).hex())
        self.segments = []
        self.segments = [self._put(merged)]

    def put_manifest(self) -> None:
        """Says in the bucket what the run's segments are now."""
        self._store.replace(self.manifest_name, self.manifest().dump())

    def manifest(self) -> Manifest:
        """Returns the manifest."""
        writers = [{"writer_id": self.writer_id, "sequence": 1}]
        document = Run(self.project, self.run_id, START_TIME).dump() | {"writers": writers}
        return Manifest(
            self._store_id, "host", "1.0", START_TIME // 10**6, document, Summary().dump(), self.segments
        )

    def _put(self, info: SegmentInfo) -> SentSegment:
        name = f"{manifests.run_folder(self.project, self.run_id)}/{info.name}"
        row = SegmentRow(name, len(self.segments), info.point_count, info.size_bytes)
        paths = (info.parquet_path, info.levels_path)
        sizes = [path.stat().st_size for path in paths]
        digests = [sha256(path.read_bytes()).hexdigest() for path in paths]
        sent = SentSegment(row, sizes[0], digests[0], sizes[1], digests[1])
        for (file_name, _, digest), path in zip(sent.files(), paths, strict=True):
            self._store.send_file(file_name, path, sha256=digest)
        return sent


def numbers(key: str, steps: Sequence[int], values: Sequence[float]) -> Series:
    """Returns a series of doubles."""
    step_array = np.array(steps, np.int64)
    return Series(
        key, "number", step_array, START_TIME + step_array * STEP_NANOSECONDS, np.array(values, np.float64)
    )


@dataclass(frozen=True)
class Answers:
    """What an engine answers to the document's three questions."""

    best: Rows
    curve: Rows
    means: Rows


class Vision:
    """Three runs of the project that `docs/open_format.md` asks about, one of another project, and the right answers."""

    def __init__(self, store: BucketStore, folder: Path) -> None:
        self._chance = np.random.default_rng(7)
        self._losses: dict[str, npt.NDArray[np.float64]] = {}
        self._steps = np.arange(_STEP_COUNT, dtype=np.int64)
        self._times = START_TIME + self._steps * STEP_NANOSECONDS
        self.runs = [
            *(self._put_run(store, folder, "vision", name) for name in ("resnet-1", "resnet-2", "vit-1")),
            self._put_run(store, folder, "speech", "resnet-1"),
        ]
        self._put_copy(store, folder, self.runs[0])

    step_count = _STEP_COUNT

    def merge(self) -> None:
        """Merges the segments of every run."""
        for run in self.runs:
            run.merge()
            run.put_manifest()

    def check(self, answers: Answers) -> None:
        """Holds answers to what was put."""
        assert answers.best == [self._best()]
        steps, times, values = zip(*answers.curve, strict=True)
        assert list(steps) == self._steps.tolist()
        assert list(times) == [_to_datetime(time) for time in self._times.tolist()]
        assert np.array_equal(values, self._losses["resnet-1"], equal_nan=True)
        first_steps, means, counts = zip(*answers.means, strict=True)
        expected = self._means()
        assert list(zip(first_steps, counts, strict=True)) == [(start, count) for start, _, count in expected]
        assert np.allclose(means, [mean for _, mean, _ in expected], rtol=1e-12, atol=0)

    def _best(self) -> tuple[str, float, int]:
        finite = {
            name: np.where(np.isfinite(values), values, np.inf) for name, values in self._losses.items()
        }
        name = min(finite, key=lambda each: float(finite[each].min()))
        return name, float(finite[name].min()), int(finite[name].argmin())

    def _means(self) -> list[tuple[int, float, int]]:
        result = []
        for start in range(0, _STEP_COUNT, 1000):
            values = np.concatenate([each[start : start + 1000] for each in self._losses.values()])
            finite = values[np.isfinite(values)]
            result.append((start, float(finite.mean()), len(finite)))
        return result

    def _put_run(self, store: BucketStore, folder: Path, project: str, run_id: str) -> BucketRun:
        # The other project's losses are smaller: whoever forgets the condition gives a wrong answer.
        values = self._chance.normal(5.0 if project == "vision" else 1.0, 1.0, _STEP_COUNT)
        values[[3, 1500]] = [np.nan, -np.inf]
        if project == "vision":
            self._losses[run_id] = values
        run = BucketRun(store, folder, project, run_id)
        for part in (slice(0, 1200), slice(1200, _STEP_COUNT)):
            steps, times = self._steps[part], self._times[part]
            run.add(
                Series(METRIC, "number", steps, times, values[part]),
                Series(
                    "epoch", "number", steps, times, steps / 10, steps // 10, np.ones(len(steps), np.bool_)
                ),
                # Under the same name: only the kind tells them apart.
                Series(METRIC, "bool", steps[:5], times[:5], np.zeros(5)),
                Series(METRIC, "string", steps[:5], times[:5], strings=["", 'a "b"', "ü\n", "\\", "0"]),
            )
        run.put_manifest()
        return run

    def _put_copy(self, store: BucketStore, folder: Path, run: BucketRun) -> None:
        """Uploads a run once more, as a store does that has copied it out of the bucket and merged its segments."""
        copy = BucketRun(store, folder, run.project, run.run_id, "00000000000000bb", run.writer_id)
        copy.segments = list(run.segments)
        copy.merge()
        copy.put_manifest()


def _to_datetime(time: int) -> datetime:
    # Cut off to microseconds, as Python and Delta have them.
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=time // 1000)


def blocks(section: str, language: str) -> list[str]:
    """Returns the fenced blocks of one section of `docs/open_format.md`, as they stand there."""
    sections = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (text,) = [each for each in sections if each.startswith(section + "\n")]
    return [body for kind, body in _FENCE.findall(text) if kind == language]


def run_blocks(*sections: str) -> dict[str, Any]:
    """Runs the Python of sections one behind the other, as a program, and returns its variables."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for section in sections:
        for text in blocks(section, "python"):
            exec(compile(text, str(DOCUMENT), "exec"), names)
    return names


def environment(store: BucketStore) -> Iterator[tuple[str, str]]:
    """Yields the variables that the document's programs take the place of a bucket from."""
    yield "BUCKET_URL", store.bucket.url
    yield "AWS_ENDPOINT_URL", store.bucket.endpoint_url
