"""Owns `CustomChart`: a table, a preset or a Vega-Lite specification, and which column plays which part.

Invariants: a chart that can be made can be drawn as far as the client can tell: every column that it names is in its table.
The specification is fixed when the chart is made; the table's rows are those it has when the chart is logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackd import _record, _wire
from trackd._table import Table

PRESET_ID_CHARACTERS_MAX = 128  # the daemon's limit (presets.ID_CHARACTERS_MAX)
_VEGA_LITE = 1


@dataclass(frozen=True)
class ChartSpec:
    """What a chart draws, apart from its table.

    Attributes:
        spec_name: The preset's id; "" when the chart has a specification of its own.
        fields: The column of the table for each field of the preset.
        string_fields: The texts of the preset.
        split_table: Accepted; a chart keeps its table with itself.
        specification: The chart's own Vega-Lite specification as JSON; "" when it has a preset.
    """

    spec_name: str
    fields: Mapping[str, str]
    string_fields: Mapping[str, str]
    split_table: bool = False
    specification: str = ""


class CustomChart(_record.Record):
    """A chart drawn from a table.

    Args:
        table: What is drawn; None when the specification holds its own data.
        preset: The id of a built-in or saved preset, such as "trackd/line/v0" or "my/preset", or a Vega-Lite specification
            as a dict whose data are `{"name": "table"}`.
        fields: The name of a column for each field of the preset: `{"x": "epoch", "y": "loss"}`.
        string_fields: The texts of the preset: `{"title": "Loss"}`; None leaves a text out.
        split_table: Accepted; a chart keeps its table with itself.
        caption: Text under the chart.

    Attributes:
        table: The table.
        spec: The rest.

    Raises:
        TypeError: the table is none, or the preset is neither an id nor JSON.
        ValueError: the table lacks a column, or the id is empty or too long.
    """

    kind = "plot"
    field = 9

    def __init__(
        self,
        table: Table | None,
        preset: str | Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        string_fields: Mapping[str, Any] | None = None,
        split_table: bool = False,
        caption: str = "",
    ) -> None:
        name, specification = (preset, "") if isinstance(preset, str) else ("", _json(preset))
        if not specification and not (0 < len(name) <= PRESET_ID_CHARACTERS_MAX and name.isprintable()):
            raise ValueError(
                f"chart preset {name[:40]!r} has {len(name)} characters; "
                f"its id has 1 to {PRESET_ID_CHARACTERS_MAX} printable ones, such as 'trackd/line/v0'"
            )
        _check_table(table, name, may_lack=bool(specification))
        for what, given in (("fields", fields), ("string_fields", string_fields)):
            if given is not None and not isinstance(given, Mapping):
                raise TypeError(
                    f"chart {what} is a {type(given).__name__}; it is a dict such as {{'x': 'epoch'}}"
                )
        chosen = {str(field): str(column) for field, column in (fields or {}).items()}
        columns = [] if table is None else table.columns
        for field, column in chosen.items():
            if column not in columns:
                raise ValueError(
                    f"chart field {field!r} is the column {column!r}, which the table has not; "
                    f"its columns are {', '.join(map(repr, columns)) or 'none'}: choose one of them"
                )
        texts = {str(text): str(value) for text, value in (string_fields or {}).items() if value is not None}
        self.table = table
        self.spec = ChartSpec(name, chosen, texts, split_table, specification)
        self.caption = caption or ""

    def encode(self, draft: _record.Draft) -> bytes:
        """Encodes the `Plot`."""
        specification = self.spec.specification
        return (
            _wire.integer(1, _VEGA_LITE)
            + (
                _wire.message(2, draft.payload(specification.encode(), "application/json"))
                if specification
                else b""
            )
            + (_wire.text(3, self.spec.spec_name) if self.spec.spec_name else b"")
            + (_wire.message(4, self.table.encode(draft)) if self.table is not None else b"")
            + _record.string_map(5, self.spec.fields)
            + _record.string_map(6, self.spec.string_fields)
            + (_wire.text(8, self.caption) if self.caption else b"")
        )


def _check_table(table: Any, name: str, *, may_lack: bool) -> None:
    if not isinstance(table, Table) and not (table is None and may_lack):
        raise TypeError(
            f"chart {name or 'with a specification'} got a {type(table).__name__}; "
            "it draws a trackd.Table(columns=…, data=…)"
        )


def _json(specification: Any) -> str:
    if not isinstance(specification, Mapping) or not specification:
        raise TypeError(
            f"chart preset is {specification!r:.60}; "
            "it is an id such as 'trackd/line/v0', or a Vega-Lite specification as a dict"
        )
    try:
        # ASCII: a lone surrogate is written as its escape and cannot break the encoding.
        return json.dumps(specification, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"chart specification is no JSON ({error}): correct it") from None
