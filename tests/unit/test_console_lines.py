from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from trackd import _console_lines
from trackd._console_lines import LINE_CHARACTERS_MAX, Lines


def merge(lines: Lines, kept: dict[int, tuple[str, str]] | None = None) -> dict[int, tuple[str, str]]:
    """Returns what a reader has who lets a later text of a number replace an earlier one."""
    kept = {} if kept is None else kept
    for stream, first, texts in lines.take(everything=True):
        kept.update({first + index: (stream, text) for index, text in enumerate(texts)})
    return kept


def shown(*chunks: str) -> list[str]:
    lines = Lines()
    for chunk in chunks:
        lines.feed("stdout", chunk)
    kept = merge(lines)
    assert list(kept) == list(range(len(kept)))
    return [text for _, text in kept.values()]


PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n\t"), max_size=200)
# What terminals are sent, and what looks like the beginning of it.
PIECES = st.sampled_from(
    [
        *(
            "a",
            "bcd",
            "\N{SNOWMAN}",
            " ",
            "\n",
            "\r",
            "\r\n",
            "\b",
            "\t",
            "\a",
            "\udc80",
            "\x9b",
            "5m",
            "[",
            "\\",
            "]",
        ),
        *("\x1b", "\x1b[", "\x1b[3", "\x1b[A", "\x1b[2B", "\x1b[C", "\x1b[3D", "\x1b[4G", "\x1b[F", "\x1b[E"),
        *(
            "\x1b[31m",
            "\x1b[0m",
            "\x1b[m",
            "\x1b[1;32m",
            "\x1b[0;33m",
            "\x1b[K",
            "\x1b[1K",
            "\x1b[2K",
            "\x1b[J",
        ),
        *(
            "\x1b]0;title\x07",
            "\x1b]8;;x\x1b\\",
            "\x1b]",
            "\x1b(B",
            "\x1b7",
            "\x1b[?25l",
            "\x1b[2J",
            "\x1bP1",
        ),
    ]
)


@given(PLAIN)
def test_text_without_controls_is_its_lines(text: str) -> None:
    lines = text.split("\n")
    assert shown(text) == (lines if lines[-1] else lines[:-1])


@given(st.lists(PIECES, max_size=60), st.lists(st.integers(0, 300), max_size=20))
def test_cutting_into_chunks_changes_nothing(pieces: list[str], cuts: list[int]) -> None:
    text = "".join(pieces)
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    chunks = [text[begin:end] for begin, end in itertools.pairwise(places)]
    assert shown(*chunks) == shown(text) == shown(*text)


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), PIECES), max_size=60), st.data())
def test_taking_between_chunks_gives_the_same_lines_in_the_end(
    writes: list[tuple[str, str]], data: st.DataObject
) -> None:
    at_once, bit_by_bit = Lines(), Lines()
    kept: dict[int, tuple[str, str]] = {}
    for stream, text in writes:
        at_once.feed(stream, text)
        bit_by_bit.feed(stream, text)
        if data.draw(st.booleans()):
            everything = data.draw(st.booleans())
            for group_stream, first, texts in bit_by_bit.take(everything=everything):
                kept.update({first + index: (group_stream, each) for index, each in enumerate(texts)})
    assert dict(sorted(merge(bit_by_bit, kept).items())) == merge(at_once)
    assert not bit_by_bit.has_changed
    assert not bit_by_bit.has_completed


@given(st.lists(PIECES, max_size=60))
def test_only_tabs_and_colours_are_left_of_controls(pieces: list[str]) -> None:
    for line in shown("".join(pieces)):
        for part in line.split("\x1b[")[1:]:
            assert part.lstrip("0123456789;").startswith("m")
        plain = line.replace("\x1b[", "")
        assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in plain if each != "\t")
        line.encode()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("loading\rloaded!", ["loaded!"]),
        ("12345\rab", ["ab345"]),
        ("12345\rab\x1b[K", ["ab"]),
        ("12345\x1b[3D\x1b[1K", ["   45"]),
        ("12345\x1b[2Kx", ["     x"]),
        ("12345\r     \r", [""]),
        ("abc\b\bX", ["aXc"]),
        ("\b\bx", ["x"]),
        ("a\tb", ["a\tb"]),
        ("a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", ["ablink"]),
        ("a\x1b]never ended\nb", ["a", "b"]),
        ("\x1b[?25lhidden cursor\x1b[?25h\x1b(B\x1b7", ["hidden cursor"]),
        ("bad \udcff byte", ["bad \ufffd byte"]),
        ("ding\a\0\x7f", ["ding"]),
        ("a\x1b[3Gb", ["a b"]),
        ("one\ntwo\x1b[Fthree", ["three", "two"]),
        ("one\ntwo\nthree\x1b[2A\x1b[J\n", ["one", "", ""]),
        ("\n\n", ["", ""]),
        ("", []),
    ],
)
def test_controls_do_what_a_terminal_does(text: str, lines: list[str]) -> None:
    assert shown(text) == lines


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mred\x1b[0m plain \x1b[1;38;2;1;2;3mmany\x1b[m",
        "\x1b[32mgreen",
        "\x1b[0m\x1b[0mtwice\x1b[0m\x1b[0m",
        "plain\x1b[K",
    ],
)
def test_colours_are_kept_as_they_were(text: str) -> None:
    assert shown(text) == [text.removesuffix("\x1b[K")]


def test_redrawn_colours_are_those_of_what_is_seen() -> None:
    assert shown("\x1b[31mred\x1b[0m\r\x1b[32mgreen\x1b[0m") == ["\x1b[32mgreen\x1b[0m"]
    assert shown("\x1b[31mabcdef\x1b[0m\r\x1b[32mxy\x1b[0m") == ["\x1b[32mxy\x1b[0m\x1b[31mcdef\x1b[0m"]
    assert shown("\x1b[31mabcdef\x1b[0m\rxy") == ["xy\x1b[31mcdef\x1b[0m"]
    assert shown("\x1b[31mabc\x1b[0m\r\x1b[Kplain") == ["plain"]


def test_redrawing_a_coloured_line_does_not_grow_it() -> None:
    bar = "\r\x1b[32m####\x1b[0m 50%"
    assert shown(bar * 1_000) == shown(bar)


def test_both_streams_share_numbers_in_the_order_of_first_characters() -> None:
    lines = Lines()
    for stream, text in [
        ("stdout", "a"),
        ("stderr", "b\n"),
        ("stdout", "c\n"),
        ("stdout", "d\ne"),
        ("stderr", "f"),
    ]:
        lines.feed(stream, text)
    assert lines.take(everything=True) == [
        ("stdout", 0, ["ac"]),
        ("stderr", 1, ["b"]),
        ("stdout", 2, ["d", "e"]),
        ("stderr", 4, ["f"]),
    ]


def test_line_in_progress_has_its_number_and_is_given_again_as_it_changes() -> None:
    lines = Lines()
    lines.feed("stdout", "half")
    assert (lines.has_completed, lines.has_changed) == (False, True)
    assert lines.take(everything=False) == []
    assert lines.take(everything=True) == [("stdout", 0, ["half"])]
    lines.feed("stdout", " and whole\n")
    assert (lines.has_completed, lines.has_changed) == (True, False)
    assert lines.take(everything=False) == [("stdout", 0, ["half and whole"])]
    assert lines.take(everything=True) == []


def test_line_completed_before_waits_like_a_redraw() -> None:
    lines = Lines()
    lines.feed("stdout", "one\ntwo\n")
    lines.take(everything=True)
    lines.feed("stdout", "\x1b[2AONE\n")
    assert (lines.has_completed, lines.has_changed) == (False, True)
    assert lines.take(everything=True) == [("stdout", 0, ["ONE"])]


def test_line_scrolled_out_of_reach_keeps_its_last_text() -> None:
    assert shown("first\rFIRST" + "\n" * 40 + "\x1b[99Atop")[:9] == ["FIRST", *[""] * 8]
    assert shown("\n" * 40 + "\x1b[99Atop")[9] == "top"


def test_long_line_is_cut_into_several() -> None:
    text = "".join(chr(ord("a") + index % 26) for index in range(2 * LINE_CHARACTERS_MAX + 5))
    pieces = [text[:LINE_CHARACTERS_MAX], text[LINE_CHARACTERS_MAX : 2 * LINE_CHARACTERS_MAX], text[-5:]]
    assert shown(text) == pieces
    assert shown(text[:LINE_CHARACTERS_MAX] + "\nnext") == [pieces[0], "next"]
    assert shown(f"{text}\rX") == [*pieces[:2], f"X{text[-4:]}"]


@contextmanager
def interrupt_at(place: int) -> Iterator[None]:
    """Raises KeyboardInterrupt before the module runs its line of that number, as a signal handler may."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        nonlocal count
        if frame.f_code.co_filename != _console_lines.__file__:
            return None
        count += event == "line"
        if count > place:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(previous)


@pytest.mark.parametrize("during", ["during\n", "\x1b[32mdu\rring\x1b[0m\n", "\x1b[Kdurin\b\x1b[2K\n\n"])
def test_interrupt_at_any_moment_costs_only_what_is_fed(during: str) -> None:
    place, is_interrupted = 0, True
    while is_interrupted:
        lines = Lines()
        lines.feed("stdout", "before\n" * 40)
        try:
            with interrupt_at(place):
                lines.feed("stdout", during)
            is_interrupted = False
        except KeyboardInterrupt:
            place += 1
        lines.feed("stdout", "\nafter\nand")
        kept = merge(lines)
        assert sorted(kept) == list(range(len(kept)))
        texts = [text for _, (_, text) in sorted(kept.items())]
        assert texts[:39] == ["before"] * 39
        assert [text.removeprefix("\x1b[32m") for text in texts[-2:]] == ["after", "and"]
    assert place > 10


def test_nested_progress_bars_collapse_to_their_last_states() -> None:
    file = io.StringIO()
    for _ in tqdm(range(3), desc="outer", file=file, mininterval=0, ascii=True):
        for _ in tqdm(range(5), desc="inner", file=file, mininterval=0, leave=False, ascii=True):
            tqdm.write("said", file=file)
    outer, *rest = [line for line in shown(file.getvalue()) if line]
    assert outer == "said"
    assert rest[:-1] == ["said"] * 14
    assert rest[-1].startswith("outer: 100%|##########| 3/3 [")


def test_bars_below_each_other_stay_apart_and_end_in_the_order_of_closing() -> None:
    file = io.StringIO()
    bars = [
        tqdm(total=4, desc=f"bar {index}", position=index, file=file, mininterval=0, ascii=True)
        for index in range(4)
    ]
    for step in range(16):
        assert [line[:10] for line in shown(file.getvalue())] == [
            f"bar {index}: {25 * ((step + 3 - index) // 4):3}" for index in range(4)
        ]
        bars[step % 4].update()
    for bar in bars:
        bar.close()
    assert [line[:10] for line in shown(file.getvalue())[:4]] == [f"bar {index}: 100" for index in range(4)]
