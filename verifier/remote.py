"""The operator's commands over HTTP: the same operations as on the database, at a running service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from zkmargin import canonical
from zkmargin.errors import ContextError, InputError, ZkMarginError

from .bodies import JSON
from .errors import Unavailable

MAX_ANSWER_BYTES = 16 << 20
DEADLINE_S = 60.0
"""For a whole answer. The timeouts below are of one byte: a service that drips would keep who asks for ever."""
_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_REFUSED_AS_INPUT = {400, 413, 415}


def get(url: str, path: str, *, token: str | None = None) -> dict[str, Any]:
    """The JSON object at ``path``. Raises: as ``post``."""
    return _exchange("GET", url, path, headers=_authorization(token))


def post(url: str, path: str, content: bytes, *, token: str | None = None) -> dict[str, Any]:
    """Send a document; the JSON answer. ``token`` goes to services that want one.

    Raises: InputError, ContextError with the service's code: it refused.   Unavailable: it cannot be reached, or cannot
            say.
    """
    return _exchange("POST", url, path, content=content, headers={"content-type": JSON} | _authorization(token))


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


def _exchange(method: str, url: str, path: str, **options: Any) -> dict[str, Any]:
    try:
        with (
            httpx2.Client(timeout=_TIMEOUT, follow_redirects=False) as client,
            _hung_up_in_time(client),
            client.stream(method, url.rstrip("/") + path, **options) as response,
        ):
            content = _read(response)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError):
        raise InputError("the address of the service must look like https://host", code="bad_url") from None
    except (ValueError, ImportError):  # read from the environment: HTTPS_PROXY, ALL_PROXY
        raise InputError("the proxy that the environment names cannot be used", code="bad_environment") from None
    except (httpx2.HTTPError, OSError):
        raise Unavailable("the service cannot be reached", code="unreachable") from None
    try:
        value = canonical.parse(content, limit=MAX_ANSWER_BYTES)
    except InputError:
        value = None
    if not isinstance(value, dict):
        raise Unavailable(f"the service answered {response.status_code}, and no JSON object", code="bad_answer")
    if response.status_code < 300:
        return value
    raise _refusal(response.status_code, value)


@contextmanager
def _hung_up_in_time(client: httpx2.Client) -> Iterator[None]:
    """Its connection is closed at the deadline, whatever is being read: the next read of it fails."""
    timer = threading.Timer(DEADLINE_S, client.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read(response: httpx2.Response) -> bytes:
    """The body; it is not read on beyond the limit."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise Unavailable("the answer of the service is too large", code="bad_answer")
    return bytes(content)


def _refusal(status: int, problem: dict[str, Any]) -> ZkMarginError:
    code, told = problem.get("code"), problem.get("detail")
    code = code if isinstance(code, str) and code.isidentifier() else f"http_{status}"
    sentence = "".join(c for c in told[:400] if c.isprintable()) if isinstance(told, str) else f"answer {status}"
    if status >= 500 or status in (408, 425, 429) or status < 400:
        return Unavailable(f"the service cannot say: {sentence}", code=code)
    kind = InputError if status in _REFUSED_AS_INPUT else ContextError
    return kind(f"the service refused: {sentence}", code=code)
