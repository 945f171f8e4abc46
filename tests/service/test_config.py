"""`run.config`: its sources, its changes, and what a reader sees of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.service.reading import config

import trackd
from trackd.errors import ConfigError

pytestmark = pytest.mark.usefixtures("project")


class FakeFlags:
    """Stands for absl.flags.FLAGS: the values by name, and much else that is no value."""

    other = 1

    def __init__(self, **values: Any) -> None:
        self._values = values

    def flag_values_dict(self) -> dict[str, Any]:
        return dict(self._values)


SOURCES: dict[str, Any] = {
    "dict": {"lr": 0.1, "layers": [1, 2], "name": "x"},
    "namespace": argparse.Namespace(lr=0.1, layers=[1, 2], name="x"),
    "flags": FakeFlags(lr=0.1, layers=[1, 2], name="x"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_config_comes_from_what_programs_have(source: str) -> None:
    run = trackd.init(config=SOURCES[source])
    expected = {"lr": 0.1, "layers": [1, 2], "name": "x"}
    assert dict(run.config) == expected
    run.finish()
    assert config(run.id) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", "lr: 0.1\nlayers: [1, 2]\nname: x\n"),
        (
            "wandb.yaml",
            "wandb_version: 1\nlr:\n  desc: rate\n  value: 0.1\nlayers: {value: [1, 2]}\nname: x\n",
        ),
        ("config.json", json.dumps({"lr": 0.1, "layers": [1, 2], "name": "x"})),
    ],
)
def test_config_comes_from_a_file(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    run = trackd.init(config=str(tmp_path / name))
    assert dict(run.config) == {"lr": 0.1, "layers": [1, 2], "name": "x"}
    run.config.update(tmp_path / name)
    run.finish()
    assert config(run.id) == {"lr": 0.1, "layers": [1, 2], "name": "x"}


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("missing.yaml", None, "missing.yaml cannot be read: No such file"),
        ("list.yaml", "- 1\n- 2\n", "holds list; a mapping of keys to values is needed"),
        ("empty.yaml", "", "holds NoneType"),
        ("broken.yaml", "a: [1, 2\n", "broken.yaml is no YAML"),
        ("broken.json", "{", "broken.json is no JSON"),
        ("bytes.yaml", b"\xff\xfe\x00", "bytes.yaml"),
    ],
)
def test_a_file_that_is_no_config_is_one_sentence(
    name: str, text: str | bytes | None, match: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=match):
        trackd.init(config=str(tmp_path / name))
    assert trackd.run is None


@pytest.mark.parametrize("source", [5, 1.5, [("a", 1)], object])
def test_what_is_no_config_is_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError, match="config must be a dict"):
        trackd.init(config=source)
    assert trackd.run is None


def test_a_value_changes_only_when_that_is_said() -> None:
    run = trackd.init(config={"lr": 0.1, "same": [1], "none": None, "nan": float("nan")})
    changes: list[Callable[[], None]] = [
        lambda: run.config.update({"lr": 0.2}),
        lambda: run.config.update({"none": 1}),
        lambda: setattr(run.config, "lr", 0.2),
        lambda: run.config.__setitem__("lr", 0.2),
        lambda: run.config.update(lr=0.2),
        lambda: run.config.update({"lr": "0.1"}),
    ]
    for change in changes:
        with pytest.raises(ConfigError, match=r"config '\w+' is .* allow_val_change=True"):
            change()
    run.config.update({"lr": 0.1, "same": [1], "nan": float("nan")})
    assert run.config.lr == 0.1
    run.config.update({"lr": 0.2, "more": 1}, allow_val_change=True)
    run.finish()
    found = config(run.id)
    assert (found["lr"], found["more"], found["same"]) == (0.2, 1, [1])


def test_a_refused_update_changes_nothing() -> None:
    run = trackd.init(config={"a": 1})
    with pytest.raises(ConfigError):
        run.config.update({"b": 2, "a": 3})
    assert dict(run.config) == {"a": 1}
    with pytest.raises(TypeError, match=r"value of 'c' is a builtins\.object"):
        run.config.update({"b": 2, "c": object()})
    assert dict(run.config) == {"a": 1}


def test_config_is_a_mapping_with_attributes() -> None:
    run = trackd.init(config={"lr": 0.1})
    run.config.batch = 32
    run.config["depth"] = 4
    run.config.setdefaults({"lr": 99, "width": 8})
    run.config.setdefault("extra", 1)
    assert (run.config.batch, run.config["depth"], run.config.width, run.config.extra) == (32, 4, 8, 1)
    assert "lr" in run.config
    assert "never" not in run.config
    assert run.config.get("never", 5) == 5
    assert list(run.config) == ["lr", "batch", "depth", "width", "extra"]
    assert len(run.config) == 5
    assert run.config.as_dict() == dict(run.config)
    with pytest.raises(KeyError):
        run.config["never"]
    with pytest.raises(AttributeError, match="never"):
        run.config.never  # noqa: B018 - the access is the test
    del run.config["depth"]
    run.finish()
    assert config(run.id) == {"lr": 0.1, "batch": 32, "width": 8, "extra": 1}


def test_nested_config_stays_nested() -> None:
    nested = {"optimizer": {"name": "adam", "betas": (0.9, 0.999), "more": {"x": np.float32(0.5)}}, "a.b": 1}
    run = trackd.init(config=nested)
    assert run.config["optimizer"]["more"]["x"] == 0.5
    run.finish()
    assert config(run.id) == {
        "optimizer": {"name": "adam", "betas": [0.9, 0.999], "more": {"x": 0.5}},
        "a.b": 1,
    }


def test_config_is_not_capped_at_five_hundred_values() -> None:
    values = {f"option_{i}": i for i in range(3000)}
    run = trackd.init(config=values)
    run.finish()
    assert config(run.id) == values


def test_values_of_every_kind_read_back() -> None:
    values = {
        "int": 2**53 + 1,
        "float": 1.0,
        "bool": False,
        "none": None,
        "text": "ü🎉\nx",
        "list": [1, [2, {"a": None}]],
        "empty": {},
        "inf": float("inf"),
        "zero": np.int64(0),
        "path": Path("a/b"),
    }
    run = trackd.init(config=values)
    run.finish()
    found = config(run.id)
    assert found == {**values, "path": "a/b"}
    assert [type(found[key]) for key in ("int", "float", "bool", "zero")] == [int, float, bool, int]


def test_a_large_config_value_is_refused_with_its_key() -> None:
    run = trackd.init()
    with pytest.raises(ValueError, match=r"value of 'big' is .* bytes as text; the limit is"):
        run.config["big"] = {"deep": "x" * (2 << 20)}
    with pytest.raises(ValueError, match="limit"):
        run.config["big"] = "x" * (2 << 20)
    run.config["small"] = 1
    run.finish()
    assert config(run.id) == {"small": 1}


def test_the_module_level_config_follows_the_run() -> None:
    with pytest.raises(trackd.Error, match=r"trackd\.init"):
        trackd.config["lr"] = 1
    with pytest.raises(trackd.Error, match=r"trackd\.init"):
        trackd.config.lr  # noqa: B018 - the access is the test
    run = trackd.init(config={"lr": 1})
    trackd.config.batch = 2
    trackd.config.update({"more": 3})
    assert trackd.config.lr == 1
    run.finish()
    assert config(run.id) == {"lr": 1, "batch": 2, "more": 3}


def test_config_of_a_finished_run_is_read_but_not_changed() -> None:
    run = trackd.init(config={"lr": 1})
    run.finish()
    assert run.config.lr == 1
    with pytest.raises(trackd.UsageError, match="finished"):
        run.config.update({"more": 2})
