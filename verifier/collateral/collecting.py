"""From the attestors of a chain to the service: the next checkpoint, gathered and taken, once or again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zkmargin.errors import ZkMarginError

from .. import clock
from ..attestor.collector import Attestor, collect
from .operations import ChainOperations

NOTHING_NEW = "no_new_epoch"


def gather(at: ChainOperations, chain: str, attestors: Mapping[str, Attestor]) -> dict[str, Any]:
    """Take the next checkpoint of ``chain``. Raises: as ``attestor.collector.collect`` and the taking of one."""
    sets, last = at.sets(chain), at.last_checkpoint(chain)
    collected = collect(chain, attestors, at.registry(), sets, last, now_unix_s=clock.now_unix_s())
    return at.take_checkpoint(collected.file.to_bytes()) | {"troubles": dict(collected.troubles)}


def gather_forever(
    at: ChainOperations,
    chains: Sequence[str],
    attestors: Mapping[str, Attestor],
    *,
    every_s: int,
    taken: Callable[[dict[str, Any]], None],
    trouble: Callable[[str, str], None],
) -> None:
    """``gather`` for every chain, every ``every_s`` seconds. ``trouble``: chain and code of what stood in the way."""
    while True:
        for chain in chains:
            try:
                taken(gather(at, chain, attestors))
            except ZkMarginError as error:
                if error.code != NOTHING_NEW:
                    trouble(chain, error.code)
        time.sleep(every_s)
