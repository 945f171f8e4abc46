from __future__ import annotations

import math
import random
import subprocess
import time
from pathlib import Path

import pytest

from trackd_service.comparison import (
    DIFF_CHARACTERS_MAX,
    DIFF_LINES_MAX,
    MISSING,
    TEXT_LINES_MAX,
    Difference,
    compare,
    compare_packages,
    compare_texts,
)

# -- documents ---------------------------------------------------------------------------------------------------------


def test_equal_documents_do_not_differ() -> None:
    document = {"lr": 0.1, "model": {"layers": [1, 2, {"a": None}], "name": "x"}, "empty": {}}
    assert compare(document, {**document, "model": dict(reversed(document["model"].items()))}) == []  # type: ignore[attr-defined]


def test_differences_stand_under_dotted_keys_in_order() -> None:
    left = {"b": {"x": 1, "gone": {"deep": True}}, "a": 1}
    right = {"b": {"x": 2, "new": {"deep": None}}, "a": 1}
    found = compare(left, right)
    assert found == [
        Difference("b.gone.deep", True, MISSING),
        Difference("b.new.deep", MISSING, None),
        Difference("b.x", 1, 2),
    ]
    assert [each.kind for each in found] == ["removed", "added", "changed"]


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        (1, 1.0, True),
        (0.0, -0.0, True),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (math.inf, -math.inf, False),
        (True, 1, False),
        (False, 0.0, False),
        (True, True, True),
        (1, "1", False),
        (None, "", False),
        ([1, math.nan], (1.0, math.nan), True),
        ([1, 2], [2, 1], False),
        ([{"a": math.nan}], [{"a": math.nan}], True),
        ([{"a": 1}], [{"a": True}], False),
        ({}, None, False),
        ({"a": 1}, 1, False),
        pytest.param(10**400, 1e300, False, id="beyond floats"),
    ],
)
def test_values_are_compared_as_what_they_stand_for(left: object, right: object, is_same: bool) -> None:
    assert (compare({"key": left}, {"key": right}) == []) is is_same
    assert (compare({"key": right}, {"key": left}) == []) is is_same


def test_empty_mapping_differs_from_a_missing_one() -> None:
    assert compare({"a": {}}, {}) == [Difference("a", {}, MISSING)]


# -- packages ----------------------------------------------------------------------------------------------------------


def test_packages_differ_in_versions_and_origins() -> None:
    left = "numpy==1.26.4\nold==1\nSame_Name==2\n-e file:///src  # mine==0.1\n# a comment\n"
    right = "numpy==2.0.0\nnew.one==3\nsame-name==2\nmine @ git+https://h/mine@abc  # mine==0.1\n"
    assert compare_packages(left, right) == [
        Difference("mine", "0.1 -e file:///src", "0.1 git+https://h/mine@abc"),
        Difference("new-one", MISSING, "3"),
        Difference("numpy", "1.26.4", "2.0.0"),
        Difference("old", "1", MISSING),
    ]


# -- texts -------------------------------------------------------------------------------------------------------------


def test_equal_texts_have_no_difference() -> None:
    assert compare_texts("a\nb\n", "a\nb\n", "x").text == ""


@pytest.mark.parametrize("line_count", [0, 1, 5, 40, TEXT_LINES_MAX * 2])
def test_difference_applied_to_the_left_gives_the_right(tmp_path: Path, line_count: int) -> None:
    chosen = random.Random(line_count)
    left = [f"line {chosen.randrange(30)}" for _ in range(line_count)]
    right = [line for line in left if chosen.random() > 0.1]
    right[len(right) // 2 : len(right) // 2] = ["new 1", "new 2"]
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (left, right))
    difference = compare_texts(before, after, "file.txt")
    assert not difference.is_cut

    (tmp_path / "file.txt").write_text(before)
    (tmp_path / "x.patch").write_text(difference.text)
    subprocess.run(["git", "apply", "-p0", "--unidiff-zero", "x.patch"], cwd=tmp_path, check=True)
    assert (tmp_path / "file.txt").read_text() == after


def test_change_far_down_a_long_text_is_small() -> None:
    lines = [f"line {number}" for number in range(200_000)]
    changed = [*lines[:150_000], "other", *lines[150_001:]]
    text = compare_texts("\n".join(lines), "\n".join(changed), "x").text
    assert "-line 150000\n+other\n" in text
    assert "@@ -149998,7 +149998,7 @@" in text
    assert len(text.splitlines()) == 2 + 1 + 3 + 2 + 3


def test_missing_newline_at_the_end_is_a_difference() -> None:
    text = compare_texts("a", "a\n", "x").text
    assert text == "--- x\n+++ x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"


@pytest.mark.parametrize("kinds", [1, 2, 40, 1000, 10**9])
def test_texts_of_many_lines_are_compared_in_bounded_time_and_size(kinds: int) -> None:
    chosen = random.Random(1)
    for line_count in (150, TEXT_LINES_MAX, 300_000):
        left = "\n".join(f"{chosen.randrange(kinds)}" if i % 2 else f"l{i}" for i in range(line_count))
        right = "\n".join(f"{chosen.randrange(kinds)}" if i % 2 else f"r{i}" for i in range(line_count))
        begin = time.process_time()
        difference = compare_texts(left, right, "x")
        assert time.process_time() - begin < 8  # it takes 0.6 s; without the limit, hours
        assert len(difference.text.splitlines()) <= DIFF_LINES_MAX
        assert difference.is_cut is (line_count == 300_000)


def test_lines_of_any_length_are_cut() -> None:
    difference = compare_texts("x" * 2 * DIFF_CHARACTERS_MAX, "y", "x")
    assert (len(difference.text), difference.is_cut) == (DIFF_CHARACTERS_MAX, True)
