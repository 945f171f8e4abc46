"""Owns who may do what on a team server: users, teams, keys, sessions and their audit, over one catalog.

Invariants: everything stands in the catalog, so that all replicas agree, and each change in one transaction with its audit;
nothing is remembered here. Calls wait for the database, and belong into threads; of a catalog in SQLite, into its one thread.
"""

from __future__ import annotations

from collections.abc import Callable

from trackd_service.api_keys import ApiKeys
from trackd_service.audit import Audit
from trackd_service.catalog import Catalog
from trackd_service.passwords import Passwords
from trackd_service.principals import Caller, Principal
from trackd_service.sessions import Sessions
from trackd_service.teams import Teams
from trackd_service.users import Users


class People:
    """The people of a server.

    Attributes:
        users: Who there is.
        teams: Who works together, and on which projects.
        keys: What programs come in with.
        sessions: What persons come in with.
        audit: What was changed.
        now: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self, catalog: Catalog, clock: Callable[[], int], passwords: Passwords | None = None
    ) -> None:
        """Takes the catalog, a clock that gives nanoseconds since 1970 UTC, and how passwords are kept."""
        kept = passwords or Passwords()
        self.now = clock
        self.users = Users(catalog, clock, kept)
        self.teams = Teams(catalog, clock)
        self.keys = ApiKeys(catalog, clock)
        self.sessions = Sessions(catalog, clock, kept)
        self.audit = Audit(catalog, clock)

    def resolve_key(self, text: str, now: int) -> Principal | None:
        """Returns who an API key is at a time, or None for one that is of no use; `tokens.mistake` tells of a typo."""
        return self.keys.resolve(text, now)

    def resolve_session(self, token: str, now: int) -> Principal | None:
        """Returns whose session a token is at a time, or None where it is none, or none any more."""
        return self.sessions.resolve(token, now)

    def expire_time(self, caller: Caller) -> int:
        """Returns until when the caller's key or session is of use, if nothing ends it before; 0 for ever."""
        if caller.principal.key_id:
            return self.keys.expire_time(caller)
        return self.sessions.expire_time(caller)

    def tidy(self, now: int) -> None:
        """Deletes sessions that are over and attempts that no longer count; to be called every hour or so, by any replica."""
        self.sessions.forget_ended(now)
