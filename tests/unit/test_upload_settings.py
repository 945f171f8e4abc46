from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd_service import upload_settings
from trackd_service.upload_settings import UploadSettings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def write(folder: Path, text: str) -> None:
    (folder / upload_settings.FILE_NAME).write_text(text, encoding="utf-8")


def test_settings_come_back_as_they_were_saved(tmp_path: Path) -> None:
    assert upload_settings.load(tmp_path) is None
    for settings in (
        UploadSettings(),
        UploadSettings("s3://runs/team", "http://127.0.0.1:9000", "eu-west-1", "work", 0.5, 10_000, 7.5),
    ):
        upload_settings.save(tmp_path, settings)
        assert upload_settings.load(tmp_path) == settings
    # Nothing half is left beside it, and nobody else reads it.
    assert [path.name for path in tmp_path.iterdir()] == [upload_settings.FILE_NAME]
    assert stat.S_IMODE((tmp_path / upload_settings.FILE_NAME).stat().st_mode) == 0o600


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    write(tmp_path, '{"version": 1, "url": "s3://runs"}')
    assert upload_settings.load(tmp_path) == UploadSettings("s3://runs")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"interval_seconds": 0.4}, "interval_seconds is 0.4; it can be 0.5 to 3600"),
        ({"interval_seconds": 3601}, "interval_seconds is 3601; it can be 0.5 to 3600"),
        ({"interval_seconds": float("nan")}, "interval_seconds is nan"),
        (
            {"bytes_per_second_max": 9_999},
            "bytes_per_second_max is 9999; it can be 0 for no limit, or from 10000",
        ),
        ({"bytes_per_second_max": -1}, "bytes_per_second_max is -1"),
        ({"keep_local_days": -1.0}, "keep_local_days is -1.0"),
        ({"keep_local_days": float("inf")}, "keep_local_days is inf"),
        ({"url": "runs"}, "begins with 's3://'"),
        ({"url": "s3://key:canary@runs"}, "holds credentials"),
        ({"url": "s3://runs", "endpoint_url": "ftp://canary"}, "is an http or https URL"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        UploadSettings(**values)
    write(tmp_path, json.dumps({"version": 1, **values}))
    with pytest.raises(ValueError, match=words) as loaded:
        upload_settings.load(tmp_path)
    for error in (caught.value, loaded.value):
        assert "\n" not in str(error)
        assert "canary" not in str(error)
    assert str(loaded.value).startswith("upload.json cannot be used: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        ("[]", "no document of version 1"),
        ("{}", "no document of version 1"),
        ('{"version": 2}', "no document of version 1"),
        ('{"version": 1, "url": 7}', "url is '7'; it must be a text"),
        ('{"version": 1, "url": null}', "url is 'None'"),
        ('{"version": 1, "interval_seconds": "5"}', "interval_seconds is '5'; it must be a number"),
        (
            '{"version": 1, "bytes_per_second_max": true}',
            "bytes_per_second_max is 'True'; it must be a whole number",
        ),
        (
            '{"version": 1, "bytes_per_second_max": 1e6}',
            "bytes_per_second_max is '1000000.0'; it must be a whole number",
        ),
        ('{"version": 1, "secret": "x"}', "it has 'secret'; it can have url, endpoint_url"),
        ("[" * 100_000, ""),
    ],
)
def test_file_that_is_none_is_told_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ValueError, match=r"^upload\.json cannot be used: ") as caught:
        upload_settings.load(tmp_path)
    assert words in str(caught.value)


@given(document=JSON)
def test_no_document_brings_anything_but_settings_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, document: Any
) -> None:
    folder = tmp_path_factory.mktemp("settings")
    if isinstance(document, dict):
        document = {"version": 1, **document}
    write(folder, json.dumps(document))
    try:
        assert isinstance(upload_settings.load(folder), UploadSettings)
    except ValueError as error:
        assert str(error).startswith("upload.json cannot be used: ")  # noqa: PT017 - both outcomes are right
