"""Perpetual futures with cross margin and one rate a market, beside collateral.

    slack = cash0 + sum over markets of  q (p - F) - f p |q|  + collateral

cash0, q    hidden: cash at funding index zero, and the signed size of a market in lots
p           public, anywhere in [p_low, p_high]: price of a lot
F           public, anywhere in [F_low, F_high]: cumulative funding index, money a lot; a long pays when it rises
f           public fraction >= 0: the effective rate of the claim (claims.py); it may exceed 1

Exact, to the rounding of public coefficients. A gate and the digits of a size for each market, one row for all.
Source: dYdX v4, protocol/x/perpetuals/lib/lib.go, without its intermediate roundings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zkmargin.errors import InputError

from . import collateral
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope

NAME = "perpetuals-cross"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import cash
    from ..lowering import Rule

    return Rule(NAME, cash("cash0") + value() + collateral.value())


def value() -> Any:
    """What the perpetuals add to the slack, symbolically."""
    from ..language import Abs, Total, family, interval, public, size

    q, p, F, f = size("q"), interval("p"), interval("F", signed=True), public("f")
    return Total(family("market"), q * (p - F) - f * p * Abs(q))


def check(params: RiskParameters) -> None:
    """Raises: InputError "bad_params"."""
    if any(market.kind == "perpetual" and (len(market.tiers) > 1 or market.short) for market in params.markets):
        raise InputError(f"{params.model} has one rate a market: use perpetuals-brackets for tiers", code="bad_params")


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers."""
    markets = [entry(market, ends) | {"f": claim.rate(market)} for market, ends in of_kind(params, box)]
    return {"cash0": params.cash, "market": markets, "asset": collateral.entries(params, box, claim)}
