"""Owns the table of cases and clients in docs/clients.md; the tests run each of its marks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from conformance.cases import Case
from conformance.clients import Client

PATH = Path(__file__).parent.parent / "docs" / "clients.md"
_BEGIN, _END = "<!-- matrix: python -m conformance --write-matrix -->", "<!-- end of matrix -->"


def table(cases: Iterable[Case], clients: Iterable[Client]) -> str:
    """Returns the table as Markdown: a row for each case, a column for each client."""
    clients = list(clients)
    failing = {client.name: set(client.known_failing) for client in clients}
    lines = [
        f"| Case | What holds | {' | '.join(client.title for client in clients)} |",
        f"|---|---|{'---|' * len(clients)}",
    ]
    for case in cases:
        marks = ["known to fail" if case.name in failing[client.name] else "passes" for client in clients]
        lines.append(f"| `{case.name}` | {case.title} | {' | '.join(marks)} |")
    return "\n".join(lines)


def place(text: str, rows: str) -> str:
    """Returns a page with the table in its place."""
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    return f"{head}{_BEGIN}\n{rows}\n{_END}{tail}"
