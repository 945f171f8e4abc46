"""Owns the limit of attempts to sign in: five in any minute for a name and for an address, then longer and longer waits.

Invariants: what counts is kept in the catalog, so that all replicas count together; an attempt is counted before its
password is looked at, so that attempts at once are no way around; a refused one is not, so that asking again costs nothing.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trackd_service.catalog_tables import Tables

ATTEMPTS_MAX = 5
_SECOND = 10**9
_WINDOW = 60 * _SECOND
_WAIT_MAX = 15 * 60 * _SECOND  # a person whose name somebody tries must come in again some time
_MEMORY = 3600 * _SECOND  # after so long without an excess, waits begin anew


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is known of the attempts for one name or address; times in nanoseconds since 1970 UTC.

    Attributes:
        times: Attempts that still count.
        blocked_until: Before that, every attempt is refused.
        strike_count: How often there were too many.
    """

    times: tuple[int, ...] = ()
    blocked_until: int = 0
    strike_count: int = 0

    def with_one(self, now: int) -> tuple[Attempts, int]:
        """Returns what is known after an attempt, and how long to wait in nanoseconds; 0 where it is allowed."""
        # A wait that is longer than any comes from a clock that was wrong.
        if now < self.blocked_until <= now + _WAIT_MAX:
            return self, self.blocked_until - now
        strike_count = 0 if now - self.blocked_until >= _MEMORY else self.strike_count
        times = tuple(time for time in self.times if now - _WINDOW < time <= now + _WINDOW)
        if len(times) < ATTEMPTS_MAX:
            return Attempts((*times, now), self.blocked_until, strike_count), 0
        wait = min(_WAIT_MAX, _WINDOW << min(strike_count, 8))
        return Attempts(times, now + wait, strike_count + 1), wait

    def without_one(self) -> Attempts:
        """Returns what is known once the last attempt has turned out to be right."""
        return replace(self, times=self.times[:-1])


def subjects(name: str, address: str) -> list[str]:
    """Returns what an attempt counts for: always the address first, in which order all transactions hold them.

    An empty name, for one that no user can have, counts for the address alone.
    """
    return [f"address:{network(address)}", *([f"name:{name}"] if name else [])]


def network(address: str) -> str:
    """Returns whose address it is: itself, or of IPv6 the 64 bits that one subscriber has all addresses of."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def count(tables: Tables, counted: Sequence[str], now: int) -> int:
    """Counts an attempt in a transaction, which must end well even where the attempt is refused.

    Returns:
        How long to wait, in nanoseconds; 0 where the attempt is allowed.
    """
    for subject in counted:
        found, wait = _held(tables, subject, now).with_one(now)
        _write(tables, subject, found, now)
        if wait:
            return wait
    return 0


def give_back(tables: Tables, counted: Sequence[str], now: int) -> None:
    """Takes back an attempt that was right; a name's earlier ones are forgotten, an address's may have been for others."""
    for subject in counted:
        found = _held(tables, subject, now)
        is_name = subject.startswith("name:")
        _write(tables, subject, Attempts() if is_name else found.without_one(), now)


def forget_old(tables: Tables, now: int) -> None:
    """Deletes what no longer counts."""
    tables.execute("DELETE FROM sign_in_attempts WHERE update_time < ?", (now - _MEMORY - _WAIT_MAX,))


def _held(tables: Tables, subject: str, now: int) -> Attempts:
    """Returns what is known, having every other transaction wait: writing a row is how both databases hold it."""
    row = tables.execute(
        "INSERT INTO sign_in_attempts VALUES (?, '[]', 0, 0, ?) ON CONFLICT (subject) DO UPDATE SET "
        "update_time = excluded.update_time RETURNING times, blocked_until, strike_count",
        (subject, now),
    ).fetchone()
    return Attempts(tuple(json.loads(row[0])), row[1], row[2])


def _write(tables: Tables, subject: str, found: Attempts, now: int) -> None:
    tables.execute(
        "UPDATE sign_in_attempts SET times = ?, blocked_until = ?, strike_count = ?, update_time = ? WHERE subject = ?",
        (json.dumps(found.times), found.blocked_until, found.strike_count, now, subject),
    )
