"""Owns the tests of files that a run keeps: saved by glob, source code, read back byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

import trackd

pytestmark = pytest.mark.usefixtures("project")


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_saved_files_read_back_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small, large = b"\x00\xffsmall", b"0123456789" * 100_000
    write(tmp_path / "out" / "model.bin", large)
    write(tmp_path / "out" / "deep" / "notes.txt", small)
    with trackd.init() as run:
        assert run.save("out/*.bin") == ["out/model.bin"]
        assert run.save(tmp_path / "out/deep/notes.txt") == ["deep/notes.txt"]
        assert run.save("out/deep/*.txt", base_path="out") == ["deep/notes.txt"]
        assert run.save("nothing/*") == []
        assert run.flush(60)
        (tmp_path / "out" / "deep" / "notes.txt").write_bytes(b"changed afterwards")
    read = trackd.Api().run(run.path)
    assert sorted(file.name for file in read.files()) == ["deep/notes.txt", "out/model.bin"]
    assert read.file("out/model.bin").size == len(large)
    target = tmp_path / "down"
    with read.file("out/model.bin").download(root=target) as file:
        assert file.name == str(target / "out" / "model.bin")
    assert (target / "out" / "model.bin").read_bytes() == large
    read.file("deep/notes.txt").download(root=target).close()
    assert (target / "deep" / "notes.txt").read_bytes() == small
    with pytest.raises(trackd.CommError, match="already"):
        read.file("deep/notes.txt").download(root=target)
    with pytest.raises(trackd.CommError, match="no file"):
        read.file("none").download(root=target)


def test_one_content_is_stored_once(module_store: Path, tmp_path: Path) -> None:
    content = b"the same bytes" * 7
    for number in range(3):
        write(tmp_path / f"{number}.txt", content)
    with trackd.init() as run:
        assert len(run.save(f"{tmp_path}/*.txt")) == 3
        assert run.flush(60)
    files = trackd.Api().run(run.path).files()
    assert len(files) == 3
    stored = [path for path in (module_store / "objects" / "files").rglob("*") if path.is_file()]
    assert sum(path.read_bytes() == content for path in stored) == 1


def test_log_code_keeps_sources_and_leaves_out_what_is_none(tmp_path: Path) -> None:
    for name in ("train.py", "pkg/model.py", ".hidden/x.py", "__pycache__/y.py", "data.csv", "conf.yaml"):
        write(tmp_path / name, name.encode())
    with trackd.init() as run:
        assert sorted(run.log_code(tmp_path)) == ["code/conf.yaml", "code/pkg/model.py", "code/train.py"]
        assert run.log_code(tmp_path, include_fn=lambda path: path.endswith(".csv")) == ["code/data.csv"]


def test_save_outside_of_its_base_and_with_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.txt", b"x")
    (tmp_path / "b").mkdir()
    with trackd.init() as run:
        with pytest.raises(ValueError, match="outside"):
            run.save(f"{tmp_path}/a/x.txt", base_path=tmp_path / "b")
        with pytest.raises(ValueError, match="policy"):
            run.save("x", policy="sometimes")
