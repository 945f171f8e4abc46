"""Owns the conversation with a client's driver: a process that takes actions as JSON lines and answers each with one line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

_ANSWER_SECONDS = 60.0


class DriverFailed(Exception):
    """A driver has ended, or has not answered in time."""


class Driver:
    """One client process."""

    def __init__(
        self, command: Sequence[str], folder: Path, store: Path, variables: Mapping[str, str]
    ) -> None:
        """Starts it, with some more variables in its environment; `TRACKD_STORE` names the store."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("TRACKD_", "WANDB_"))
        }
        environment = {**kept, "TRACKD_STORE": str(store), "TRACKD_CAPTURES": "none", **variables}
        self._errors = (store / "driver.err").open("ab")
        self._process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._answers: SimpleQueue[bytes] = SimpleQueue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def do(self, action: dict[str, Any]) -> dict[str, Any]:
        """Has an action done; returns the answer: `ok`, or `error` with `kind` and `message`, and `result`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(action).encode() + b"\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=_ANSWER_SECONDS)
        except (OSError, Empty):
            line = b""
        if not line:
            raise DriverFailed(
                f"the driver has not answered {json.dumps(action)[:200]}; it said:\n{self.errors()}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def kill(self) -> None:
        """Kills the process with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Has the process end by itself; kills it when it does not."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(_ANSWER_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()
            raise DriverFailed("the driver does not end") from None
        finally:
            self._reader.join(5)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._errors.close()

    def errors(self) -> str:
        """Returns the end of what the process has written to stderr."""
        return Path(self._errors.name).read_text("utf-8", "replace")[-4000:]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")
