"""One log line and one measurement for every request: method, route, status, code, milliseconds. Never the path as it
was asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logs

_LOGGER = logging.getLogger("zkmargin.http")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

Measured = Callable[[str, str, int, float], None]
"""(method, route, status, seconds)."""


class Observe:
    """ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, measured: Measured | None = None) -> None:
        self.app = app
        self._measured = measured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("route"), "path", "none")
            if self._measured is not None:
                self._measured(method, route, status, seconds)
            code = scope.get("state", {}).get("code")
            logs.event(
                _LOGGER, "request", method=method, route=route, status=status, code=code, ms=round(seconds * 1000, 1)
            )
