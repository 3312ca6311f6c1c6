"""The claims ``delta[M]<=X``, ``gamma[M]<=X`` and ``vega[M]<=X``: limits of how an account moves with M, either way.

    slack = min(X - net, X + net)       net = sum over positions of  e q  + n (a - g d)

q, e        positions in M and what a unit of each adds, anywhere between public ends. To the delta, the position in M
            itself adds 1, and options on M their Black-76 delta by the forward (greeks.py); or M is a commodity, and
            its contracts add the delta of their risk array; or the underlying of a portfolio, and its contracts and
            collateral add 1. To gamma and vega options add theirs, and nothing else does
a, d, g     deposits and debts of M, if it is an asset (collateral.py), before haircuts; n   the units in a lot

A hedge in another market counts for nothing: "the same" is what the risk parameters call by one name. Isolated
positions count too. Exact but for options, each of which is at its own worst in the box and the lifetime.
A block more than the one for the slack, and a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from zkmargin.canonical import parse_decimal
from zkmargin.errors import ContextError

from .. import greeks
from ..boxes import ATTO
from ..options import Option, options
from . import collateral

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import Market, RiskParameters
    from ..rule import Scope

NAME = "delta"


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Min, Total, amount, family, interval, public, size
    from ..lowering import Rule

    q, e, X = size("q"), interval("e", signed=True), public("X")
    a, d, n, g = amount("a"), amount("d"), public("n"), interval("g")
    net = Total(family("market"), e * q) + Total(family("asset"), n * a - n * g * d)
    return Rule(NAME, Min(X - net, X + net))


def check(params: RiskParameters) -> None:
    """Any risk parameters will do."""


def scope(params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
    """The public numbers, in 10^-18 of a unit.

    Raises: ContextError "claim_not_allowed": nothing that anybody can hold has this name; "expired_option".
    """
    if claim.kind == "delta":
        positions, assets = list(_deltas(params, box, claim.market, lifetime)), _assets(params, box, claim)
    else:
        greek = greeks.gamma if claim.kind == "gamma" else greeks.vega
        positions, assets = [(option.market, *greek(option)) for option in _on(params, box, claim.market, lifetime)], []
    if not positions and not assets:
        raise ContextError(
            f"the risk parameters have nothing in {claim.market} that {claim.kind} is of", code="claim_not_allowed"
        )
    markets = [
        {"q": market.hidden[0].label, "e_low": low * market.atto_per_lot, "e_high": high * market.atto_per_lot}
        for market, low, high in positions
    ]
    return {"X": (claim.bound or 0) * ATTO, "market": markets, "asset": assets}


def _assets(params: RiskParameters, box: PriceBox, claim: Claim) -> list[dict[str, Any]]:
    held = [market for market in params.markets if market.kind == "asset"]
    named = {claim.market} | {
        asset
        for portfolio in params.portfolios
        for asset in portfolio.collateral or ()
        if portfolio.underlying == claim.market
    }
    return [
        entry | {"n": market.atto_per_lot}
        for market, entry in zip(held, collateral.entries(params, box, claim), strict=True)
        if market.name in named
    ]


def _deltas(
    params: RiskParameters, box: PriceBox, name: str | None, lifetime: Lifetime
) -> Iterator[tuple[Market, Fraction, Fraction]]:
    """What can be held of it, with the least and the greatest delta of a unit."""
    by_name = {market.name: market for market in params.markets}
    for market in params.markets:
        if market.name == name and market.kind == "perpetual":
            yield market, Fraction(1), Fraction(1)
    for commodity in params.commodities:
        for contract in commodity.contracts if commodity.commodity == name else ():
            delta = parse_decimal(contract.delta)
            yield by_name[contract.market], delta, delta
    for portfolio in params.portfolios:
        for contract_name in portfolio.contracts or ():
            if name in (contract_name, portfolio.underlying):
                yield by_name[contract_name], Fraction(1), Fraction(1)
    for option in _on(params, box, name, lifetime):
        yield option.market, *greeks.delta(option)


def _on(params: RiskParameters, box: PriceBox, name: str | None, lifetime: Lifetime) -> Iterator[Option]:
    return (option for option in options(params, box, lifetime) if option.contract.underlying == name)
