"""Owns what is special in a notebook: the live card in a cell's output, and the cell magic `%%trackd`.

Invariants: IPython is never imported where a kernel has not loaded it; a card that cannot be shown or updated is left alone,
and nothing that was logged is put into a page unescaped.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackd._run import Run

UPDATE_SECONDS = 1.0  # a card is a glance, the page is what is live
_STYLE = (
    "font:13px system-ui,sans-serif;display:inline-flex;gap:16px;align-items:baseline;padding:8px 12px;"
    "border:1px solid rgba(128,128,128,.35);border-radius:6px"
)


def shell() -> Any:
    """Returns the shell of the notebook that this process serves, or None."""
    module = sys.modules.get("IPython")
    found = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return found if type(found).__name__ == "ZMQInteractiveShell" else None


def card(run: Run, state: str) -> str:
    """Returns a run's card as HTML: its name as a link to its page, state, step and time."""
    seconds = max(0, int(time.time() - run.start_time))
    minutes = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    import html  # half a megabyte of tables, for notebooks only

    name = html.escape(run.name)
    url = run.url
    link = f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{name}</a>' if url else name
    where = html.escape(f"{run.project}/{run.id}")
    return (
        f'<div style="{_STYLE}"><b>{link}</b><span>{html.escape(state)}</span><span>step {run.step:,}</span>'
        f'<span>{minutes}</span><span style="opacity:.65">{where}</span></div>'
    )


class Card:
    """The live card of one run in the output of the cell that opened it."""

    def __init__(self, run: Run) -> None:
        """Shows the card; in a process that serves no notebook it does nothing, then and later."""
        self._run = run
        self._handle: Any = None
        self._shown = ""
        self._time = time.monotonic()
        if shell() is not None:
            with contextlib.suppress(Exception):  # a front end that takes no HTML
                self._shown = card(run, "running")
                tools = _display_tools()
                self._handle = tools.display(tools.HTML(self._shown), display_id=True)

    def update(self) -> None:
        """Brings the card up to date, at most once a second."""
        if self._handle is not None and time.monotonic() - self._time >= UPDATE_SECONDS:
            self._show("running")

    def close(self, state: str) -> None:
        """Shows how the run ended."""
        self._show(state)
        self._handle = None

    def _show(self, state: str) -> None:
        self._time = time.monotonic()
        if self._handle is None:
            return
        text = card(self._run, state)
        if text == self._shown:
            return
        self._shown = text
        try:
            self._handle.update(_display_tools().HTML(text))
        except Exception:  # noqa: BLE001 - the front end is gone
            self._handle = None


def _display_tools() -> Any:
    import importlib

    return importlib.import_module("IPython.display")


def register(ipython: Any) -> None:
    """Adds the cell magic `%%trackd` to a shell."""
    if hasattr(ipython, "register_magic_function"):  # other kernels' shells may have no magics
        ipython.register_magic_function(_run_cell, "cell", "trackd")


def _run_cell(line: str, cell: str) -> None:
    """Runs the cell in a run of its own: `%%trackd [PROJECT] [NAME=VALUE …]`, with the arguments of trackd.init."""
    import shlex

    import trackd

    ipython = shell()
    arguments: dict[str, Any] = {}
    for word in shlex.split(line):
        name, sign, value = word.partition("=")
        arguments[name if sign else "project"] = value if sign else word
    with trackd.init(**arguments, reinit="finish_previous") as run:
        result = ipython.run_cell(cell)
        if result.error_in_exec is not None:
            # The shell has shown the error already.
            from trackd import _exit

            error = result.error_in_exec
            run.end(_exit.code_of(error), _exit.format_exception(type(error), error, error.__traceback__))
