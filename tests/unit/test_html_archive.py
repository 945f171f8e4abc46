"""Owns the tests of the bytes of exported pages."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import zlib

from trackd_service.html_archive import Archive, inline_scripts, page

HOSTILE = "</script><script>alert(1)</script><!--"


def make_page(archive: Archive, foreign: list[bytes] | None = None) -> str:
    archive.finish()
    index = {"project": HOSTILE, "left_out": [HOSTILE]}
    return page(f"{HOSTILE} title", "start()", "p{}", index, archive, foreign or []).decode()


def test_hostile_texts_end_no_element() -> None:
    archive = Archive(1 << 20)
    archive.put_answer(HOSTILE, HOSTILE.encode(), "application/json")
    archive.put_file(f"/{HOSTILE}", HOSTILE.encode(), "text/html")
    text = make_page(archive)
    assert "alert(1)</script>" not in text
    assert (
        len(re.findall("<script", text)) == len(re.findall("</script>", text)) == 4
    )  # index, two parts, the app


def test_the_policy_allows_the_scripts_of_the_file_and_no_address() -> None:
    text = make_page(Archive(1 << 20), [b"<p>x</p><script>\r\nframe()</script>"])
    policy = html.unescape(text.split('Content-Security-Policy" content="')[1].split('"')[0])
    assert "default-src 'none'" in policy
    assert "http" not in policy
    for script in (b"start()", b"\nframe()"):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" in policy
    assert "unsafe-eval" not in policy


def test_the_same_bytes_are_kept_once_and_found_again() -> None:
    archive = Archive(1 << 20)
    first, other, again = archive.put(b"abc"), archive.put(b"xyz"), archive.put(b"abc")
    archive.finish()
    assert first == again != other
    assert zlib.decompress(base64.b64decode(archive.parts[0][1:])) == b"abcxyz"


def test_what_does_not_fit_is_refused_and_the_limit_holds() -> None:
    archive = Archive(10_000)
    taken = [archive.put_file(f"/{number}", bytes([number]) * 2000, "image/png") for number in range(8)]
    archive.finish()
    assert (taken[0], taken[-1]) == (True, False)
    assert archive.size_bytes <= 10_000
    assert archive.put(b"q" * 100_000) is None


def test_scripts_by_address_are_not_inline() -> None:
    assert inline_scripts(b'<SCRIPT type="a">1</SCRIPT><script src="x"></script>') == [b"1"]
