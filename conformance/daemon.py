"""Owns the real daemon of a case: starting it, killing it, and putting the proxy's address before its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conformance.proxy import FaultProxy

_START_SECONDS = 30.0
_POLL_SECONDS = 0.01


class Daemon:
    """A daemon over a store of its own; its endpoint file names the proxy, where there is one."""

    def __init__(self, proxy: FaultProxy | None = None) -> None:
        """Makes the store and starts the daemon."""
        self._proxy = proxy
        self._folder = tempfile.TemporaryDirectory(prefix="trackd-conformance-")
        self.store = Path(self._folder.name)
        self._process: subprocess.Popen[bytes] | None = None
        self.grpc_address = ""
        self.token = ""
        self.start()

    def start(self) -> None:
        """Starts the daemon and waits until it serves."""
        path = self.store / "endpoint.json"
        deadline = time.monotonic() + _START_SECONDS
        self._process = self._spawn()
        while True:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                endpoint = json.loads(path.read_text("utf-8"))
                if endpoint["pid"] == self._process.pid:
                    break
            code = self._process.poll()
            if code == 0:
                # A client has started one of its own before; the case wants a daemon that it can kill.
                with contextlib.suppress(FileNotFoundError, json.JSONDecodeError, ProcessLookupError):
                    os.kill(json.loads(path.read_text("utf-8"))["pid"], signal.SIGTERM)
                self._process = self._spawn()
            elif code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the daemon does not start: see {self.store}/daemon.err")
            time.sleep(_POLL_SECONDS)
        self.grpc_address, self.token = endpoint["grpc_address"], endpoint["token"]
        if self._proxy is None:
            return
        self._proxy.forward_to(self.grpc_address)
        endpoint["grpc_address"] = self._proxy.address
        temporary = path.with_name(".endpoint.proxy")
        temporary.write_text(json.dumps(endpoint), "utf-8")
        temporary.replace(path)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self.store / "daemon.err").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "trackd_service", "--store", str(self.store), "--foreground"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    @property
    def pid(self) -> int:
        """The daemon's process; it must be alive."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kills the daemon with SIGKILL."""
        if self._proxy is not None:
            self._proxy.forward_to(None)
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Ends the daemon and deletes its store."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()
