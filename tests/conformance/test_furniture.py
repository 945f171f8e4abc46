"""The clients in other languages are of one make: one version, the same samples, files that a newcomer can read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.conformance.languages import LANGUAGES, ROOT

import trackd

LINES_MAX = 500
SOURCES = {"go": "*.go", "rust": "*.rs", "typescript": "*.ts"}
GENERATED = ("go_client/trackd/v1/", "typescript_client/src/generated/")


def tracked(language: str) -> list[Path]:
    """Returns the hand-written sources of a client."""
    names = subprocess.run(
        ["git", "ls-files", "--", f"{language}_client"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [
        ROOT / name
        for name in names
        if Path(name).match(SOURCES[language]) and not name.startswith(GENERATED)
    ]


def test_all_clients_have_the_version_of_trackd() -> None:
    def found(path: str, pattern: str) -> str:
        match = re.search(pattern, (ROOT / path).read_text("utf-8"), re.MULTILINE)
        assert match is not None, path
        return match[1]

    assert {
        "go": found("go_client/version.go", r'Version = "(.+)"'),
        "rust": found("rust_client/Cargo.toml", r'^version = "(.+)"'),
        "typescript": found("typescript_client/src/version.ts", r'VERSION = "(.+)"'),
        "package.json": json.loads((ROOT / "typescript_client/package.json").read_text("utf-8"))["version"],
    } == dict.fromkeys(["go", "rust", "typescript", "package.json"], trackd.__version__)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_file_of_a_client_is_too_long_to_be_read(language: str) -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in tracked(language)}
    assert lengths
    assert not {path for path, length in lengths.items() if length > LINES_MAX}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_client_has_the_same_furniture(language: str) -> None:
    folder = ROOT / f"{language}_client"
    names = {path.relative_to(folder).parts for path in tracked(language)}
    for sample in ("quickstart", "records", "shared"):
        assert any(parts[0] == "samples" and sample in parts[1] for parts in names)
    assert any(parts[0] == "conformance" for parts in names)
    assert (folder / "LICENSE").read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")
    readme = (folder / "README.md").read_text("utf-8")
    for heading in ("Install", "Quickstart", "API", "What is guaranteed", "Develop"):
        assert re.search(rf"^## .*{heading}", readme, re.MULTILINE), heading


@pytest.mark.parametrize("language", LANGUAGES)
def test_quickstart_of_the_page_is_the_sample(language: str) -> None:
    folder = ROOT / f"{language}_client"
    (sample,) = (path for path in tracked(language) if "quickstart" in str(path.relative_to(folder)))
    assert sample.read_text("utf-8").strip() in (folder / "README.md").read_text("utf-8")
