"""Perpetual futures whose rates rise with the value of a position, tier by tier, as income taxes do.

    slack = cash0 + sum over markets of  min over tiers of  q (p - F) - p (r long(q) + s short(q)) + c  + collateral

r, s        public fractions: the tier's effective rates of the claim for longs and for shorts
c           public money: the tier's deduction, sum of (r_j - r_(j-1)) above_j over the tiers up to it

The requirement of a position worth v is ``max over tiers of r v - c``: the rates never fall, so the tier that v lies in
is the one that asks for most. Deductions make it continuous. It is concave in q and, with everything in one min, exact
over a price box too: min over prices and min over tiers change places.

Exact, to the rounding of public coefficients. For each market a gate and the digits of a size, and per tier one block
of digits (and, after the first, one row). A market with one tier costs what it does under perpetuals-cross.
Source: Binance USD-M futures trading rules, "maintenance margin rate and maintenance amount" (the deduction is its
"maintenance amount"); Hyperliquid documentation, "margin tiers".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..boxes import ATTO
from . import collateral
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim, Rates
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "perpetuals-brackets"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Least, Max, Total, cash, family, interval, public, size
    from ..lowering import Rule

    q, p, F = size("q"), interval("p"), interval("F", signed=True)
    r, s, c = public("r"), public("s"), public("c")
    required = p * (r * Max(q, 0) + s * Max(-q, 0)) - c
    perpetuals = Total(family("market"), Least(family("tier"), q * (p - F) - required))
    return Rule(NAME, cash("cash0") + perpetuals + collateral.value())


def check(params: RiskParameters) -> None:
    """Everything that a document can say is possible."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers."""
    markets = [
        entry(market, ends) | {"tier": list(_tiers(claim.rates(market)))} for market, ends in of_kind(params, box)
    ]
    return {"cash0": params.cash, "market": markets, "asset": collateral.entries(params, box, claim)}


def _tiers(rates: Iterable[Rates]) -> Iterator[dict[str, Any]]:
    deduction, before = Fraction(0), Fraction(0)
    for tier in rates:
        deduction += (tier.long - before) * tier.above * ATTO
        before = tier.long
        yield {"r": tier.long, "s": tier.short, "c": deduction}
