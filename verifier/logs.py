"""Structured logs: one JSON object a line, made of names and numbers of ours. Nothing that a client sent is ever in a
line.

Of a library's line only the template is kept, without its arguments. An exception is its class and the places that it
passed, never its message. Both would quote values.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import IO, Any

_FIELDS = "zkmargin_fields"


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "event", ...}``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg),
        }
        line |= getattr(record, _FIELDS, {})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line)


def configure(stream: IO[str] | None = None) -> None:
    """Send every log of this process to ``stream`` (stderr) in this form."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("zkmargin", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)


def event(logger: logging.Logger, name: str, **fields: str | int | float | None) -> None:
    """Log the event ``name`` with ``fields``: identifiers of ours, counts and times only."""
    logger.info(name, extra={_FIELDS: fields})
