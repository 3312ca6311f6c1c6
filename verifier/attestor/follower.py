"""Follows the chains between checkpoints, so that what was final and then went is noticed by a member that was not
asked to sign meanwhile."""

from __future__ import annotations

import logging
import threading

from verifier import logs
from zkmargin.errors import ZkMarginError

from .desk import Desk
from .look import look

_LOGGER = logging.getLogger("zkmargin.attestor")


class Follower(threading.Thread):
    """Looks at every chain, every ``poll_s``: at the newest epoch, once it is final."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="follower", daemon=True)
        self._desk = desk
        self._ended = threading.Event()
        self._epochs = dict.fromkeys(desk.settings.url_of, 0)
        self._troubles: dict[str, str | None] = dict.fromkeys(desk.settings.url_of)

    def run(self) -> None:
        """Until ``end``."""
        while not self._ended.wait(self._desk.settings.poll_s):
            for chain in self._epochs:
                self.follow(chain)

    def follow(self, chain: str) -> None:
        """Look at a chain; what is wrong with it is told when it begins and when it ends."""
        trouble = None
        try:
            watched = self._desk.chain(chain)
            epoch = watched.newest_epoch()
            if epoch > self._epochs[chain]:
                look(self._desk, watched, epoch)
                self._epochs[chain] = epoch
        except ZkMarginError as error:
            trouble = error.code
        except Exception:  # a thread that ends is missed by nobody
            _LOGGER.exception("follower_failed")
            trouble = "internal"
        if trouble != self._troubles[chain]:
            self._troubles[chain] = trouble
            logs.event(_LOGGER, "chain", chain=chain, trouble=trouble)

    def end(self) -> None:
        """Stop, and wait for it."""
        self._ended.set()
        if self.is_alive():
            self.join(timeout=10)
