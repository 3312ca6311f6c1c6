"""Stocks on margin: a share of the value of a long; of a short the same, or a floor a share if that is more.

    slack = cash0 + sum over markets of  q (p - F) - r p long(q) - max(s p, m) short(q)  + collateral

cash0, q, p, F   as in perpetuals_cross.py; a fall of F is what a dividend pays to a long and a short pays
r, s             public fractions: the effective rates of longs and of shorts
m                public money a lot: the floor, as often as the claim asks for the requirement

A short's requirement is a public number for a price, so that the greatest of two is a coefficient. Exact, to the
rounding of public coefficients, over a box too: what a share requires rises with its price. It costs what
perpetuals-cross does.
Source: FINRA rule 4210(c): 25 percent of a long; of a short the greater of 5 dollars a share and 30 percent.
Regulation T, 12 CFR 220.12: 50 percent initially. Below 5 dollars a share the rule asks of a short for the greater of
2.50 and its whole price: the floor of 5 is never less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zkmargin.errors import InputError

from . import collateral
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "equity-reg-t"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Max, Total, cash, family, interval, public, size
    from ..lowering import Rule

    q, p, F = size("q"), interval("p"), interval("F", signed=True)
    r, s, m = public("r"), public("s"), public("m")
    required = r * p * Max(q, 0) + Max(s * p, m) * Max(-q, 0)
    return Rule(NAME, cash("cash0") + Total(family("market"), q * (p - F) - required) + collateral.value())


def check(params: RiskParameters) -> None:
    """Raises: InputError "bad_params"."""
    if any(market.kind == "perpetual" and len(market.tiers) > 1 for market in params.markets):
        raise InputError("equity-reg-t has no tiers", code="bad_params")


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers. A cap of leverage is a cap of notional: it knows no floor."""
    markets = []
    for market, ends in of_kind(params, box):
        ((_above, long, short),) = claim.rates(market)
        floor = 0 if claim.kind == "leverage" else claim.times * market.short_floor * market.atto_per_lot
        markets.append(entry(market, ends) | {"r": long, "s": short, "m": floor})
    return {"cash0": params.cash, "market": markets, "asset": collateral.entries(params, box, claim)}
