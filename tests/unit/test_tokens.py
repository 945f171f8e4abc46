import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd_service import tokens

TOKEN = tokens.make("trk_")
POSITIONS = st.integers(0, len(TOKEN.text) - 1)


def test_a_token_has_a_kind_an_id_256_bits_and_a_check_sum() -> None:
    parts = tokens.parse("trk_", TOKEN.text)
    assert parts is not None
    assert parts.id == TOKEN.id
    assert TOKEN.text.startswith(f"trk_{TOKEN.id}{parts.secret}")
    assert len(TOKEN.text) == 65
    assert 62 ** len(parts.secret) >= 2**256
    assert hashlib.sha256(parts.secret.encode()).hexdigest() == TOKEN.secret_sha256
    assert parts.is_secret_of(TOKEN.secret_sha256)
    assert not parts.is_secret_of(tokens.make("trk_").secret_sha256)


def test_no_two_tokens_are_alike() -> None:
    made = [tokens.make("trk_") for _ in range(1000)]
    assert len({token.id for token in made}) == len({token.secret_sha256 for token in made}) == 1000


@given(POSITIONS, st.characters(min_codepoint=33, max_codepoint=126))
def test_every_wrong_character_is_a_mistake(position: int, character: str) -> None:
    text = TOKEN.text[:position] + character + TOKEN.text[position + 1 :]
    assert bool(tokens.mistake("trk_", text)) == (text != TOKEN.text)
    assert (tokens.parse("trk_", text) is None) == (text != TOKEN.text)


@given(POSITIONS.filter(bool))
def test_two_neighbours_that_have_changed_places_are_a_mistake(position: int) -> None:
    text = TOKEN.text
    swapped = text[: position - 1] + text[position] + text[position - 1] + text[position + 1 :]
    assert bool(tokens.mistake("trk_", swapped)) == (swapped != text)


@given(st.text())
def test_any_text_is_answered_and_never_repeated(text: str) -> None:
    assert tokens.parse("trk_", text) is None
    assert len(text) < 10 or text not in tokens.mistake("trk_", text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "does not begin with trk_"),
        (tokens.make("trs_").text, "does not begin with trk_"),
        (f" {TOKEN.text}", "does not begin with trk_"),
        (TOKEN.text[:-1], "has 64 characters, not 65"),
        (f"{TOKEN.text}\n", "has 66 characters, not 65"),
        (f"{TOKEN.text[:-1]}-", "holds a character that is no digit and no letter"),
        (f"{TOKEN.text[:-1]}é", "holds a character that is no digit and no letter"),
        (TOKEN.text[:20] + ("a" if TOKEN.text[20] != "a" else "b") + TOKEN.text[21:], "is mistyped"),
    ],
    ids=[
        "empty",
        "kind",
        "blank",
        "short",
        "long",
        "dash",
        "accent",
        "typo",
    ],  # the token is another one each time
)
def test_what_is_wrong_is_said(text: str, sentence: str) -> None:
    assert sentence in tokens.mistake("trk_", text)


def test_no_repr_shows_a_secret() -> None:
    parts = tokens.parse("trk_", TOKEN.text)
    assert parts is not None
    assert parts.secret not in repr(TOKEN) + repr(parts)
    assert TOKEN.secret_sha256 not in repr(TOKEN)


def test_secrets_are_compared_without_leaking_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(left: str, right: str) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", compare)
    parts = tokens.parse("trk_", TOKEN.text)
    assert parts is not None
    compared.clear()
    assert parts.is_secret_of(TOKEN.secret_sha256)
    assert not parts.is_secret_of("0" * 64)
    assert [right for _, right in compared] == [TOKEN.secret_sha256, "0" * 64]
