"""Owns a lane of the upload: one helper process that sends, and when it is tried again after a failure.

Invariant: a failure is noted here and raised to nobody; the pauses grow to a minute, and chance spreads them.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trackd_service.bucket_requests import BucketError
from trackd_service.transfers import Target
from trackd_service.worker import Worker, WorkerCrashed

_BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)

_T = TypeVar("_T")
_log = logging.getLogger("trackd.upload")


@dataclass
class Lane:
    """One helper process and how it fares.

    Attributes:
        target: The bucket.
        worker: The process.
        failures: How many attempts failed, one after another.
        retry_time: Before which, on the monotonic clock, nothing is tried.
        sentence: What is wrong; empty when nothing is.
        is_transient: Whether that may heal by itself.
    """

    target: Target
    worker: Worker = field(default_factory=Worker)
    failures: int = 0
    retry_time: float = 0.0
    sentence: str = ""
    is_transient: bool = True

    async def run(self, function: Callable[..., _T], *arguments: Any) -> _T | None:
        """Runs a transfer in the process; None when it failed or one of its files did, which is noted.

        A file whose own fault that is fails alone: its error is in the result.
        """
        try:
            result = await self.worker.run(function, self.target, *arguments)
            if isinstance(result, list):
                for each in result:
                    if each.error is not None and each.error.kind != "file":
                        raise each.error
        except (BucketError, WorkerCrashed, OSError) as error:
            self.fail(error)
            return None
        self.succeed()
        return result

    def succeed(self) -> None:
        """Takes note of a success."""
        self.failures, self.retry_time, self.sentence = 0, 0.0, ""

    def fail(self, error: Exception) -> None:
        """Takes note of a failure; the next attempt comes after a while that grows, by chance spread."""
        pause = _BACKOFF_SECONDS[min(self.failures, len(_BACKOFF_SECONDS) - 1)]
        self.failures += 1
        self.retry_time = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self.is_transient = not isinstance(error, BucketError) or error.is_transient
        if str(error) != self.sentence:
            _log.warning("%s", error)
        self.sentence = str(error)
