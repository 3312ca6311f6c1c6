"""Perpetual futures whose rate grows with the size of the position itself.

    slack = cash0 + sum over markets of  min over lines of (k + a long(q) + b short(q)) - F q  + collateral

k, a, b     public money, and money a lot: the lines of chords.py for what a long and a short count, p (q - |q| rate)
            at the worse end of p

The rate of a size s, in units of the market, with base rate m and size factor f, both as often as the claim asks for:

    square root (Drift)     max(m, 0.8 m + f sqrt(s))
    linear (Deribit)        m + f s

so that the requirement grows as s^1.5 or s^2: convex, and its chords are above it. Between neighbours on a grid of
ratio 5/4 a chord of s^1.5 is less than 0.47 percent above it, one of s^2 at most 1.25 percent.

Without a size factor exact, to the rounding of public coefficients. With one it is conservative: at a point or over a
box, the requirement is over-stated by less than 0.5 percent (square root) or 1.3 percent (linear) of itself and 2^-20
of the notional, and never under-stated. For sizes above the largest of the risk parameters, for effective rates above
1, and for shorts in a box whose ends are more than eight times apart (16 times, linear), it can be more.
For each market a gate and the digits of a size, and a block of digits and a row for each line: about 10.3 lines for
each factor of ten between the size where the rate begins to grow and the largest one.
Source: Drift v2, programs/drift/src/math/margin.rs, calculate_size_premium_liability_weight, without its roundings to
10^-4, which are down; Deribit, "Linear Perpetual", standard margin.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

from zkmargin.errors import InputError

from ..chords import END, Line, lines, root_down, unit_of
from . import collateral

if TYPE_CHECKING:
    from ..boxes import Lifetime, MarketBox, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import Market, RiskParameters
    from ..rule import Scope

NAME = "perpetuals-size-weighted"

KEPT = Fraction(4, 5)
"""The share of the base rate that the square root is added to."""

BARELY = Fraction(1, 80)
"""Where a linear rate has grown by so much, chords begin."""

ROOT_BITS = 64
"""Binary places of a square root."""

NARROWEST = Fraction(1, 4)
"""The least scale of the grid of shorts, against that of longs."""


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Least, Max, Total, cash, family, interval, public, size
    from ..lowering import Rule

    q, F = size("q"), interval("F", signed=True)
    k, a, b = public("k"), public("a", signed=True), public("b", signed=True)
    value = Least(family("line"), k + a * Max(q, 0) + b * Max(-q, 0))
    slack = cash("cash0") + Total(family("market"), value - F * q) + collateral.value()
    return Rule(NAME, slack, from_below=True)


def check(params: RiskParameters) -> None:
    """Raises: InputError "bad_params"."""
    for market in params.markets:
        if market.kind == "perpetual" and (len(market.tiers) > 1 or market.short):
            raise InputError("perpetuals-size-weighted has one base rate a market", code="bad_params")
        if market.kind != "perpetual" and market.size_factor:
            raise InputError(f"{market.name} is no perpetual, and has no size factor", code="bad_params")


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers."""
    markets = [
        {
            "q": market.hidden[0].label,
            "F_low": ends.funding_low,
            "F_high": ends.funding_high,
            "line": [{"k": line.constant, "a": line.long, "b": line.short} for line in _lines(market, ends, claim)],
        }
        for market, ends in zip(params.markets, box, strict=True)
        if market.kind == "perpetual"
    ]
    return {"cash0": params.cash, "market": markets, "asset": collateral.entries(params, box, claim)}


def _lines(market: Market, ends: MarketBox, claim: Claim) -> tuple[Line, ...]:
    # A cap of leverage is a cap of notional: it knows no size factor.
    factor = Fraction(0) if claim.kind == "leverage" else claim.times * (market.size_factor or 0)
    law = _Law(claim.rate(market), factor, market.grows_linearly, market.lot)
    return _chords(law, int(market.max_size / market.lot), ends.low, ends.high)


class _Law(NamedTuple):
    """The rate of a size, in lots: ``base``, and what it grows by."""

    base: Fraction
    factor: Fraction
    linear: bool
    lot: Fraction

    def rates(self) -> tuple[Callable[[int], int], int]:
        """Lots -> rate, rounded up, as the numerator of a fraction; and its denominator."""
        b, f, lot = self.base, self.factor, self.lot
        if self.linear:
            base, slope = b.numerator * f.denominator * lot.denominator, b.denominator * f.numerator * lot.numerator
            return lambda lots: base + slope * lots, b.denominator * f.denominator * lot.denominator
        whole = b.denominator * KEPT.denominator * f.denominator * lot.denominator
        base = b.numerator * KEPT.denominator * f.denominator * lot.denominator << ROOT_BITS
        kept = b.numerator * KEPT.numerator * f.denominator * lot.denominator << ROOT_BITS
        slope, under = f.numerator * b.denominator * KEPT.denominator, lot.numerator * lot.denominator << 2 * ROOT_BITS
        return lambda lots: max(base, kept + slope * (isqrt(lots * under) + 1)), whole << ROOT_BITS

    @property
    def start(self) -> int:
        """The most lots that require no more than the base rate, or hardly more."""
        if not self.factor:
            return END
        size = self.base * BARELY / self.factor if self.linear else ((1 - KEPT) * self.base / self.factor) ** 2
        return min(max(1, int(size / self.lot)), END)


@lru_cache(maxsize=1024)
def _chords(law: _Law, most: int, low: int, high: int) -> tuple[Line, ...]:
    """The lines of a market whose price, a lot, is from ``low`` to ``high``."""
    rate, one = law.rates()

    def long(lots: int) -> int:
        part = lots * (one - rate(lots))
        return min(low * part // one, high * part // one)

    def short(lots: int) -> int:
        return -high * lots * (one + rate(lots)) // one

    share = Fraction(low, high) if high else Fraction(1)
    scale = root_down(share, 2) if law.linear else root_down(share**2, 3)
    unit = unit_of(low) if law.factor else 1
    return tuple(lines(long, short, start=law.start, most=most, scale=max(scale, NARROWEST), unit=unit))
