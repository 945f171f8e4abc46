from typing import Any

import argon2
import pytest

from trackd_service.errors import InvalidArgument
from trackd_service.passwords import Passwords

RIGHT = "correct horse battery"


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(1, 8, 1)


def test_a_password_is_kept_as_argon2id_with_the_parameters_of_rfc_9106() -> None:
    kept = Passwords().new_hash(RIGHT)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert RIGHT not in kept


def test_the_right_password_is_told_from_others(passwords: Passwords) -> None:
    kept = passwords.new_hash(RIGHT)
    assert kept != passwords.new_hash(RIGHT)
    assert passwords.is_right(kept, RIGHT)
    for wrong in ("", RIGHT + " ", RIGHT.upper(), "\ud800" * 12, "x" * 100_000):
        assert not passwords.is_right(kept, wrong)
    assert not passwords.is_right("no hash at all", RIGHT)


def test_a_password_typed_on_another_keyboard_is_the_same(passwords: Passwords) -> None:
    kept = passwords.new_hash("élève à l'école")
    assert passwords.is_right(kept, "e\u0301le\u0300ve a\u0300 l'e\u0301cole")


@pytest.mark.parametrize(
    "password", ["", "x" * 11, "e\u0301" * 11, "\ud800" * 12, "x" * 1001, "\ufdfa" * 1000]
)
def test_a_password_of_fewer_than_12_characters_or_too_many_is_refused_and_not_repeated(
    passwords: Passwords, password: str
) -> None:
    with pytest.raises(
        InvalidArgument, match=r"the password has \d+ characters; it can have 12 to 1000"
    ) as told:
        passwords.new_hash(password)
    assert not password or password not in str(told.value)


def test_a_user_who_is_not_there_costs_as_many_checks_as_one_who_is(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = passwords.new_hash(RIGHT)
    verified = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, password_hash: Any, password: Any) -> bool:
        verified.append(argon2.extract_parameters(password_hash))
        return verify(self, password_hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    assert passwords.is_right(kept, RIGHT)
    assert not passwords.is_right(kept, "wrong " + RIGHT)
    assert not passwords.is_right("", RIGHT)
    assert not passwords.is_right("", "the password of nobody")
    assert len(verified) == 4
    assert len({str(each) for each in verified}) == 1


def test_a_hash_of_other_parameters_is_old(passwords: Passwords) -> None:
    kept = passwords.new_hash(RIGHT)
    assert not passwords.is_old(kept)
    assert Passwords(2, 8, 1).is_old(kept)
    assert Passwords(2, 8, 1).is_right(kept, RIGHT)
