"""exp and powers between bounds: compared with mpmath, which only tests may use."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import mpmath

from circuits.powers import exp, power

Q = Fraction
mpmath.mp.prec = 600


def exact(number: Fraction) -> Any:
    return mpmath.mpf(number.numerator) / number.denominator


def test_exp_lies_between_its_bounds() -> None:
    rng = random.Random(1)
    for _ in range(500):
        x = Q(rng.randrange(-(10**22), 10**22), 10 ** rng.randrange(20, 45))
        low, high = exp(x)
        assert exact(low) <= mpmath.exp(exact(x)) <= exact(high)
        assert exact(high - low) <= mpmath.exp(max(exact(x), 0)) * mpmath.mpf(2) ** -140
    assert exp(Q(0)) == (1, 1)
    assert exp(Q(-(10**6)))[0] == 0


def test_powers_lie_between_their_bounds() -> None:
    rng = random.Random(2)
    for _ in range(500):
        base, exponent = Q(rng.randrange(1, 10**9), rng.randrange(1, 10**7)), Q(rng.randrange(1000), 100)
        low, high = power(base, exponent)
        true = mpmath.power(exact(base), exact(exponent))
        assert exact(low) <= true <= exact(high)
        assert exact(high - low) <= true * mpmath.mpf(2) ** -110 + mpmath.mpf(2) ** -150
    assert power(Q(7, 3), Q(0)) == (1, 1)
    assert power(Q(1), Q(13, 100))[0] <= 1 <= power(Q(1), Q(13, 100))[1]
