"""Owns the mark in a bucket that says which catalog it belongs to: that one alone may delete what it does not list.

Invariant: a server deletes nothing before it has read the mark of its own catalog. A catalog that was restored or copied is
another one: it has to claim the bucket, which a person says who knows that the former one is gone.
"""

from __future__ import annotations

import json
import re

NAME = "server.json"
_FORMAT, _VERSION = "trackd-server", 1
_CATALOG_ID = re.compile(r"[0-9a-f-]{32,60}")


class OwnerUnreadable(ValueError):
    """The mark is none that this trackd understands."""


def dump(catalog_id: str) -> bytes:
    """Returns the mark of a catalog."""
    return json.dumps({"format": _FORMAT, "version": _VERSION, "catalog_id": catalog_id}).encode() + b"\n"


def load(data: bytes) -> str:
    """Returns the catalog that a mark is of. Raises OwnerUnreadable."""
    try:
        document = json.loads(data)
        if document["format"] == _FORMAT and document["version"] == _VERSION:
            found = str(document["catalog_id"])
            if _CATALOG_ID.fullmatch(found):
                return found
    except (KeyError, TypeError, ValueError):
        pass
    raise OwnerUnreadable(f"{NAME} in the bucket is not what this trackd writes there: update trackd")
