"""Owns the entry of the `trackd` command: arguments in, exit code out."""

from __future__ import annotations

import sys

from trackd._cli import run_command


def main() -> int:
    """Runs the command that the arguments name; returns its exit code."""
    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
