"""Answers as canonical JSON, with an entity tag where the content has an identifier."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from zkmargin import canonical

from .bodies import JSON

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


def reply(value: Any, status: int = 200) -> Response:
    """``value`` as JSON, not to be kept by anyone in between."""
    return Response(canonical.to_bytes(value), status, {"cache-control": "no-store"}, JSON)


def tagged(request: Request, content: bytes, tag: str, *, immutable: bool) -> Response:
    """``content``, which is what ``tag`` identifies; 304 to whoever has it already."""
    headers = {"etag": f'"{tag}"', "cache-control": FOREVER if immutable else ASK_AGAIN}
    held = request.headers.get("if-none-match", "")
    if any(entry.strip().removeprefix("W/") in (f'"{tag}"', "*") for entry in held.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(content, 200, headers, JSON)
