"""Perpetual futures with cross margin: the rule, once.

    slack = cash0 + sum over markets of  q (p - F) - f p |q|

cash0, q    hidden: cash at funding index zero, and the signed size of a market in lots
p           public, anywhere in [p_low, p_high]: price of a lot
F           public, anywhere in [F_low, F_high]: cumulative funding index, money a lot; a long pays when it rises
f           public fraction >= 0: the effective rate of the claim (claims.py); it may exceed 1

Solvent under the claim means slack >= 0.
Source: dYdX v4, protocol/x/perpetuals/lib/lib.go, without its intermediate roundings.
"""

from __future__ import annotations

import sympy

from ..lowering import Interval, Rule

_q = sympy.Symbol("q", integer=True)
_p = sympy.Symbol("p", nonnegative=True)
_F = sympy.Symbol("F", real=True)
_f = sympy.Symbol("f", nonnegative=True)

RULE = Rule(
    name="perpetuals-cross",
    size=_q,
    term=_q * (_p - _F) - _f * _p * sympy.Abs(_q),
    intervals=(Interval(_p, "p_low", "p_high"), Interval(_F, "F_low", "F_high")),
    rate=_f,
)
