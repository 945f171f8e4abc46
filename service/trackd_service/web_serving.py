"""Owns how an application is served by HTTP: uvicorn, which leaves signals and waiting to whoever starts it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import uvicorn
from starlette.types import ASGIApp


class _Web(uvicorn.Server):
    def __init__(self, configuration: uvicorn.Config, end: asyncio.Event) -> None:
        super().__init__(configuration)
        self._end = end

    def capture_signals(self) -> Any:  # whoever starts it has its own
        return contextlib.nullcontext()

    async def main_loop(self) -> None:  # uvicorn's own wakes ten times a second to look whether it should end
        await self._end.wait()


def make(app: ASGIApp, end: asyncio.Event, **options: Any) -> uvicorn.Server:
    """Returns a server of an application, which serves until an event is set; `options` are uvicorn's, such as of TLS."""
    return _Web(
        uvicorn.Config(
            app,
            **{
                "log_config": None,
                "access_log": False,
                "lifespan": "off",
                "server_header": False,
                "date_header": False,
                "ws": "websockets-sansio",
                "timeout_graceful_shutdown": 1,
                "proxy_headers": False,
                **options,
            },
        ),
        end,
    )
