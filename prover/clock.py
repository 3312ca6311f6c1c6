"""The one clock of the holder's side."""

from __future__ import annotations

import time


def now_unix_s() -> int:
    """The clock of this machine, in whole seconds."""
    return int(time.time())
