"""When a lock counts at a coefficient, as plain functions: no database, no clock of their own.

A proof counts a lot of class c at A quote atto. It may while

    A <= floor(p (10^6 - h) / 10^6),        h = min(10^6, h_class + h_off_peg + h_age)

with p the lower price of a lot in the current round, rounded down. h_age is 0, then ``soft`` once the block that shows
the lock is older than ``soft_age_s``, then ``soft + late``: what nobody has seen for a while counts less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from zkmargin.collateral import after_haircut

PPM = 1_000_000


class LockState(StrEnum):
    """What a quorum has last said of a lock. Whether it has expired is for the clock to say."""

    FINAL = "final"
    REORGED = "reorged"
    RELEASED = "released"
    SEIZED = "seized"

    @property
    def is_over(self) -> bool:
        """No checkpoint brings it back."""
        return self in (LockState.RELEASED, LockState.SEIZED)


EXPIRED = "collateral_expired"
COEFFICIENT = "collateral_coefficient"
FROZEN = "chain_frozen"
_DROPPED = {
    LockState.REORGED: "collateral_reorged",
    LockState.RELEASED: "collateral_released",
    LockState.SEIZED: "collateral_seized",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a lot of a class may count at now: ``price_atto`` a lot at the current round (0: the round has no price),
    less ``haircut_ppm``, which includes being off the peg, and more with age."""

    price_atto: int
    haircut_ppm: int
    soft_age_s: int
    soft_ppm: int
    late_age_s: int
    late_ppm: int

    def allowed_atto(self, age_s: int) -> int:
        """The greatest coefficient for a lock that was seen ``age_s`` seconds ago."""
        haircut_ppm = self.haircut_ppm
        if age_s > self.soft_age_s:
            haircut_ppm += self.soft_ppm
        if age_s > self.late_age_s:
            haircut_ppm += self.late_ppm
        return after_haircut(self.price_atto, haircut_ppm)


_NOTHING = Terms(0, PPM, 0, 0, 0, 0)


class UsedLock(NamedTuple):
    """A lock as a submission counts it, and what is known of it now."""

    tag: str
    class_: str
    coefficient_atto: int
    state: LockState
    frozen: bool
    seen_unix_s: int
    expiry_unix_s: int


def dropped(lock: UsedLock, terms: Mapping[str, Terms]) -> str | None:
    """The reason for which ``lock`` does not count now, whatever the time; None: there is none."""
    if lock.state is not LockState.FINAL:
        return _DROPPED[lock.state]
    if lock.frozen:
        return FROZEN
    allowed_atto = terms.get(lock.class_, _NOTHING).allowed_atto(0)
    return COEFFICIENT if lock.coefficient_atto > allowed_atto else None


def end(lock: UsedLock, terms: Mapping[str, Terms]) -> tuple[int, str]:
    """The last second in which ``lock`` counts by the clock alone, and the reason that it does not later."""
    of_class, last_unix_s = terms.get(lock.class_, _NOTHING), lock.expiry_unix_s - 1
    for age_s in (of_class.soft_age_s, of_class.late_age_s):  # the registry has them in this order
        if lock.seen_unix_s + age_s < last_unix_s and lock.coefficient_atto > of_class.allowed_atto(age_s + 1):
            return lock.seen_unix_s + age_s, COEFFICIENT
    return last_unix_s, EXPIRED


def why_not(lock: UsedLock, terms: Mapping[str, Terms], clock_unix_s: int) -> str | None:
    """The reason for which ``lock`` does not count at ``clock_unix_s``; None: it does."""
    last_unix_s, ended = end(lock, terms)
    return dropped(lock, terms) or (ended if clock_unix_s > last_unix_s else None)
