"""dYdX v4 in its own quanta and roundings. Source: protocol/x/perpetuals/lib/lib.go, types/liquidity_tier.go.

A quantum is 10^-6 quote units. The notional is cut to a quantum, and every requirement is rounded up to one.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor, trunc

from ..boxes import ATTO, MarketBox
from ..claims import Claim
from ..markets import Market
from .positions import Positions, worst_funding

PPM = 10**6
QUANTUM = Fraction(1, 10**6)
QUANTUM_ATTO = 10**12


def margin_requirements(notional: int, initial_ppm: int, fraction_ppm: int, in_force_ppm: int) -> tuple[int, int]:
    """The initial and the maintenance requirement of |notional| quanta, in quanta."""
    maintenance = ceil(Fraction(ceil(Fraction(notional * initial_ppm, PPM)) * fraction_ppm, PPM))
    return ceil(Fraction(notional * in_force_ppm, PPM)), maintenance


def adjusted_initial_ppm(initial_ppm: int, lower_cap: Fraction, upper_cap: Fraction, open_notional: int) -> int:
    """The initial rate at an open interest worth ``open_notional`` quanta; caps in quanta."""
    if open_notional <= lower_cap:
        return initial_ppm
    scaling = Fraction(open_notional - lower_cap) / (upper_cap - lower_cap)
    return min(PPM, initial_ppm + floor(scaling * (PPM - initial_ppm)))


def _at(market: Market, ends: MarketBox) -> Market:
    """With the initial rate that its open interest makes of it, in whole ppm."""
    if market.open_interest is None or market.fraction_of_initial is None:
        return market
    lower, upper = (cap / QUANTUM for cap in market.open_interest)
    open_notional = ends.open_interest * ends.high // QUANTUM_ATTO
    in_force = adjusted_initial_ppm(market.fraction_of_initial[0], lower, upper, open_notional)
    return replace(market, tiers=(replace(market.tiers[0], initial=Fraction(in_force, PPM)),))


def _value(size: Fraction, price: Fraction) -> Fraction:
    return trunc(size * price / QUANTUM) * QUANTUM


def _required(market: Market, size: Fraction, price: Fraction, claim: Claim) -> Fraction:
    return _for_notional(market, int(abs(_value(size, price)) / QUANTUM), claim)


def _for_notional(market: Market, notional: int, claim: Claim) -> Fraction:
    """In quote units, for a notional in quanta."""
    if claim.kind == "leverage" and claim.bound is not None:
        return Fraction(ceil(notional * QUANTUM_ATTO / claim.bound), ATTO)
    initial_ppm, fraction_ppm = market.fraction_of_initial or (0, 0)
    in_force_ppm = int(market.tiers[0].initial * PPM)
    initial, maintenance = margin_requirements(notional, initial_ppm, fraction_ppm, in_force_ppm)
    health = claim.bound if claim.kind == "health" and claim.bound is not None else 1
    return (initial if claim.kind == "initial" else health * maintenance) * QUANTUM


def _worst(market: Market, lots: int, box: MarketBox, claim: Claim) -> int:
    """Worth the low end of a long's price, and requiring at the high one, as a proof over a box does."""
    worth = trunc(Fraction(lots * (box.low if lots > 0 else box.high), QUANTUM_ATTO)) * QUANTUM_ATTO
    required = _for_notional(market, abs(lots) * box.high // QUANTUM_ATTO, claim)
    return worth - int(required * ATTO) + worst_funding(lots, box)


CALCULATOR = Positions(_required, _worst, value=_value, at=_at)
