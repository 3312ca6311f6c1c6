"""Black-76 against the textbooks, against many more digits than it has, and against what must hold."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from trials import trials

from circuits import black76
from circuits.black76 import UNIT, delta, value
from zkmargin.errors import InputError

Q = Fraction
YEAR = 365 * 24 * 3600


@pytest.fixture(autouse=True)
def precision() -> Iterator[None]:
    """Many more bits than the bounds have, whatever another test has left behind."""
    with mpmath.workprec(600):
        yield


def exact(x: Fraction) -> Any:
    return mpmath.mpf(x.numerator) / x.denominator


def truth(is_call: bool, forward: Fraction, strike: Fraction, vol: Fraction, years: Fraction) -> Any:
    F, K, s = exact(forward), exact(strike), exact(vol) * mpmath.sqrt(exact(years))
    d1 = mpmath.log(F / K) / s + s / 2
    call = F * mpmath.ncdf(d1) - K * mpmath.ncdf(d1 - s)
    return call if is_call else call - (F - K)


def contracts(count: int) -> Iterator[tuple[bool, Fraction, Fraction, Fraction, Fraction]]:
    """From a second to many years, deep in and deep out of the money, of every volatility."""
    rng = random.Random(76)
    for _ in range(count):
        forward = Q(rng.randrange(1, 10 ** rng.randrange(1, 30)), 10 ** rng.randrange(18))
        strike = forward * Q(rng.randrange(1, 10 ** rng.randrange(3, 6)), rng.choice([100, 1000, 7000]))
        vol = Q(rng.randrange(1, 10 ** rng.randrange(2, 5)), 1000)
        yield rng.random() < 0.5, forward, strike, vol, Q(rng.randrange(1, 10 ** rng.randrange(1, 10)), YEAR)


@pytest.mark.parametrize(
    ("is_call", "contract", "discount", "published"),
    [
        # Hull, "Options, Futures, and Other Derivatives", Black's model: r 9 %, four months
        (False, (Q(20), Q(20), Q(25, 100), Q(4, 12)), Q("0.970445533548508"), "1.12"),
        # Haug, "The Complete Guide to Option Pricing Formulas", 1.1.4: r 10 %, nine months
        (True, (Q(19), Q(19), Q(28, 100), Q(3, 4)), Q("0.927743486328553"), "1.7011"),
        (False, (Q(19), Q(19), Q(28, 100), Q(3, 4)), Q("0.927743486328553"), "1.7011"),
    ],
)
def test_textbook_figures(
    is_call: bool, contract: tuple[Fraction, Fraction, Fraction, Fraction], discount: Fraction, published: str
) -> None:
    low, high = value(is_call, *contract, discount)
    places = len(published.partition(".")[2])
    assert round(low, places) == round(high, places) == Q(published)


@trials(500, 4000)
def test_truth_lies_between_bounds_that_are_tight(trials: int) -> None:
    tiny = mpmath.mpf(2) ** -400
    for contract in contracts(trials):
        low, high = value(*contract)
        forward, strike = contract[1:3]
        true, scale = truth(*contract), exact(forward + strike)
        # a value that is intrinsic to 400 bits and more is known to mpmath's own rounding only
        assert exact(low) - tiny * scale <= true <= exact(high) + tiny * scale
        assert high - low <= (forward + strike) * Q(1, 2**80)
        if contract[4] > Q(1, 365) and contract[3] > Q(1, 10):
            assert high - low <= (forward + strike) * Q(1, 2**110)


def test_delta_is_the_slope_of_the_value() -> None:
    for is_call, forward, strike, vol, years in contracts(300):
        low, high = delta(is_call, forward, strike, vol, years)
        s = exact(vol) * mpmath.sqrt(exact(years))
        true = mpmath.ncdf(mpmath.log(exact(forward) / exact(strike)) / s + s / 2) - (not is_call)
        assert exact(low) - mpmath.mpf(2) ** -400 <= true <= exact(high) + mpmath.mpf(2) ** -400
        assert high - low <= Q(1, 2**80)
        assert -(not is_call) <= low <= high <= is_call


def test_delta_where_nothing_is_left_to_happen() -> None:
    at = {price: delta(True, Q(price), Q(100), Q(1, 2), Q(0)) for price in (0, 99, 100, 101)}
    assert at == {0: (0, 0), 99: (0, 0), 100: (0, 1), 101: (1, 1)}
    assert delta(False, Q(99), Q(100), Q(0), Q(1), Q(1, 2)) == (Q(-1, 2), Q(-1, 2))
    assert delta(True, Q(101), Q(100), Q(1, 10**40), Q(1)) == (0, 1)


def test_parity_and_certain_bounds() -> None:
    for _, forward, strike, vol, years in contracts(300):
        call, put = value(True, forward, strike, vol, years), value(False, forward, strike, vol, years)
        assert [c - p for c, p in zip(call, put, strict=True)] == [forward - strike] * 2
        assert max(0, forward - strike) <= call[0] <= call[1] <= forward
        assert max(0, strike - forward) <= put[0] <= put[1] <= strike


def test_it_rises_and_falls_as_it_must() -> None:
    more = Q(1001, 1000)
    for is_call, forward, strike, vol, years in contracts(300):
        low, high = value(is_call, forward, strike, vol, years)
        assert value(is_call, forward, strike, vol * more, years)[1] >= low
        assert value(is_call, forward, strike, vol, years * more)[1] >= low
        other = value(is_call, forward * more, strike, vol, years)
        assert other[1] >= low if is_call else other[0] <= high
        half = value(is_call, forward, strike, vol, years, Q(1, 2))
        assert half == (low / 2, high / 2)


@pytest.mark.parametrize(("vol", "years"), [(Q(0), Q(1)), (Q(1, 2), Q(0))])
def test_without_time_or_volatility_it_is_worth_what_exercise_is(vol: Fraction, years: Fraction) -> None:
    assert value(True, Q(120), Q(100), vol, years) == (20, 20)
    assert value(True, Q(80), Q(100), vol, years) == (0, 0)
    assert value(False, Q(80), Q(100), vol, years, Q(1, 2)) == (10, 10)
    assert value(False, Q(0), Q(100), Q(1, 2), Q(1)) == (100, 100)


def test_volatility_below_the_last_bit() -> None:
    low, high = value(True, Q(100), Q(100), Q(1, 10**40), Q(1))
    assert low == 0 < high <= Q(100, UNIT)


@pytest.mark.parametrize(
    "bad", [(-1, 1, 1, 1), (1, 0, 1, 1), (1, -1, 1, 1), (1, 1, -1, 1), (1, 1, 1, -1), (1, 1, 1, 1, -1)]
)
def test_refusals(bad: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as refused:
        value(True, *bad)
    assert refused.value.code == "bad_option"


def test_distribution_and_logarithm_are_as_right_as_they_say() -> None:
    rng = random.Random(1976)
    xs = [rng.randrange(-17 * UNIT, 17 * UNIT) for _ in range(400)]
    xs += [node * UNIT // 32 + nudge for node in range(-520, 521, 7) for nudge in (-1, 0, 1)]  # where nodes change
    for x in xs:
        assert abs(black76._cdf(x) - mpmath.ncdf(mpmath.mpf(x) / UNIT) * UNIT) < black76.CDF_ERROR
    for _ in range(400):
        n, d = (rng.randrange(1, 10 ** rng.randrange(1, 40)) for _ in "nd")
        log, error = black76.ln(n, d)
        assert abs(log - mpmath.log(mpmath.mpf(n) / d) * UNIT) < error


def test_it_needs_no_other_library() -> None:
    script = "import sys, circuits.black76 as b; b.value(True, 1, 1, 1, 1); sys.exit('mpmath' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
