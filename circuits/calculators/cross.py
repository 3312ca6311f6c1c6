"""Perpetual futures, flat or in tiers, exactly: each slice of a notional requires its tier's rate.

Shares no code with the lowering, and must not: it is what the lowering is tested against.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor

from ..boxes import ATTO, MarketBox
from ..claims import MAINTENANCE, Claim
from ..markets import Market
from .positions import Positions, by_tiers
from .reports import is_liquidatable, is_solvent

__all__ = ["CALCULATOR", "is_liquidatable", "is_solvent", "report", "shortfall"]


def _required(market: Market, size: Fraction, price: Fraction, claim: Claim) -> Fraction:
    rates = claim.rates(market)
    return by_tiers([(tier.above, tier.long if size > 0 else tier.short) for tier in rates], abs(size) * price)


def _pieces(market: Market, side: int, claim: Claim) -> list[tuple[Fraction, Fraction]]:
    """(rate, deduction in quote units) of every tier: the requirement of v is the greatest of rate * v - deduction."""
    pieces, deduction, before = [], Fraction(0), None
    for above, long, short in claim.rates(market):
        rate = long if side > 0 else short
        deduction += above * (rate - (rate if before is None else before))
        pieces.append((rate, deduction))
        before = rate
    return pieces


def _liquidation_price(market: Market, size: Fraction, price: Fraction, slack: Fraction) -> Fraction | None:
    """The last price x at which slack - q price + required(price) + q x - required(x) is not negative.

    For every tier that is linear in x; the slack is the least of them, so the first of their zeros counts.
    """
    side = 1 if size > 0 else -1
    without = slack - size * price + _required(market, size, price, MAINTENANCE)
    zeros = []
    for rate, deduction in _pieces(market, side, MAINTENANCE):
        slope = size - rate * abs(size)
        if slope == 0 and without + deduction < 0:
            return None
        if slope:
            zeros.append(-(without + deduction) / slope)
    if not zeros:
        return None
    exact = max(zeros) if side > 0 else min(zeros)
    rounded = -Fraction(-exact * ATTO // 1, ATTO) if side > 0 else Fraction(exact * ATTO // 1, ATTO)
    return rounded if rounded > 0 else None


def _worst(market: Market, lots: int, box: MarketBox, claim: Claim) -> int:
    """The worst value of a lot is rounded down to an atto, and so is the deduction of a tier."""
    side = 1 if lots > 0 else -1
    return min(
        abs(lots) * floor(min(_lot_values(side, box, rate))) + floor(deduction * ATTO)
        for rate, deduction in _pieces(market, side, claim)
    )


def _lot_values(side: int, box: MarketBox, rate: Fraction) -> Iterator[Fraction]:
    """What one lot, long (1) or short (-1), adds to the slack at each corner of its box."""
    for price in (box.low, box.high):
        for index in (box.funding_low, box.funding_high):
            yield side * (price - index) - rate * price


CALCULATOR = Positions(_required, _worst, _liquidation_price)
report, shortfall = CALCULATOR.report, CALCULATOR.shortfall
