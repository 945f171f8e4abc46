"""Owns the download of a page as one HTML file, which the daemon makes (docs/http_api.md, "Exported pages").

Invariant: a file appears under its name only when it is whole.
"""

from __future__ import annotations

import json
import os
import shutil
from urllib.parse import quote, urlencode

from trackd._daemon import Endpoint
from trackd.errors import CommError


def save(endpoint: Endpoint, path: str, project: str, run_id: str, view: str, max_bytes: int) -> list[str]:
    """Writes the page of a run, or of a project's runs where `run_id` is empty; returns what it leaves out in sentences.

    Raises:
        CommError: The daemon refuses, in its own sentence, or does not answer.
    """
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener

    address = f"{endpoint.http_address}/api/v1/projects/{quote(project, safe='')}"
    if run_id:
        address += f"/runs/{quote(run_id, safe='')}"
    question = {"query": urlencode({"view": view}) if view else "", "max_bytes": max_bytes}
    request = Request(f"{address}/html?{urlencode(question)}")  # noqa: S310 (the daemon's own address)
    request.add_header("Authorization", f"Bearer {endpoint.token}")
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}")
    try:
        # No proxy: the daemon is on this machine.
        with build_opener(ProxyHandler({})).open(request) as answer, open(temporary, "wb") as file:
            shutil.copyfileobj(answer, file)
            left_out = json.loads(answer.headers.get("Trackd-Left-Out", "[]"))
        os.replace(temporary, path)
    except HTTPError as error:
        raise CommError(_sentence(error.read())) from None
    except URLError as error:
        raise CommError(f"the daemon at {endpoint.http_address} does not answer: {error.reason}") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    return [str(each) for each in left_out]


def _sentence(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "the daemon could not make the page: see its daemon.log"
