"""exp and powers of exact numbers, between two proved bounds: for discount factors and shocks that depend on time.

    exp(x) = exp(x / 2^k)^(2^k)     x^p = exp(p ln x)

Integers in units of u = 2^-160, rounded down for one bound and up for the other at every step: what is left out of the
series is less than 1 u, x / 2^k being at most 1/2. ln is that of Black-76 with its error.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from . import black76

BITS = 160
TERMS = 40

Bounds = tuple[Fraction, Fraction]


@lru_cache(maxsize=1 << 12)
def exp(x: Fraction) -> Bounds:
    """exp(x) lies between these."""
    scaled = x.numerator << BITS
    low, high = scaled // x.denominator, -(-scaled // x.denominator)
    return Fraction(_exp(low, down=True), 1 << BITS), Fraction(_exp(high, down=False), 1 << BITS)


@lru_cache(maxsize=1 << 12)
def power(base: Fraction, exponent: Fraction) -> Bounds:
    """base^exponent, for a base above 0 and an exponent not below 0, lies between these; 1 at exponent 0."""
    log, error = black76.ln(base.numerator, base.denominator)
    unit = Fraction(1, black76.UNIT)
    return exp(exponent * (log - error) * unit)[0], exp(exponent * (log + error) * unit)[1]


def _exp(x: int, *, down: bool) -> int:
    if not x:
        return 1 << BITS
    if x < 0:
        of_opposite = _exp(-x, down=not down)
        return (1 << 2 * BITS) // of_opposite + (not down)
    halvings = max(0, x.bit_length() - BITS + 1)
    y = _over(x, halvings, down=down)
    term = total = 1 << BITS
    for n in range(1, TERMS):
        term = _over(term * y, BITS, down=down)
        term = term // n if down else -(-term // n)
        total += term
    total += not down  # the rest of the series
    for _ in range(halvings):
        total = _over(total * total, BITS, down=down)
    return total


def _over(x: int, bits: int, *, down: bool) -> int:
    """x / 2^bits, rounded."""
    return x >> bits if down else -(-x >> bits)
