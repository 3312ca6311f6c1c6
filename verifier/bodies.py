"""Request bodies as bytes: media type, size and time are bounded before a byte is interpreted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.exceptions import HTTPException

JSON = "application/json"
TIMEOUT_S = 30.0
"""A client may take this long to send a body."""
_MAX_LENGTH_DIGITS = 15


def raw_body(*media_types: str, limit: int | None = None) -> Callable[[Request], Awaitable[bytes]]:
    """A dependency that reads the body, of JSON or one of ``media_types``, up to ``limit`` bytes or the application's.

    Raises: HTTPException 415, 413 or 408.
    """
    accepted = (JSON, *media_types)

    async def read(request: Request) -> bytes:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in accepted:
            raise HTTPException(415, f"the content type must be one of: {', '.join(accepted)}")
        most: int = limit or request.app.state.max_body_bytes
        if _declared_above(most, request.headers.get("content-length", "")):
            raise _too_large(most)
        body = bytearray()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > most:
                        raise _too_large(most)
        except TimeoutError:
            raise HTTPException(408, "the body did not come in time", headers=_CLOSE) from None
        return bytes(body)

    return read


# The rest of the body is not read, so the connection cannot be used again.
_CLOSE = {"connection": "close"}


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the body may be at most {limit} bytes", headers=_CLOSE)


def _declared_above(limit: int, length: str) -> bool:
    return length.isdecimal() and (len(length) > _MAX_LENGTH_DIGITS or int(length) > limit)
