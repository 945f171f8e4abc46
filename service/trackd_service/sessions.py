"""Owns sessions: how a person comes in by the sign-in page, and until when.

Invariants: a token is new at each sign-in, and known by its hash alone; a session ends 12 hours after its last use, 7 days
after it began, when its user signs out, is disabled, or gets another password, whatever happens at the same moment; why
somebody was refused is told to nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from trackd_service import attempts, audit, tokens
from trackd_service.catalog import Catalog
from trackd_service.catalog_tables import Tables
from trackd_service.errors import TooManyAttempts, Unauthenticated
from trackd_service.passwords import Passwords
from trackd_service.principals import Actor, Caller, Principal, require, require_signed_in
from trackd_service.teams import with_roles
from trackd_service.users import Identity, end_sessions, is_name

_SECOND = 10**9
IDLE_SECONDS = 12 * 3600
LIFETIME_SECONDS = 7 * 86_400
_USE_INTERVAL = 60 * _SECOND


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun; `token` is what the browser keeps, until `expire_time` at most."""

    principal: Principal
    expire_time: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Account:
    """What a password is checked against."""

    user_key: int
    name: str
    is_server_admin: bool
    password_hash: str = field(repr=False)


class Sessions:
    """Lets persons in and out, and recognises them."""

    def __init__(self, catalog: Catalog, clock: Callable[[], int], passwords: Passwords) -> None:
        self._catalog = catalog
        self._clock = clock
        self._passwords = passwords

    def sign_in(self, name: str, password: str, address: str) -> NewSession:
        """Begins a session of a user who knows the password.

        Raises:
            TooManyAttempts: There were too many for that name or from that address; metadata says how long to wait.
            Unauthenticated: The name, the password, or both are wrong, or the user may not come in.
        """
        account = self._checked(name, password, address)
        session = self._begun(account, password, address)
        if session is None:
            # Something has written the hash meanwhile: another sign-in that made it anew, or a change of the password.
            anew = self._account(name, password)
            session = None if anew is None else self._begun(anew, password, address)
        if session is None:
            raise _refused()
        return session

    def _begun(self, account: _Account, password: str, address: str) -> NewSession | None:
        """Begins a session, unless the password has been changed or the user disabled since it was checked."""
        # Made with the parameters of now, where those of the hash are older.
        is_old = self._passwords.is_old(account.password_hash)
        new_hash = self._passwords.hash_again(password) if is_old else account.password_hash
        now = self._clock()
        with self._catalog.writing() as tables:
            # Holds the user's row: who changes the password or disables the user meanwhile comes before, or after and ends
            # the session.
            known = tables.execute(
                "UPDATE users SET sign_in_time = ?, password_hash = ? WHERE user_key = ? AND password_hash = ? "
                "AND disable_time = 0",
                (now, new_hash, account.user_key, account.password_hash),
            )
            if known.rowcount == 0:
                return None
            attempts.give_back(tables, attempts.subjects(account.name, address), now)
            return _begin(tables, account, now, address, "password")

    def sign_in_identity(self, identity: Identity, address: str, email: str = "") -> NewSession:
        """Begins a session of the user with an identity that an OpenID Connect provider has just proved.

        Args:
            identity: Who it is, for the provider.
            address: From where.
            email: What else the provider says, for the audit to tell server admins of somebody who is no user.

        Raises:
            Unauthenticated: No user has it, or the user may not come in.
        """
        now = self._clock()
        with self._catalog.writing() as tables:
            row = tables.execute(
                "UPDATE users SET sign_in_time = ? WHERE issuer = ? AND issuer_subject = ? AND disable_time = 0 "
                "RETURNING user_key, name, is_server_admin",
                (now, _plain(identity.issuer), _plain(identity.subject)),
            ).fetchone()
            if row is not None:
                return _begin(tables, _Account(row[0], row[1], bool(row[2]), ""), now, address, "identity")
            known = {"issuer": identity.issuer, "identity": identity.subject, "email": email}
            audit.note_of(tables, now, "", address, "session.refuse", "", by="identity", **known)
        raise Unauthenticated(
            "no user of this server has that identity: ask a server admin to make one with it"
        )

    def change_password(self, caller: Caller, former: str, password: str) -> NewSession:
        """Gives the user who has signed in another password, and ends all of the user's sessions, this one with them.

        Returns:
            The session that this one goes on as.

        Raises:
            InvalidArgument: The new password is too short.
            TooManyAttempts: As of `sign_in`.
            Unauthenticated: The former password is wrong.
        """
        require_signed_in(caller, "to change a password")
        new_hash = self._passwords.new_hash(password)
        account = self._checked(caller.name, former, caller.address)
        now = self._clock()
        with self._catalog.writing() as tables:
            changed = tables.execute(
                "UPDATE users SET password_hash = ? WHERE user_key = ? AND password_hash = ? AND disable_time = 0",
                (new_hash, account.user_key, account.password_hash),
            )
            if changed.rowcount == 0:
                raise _refused()
            attempts.give_back(tables, attempts.subjects(account.name, caller.address), now)
            end_sessions(tables, account.name)
            audit.note(tables, now, caller, "user.change_password", f"user:{account.name}")
            return _begin(tables, account, now, caller.address, "password")

    def sign_out(self, caller: Caller) -> None:
        """Ends the caller's session; one that has ended already stays so."""
        with self._catalog.writing() as tables:
            ended = tables.execute(
                "DELETE FROM sessions WHERE session_id = ?", (caller.principal.session_id,)
            )
            if ended.rowcount:
                audit.note(tables, self._clock(), caller, "session.end", f"user:{caller.name}")

    def end_all(self, actor: Actor, user: str) -> None:
        """Ends all sessions of a user; for the user who has signed in, and for server admins."""
        is_own = actor.is_user(user) and actor.is_signed_in()
        require(is_own or actor.can_administer_server(), "to end sessions of another user", "a server admin")
        if not is_name(user):
            return
        with self._catalog.writing() as tables:
            end_sessions(tables, user)
            audit.note(tables, self._clock(), actor, "session.end_all", f"user:{user}")

    def resolve(self, token: str, now: int) -> Principal | None:
        """Returns whose session a token is, or None where it is none, or none any more.

        Raises:
            StorageUnavailable: The catalog cannot be asked.
        """
        parts = tokens.parse(tokens.SESSION_KIND, token)
        if parts is None:
            return None
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT secret_sha256, user_key, name, is_server_admin, use_time FROM sessions "
                "JOIN users USING (user_key) WHERE session_id = ? AND disable_time = 0 AND use_time > ? "
                "AND sessions.create_time > ?",
                (parts.id, now - IDLE_SECONDS * _SECOND, now - LIFETIME_SECONDS * _SECOND),
            ).fetchone()
            if row is None or not parts.is_secret_of(row[0]):
                return None
            principal = _principal(tables, _Account(row[1], row[2], bool(row[3]), ""), parts.id)
        if row[4] <= now - _USE_INTERVAL:
            self._catalog.write_aside(
                "when a session was used",
                "UPDATE sessions SET use_time = ? WHERE session_id = ?",
                now,
                parts.id,
            )
        return principal

    def expire_time(self, caller: Caller) -> int:
        """Returns when the caller's session ends, however often it is used."""
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT create_time FROM sessions WHERE session_id = ?", (caller.principal.session_id,)
            ).fetchone()
        return 0 if row is None else int(row[0]) + LIFETIME_SECONDS * _SECOND

    def forget_ended(self, now: int) -> None:
        """Deletes sessions that are over and attempts that no longer count."""
        with self._catalog.writing() as tables:
            tables.execute(
                "DELETE FROM sessions WHERE use_time <= ? OR create_time <= ?",
                (now - IDLE_SECONDS * _SECOND, now - LIFETIME_SECONDS * _SECOND),
            )
            attempts.forget_old(tables, now)

    def _checked(self, name: str, password: str, address: str) -> _Account:
        """Returns the account whose password this is; what it costs says nothing of whether there is such a user."""
        known_name = name if is_name(name) else ""
        now = self._clock()
        with self._catalog.writing() as tables:
            wait = attempts.count(tables, attempts.subjects(known_name, address), now)
        if wait:
            seconds = -(-wait // _SECOND)
            raise TooManyAttempts(
                f"there were more than {attempts.ATTEMPTS_MAX} attempts to sign in within a minute: wait {seconds} s",
                retry_after_seconds=seconds,
            )
        account = self._account(name, password)
        if account is not None:
            return account
        with self._catalog.writing() as tables:
            # What was typed as a name may be a password: a name is written where a user has it.
            row = tables.execute("SELECT name FROM users WHERE name = ?", (known_name,)).fetchone()
            actor, subject = ("", "") if row is None else (row[0], f"user:{row[0]}")
            audit.note_of(tables, now, actor, address, "session.refuse", subject)
        raise _refused()

    def _account(self, name: str, password: str) -> _Account | None:
        """Returns the account that may come in by this password, or None after the same work."""
        with self._catalog.reading() as tables:
            row = tables.execute(
                "SELECT user_key, name, is_server_admin, password_hash, disable_time FROM users WHERE name = ?",
                (name if is_name(name) else "",),
            ).fetchone()
        is_right = self._passwords.is_right("" if row is None else row[3], password)
        if row is None or not is_right or row[4] != 0:
            return None
        return _Account(row[0], row[1], bool(row[2]), row[3])


def _begin(tables: Tables, account: _Account, now: int, address: str, by: str) -> NewSession:
    token = tokens.make(tokens.SESSION_KIND)
    tables.execute(
        "INSERT INTO sessions (session_id, user_key, secret_sha256, create_time, use_time) VALUES (?, ?, ?, ?, ?)",
        (token.id, account.user_key, token.secret_sha256, now, now),
    )
    audit.note_of(tables, now, account.name, address, "session.begin", f"user:{account.name}", by=by)
    return NewSession(_principal(tables, account, token.id), now + LIFETIME_SECONDS * _SECOND, token.text)


def _principal(tables: Tables, account: _Account, session_id: str) -> Principal:
    return with_roles(
        tables,
        Principal(
            *(account.name, account.user_key, "admin"),
            session_id=session_id,
            is_server_admin=account.is_server_admin,
        ),
    )


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "the name or the password is wrong, or the user may not come in: try again, or ask a server admin"
    )


def _plain(text: str) -> str:
    """Returns a text that a database can be asked for; one that no user has, such as of a NUL, as the empty one."""
    return text if text.isprintable() else ""
