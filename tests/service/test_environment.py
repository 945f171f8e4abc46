"""What is found out about code and environment of a training, that no secret is among it, and how two runs differ in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WaitUntil, stop_daemons

import trackd

CONFIGURATION = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
SECRETS = {
    "argument": "arg-Kq83hf72hsgT6x",
    "remote": "remote-P4ssw0rd-91x",
    "variable": "variable-8f3kd93kfh2",
    "token": "ghp_" + "a1B2" * 9,
    "config": "config-hunter2-x91",
}
TRAIN = """
import os, sys, trackd
with trackd.init(id=sys.argv[1], settings={"quiet": True, "captures": sys.argv[2].split()}) as run:
    run.config.update({"lr": float(sys.argv[3]), "db": {"password": os.environ["CONFIG"]}})
    print("connecting with", os.environ["MY_API_KEY"], "and", os.environ["TOKEN"])
    run.log({"n": 1})
"""


def git(folder: Path, *arguments: str) -> str:
    """Runs git with a configuration of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *CONFIGURATION, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with a training and a remote that has a password in its address."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "remote", "add", "origin", f"https://me:{SECRETS['remote']}@git.example.org/a/b.git")
    return folder


def train(
    repository: Path, run_id: str, captures: str = "git diff packages program", rate: str = "0.1"
) -> None:
    """Runs the training, with secrets all around it."""
    environment = {
        **os.environ,
        "MY_API_KEY": SECRETS["variable"],
        "TOKEN": SECRETS["token"],
        "CONFIG": SECRETS["config"],
        "SLURM_JOB_ID": "17",
    }
    program = [sys.executable, "train.py", run_id, captures, rate, "--api-key", SECRETS["argument"]]
    done = subprocess.run(
        program, cwd=repository, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert SECRETS["variable"] in done.stdout  # the terminal shows what the program printed


def read(run_id: str) -> Any:
    """Returns a run of the test's project."""
    return trackd.Api().run(f"{os.environ['TRACKD_PROJECT']}/{run_id}")


def files(run_id: str) -> dict[str, bytes]:
    """Returns the files kept with a run."""
    found = {}
    for file in read(run_id).files():
        with file.download(replace=True) as written:
            found[file.name] = Path(written.name).read_bytes()
    return found


@pytest.mark.usefixtures("project")
def test_code_and_environment_are_kept_with_the_run(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.chdir(tmp_path)
    (repository / "train.py").write_text(TRAIN + "# changed\n")
    train(repository, "r")
    wait_until(lambda: len(read("r").files()) == 3, message="the files")
    facts = read("r").environment
    assert facts["git.commit"] == git(repository, "rev-parse", "HEAD")
    assert facts["git.branch"] == "main"
    assert facts["git.is_dirty"] is True
    assert facts["git.remote"] == "https://git.example.org/a/b.git"
    assert facts["python.version"] == sys.version.partition(" ")[0]
    assert facts["process.folder"] == str(repository)
    assert facts["environment.SLURM_JOB_ID"] == "17"
    kept = files("r")
    assert sorted(kept) == ["code/train.py", "diff.patch", "requirements.txt"]
    assert b"+# changed" in kept["diff.patch"]
    assert b"numpy==" in kept["requirements.txt"]
    assert kept["code/train.py"].decode() == TRAIN + "# changed\n"


@pytest.mark.usefixtures("project")
def test_each_capture_can_be_switched_off(repository: Path, wait_until: WaitUntil) -> None:
    train(repository, "git", "git")
    train(repository, "nothing", "")
    wait_until(lambda: "git.commit" in read("git").environment)
    assert read("git").files() == []
    assert not any(key.startswith("git.") for key in read("nothing").environment)
    assert read("nothing").environment["python.version"]


def test_no_secret_reaches_the_store(
    repository: Path, store: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.setenv("TRACKD_PROJECT", "p")
    train(repository, "r")
    wait_until(lambda: len(read("r").files()) >= 2)
    lines = [text for *_, text in read("r").console()]
    assert lines[0].startswith("connecting with ")
    assert read("r").config["lr"] == 0.1
    assert json.dumps(read("r").metadata).count("redacted") >= 1
    stop_daemons(store)
    held = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert {name for name, secret in SECRETS.items() if secret.encode() in held} == set()


@pytest.mark.usefixtures("project")
def test_two_runs_are_compared(repository: Path, wait_until: WaitUntil) -> None:
    train(repository, "one")
    wait_until(lambda: len(read("one").files()) == 2)  # the daemon looks just after the start
    (repository / "train.py").write_text(TRAIN + "# changed\n")
    train(repository, "two", rate="0.2")
    wait_until(lambda: len(read("two").files()) == 3)
    found = read("one").compare(read("two"))
    assert found.config == {"lr": (0.1, 0.2)}
    assert found.environment["git.is_dirty"] == (False, True)
    assert found.packages == {}
    assert sorted(found.files) == ["code/train.py", "diff.patch"]
    assert "+# changed" in found.files["code/train.py"]
    project = os.environ["TRACKD_PROJECT"]
    shown = subprocess.run(
        [sys.executable, "-m", "trackd", "compare", f"{project}/one", f"{project}/two"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "  lr: 0.1 -> 0.2" in shown
    assert "+# changed" in shown
