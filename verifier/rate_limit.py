"""A rate limit per client address, in memory. Behind a proxy, name it in ``trusted_proxies`` or all clients share one
allowance."""

from __future__ import annotations

import ipaddress
import math
import time
from typing import Annotated

import limits
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import Problem

FREE_PATHS = ("/healthz", "/metrics")
_IPV6_CUSTOMER_PREFIX = 64


def _check_rate(text: str) -> str:
    try:
        usable = not text or [rate.amount > 0 for rate in limits.parse_many(text)] == [True]
    except ValueError:
        usable = False
    if not usable:
        raise PydanticCustomError("rate", "a rate limit looks like 600/minute, or is empty")
    return text


def _check_proxy(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        # Anything else would never match, and all clients would share one allowance.
        raise PydanticCustomError(
            "proxy", "a proxy is an address or a network such as 10.0.0.7 or 10.0.0.0/8"
        ) from None
    return text


Rate = Annotated[str, AfterValidator(_check_rate)]
"""A setting such as ``600/minute``; empty: no limit."""
Proxies = tuple[Annotated[str, AfterValidator(_check_proxy)], ...]
"""Addresses and networks whose X-Forwarded-For is believed."""


class RateLimit:
    """ASGI middleware: answers 429 with Retry-After to an address that asks too often."""

    def __init__(self, app: ASGIApp, rate: Rate) -> None:
        self.app = app
        self._rate = limits.parse(rate)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in FREE_PATHS:
            client = client_key(scope)
            if not self._limiter.hit(self._rate, client):
                wait_s = self._limiter.get_window_stats(self._rate, client).reset_time - time.time()
                scope.setdefault("state", {})["code"] = "too_many_requests"
                refusal = Problem(
                    429, "too_many_requests", "too many requests from this address; try again later",
                    headers={"retry-after": str(max(1, math.ceil(wait_s)))},
                )  # fmt: skip
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


def client_key(scope: Scope) -> str:
    """The address that a request counts for: an IPv6 customer has at least a /64, so that is one client."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.IPv6Network((address, _IPV6_CUSTOMER_PREFIX), strict=False))
    return str(address)
