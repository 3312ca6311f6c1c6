"""Collateral with haircuts, and debts: a part of every model.

    sum over assets of  min over tiers of  (w p a + k)  -  b g p d

a, d        hidden, not negative: what is deposited and what is owed of an asset, in lots; a debt at interest index zero
p           public, anywhere in [p_low, p_high]: price of a lot
g           public, anywhere in [g_low, g_high]: what a debt has grown to, 1 plus the asset's interest index
w           public fraction: 1 less the haircut of the tier
k           public money that makes the value continuous from tier to tier: sum of (w_(j-1) - w_j) above_j
b           public fraction >= 1: what a debt counts more than it is worth

Deposits earn nothing here: what they earn counts when a new state says so. The weights never rise with the value, so
that the least of the tiers is the value. An asset that is both deposited and owed counts both ways.
Exact, to the rounding of public coefficients: the digits of two amounts an asset, and a block of digits for each tier
if there are several.
Source: the weights of Aave v3 (GenericLogic.sol; liquidation threshold: w, b = 1) and of Mango and Drift (asset weight
w, liability weight b); discount tiers as at OKX and Binance portfolio margin.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..boxes import ATTO

if TYPE_CHECKING:
    from ..boxes import PriceBox
    from ..claims import Claim
    from ..markets import Market, RiskParameters


def value() -> Any:
    """What collateral adds to the slack, and debts take away, symbolically."""
    from ..language import Least, Total, amount, family, interval, public

    a, d, p, g = amount("a"), amount("d"), interval("p"), interval("g")
    w, k, b = public("w"), public("k"), public("b")
    return Total(family("asset"), Least(family("tier"), w * p * a + k) - b * g * p * d)


def entries(params: RiskParameters, box: PriceBox, claim: Claim) -> list[dict[str, Any]]:
    """The public numbers of every asset."""
    return [
        {
            "a": market.hidden[0].label,
            "d": market.hidden[1].label,
            "p_low": ends.low,
            "p_high": ends.high,
            "g_low": 1 + Fraction(ends.funding_low, market.atto_per_lot),
            "g_high": 1 + Fraction(ends.funding_high, market.atto_per_lot),
            "b": 1 + (claim.haircut(market.short) if market.short else 0),
            "tier": list(_tiers(market, claim)),
        }
        for market, ends in zip(params.markets, box, strict=True)
        if market.kind == "asset"
    ]


def _tiers(market: Market, claim: Claim) -> Iterator[dict[str, Any]]:
    constant, before = Fraction(0), Fraction(1)
    for tier in market.tiers:
        weight = 1 - claim.haircut(tier)
        constant += (before - weight) * tier.above * ATTO
        before = weight
        yield {"w": weight, "k": constant}
