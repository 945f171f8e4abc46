"""Owns the presets of charts that come with trackd, and the rules for those that people save.

Invariants: a built-in id never changes its meaning (a new look is a new version); ids that begin with `trackd/` or `wandb/`
are never saved over. How a preset is filled in: docs/records.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trackd_service.errors import InvalidArgument

ID_CHARACTERS_MAX = 128  # it is typed by hand into a script
TITLE_CHARACTERS_MAX = 256  # one line of a list
SPECIFICATION_BYTES_MAX = 262_144  # 256 KiB: a specification without its data is a few
RESERVED_PREFIXES = ("trackd/", "wandb/")

BUILT_IN: Mapping[str, str] = {
    "trackd/line/v0": "Line",
    "trackd/scatter/v0": "Scatter",
    "trackd/bar/v0": "Bar",
    "trackd/histogram/v0": "Histogram",
    "trackd/lineseries/v0": "Several lines",
    "trackd/area-under-curve/v0": "Precision-recall or ROC curve",
    "trackd/confusion_matrix/v1": "Confusion matrix",
}
_BY_NAME = {id_.split("/")[1]: id_ for id_ in BUILT_IN}
_FOLDER = Path(__file__).parent / "preset_files"


@dataclass(frozen=True, slots=True)
class Preset:
    """A Vega-Lite specification with placeholders for columns and texts."""

    id: str
    title: str
    specification: dict[str, Any]
    is_built_in: bool


def canonical(preset_id: str) -> str:
    """Returns the built-in id that a `wandb/NAME` or `wandb/NAME/vN` names; any other id as it is."""
    head, _, rest = preset_id.partition("/")
    name, _, version = rest.partition("/")
    is_version = not version or (version[0] == "v" and version[1:].isdecimal())
    return _BY_NAME.get(name, preset_id) if head == "wandb" and is_version else preset_id


def load(preset_id: str) -> Preset | None:
    """Returns a built-in preset by its id or wandb's; None when there is no such one."""
    preset_id = canonical(preset_id)
    title = BUILT_IN.get(preset_id)
    if title is None:
        return None
    return Preset(preset_id, title, json.loads(_text(preset_id.split("/")[1])), is_built_in=True)


def check_preset(preset_id: str, title: str, specification: object) -> None:
    """Checks a preset that somebody saves.

    Args:
        preset_id: 1 to 128 printable characters; a `/` makes groups.
        title: One line of at most 256 characters; may be empty.
        specification: A JSON object of at most 256 KiB.

    Raises:
        InvalidArgument: it cannot be saved.
    """
    if not preset_id or len(preset_id) > ID_CHARACTERS_MAX:
        raise InvalidArgument(
            f"preset id has {len(preset_id)} characters; it has 1 to {ID_CHARACTERS_MAX}: choose another"
        )
    if not preset_id.isprintable():
        raise InvalidArgument(
            f"preset id {preset_id!r} holds a character that is not printable: leave it out"
        )
    # The id is a part of an address, and whatever reads addresses resolves dots and drops empty parts.
    if ".." in preset_id or any(part in ("", ".") for part in preset_id.split("/")):
        raise InvalidArgument(
            f"preset id {preset_id!r} begins or ends with '/', or holds '//', '.' alone or '..': write it like 'team/loss'"
        )
    if preset_id.startswith(RESERVED_PREFIXES):
        raise InvalidArgument(
            f"preset id {preset_id!r} begins with {preset_id.partition('/')[0]}/, which built-in presets have: "
            "save it under a name of your own"
        )
    if len(title) > TITLE_CHARACTERS_MAX or not title.isprintable():
        raise InvalidArgument(
            f"preset title {title[:40]!r} has {len(title)} characters; "
            f"it is one line of at most {TITLE_CHARACTERS_MAX}: shorten it"
        )
    if not isinstance(specification, dict):
        raise InvalidArgument(
            f"preset specification is a {type(specification).__name__}; it is a JSON object: {{…}}"
        )
    try:
        size = len(
            json.dumps(specification, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"preset specification is no JSON ({error}): correct it") from None
    if size > SPECIFICATION_BYTES_MAX:
        raise InvalidArgument(
            f"preset specification is {size} bytes; the limit is {SPECIFICATION_BYTES_MAX}: leave its data to the table"
        )


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
