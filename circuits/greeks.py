"""How the value of an option moves: Greeks of a unit over a box and a lifetime, each between two proved bounds.

    delta   N(d1), or N(d1) - 1 of a put                 units of the forward
    gamma   N'(d1) / (100 s)                             by how much delta rises when the forward rises by one percent
    vega    F sqrt(T) N'(d1) / 100                       quote units, when the volatility rises by one point (0.01)

    d1 = x/s + s/2      x = ln(F/K)      s = v sqrt(T)

Exact numbers throughout; square roots at 18 decimals, exp and ln with the bounds of powers.py and black76.py. Every
Greek of an option is at its own worst, so bounds are wider than the truth, by first order in the width of the box.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor, isqrt

from zkmargin.errors import ContextError

from . import black76, powers
from .options import Ends, Option

SCALE = 10**18
DENSITY = Fraction(3989422804014326, 10**16), Fraction(3989422804014327, 10**16)
"""1 / sqrt(2 pi) lies between these."""
FAR = 14
"""A d1 from where the density is below 10^-42: there it is at least 0, and at most what it is here."""


def delta(option: Option) -> Ends:
    """It rises with F. In s, d1 is convex for F > K, and rises otherwise: so the greatest is at an end of s, and so is
    the least but for F > K. There d1 lies above its tangent at the low end s0, falling by at most
    (x/s0^2 - 1/2)(s1 - s0), and N by less than half of that; x <= F/K - 1 and s1 - s0 <= (s1^2 - s0^2) / (2 s0).
    """
    contract, (v0, v1), (t0, t1) = option.contract, option.volatility, option.years
    low, high = (
        [black76.delta(contract.is_call, forward, contract.strike, v, t)[end] for v, t in ((v0, t0), (v1, t1))]
        for end, forward in enumerate(option.forward)
    )
    squared, more = v0 * v0 * t0, v1 * v1 * t1 - v0 * v0 * t0
    x = option.forward[0] / contract.strike - 1
    if x <= 0 or not more:
        return min(low), max(high)
    least, s0 = Fraction(0 if contract.is_call else -1), _root(squared)[0]
    if not s0:
        return least, max(high)
    dip = max(Fraction(0), x / squared - Fraction(1, 2)) * more / (2 * s0) / 2
    return max(least, min(low) - dip), max(high)


def gamma(option: Option) -> Ends:
    """Raises: ContextError "claim_not_allowed": without volatility there is no bound."""
    (s0, s1), (least, most) = _deviation(option), _density(option)
    if not s0:
        raise ContextError(
            f"gamma of {option.market.name} has no bound: it may have no volatility", code="claim_not_allowed"
        )
    return least / (100 * s1), most / (100 * s0)


def vega(option: Option) -> Ends:
    """The same for calls and puts."""
    least, most = _density(option)
    (f0, f1), (t0, t1) = option.forward, option.years
    return f0 * _root(t0)[0] * least / 100, f1 * _root(t1)[1] * most / 100


def _density(option: Option) -> Ends:
    """N'(d1): the greater, the nearer d1 is to 0."""
    (f0, f1), (s0, s1) = option.forward, _deviation(option)
    if not f0 or not s0:
        return Fraction(0), DENSITY[1]
    x0, x1 = _ln(f0 / option.contract.strike)[0], _ln(f1 / option.contract.strike)[1]
    low = x0 / (s1 if x0 > 0 else s0) + s0 / 2
    high = x1 / (s0 if x1 > 0 else s1) + s1 / 2
    nearest, furthest = max(Fraction(0), low, -high), max(abs(low), abs(high))
    least = Fraction(0) if furthest > FAR else DENSITY[0] * powers.exp(-furthest * furthest / 2)[0]
    nearest = min(nearest, Fraction(FAR))
    return least, DENSITY[1] * powers.exp(-nearest * nearest / 2)[1]


def _deviation(option: Option) -> Ends:
    """s: no more than its least, and no less than its greatest."""
    (v0, v1), (t0, t1) = option.volatility, option.years
    return _root(v0 * v0 * t0)[0], _root(v1 * v1 * t1)[1]


def _root(square: Fraction) -> Ends:
    """Its square root lies between these."""
    root = isqrt(floor(square * SCALE * SCALE))
    return Fraction(root, SCALE), Fraction(root + 1, SCALE)


def _ln(ratio: Fraction) -> Ends:
    log, error = black76.ln(ratio.numerator, ratio.denominator)
    return Fraction(log - error, black76.UNIT), Fraction(log + error, black76.UNIT)
