"""The widest box that an account can still prove a claim over, by bisection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ..boxes import Band, Lifetime, PriceBox, box_around
from ..claims import MAINTENANCE, Claim
from ..holdings import Holdings
from ..markets import RiskParameters

STEPS_PER_PERCENT = 100
MAX_PERCENT = 100

Shortfall = Callable[[Holdings, RiskParameters, PriceBox, Claim, Lifetime], int]


def widest_box_percent(
    shortfall: Shortfall,
    held: Holdings,
    params: RiskParameters,
    prices: Sequence[Band],
    lifetime: Lifetime,
    claim: Claim = MAINTENANCE,
) -> Fraction | None:
    """The widest ``box_around(prices, percent)`` that still proves, in steps of 0.01.

    100 means 100 or more; None means not even 0.
    A wider box contains a narrower one, so that the shortfall only grows with the width and a bisection finds the edge.
    """

    def provable(steps: int) -> bool:
        box = params.box(box_around(prices, Fraction(steps, STEPS_PER_PERCENT)))
        return shortfall(held, params, box, claim, lifetime) == 0

    if not provable(0):
        return None
    low, high = 0, MAX_PERCENT * STEPS_PER_PERCENT + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if provable(middle) else (low, middle)
    return Fraction(low, STEPS_PER_PERCENT)
