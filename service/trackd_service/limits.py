"""Owns how much one user may ask of a team server, and how much a team may keep there.

Invariants: who asks too much is refused at once and told when to come again, and holds up nobody else; what a replica has
counted ends with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from trackd_service.catalog import Catalog
from trackd_service.errors import QuotaExceeded, TooManyRequests
from trackd_service.principals import Principal

REQUESTS_PER_SECOND = 500.0  # of a user at one replica: of ten machines with a hundred live runs each, 200
_BURST_SECONDS = 10.0
_USERS_MAX = 10_000
_USED_SECONDS = 30.0  # for which what a team has used is believed


@dataclass
class _Bucket:
    allowance: float
    counted_to: float


class RequestLimit:
    """Holds each user to so many requests a second, at one replica."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes the rate, 0 for any, of which ten seconds' worth may come at once; and for tests a clock."""
        self._rate = per_second
        self._burst = per_second * _BURST_SECONDS
        self._clock = clock
        self._buckets: dict[int, _Bucket] = {}

    def take(self, principal: Principal) -> None:
        """Counts a request; raises TooManyRequests."""
        if not self._rate:
            return
        now = self._clock()
        bucket = self._buckets.get(principal.user_key)
        if bucket is None:
            if len(self._buckets) >= _USERS_MAX:
                self._buckets.clear()
            bucket = self._buckets[principal.user_key] = _Bucket(self._burst, now)
        bucket.allowance = min(self._burst, bucket.allowance + (now - bucket.counted_to) * self._rate)
        bucket.counted_to = now
        if bucket.allowance < 1:
            seconds = (1 - bucket.allowance) / self._rate
            raise TooManyRequests(
                f"user {principal.user!r} asks more than {self._rate:g} times a second: ask again in {seconds:.1f} s",
                retry_seconds=f"{seconds:.1f}",
            )
        bucket.allowance -= 1


class TeamQuota:
    """Holds each team to so many bytes of sealed points and files."""

    def __init__(self, catalog: Catalog, bytes_max: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes the catalog, the bound of each team, 0 for none, and for tests a clock."""
        self._catalog = catalog
        self._bytes_max = bytes_max
        self._clock = clock
        self._used: dict[str, tuple[float, int]] = {}

    def check(self, principal: Principal, project: str, size_bytes: int) -> None:
        """Raises QuotaExceeded where the team of a project has no room for so many bytes more.

        What was used is some seconds old: a team may get over its quota by what it sends in them.
        """
        team = principal.projects.get(project)
        if not self._bytes_max or team is None:
            return
        now = self._clock()
        known = self._used.get(team)
        if known is None or now - known[0] > _USED_SECONDS:
            sizes = dict(self._catalog.project_sizes())
            used = sum(sizes.get(each, 0) for each, owner in principal.projects.items() if owner == team)
            known = self._used[team] = (now, used)
        if known[1] + size_bytes > self._bytes_max:
            raise QuotaExceeded(
                f"team {team!r} has used {known[1] / 1e9:.2f} of {self._bytes_max / 1e9:.2f} GB: delete runs that nobody "
                "needs, or ask who looks after the server for more",
                team=team,
                used_bytes=known[1],
                limit=self._bytes_max,
            )
        self._used[team] = (known[0], known[1] + size_bytes)
