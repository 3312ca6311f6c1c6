"""A staircase of rates: the whole position requires the rate of the tier that it is in.

Source: StarkEx perpetual, position/status.cairo: the first risk segment whose upper bound is at least the size, or the
value, of the position.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from ..boxes import MarketBox
from ..claims import Claim, Rates
from ..markets import Market
from .positions import Positions, worst_funding


def _tier(market: Market, size: Fraction, price: Fraction, claim: Claim) -> Rates:
    """The last tier that begins below ``size``, or below its value."""
    measure = abs(size) if market.tiers_by_size else abs(size) * price
    first, *others = claim.rates(market)
    return next((tier for tier in reversed(others) if tier.above < measure), first)


def _required(market: Market, size: Fraction, price: Fraction, claim: Claim) -> Fraction:
    tier = _tier(market, size, price, claim)
    return abs(size) * price * (tier.long if size > 0 else tier.short)


def _worst(market: Market, lots: int, box: MarketBox, claim: Claim) -> int:
    """In the tier that it has at the high price, as a proof over a box has to assume."""
    high = Fraction(box.high, market.atto_per_lot)
    tier = _tier(market, lots * market.lot, high, claim)
    side, rate = (1, tier.long) if lots > 0 else (-1, tier.short)
    # A lot's worst price and funding are rounded together, as one coefficient.
    index = worst_funding(side, box)
    return abs(lots) * floor(min(price * (side - rate) + index for price in (box.low, box.high)))


CALCULATOR = Positions(_required, _worst)
