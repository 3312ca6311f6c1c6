"""Perpetual futures whose rate grows with the size of the position itself.

    slack = cash0 + sum over markets of  min over lines of (k + x long(q) + y short(q)) - F q
            + sum over assets of  min over lines of (k + w p a)  +  min over lines of (k - b g p d)

cash0, q, F    as in perpetuals_cross.py;   a, d, p, g   as in collateral.py
k              public money
x, y           public money a lot: slopes of what a long and a short count, p (q - |q| rate) at the worse end of p
w, b           public fractions: slopes of what a deposit counts and what a debt takes

The rate of a size s, in units of the market, with base rate m and size factor f, both as often as the claim asks for:

    square root (Drift)     max(m, 0.8 m + f sqrt(s))
    linear (Deribit)        m + f s

An asset with a size factor counts min(w, 1.1 / (1 + f sqrt(s))) as a deposit, and max(b, 0.8 b + f sqrt(s)) as a debt
with its interest. All of these are concave, and their chords (chords.py) below them: a requirement grows as s^1.5 or
s^2, and between neighbours on a grid of ratio 5/4 a chord of s^1.5 is less than 0.47 percent above it, one of s^2 at
most 1.25 percent.

Without a size factor exact, to the rounding of public coefficients. With one it is conservative: at a point or over a
box, the requirement is over-stated by less than 0.5 percent (square root) or 1.3 percent (linear) of itself and 2^-20
of the notional, and never under-stated; a deposit or a debt is off by less than 0.5 percent, never for the holder. For
sizes above the largest of the risk parameters, for effective rates above 1, and for shorts in a box whose ends are more
than eight times apart (16 times, linear), it can be more.
For each market a gate and the digits of a size, and a block of digits and a row for each line: about 10.3 lines for
each factor of ten between the size where the rate begins to grow and the largest one. Likewise for deposits and debts.
Source: Drift v2, programs/drift/src/math/margin.rs, calculate_size_premium_liability_weight and
calculate_size_discount_asset_weight, without their roundings down to 10^-4; Deribit, "Linear Perpetual".
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import ceil, isqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from zkmargin.errors import InputError

from ..chords import END, Line, lines, root_down, unit_of
from . import collateral
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, MarketBox, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import Market, RiskParameters
    from ..rule import Scope

NAME = "perpetuals-size-weighted"

KEPT = Fraction(4, 5)
"""The share of the base rate that the square root is added to."""

PREMIUM = Fraction(11, 10)
"""What a deposit counts, before it is divided by 1 + f sqrt(s)."""

BARELY = Fraction(1, 80)
"""Where a linear rate has grown by so much, chords begin."""

ROOT_BITS = 64
"""Binary places of a square root."""

NARROWEST = Fraction(1, 4)
"""The least scale of the grid of shorts, against that of longs."""


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Least, Max, Total, amount, cash, family, interval, public, size
    from ..lowering import Rule

    q, F = size("q"), interval("F", signed=True)
    k, x, y = public("k"), public("x", signed=True), public("y", signed=True)
    value = Least(family("line"), k + x * Max(q, 0) + y * Max(-q, 0))
    a, d, p, g, w, b = amount("a"), amount("d"), interval("p"), interval("g"), public("w"), public("b")
    assets = Least(family("tier"), k + w * p * a) + Least(family("owed"), k - b * g * p * d)
    slack = cash("cash0") + Total(family("market"), value - F * q) + Total(family("asset"), assets)
    return Rule(NAME, slack, from_below=True)


def check(params: RiskParameters) -> None:
    """Raises: InputError "bad_params"."""
    for market in params.markets:
        if market.kind == "perpetual" and (len(market.tiers) > 1 or market.short):
            raise InputError("perpetuals-size-weighted has one base rate a market", code="bad_params")
        if market.kind == "asset" and market.size_factor and (len(market.tiers) > 1 or market.grows_linearly):
            raise InputError(
                f"{market.name} has tiers or a size factor that goes with a square root", code="bad_params"
            )


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers."""
    markets = [
        entry(market, ends)
        | {"line": [{"k": line.constant, "x": line.long, "y": line.short} for line in _lines(market, ends, claim)]}
        for market, ends in of_kind(params, box)
    ]
    entries = zip(collateral.entries(params, box, claim), of_kind(params, box, "asset"), strict=True)
    return {
        "cash0": params.cash,
        "market": markets,
        "asset": [_asset(asset, market, ends) for asset, (market, ends) in entries],
    }


def _asset(entry: dict[str, Any], market: Market, ends: MarketBox) -> dict[str, Any]:
    """An asset as in collateral.py, with the lines of its size factor where it has one."""
    if market.size_factor is None:
        return entry | {"owed": [{"b": entry["b"], "k": 0}]}
    (tier,) = entry["tier"]
    most = int(market.max_size / market.lot)
    deposit = _deposit_lines(tier["w"], market.size_factor, market.lot, most, ends.low)
    per_lot = ends.high * entry["g_high"]
    law = _Law(entry["b"], market.size_factor, False, market.lot * entry["g_high"])
    debt = _debt_lines(law, most, ceil(per_lot))
    return entry | {
        "tier": [{"w": Fraction(line.long, ends.low) if ends.low else 0, "k": line.constant} for line in deposit],
        "owed": [{"b": -line.long / per_lot if per_lot else 0, "k": line.constant} for line in debt],
    }


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


@lru_cache(maxsize=1024)
def _deposit_lines(weight: Fraction, factor: Fraction, lot: Fraction, most: int, price: int) -> tuple[Line, ...]:
    """The lines of what a deposit counts."""
    root, one = _Law(Fraction(0), factor, False, lot).rates()  # f sqrt(s), rounded up

    def value(lots: int) -> int:
        worth = price * lots
        flat = worth * weight.numerator // weight.denominator
        return min(flat, worth * PREMIUM.numerator * one // (PREMIUM.denominator * (one + root(lots))))

    start = int(((PREMIUM / weight - 1) / factor) ** 2 / lot) if weight else END
    start = min(max(1, start), END)
    return tuple(lines(value, value, start=start, most=most, scale=Fraction(1), unit=unit_of(price)))


@lru_cache(maxsize=1024)
def _debt_lines(law: _Law, most: int, price: int) -> tuple[Line, ...]:
    """The lines of what a debt takes away."""
    rate, one = law.rates()

    def value(lots: int) -> int:
        return -price * lots * rate(lots) // one

    return tuple(lines(value, value, start=law.start, most=most, scale=Fraction(1), unit=unit_of(price)))
