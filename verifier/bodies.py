"""Request bodies as bytes: media type and size are checked before a byte is interpreted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.exceptions import HTTPException

JSON = "application/json"


def raw_body(*media_types: str) -> Callable[[Request], Awaitable[bytes]]:
    """A dependency that reads the body, of JSON or one of ``media_types``, up to the application's limit.

    Raises: HTTPException 415 or 413.
    """
    accepted = (JSON, *media_types)

    async def read(request: Request) -> bytes:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in accepted:
            raise HTTPException(415, f"the content type must be one of: {', '.join(accepted)}")
        limit: int = request.app.state.max_body_bytes
        declared = request.headers.get("content-length", "")
        body = bytearray()
        if not (declared.isascii() and declared.isdecimal() and len(declared) < 20 and int(declared) > limit):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    break
            else:
                return bytes(body)
        # The rest of the body is not read: the connection cannot be used again.
        raise HTTPException(413, f"the body may be at most {limit} bytes", headers={"connection": "close"})

    return read
