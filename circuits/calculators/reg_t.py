"""Stocks on margin, after FINRA rule 4210(c) and Regulation T: of a short at least a floor a share."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from ..boxes import MarketBox
from ..claims import Claim
from ..markets import Market
from .positions import Positions, worst_funding


def _a_unit(market: Market, side: int, price: Fraction, claim: Claim) -> Fraction:
    """What one unit at ``price`` requires; price and result in quote units a unit."""
    rates = claim.rates(market)[0]
    if side > 0:
        return rates.long * price
    if claim.kind == "leverage":
        return rates.short * price
    health = claim.bound if claim.kind == "health" and claim.bound is not None else 1
    return max(rates.short * price, health * market.short_floor)


def _required(market: Market, size: Fraction, price: Fraction, claim: Claim) -> Fraction:
    return abs(size) * _a_unit(market, 1 if size > 0 else -1, price, claim)


def _worst(market: Market, lots: int, box: MarketBox, claim: Claim) -> int:
    side = 1 if lots > 0 else -1
    scale = market.atto_per_lot
    values = (
        side * price - scale * _a_unit(market, side, Fraction(price, scale), claim) for price in (box.low, box.high)
    )
    return abs(lots) * floor(min(values) + worst_funding(side, box))


CALCULATOR = Positions(_required, _worst)
