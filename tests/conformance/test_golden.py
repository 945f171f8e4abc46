"""What a client of protocol version 1 has put on the wire is understood, byte for byte, by the daemon of today."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf import json_format
from tests.conftest import WaitUntil

from conformance import golden
from conformance.daemon import Daemon
from conformance.readback import Stored

MESSAGES = golden.load("v1")
PICTURE = {"$": "image", "shape": [2, 2, 3], "pixels": list(range(12))}
SPREAD = {"$": "histogram", "counts": [1, 2, 0, 1], "edges": [0, 1, 2, 3, 4]}
ROWS = [
    [0, {"loss": 0.5, "epoch": 1, "delta": -(2**63), "is_best": True, "phase": "warm up",
         "mixed": [1, None, "x", {"$": "float", "value": "nan"}]}],
    [5, {"loss": 0.25, "epoch": 2, "is_best": True, "phase": "a"}],
    [6, {"loss": {"$": "float", "value": "nan"}, "epoch": 3, "is_best": False, "phase": ""}],
    [9, {"loss": 0.125, "epoch": 2**62, "is_best": True, "phase": "c", "late": 1}],
    [10, {"picture": PICTURE, "spread": SPREAD,
          "words": {"$": "table", "columns": ["n", "word"], "rows": [[1, "one"], [2, "two"]]},
          "cloud": {"$": "object3d", "points": [[0, 0.5, 1], [-1, 2, 3.25]]}}],
]  # fmt: skip


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.close()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_text_of_a_golden_message_says_what_is_in_its_bytes(message: golden.Message) -> None:
    request = golden.METHODS[message.method][1]
    assert json_format.ParseDict(message.text, request()) == request.FromString(message.data)


def test_golden_conversation_is_answered_and_stored_as_ever(daemon: Daemon, wait_until: WaitUntil) -> None:
    assert len(MESSAGES) == 7
    with grpc.insecure_channel(daemon.grpc_address) as channel:
        for message in MESSAGES:
            answer = golden.send(message, channel, daemon.token)
            assert not golden.differences(message.answer, answer), (message.name, answer)
    stored = Stored(daemon.grpc_address, daemon.token, daemon.store)
    wait_until(lambda: stored.rows("golden") == ROWS or None)
    run = stored.run("golden")
    assert run is not None
    summary = run.pop("summary")
    assert run == {
        "state": "failed", "exit_code": 3, "name": "renamed", "host": "far-away", "tags": ["a", "b"],
        "config": {"lr": 0.001, "layers": [64, 32], "seed": -1}, "alerts": ["look"],
        "console": [["stderr", "one"], ["stderr", "two"]],
    }  # fmt: skip
    assert {key: summary[key] for key in ("best", "loss.min", "loss.last", "late")} == {
        "best": 2, "loss.min": 0.125, "loss.last": 0.125, "late": 1,
    }  # fmt: skip
