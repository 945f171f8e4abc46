"""Owns what is found out about the code and the packages of a training process, from its folder and its search paths.

Invariants:
- Nothing of the process's own is run: no package is imported; no hook, pager, file watcher or external diff that a
  repository names is started; nothing is fetched, and nothing is written.
- Whatever stands there, looking ends: every call of git has a time limit, every text a size limit.
- What cannot be found out is missing from the facts and at most a sentence in the problems; it is never an error.
- No text leaves here with credentials that `redact_text` knows.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trackd._redact import redact_text, redact_url
from trackd_service.exploration import Collected, CollectedFile, Request

GIT_SECONDS_MAX = 5.0  # of one call: a large repository on a busy network disk answers in two
PATCH_BYTES_MAX = 10 << 20  # more than a person changes; notebooks with pictures in them do reach it
PROGRAM_BYTES_MAX = 1 << 20
_OUTPUT_BYTES_MAX = 64 << 20  # of one call of git: a diff is read so far, then large files are left out
_NOTEBOOK_BYTES_MAX = 64 << 20  # above, a notebook is not read to take its outputs away
_NAMES_MAX = 1000  # of untracked and left out files in the head of a patch
_ERROR_CHARACTERS_MAX = 200
_READ_BYTES = 1 << 16

# Settings of a repository or a person that would start programs, or change how a diff is written.
_GIT = (
    "git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false",
    "-c", "core.quotePath=true", "-c", "submodule.recurse=false",
)  # fmt: skip
_DIFF = (
    "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=diff", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
_KEPT_GIT_VARIABLES = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH")
_FILE_BEGIN = re.compile(rb"^(?=diff --git |Submodule )", re.MULTILINE)


def collect(request: Request) -> Collected:
    """Returns what can be found out; git takes at most half a minute, all commonly a fifth of a second."""
    collected = Collected()
    root = ""
    if request.captures & {"git", "diff"}:
        with _noting(collected, "the state of the code"):
            root = _collect_git(request, collected)
    if "packages" in request.captures:
        with _noting(collected, "the installed packages"):
            _collect_packages(request, collected)
    if "program" in request.captures and request.program:
        with _noting(collected, f"the program {request.program}"):
            _collect_program(request, root, collected)
    return collected


@contextlib.contextmanager
def _noting(collected: Collected, what: str) -> Iterator[None]:
    try:
        yield
    except _GitFailed as error:
        collected.problems.append(str(error))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        collected.problems.append(f"{what} cannot be read: {reason[:_ERROR_CHARACTERS_MAX]}")


# -- git -------------------------------------------------------------------------------------------------------------------


class _GitFailed(Exception):
    """git could not answer; the sentence says why."""


def _collect_git(request: Request, collected: Collected) -> str:
    """Notes commit, branch, remote and changes; returns the root of the working tree, empty where there is none."""
    try:
        root = os.fsdecode(_git(request.folder, "rev-parse", "--show-toplevel").removesuffix(b"\n"))
    except _GitFailed as error:
        # No repository is nothing to tell; git missing, or refusing one that belongs to somebody else, is.
        if "not a git repository" not in str(error) and "must be run in a work tree" not in str(error):
            raise
        return ""
    if not root:
        return ""
    try:
        status = _Status.of(root, "--ignore-submodules=untracked")
    except _GitFailed:
        status = _Status.of(root, "--ignore-submodules=all")
        collected.problems.append("a submodule cannot be read: changes in submodules are not known")
    if "git" in request.captures:
        _note_git(root, status, collected)
    if "diff" in request.captures:
        if not status.commit:
            collected.problems.append("the repository has no commit yet: there is nothing to differ from")
        elif status.is_dirty or status.untracked:
            _keep_patch(root, status, collected)
    return root


def _note_git(root: str, status: _Status, collected: Collected) -> None:
    facts = collected.facts
    facts["git.root"] = _printable(os.fsencode(root))
    facts["git.is_dirty"] = status.is_dirty
    facts["git.untracked_count"] = len(status.untracked)
    if status.branch:
        facts["git.branch"] = status.branch
    if status.commit:
        facts["git.commit"] = status.commit
        with _noting(collected, "the commit"):
            facts["git.commit_time"] = _printable(_git(root, "show", "-s", "--format=%cI", "HEAD").strip())
    with contextlib.suppress(_GitFailed):  # there is none
        addresses = _git(root, "config", "-z", "--get-regexp", r"^remote\..*\.url$").split(b"\0")
        by_name = dict(each.split(b"\n", 1) for each in addresses if b"\n" in each)
        if by_name:
            address = by_name.get(b"remote.origin.url") or next(iter(by_name.values()))
            facts["git.remote"] = redact_url(_printable(address))


@dataclass(frozen=True, slots=True)
class _Status:
    """What `git status --porcelain=v2 --branch -z` says (git-status(1), "Porcelain Format Version 2")."""

    commit: str  # empty before the first
    branch: str  # empty where the head is detached
    is_dirty: bool
    untracked: list[bytes]
    scope: str  # the option that says which submodules were looked at

    @staticmethod
    def of(root: str, scope: str) -> _Status:
        options = ("--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--no-renames", scope)
        output = _git(root, "status", *options)
        commit = branch = ""
        is_dirty = False
        untracked = []
        for entry in output.split(b"\0"):
            kind, _, rest = entry.partition(b" ")
            if kind == b"#":
                key, _, value = _printable(rest).partition(" ")
                if key == "branch.oid" and value != "(initial)":
                    commit = value
                elif key == "branch.head" and value != "(detached)":
                    branch = value
            elif kind == b"?":
                untracked.append(rest)
            elif kind in (b"1", b"2", b"u"):
                is_dirty = True
        return _Status(commit, branch, is_dirty, untracked, scope)


def _keep_patch(root: str, status: _Status, collected: Collected) -> None:
    """Keeps the difference to the commit as a patch: `git apply` passes over the lines before the first file."""
    output, is_cut = _git_output(root, *_DIFF, status.scope, "HEAD", "--")
    parts = [part for part in _FILE_BEGIN.split(output) if part]
    left_out: list[bytes] = []
    if is_cut:
        left_out.append(parts.pop().partition(b"\n")[0])
    kept: list[bytes] = []
    size_bytes = 0
    for part in parts:
        if size_bytes + len(part) > PATCH_BYTES_MAX:
            left_out.append(part.partition(b"\n")[0])
        else:
            kept.append(part)
            size_bytes += len(part)
    head = [f"# commit: {status.commit}"]
    head += [f"# untracked: {_printable(name)}" for name in status.untracked[:_NAMES_MAX]]
    if len(status.untracked) > _NAMES_MAX:
        head.append(f"# untracked: and {len(status.untracked) - _NAMES_MAX} more")
    if left_out:
        head += [f"# left out: {_printable(name)}" for name in left_out[:_NAMES_MAX]]
        more = " and what follows" if is_cut else ""
        head.append(f"# the patch is not whole: it is cut at {PATCH_BYTES_MAX} bytes")
        collected.problems.append(
            f"diff.patch is not whole: {len(left_out)} files{more} are left out, so that it stays under "
            f"{PATCH_BYTES_MAX} bytes"
        )
    text = b"".join(kept).decode("utf-8", "surrogateescape")
    redacted = redact_text(text)
    if redacted != text:
        head.append("# secrets are redacted: where they stood, the patch does not apply")
    content = "".join(f"{line}\n" for line in map(redact_text, head)) + redacted
    collected.files.append(CollectedFile("diff.patch", content.encode("utf-8", "surrogateescape"), "diff"))


def _git(folder: str, *arguments: str) -> bytes:
    return _git_output(folder, *arguments)[0]


def _git_output(folder: str, *arguments: str) -> tuple[bytes, bool]:
    """Returns what git prints, and whether it was cut at _OUTPUT_BYTES_MAX.

    Raises:
        _GitFailed: git is not there, says no, or takes longer than GIT_SECONDS_MAX.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                [*_GIT, *arguments],
                cwd=folder,
                env=_git_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # so that what git started can be ended with it
            )
        except FileNotFoundError as error:
            gone = error.filename != "git"
            raise _GitFailed(
                f"the folder {folder} is gone" if gone else "git is not installed: the code is not known"
            ) from None
        assert process.stdout is not None
        deadline = time.monotonic() + GIT_SECONDS_MAX
        output = None
        with process:
            try:
                output = _read(process.stdout, deadline)
                if output is not None and len(output) <= _OUTPUT_BYTES_MAX:
                    process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                output = None
            finally:
                # With what it has started, which may live on and hold the pipe.
                with contextlib.suppress(ProcessLookupError):
                    if process.poll() is None or output is None:
                        os.killpg(process.pid, signal.SIGKILL)
        if output is None:
            raise _GitFailed(f"git {arguments[0]} took longer than {GIT_SECONDS_MAX:g} s in {folder}")
        if len(output) > _OUTPUT_BYTES_MAX:
            return output[:_OUTPUT_BYTES_MAX], True
        if process.returncode != 0:
            errors.seek(0)
            said = _printable(errors.read(4096)).strip().partition("\n")[0]
            raise _GitFailed(
                f"git {arguments[0]} failed in {folder}: {redact_text(said)[:_ERROR_CHARACTERS_MAX]}"
            )
        return output, False


def _read(pipe: IO[bytes], deadline: float) -> bytes | None:
    """Returns what comes through a pipe, somewhat over _OUTPUT_BYTES_MAX when there is more; None when time is up."""
    pieces = []
    size_bytes = 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while size_bytes <= _OUTPUT_BYTES_MAX:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            piece = os.read(pipe.fileno(), _READ_BYTES)
            if not piece:
                break
            pieces.append(piece)
            size_bytes += len(piece)
    return b"".join(pieces)


def _git_environment() -> dict[str, str]:
    """Returns an environment in which git asks nobody, fetches nothing, locks nothing and speaks English."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # The daemon may have been started from a hook, where GIT_DIR and others name a repository.
        if not name.startswith("GIT_") or name in _KEPT_GIT_VARIABLES
    }
    return kept | {
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _printable(name: bytes) -> str:
    """Returns bytes as text of one line."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


# -- packages --------------------------------------------------------------------------------------------------------------


def _collect_packages(request: Request, collected: Collected) -> None:
    """Keeps the installed distributions as a requirements file, in the forms that pip knows."""
    from importlib.metadata import distributions  # 2.8 MB, in the process that looks around alone

    paths = [str(Path(request.folder, path)) for path in request.search_paths]
    lines: dict[str, str] = {}
    unreadable_count = 0
    for distribution in distributions(path=paths):
        try:
            name, version = distribution.metadata["Name"], distribution.version
            if not (name and version):
                raise ValueError("no name or version")
            line = _requirement(name, version, distribution.read_text("direct_url.json"))
        except Exception:  # noqa: BLE001 - a half-deleted package raises what it likes
            unreadable_count += 1
            continue
        # The first on the path is the one that is imported.
        lines.setdefault(re.sub(r"[-_.]+", "-", name).lower(), line)
    if unreadable_count:
        collected.problems.append(f"{unreadable_count} installed packages have no readable metadata")
    collected.facts["packages.count"] = len(lines)
    text = redact_text("".join(f"{line}\n" for _, line in sorted(lines.items())))
    collected.files.append(CollectedFile("requirements.txt", text.encode("utf-8", "replace"), "packages"))


def _requirement(name: str, version: str, origin: str | None) -> str:
    """Returns the line of a distribution; `origin` is its direct_url.json (PEP 610), None for one from an index."""
    if origin is None:
        return f"{name}=={version}"
    said = json.loads(origin)
    url = redact_url(str(said["url"]))
    if said.get("dir_info", {}).get("editable"):
        return f"-e {url}  # {name}=={version}"
    version_control = said.get("vcs_info")
    if version_control:
        url = f"{version_control['vcs']}+{url}@{version_control['commit_id']}"
    return f"{name} @ {url}  # {name}=={version}"


# -- program ---------------------------------------------------------------------------------------------------------------


def _collect_program(request: Request, root: str, collected: Collected) -> None:
    """Keeps the program's own file below code/, under its path in the working tree or the working folder."""
    path = Path(request.folder, request.program).resolve()
    name = path.name
    for base in filter(None, (root, request.folder)):
        if path.is_relative_to(Path(base).resolve()):
            name = path.relative_to(Path(base).resolve()).as_posix()
            break
    limit_bytes = _NOTEBOOK_BYTES_MAX if path.suffix == ".ipynb" else PROGRAM_BYTES_MAX
    content = _read_file(path, limit_bytes)
    if len(content) > PROGRAM_BYTES_MAX and path.suffix == ".ipynb":
        content = _without_outputs(content)
    if len(content) > PROGRAM_BYTES_MAX:
        collected.problems.append(
            f"the program {request.program} is not kept: it is larger than {PROGRAM_BYTES_MAX} bytes"
        )
    elif b"\0" not in content:  # a compiled program says nothing to a reader
        text = redact_text(content.decode("utf-8", "surrogateescape"))
        kept_path = f"code/{_printable(os.fsencode(name))}"
        collected.files.append(CollectedFile(kept_path, text.encode("utf-8", "surrogateescape"), "code"))


def _read_file(path: Path, limit_bytes: int) -> bytes:
    """Returns a regular file's content, a byte more than the limit when it is larger."""
    # Without O_NONBLOCK, opening a named pipe waits for somebody to write.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no regular file")
        return file.read(limit_bytes + 1)


def _without_outputs(content: bytes) -> bytes:
    """Returns a notebook (nbformat 4) without what its cells have put out, which is what makes it large."""
    try:
        notebook = json.loads(content)
        for cell in notebook["cells"]:
            if "outputs" in cell:
                cell["outputs"] = []
    except (ValueError, KeyError, TypeError):
        return content
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode("utf-8", "surrogateescape")
