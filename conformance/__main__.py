"""Owns the command `python -m conformance`: runs cases for a client and says what is not as it must be."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance import cases, matrix, runner
from conformance.clients import CLIENTS


def main() -> int:
    """Runs the cases; returns 1 when one does not end as it is known to."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance", description="Runs the cases that every client of trackd passes."
    )
    parser.add_argument("client", nargs="?", choices=sorted(CLIENTS), help="whose driver is run")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="which cases (default: all)")
    parser.add_argument(
        "--write-matrix", action="store_true", help="write the table of docs/clients.md and run nothing"
    )
    options = parser.parse_args()
    known = {case.name: case for case in cases.load()}
    if options.write_matrix:
        page = matrix.PATH.read_text("utf-8")
        matrix.PATH.write_text(matrix.place(page, matrix.table(known.values(), CLIENTS.values())), "utf-8")
        return 0
    if options.client is None:
        parser.error(f"whose cases? There are the clients {', '.join(sorted(CLIENTS))}")
    unknown = [name for name in options.cases if name not in known]
    if unknown:
        parser.error(f"there is no case {unknown[0]!r}; there are {', '.join(known)}")
    failed_count = 0
    for name in options.cases or known:
        problems = runner.judge(known[name], CLIENTS[options.client], Path.cwd())
        failed_count += bool(problems)
        sys.stdout.write(f"{'FAIL' if problems else 'ok  '} {name}: {known[name].title}\n")
        for problem in problems:
            sys.stdout.write(f"     {problem}\n")
    return min(failed_count, 1)


if __name__ == "__main__":
    sys.exit(main())
