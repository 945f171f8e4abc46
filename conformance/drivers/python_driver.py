"""The Python client's driver: takes actions as JSON lines on stdin, does them, and answers each with a line on stdout."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np

import trackd
from trackd.errors import UsageError

run: Any = None


def value(given: Any) -> Any:
    """Returns what a case writes as the client's own value."""
    if isinstance(given, list):
        return [value(each) for each in given]
    if not isinstance(given, dict):
        return given
    if "$" not in given:
        return {key: value(each) for key, each in given.items()}
    kind = given["$"]
    if kind == "float":
        return float(given["value"])
    if kind == "int":
        return int(given["value"])
    if kind == "image":
        shape = given["shape"]
        pixels = np.full(shape, given["fill"]) if "fill" in given else np.reshape(given["pixels"], shape)
        return trackd.Image(pixels.astype(np.uint8))
    if kind == "histogram":
        return trackd.Histogram(given["values"], num_bins=given["bins"])
    if kind == "table":
        return trackd.Table(columns=given["columns"], data=[value(row) for row in given["rows"]])
    if kind == "object3d":
        return trackd.Object3D(np.array(given["points"], float))
    raise ValueError(f"no value is called {kind!r}")


def do(action: dict[str, Any]) -> Any:
    """Does one action."""
    global run
    name = action.pop("do")
    if name == "init":
        action = {key: value(each) for key, each in action.items()}
        settings = {"quiet": True, "label": action.pop("label", ""), "finish_timeout_seconds": 20}
        run = trackd.init(**action, settings={**settings, "console": "wrap"})
    elif name == "log":
        options = {key: action[key] for key in ("step", "commit") if key in action}
        run.log(value(action["data"]), **options)
    elif name == "log_many":
        key = action["key"]
        odd = {f"{key}_odd": True} if action.get("alternate") else {}
        for number in range(action["count"]):
            run.log({key: number, **odd} if number % 2 else {key: number})
    elif name == "config":
        run.config.update(value(action["set"]), allow_val_change=True)
    elif name == "summary":
        run.summary.update(value(action["set"]))
    elif name == "define_metric":
        run.define_metric(**action)
    elif name == "alert":
        run.alert(**action)
    elif name == "console":
        getattr(sys, action.get("stream", "stdout")).write(action["text"])
    elif name == "flush":
        if not run.flush(action.get("timeout_seconds", 20)):
            raise TimeoutError("not acknowledged in time")
    elif name == "finish":
        run.finish(action.get("exit_code"))
    else:
        raise ValueError(f"no action is called {name!r}")


def kind_of(error: Exception) -> str:
    """Returns what sort of error it is, as the cases call them."""
    if isinstance(error, UsageError):
        return "usage"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "value"


def main() -> None:
    """Answers until stdin ends."""
    # What the client prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - as long as the process lives
    for line in sys.stdin:
        answer: dict[str, Any] = {"ok": True}
        try:
            do(json.loads(line))
        except Exception as error:  # noqa: BLE001 - told to the runner
            answer = {"error": {"kind": kind_of(error), "message": str(error)}}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
