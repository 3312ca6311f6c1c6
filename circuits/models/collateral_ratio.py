"""The claim ``collateral>=c``: what an account has, before haircuts, is at least c times what it has borrowed.

    slack = cash0 + sum over markets of  q (p - F)  + sum over assets of  p a - c g p d

q, p, F     as in perpetuals_cross.py; p is the value of an option, as far as it is known
a, d, p, g  as in collateral.py;   c   public fraction

Positions count with what they have gained or lost: the committed cash is net of what they cost, so that a short alone
makes it rise. An isolated position and its cash are left out: they pay for no debt. Cash below zero is not multiplied.
Exact, but for an asset that is both deposited and owed, and for options over a box: each counts at its own worst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..options import options
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

    q, p, F = size("q"), interval("p"), interval("F", signed=True)
    a, d, g, c = amount("a"), amount("d"), interval("g"), public("c")
    assets = Total(family("asset"), p * a - c * g * p * d)
    return Rule(NAME, cash("cash0") + Total(family("market"), q * (p - F)) + assets)


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers.

    Raises: ContextError "expired_option".
    """
    markets = [
        {
            "q": market.hidden[0].label,
            "p_low": ends.low,
            "p_high": ends.high,
            "F_low": ends.funding_low,
            "F_high": ends.funding_high,
        }
        for market, ends in zip(params.markets, box, strict=True)
        if market.kind in ("perpetual", "contract") and not market.isolated
    ]
    for option in options(params, box, lifetime):
        per_lot = option.market.atto_per_lot
        worth = {"p_low": option.least() * per_lot, "p_high": option.most() * per_lot}
        markets.append({"q": option.label, **worth, "F_low": 0, "F_high": 0})
    assets = collateral.entries(params, box, claim)
    return {"cash0": params.cash, "c": claim.bound, "market": markets, "asset": assets}
