"""A node of Solana over HTTP: one call of JSON-RPC after the other. Answers are sized and parsed, no more."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from verifier.errors import Unavailable
from zkmargin import canonical
from zkmargin.errors import InputError

_TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
_MAX_ANSWER_BYTES = 4 << 20
_CODE = "chain_unavailable"


class Node:
    """One node. Safe to share between threads."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    @classmethod
    def at(cls, url: str) -> Node:
        """The node at ``url``. Raises: InputError "bad_url", "bad_environment"."""
        try:
            httpx2.URL(url).host.encode("idna")
            return cls(httpx2.Client(base_url=url, timeout=_TIMEOUT, follow_redirects=False))
        except (httpx2.InvalidURL, UnicodeError):
            raise InputError("the address of a node must look like http://127.0.0.1:8899", code="bad_url") from None
        except (ValueError, ImportError, OSError):  # read from the environment: HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE
            raise InputError(
                "the proxy or the certificates that the environment names cannot be used", code="bad_environment"
            ) from None

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises: Unavailable "chain_unavailable": no answer, an error, or none of JSON-RPC."""
        call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            with self._http.stream("POST", "", content=call, headers={"content-type": "application/json"}) as response:
                content = _read(response)
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError, ValueError) as error:
            # The library's words hold the node's address, which may hold a key: the class is told.
            kind = type(error).__name__
            raise Unavailable(f"the node of the chain cannot be read ({kind})", code=_CODE) from None
        try:
            # Not left to Python's own bound: other libraries raise it, beyond what its stack holds.
            canonical.check_depth(content)
            answer = json.loads(content)
        except (ValueError, InputError):
            raise bad_answer("no JSON") from None
        if not isinstance(answer, dict) or answer.get("error") is not None or "result" not in answer:
            raise bad_answer(f"an error to {method}")
        return answer["result"]


def bad_answer(what: str) -> Unavailable:
    """The node answered what it cannot mean."""
    return Unavailable(f"the node of the chain gave a bad answer: {what}", code=_CODE)


def _read(response: httpx2.Response) -> bytes:
    """The body; it is not read on beyond the limit."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MAX_ANSWER_BYTES:
            raise bad_answer("too much of it")
    return bytes(content)
