"""The claim ``collateral>=c``: cash and collateral, before haircuts, are at least c times the debts.

    slack = cash0 + sum over assets of  p a - c g p d  - sum over markets of  F q

a, d, p, g  as in collateral.py;   c   public fraction;   F q   what positions have paid in funding since cash0

Positions count with what they have cost and not with what they have gained. Exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import collateral

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "collateral"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Total, amount, cash, family, interval, public, size
    from ..lowering import Rule

    a, d, p, g, c = amount("a"), amount("d"), interval("p"), interval("g"), public("c")
    F, q = interval("F", signed=True), size("q")
    funding = Total(family("market"), F * q)
    return Rule(NAME, cash("cash0") + Total(family("asset"), p * a - c * g * p * d) - funding)


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers."""
    markets = [
        {"q": market.hidden[0].label, "F_low": ends.funding_low, "F_high": ends.funding_high}
        for market, ends in zip(params.markets, box, strict=True)
        if market.kind == "perpetual"
    ]
    assets = collateral.entries(params, box, claim)
    return {"cash0": "cash0", "c": claim.bound, "market": markets, "asset": assets}
