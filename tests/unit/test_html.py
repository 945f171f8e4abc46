"""`Html` and `Markdown`: when a text is a path, and what is kept."""

import io
import pathlib
from typing import Any

import pytest
from tests.unit.encoded import Encoded, raises

from trackd._html import Html, Markdown


def read(html: Html) -> tuple[str, bool, str]:
    encoded = Encoded(html)
    message = encoded.message.html
    return encoded.bytes_of(message.encoded).decode(), message.inject, message.encoded.file_name


def test_a_text_is_html(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(Html("<p>ü</p>")) == ("<p>ü</p>", True, "")
    assert read(Html("<p>", inject=False)) == ("<p>", False, "")
    assert read(Html("<a>see x.html")) == ("<a>see x.html", True, "")
    assert read(Html("<a>x.html")) == ("<a>x.html", True, "")
    assert read(Html("")) == ("", True, "")
    assert read(Html("a\udc80")) == ("a\\udc80", True, "")
    assert read(Html("x.html", data_is_not_path=True)) == ("x.html", True, "")
    assert Html("<i>").html == "<i>"


def test_a_path_and_an_open_file_are_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<b>ü</b>", encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        for given_page in (path, str(path), file):
            assert read(Html(given_page)) == ("<b>ü</b>", True, "page.html")
    for in_memory in (io.StringIO("<b>ü</b>"), io.BytesIO("<b>ü</b>".encode()), "<b>ü</b>".encode()):
        assert read(Html(in_memory)) == ("<b>ü</b>", True, "")


def test_the_path_of_a_missing_page_is_not_logged_as_its_text() -> None:
    raises(FileNotFoundError, "no file|missing.html", lambda: Html("missing.html"))


def test_a_file_that_was_written_a_moment_ago_is_read_whole(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "page.html").open("w+", encoding="utf-8") as file:
        file.write("<b>late</b>")
        assert read(Html(file))[0] == "<b>late</b>"


@pytest.mark.parametrize(
    ("error", "words", "data"),
    [
        (TypeError, "int|HTML text", 5),
        (TypeError, "NoneType", None),
        (ValueError, "0 bytes", io.StringIO()),
        (ValueError, "address", "https://example.org/x.html"),
    ],
)
def test_what_is_no_html_says_why(error: type[Exception], words: str, data: Any) -> None:
    raises(error, words, lambda: Html(data))


def test_an_empty_page_and_another_file_say_so(tmp_path: pathlib.Path) -> None:
    empty, other = tmp_path / "empty.html", tmp_path / "notes.txt"
    empty.touch()
    other.write_text("x", encoding="utf-8")
    raises(ValueError, "empty.html|0 bytes", lambda: Html(str(empty)))
    raises(ValueError, "notes.txt|'txt'|html", lambda: Html(other))


def test_markdown_is_a_text() -> None:
    assert Encoded(Markdown("# ü")).message.markdown.text == "# ü"
    raises(TypeError, "int|str", lambda: Markdown(5))  # type: ignore[arg-type]
