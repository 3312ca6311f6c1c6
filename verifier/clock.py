"""The clock of this machine, in whole seconds of UTC. In one place, so that tests can set it."""

from __future__ import annotations

import time


def now_unix_s() -> int:
    """Seconds since 1970."""
    return int(time.time())
