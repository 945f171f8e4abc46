from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trackd_service import environment
from trackd_service.environment import collect
from trackd_service.exploration import CAPTURES, Collected, Request

SECRET = "ghp_" + "0123456789abcdefABCDEFghijklmnopqrst"
TOKEN_URL = f"https://someone:{SECRET}@example.org/team/project.git"


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the person's settings of git out of the tests, and the other way round."""
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\nname = A\nemail = a@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, **files: str | bytes) -> None:
    """Makes a repository where there is none, and commits files; `_` in a name stands for a dot."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    write(folder, **files)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "more")


def write(folder: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def look(folder: Path, *captures: str, program: str = "", search_paths: list[str] | None = None) -> Collected:
    chosen = frozenset(captures or ("git", "diff"))
    return collect(Request(str(folder), program, sys.executable, search_paths or [], chosen))


def content(collected: Collected, path: str) -> bytes:
    (found,) = (file.content for file in collected.files if file.path == path)
    return found


# -- git ---------------------------------------------------------------------------------------------------------------


def test_clean_repository_gives_facts_and_no_patch(folder: Path) -> None:
    commit(folder, train_py="x = 1\n")
    git(folder, "remote", "add", "upstream", "https://example.org/other.git")
    git(folder, "remote", "add", "origin", TOKEN_URL)
    collected = look(folder)
    assert collected.facts == {
        "git.root": str(folder),
        "git.commit": git(folder, "rev-parse", "HEAD"),
        "git.commit_time": git(folder, "show", "-s", "--format=%cI"),
        "git.branch": "main",
        "git.remote": "https://example.org/team/project.git",
        "git.is_dirty": False,
        "git.untracked_count": 0,
    }
    assert (collected.files, collected.problems) == ([], [])


def test_patch_applied_to_the_commit_gives_the_working_tree(folder: Path, tmp_path: Path) -> None:
    commit(folder, a_py="1\n2\n3\n", b_py="gone\n", latin_txt="caf\xe9\n".encode("latin-1"))
    write(folder, a_py="1\n2\nthree", latin_txt="caf\xe9s\n".encode("latin-1"))
    (folder / "b.py").unlink()
    write(folder, staged_py="new\n", untracked_py="never seen\n")
    git(folder, "add", "staged.py")
    collected = look(folder / ".")
    assert collected.problems == []
    assert collected.facts["git.is_dirty"] is True
    assert collected.facts["git.untracked_count"] == 1
    patch = content(collected, "diff.patch")
    assert b"# untracked: untracked.py\n" in patch

    again = tmp_path / "again"
    git(tmp_path, "clone", "--quiet", str(folder), str(again))
    (tmp_path / "diff.patch").write_bytes(patch)
    git(again, "apply", str(tmp_path / "diff.patch"))
    files = {path.name: path.read_bytes() for path in again.iterdir() if path.is_file()}
    assert files == {
        "a.py": b"1\n2\nthree",
        "latin.txt": b"caf\xe9s\n",
        "staged.py": b"new\n",
    }


def test_untracked_files_alone_are_named_and_do_not_make_the_tree_dirty(folder: Path) -> None:
    commit(folder, _gitignore="*.pt\n")
    write(folder, big_pt="", note_txt="secret plans")
    collected = look(folder)
    assert collected.facts["git.is_dirty"] is False
    patch = content(collected, "diff.patch")
    assert b"note.txt" in patch
    assert b"secret plans" not in patch
    assert b"big.pt" not in patch


def test_secrets_in_changes_are_not_in_the_patch(folder: Path) -> None:
    commit(folder, env_txt="")
    write(folder, env_txt=f"HF_TOKEN={SECRET}\nmodel: resnet50\n")
    patch = content(look(folder), "diff.patch")
    assert SECRET.encode() not in patch
    assert b"+model: resnet50\n" in patch


def test_settings_of_a_repository_start_no_program(folder: Path, tmp_path: Path) -> None:
    commit(folder, a_py="1\n", _gitattributes="*.py diff=mine\n")
    ran = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho $0 $@ >> {ran}\ncat\n")
    trap.chmod(0o755)
    for name in ("core.pager", "diff.external", "diff.mine.textconv", "diff.mine.command", "core.fsmonitor"):
        git(folder, "config", name, str(trap))
    git(folder, "config", "core.hooksPath", str(tmp_path))
    for hook in ("post-index-change", "reference-transaction"):
        (tmp_path / hook).symlink_to(trap)
    for name, value in (("diff.noprefix", "true"), ("color.ui", "always"), ("log.showSignature", "true")):
        git(folder, "config", name, value)
    git(folder, "config", "gpg.program", str(trap))
    ran.unlink(missing_ok=True)
    write(folder, a_py="2\n")
    collected = look(folder)
    assert b"\ndiff --git a/a.py b/a.py\n" in content(collected, "diff.patch")
    assert b"\x1b" not in content(collected, "diff.patch")
    assert collected.problems == []
    assert not ran.exists()


def test_looking_leaves_the_repository_as_it_was(folder: Path) -> None:
    commit(folder, a_py="1\n")
    write(folder, a_py="1\n")  # a new time, so that git would refresh its index
    os.utime(folder / "a.py", (1, 1))
    before = {path: path.stat().st_mtime_ns for path in (folder / ".git").rglob("*")}
    look(folder)
    assert {path: path.stat().st_mtime_ns for path in (folder / ".git").rglob("*")} == before


def test_folder_without_repository_is_no_problem(folder: Path) -> None:
    assert look(folder) == Collected()


def test_bare_repository_is_no_problem(folder: Path) -> None:
    git(folder, "init", "--quiet", "--bare")
    assert look(folder) == Collected()


def test_repository_without_commit_has_a_branch_and_a_sentence(folder: Path) -> None:
    git(folder, "init", "--quiet")
    write(folder, a_py="1\n")
    collected = look(folder)
    assert collected.facts["git.branch"] == "main"
    assert "git.commit" not in collected.facts
    assert collected.problems == ["the repository has no commit yet: there is nothing to differ from"]


def test_detached_head_and_worktree_have_a_commit_and_no_branch(folder: Path, tmp_path: Path) -> None:
    commit(folder, a_py="1\n")
    tree = tmp_path / "tree"
    git(folder, "worktree", "add", "--quiet", "--detach", str(tree))
    write(tree, a_py="2\n")
    collected = look(tree)
    assert collected.facts["git.root"] == str(tree)
    assert collected.facts["git.commit"] == git(folder, "rev-parse", "HEAD")
    assert "git.branch" not in collected.facts
    assert b"+2\n" in content(collected, "diff.patch")
    assert look(folder).facts["git.is_dirty"] is False


def test_changes_in_a_submodule_are_in_the_patch(folder: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    commit(library, inner_py="1\n")
    commit(folder, a_py="1\n")
    git(folder, "submodule", "--quiet", "add", str(library), "lib")
    commit(folder)
    write(folder / "lib", untracked_py="3\n")
    assert look(folder).facts["git.is_dirty"] is False
    write(folder / "lib", inner_py="2\n")
    collected = look(folder)
    assert collected.problems == []
    patch = content(collected, "diff.patch")
    assert b"Submodule lib" in patch
    assert b"diff --git a/lib/inner.py b/lib/inner.py" in patch


def test_broken_submodule_leaves_the_other_changes(folder: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    commit(library, inner_py="1\n")
    commit(folder, a_py="1\n")
    git(folder, "submodule", "--quiet", "add", str(library), "lib")
    commit(folder)
    (folder / "lib" / ".git").write_text("gitdir: ../nowhere\n")
    write(folder, a_py="2\n")
    collected = look(folder)
    assert collected.facts["git.commit"] == git(folder, "rev-parse", "HEAD")
    assert collected.problems == ["a submodule cannot be read: changes in submodules are not known"]
    assert b"+2\n" in content(collected, "diff.patch")


def test_broken_repository_is_one_sentence(folder: Path) -> None:
    commit(folder, a_py="1\n")
    (folder / ".git" / "index").write_bytes(b"no index")
    collected = look(folder)
    assert collected.files == []
    assert len(collected.problems) == 1
    assert "git status failed" in collected.problems[0]


def test_repository_that_git_refuses_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(folder, a_py="1\n")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr(
        environment,
        "_KEPT_GIT_VARIABLES",
        (*environment._KEPT_GIT_VARIABLES, "GIT_TEST_ASSUME_DIFFERENT_OWNER"),
    )
    collected = look(folder)
    assert collected.facts == {}
    assert len(collected.problems) == 1
    assert "dubious ownership" in collected.problems[0]


def test_missing_git_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    collected = look(folder)
    assert collected.problems == ["git is not installed: the code is not known"]


def test_missing_folder_is_one_sentence(folder: Path) -> None:
    folder.rmdir()
    assert look(folder).problems == [f"the folder {folder} is gone"]


def test_git_that_hangs_is_ended_with_what_it_started(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    pids = tmp_path / "pids"
    fake.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! $$ > {pids}\nwait\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(environment, "GIT_SECONDS_MAX", 1.0)
    begin = time.monotonic()
    collected = look(folder)
    assert time.monotonic() - begin < 30
    assert collected.problems == [f"git rev-parse took longer than 1 s in {folder}"]
    for pid in map(int, pids.read_text().split()):
        wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """Waits until a process is gone or a zombie; fails by the test's time limit."""
    while True:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return


def test_large_file_is_left_out_of_the_patch_and_the_others_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(folder, a_txt="", large_txt="", z_txt="")
    write(folder, a_txt="first\n", large_txt="word\n" * 20_000, z_txt="last\n")
    monkeypatch.setattr(environment, "PATCH_BYTES_MAX", 50_000)
    collected = look(folder)
    patch = content(collected, "diff.patch")
    assert len(patch) < 1000
    assert b"+first\n" in patch
    assert b"+last\n" in patch
    assert b"# left out: diff --git a/large.txt b/large.txt\n" in patch
    assert collected.problems == [
        "diff.patch is not whole: 1 files are left out, so that it stays under 50000 bytes"
    ]


def test_endless_diff_is_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(folder, a_txt="", large_txt="", z_txt="")
    write(folder, a_txt="first\n", large_txt="word\n" * 2_000_000, z_txt="last\n")
    monkeypatch.setattr(environment, "_OUTPUT_BYTES_MAX", 100_000)
    collected = look(folder)
    patch = content(collected, "diff.patch")
    assert b"+first\n" in patch
    assert b"+word\n" not in patch
    assert "1 files and what follows are left out" in collected.problems[0]


def test_binary_changes_and_odd_names_are_named(folder: Path) -> None:
    commit(folder)
    (folder / "a\nb\xff.bin").write_bytes(b"\0\1\2")
    (folder / os.fsdecode(b"c\xff.txt")).write_bytes(b"x")
    collected = look(folder)
    assert collected.facts["git.untracked_count"] == 2
    git(folder, "add", "--all")
    staged = content(look(folder), "diff.patch")
    assert b"Binary files" in staged
    for text in (content(collected, "diff.patch"), staged):
        assert b"a\\nb" in text
        text.decode()


def test_git_variables_of_a_hook_do_not_mislead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(folder)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert look(folder).problems == []


# -- packages ----------------------------------------------------------------------------------------------------------


def install(site: Path, name: str, version: str | None = "1.0", origin: object = None) -> None:
    information = site / f"{name}-{version}.dist-info"
    information.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {name}\n"
    (information / "METADATA").write_text(head + (f"Version: {version}\n" if version else ""))
    if origin is not None:
        (information / "direct_url.json").write_text(
            origin if isinstance(origin, str) else json.dumps(origin)
        )


def test_requirements_tell_where_each_package_came_from(folder: Path, tmp_path: Path) -> None:
    site, later = tmp_path / "site", tmp_path / "later"
    install(site, "Zeta", "2.0")
    install(site, "alpha_beta", "1.0+cu121")
    install(later, "alpha-beta", "0.9")  # hidden by the one before
    install(site, "mine", origin={"url": "file:///home/a/mine", "dir_info": {"editable": True}})
    install(site, "code", origin={"url": TOKEN_URL, "vcs_info": {"vcs": "git", "commit_id": "ab12"}})
    install(
        site, "wheel", origin={"url": "https://example.org/w.whl?token=abcdef0123456", "archive_info": {}}
    )
    install(site, "broken", None)
    install(site, "odd", origin="{")
    collected = look(folder, "packages", search_paths=["../site", str(later), "/nowhere", ""])
    assert content(collected, "requirements.txt").decode().splitlines() == [
        "alpha_beta==1.0+cu121",
        "code @ git+https://example.org/team/project.git@ab12  # code==1.0",
        "-e file:///home/a/mine  # mine==1.0",
        "wheel @ https://example.org/w.whl?token=[redacted]  # wheel==1.0",
        "Zeta==2.0",
    ]
    assert collected.facts == {"packages.count": 5}
    assert collected.problems == ["2 installed packages have no readable metadata"]


def test_packages_of_this_environment_are_all_found(folder: Path) -> None:
    lines = content(look(folder, "packages", search_paths=sys.path), "requirements.txt").decode().splitlines()
    assert f"pytest=={pytest.__version__}" in lines
    assert all("==" in line for line in lines)


# -- program -----------------------------------------------------------------------------------------------------------


def test_program_is_kept_under_its_path_in_the_repository(folder: Path) -> None:
    commit(folder)
    (folder / "scripts").mkdir()
    (folder / "scripts" / "train.py").write_text(f"login('{SECRET}')\nlr = 0.1\n")
    collected = look(folder / "scripts", "git", "program", program="train.py")
    text = content(collected, "code/scripts/train.py").decode()
    assert SECRET not in text
    assert "lr = 0.1\n" in text
    alone = look(folder / "scripts", "program", program=str(folder / "scripts" / "train.py"))
    assert [(file.path, file.purpose) for file in alone.files] == [("code/train.py", "code")]


def test_program_elsewhere_is_kept_under_its_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("1\n")
    assert content(look(folder, "program", program="../other.py"), "code/other.py") == b"1\n"


def test_program_that_is_no_text_file_is_not_kept(folder: Path) -> None:
    (folder / "binary").write_bytes(b"\x7fELF\0\0")
    assert look(folder, "program", program="binary") == Collected()
    os.mkfifo(folder / "pipe")
    assert look(folder, "program", program="pipe").problems == [
        "the program pipe cannot be read: it is no regular file"
    ]
    assert look(folder, "program", program="gone.py").problems == [
        "the program gone.py cannot be read: No such file or directory"
    ]


def test_large_program_is_not_kept(folder: Path) -> None:
    (folder / "large.py").write_bytes(b"#" * (environment.PROGRAM_BYTES_MAX + 1))
    collected = look(folder, "program", program="large.py")
    assert collected.files == []
    assert collected.problems == ["the program large.py is not kept: it is larger than 1048576 bytes"]


def test_large_notebook_is_kept_without_outputs(folder: Path) -> None:
    cell = {"cell_type": "code", "source": ["lr = 0.1"], "outputs": [{"data": "x" * 2_000_000}]}
    notebook = {"cells": [cell, {"cell_type": "markdown", "source": ["é"]}], "nbformat": 4}
    (folder / "train.ipynb").write_text(json.dumps(notebook))
    collected = look(folder, "program", program="train.ipynb")
    kept = json.loads(content(collected, "code/train.ipynb"))
    assert kept["cells"] == [{**cell, "outputs": []}, notebook["cells"][1]]  # type: ignore[index]


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_only_what_is_asked_for_is_looked_at(folder: Path) -> None:
    commit(folder, a_py="1\n")
    write(folder, a_py="2\n")
    assert {key.partition(".")[0] for key in look(folder, "git").facts} == {"git"}
    assert look(folder, "git").files == []
    assert look(folder, "diff").facts == {}
    assert [file.purpose for file in look(folder, "diff").files] == ["diff"]
    assert collect(Request(str(folder), "a.py", "", [], frozenset())) == Collected()


def test_request_and_answer_go_through_a_helper_process(folder: Path) -> None:
    commit(folder, a_py="1\n")
    write(folder, a_py="2\n")
    request = Request(str(folder), "a.py", sys.executable, sys.path, frozenset(CAPTURES))
    assert pickle.loads(pickle.dumps(request)) == request
    collected = collect(request)
    assert pickle.loads(pickle.dumps(collected)) == collected
