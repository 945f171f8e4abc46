"""Owns the HTTP routes of people: signing in and out, oneself, keys, teams, users and the audit; docs/http_api.md, "People".

Invariants: what may be done is decided in `people` alone; a password and a key stand in a body, never in an address; the
checks of passwords that wait for another one hold no thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from trackd_service import tokens
from trackd_service.api_keys import LIFETIME_SECONDS, ApiKey
from trackd_service.audit import Entry
from trackd_service.errors import InvalidArgument, PermissionDenied, Unauthenticated
from trackd_service.http_parts import answer, body, integer, text
from trackd_service.oidc import COOKIE_SECONDS, Oidc, SignInFailed
from trackd_service.people import People
from trackd_service.principals import Caller
from trackd_service.sessions import NewSession
from trackd_service.users import Identity, User

API = "/api/v1"
# The routes that need no caller.
OPEN_PATHS = frozenset(f"{API}/{path}" for path in ("sign-in", "session", "oidc/begin", "oidc/callback"))
PROBLEM_PARAMETER = "sign_in_problem"
_BODY_BYTES_MAX = 1 << 16
_PASSWORDS_AT_ONCE = 2  # as `passwords` computes; the others wait here, where they hold no thread
_DAY_SECONDS = 86_400
_AUDIT_LIMIT = 100
Answered = TypeVar("Answered")


class PeopleFace:
    """Answers the routes."""

    def __init__(self, people: People, cookie_name: str, oidc: Oidc | None = None) -> None:
        """Takes who there is, how the cookie of a session is called, and another site that says who somebody is."""
        self._people = people
        self._cookie_name = cookie_name
        self._oidc = oidc
        self._gate = asyncio.Semaphore(_PASSWORDS_AT_ONCE)

    def routes(self, api: str) -> list[Route]:
        """Returns the routes; `api` is the address of the API."""
        routes: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("GET", "sign-in", self.ways_in),
            ("POST", "session", self.sign_in),
            ("DELETE", "session", self.sign_out),
            ("GET", "oidc/begin", self.begin_oidc),
            ("GET", "oidc/callback", self.finish_oidc),
            ("GET", "me", self.me),
            ("PUT", "me/password", self.change_password),
            ("DELETE", "me/sessions", self.end_sessions),
            ("GET", "me/keys", self.own_keys),
            ("POST", "me/keys", self.create_key),
            ("GET", "keys", self.keys),
            ("DELETE", "keys/{key}", self.revoke_key),
            ("GET", "teams", self.teams),
            ("POST", "teams", self.create_team),
            ("GET", "teams/{team}", self.team),
            ("PUT", "teams/{team}/members/{user}", self.set_role),
            ("DELETE", "teams/{team}/members/{user}", self.remove_member),
            ("PUT", "teams/{team}/projects/{project}", self.assign_project),
            ("GET", "users", self.users),
            ("POST", "users", self.create_user),
            ("PATCH", "users/{user}", self.change_user),
            ("PUT", "users/{user}/password", self.set_password),
            ("PUT", "users/{user}/identity", self.set_identity),
            ("GET", "audit", self.audit),
        ]
        return [Route(f"{api}/{path}", endpoint, methods=[method]) for method, path, endpoint in routes]

    # -- coming in and leaving -------------------------------------------------------------------------------------

    async def ways_in(self, _: Request) -> Response:
        """Tells which ways in there are, and nothing else."""
        oidc = None if self._oidc is None else {"title": self._oidc.title}
        return answer({"password": True, "oidc": oidc})

    async def sign_in(self, request: Request) -> Response:
        """Begins a session by a password."""
        given = await body(request, _BODY_BYTES_MAX)
        name, password = text(given, "name"), text(given, "password")
        session = await self._with_password(
            lambda: self._people.sessions.sign_in(name, password, _caller(request).address)
        )
        return self._with_session(request, answer({"user": session.principal.user}), session)

    async def sign_out(self, request: Request) -> Response:
        """Ends the caller's session; whoever has none is signed out already."""
        caller = _caller(request)
        if caller.principal.key_id:
            raise PermissionDenied("a key has no session that could be ended: revoke the key")
        if caller.is_signed_in():
            await asyncio.to_thread(self._people.sessions.sign_out, caller)
        response = answer({})
        response.delete_cookie(self._cookie_name, path="/", secure=_is_encrypted(request), httponly=True)
        return response

    async def begin_oidc(self, request: Request) -> Response:
        """Sends a browser to the site that says who somebody is."""
        oidc = self._known_oidc()
        try:
            beginning = await asyncio.to_thread(oidc.begin, request.query_params.get("to", "/"))
        except SignInFailed as failure:
            return _back(request.query_params.get("to", "/"), failure.problem)
        response = RedirectResponse(beginning.url, 303, {"Cache-Control": "no-store"})
        response.set_cookie(
            *(_oidc_cookie(request), beginning.cookie),
            max_age=COOKIE_SECONDS,
            path="/",
            secure=_is_encrypted(request),
            httponly=True,
            samesite="lax",  # the other site leads back here
        )
        return response

    async def finish_oidc(self, request: Request) -> Response:
        """Begins the session of somebody whom the other site has just sent back."""
        oidc, cookie = self._known_oidc(), request.cookies.get(_oidc_cookie(request), "")
        parameters = dict(request.query_params)
        to, session = oidc.place_of(cookie), None
        try:
            person = await asyncio.to_thread(oidc.finish, cookie, parameters)
            session = await asyncio.to_thread(oidc.session_of, self._people, person, _caller(request).address)
            response = _back(to)
        except SignInFailed as failure:
            response = _back(to, failure.problem)
        # What it holds is of use once.
        response.delete_cookie(
            _oidc_cookie(request), path="/", secure=_is_encrypted(request), httponly=True, samesite="lax"
        )
        return response if session is None else self._with_session(request, response, session)

    # -- oneself ---------------------------------------------------------------------------------------------------

    async def me(self, request: Request) -> Response:
        """Tells who asks, and by what."""
        caller = _caller(request)
        user, expire_time = await asyncio.gather(
            asyncio.to_thread(self._people.users.get, caller, caller.name),
            asyncio.to_thread(self._people.expire_time, caller),
        )
        principal = caller.principal
        return answer(
            {
                "user": user.name,
                "display_name": user.display_name,
                "has_password": user.has_password,
                "is_server_admin": principal.is_server_admin,
                "scope": principal.scope,
                "project": principal.project,
                "way": "key" if principal.key_id else "session",
                "key_id": principal.key_id,
                "expire_time_unix_ms": _moment(expire_time),
                "teams": [{"name": team, "role": role} for team, role in sorted(principal.teams.items())],
            }
        )

    async def change_password(self, request: Request) -> Response:
        """Changes the caller's password; all other sessions of the user end, and this one goes on as a new one."""
        caller, given = _caller(request), await body(request, _BODY_BYTES_MAX)
        former, password = text(given, "former"), text(given, "password")

        def change() -> NewSession:
            try:
                return self._people.sessions.change_password(caller, former, password)
            except Unauthenticated:  # of whom is signed in: no reason to send them to the sign-in page
                raise InvalidArgument("the former password is wrong: try again", field="former") from None

        return self._with_session(request, answer({}), await self._with_password(change))

    async def end_sessions(self, request: Request) -> Response:
        """Ends all sessions of the caller's user."""
        caller = _caller(request)
        await asyncio.to_thread(self._people.sessions.end_all, caller, caller.name)
        return answer({})

    # -- keys ------------------------------------------------------------------------------------------------------

    async def own_keys(self, request: Request) -> Response:
        """Lists the caller's keys, newest first."""
        caller = _caller(request)
        keys = await asyncio.to_thread(self._people.keys.all, caller, caller.name)
        return answer({"keys": [_key_form(key) for key in keys]})

    async def create_key(self, request: Request) -> Response:
        """Makes a key of the caller; its text is in this answer, and nowhere afterwards."""
        caller, given = _caller(request), await body(request, _BODY_BYTES_MAX)
        label, scope = text(given, "label", ""), text(given, "scope", "write")
        project, lifetime_seconds = text(given, "project", ""), _lifetime_seconds(given)
        made = await asyncio.to_thread(
            lambda: self._people.keys.create(
                *(caller, caller.name, label),
                scope=scope,
                project=project,
                lifetime_seconds=lifetime_seconds,
            )
        )
        return answer({"key": _key_form(made.key), "text": made.text})

    async def keys(self, request: Request) -> Response:
        """Lists the keys of all users."""
        keys = await asyncio.to_thread(self._people.keys.all, _caller(request))
        return answer({"keys": [_key_form(key) for key in keys]})

    async def revoke_key(self, request: Request) -> Response:
        """Makes a key useless for good."""
        await asyncio.to_thread(self._people.keys.revoke, _caller(request), request.path_params["key"])
        return answer({})

    # -- teams -----------------------------------------------------------------------------------------------------

    async def teams(self, request: Request) -> Response:
        """Lists the teams that the caller may know of."""
        teams = await asyncio.to_thread(self._people.teams.all, _caller(request))
        return answer(
            {
                "teams": [
                    {
                        "name": team.name,
                        "create_time_unix_ms": _moment(team.create_time),
                        "member_count": team.member_count,
                        "project_count": team.project_count,
                    }
                    for team in teams
                ]
            }
        )

    async def create_team(self, request: Request) -> Response:
        """Makes a team, whose first admin is the caller."""
        caller, given = _caller(request), await body(request, _BODY_BYTES_MAX)
        await asyncio.to_thread(self._people.teams.create, caller, text(given, "name"))
        return answer({})

    async def team(self, request: Request) -> Response:
        """Lists the members and projects of a team."""
        caller, name = _caller(request), request.path_params["team"]
        members, projects = await asyncio.gather(
            asyncio.to_thread(self._people.teams.members, caller, name),
            asyncio.to_thread(self._people.teams.projects, caller, name),
        )
        return answer(
            {
                "name": name,
                "members": [{"user": member.user, "role": member.role} for member in members],
                "projects": projects,
            }
        )

    async def set_role(self, request: Request) -> Response:
        """Puts a user into a team, or gives the user another role there."""
        caller, given = _caller(request), await body(request, _BODY_BYTES_MAX)
        role = text(given, "role")
        await asyncio.to_thread(self._people.teams.set_role, caller, *_member(request), role)
        return answer({})

    async def remove_member(self, request: Request) -> Response:
        """Takes a user out of a team."""
        await asyncio.to_thread(self._people.teams.remove, _caller(request), *_member(request))
        return answer({})

    async def assign_project(self, request: Request) -> Response:
        """Gives a project to a team."""
        path = request.path_params
        await asyncio.to_thread(self._people.teams.assign, _caller(request), path["project"], path["team"])
        return answer({})

    # -- for server admins -----------------------------------------------------------------------------------------

    async def users(self, request: Request) -> Response:
        """Lists all users."""
        users = await asyncio.to_thread(self._people.users.all, _caller(request))
        return answer({"users": [_user_form(user) for user in users]})

    async def create_user(self, request: Request) -> Response:
        """Makes a user."""
        caller, given = _caller(request), await body(request, _BODY_BYTES_MAX)
        name, display_name = text(given, "name"), text(given, "display_name", "")
        password = text(given, "password") if given.get("password") is not None else None
        identity = _identity(given["identity"]) if given.get("identity") is not None else None
        is_server_admin = _truth(given, "is_server_admin") or False
        made = await self._with_password(
            lambda: self._people.users.create(
                *(caller, name),
                display_name=display_name,
                password=password,
                identity=identity,
                is_server_admin=is_server_admin,
            )
        )
        return answer({"user": _user_form(made)})

    async def change_user(self, request: Request) -> Response:
        """Shuts a user out or lets them in again; makes a server admin of one, or no longer."""
        caller, given, name = _caller(request), await body(request, _BODY_BYTES_MAX), _user(request)
        is_disabled, is_server_admin = _truth(given, "is_disabled"), _truth(given, "is_server_admin")
        users = self._people.users
        if is_disabled is None and is_server_admin is None:
            raise InvalidArgument("nothing is to be changed: say is_disabled or is_server_admin")

        def change() -> User:
            if is_server_admin is not None:
                users.set_server_admin(caller, name, is_server_admin)
            if is_disabled is not None:
                (users.disable if is_disabled else users.enable)(caller, name)
            return users.get(caller, name)

        return answer({"user": _user_form(await asyncio.to_thread(change))})

    async def set_password(self, request: Request) -> Response:
        """Gives a user another password."""
        caller, given = _caller(request), await body(request, _BODY_BYTES_MAX)
        name, password = _user(request), text(given, "password")
        await self._with_password(lambda: self._people.users.set_password(caller, name, password))
        return answer({})

    async def set_identity(self, request: Request) -> Response:
        """Gives a user an identity in the place of the password."""
        caller, given = _caller(request), await body(request, _BODY_BYTES_MAX)
        await asyncio.to_thread(self._people.users.set_identity, caller, _user(request), _identity(given))
        return answer({})

    async def audit(self, request: Request) -> Response:
        """Answers a page of what was changed, newest first."""
        caller, parameters = _caller(request), request.query_params
        entries = await asyncio.to_thread(
            lambda: self._people.audit.entries(
                caller,
                limit=integer(parameters, "limit", _AUDIT_LIMIT),
                by=parameters.get("by", ""),
                action=parameters.get("action", ""),
                subject=parameters.get("subject", ""),
                before=_place(parameters.get("before", "")),
            )
        )
        return answer(
            {
                "entries": [
                    {
                        "id": f"{entry.time}-{entry.key}",  # what `before` takes
                        "time_unix_ms": _moment(entry.time),
                        "actor": entry.actor,
                        "address": entry.address,
                        "action": entry.action,
                        "subject": entry.subject,
                        "detail": entry.detail,
                    }
                    for entry in entries
                ]
            }
        )

    # -- parts -----------------------------------------------------------------------------------------------------

    async def _with_password(self, work: Callable[[], Answered]) -> Answered:
        """Runs in a thread what makes or checks a password; no more at once than are worked on."""
        async with self._gate:
            return await asyncio.to_thread(work)

    def _with_session(self, request: Request, response: Response, session: NewSession) -> Response:
        """Returns an answer that brings a browser the cookie of its session."""
        now = self._people.now()
        response.set_cookie(
            *(self._cookie_name, session.token),
            max_age=max(0, (session.expire_time - now) // 10**9),
            path="/",
            secure=_is_encrypted(request),
            httponly=True,
            samesite="lax",
        )
        return response

    def _known_oidc(self) -> Oidc:
        if self._oidc is None:
            raise InvalidArgument("this server has no OpenID Connect: sign in by name and password")
        return self._oidc


def _caller(request: Request) -> Caller:
    caller = request.scope.get("trackd.caller")
    if not isinstance(caller, Caller):  # a guard that has forgotten to ask lets nobody in
        raise Unauthenticated("sign in, or send an API key")
    return caller


def _is_encrypted(request: Request) -> bool:
    return request.url.scheme == "https"


def _oidc_cookie(request: Request) -> str:
    """Returns the name of the cookie of a sign-in under way: with TLS, one that no other site of the domain can set."""
    return "__Host-trackd_oidc" if _is_encrypted(request) else "trackd_oidc"


def _back(to: str, problem: str = "") -> RedirectResponse:
    """Returns what leads a browser back into the app, which words a problem by its name."""
    # With two of them it would be the address of another site.
    place = "/" + to.lstrip("/\\")
    if problem:
        path, _, query = place.partition("?")
        place = f"{path}?{query + '&' if query else ''}{PROBLEM_PARAMETER}={problem}"
    return RedirectResponse(place, 303, {"Cache-Control": "no-store"})


def _member(request: Request) -> tuple[str, str]:
    return request.path_params["team"], request.path_params["user"]


def _user(request: Request) -> str:
    return str(request.path_params["user"])


def _truth(given: dict[str, Any], name: str) -> bool | None:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidArgument(f"{name} must be true or false; got {value!r:.40}", field=name)


def _identity(given: Any) -> Identity:
    if not isinstance(given, dict):
        raise InvalidArgument("identity must be an object with issuer and subject", field="identity")
    return Identity(text(given, "issuer"), text(given, "subject"))


def _lifetime_seconds(given: dict[str, Any]) -> int | None:
    """Returns how long a key is of use: 90 days where nothing is said, None for ever."""
    if "lifetime_days" not in given:
        return LIFETIME_SECONDS
    days = given["lifetime_days"]
    if days is None:
        return None
    if isinstance(days, bool) or not isinstance(days, int):
        raise InvalidArgument(
            f"lifetime_days is {days!r:.40}; it must be a whole number of days, or null for ever",
            field="lifetime_days",
        )
    return days * _DAY_SECONDS


def _place(before: str) -> Entry | None:
    """Returns the entry that a page of the audit begins after; only its place counts."""
    if not before:
        return None
    time, _, key = before.partition("-")
    if not (time.isdecimal() and key.isdecimal() and len(before) <= 40):
        raise InvalidArgument(
            f"before is {before[:40]!r}; it must be the id of an entry, as this route gives it",
            field="before",
        )
    return Entry(int(key), int(time), "", "", "", "", {})


def _moment(time: int) -> float | None:
    return time / 1e6 if time else None


def _key_form(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "begins_with": f"{tokens.KEY_KIND}{key.id}",
        "user": key.user,
        "label": key.label,
        "scope": key.scope,
        "project": key.project,
        "create_time_unix_ms": _moment(key.create_time),
        "expire_time_unix_ms": _moment(key.expire_time),
        "revoke_time_unix_ms": _moment(key.revoke_time),
        "use_time_unix_ms": _moment(key.use_time),
    }


def _user_form(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "display_name": user.display_name,
        "has_password": user.has_password,
        "issuer": None if user.identity is None else user.identity.issuer,
        "is_server_admin": user.is_server_admin,
        "create_time_unix_ms": _moment(user.create_time),
        "disable_time_unix_ms": _moment(user.disable_time),
        "sign_in_time_unix_ms": _moment(user.sign_in_time),
    }
