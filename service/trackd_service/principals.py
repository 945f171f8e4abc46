"""Owns who asks, and what they may do: principals, and the one rule of roles, scopes and limits. Pure.

Invariants: what nothing allows is refused; a key never allows what its user's role does not; who may administer may
write, and who may write may read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from trackd_service.errors import InvalidArgument, PermissionDenied

Role = Literal["reader", "writer", "admin"]
Scope = Literal["read", "write", "admin"]
# What each word allows, as a number: the smaller one of a role and a scope counts.
_READ, _WRITE, _ADMINISTER = 1, 2, 3
_ROLE_LEVELS: Mapping[str, int] = {"reader": _READ, "writer": _WRITE, "admin": _ADMINISTER}
_SCOPE_LEVELS: Mapping[str, int] = {"read": _READ, "write": _WRITE, "admin": _ADMINISTER}
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Principal:
    """A user as known by a key or a session, with what the user may do at this moment.

    Attributes:
        user: The user's name.
        user_key: The user's number in the catalog.
        scope: What the key is for; "admin" for a session.
        key_id: The key; empty for a session.
        session_id: The session; empty for a key.
        project: The only project that the key is for; empty for all.
        is_server_admin: Whether the user looks after the server: is as an admin of every team.
        teams: The user's role by team.
        projects: The owning team by project, for projects of the user's teams, of all teams for a server admin.
    """

    user: str
    user_key: int
    scope: Scope
    key_id: str = ""
    session_id: str = ""
    project: str = ""
    is_server_admin: bool = False
    teams: Mapping[str, str] = field(default_factory=lambda: _NONE, repr=False, hash=False)
    projects: Mapping[str, str] = field(default_factory=lambda: _NONE, repr=False, hash=False)

    def can_read(self, project: str) -> bool:
        """Says whether the project's runs may be seen; a server admin sees those of a project that nobody owns, too."""
        return self._level(project) >= _READ

    def can_write(self, project: str) -> bool:
        """Says whether runs of the project may be written and changed; not while nobody owns it, see `Teams.claim`."""
        return self._level(project) >= _WRITE

    def can_administer(self, project: str) -> bool:
        """Says whether the project may be given away, and its runs deleted for good."""
        return self._level(project) >= _ADMINISTER

    def readable(self, projects: Iterable[str]) -> list[str]:
        """Returns those of the projects that may be read, in their order."""
        return [project for project in projects if self.can_read(project)]

    def is_for(self, scope: Scope, project: str) -> bool:
        """Says whether the key or session is for this at all, whatever its user's role."""
        return _SCOPE_LEVELS.get(self.scope, 0) >= _SCOPE_LEVELS[scope] and self.project in ("", project)

    @property
    def can_administer_server(self) -> bool:
        """Whether users, teams and all keys may be looked after."""
        return self.is_server_admin and self.scope == "admin" and not self.project

    def can_administer_team(self, team: str) -> bool:
        """Says whether the team's members and projects may be looked after."""
        is_admin = self.is_server_admin or self.teams.get(team) == "admin"
        return is_admin and self.scope == "admin" and not self.project

    def _level(self, project: str) -> int:
        if self.project not in ("", project):
            return 0
        team = self.projects.get(project)
        role_level = 0 if team is None else _ROLE_LEVELS.get(self.teams.get(team, ""), 0)
        if self.is_server_admin:
            role_level = _READ if team is None else _ADMINISTER
        return min(role_level, _SCOPE_LEVELS.get(self.scope, 0))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a change, and from which address; what they may not do raises `PermissionDenied`."""

    principal: Principal
    address: str = ""

    @property
    def name(self) -> str:
        """The name that the audit has."""
        return self.principal.user

    @property
    def way(self) -> str:
        """By which key or session, as the audit has it."""
        return f"key:{self.principal.key_id}" if self.principal.key_id else "session"

    def is_user(self, name: str) -> bool:
        """Says whether this is the user of that name."""
        return self.principal.user == name

    def can_administer_server(self) -> bool:
        """Says whether users, teams and all keys may be looked after."""
        return self.principal.can_administer_server

    def can_administer_team(self, team: str) -> bool:
        """Says whether the team's members and projects may be looked after."""
        return self.principal.can_administer_team(team)

    def is_signed_in(self) -> bool:
        """Says whether a person has signed in: new ways in are given by no key, so that a thief of one cannot stay."""
        return bool(self.principal.session_id)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs a command on the server's machine: may do everything, as the database is theirs anyway.

    A type of its own and not a principal that is missing: what is forgotten must not be almighty.
    """

    name: str = "@operator"  # no user's name: they have no @
    address: str = ""
    way: str = "command"

    def is_user(self, _name: str) -> bool:
        """Says that this is no user."""
        return False

    def can_administer_server(self) -> bool:
        """Says that this is allowed."""
        return True

    def can_administer_team(self, _team: str) -> bool:
        """Says that this is allowed."""
        return True

    def is_signed_in(self) -> bool:
        """Says that this counts as signed in."""
        return True


Actor = Caller | Operator


def require(allowed: bool, what: str, who: str) -> None:
    """Raises PermissionDenied where something is not allowed: `what` says what was asked for, `who` may do it."""
    if not allowed:
        raise PermissionDenied(f"{what} is not allowed here: it takes {who}")


def require_server_admin(actor: Actor, what: str) -> None:
    """Raises PermissionDenied for everyone but those who look after the server."""
    require(actor.can_administer_server(), what, "a server admin, signed in or with a key of scope admin")


def require_signed_in(actor: Actor, what: str) -> None:
    """Raises PermissionDenied for keys."""
    require(actor.is_signed_in(), what, "a person who has signed in; a key gives no new way in")


def check_role(role: str) -> Role:
    """Returns a role; raises InvalidArgument when it is none."""
    for known in ("reader", "writer", "admin"):
        if role == known:
            return known
    raise InvalidArgument(f"role is {role[:40]!r}; it can be reader, writer or admin", field="role")


def check_scope(scope: str) -> Scope:
    """Returns a scope; raises InvalidArgument when it is none."""
    for known in ("read", "write", "admin"):
        if scope == known:
            return known
    raise InvalidArgument(f"scope is {scope[:40]!r}; it can be read, write or admin", field="scope")
