import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd_service import server_logs, tokens
from trackd_service.server_logs import JsonFormatter, LineFormatter

KEY = tokens.make(tokens.KEY_KIND)
SESSION = tokens.make(tokens.SESSION_KIND)


def record_of(message: object, *arguments: object, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("trackd.test").makeRecord(
        "trackd.test", logging.WARNING, "file.py", 1, message, arguments, None, "function", extra
    )


def document_of(record: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    document: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return document


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.builds(Unspeakable),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.lists(VALUES, max_size=2), VALUES, VALUES)
def test_a_record_is_one_line_whatever_it_holds(
    message: str, arguments: list[Any], one: Any, other: Any
) -> None:
    record = record_of(message, *arguments, request_id=one, detail=other)
    document = document_of(record)
    assert list(document)[:4] == ["time", "level", "logger", "message"]
    assert {"request_id", "detail"} <= document.keys()
    line = LineFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert all(each.isprintable() for each in line.split(": ")[1].split(" request_id=")[0])


def test_a_line_says_when_how_grave_who_and_what_with_everything_beside_it() -> None:
    record = record_of(
        "took %d of %s", 3, "it", request_id="r1", user="ada", key_id="k1", route="/x", status=200
    )
    record.created = 1_700_000_000.1234
    record.seconds = 0.5
    assert document_of(record) == {
        "time": "2023-11-14T22:13:20.123Z",
        "level": "warning",
        "logger": "trackd.test",
        "message": "took 3 of it",
        "request_id": "r1",
        "user": "ada",
        "key_id": "k1",
        "route": "/x",
        "status": 200,
        "seconds": 0.5,
    }
    assert LineFormatter().format(record) == (
        '2023-11-14T22:13:20.123Z WARNING trackd.test: took 3 of it request_id="r1" user="ada" key_id="k1" route="/x" '
        "status=200 seconds=0.5"
    )


def test_what_is_beside_a_message_never_takes_the_place_of_what_the_log_says_itself() -> None:
    document = document_of(record_of("true", time="no", level="no", logger="no", exception="no"))
    assert (document["level"], document["logger"], document["message"]) == ("warning", "trackd.test", "true")
    assert document["extra_time"] == document["extra_level"] == document["extra_exception"] == "no"


SECRETS = [
    (KEY.text, KEY.text[16:]),
    (SESSION.text, SESSION.text[16:]),
    (KEY.text[:40], KEY.text[16:40]),  # cut
    (f"Authorization: Bearer {KEY.text}", KEY.text[16:]),
    ("Authorization: Basic dXNlcjpodW50ZXIyaHVudGVyMg==", "dXNlcjpodW50ZXIyaHVudGVyMg"),
    ("postgresql://trackd:hunter2hunter@db/trackd", "hunter2hunter"),
    ("https://me:hunter2hunter@proxy.example:8080/", "hunter2hunter"),
    ("AKIAIOSFODNN7EXAMPLE password=hunter2hunter", "hunter2hunter"),
]


@pytest.mark.parametrize("formatter", [JsonFormatter(), LineFormatter()], ids=["json", "line"])
@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=range(len(SECRETS)))
def test_no_secret_is_written_wherever_it_stands(
    text: str, secret: str, formatter: logging.Formatter
) -> None:
    try:
        raise ValueError(f"it failed with {text}")
    except ValueError as error:
        failed = record_of("it failed")
        failed.exc_info = (type(error), error, error.__traceback__)
    records = [
        record_of(f"before {text} behind"),
        record_of("before %s behind", text),
        record_of("x", url=text),
        record_of("x", detail={"deep": [text, (text,)], text: 1}),
        record_of("x", authorization=text, headers={"Authorization": text, "x": f"b {text}"}),
        record_of("%d", text),  # which cannot be formatted
        failed,
    ]
    for record in records:
        line = formatter.format(record)
        assert secret not in line
        assert len(line.splitlines()) == 1
    assert "behind" in formatter.format(records[0])


def test_which_key_it_was_is_still_told() -> None:
    assert document_of(record_of(f"refused {KEY.text}"))["message"] == f"refused {KEY.text[:16]}[redacted]"


def test_an_error_is_told_with_its_traceback_and_a_long_text_is_cut() -> None:
    try:
        raise ValueError("the end")
    except ValueError as error:
        record = record_of("failed " + "x" * 100_000)
        record.exc_info = (type(error), error, error.__traceback__)
    document = document_of(record)
    assert document["exception"].startswith("Traceback")
    assert document["exception"].endswith("ValueError: the end")
    assert len(document["message"]) < 21_000


@pytest.fixture
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    kept = (root.handlers[:], root.level)
    root.handlers[:] = []
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = kept[0]
    root.setLevel(kept[1])


@pytest.mark.usefixtures("_own_logging")
def test_everything_that_is_logged_goes_to_the_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    server_logs.configure(is_json=True)
    logging.getLogger("trackd.server").info("begun")
    logging.getLogger("some.library").debug("not of interest")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old\nthing", DeprecationWarning, stacklevel=1)
    said = capsys.readouterr()
    assert said.out == ""
    first, second = map(json.loads, said.err.splitlines())
    assert (first["logger"], first["message"]) == ("trackd.server", "begun")
    assert (second["logger"], second["level"]) == ("py.warnings", "warning")
    stream = io.StringIO()
    server_logs.configure(is_json=False, stream=stream)
    logging.getLogger("trackd.server").info("again")
    assert stream.getvalue().endswith("INFO trackd.server: again\n")
    assert capsys.readouterr().err == ""
