"""Owns API keys: made once, shown once, limited in what they are for, revoked for good.

Invariants: a key is its user, and less: of no use once the user is disabled, and never more than the user's roles of now; who
holds a key makes no other one with it; when a key was used is known to the minute, and failing to write that fails nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from trackd_service import audit, tokens
from trackd_service.catalog import Catalog
from trackd_service.errors import InvalidArgument, KeyNotFound
from trackd_service.principals import (
    Actor,
    Caller,
    Operator,
    Principal,
    Scope,
    check_scope,
    require,
    require_signed_in,
)
from trackd_service.teams import check_project, with_roles
from trackd_service.users import is_name, not_found

_SECOND = 10**9
_DAY_SECONDS = 86_400
LIFETIME_SECONDS = 90 * _DAY_SECONDS
LIFETIME_SECONDS_MAX = 3650 * _DAY_SECONDS
LABEL_CHARACTERS_MAX = 100
_USE_INTERVAL = 60 * _SECOND
_COLUMNS = (
    "key_id, users.name, label, scope, project, api_keys.create_time, expire_time, revoke_time, use_time"
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be seen of a key.

    Attributes:
        id: Its id, which stands in its text; no secret.
        user: Whose it is.
        label: What its user calls it.
        scope: What it is for.
        project: The only project that it is for; empty for all.
        create_time: When it was made, in nanoseconds since 1970 UTC, as all times here.
        expire_time: From when on it is of no use; 0 for never.
        revoke_time: When it was revoked; 0 for not.
        use_time: When it was used last, to the minute; 0 for never.
    """

    id: str
    user: str
    label: str
    scope: Scope
    project: str
    create_time: int
    expire_time: int
    revoke_time: int
    use_time: int


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made; `text` is what its user has to keep, for nobody else does."""

    key: ApiKey
    text: str = field(repr=False)


class ApiKeys:
    """Makes, lists, revokes and recognises keys."""

    def __init__(self, catalog: Catalog, clock: Callable[[], int]) -> None:
        self._catalog = catalog
        self._clock = clock

    def create(
        self,
        actor: Actor,
        user: str,
        label: str,
        *,
        scope: str = "write",
        project: str = "",
        lifetime_seconds: int | None = LIFETIME_SECONDS,
    ) -> NewApiKey:
        """Makes a key for the user who asks, or on the server's machine for any.

        Args:
            actor: Who asks; somebody who has signed in.
            user: Whose key it is.
            label: What its user calls it: one line, of at most 100 characters.
            scope: "write" (write and read runs), "read", or "admin" (all that its user may, but new ways in).
            project: The only project that it is for; empty for all.
            lifetime_seconds: For how long; None for ever.
        """
        require_signed_in(actor, "to make a key")
        is_allowed = actor.is_user(user) or isinstance(actor, Operator)
        require(
            is_allowed, "to make a key of another user", "that user, or a command on the server's machine"
        )
        known_scope = check_scope(scope)
        if project:
            check_project(project)
        if len(label) > LABEL_CHARACTERS_MAX or not label.isprintable():
            raise InvalidArgument(
                f"label {label[:40]!r} has {len(label)} characters; it is one line of at most {LABEL_CHARACTERS_MAX}: "
                "shorten it",
                field="label",
                limit=LABEL_CHARACTERS_MAX,
            )
        if lifetime_seconds is not None and not 1 <= lifetime_seconds <= LIFETIME_SECONDS_MAX:
            raise InvalidArgument(
                f"lifetime is {lifetime_seconds} s; it can be 1 to {LIFETIME_SECONDS_MAX} (ten years), or none at all",
                field="lifetime_seconds",
                limit=LIFETIME_SECONDS_MAX,
            )
        token, now = tokens.make(tokens.KEY_KIND), self._clock()
        expire_time = 0 if lifetime_seconds is None else now + lifetime_seconds * _SECOND
        made = ApiKey(token.id, user, label, known_scope, project, now, expire_time, 0, 0)
        with self._catalog.writing() as tables:
            written = tables.execute(
                "INSERT INTO api_keys (key_id, user_key, label, secret_sha256, scope, project, create_time, expire_time, "
                "revoke_time, use_time) SELECT ?, user_key, ?, ?, ?, ?, ?, ?, 0, 0 FROM users "
                "WHERE name = ? AND disable_time = 0",
                (
                    *(token.id, label, token.secret_sha256, known_scope, project, now, expire_time),
                    user if is_name(user) else "",
                ),
            )
            if written.rowcount == 0:
                raise not_found(user)
            audit.note(
                *(tables, now, actor, "key.create", f"key:{token.id}"),
                user=user,
                scope=known_scope,
                project=project,
                expire_time=expire_time,
            )
        return NewApiKey(made, token.text)

    def all(self, actor: Actor, user: str = "") -> list[ApiKey]:
        """Returns a user's keys, newest first, those that are of no use any more with them; all for an empty name."""
        require(
            actor.can_administer_server() or (bool(user) and actor.is_user(user)),
            "to list keys of others",
            "a server admin",
        )
        if user and not is_name(user):
            return []
        with self._catalog.reading() as tables:
            rows = tables.execute(
                f"SELECT {_COLUMNS} FROM api_keys JOIN users USING (user_key) WHERE ? = '' OR users.name = ? "  # noqa: S608 - no value is pasted
                "ORDER BY api_keys.create_time DESC, key_id",
                (user, user),
            ).fetchall()
        return [ApiKey(*row) for row in rows]

    def expire_time(self, caller: Caller) -> int:
        """Returns from when on the caller's key is of no use; 0 for never."""
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT expire_time FROM api_keys WHERE key_id = ?", (caller.principal.key_id,)
            ).fetchone()
        return 0 if row is None else int(row[0])

    def revoke(self, actor: Actor, key_id: str) -> None:
        """Makes a key useless for good; for its user, who has signed in or holds that key, and for server admins."""
        now = self._clock()
        with self._catalog.writing() as tables:
            row = tables.execute(
                "SELECT users.name FROM api_keys JOIN users USING (user_key) WHERE key_id = ?",
                (key_id if key_id.isalnum() else "",),
            ).fetchone()
            is_own = (
                row is not None
                and actor.is_user(row[0])
                and (actor.is_signed_in() or actor.way == f"key:{key_id}")
            )
            # A key of somebody else and one that is not there look alike.
            if row is None or not (is_own or actor.can_administer_server()):
                raise KeyNotFound(
                    f"there is no key {key_id[:40]!r} that you may revoke: see the list of your keys",
                    id=key_id[:40],
                )
            revoked = tables.execute(
                "UPDATE api_keys SET revoke_time = ? WHERE key_id = ? AND revoke_time = 0", (now, key_id)
            )
            if revoked.rowcount:
                audit.note(tables, now, actor, "key.revoke", f"key:{key_id}", user=row[0])

    def resolve(self, text: str, now: int) -> Principal | None:
        """Returns who a key is, or None for one that is of no use; one that cannot be a key costs no question.

        Raises:
            StorageUnavailable: The catalog cannot be asked.
        """
        parts = tokens.parse(tokens.KEY_KIND, text)
        if parts is None:
            return None
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT secret_sha256, user_key, users.name, is_server_admin, scope, project, use_time FROM api_keys "
                "JOIN users USING (user_key) WHERE key_id = ? AND revoke_time = 0 AND disable_time = 0 "
                "AND (expire_time = 0 OR expire_time > ?)",
                (parts.id, now),
            ).fetchone()
            if row is None or not parts.is_secret_of(row[0]):
                return None
            user_key, user, is_server_admin, scope, project, use_time = row[1:]
            principal = with_roles(
                tables,
                Principal(
                    *(user, user_key, check_scope(scope)),
                    key_id=parts.id,
                    project=project,
                    is_server_admin=bool(is_server_admin),
                ),
            )
        if use_time <= now - _USE_INTERVAL:
            self._catalog.write_aside(
                f"when key {parts.id} was used",
                "UPDATE api_keys SET use_time = ? WHERE key_id = ?",
                now,
                parts.id,
            )
        return principal
