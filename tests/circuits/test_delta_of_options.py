"""The deltas that bound an option: around the true one everywhere in a box, and close to it."""

from __future__ import annotations

import random
from fractions import Fraction

import mpmath

from circuits.markets import Contract, Market
from circuits.models.delta import _ends
from circuits.options import Option

START = 1_700_000_000


def _option(rng: random.Random, is_call: bool) -> Option:
    strike = Fraction(rng.randrange(500, 2000))
    forward = Fraction(rng.randrange(800, 1300))
    volatility = Fraction(rng.randrange(5, 200), 100)
    years = Fraction(rng.randrange(1, 400), 365)
    market = Market("O", "option", Fraction(1), (), None, Fraction(1))
    forwards = forward, forward * (1 + Fraction(rng.randrange(10), 100))
    return Option(
        market,
        Contract(is_call, "M", "M", strike, START),
        market,
        forwards,
        forwards,
        (volatility, volatility * (1 + Fraction(rng.randrange(20), 100))),
        (years, years + Fraction(rng.randrange(3), 365)),
    )


def _delta(option: Option, forward: Fraction, volatility: Fraction, years: Fraction) -> mpmath.mpf:
    s = (
        mpmath.mpf(volatility.numerator)
        / volatility.denominator
        * mpmath.sqrt(mpmath.mpf(years.numerator) / years.denominator)
    )
    x = mpmath.log(
        mpmath.mpf((forward / option.contract.strike).numerator) / (forward / option.contract.strike).denominator
    )
    return mpmath.ncdf(x / s + s / 2) - (0 if option.contract.is_call else 1)


def test_bounds_hold_everywhere_in_the_box() -> None:
    rng = random.Random(7)
    dips = 0
    for case in range(300):
        option = _option(rng, is_call=bool(case % 2))
        low, high = _ends(option)
        seen = []
        for _ in range(12):
            a, b, c = (Fraction(rng.choice([0, 1, rng.random()])) for _ in range(3))
            forward, volatility, years = (
                ends[0] + (ends[1] - ends[0]) * share
                for ends, share in ((option.forward, a), (option.volatility, b), (option.years, c))
            )
            delta = _delta(option, forward, volatility, years)
            seen.append(delta)
            assert float(low) - 1e-12 <= delta <= float(high) + 1e-12
        corners = [
            _delta(option, f, v, t)
            for f in option.forward
            for v, t in zip(option.volatility, option.years, strict=True)
        ]
        dips += float(low) < min(corners) - 1e-12
        assert -1 <= low <= high <= 1
    assert dips  # the case of a call in the money, whose delta is least between the ends, was among them


def test_at_a_point_they_are_the_delta() -> None:
    rng = random.Random(8)
    for case in range(50):
        wide = _option(rng, is_call=bool(case % 2))
        option = Option(
            wide.market, wide.contract, wide.on,
            *[(ends[0], ends[0]) for ends in (wide.spot, wide.forward, wide.volatility, wide.years)],
        )  # fmt: skip
        low, high = _ends(option)
        assert high - low < Fraction(1, 10**30)


def test_where_corners_would_not_do() -> None:
    """A call 10 percent in the money: 0.92 without, and 0.75 with volatility; least at s = sqrt(2 ln 1.1) = 0.4366."""
    market = Market("O", "option", Fraction(1), (), None, Fraction(1))
    forwards = (Fraction(1100), Fraction(1100))
    option = Option(
        market, Contract(True, "M", "M", Fraction(1000), START), market, forwards, forwards,
        (Fraction(3, 10), Fraction(7, 10)), (Fraction(1), Fraction(1)),
    )  # fmt: skip
    least = _delta(option, forwards[0], Fraction(4366, 10_000), Fraction(1))
    corners = [_delta(option, forwards[0], v, Fraction(1)) for v in option.volatility]
    assert min(corners) - least > 0.005
    assert float(_ends(option)[0]) <= least
