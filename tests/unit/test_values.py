import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd import _values, _wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
NESTED = st.recursive(
    st.integers(0, 9),
    lambda inner: st.dictionaries(st.text("ab/", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("ab/", min_size=1, max_size=2), NESTED, max_size=4))
def test_flatten_joins_the_names_of_every_leaf_in_order(data: dict[str, Any]) -> None:
    def walk(prefix: str, value: Any) -> list[tuple[str, Any]]:
        if not isinstance(value, dict):
            return [(prefix, value)]
        return [
            pair for key, inner in value.items() for pair in walk(f"{prefix}.{key}" if prefix else key, inner)
        ]

    problems: list[Exception] = []
    assert list(_values.flatten(data, problems)) == [
        pair for key, value in data.items() for pair in walk(key, value)
    ]
    assert problems == []


def test_flatten_goes_on_behind_what_cannot_be_a_key() -> None:
    problems: list[Exception] = []
    data = {"a": {1: 2, "b": 3}, None: 4, "c": 5}
    assert list(_values.flatten(data, problems)) == [("a.b", 3), ("c", 5)]
    assert [str(problem) for problem in problems] == [
        "metric keys must be str; got 1 of type int inside 'a'",
        "metric keys must be str; got None of type NoneType",
    ]


@given(JSON)
def test_every_json_value_is_a_leaf_and_is_never_changed(value: Any) -> None:
    before = repr(value)
    leaf = _values.leaf("k", value)
    assert repr(value) == before
    assert isinstance(leaf, float | int | bool | str)
    if isinstance(value, list | dict) or value is None:
        assert isinstance(leaf, _wire.Json)


@given(st.integers())
def test_integers_are_exact_in_64_bits_and_floats_beyond(value: int) -> None:
    leaf = _values.leaf("k", value)
    if -(2**63) <= value < 2**63:
        assert leaf == value
        assert type(leaf) is int
    else:
        assert type(leaf) is float
        assert leaf == pytest.approx(value)


def test_integers_beyond_the_floats_are_infinite() -> None:
    assert _values.leaf("k", 10**400) == math.inf
    assert _values.leaf("k", -(10**400)) == -math.inf


@pytest.mark.parametrize("key", ["a", "x" * 512, "é" * 256, "\0", " "])
def test_a_name_of_up_to_512_bytes_is_a_key(key: str) -> None:
    assert _values.check_key(key) == key


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("", "metric key is empty; give it a name of 1 to 512 bytes"),
        (
            "train/" + "x" * 606,
            "metric key is 612 bytes; the limit is 512: shorten 'train/xxxxxxxxxxxxxxxxxx'…",
        ),
        ("\ud800", "metric key '\\ud800' holds a lone surrogate, which is no text: use valid Unicode"),
    ],
)
def test_what_cannot_be_a_key_is_told_in_one_sentence(key: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="metric key") as caught:
        _values.check_key(key)
    assert str(caught.value) == sentence
