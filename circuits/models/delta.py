"""The claim ``delta[M]<=X``: what an account gains or loses with the price of M is that of at most X units of M.

    slack = min(X - net, X + net)       net = sum over positions of  e q  + n (a - g d)

q, e        the position in M itself, of delta 1 a unit; options on M, of their Black-76 deltas by the forward, anywhere
            between public ends; or M is a commodity, and every contract in it is of the delta that its risk array has;
            or the underlying of a portfolio, and its contracts and collateral are of delta 1
a, d, g     deposits and debts of M, if it is an asset (collateral.py), before haircuts; n   the units in a lot

A hedge in another market counts for nothing: "the same" is what the risk parameters call by one name. Isolated
positions count too. Exact but for options, each of which is at its own worst in the box and the lifetime.
A block more than the one for the slack, and a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor, isqrt
from typing import TYPE_CHECKING

from zkmargin.canonical import parse_decimal
from zkmargin.errors import ContextError

from .. import black76
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
    positions = list(_positions(params, box, claim.market, lifetime))
    held = [market for market in params.markets if market.kind == "asset"]
    named = {claim.market} | {
        asset
        for portfolio in params.portfolios
        for asset in portfolio.collateral or ()
        if portfolio.underlying == claim.market
    }
    assets = [
        entry | {"n": market.atto_per_lot}
        for market, entry in zip(held, collateral.entries(params, box, claim), strict=True)
        if market.name in named
    ]
    if not positions and not assets:
        raise ContextError(
            f"the risk parameters have no {claim.market} to be long or short of", code="claim_not_allowed"
        )
    markets = [
        {"q": market.hidden[0].label, "e_low": low * market.atto_per_lot, "e_high": high * market.atto_per_lot}
        for market, low, high in positions
    ]
    return {"X": (claim.bound or 0) * ATTO, "market": markets, "asset": assets}


def _positions(
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
    for option in options(params, box, lifetime):
        if option.contract.underlying == name:
            yield option.market, *_ends(option)


def _ends(option: Option) -> tuple[Fraction, Fraction]:
    """The least and the greatest delta of a unit, N(d1) or N(d1) - 1, with d1 = x/s + s/2, x = ln(F/K), s = v sqrt(T).

    It rises with F. In s it is convex for F > K, and rises otherwise: so the greatest is at an end of s, and so is the
    least but for F > K. There d1 lies above its tangent at the low end s0, falling by at most
    (x/s0^2 - 1/2)(s1 - s0), and N by less than half of that; x <= F/K - 1 and s1 - s0 <= (s1^2 - s0^2) / (2 s0).
    """
    contract, (v0, v1), (t0, t1) = option.contract, option.volatility, option.years
    low, high = (
        [black76.delta(contract.is_call, forward, contract.strike, v, t)[end] for v, t in ((v0, t0), (v1, t1))]
        for end, forward in enumerate(option.forward)
    )
    least = Fraction(-1) if not contract.is_call else Fraction(0)
    squared, more = v0 * v0 * t0, v1 * v1 * t1 - v0 * v0 * t0
    x = option.forward[0] / contract.strike - 1
    if x <= 0 or not more:
        return min(low), max(high)
    root = Fraction(isqrt(floor(squared * ATTO * ATTO)), ATTO)
    if not root:
        return least, max(high)
    dip = max(Fraction(0), x / squared - Fraction(1, 2)) * more / (2 * root) / 2
    return max(least, min(low) - dip), max(high)
