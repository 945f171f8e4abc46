"""Presets: the built-in ones are whole and are asked only for what the client's charts give; saved ones are checked."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from trackd import plot
from trackd._table import Table
from trackd_service import presets
from trackd_service.errors import InvalidArgument

PLACEHOLDER = re.compile(r"\$\{(field|string):([^:}]+)(:[^}]*)?\}")
THEMED = {"background", "labelColor", "titleColor", "domainColor", "tickColor", "gridColor", "stroke", "fill"}


def charts() -> dict[str, plot.CustomChart]:
    """Returns a chart of every built-in preset by id, with all its optional fields."""
    rows = Table(columns=["a", "b", "c"], data=[[1, 2, "x"], [2, 3, "y"]])
    made = [
        plot.line(rows, "a", "b", stroke="c"),
        plot.scatter(rows, "a", "b"),
        plot.bar(rows, "c", "b"),
        plot.histogram(rows, "a"),
        plot.line_series([1, 2], [[1, 2], [3, 4]]),
        plot.pr_curve([0, 1], [0.1, 0.9]),
        plot.confusion_matrix(y_true=[0, 1], preds=[1, 1]),
    ]
    return {chart.spec.spec_name: chart for chart in made}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from keys(item)


@pytest.mark.parametrize("preset_id", sorted(presets.BUILT_IN))
def test_a_built_in_preset_is_a_themeless_specification_of_the_table(preset_id: str) -> None:
    preset = presets.load(preset_id)
    assert preset is not None
    assert (preset.id, preset.title, preset.is_built_in) == (preset_id, presets.BUILT_IN[preset_id], True)
    specification = preset.specification
    assert specification["data"] == {"name": "table"}
    assert specification["width"] == "container"
    assert specification["title"] == {"text": "${string:title:}"}
    assert THEMED & set(keys(specification)) == set()  # the frame's theme gives colours: light and dark
    assert not any("#" in text for text in texts(specification))


@pytest.mark.parametrize("preset_id", sorted(presets.BUILT_IN))
def test_a_built_in_preset_asks_for_what_its_chart_gives(preset_id: str) -> None:
    preset, chart = presets.load(preset_id), charts()[preset_id]
    assert preset is not None
    found = [match for text in texts(preset.specification) for match in PLACEHOLDER.finditer(text)]
    assert {match[2] for match in found if match[1] == "field"} == set(chart.spec.fields)
    assert {match[2] for match in found if match[1] == "string"} == set(chart.spec.string_fields)
    assert all(
        match[3] is not None for match in found if match[1] == "string"
    )  # a caller may leave texts out


def test_each_load_is_a_preset_of_its_own() -> None:
    first = presets.load("trackd/bar/v0")
    assert first is not None
    first.specification.clear()
    second = presets.load("trackd/bar/v0")
    assert second is not None
    assert second.specification


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("wandb/line/v0", "trackd/line/v0"),
        ("wandb/line", "trackd/line/v0"),
        ("wandb/confusion_matrix/v1", "trackd/confusion_matrix/v1"),
        ("wandb/confusion_matrix/v0", "trackd/confusion_matrix/v1"),
        ("wandb/area-under-curve/v12", "trackd/area-under-curve/v0"),
        ("trackd/line/v0", "trackd/line/v0"),
        ("wandb/unheard-of/v0", "wandb/unheard-of/v0"),
        ("wandb/line/best", "wandb/line/best"),
        ("wandb/line/v0/more", "wandb/line/v0/more"),
        ("me/line/v0", "me/line/v0"),
        ("", ""),
    ],
)
def test_ids_of_wandb_name_the_built_in_presets(given: str, meant: str) -> None:
    assert presets.canonical(given) == meant


@pytest.mark.parametrize("preset_id", ["", "trackd/line", "trackd/../line", "wandb/pie/v0", "me/line"])
def test_what_is_not_built_in_is_not_loaded(preset_id: str) -> None:
    assert presets.load(preset_id) is None


@pytest.mark.parametrize("preset_id", ["a", "team/loss", "a b/ü", "x" * 128, "trackd", "v1.2/a"])
def test_a_preset_with_a_plain_id_may_be_saved(preset_id: str) -> None:
    presets.check_preset(preset_id, "", {})
    presets.check_preset(preset_id, "x" * 256, {"mark": "bar", "title": "ü" * 100_000})


@pytest.mark.parametrize(
    ("preset_id", "title", "specification", "words"),
    [
        ("", "", {}, ["0 characters", "1 to 128"]),
        ("x" * 129, "", {}, ["129 characters", "1 to 128"]),
        ("a\tb", "", {}, ["'a\\tb'", "not printable"]),
        ("/a", "", {}, ["'/a'", "begins or ends with '/'"]),
        ("a/", "", {}, ["begins or ends with '/'"]),
        ("a//b", "", {}, ["'//'"]),
        ("a/../b", "", {}, ["'..'"]),
        ("a..b", "", {}, ["'..'"]),
        ("a/./b", "", {}, ["'.' alone"]),
        ("trackd/line/v0", "", {}, ["begins with trackd/", "name of your own"]),
        ("wandb/line/v0", "", {}, ["begins with wandb/"]),
        ("a", "x" * 257, {}, ["title", "257 characters", "256"]),
        ("a", "x\ny", {}, ["title", "one line"]),
        ("a", "", [], ["a list", "JSON object"]),
        ("a", "", None, ["a NoneType", "JSON object"]),
        ("a", "", {"x": float("nan")}, ["no JSON"]),
        ("a", "", {"x": "y" * 262_144}, ["262152 bytes", "262144"]),
    ],
)
def test_what_cannot_be_saved_is_refused(
    preset_id: str, title: str, specification: object, words: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        presets.check_preset(preset_id, title, specification)
    assert [word for word in words if word not in caught.value.message] == []


def test_a_specification_that_is_nested_without_end_is_refused() -> None:
    specification: dict[str, Any] = {}
    inner = specification
    for _ in range(100_000):
        inner["layer"] = inner = {}
    with pytest.raises(InvalidArgument, match="no JSON"):
        presets.check_preset("a", "", specification)


def test_every_file_of_a_preset_is_built_in_and_json() -> None:
    names = {path.stem: json.loads(path.read_text()) for path in presets._FOLDER.glob("*.json")}
    assert names.keys() == {preset_id.split("/")[1] for preset_id in presets.BUILT_IN}
