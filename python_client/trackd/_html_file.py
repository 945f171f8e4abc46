"""Owns the download of a page as one HTML file, which the daemon or team server makes (docs/http_api.md, "Exported pages").

Invariant: a file appears under its name only when it is whole.
"""

from __future__ import annotations

import json
import os
import shutil
from urllib.parse import quote, urlencode

from trackd._connection import Connection


def save(
    connection: Connection, path: str, project: str, run_id: str, view: str, max_bytes: int
) -> list[str]:
    """Writes the page of a run, or of a project's runs where `run_id` is empty; returns what it leaves out in sentences.

    Raises:
        CommError: The daemon or server refuses, in its own sentence, or does not answer.
    """
    address = f"/api/v1/projects/{quote(project, safe='')}"
    if run_id:
        address += f"/runs/{quote(run_id, safe='')}"
    question = {"query": urlencode({"view": view}) if view else "", "max_bytes": max_bytes}
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}")
    try:
        with (
            connection.get(f"{address}/html?{urlencode(question)}") as answer,
            open(temporary, "wb") as file,
        ):
            shutil.copyfileobj(answer, file)
            left_out = json.loads(answer.headers.get("Trackd-Left-Out", "[]"))
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    return [str(each) for each in left_out]
