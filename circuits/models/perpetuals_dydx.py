"""Perpetual futures as dYdX v4 computes them, every rounding included.

    N     = trunc(p q / D)          notional in quanta of 10^-6 quote units, rounded towards zero
    slack = cash0 + sum over markets of  D N - F q - m ceil(s ceil(r |N| / R) / S)  + collateral

cash0, q, p, F   as in perpetuals_cross.py
D                10^12: atto in a quantum
r/R, s/S         public, in ppm: for maintenance the initial rate, and the maintenance fraction of its requirement; for
                 initial the initial rate in force, and 1
m                public money: a quantum, times the health that is claimed

The initial rate in force is  i + floor((10^6 - i) (o - lower) / (upper - lower))  ppm, from i up to 10^6, with the open
interest o in quanta at the highest price. The maintenance requirement never depends on it.
Funding is added without rounding. dYdX rounds the sum of all payments down to a quantum; everything else being whole
quanta, that changes no verdict, but for a health with decimals.

At a point price exact to the last quantum. Over a box a long counts at the low price and requires at the high one: the
least slack is understated by at most rate times (high - low) a long lot, and two quanta a market.
For each market a gate and the digits of a size, five quotients and five remainders: of 40 bits for each of three
notionals and of 20 for each of two ppm; one remainder less where s/S is 1.
Between this and perpetuals-cross lie less than 3 quanta a market: an account whose slack there is 3 n quanta is solvent
here.
Source: dYdX v4, protocol/x/perpetuals/lib/lib.go and types/liquidity_tier.go.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any

from zkmargin.errors import InputError

from ..boxes import ATTO, PPM
from . import collateral
from .positions import entry, of_kind

if TYPE_CHECKING:
    from ..boxes import Lifetime, MarketBox, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import Market, RiskParameters
    from ..rule import Scope

NAME = "perpetuals-dydx"

QUANTA = 1_000_000
"""In a quote unit."""


def rule() -> Rule:
    """The rule, symbolically."""
    from ..language import Abs, CeilDiv, FloorDiv, Max, Total, cash, family, interval, public, size
    from ..lowering import Rule

    q, p, F, D = size("q"), interval("p"), interval("F", signed=True), public("D")
    r, R, s, S, m = public("r"), public("R"), public("s"), public("S"), public("m")
    notional = D * FloorDiv(p * Max(q, 0), D) - D * FloorDiv(p * Max(-q, 0), D)
    required = CeilDiv(s * CeilDiv(r * FloorDiv(p * Abs(q), D), R), S)
    perpetuals = Total(family("market"), notional - m * required - F * q)
    return Rule(NAME, cash("cash0") + perpetuals + collateral.value())


def check(params: RiskParameters) -> None:
    """Raises: InputError "bad_params"."""
    for market in params.markets:
        if market.kind != "perpetual":
            continue
        if market.fraction_of_initial is None:
            raise InputError(f"perpetuals-dydx needs the maintenance fraction of {market.name}", code="bad_params")
        stated = market.tiers[0].initial * PPM == market.fraction_of_initial[0]
        if len(market.tiers) > 1 or market.short or market.calm_volatility or not stated:
            raise InputError(
                f"perpetuals-dydx has neither tiers, rates of shorts, liquidation fees nor volatility: {market.name}",
                code="bad_params",
            )


def scope(params: RiskParameters, box: PriceBox, claim: Claim, _: Lifetime) -> Scope:
    """The public numbers."""
    markets = [entry(market, ends) | _requirement(market, ends, claim) for market, ends in of_kind(params, box)]
    assets = collateral.entries(params, box, claim)
    return {"cash0": params.cash, "D": ATTO // QUANTA, "market": markets, "asset": assets}


def _requirement(market: Market, ends: MarketBox, claim: Claim) -> dict[str, Any]:
    quantum = ATTO // QUANTA
    if claim.kind == "leverage" and claim.bound is not None:
        return {"r": quantum * PPM, "R": claim.bound * PPM, "s": 1, "S": 1, "m": 1}
    initial, fraction = market.fraction_of_initial or (0, 0)
    if claim.kind == "initial":
        return {"r": initial_in_force(market, initial, ends), "R": PPM, "s": 1, "S": 1, "m": quantum}
    return {"r": initial, "R": PPM, "s": fraction, "S": PPM, "m": claim.times * quantum}


def initial_in_force(market: Market, initial_ppm: int, ends: MarketBox) -> int:
    """The initial rate in ppm at the greatest open interest of a box."""
    if market.open_interest is None:
        return initial_ppm
    lower, upper = (cap * QUANTA for cap in market.open_interest)
    o = ends.open_interest * ends.high * QUANTA // ATTO
    more = floor((PPM - initial_ppm) * (o - lower) / (upper - lower))
    return min(PPM, initial_ppm + max(0, more))
