"""When a lock counts at a coefficient, as plain functions: no database, no clock of their own.

A proof counts a lot of class c at A quote atto. It may while

    A <= floor(p (10^6 - h) / 10^6),        h = min(10^6, h_class + h_off_peg + h_age)

with p the lower price of a lot in the current round, rounded down. h_age is 0, then ``soft`` once the block that shows
the lock is older than ``soft_age_s``, then ``soft + late``: what nobody has seen for a while counts less. From
``max_age_s`` on, or sooner if members signed so, it counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from zkmargin.collateral import ChainEntry, after_haircut


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
    """What a lot of a class may count at now: the greatest coefficient for a lock that was seen ``soft_age_s`` seconds
    ago at most, for an older one, and for one seen more than ``late_age_s`` ago; none counts from ``max_age_s`` on."""

    allowed_atto: tuple[int, int, int]
    soft_age_s: int
    late_age_s: int
    max_age_s: int

    @classmethod
    def of(cls, price_atto: int, haircut_ppm: int, chain: ChainEntry) -> Terms:
        """At this price of a lot, less this haircut and that of the age."""
        ages = (0, chain.soft_age_s + 1, chain.late_age_s + 1)
        fresh, soft, late = (after_haircut(price_atto, haircut_ppm + chain.age_haircut_ppm(age)) for age in ages)
        return cls((fresh, soft, late), chain.soft_age_s, chain.late_age_s, chain.max_age_s)

    def at(self, age_s: int) -> int:
        """The greatest coefficient for a lock that was seen ``age_s`` seconds ago."""
        return self.allowed_atto[(age_s > self.soft_age_s) + (age_s > self.late_age_s)]


_NOTHING = Terms((0, 0, 0), 0, 0, 0)


class UsedLock(NamedTuple):
    """A lock as a submission counts it, and what is known of it now."""

    tag: str
    class_: str
    coefficient_atto: int
    state: LockState
    frozen: bool
    seen_unix_s: int
    expiry_unix_s: int


def evidence_end_unix_s(seen_unix_s: int, expiry_unix_s: int, max_age_s: int) -> int:
    """The first second in which evidence counts no more. A registry with a shorter ``max_age_s`` ends what was signed
    under the one before it, too."""
    return min(expiry_unix_s, seen_unix_s + max_age_s)


def dropped(lock: UsedLock, terms: Mapping[str, Terms]) -> str | None:
    """The reason for which ``lock`` does not count now, whatever the time; None: there is none."""
    if lock.state is not LockState.FINAL:
        return _DROPPED[lock.state]
    if lock.frozen:
        return FROZEN
    fresh, _, _ = terms.get(lock.class_, _NOTHING).allowed_atto
    return COEFFICIENT if lock.coefficient_atto > fresh else None


def end(lock: UsedLock, terms: Mapping[str, Terms]) -> tuple[int, str]:
    """The last second in which ``lock`` counts by the clock alone, and the reason that it does not later."""
    of_class, reason = terms.get(lock.class_, _NOTHING), EXPIRED
    last_unix_s = evidence_end_unix_s(lock.seen_unix_s, lock.expiry_unix_s, of_class.max_age_s) - 1
    _, soft, late = of_class.allowed_atto
    if lock.coefficient_atto > late:
        ages_out_unix_s = lock.seen_unix_s + (
            of_class.soft_age_s if lock.coefficient_atto > soft else of_class.late_age_s
        )
        if ages_out_unix_s < last_unix_s:
            last_unix_s, reason = ages_out_unix_s, COEFFICIENT
    return last_unix_s, reason


def why_not(lock: UsedLock, terms: Mapping[str, Terms], clock_unix_s: int) -> str | None:
    """The reason for which ``lock`` does not count at ``clock_unix_s``; None: it does."""
    last_unix_s, ended = end(lock, terms)
    return dropped(lock, terms) or (ended if clock_unix_s > last_unix_s else None)
