"""Run an application with uvicorn: prints where it listens, ends cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI

from . import logs
from .errors import Unavailable

_GRACEFUL_SHUTDOWN_S = 10
_BACKLOG = 1024


def serve(app: FastAPI, host: str, port: int, *, trusted_proxies: Sequence[str] = ()) -> None:
    """Serve until a signal comes. Port 0 is any free one; stdout gets one JSON line ``{"url": ...}`` once connections
    are taken.

    Raises: Unavailable: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "not an address of this machine"
        raise Unavailable(f"cannot listen on {host} port {port}: {reason.lower()}", code="cannot_listen") from None
    logs.configure()
    config = uvicorn.Config(
        app,
        http="h11",  # the parser that bounds the length of headers
        log_config=None,  # logs.configure has done it, without what clients send
        access_log=False,  # observe.py writes one line a request, without the address that was asked for
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        ws="none",
        timeout_graceful_shutdown=_GRACEFUL_SHUTDOWN_S,
    )
    # uvicorn shuts down, and then raises the signal again for the handler that was there before: one that does nothing.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: None)
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    print(json.dumps({"url": f"http://{shown}:{listener.getsockname()[1]}"}), flush=True)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
