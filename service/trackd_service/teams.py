"""Owns teams: their members with a role each, and which project belongs to which team.

Invariants: a project belongs to one team at most, whoever claims it at the same moment; what a principal may do is read here,
from what the catalog says now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

from trackd_service import audit, config
from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import AlreadyExists, InvalidArgument, PermissionDenied, TeamNotFound
from trackd_service.principals import (
    Actor,
    Caller,
    Principal,
    Role,
    check_role,
    require,
    require_server_admin,
)
from trackd_service.users import check_name, is_name, not_found


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a team."""

    user: str
    role: Role


@dataclass(frozen=True, slots=True)
class Team:
    """A team; `create_time` in nanoseconds since 1970 UTC."""

    name: str
    create_time: int
    member_count: int
    project_count: int


class Teams:
    """Makes, lists and changes teams, and gives projects to them."""

    def __init__(self, catalog: Catalog, clock: Callable[[], int]) -> None:
        self._catalog = catalog
        self._clock = clock

    def create(self, actor: Actor, name: str) -> None:
        """Makes a team; who asks, where it is a user, is its first admin."""
        require_server_admin(actor, "to make a team")
        check_name("team name", name)
        now = self._clock()
        with self._catalog.writing() as tables:
            made = tables.execute(
                "INSERT INTO teams (name, create_time) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, now)
            )
            if made.rowcount == 0:
                raise AlreadyExists(f"team name {name!r} is another team's: choose another", name=name)
            audit.note(tables, now, actor, "team.create", f"team:{name}")
            if isinstance(actor, Caller):
                _set_role(tables, name, actor.name, "admin")
                audit.note(tables, now, actor, "team.set_role", f"team:{name}", user=actor.name, role="admin")

    def all(self, actor: Actor) -> list[Team]:
        """Returns the teams that the actor is in, or all for a server admin, by name."""
        with self._catalog.reading() as tables:
            rows = tables.execute(
                "SELECT name, create_time, (SELECT count(*) FROM memberships WHERE memberships.team_key = teams.team_key), "
                "(SELECT count(*) FROM project_teams WHERE project_teams.team_key = teams.team_key) "
                "FROM teams ORDER BY name"
            ).fetchall()
        return [Team(*row) for row in rows if _sees(actor, row[0])]

    def members(self, actor: Actor, team: str) -> list[Member]:
        """Returns the members of a team by name; for its members and server admins."""
        with self._catalog.reading() as tables:
            _seen(tables, actor, team)
            rows = tables.execute(
                "SELECT users.name, role FROM memberships JOIN users USING (user_key) JOIN teams USING (team_key) "
                "WHERE teams.name = ? ORDER BY users.name",
                (team,),
            ).fetchall()
        return [Member(user, check_role(role)) for user, role in rows]

    def projects(self, actor: Actor, team: str) -> list[str]:
        """Returns the projects of a team by name; for its members and server admins."""
        with self._catalog.reading() as tables:
            _seen(tables, actor, team)
            rows = tables.execute(
                "SELECT project FROM project_teams JOIN teams USING (team_key) WHERE teams.name = ? ORDER BY project",
                (team,),
            ).fetchall()
        return [project for (project,) in rows]

    def set_role(self, actor: Actor, team: str, user: str, role: str) -> None:
        """Gives a user a role in a team, in the place of the former one; for admins of the team and server admins."""
        known_role = check_role(role)
        with self._catalog.writing() as tables:
            _led(tables, actor, team, "to change who is in a team")
            if not is_name(user) or not _set_role(tables, team, user, known_role):
                raise not_found(user)
            audit.note(
                tables, self._clock(), actor, "team.set_role", f"team:{team}", user=user, role=known_role
            )

    def remove(self, actor: Actor, team: str, user: str) -> None:
        """Takes a user out of a team; for admins of the team, server admins, and the user."""
        with self._catalog.writing() as tables:
            if not (actor.is_user(user) and actor.is_signed_in()):
                _led(tables, actor, team, "to change who is in a team")
            removed = tables.execute(
                "DELETE FROM memberships WHERE team_key = (SELECT team_key FROM teams WHERE name = ?) "
                "AND user_key = (SELECT user_key FROM users WHERE name = ?)",
                (_text(team), _text(user)),
            )
            if removed.rowcount == 0:
                raise TeamNotFound(f"user {user[:80]!r} is not in team {team[:80]!r}", name=team[:80])
            audit.note(tables, self._clock(), actor, "team.remove", f"team:{team}", user=user)

    def claim(self, caller: Caller, project: str, team: str = "") -> Principal:
        """Gives a project that nobody owns to a team of a writer, who is about to write there for the first time.

        To be called where `can_write` says no, and before anything is written. A project that has runs and no team is older
        than the teams: `assign` gives it to one.

        Args:
            caller: Who is about to write.
            project: The project.
            team: The team; empty for the only one that the user writes for.

        Returns:
            The caller's principal as it is now, which may have got to know that another team owns the project: ask it again.

        Raises:
            InvalidArgument: The user writes for several teams, and none is named; or no project can be called so.
            PermissionDenied: The key or the user may not write, or the project has runs already.
        """
        principal = caller.principal
        check_project(project)
        require(
            principal.is_for("write", project),
            f"to write in project {project!r}",
            "a key of scope write for it",
        )
        now = self._clock()
        with self._catalog.writing() as tables:
            if _owner(tables, project) is None:
                chosen = _claimant(tables, principal, project, team)
                claimed = tables.execute(
                    "INSERT INTO project_teams (project, team_key, claim_time) SELECT ?, memberships.team_key, ? "
                    "FROM memberships JOIN users USING (user_key) JOIN teams USING (team_key) "
                    "WHERE user_key = ? AND teams.name = ? AND role IN ('writer', 'admin') AND disable_time = 0 "
                    "AND NOT EXISTS (SELECT 1 FROM runs WHERE project = ?) ON CONFLICT (project) DO NOTHING",
                    (project, now, principal.user_key, chosen, project),
                )
                if claimed.rowcount:
                    audit.note(tables, now, caller, "project.claim", f"project:{project}", team=chosen)
                elif _owner(tables, project) is None:
                    raise PermissionDenied(
                        f"project {project!r} has runs and no team: ask a server admin to give it to one"
                    )
            return with_roles(tables, principal)

    def assign(self, actor: Actor, project: str, team: str) -> None:
        """Gives a project to a team, whoever owned it; for server admins, and for who is admin of both teams."""
        check_project(project)
        now = self._clock()
        with self._catalog.writing() as tables:
            _led(tables, actor, team, "to give a project to a team")
            owner = _owner(tables, project)
            require(
                actor.can_administer_server() or (owner is not None and actor.can_administer_team(owner)),
                f"to give away project {project!r}",
                "an admin of the team that owns it, or a server admin",
            )
            tables.execute(
                "INSERT INTO project_teams (project, team_key, claim_time) SELECT ?, team_key, ? FROM teams "
                "WHERE name = ? ON CONFLICT (project) DO UPDATE SET team_key = excluded.team_key",
                (project, now, team),
            )
            audit.note(
                tables, now, actor, "project.assign", f"project:{project}", team=team, former=owner or ""
            )


def with_roles(tables: Tables, principal: Principal) -> Principal:
    """Returns the principal with the teams and projects that the user has now."""
    teams = tables.execute(
        "SELECT name, role FROM memberships JOIN teams USING (team_key) WHERE user_key = ?",
        (principal.user_key,),
    ).fetchall()
    where, values = (["project = ?"], [principal.project]) if principal.project else ([], [])
    if not principal.is_server_admin:
        where.append("team_key IN (SELECT team_key FROM memberships WHERE user_key = ?)")
    projects = tables.execute(
        "SELECT project, name FROM project_teams JOIN teams USING (team_key) "  # noqa: S608 - no value is pasted
        f"WHERE {' AND '.join(where) or '1 = 1'}",
        (*values, *([] if principal.is_server_admin else [principal.user_key])),
    ).fetchall()
    return replace(principal, teams=MappingProxyType(dict(teams)), projects=MappingProxyType(dict(projects)))


def check_project(project: str) -> None:
    """Raises InvalidArgument for what no project can be called."""
    if not 1 <= len(project) <= config.NAME_CHARACTERS_MAX or not project.isprintable():
        raise InvalidArgument(
            f"project {project[:40]!r} has {len(project)} characters; a name has 1 to {config.NAME_CHARACTERS_MAX} "
            "printable ones: name a project that runs can have",
            field="project",
        )


def _claimant(tables: Tables, principal: Principal, project: str, team: str) -> str:
    """Returns the team that a project is claimed for."""
    rows = tables.execute(
        "SELECT teams.name FROM memberships JOIN teams USING (team_key) JOIN users USING (user_key) "
        "WHERE user_key = ? AND role IN ('writer', 'admin') AND disable_time = 0 ORDER BY teams.name",
        (principal.user_key,),
    ).fetchall()
    names = [name for (name,) in rows if team in ("", name)]
    if not names:
        of = f"team {team[:80]!r}" if team else "a team"
        raise PermissionDenied(
            f"to begin project {project!r} is not allowed here: it takes a writer or an admin of {of}"
        )
    if len(names) > 1:
        raise InvalidArgument(
            f"project {project!r} is new, and you write for {', '.join(names[:5])}: say which team's it is, or begin it "
            "on the team's page",
            field="team",
        )
    return str(names[0])


def _owner(tables: Tables, project: str) -> str | None:
    row = tables.execute(
        "SELECT name FROM project_teams JOIN teams USING (team_key) WHERE project = ?", (project,)
    ).fetchone()
    return None if row is None else str(row[0])


def _set_role(tables: Tables, team: str, user: str, role: Role) -> bool:
    written = tables.execute(
        "INSERT INTO memberships (team_key, user_key, role) SELECT team_key, user_key, ? FROM teams, users "
        "WHERE teams.name = ? AND users.name = ? ON CONFLICT (team_key, user_key) DO UPDATE SET role = excluded.role",
        (role, team, user),
    )
    return written.rowcount > 0


def _sees(actor: Actor, team: str) -> bool:
    """Says whether a team's members may be seen: by its members, but for keys that are for one project."""
    is_member = isinstance(actor, Caller) and not actor.principal.project and team in actor.principal.teams
    return is_member or actor.can_administer_team(team)


def _seen(tables: Tables, actor: Actor, team: str) -> None:
    """Raises TeamNotFound where there is no such team, or none that the actor may know of: the two look alike."""
    row = tables.execute("SELECT 1 FROM teams WHERE name = ?", (_text(team),)).fetchone()
    if row is None or not _sees(actor, team):
        raise TeamNotFound(f"there is no team {team[:80]!r} that you are in", name=team[:80])


def _led(tables: Tables, actor: Actor, team: str, what: str) -> None:
    """Raises an error where the actor may not look after the team."""
    _seen(tables, actor, team)
    require(
        actor.can_administer_team(team),
        what,
        "an admin of it or of the server, signed in or with a key of scope admin",
    )


def _text(name: str) -> str:
    """Returns a name as it can be asked for; one that no team has, such as of a NUL, is asked for as the empty one."""
    return name if is_name(name) else ""
