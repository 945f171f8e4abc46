"""`run.summary`: what `log` leaves in it, what a person sets, and reading both back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.service.reading import summary

import trackd
from trackd import _question

pytestmark = pytest.mark.usefixtures("project")


def test_the_summary_is_the_last_value_of_each_metric() -> None:
    run = trackd.init()
    run.log({"loss": 3.0, "acc": 1, "name": "a", "flag": True})
    run.log({"loss": 1.0, "name": "b"})
    run.log({"loss": 2.0, "nested": {"deep": {"x": 1}}, "nothing": None})
    expected = {
        "loss": 2.0,
        "acc": 1,
        "name": "b",
        "flag": True,
        "nested.deep.x": 1,
        "nothing": None,
    }
    assert dict(run.summary) == expected
    run.finish()
    assert summary(run.id) == expected
    assert dict(run.summary) == expected


def test_a_value_set_by_hand_is_not_overwritten_by_log() -> None:
    run = trackd.init()
    run.log({"accuracy": 0.5})
    run.summary["accuracy"] = 0.9
    run.log({"accuracy": 0.6})
    assert run.summary["accuracy"] == 0.9
    run.summary["accuracy"] = 0.95
    run.finish()
    assert summary(run.id) == {"accuracy": 0.95}


def test_a_value_set_by_hand_before_any_log_stays() -> None:
    run = trackd.init()
    run.summary["best"] = 1
    run.log({"best": 2})
    run.finish()
    assert summary(run.id) == {"best": 1}


def test_a_value_set_by_hand_stands_above_what_define_metric_tracks() -> None:
    # Deviation (part 0): the reference overwrites 0.9 by the next log and forgets that max was asked for.
    run = trackd.init()
    run.define_metric("acc", summary="max")
    run.log({"acc": 0.5})
    run.summary["acc"] = 0.9
    run.log({"acc": 0.6})
    assert dict(run.summary) == {"acc": 0.9}
    del run.summary["acc"]
    run.log({"acc": 0.1})
    run.finish()
    assert summary(run.id) == {"acc.max": 0.6}


def test_a_value_set_by_hand_is_seen_where_nothing_is_summarised() -> None:
    run = trackd.init()
    run.define_metric("acc", summary="none")
    run.log({"acc": 0.5})
    assert dict(run.summary) == {}
    run.summary["acc"] = 0.9
    run.finish()
    assert summary(run.id) == {"acc": 0.9}


def test_a_deleted_value_follows_log_again() -> None:
    run = trackd.init()
    run.log({"loss": 1})
    run.summary["loss"] = 99
    del run.summary["loss"]
    assert run.summary["loss"] == 1
    run.log({"loss": 2})
    assert run.summary["loss"] == 2
    run.summary["own"] = 1
    del run.summary["own"]
    with pytest.raises(KeyError):
        run.summary["own"]
    with pytest.raises(KeyError):
        del run.summary["never"]


def test_nested_values_live_beside_their_siblings() -> None:
    # Deviation (part 6, quirk 9): in the reference the second assignment drops n.m.
    run = trackd.init()
    run.summary.update({"n": {"m": 1}})
    run.summary["n"]["k"] = 3
    assert run.summary["n"]["m"] == 1
    assert dict(run.summary["n"]) == {"m": 1, "k": 3}
    run.summary["n"]["deep"] = {"x": {"y": 2}}
    assert run.summary["n"]["deep"]["x"]["y"] == 2
    assert run.summary["n.deep.x.y"] == 2
    del run.summary["n"]["m"]
    run.finish()
    assert summary(run.id) == {"n.k": 3, "n.deep.x.y": 2}


def test_setting_a_value_under_a_logged_group_leaves_the_group() -> None:
    run = trackd.init()
    run.log({"val": {"loss": 1, "acc": 2}})
    run.summary["val"]["best"] = 3
    run.finish()
    assert summary(run.id) == {"val.loss": 1, "val.acc": 2, "val.best": 3}


def test_the_summary_is_a_mapping_with_attributes() -> None:
    run = trackd.init()
    run.log({"loss": 0.5})
    run.summary.best = 0.1
    run.summary.update({"a": 1}, b=2)
    assert run.summary.best == 0.1
    assert run.summary.loss == 0.5
    assert run.summary.get("missing") is None
    assert run.summary.get("missing", 7) == 7
    assert "loss" in run.summary
    assert "missing" not in run.summary
    assert sorted(run.summary) == ["a", "b", "best", "loss"]
    assert len(run.summary) == 4
    assert repr(run.summary) == repr(dict(run.summary))
    with pytest.raises(KeyError):
        run.summary["missing"]
    with pytest.raises(AttributeError, match="missing"):
        run.summary.missing  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53 + 1, 2**53 + 1),
        (10**30, 1e30),
        (1.0, 1.0),
        (True, True),
        (None, None),
        ("text", "text"),
        ([1, "a"], [1, "a"]),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.array([1, 2]), [1, 2]),
        (math.inf, math.inf),
        ([{"a": 1}], [{"a": 1}]),
    ],
)
def test_a_value_set_by_hand_reads_back_as_itself(value: Any, expected: Any) -> None:
    run = trackd.init()
    run.summary["x"] = value
    assert run.summary["x"] == expected
    assert type(run.summary["x"]) is type(expected) or value == 10**30
    run.finish()
    assert summary(run.id)["x"] == expected
    assert type(summary(run.id)["x"]) is type(expected)


def test_nan_set_by_hand_reads_back() -> None:
    run = trackd.init()
    run.summary["x"] = math.nan
    run.finish()
    assert math.isnan(summary(run.id)["x"])


def test_what_cannot_be_a_summary_value_is_refused() -> None:
    run = trackd.init()
    with pytest.raises(TypeError, match=r"value of 'x' is a builtins\.object"):
        run.summary["x"] = object()
    with pytest.raises(ValueError, match="limit"):
        run.summary["x"] = "a" * (1 << 21)
    with pytest.raises(TypeError, match="keys must be str"):
        run.summary.update({5: 1})
    with pytest.raises(ValueError, match="empty"):
        run.summary[""] = 1
    assert dict(run.summary) == {}
    run.finish()
    assert summary(run.id) == {}


def test_a_finished_run_refuses_summary_changes() -> None:
    run = trackd.init()
    run.finish()
    with pytest.raises(trackd.UsageError, match="finished"):
        run.summary["x"] = 1


def test_the_summary_of_a_hundred_thousand_metrics_reads_back() -> None:
    run = trackd.init(settings={"finish_timeout_seconds": 60})
    row = {f"metric/with/a/longer/name/{i:06}": float(i) for i in range(100_000)}
    run.log(row)
    assert dict(run.summary) == row


def test_the_summary_is_what_was_read_last_where_no_answer_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trackd.init(settings={"finish_timeout_seconds": 60})
    run.log({"loss": 1.0})
    assert dict(run.summary) == {"loss": 1.0}
    monkeypatch.setattr(_question, "_SUMMARY_AGE_SECONDS", 0.0)
    monkeypatch.setattr(_question, "ask_run", lambda *_: None)
    assert dict(run.summary) == {"loss": 1.0}
    monkeypatch.undo()
    run.finish()


def test_summary_values_survive_sealing_and_go_on() -> None:
    first = trackd.init(id="sealed")
    first.define_metric("loss", summary="min,max,mean,first,last")
    for value in (3.0, 1.0, 2.0):
        first.log({"loss": value})
    first.summary["note"] = {"by": "hand"}
    first.finish()
    second = trackd.init(id="sealed")
    second.log({"loss": 6.0}, step=10)
    second.finish()
    assert summary("sealed") == {
        "loss.min": 1.0,
        "loss.max": 6.0,
        "loss.mean": 3.0,
        "loss.first": 3.0,
        "loss.last": 6.0,
        "note.by": "hand",
    }
