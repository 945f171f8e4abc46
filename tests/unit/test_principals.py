import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd_service.errors import InvalidArgument, PermissionDenied
from trackd_service.principals import (
    Caller,
    Operator,
    Principal,
    Scope,
    check_role,
    check_scope,
    require_server_admin,
    require_signed_in,
)

# What a role lets its user do in the team's project, and what a scope is for: read, write, administer.
ROLES = {"none": "", "reader": "r", "writer": "rw", "admin": "rwa"}
SCOPES: dict[Scope, str] = {"read": "r", "write": "rw", "admin": "rwa"}
# (limit of the key, project asked for) -> whether the limit lets it through.
LIMITS = {("", "p"): True, ("p", "p"): True, ("q", "p"): False, ("pp", "p"): False, ("P", "p"): False}


def principal(role: str, scope: Scope, limit: str = "", is_server_admin: bool = False) -> Principal:
    teams = {} if role == "none" else {"team": role}
    projects = {"p": "team"} if teams or is_server_admin else {}
    if limit:
        projects = {project: team for project, team in projects.items() if project == limit}
    return Principal(
        "ada", 1, scope, "k", "", limit, is_server_admin=is_server_admin, teams=teams, projects=projects
    )


def allowed(who: Principal, project: str) -> str:
    answers = (who.can_read(project), who.can_write(project), who.can_administer(project))
    return "".join(letter for letter, answer in zip("rwa", answers, strict=True) if answer)


@pytest.mark.parametrize(
    ("role", "scope", "limit", "project"),
    [
        (role, scope, limit, project)
        for role, scope, (limit, project) in itertools.product(ROLES, SCOPES, LIMITS)
    ],
)
def test_a_principal_may_do_what_role_and_scope_and_limit_all_allow(
    role: str, scope: Scope, limit: str, project: str
) -> None:
    both = "".join(letter for letter in ROLES[role] if letter in SCOPES[scope])
    assert allowed(principal(role, scope, limit), project) == (both if LIMITS[limit, project] else "")


@pytest.mark.parametrize(
    ("role", "scope", "limit", "project"),
    [
        (role, scope, limit, project)
        for role, scope, (limit, project) in itertools.product(ROLES, SCOPES, LIMITS)
    ],
)
def test_a_server_admin_is_as_an_admin_of_every_team_within_scope_and_limit(
    role: str, scope: Scope, limit: str, project: str
) -> None:
    expected = SCOPES[scope] if LIMITS[limit, project] else ""
    assert allowed(principal(role, scope, limit, is_server_admin=True), project) == expected


@pytest.mark.parametrize("scope", SCOPES)
def test_a_project_that_nobody_owns_is_seen_by_server_admins_alone_and_written_by_nobody(
    scope: Scope,
) -> None:
    assert allowed(principal("admin", scope), "unowned") == ""
    assert allowed(principal("admin", scope, is_server_admin=True), "unowned") == "r"
    assert allowed(principal("admin", scope, "other", is_server_admin=True), "unowned") == ""


@given(st.sampled_from(["", "owner", "ADMIN", "admin "]), st.sampled_from(["", "root", "Admin"]))
def test_a_role_or_scope_that_is_unknown_allows_nothing(role: str, scope: str) -> None:
    assert allowed(principal(role, "admin"), "p") == ""
    unknown: Scope = scope  # type: ignore[assignment]
    assert allowed(principal("admin", unknown, is_server_admin=True), "p") == ""


def test_another_teams_project_is_not_reached_by_being_admin_of_one() -> None:
    who = Principal("ada", 1, "admin", teams={"mine": "admin"}, projects={"p": "mine", "q": "theirs"})
    assert allowed(who, "q") == ""
    assert who.readable(["q", "p", "never", "p"]) == ["p", "p"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("limit", ["", "p"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("is_server_admin", [False, True])
def test_people_are_looked_after_with_scope_admin_and_no_limit_alone(
    role: str, scope: Scope, limit: str, is_server_admin: bool
) -> None:
    who = principal(role, scope, limit, is_server_admin)
    is_whole = scope == "admin" and not limit
    assert who.can_administer_server is (is_server_admin and is_whole)
    assert who.can_administer_team("team") is (is_whole and (is_server_admin or role == "admin"))
    assert who.can_administer_team("other") is (is_server_admin and is_whole)
    if who.can_administer_server:
        require_server_admin(Caller(who), "that")
    else:
        with pytest.raises(PermissionDenied, match="that is not allowed here: it takes a server admin"):
            require_server_admin(Caller(who), "that")


def test_a_key_is_not_signed_in_and_nobody_at_all_is_no_operator() -> None:
    with pytest.raises(PermissionDenied):
        require_signed_in(Caller(principal("admin", "admin", is_server_admin=True)), "that")
    require_signed_in(Caller(Principal("ada", 1, "admin", session_id="s")), "that")
    require_signed_in(Operator(), "that")
    nobody: Principal = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        require_server_admin(Caller(nobody), "that")


def test_roles_and_scopes_that_are_none_are_told() -> None:
    assert (check_role("writer"), check_scope("read")) == ("writer", "read")
    with pytest.raises(InvalidArgument, match="role is 'owner'; it can be reader, writer or admin"):
        check_role("owner")
    with pytest.raises(InvalidArgument, match="scope is ''; it can be read, write or admin"):
        check_scope("")
