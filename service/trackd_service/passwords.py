"""Owns passwords: which can be one, how one is kept (Argon2id), and the check of one that is typed.

Invariants: a check costs the same whether or not there is such a user; no more than two are
computed at once, as each takes 64 MiB; no error and no repr holds a password.
"""

from __future__ import annotations

import threading
import unicodedata
from typing import TYPE_CHECKING

from trackd_service.errors import InvalidArgument

if TYPE_CHECKING:
    from argon2 import PasswordHasher

CHARACTERS_MIN = 12
CHARACTERS_MAX = 1000  # nobody types more, and a request must not make us hash a book
# The second choice of RFC 9106, part 4: 64 MiB, three passes, four lanes; measured at 0.2 s on two busy cores.
_TIME_COST, _MEMORY_KIBIBYTES, _LANES = 3, 65_536, 4
_AT_ONCE = 2


class Passwords:
    """Makes and checks hashes of passwords. Any thread may use it.

    Attributes:
        time_cost: How many passes.
        memory_kibibytes: How much memory each check takes.
        lanes: How many threads may share it.
    """

    def __init__(
        self, time_cost: int = _TIME_COST, memory_kibibytes: int = _MEMORY_KIBIBYTES, lanes: int = _LANES
    ) -> None:
        self.time_cost = time_cost
        self.memory_kibibytes = memory_kibibytes
        self.lanes = lanes
        self._gate = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._hasher: PasswordHasher | None = None
        self._nobodys = ""

    def new_hash(self, password: str) -> str:
        """Returns what is kept of a password; raises InvalidArgument for one that is too short."""
        normal = _normal(password)
        if normal is None or not CHARACTERS_MIN <= len(normal) <= CHARACTERS_MAX:
            raise InvalidArgument(
                f"the password has {len(password)} characters; it can have {CHARACTERS_MIN} to {CHARACTERS_MAX}: "
                "choose another, such as four words",
                field="password",
                limit=CHARACTERS_MIN,
            )
        return self.hash_again(password)

    def hash_again(self, password: str) -> str:
        """Returns what is kept of a password that was right just now, whatever a new one has to be."""
        hasher, _ = self._made()
        with self._gate:
            return hasher.hash(_normal(password) or "")

    def is_right(self, password_hash: str, password: str) -> bool:
        """Says whether a hash is the password's; an empty hash, of a user who is not there or has none, takes as long."""
        from argon2.exceptions import InvalidHashError, VerificationError

        normal = _normal(password)
        if normal is None or len(normal) > CHARACTERS_MAX:
            return False
        hasher, nobodys = self._made()
        try:
            with self._gate:
                hasher.verify(password_hash or nobodys, normal)
        except (VerificationError, InvalidHashError):
            return False
        return bool(password_hash)

    def is_old(self, password_hash: str) -> bool:
        """Says whether a hash was made with other parameters than those of now."""
        hasher, _ = self._made()
        return hasher.check_needs_rehash(password_hash)

    def _made(self) -> tuple[PasswordHasher, str]:
        """Returns the hasher, and a hash of no user; both are made before the first check, whoever it is for."""
        from argon2 import PasswordHasher

        with self._lock:
            if self._hasher is None:
                hasher = PasswordHasher(self.time_cost, self.memory_kibibytes, self.lanes)
                self._nobodys = hasher.hash("the password of nobody")
                self._hasher = hasher
            return self._hasher, self._nobodys


def _normal(password: str) -> str | None:
    """Returns the password as every keyboard's way of typing it comes out, or None where it is no text."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return None
    # Before the text is worked on: some characters become eighteen.
    return unicodedata.normalize("NFKC", password) if len(password) <= CHARACTERS_MAX else password
