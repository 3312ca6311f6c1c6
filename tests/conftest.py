"""What all tests have in common: what a process makes once is made once in a process of many tests."""

from __future__ import annotations

import functools
import gc
import ssl
from typing import Any

import httpx2
import typer.main
import typer.testing
from httpx2._transports import default as transports

# A runner builds every command of the program again each time, which takes longer than most commands do.
typer.testing._get_command = functools.cache(typer.main.get_command)

# A client reads all certificate authorities, though none is asked on this machine's own loopback. What the environment
# names is read each time: tests change it.
_authorities = functools.cache(functools.partial(httpx2.create_ssl_context, trust_env=False))


def _ssl_context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is True and cert is None and not trust_env:
        return _authorities()
    return httpx2.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)


transports.create_ssl_context = _ssl_context


# Collecting makes a million objects that stay: looking for garbage among them takes a tenth of all time.
gc.disable()


def pytest_collection_finish() -> None:
    """What is there before the first test is no garbage; what tests leave is looked for as ever."""
    gc.freeze()
    gc.enable()
