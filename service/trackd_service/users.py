"""Owns the users of a team server: who they are, and their way in, which is a password or another site's word.

Invariants: no user begins with a password that they were not given; a change of a way in ends the user's sessions in the same
transaction; a user who is disabled has no way in, and keeps name and history.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from trackd_service import audit
from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import AlreadyExists, InvalidArgument, UserNotFound
from trackd_service.passwords import Passwords
from trackd_service.principals import Actor, require, require_server_admin, require_signed_in

DISPLAY_NAME_CHARACTERS_MAX = 200
_IDENTITY_CHARACTERS_MAX = 255  # what OpenID Connect lets a subject have
_NAME = re.compile(r"[a-z0-9._-]{1,64}")
_COLUMNS = (
    "name, display_name, password_hash <> '', issuer, issuer_subject, is_server_admin, create_time, disable_time, "
    "sign_in_time"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as an OpenID Connect provider knows them: its address, and its name for them, which never changes."""

    issuer: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A user; times in nanoseconds since 1970 UTC, 0 for never."""

    name: str
    display_name: str
    has_password: bool
    identity: Identity | None
    is_server_admin: bool
    create_time: int
    disable_time: int
    sign_in_time: int


class Users:
    """Makes, lists and changes users."""

    def __init__(self, catalog: Catalog, clock: Callable[[], int], passwords: Passwords) -> None:
        self._catalog = catalog
        self._clock = clock
        self._passwords = passwords

    def create(
        self,
        actor: Actor,
        name: str,
        *,
        display_name: str = "",
        password: str | None = None,
        identity: Identity | None = None,
        is_server_admin: bool = False,
    ) -> User:
        """Makes a user, who can come in once there is a password or an identity.

        Raises:
            AlreadyExists: The name or the identity is another user's.
            InvalidArgument: The name, the display name, the password or the identity cannot be one.
            PermissionDenied: The actor is no server admin who has signed in, and no command on the server's machine.
        """
        require_server_admin(actor, "to make a user")
        require_signed_in(actor, "to make a user")
        check_name("user name", name)
        if len(display_name) > DISPLAY_NAME_CHARACTERS_MAX:
            raise InvalidArgument(
                f"display name has {len(display_name)} characters; the limit is {DISPLAY_NAME_CHARACTERS_MAX}: shorten it",
                field="display_name",
                limit=DISPLAY_NAME_CHARACTERS_MAX,
            )
        issuer, subject = (None, None) if identity is None else _checked(identity)
        password_hash = "" if password is None else self._passwords.new_hash(password)
        now = self._clock()
        with self._catalog.writing() as tables:
            made = tables.execute(
                "INSERT INTO users (name, display_name, password_hash, issuer, issuer_subject, is_server_admin, "
                "create_time, disable_time, sign_in_time) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING",
                # As JSON, which has a way to write the few characters that no database keeps.
                (name, json.dumps(display_name), password_hash, issuer, subject, int(is_server_admin), now),
            )
            if made.rowcount == 0:
                taken = _find(tables, name) is not None
                what = f"user name {name!r}" if taken else f"the identity at {issuer!r}"
                raise AlreadyExists(f"{what} is another user's: choose another", name=name)
            audit.note(tables, now, actor, "user.create", f"user:{name}", is_server_admin=is_server_admin)
            return _existing(tables, name)

    def all(self, actor: Actor) -> list[User]:
        """Returns all users by name; for server admins."""
        require_server_admin(actor, "to list the users")
        with self._catalog.reading() as tables:
            rows = tables.execute(f"SELECT {_COLUMNS} FROM users ORDER BY name").fetchall()  # noqa: S608 - no value is pasted
        return [_user(row) for row in rows]

    def get(self, actor: Actor, name: str) -> User:
        """Returns a user; for server admins and for the user."""
        require(actor.is_user(name) or actor.can_administer_server(), "to see another user", "a server admin")
        with self._catalog.reading() as tables:
            return _existing(tables, name)

    def has_identity(self, identity: Identity) -> bool:
        """Says whether an identity is a user's, who may be disabled."""
        issuer, subject = _checked(identity)
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT 1 FROM users WHERE issuer = ? AND issuer_subject = ?", (issuer, subject)
            ).fetchone()
        return row is not None

    def has_server_admin(self) -> bool:
        """Says whether anybody looks after the server yet: where not, a command on its machine makes one."""
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT 1 FROM users WHERE is_server_admin = 1 AND disable_time = 0 LIMIT 1"
            ).fetchone()
        return row is not None

    def disable(self, actor: Actor, name: str) -> None:
        """Shuts a user out at once, with all keys and sessions."""
        require_server_admin(actor, "to disable a user")
        now = self._clock()
        with self._catalog.writing() as tables:
            _existing(tables, name)
            changed = tables.execute(
                "UPDATE users SET disable_time = ? WHERE name = ? AND disable_time = 0", (now, name)
            )
            if changed.rowcount:
                end_sessions(tables, name)
                audit.note(tables, now, actor, "user.disable", f"user:{name}")

    def enable(self, actor: Actor, name: str) -> None:
        """Lets a user in again, with the keys that were not revoked and have not expired."""
        require_server_admin(actor, "to enable a user")
        require_signed_in(actor, "to enable a user")
        now = self._clock()
        with self._catalog.writing() as tables:
            _existing(tables, name)
            changed = tables.execute(
                "UPDATE users SET disable_time = 0 WHERE name = ? AND disable_time <> 0", (name,)
            )
            if changed.rowcount:
                audit.note(tables, now, actor, "user.enable", f"user:{name}")

    def set_password(self, actor: Actor, name: str, password: str) -> None:
        """Gives a user another password, and ends the user's sessions; for server admins, see `Sessions.change_password`."""
        require_server_admin(actor, "to give another user a password")
        require_signed_in(actor, "to give a user a password")
        password_hash = self._passwords.new_hash(password)
        with self._catalog.writing() as tables:
            _existing(tables, name)
            tables.execute("UPDATE users SET password_hash = ? WHERE name = ?", (password_hash, name))
            end_sessions(tables, name)
            audit.note(tables, self._clock(), actor, "user.set_password", f"user:{name}")

    def set_identity(self, actor: Actor, name: str, identity: Identity) -> None:
        """Puts an identity into the place of a user's password, and ends the user's sessions; for server admins."""
        require_server_admin(actor, "to give a user an identity")
        require_signed_in(actor, "to give a user an identity")
        issuer, subject = _checked(identity)
        with self._catalog.writing() as tables:
            _existing(tables, name)
            changed = tables.execute(
                "UPDATE users SET issuer = ?, issuer_subject = ?, password_hash = '' WHERE name = ? AND NOT EXISTS "
                "(SELECT 1 FROM users WHERE issuer = ? AND issuer_subject = ? AND name <> ?)",
                (issuer, subject, name, issuer, subject, name),
            )
            if changed.rowcount == 0:
                raise AlreadyExists(
                    f"the identity at {issuer!r} is another user's: take it from there first", name=name
                )
            end_sessions(tables, name)
            audit.note(tables, self._clock(), actor, "user.set_identity", f"user:{name}", issuer=issuer)

    def set_server_admin(self, actor: Actor, name: str, is_server_admin: bool) -> None:
        """Lets a user look after the server, or no longer; for server admins."""
        require_server_admin(actor, "to make a server admin")
        require_signed_in(actor, "to make a server admin")
        with self._catalog.writing() as tables:
            _existing(tables, name)
            changed = tables.execute(
                "UPDATE users SET is_server_admin = ? WHERE name = ? AND is_server_admin <> ?",
                (int(is_server_admin), name, int(is_server_admin)),
            )
            if changed.rowcount:
                audit.note(
                    *(tables, self._clock(), actor, "user.set_server_admin", f"user:{name}"),
                    is_server_admin=is_server_admin,
                )


def is_name(name: str) -> bool:
    """Says whether a user or a team can have that name."""
    return _NAME.fullmatch(name) is not None


def is_subject(text: str) -> bool:
    """Says whether an issuer or a subject of an identity can be called so."""
    return 1 <= len(text) <= _IDENTITY_CHARACTERS_MAX and text.isprintable()


def check_name(what: str, name: str) -> None:
    """Raises InvalidArgument for what no user and no team can be called."""
    if not is_name(name):
        raise InvalidArgument(
            f"{what} is {name[:80]!r}; it can be 1 to 64 of a-z, 0-9, dot, _ and -: choose another",
            field="name",
        )


def not_found(name: str) -> UserNotFound:
    """Returns the error of a user who is not there."""
    return UserNotFound(f"there is no user {name[:80]!r}: see the list of users", name=name[:80])


def end_sessions(tables: Tables, name: str) -> None:
    """Ends all sessions of a user as a part of a transaction, which has written the user's row before."""
    tables.execute(
        "DELETE FROM sessions WHERE user_key = (SELECT user_key FROM users WHERE name = ?)", (name,)
    )


def _checked(identity: Identity) -> tuple[str, str]:
    for what, text in (("issuer", identity.issuer), ("subject", identity.subject)):
        if not is_subject(text):
            raise InvalidArgument(
                f"the {what} of the identity has {len(text)} characters; it can have 1 to "
                f"{_IDENTITY_CHARACTERS_MAX} printable ones: take it as the provider has it",
                field=what,
            )
    return identity.issuer, identity.subject


def _existing(tables: Tables, name: str) -> User:
    user = _find(tables, name)
    if user is None:
        raise not_found(name)
    return user


def _find(tables: Tables, name: str) -> User | None:
    if not is_name(name):
        return None
    row = tables.execute(f"SELECT {_COLUMNS} FROM users WHERE name = ?", (name,)).fetchone()  # noqa: S608 - no value is pasted
    return None if row is None else _user(row)


def _user(row: tuple[str, str, int, str | None, str | None, int, int, int, int]) -> User:
    identity = None if row[3] is None or row[4] is None else Identity(row[3], row[4])
    return User(row[0], json.loads(row[1]), bool(row[2]), identity, bool(row[5]), row[6], row[7], row[8])
