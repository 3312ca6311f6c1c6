"""The Greeks that bound an option: around the true ones everywhere in a box; and limits of what an account has."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

import mpmath
import pytest
from least_cash import START, relation
from option_markets import DAY, REQUIRES, index, option, perpetual, points, risk
from trials import trials

from circuits import greeks
from circuits.markets import Contract, Market
from circuits.options import Ends, Option
from zkmargin.errors import ContextError, WitnessError

LIFETIME = (START, START)
AMPLE = 10**30
STEP = Fraction(1, 10**6)


def _option(rng: random.Random, is_call: bool) -> Option:
    strike = Fraction(rng.randrange(500, 2000))
    forward = Fraction(rng.randrange(800, 1300))
    volatility = Fraction(rng.randrange(5, 200), 100)
    years = Fraction(rng.randrange(1, 400), 365)
    return _made(
        is_call,
        strike,
        (forward, forward * (1 + Fraction(rng.randrange(10), 100))),
        (volatility, volatility * (1 + Fraction(rng.randrange(20), 100))),
        (years, years + Fraction(rng.randrange(3), 365)),
    )


def _made(is_call: bool, strike: Fraction, forward: Ends, volatility: Ends, years: Ends) -> Option:
    market = Market("O", "option", Fraction(1), (), None, Fraction(1))
    return Option(market, Contract(is_call, "M", "M", strike, START), market, forward, forward, volatility, years)


def _mpf(number: Fraction) -> mpmath.mpf:
    return mpmath.mpf(number.numerator) / number.denominator


def _d1(option: Option, forward: Fraction, volatility: Fraction, years: Fraction) -> mpmath.mpf:
    s = _mpf(volatility) * mpmath.sqrt(_mpf(years))
    return mpmath.log(_mpf(forward / option.contract.strike)) / s + s / 2


def _delta(option: Option, *at: Fraction) -> mpmath.mpf:
    return mpmath.ncdf(_d1(option, *at)) - (0 if option.contract.is_call else 1)


def _gamma(option: Option, *at: Fraction) -> mpmath.mpf:
    _, volatility, years = at
    return mpmath.npdf(_d1(option, *at)) / (100 * _mpf(volatility) * mpmath.sqrt(_mpf(years)))


def _vega(option: Option, *at: Fraction) -> mpmath.mpf:
    forward, _, years = at
    return _mpf(forward) * mpmath.sqrt(_mpf(years)) * mpmath.npdf(_d1(option, *at)) / 100


PAIRS = [(greeks.delta, _delta), (greeks.gamma, _gamma), (greeks.vega, _vega)]


@pytest.mark.parametrize(("bounds", "true"), PAIRS, ids=["delta", "gamma", "vega"])
@trials(80, 600)
def test_bounds_hold_everywhere_in_the_box(
    bounds: Callable[[Option], Ends], true: Callable[..., mpmath.mpf], trials: int
) -> None:
    rng = random.Random(7)
    for case in range(trials):
        option = _option(rng, is_call=bool(case % 2))
        low, high = bounds(option)
        for _ in range(12):
            shares = [Fraction(rng.choice([0, 1, rng.random()])) for _ in range(3)]
            at = [
                ends[0] + (ends[1] - ends[0]) * share
                for ends, share in zip((option.forward, option.volatility, option.years), shares, strict=True)
            ]
            assert _mpf(low) <= true(option, *at) + mpmath.mpf("1e-13")
            assert true(option, *at) <= _mpf(high) + mpmath.mpf("1e-13")


@pytest.mark.parametrize(("bounds", "true"), PAIRS, ids=["delta", "gamma", "vega"])
def test_at_a_point_they_are_the_greek(bounds: Callable[[Option], Ends], true: Callable[..., mpmath.mpf]) -> None:
    rng = random.Random(8)
    for case in range(50):
        wide = _option(rng, is_call=bool(case % 2))
        at = [ends[0] for ends in (wide.forward, wide.volatility, wide.years)]
        option = _made(wide.contract.is_call, wide.contract.strike, *[(end, end) for end in at])
        low, high = bounds(option)
        assert high - low < Fraction(1, 10**12)
        assert abs(true(option, *at) - _mpf(low)) < 1e-11


def test_where_the_corners_of_a_delta_would_not_do() -> None:
    """A call 10 percent in the money, whose delta is least at s = sqrt(2 ln 1.1), between the ends of volatility."""
    option = _made(
        True, Fraction(1000), (Fraction(1100),) * 2, (Fraction(3, 10), Fraction(7, 10)), (Fraction(1), Fraction(1))
    )
    least = _delta(option, Fraction(1100), Fraction(4366, 10_000), Fraction(1))
    assert min(_delta(option, Fraction(1100), v, Fraction(1)) for v in option.volatility) - least > 0.005
    assert _mpf(greeks.delta(option)[0]) <= least


def test_far_from_the_strike_and_without_volatility() -> None:
    month = (Fraction(1, 12), Fraction(1, 12))
    far = _made(True, Fraction(10**6), (Fraction(1),) * 2, (Fraction(1, 10),) * 2, month)
    assert greeks.vega(far)[0] == 0
    assert greeks.vega(far)[1] < Fraction(1, 10**40)
    calm = _made(True, Fraction(10), (Fraction(10),) * 2, (Fraction(0), Fraction(1)), month)
    assert greeks.delta(calm)[0] == 0
    assert greeks.vega(calm)[0] == 0
    with pytest.raises(ContextError, match="gamma of O has no bound") as refused:
        greeks.gamma(calm)
    assert refused.value.code == "claim_not_allowed"
    worthless = _made(False, Fraction(10), (Fraction(0), Fraction(10)), (Fraction(1),) * 2, month)
    assert greeks.vega(worthless)[0] == 0


VENUE = risk(
    index("M", options=REQUIRES),
    perpetual("P"),
    option("C", "M", "call", 1000, 30),
    option("O", "M", "put", 900, 30),
)


def _holds(text: str, sizes: list[int]) -> bool:
    layout = relation(VENUE, VENUE.box(points("1000", "1000", "0.6", "0.7")), text, LIFETIME)
    try:
        layout.assign([AMPLE, *sizes])
    except WitnessError as error:
        if error.code != "not_provable":
            raise
        return False
    return True


@pytest.mark.parametrize(("kind", "true"), [("delta", _delta), ("gamma", _gamma), ("vega", _vega)])
def test_limits_are_of_the_whole_book_and_sharp(kind: str, true: Callable[..., mpmath.mpf]) -> None:
    years = (Fraction(30 * DAY, 365 * DAY),) * 2
    call = _made(True, Fraction(1000), (Fraction(1000),) * 2, (Fraction(6, 10),) * 2, years)
    put = _made(False, Fraction(900), (Fraction(1000),) * 2, (Fraction(7, 10),) * 2, years)
    of_call, of_put = (true(made, Fraction(1000), made.volatility[0], years[0]) for made in (call, put))
    for lots in ([0, 700, 0], [0, -700, 0], [0, 500, -300], [0, -500, -300], [4000, 500, 500]):
        net = abs(of_call * lots[1] + of_put * lots[2]) / 100  # perpetuals are not of M
        bound = Fraction(int(mpmath.ceil(net * 10**6))) * STEP
        for limit, holds in ((bound, True), (bound - STEP, False)):
            text = f"{kind}[M]<={int(limit / STEP) // 10**6}.{int(limit / STEP) % 10**6:06d},maintenance"
            assert _holds(text, lots) is holds


def test_what_has_no_greek_is_named() -> None:
    for text in ("gamma[P]<=5,maintenance", "vega[P]<=5,maintenance", "vega[C]<=5,maintenance"):
        with pytest.raises(ContextError, match="nothing in") as refused:
            _holds(text, [0, 0, 0])
        assert refused.value.code == "claim_not_allowed"
    assert _holds("delta[P]<=2,maintenance", [2000, 0, 0])
    assert not _holds("delta[P]<=1.999999,maintenance", [2000, 0, 0])
