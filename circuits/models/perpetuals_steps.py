"""Perpetual futures whose rate is that of one tier for the whole position, as a staircase: no deductions.

    slack = cash0 + sum over markets of  max over tiers with  v |q| <= t  of  q (p - F) - p (r long(q) + s short(q))
            + collateral

cash0, q, p, F   as in perpetuals_cross.py
r, s             public fractions: the tier's effective rates of longs and of shorts; they never fall from tier to tier
t                public: the top of the tier, at most the largest position for the last one
v                1 if tiers are told by size; p if by value

The rates never fall, so the lowest tier that an account may use is its own, and the greatest of what it may choose is
the rule. The requirement jumps at the top of a tier: the slack is not concave, and one hidden bit a tier chooses.

Exact, to the rounding of public coefficients, if tiers are told by size. If they are told by value, the tier is the one
that the position has at the high end of its price, whatever the price: exact at a point and wherever a box changes no
tier, else stricter. It has to be: with 1 percent up to a value of 100 and 50 percent above, one unit with cash -60 has
a slack of 39 at 100 and of 15 at 150, but of -9.5 at 101. The ends of a box prove nothing about what is between them.

For each market a gate and the digits of a size; for each tier a bit, a block of digits for its top and one for its
value, and a block more. A market with one tier has only the block for the top.
Source: StarkEx perpetual, position/status.cairo and definitions/general_config.cairo: risk_factor_segments, told by
size or, without is_risk_by_balance_only, by value.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..boxes import ATTO
from . import collateral
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, MarketBox, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import Market, RiskParameters
    from ..rule import Scope

NAME = "perpetuals-steps"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Abs, Largest, Max, Total, Where, cash, family, interval, public, size
    from ..lowering import Rule

    q, p, F, v = size("q"), interval("p"), interval("F", signed=True), interval("v")
    r, s, t = public("r"), public("s"), public("t")
    value = q * (p - F) - p * (r * Max(q, 0) + s * Max(-q, 0))
    perpetuals = Total(family("market"), Largest(family("tier"), Where(t - v * Abs(q), value)))
    return Rule(NAME, cash("cash0") + perpetuals + collateral.value())


def check(params: RiskParameters) -> None:
    """Everything that a document can say is possible."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers."""
    markets = [
        entry(market, ends)
        | {
            "v_low": 1 if market.tiers_by_size else ends.low,
            "v_high": 1 if market.tiers_by_size else ends.high,
            "tier": list(_tiers(market, ends, claim)),
        }
        for market, ends in of_kind(params, box)
    ]
    return {"cash0": params.cash, "market": markets, "asset": collateral.entries(params, box, claim)}


def _tiers(market: Market, ends: MarketBox, claim: Claim) -> Iterator[dict[str, Any]]:
    tiers = claim.rates(market)
    most = int(market.max_size / market.lot)
    last = Fraction(most if market.tiers_by_size else most * ends.high)
    per_unit = 1 / market.lot if market.tiers_by_size else Fraction(ATTO)
    tops = [*(per_unit * tier.above for tier in tiers[1:]), last]
    for tier, top in zip(tiers, tops, strict=True):
        yield {"r": tier.long, "s": tier.short, "t": min(top, last)}
