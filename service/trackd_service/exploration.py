"""Owns what is asked of the process that looks around for code and environment, and what it answers.

The looking itself, `environment`, is loaded in that process alone: it takes 4 MB that a daemon would hold for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CAPTURES = ("git", "diff", "packages", "program")


@dataclass(frozen=True, slots=True)
class Request:
    """What to look at.

    Attributes:
        folder: The working folder of the training process.
        program: The path of its own file; empty for none.
        python: The path of its interpreter; empty for none.
        search_paths: Where it looks for packages, in this order.
        captures: What to find out, of CAPTURES.
    """

    folder: str
    program: str
    python: str
    search_paths: list[str]
    captures: frozenset[str]


@dataclass(frozen=True, slots=True)
class CollectedFile:
    """A file to keep with the run.

    Attributes:
        path: Where it stands among the run's files: "diff.patch", "requirements.txt", or below "code/".
        content: Its bytes, redacted.
        purpose: Why it is kept: "diff", "packages" or "code".
    """

    path: str
    content: bytes
    purpose: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What was found out.

    Attributes:
        facts: By dotted key: `git.commit` (hexadecimal), `git.commit_time` (ISO 8601), `git.branch` (missing where the head
            is detached), `git.remote` (without credentials), `git.root`, `git.is_dirty` (whether tracked files differ from
            the commit), `git.untracked_count` (files, and folders that hold nothing else), `packages.count`.
        files: What to keep.
        problems: A sentence for each thing that could not be found out.
    """

    facts: dict[str, str | int | float | bool] = field(default_factory=dict)
    files: list[CollectedFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def explore(request: Request) -> Collected:
    """Returns what can be found out; called in the process that looks around."""
    from trackd_service.environment import collect

    return collect(request)
