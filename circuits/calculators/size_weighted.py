"""A rate that grows with the size of the position, exactly: requirements are rounded up to an atto, once.

Source: Drift v2, programs/drift/src/math/margin.rs (square root); Deribit, "Linear Perpetual" (linear).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, isqrt

from ..boxes import ATTO, MarketBox
from ..claims import Claim
from ..markets import Market
from .positions import BY_TIERS, Positions, Weights, worst_funding


def _required_atto(market: Market, lots: int, price: int, claim: Claim) -> int:
    """What so many lots require at a price in atto a lot."""
    base, worth = claim.rate(market), abs(lots) * price
    flat = worth * base
    if claim.kind == "leverage" or not market.size_factor:
        return ceil(flat)
    health = claim.bound if claim.kind == "health" and claim.bound is not None else 1
    factor, size = health * market.size_factor, abs(lots) * market.lot
    if market.grows_linearly:
        return ceil(flat + worth * factor * size)
    return max(ceil(flat), _ceil_with_root(flat * Fraction(4, 5), (worth * factor) ** 2 * size))


def _ceil_with_root(a: Fraction, b: Fraction) -> int:
    """a + sqrt(b), rounded up: over a common denominator, the root of an integer is first rounded up to one."""
    d = a.denominator * b.denominator
    under = b * d * d
    root = isqrt(int(under))
    root += root * root != under
    return -(-(int(a * d) + root) // d)


def _required(market: Market, size: Fraction, price: Fraction, claim: Claim) -> Fraction:
    # An atto is all that a price of more decimals is rounded by.
    return Fraction(_required_atto(market, int(size / market.lot), ceil(price * market.atto_per_lot), claim), ATTO)


def _worst(market: Market, lots: int, box: MarketBox, claim: Claim) -> int:
    """Exact: a proof can ask for a little more (docs/models.md)."""
    ends = (lots * price - _required_atto(market, lots, price, claim) for price in (box.low, box.high))
    return min(ends) + worst_funding(lots, box)


# Assets with a size factor. The root of an amount is rounded up to 2^-128.


def _deposit(market: Market, amount: Fraction, price: Fraction, claim: Claim) -> Fraction:
    if not market.size_factor:
        return BY_TIERS.deposit(market, amount, price, claim)
    root = Fraction(isqrt(int(amount * 2**256)) + 1, 2**128)
    weight = min(1 - claim.haircut(market.tiers[0]), Fraction(11, 10) / (1 + market.size_factor * root))
    return Fraction(floor(amount * price * weight * ATTO), ATTO)


def _debt(market: Market, amount: Fraction, price: Fraction, claim: Claim) -> Fraction:
    flat = BY_TIERS.debt(market, amount, price, claim)
    if not market.size_factor:
        return flat
    rising = _ceil_with_root(flat * ATTO * Fraction(4, 5), (amount * price * ATTO * market.size_factor) ** 2 * amount)
    return Fraction(max(ceil(flat * ATTO), rising), ATTO)


def _worst_asset(market: Market, box: MarketBox, claim: Claim, deposited: int, owed: int) -> int:
    if not market.size_factor:
        return BY_TIERS.worst(market, box, claim, deposited, owed)
    scale = market.atto_per_lot
    low, high, grown = Fraction(box.low, scale), Fraction(box.high, scale), 1 + Fraction(box.funding_high, scale)
    counts = _deposit(market, deposited * market.lot, low, claim)
    takes = _debt(market, owed * market.lot * grown, high, claim)
    return int((counts - takes) * ATTO)


CALCULATOR = Positions(_required, _worst, weights=Weights(_deposit, _debt, _worst_asset))
