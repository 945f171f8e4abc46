from collections.abc import Callable

import pytest
from tests.unit.people_server import (
    ADDRESS,
    OPERATOR,
    OTHER_PASSWORD,
    PASSWORD,
    Clock,
    actions,
    again,
    commit_run,
    signed_in,
    with_key,
)

from trackd_service.catalog import Catalog
from trackd_service.errors import (
    AlreadyExists,
    InvalidArgument,
    PermissionDenied,
    TeamNotFound,
    Unauthenticated,
    UserNotFound,
)
from trackd_service.people import People
from trackd_service.principals import Caller
from trackd_service.users import Identity


def test_users_are_made_listed_and_found(people: People, clock: Clock) -> None:
    assert not people.users.has_server_admin()
    people.users.create(OPERATOR, "root", password=PASSWORD, is_server_admin=True)
    assert people.users.has_server_admin()
    name = "Ada \U0001f469\u200d\U0001f52c\n\0 \udc80"
    ada = people.users.create(
        OPERATOR, "ada.l-1_x", display_name=name, identity=Identity("https://id.example", "7")
    )
    assert (ada.display_name, ada.has_password, ada.create_time) == (name, False, clock.now)
    assert [user.name for user in people.users.all(OPERATOR)] == ["ada.l-1_x", "root"]
    assert people.users.get(OPERATOR, "ada.l-1_x") == ada
    for missing in ("nobody", "", "a\0", "\ud800"):
        with pytest.raises(UserNotFound, match="there is no user"):
            people.users.get(OPERATOR, missing)


@pytest.mark.parametrize("name", ["", "Ada", "a" * 65, "a b", "a\n", "\0", "ä", "@operator", "a/b"])
def test_a_name_that_is_none_is_refused(people: People, name: str) -> None:
    with pytest.raises(InvalidArgument, match="it can be 1 to 64 of a-z, 0-9, dot, _ and -: choose another"):
        people.users.create(OPERATOR, name)
    with pytest.raises(InvalidArgument, match="it can be 1 to 64"):
        people.teams.create(OPERATOR, name)


def test_names_and_identities_are_taken_once(people: People) -> None:
    identity = Identity("https://id.example", "7")
    people.users.create(OPERATOR, "ada", identity=identity)
    people.users.create(OPERATOR, "bob")
    people.users.create(OPERATOR, "cy")
    with pytest.raises(AlreadyExists, match="user name 'ada' is another user's"):
        people.users.create(OPERATOR, "ada")
    with pytest.raises(AlreadyExists, match=r"the identity at 'https://id\.example' is another user's"):
        people.users.create(OPERATOR, "dan", identity=identity)
    with pytest.raises(AlreadyExists, match="the identity"):
        people.users.set_identity(OPERATOR, "bob", identity)
    people.users.set_identity(OPERATOR, "ada", identity)
    people.teams.create(OPERATOR, "red")
    with pytest.raises(AlreadyExists, match="team name 'red'"):
        people.teams.create(OPERATOR, "red")


def test_a_user_without_a_password_comes_in_by_no_password(people: People) -> None:
    people.users.create(OPERATOR, "ada")
    for password in ("", PASSWORD, "the password of nobody"):
        with pytest.raises(Unauthenticated):
            people.sessions.sign_in("ada", password, ADDRESS)


def test_only_server_admins_who_have_signed_in_give_new_ways_in(people: People, clock: Clock) -> None:
    root = signed_in(people, "root", is_server_admin=True)
    ada = signed_in(people, "ada")
    root_key = with_key(people, root, clock, scope="admin")
    changes: list[Callable[[Caller], object]] = [
        lambda caller: people.users.create(caller, "new", password=PASSWORD),
        lambda caller: people.users.set_password(caller, "ada", OTHER_PASSWORD),
        lambda caller: people.users.set_identity(caller, "new", Identity("i", "s")),
        lambda caller: people.users.set_server_admin(caller, "new", is_server_admin=True),
        lambda caller: people.users.enable(caller, "new"),
    ]
    for change in changes:
        for caller in (ada, root_key):
            with pytest.raises(PermissionDenied, match="is not allowed here: it takes"):
                change(caller)
        change(root)
    with pytest.raises(PermissionDenied):
        people.keys.create(root_key, "root", "another")
    people.users.disable(root_key, "ada")
    with pytest.raises(PermissionDenied):
        people.users.disable(ada, "root")
    with pytest.raises(PermissionDenied):
        people.users.all(ada)
    with pytest.raises(PermissionDenied):
        people.users.get(ada, "root")
    assert people.users.get(ada, "ada").disable_time == clock.now


def test_roles_reach_the_projects_of_the_team_and_no_others(people: People) -> None:
    people.teams.create(OPERATOR, "red")
    people.teams.create(OPERATOR, "blue")
    people.teams.assign(OPERATOR, "p", "red")
    people.teams.assign(OPERATOR, "q", "blue")
    ada = signed_in(people, "ada")
    for role, rights in (
        ("reader", (True, False, False)),
        ("writer", (True, True, False)),
        ("admin", (True, True, True)),
    ):
        people.teams.set_role(OPERATOR, "red", "ada", role)
        who = again(people, ada).principal
        assert (who.can_read("p"), who.can_write("p"), who.can_administer("p")) == rights
        assert who.readable(["q", "p", "none"]) == ["p"]
        assert (who.teams, who.projects) == ({"red": role}, {"p": "red"})
    people.teams.remove(OPERATOR, "red", "ada")
    assert again(people, ada).principal.readable(["p", "q"]) == []
    people.users.set_server_admin(OPERATOR, "ada", is_server_admin=True)
    assert again(people, ada).principal.readable(["p", "q", "none"]) == ["p", "q", "none"]


def test_teams_are_looked_after_by_their_admins_and_hidden_from_others(people: People, clock: Clock) -> None:
    root = signed_in(people, "root", is_server_admin=True)
    people.teams.create(root, "red")
    people.teams.create(OPERATOR, "blue")
    root = again(people, root)
    ada, bob = signed_in(people, "ada"), signed_in(people, "bob")
    people.teams.set_role(root, "red", "ada", "admin")
    ada = again(people, ada)
    people.teams.set_role(ada, "red", "bob", "writer")
    bob = again(people, bob)
    assert [(member.user, member.role) for member in people.teams.members(bob, "red")] == [
        ("ada", "admin"),
        ("bob", "writer"),
        ("root", "admin"),
    ]
    assert [team.name for team in people.teams.all(bob)] == ["red"]
    assert [(team.name, team.member_count) for team in people.teams.all(root)] == [("blue", 0), ("red", 3)]
    with pytest.raises(PermissionDenied, match="to change who is in a team is not allowed here"):
        people.teams.set_role(bob, "red", "bob", "admin")
    one_project = with_key(people, ada, clock, scope="admin", project="p")
    with pytest.raises(TeamNotFound):
        people.teams.members(one_project, "red")
    limited = with_key(people, ada, clock, scope="write")
    with pytest.raises(PermissionDenied):
        people.teams.set_role(limited, "red", "bob", "admin")
    for team in ("blue", "never", "a\0"):
        with pytest.raises(TeamNotFound, match="there is no team"):
            people.teams.members(ada, team)
        with pytest.raises(TeamNotFound, match="there is no team"):
            people.teams.set_role(ada, team, "ada", "admin")
    with pytest.raises(UserNotFound):
        people.teams.set_role(ada, "red", "nobody", "reader")
    with pytest.raises(InvalidArgument, match="role is 'owner'"):
        people.teams.set_role(ada, "red", "bob", "owner")
    with pytest.raises(PermissionDenied):
        people.teams.create(ada, "green")
    people.teams.remove(bob, "red", "bob")
    with pytest.raises(TeamNotFound, match="user 'bob' is not in team 'red'"):
        people.teams.remove(root, "red", "bob")


def test_a_new_project_is_claimed_by_the_team_of_who_writes_first(people: People, clock: Clock) -> None:
    ada, bob = signed_in(people, "ada"), signed_in(people, "bob")
    people.teams.create(OPERATOR, "red")
    people.teams.create(OPERATOR, "blue")
    people.teams.set_role(OPERATOR, "red", "ada", "writer")
    people.teams.set_role(OPERATOR, "blue", "bob", "admin")
    writer = with_key(people, ada, clock)
    assert not writer.principal.can_write("p")
    assert people.teams.claim(writer, "p").can_write("p")
    assert people.teams.claim(writer, "p").can_write("p")
    found = people.teams.claim(again(people, bob), "p")
    assert not found.can_read("p")
    assert people.teams.projects(OPERATOR, "red") == ["p"]
    assert actions(people).count("project.claim") == 1


def test_a_claim_needs_the_right_to_write_somewhere(people: People, clock: Clock, catalog: Catalog) -> None:
    ada = signed_in(people, "ada")
    with pytest.raises(PermissionDenied, match="it takes a writer or an admin of a team"):
        people.teams.claim(ada, "p")
    for team in ("red", "blue", "grey"):
        people.teams.create(OPERATOR, team)
    people.teams.set_role(OPERATOR, "red", "ada", "writer")
    people.teams.set_role(OPERATOR, "grey", "ada", "reader")
    for fields in ({"scope": "read"}, {"project": "other"}):
        with pytest.raises(PermissionDenied, match="a key of scope write for it"):
            people.teams.claim(with_key(people, ada, clock, **fields), "p")
    with pytest.raises(PermissionDenied, match="of team 'grey'"):
        people.teams.claim(ada, "p", "grey")
    people.teams.set_role(OPERATOR, "blue", "ada", "admin")
    with pytest.raises(InvalidArgument, match="you write for blue, red: say which"):
        people.teams.claim(ada, "p")
    for name in ("", "x" * 129, "a\0b", "a\nb"):
        with pytest.raises(InvalidArgument, match="printable ones"):
            people.teams.claim(ada, name, "red")
    commit_run(catalog, "old")
    with pytest.raises(PermissionDenied, match="project 'old' has runs and no team: ask a server admin"):
        people.teams.claim(ada, "old", "red")
    people.teams.assign(OPERATOR, "old", "red")
    assert people.teams.claim(ada, "p", "blue").can_administer("p")
    assert again(people, ada).principal.projects == {"p": "blue", "old": "red"}
    people.users.disable(OPERATOR, "ada")
    with pytest.raises(PermissionDenied):
        people.teams.claim(ada, "new", "red")
    assert people.teams.projects(OPERATOR, "red") == ["old"]


def test_a_project_is_given_away_by_an_admin_of_both_teams(people: People) -> None:
    ada = signed_in(people, "ada")
    for team in ("red", "blue"):
        people.teams.create(OPERATOR, team)
    people.teams.set_role(OPERATOR, "blue", "ada", "admin")
    people.teams.set_role(OPERATOR, "red", "ada", "writer")
    people.teams.assign(OPERATOR, "p", "red")
    ada = again(people, ada)
    for project in ("p", "unowned"):
        with pytest.raises(PermissionDenied, match="an admin of the team that owns it, or a server admin"):
            people.teams.assign(ada, project, "blue")
    people.teams.set_role(OPERATOR, "red", "ada", "admin")
    people.teams.assign(again(people, ada), "p", "blue")
    assert people.teams.projects(OPERATOR, "blue") == ["p"]
    with pytest.raises(TeamNotFound):
        people.teams.assign(OPERATOR, "p", "never")
