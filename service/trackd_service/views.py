"""Owns the rules of saved views: what can be saved of a project's page. Pure.

Invariant: what a document says is the page's matter; here it is a JSON object of a limited size. See docs/http_api.md.
"""

from __future__ import annotations

import json
import re

from trackd_service import config
from trackd_service.errors import InvalidArgument, ViewNotFound

NAME_CHARACTERS_MAX = 200  # one line of a menu
DOCUMENT_BYTES_MAX = 1 << 20  # a view of hundreds of panels takes a tenth of that
VIEW_COUNT_MAX = 1000  # of a project: a menu that nobody can read any more
# How much of a request may stand around the document: its name, every character of it escaped, and the braces.
ENVELOPE_BYTES_MAX = 12 * NAME_CHARACTERS_MAX + 1024
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_view(project: str, view_id: str, name: str, document: object) -> str:
    """Checks a view that somebody saves.

    Args:
        project: Whose view it is; it need not have a run.
        view_id: 1 to 64 letters of ASCII, digits, `_` and `-`.
        name: One line of at most 200 characters; may be empty.
        document: A JSON object of at most 1 MiB.

    Returns:
        The document as JSON.

    Raises:
        InvalidArgument: it cannot be saved.
    """
    if not project or len(project) > config.NAME_CHARACTERS_MAX or not project.isprintable():
        raise InvalidArgument(
            f"project {project[:40]!r} has {len(project)} characters; a name has 1 to {config.NAME_CHARACTERS_MAX} "
            "printable ones: name a project that runs can have",
            field="project",
        )
    if not _ID.fullmatch(view_id):
        raise InvalidArgument(
            f"view id {view_id[:80]!r} is none; it is 1 to 64 of A-Z, a-z, 0-9, _ and -: choose another",
            field="id",
        )
    if len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidArgument(
            f"view name {name[:40]!r} has {len(name)} characters; "
            f"it is one line of at most {NAME_CHARACTERS_MAX}: shorten it",
            field="name",
        )
    if not isinstance(document, dict):
        raise InvalidArgument(
            f"view document is a {type(document).__name__}; it is a JSON object: {{…}}", field="document"
        )
    try:
        # ASCII: a lone surrogate, which JSON escapes, cannot otherwise be stored as text.
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
        size = len(
            json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"view document is no JSON ({error}): correct it", field="document") from None
    if size > DOCUMENT_BYTES_MAX:
        raise InvalidArgument(
            f"view document is {size} bytes; the limit is {DOCUMENT_BYTES_MAX}: take panels out of it",
            field="document",
            limit=DOCUMENT_BYTES_MAX,
        )
    return text


def not_found(project: str, view_id: str) -> ViewNotFound:
    """Returns the error of a view that is not there."""
    return ViewNotFound(
        f"project {project[:128]!r} has no saved view {view_id[:80]!r}: see the list of its views",
        project=project[:128],
        id=view_id[:80],
    )
