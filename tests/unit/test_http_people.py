"""Owns the tests of the routes of people: `PeopleFace` alone, over both catalogs."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.unit.asgi import Answered, Client
from tests.unit.people_server import ADDRESS, OPERATOR, OTHER_PASSWORD, PASSWORD, Clock, actions, rows

from trackd_service.catalog import Catalog
from trackd_service.errors import TrackdError
from trackd_service.http_parts import refusal
from trackd_service.http_people import API, OPEN_PATHS, PeopleFace
from trackd_service.oidc import Oidc
from trackd_service.people import People
from trackd_service.principals import Caller, Principal

COOKIE = "trackd_session"
ME = f"{API}/me"
KEYS = f"{ME}/keys"


def app_of(people: People, oidc: Oidc | None = None) -> ASGIApp:
    """Returns the face behind a guard that knows keys and sessions, as the server's does."""

    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, TrackdError)
        return refusal(error)

    face = PeopleFace(people, COOKIE, oidc)
    app = Starlette(routes=face.routes(API), exception_handlers={TrackdError: refuse})

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        found = (
            await asyncio.to_thread(people.resolve_key, key, people.now())
            if key
            else await asyncio.to_thread(
                people.resolve_session, request.cookies.get(COOKIE, ""), people.now()
            )
        )
        if found is not None:
            scope["trackd.caller"] = Caller(found, request.client.host if request.client else "")
        elif request.url.path in OPEN_PATHS:
            scope["trackd.caller"] = Caller(Principal("", 0, "read"), ADDRESS)
        await app(scope, receive, send)

    return guarded


@pytest.fixture(autouse=True)
async def _one_thread() -> None:
    """Has all calls of a test come from one thread, which SQLite's catalog belongs into."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))


@pytest.fixture
def client(people: People) -> Client:
    """Gives a browser that has not signed in, and a server with a server admin and a user."""
    people.users.create(OPERATOR, "root", password=PASSWORD, is_server_admin=True)
    people.users.create(OPERATOR, "ada", password=PASSWORD, display_name="Ada L.")
    return Client(app_of(people))


async def come_in(client: Client, name: str, password: str = PASSWORD) -> Client:
    """Returns another browser, which has signed in."""
    other = Client(client.app)
    answer = await other.ask("POST", f"{API}/session", {"name": name, "password": password})
    assert answer.status == 200, answer
    return other


# -- coming in and leaving -----------------------------------------------------------------------------------------------


async def test_a_person_comes_in_by_password_and_leaves(client: Client) -> None:
    assert (await client.ask("GET", f"{API}/sign-in")).json == {"password": True, "oidc": None}
    assert (await client.ask("GET", ME)).refusal == (401, "UNAUTHENTICATED")
    answer = await client.ask("POST", f"{API}/session", {"name": "ada", "password": PASSWORD})
    assert (answer.status, answer.json) == (200, {"user": "ada"})
    token = client.cookies[COOKIE]
    assert token.startswith("trs_")
    assert token.encode() not in answer.content
    me = (await client.ask("GET", ME)).json
    assert (me["user"], me["display_name"], me["way"], me["scope"]) == ("ada", "Ada L.", "session", "admin")
    assert (await client.ask("DELETE", f"{API}/session")).status == 200
    assert COOKIE not in client.cookies
    client.cookies[COOKIE] = token
    assert (await client.ask("GET", ME)).refusal == (401, "UNAUTHENTICATED")
    assert (await client.ask("DELETE", f"{API}/session")).status == 200  # signed out is signed out


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_script_and_no_other_site_gets_hold_of_the_cookie(client: Client, scheme: str) -> None:
    client.scheme = scheme
    answer = await client.ask("POST", f"{API}/session", {"name": "ada", "password": PASSWORD})
    (cookie,) = answer.set_cookies()
    said = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=604800"} <= said
    assert ("secure" in said) == (scheme == "https")
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", OTHER_PASSWORD), ("nobody", PASSWORD), ("", ""), ("ada", PASSWORD + "\0"), ("\ud800", PASSWORD)],
)
async def test_a_wrong_name_and_a_wrong_password_are_refused_alike(
    client: Client, name: str, password: str
) -> None:
    answer = await client.ask("POST", f"{API}/session", {"name": name, "password": password})
    assert answer.refusal == (401, "UNAUTHENTICATED")
    assert answer.json["error"]["message"].startswith("the name or the password is wrong")
    assert answer.set_cookies() == []


async def test_too_many_attempts_are_told_how_long_to_wait(client: Client, clock: Clock) -> None:
    for _ in range(5):
        await client.ask("POST", f"{API}/session", {"name": "ada", "password": OTHER_PASSWORD})
    answer = await client.ask("POST", f"{API}/session", {"name": "ada", "password": PASSWORD})
    assert answer.refusal == (429, "TOO_MANY_ATTEMPTS")
    seconds = int(answer.json["error"]["metadata"]["retry_after_seconds"])
    clock.pass_by(seconds)
    assert (await client.ask("POST", f"{API}/session", {"name": "ada", "password": PASSWORD})).status == 200


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b'{"name": 1, "password": "x"}', b'{"name": "ada"}'])
async def test_a_body_that_is_none_is_refused(client: Client, sent: bytes) -> None:
    assert (await client.ask("POST", f"{API}/session", sent)).refusal == (400, "INVALID_ARGUMENT")


async def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    sent = {"name": "ada", "password": "x" * 100_000}
    assert (await client.ask("POST", f"{API}/session", sent)).refusal == (400, "INVALID_ARGUMENT")


async def test_the_sign_in_page_learns_nothing_of_who_there_is(client: Client) -> None:
    assert b"ada" not in (await client.ask("GET", f"{API}/sign-in")).content
    answer = await client.ask("GET", f"{API}/oidc/begin")
    assert answer.refusal == (400, "INVALID_ARGUMENT")


async def test_no_route_but_the_open_ones_does_without_a_caller(people: People, client: Client) -> None:
    for route in PeopleFace(people, COOKIE).routes(API):
        for method in (route.methods or set()) - {"HEAD"}:
            path = route.path.replace("{", "").replace("}", "")
            answer = await client.ask(method, path, {})
            assert (answer.status == 401) == (path not in OPEN_PATHS), (method, path, answer)


# -- oneself -------------------------------------------------------------------------------------------------------------


async def test_who_changes_the_password_stays_and_all_else_of_theirs_ends(client: Client) -> None:
    here, there = await come_in(client, "ada"), await come_in(client, "ada")
    wrong = await here.ask("PUT", f"{ME}/password", {"former": OTHER_PASSWORD, "password": OTHER_PASSWORD})
    assert wrong.refusal == (400, "INVALID_ARGUMENT")
    short = await here.ask("PUT", f"{ME}/password", {"former": PASSWORD, "password": "short"})
    assert short.refusal == (400, "INVALID_ARGUMENT")
    assert (await there.ask("GET", ME)).status == 200
    done = await here.ask("PUT", f"{ME}/password", {"former": PASSWORD, "password": OTHER_PASSWORD})
    assert done.status == 200, done
    assert (await here.ask("GET", ME)).status == 200
    assert (await there.ask("GET", ME)).status == 401
    await come_in(client, "ada", OTHER_PASSWORD)


async def test_all_sessions_of_ones_own_are_ended_at_once(client: Client) -> None:
    here, there, other = (
        await come_in(client, "ada"),
        await come_in(client, "ada"),
        await come_in(client, "root"),
    )
    assert (await here.ask("DELETE", f"{ME}/sessions")).status == 200
    assert [(await one.ask("GET", ME)).status for one in (here, there, other)] == [401, 401, 200]


# -- keys ----------------------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_and_is_of_use_until_it_is_revoked(
    client: Client, catalog: Catalog
) -> None:
    ada = await come_in(client, "ada")
    assert (await ada.ask("GET", KEYS)).json == {"keys": []}
    made = (
        await ada.ask(
            "POST", KEYS, {"label": "node 7", "scope": "read", "project": "vision", "lifetime_days": 7}
        )
    ).json
    assert made["text"].startswith(made["key"]["begins_with"])
    listed = await ada.ask("GET", KEYS)
    assert made["text"].encode() not in listed.content
    assert made["text"] not in rows(catalog)
    (key,) = listed.json["keys"]
    assert (key["label"], key["scope"], key["project"]) == ("node 7", "read", "vision")
    assert key["expire_time_unix_ms"] - key["create_time_unix_ms"] == 7 * 86_400_000
    assert (key["use_time_unix_ms"], key["revoke_time_unix_ms"]) == (None, None)

    me = (await client.ask("GET", ME, key=made["text"])).json
    assert (me["user"], me["way"], me["key_id"], me["scope"], me["project"]) == (
        *("ada", "key", key["id"]),
        *("read", "vision"),
    )
    assert me["expire_time_unix_ms"] == key["expire_time_unix_ms"]
    assert (await ada.ask("GET", KEYS)).json["keys"][0]["use_time_unix_ms"] is not None
    assert (await ada.ask("DELETE", f"{API}/keys/{key['id']}")).status == 200
    assert (await client.ask("GET", ME, key=made["text"])).status == 401


async def test_a_key_lives_for_90_days_unless_somebody_says_otherwise(client: Client) -> None:
    ada = await come_in(client, "ada")
    usual = (await ada.ask("POST", KEYS, {})).json["key"]
    assert usual["expire_time_unix_ms"] - usual["create_time_unix_ms"] == 90 * 86_400_000
    assert (await ada.ask("POST", KEYS, {"lifetime_days": None})).json["key"]["expire_time_unix_ms"] is None
    for days in (0, -1, 1.5, True, "7", 10**9):
        answer = await ada.ask("POST", KEYS, {"lifetime_days": days})
        assert answer.refusal == (400, "INVALID_ARGUMENT"), days


async def test_a_key_gives_no_new_way_in(client: Client) -> None:
    ada = await come_in(client, "ada")
    text = (await ada.ask("POST", KEYS, {"scope": "admin"})).json["text"]
    for method, path, sent in (
        ("POST", KEYS, {}),
        ("PUT", f"{ME}/password", {"former": PASSWORD, "password": OTHER_PASSWORD}),
        ("DELETE", f"{ME}/sessions", None),
        ("DELETE", f"{API}/session", None),
    ):
        assert (await client.ask(method, path, sent, key=text)).refusal == (403, "PERMISSION_DENIED"), path


async def test_a_key_of_somebody_else_looks_as_if_it_were_not_there(client: Client) -> None:
    root, ada = await come_in(client, "root"), await come_in(client, "ada")
    key = (await root.ask("POST", KEYS, {"label": "of root"})).json["key"]
    for key_id in (key["id"], "nothing", "x" * 500):
        assert (await ada.ask("DELETE", f"{API}/keys/{key_id}")).refusal == (404, "KEY_NOT_FOUND")
    assert (await ada.ask("GET", f"{API}/keys")).refusal == (403, "PERMISSION_DENIED")
    assert [each["user"] for each in (await root.ask("GET", f"{API}/keys")).json["keys"]] == ["root"]
    own = (await ada.ask("POST", KEYS, {})).json["key"]
    assert (await root.ask("DELETE", f"{API}/keys/{own['id']}")).status == 200


# -- teams ---------------------------------------------------------------------------------------------------------------


async def test_a_team_is_made_filled_and_looked_after(client: Client, people: People) -> None:
    root = await come_in(client, "root")
    for team in ("vision", "speech"):
        assert (await root.ask("POST", f"{API}/teams", {"name": team})).status == 200
    again = await root.ask("POST", f"{API}/teams", {"name": "vision"})
    assert again.refusal == (409, "ALREADY_EXISTS")
    assert (await root.ask("PUT", f"{API}/teams/vision/members/ada", {"role": "writer"})).status == 200
    assert (await root.ask("PUT", f"{API}/teams/vision/projects/a%20b", {})).status == 200
    ada = await come_in(client, "ada")
    (team,) = (await ada.ask("GET", f"{API}/teams")).json["teams"]
    assert (team["name"], team["member_count"], team["project_count"]) == ("vision", 2, 1)
    assert (await ada.ask("GET", f"{API}/teams/vision")).json == {
        "name": "vision",
        "members": [{"user": "ada", "role": "writer"}, {"user": "root", "role": "admin"}],
        "projects": ["a b"],
    }
    assert (await ada.ask("GET", ME)).json["teams"] == [{"name": "vision", "role": "writer"}]
    assert (await ada.ask("GET", f"{API}/teams/speech")).refusal == (404, "TEAM_NOT_FOUND")
    refused = await ada.ask("PUT", f"{API}/teams/vision/members/root", {"role": "reader"})
    assert refused.refusal == (403, "PERMISSION_DENIED")
    wrong = await root.ask("PUT", f"{API}/teams/vision/members/ada", {"role": "owner"})
    assert wrong.refusal == (400, "INVALID_ARGUMENT")
    assert (await ada.ask("DELETE", f"{API}/teams/vision/members/ada")).status == 200  # to leave is allowed
    assert (await ada.ask("GET", f"{API}/teams")).json == {"teams": []}
    assert "team.remove" in actions(people)


# -- users and audit -----------------------------------------------------------------------------------------------------

SERVER_ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "users", None),
    ("POST", "users", {"name": "eve", "password": PASSWORD}),
    ("PATCH", "users/ada", {"is_server_admin": True}),
    ("PATCH", "users/root", {"is_disabled": True}),
    ("PUT", "users/root/password", {"password": OTHER_PASSWORD}),
    ("PUT", "users/root/identity", {"issuer": "https://id.example", "subject": "1"}),
    ("GET", "keys", None),
    ("GET", "audit", None),
    ("POST", "teams", {"name": "vision"}),
]


@pytest.mark.parametrize(("method", "path", "sent"), SERVER_ROUTES)
async def test_what_is_for_server_admins_is_for_nobody_else(
    client: Client, people: People, method: str, path: str, sent: Any
) -> None:
    ada, before = await come_in(client, "ada"), people.users.all(OPERATOR)
    assert (await ada.ask(method, f"{API}/{path}", sent)).refusal == (403, "PERMISSION_DENIED")
    assert people.users.all(OPERATOR) == before
    root = await come_in(client, "root")
    assert (await root.ask(method, f"{API}/{path}", sent)).status == 200


async def test_a_user_is_made_shut_out_and_let_in_again(client: Client) -> None:
    root = await come_in(client, "root")
    sent = {"name": "eve", "display_name": "Eve", "password": PASSWORD}
    made = (await root.ask("POST", f"{API}/users", sent)).json["user"]
    assert (made["name"], made["has_password"], made["is_server_admin"]) == ("eve", True, False)
    eve = await come_in(client, "eve")
    shut = (await root.ask("PATCH", f"{API}/users/eve", {"is_disabled": True})).json["user"]
    assert shut["disable_time_unix_ms"] is not None
    assert (await eve.ask("GET", ME)).status == 401
    refused = await client.ask("POST", f"{API}/session", {"name": "eve", "password": PASSWORD})
    assert refused.status == 401
    await root.ask("PATCH", f"{API}/users/eve", {"is_disabled": False, "is_server_admin": True})
    eve = await come_in(client, "eve")
    listed = {each["name"]: each for each in (await eve.ask("GET", f"{API}/users")).json["users"]}
    assert listed["eve"]["is_server_admin"]
    assert listed["eve"]["disable_time_unix_ms"] is None
    done = await root.ask("PUT", f"{API}/users/eve/password", {"password": OTHER_PASSWORD})
    assert done.status == 200
    assert (await eve.ask("GET", ME)).status == 401
    identity = {"issuer": "https://id.example", "subject": "7"}
    assert (await root.ask("PUT", f"{API}/users/eve/identity", identity)).status == 200
    refused = await client.ask("POST", f"{API}/session", {"name": "eve", "password": OTHER_PASSWORD})
    assert refused.status == 401
    missing = await root.ask("PATCH", f"{API}/users/nobody", {"is_disabled": True})
    assert missing.refusal == (404, "USER_NOT_FOUND")


async def test_the_audit_is_read_page_by_page(client: Client, people: People) -> None:
    root = await come_in(client, "root")
    for number in range(5):
        people.teams.create(OPERATOR, f"team-{number}")
    first = (await root.ask("GET", f"{API}/audit?limit=3&action=team.")).json["entries"]
    second = (await root.ask("GET", f"{API}/audit?limit=3&action=team.&before={first[-1]['id']}")).json[
        "entries"
    ]
    told = [entry["subject"] for entry in (*first, *second)]
    assert told == [f"team:team-{number}" for number in (4, 3, 2, 1, 0)]
    assert (first[0]["actor"], first[0]["action"], first[0]["detail"]) == (
        *("@operator", "team.create"),
        {"by": "command"},
    )
    signed_in = (await root.ask("GET", f"{API}/audit?by=root&action=session.begin")).json["entries"]
    assert [entry["address"] for entry in signed_in] == [ADDRESS]
    for wrong in ("limit=0", "limit=x", "limit=5000", "before=x", "before=1-", "before=" + "1" * 90):
        assert (await root.ask("GET", f"{API}/audit?{wrong}")).refusal == (400, "INVALID_ARGUMENT"), wrong


async def test_no_answer_and_no_row_holds_a_password(client: Client, catalog: Catalog) -> None:
    root = await come_in(client, "root")
    answers: list[Answered] = [
        await root.ask("POST", f"{API}/users", {"name": "eve", "password": OTHER_PASSWORD}),
        await root.ask("PUT", f"{ME}/password", {"former": OTHER_PASSWORD, "password": "x"}),
        await root.ask("POST", f"{API}/session", {"name": OTHER_PASSWORD, "password": OTHER_PASSWORD}),
        await root.ask("GET", f"{API}/users"),
        await root.ask("GET", f"{API}/audit"),
    ]
    assert OTHER_PASSWORD not in json.dumps([answer.content.decode() for answer in answers])
    assert OTHER_PASSWORD not in rows(catalog)
