"""Owns the presets of charts that a person saves: Vega-Lite specifications with placeholders, kept in the store by id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trackd import _settings
from trackd._connection import Connection

_TIMEOUT_SECONDS = 30.0


def save_preset(
    id: str,  # noqa: A002 - the field's name
    specification: Mapping[str, Any] | str,
    title: str = "",
    *,
    store: str | None = None,
    timeout: float = _TIMEOUT_SECONDS,
) -> str:
    """Saves a chart preset in the store, over one of the same id; `trackd.plot_table` and the page use it by its id.

    Args:
        id: 1 to 128 characters; `/` makes groups, for example "team/loss-curve". Ids of `trackd/` and `wandb/` are taken.
        specification: A Vega-Lite specification, as a dict or as JSON text: `${field:NAME}` in it stands for a column of
            the table, `${string:NAME}` or `${string:NAME:default}` for a text, and `{"name": "table"}` for the data.
        title: What the preset is called in lists.
        store: The store's folder; by default that of `TRACKD_STORE`.
        timeout: How long to wait for the daemon, in seconds; one is started when none is there.

    Returns:
        The id.

    Raises:
        CommError: the daemon does not answer, or refuses the preset; the sentence says why.
        ValueError: `specification` is no JSON.
    """
    from trackd.v1 import store_service_pb2

    if isinstance(specification, str):
        try:
            json.loads(specification)
        except ValueError as error:
            raise ValueError(f"save_preset(): the specification is no JSON: {error}") from None
        text = specification
    else:
        text = json.dumps(specification)
    preset = store_service_pb2.Preset(id=id, title=title, specification_json=text)
    request = store_service_pb2.SavePresetRequest(preset=preset)
    connection = Connection(_settings.store_path(store)[0], timeout)
    try:
        connection.administer(lambda stub, options: stub.SavePreset(request, **options))
    finally:
        connection.close()
    return id
