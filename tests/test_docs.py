"""Holds the documents to the tree: their code runs, their links lead somewhere, and they name every module."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

ROOT = Path(__file__).resolve().parent.parent
# Their Python blocks are run, each by itself.
GUIDES = (
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("logging_records", "what_is_recorded", "alerts", "upload", "distributed_runs")
    ),
)
PACKAGES = ("service/trackd_service", "python_client/trackd")
FENCE = re.compile(r"^( *)```(.*)\n((?:.*\n)*?)\1```$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
# Absolute paths of the machine that a text was written on say nothing to a reader.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|tmp|Users|home)/\S*")
RUN_TIMEOUT_SECONDS = 60


def documents() -> list[Path]:
    """Returns every Markdown file of the repository, those of installed packages left out."""
    found: list[Path] = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [
            name for name in names if not name.startswith(".") and name not in ("node_modules", "shared")
        ]
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


def code_blocks(document: Path) -> Iterator[tuple[str, str, str]]:
    """Yields each fenced block's place, its info words and its text, which starts at its line of the document."""
    text = document.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        body = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        yield f"{document.relative_to(ROOT)}:{line}", match[2].strip(), "\n" * line + body


def python_blocks(*, to_run: bool) -> list[ParameterSet]:
    """Returns the Python blocks as test parameters: all of them, or those of the guides that are not marked `no-run`."""
    return [
        pytest.param(place, text, id=place)
        for document in documents()
        if not to_run or document in GUIDES
        for place, info, text in code_blocks(document)
        if info.split()[:1] == ["python"] and not (to_run and "no-run" in info.split())
    ]


def anchors(document: Path) -> set[str]:
    """Returns the fragments that the headings of a document can be linked by."""
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    titles = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(text)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("place", "text"), python_blocks(to_run=False))
def test_python_in_documents_is_valid(place: str, text: str) -> None:
    compile(text, place, "exec")


@pytest.mark.parametrize(("place", "text"), python_blocks(to_run=True))
def test_python_in_guides_runs(place: str, text: str, module_store: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "TRACKD_STORE": str(module_store)}
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        check=False,
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        text=True,
        timeout=RUN_TIMEOUT_SECONDS,
    )
    assert answer.returncode == 0, f"{place} fails:\n{answer.stderr}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_guide_has_python_that_runs(guide: Path) -> None:
    places = [str(block.values[0]) for block in python_blocks(to_run=True)]
    assert any(place.startswith(str(guide.relative_to(ROOT))) for place in places)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        linked = (document.parent / name).resolve() if name else document
        if not linked.exists() or (fragment and linked.suffix == ".md" and fragment not in anchors(linked)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_no_path_of_a_machine(document: Path) -> None:
    assert MACHINE_PATH.findall(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_architecture_names_every_module(package: str) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    modules = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    assert modules != set()
    assert {module for module in modules if not re.search(rf"`{module}(\.py)?`", text)} == set()


def test_readme_names_the_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`[^`]+`", readme))))
    assert {"demo", "test"} <= named
    assert named <= targets
