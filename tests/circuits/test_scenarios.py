"""Values of options in scenarios: the bounds hold at every point of a box and a lifetime, and are close at a point."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from trials import trials

from circuits.boxes import ATTO
from circuits.markets import Contract, Market
from circuits.options import Ends, Option
from circuits.scenarios import MARK, VALUE_BITS, ExpiryShocks, Move, unit_values
from zkmargin.documents import Portfolio

Q = Fraction
DAY = 24 * 3600
mpmath.mp.prec = 200
EXPIRY = 1_800_000_000
RATE = {"expiry": "2027-01-15T08:00:00Z", "rate": "0.08"}  # at EXPIRY

PORTFOLIO = Portfolio.from_value(
    {
        "underlying": "S",
        "scenarios": [{"spot": "1"}],
        "initial_factor": "1",
        "maintenance_factor": "1",
        "volatility": {"up": "0.5", "down": "0.3", "short_power": "0.3", "long_power": "0.13", "least_up": "0.45"},
        "gains": {"base": "0.95", "rate_share": "1", "rate": "0.1"},
        "losses": {"base": "1.03", "rate_share": "0.5", "rate": "0.1"},
        "basis": {"up": "1.05", "down": "0.95", "add": "0.5", "per_year": "2"},
        "skew": {"linear_cap": "0.25", "linear_slope": "-0.1", "abs_cap": "0.2", "abs_slope": "0.05"}
        | {"least_width": "0.01", "width": "4", "vol": "0.6", "vol_slope": "-0.1"},
        "rates": [RATE],
    }
)
MOVES: Sequence[Move] = [
    MARK,
    *((Q(spot), vol) for spot in ("0.34", "0.95", "1.18", "4") for vol in ("up", "down", None)),
    (Q(1), "linear"),
    (Q(1), "abs"),
]


def option(*, is_call: bool, strike: Fraction, forward: Ends, vol: Ends) -> Option:
    contract = Contract(is_call, "S", "S", strike, EXPIRY)
    market = Market("O", "option", Q(1, 100), (), None, Q(1), contract=contract)
    return Option(market, contract, market, forward, forward, vol, (Q(0), Q(0)))


def exact(number: Fraction) -> Any:
    return mpmath.mpf(number.numerator) / number.denominator


def truth(is_call: bool, F: Fraction, strike: Fraction, vol: Fraction, seconds: int, move: Move) -> Any:
    """By definition, from the parameters above."""
    t, s = mpmath.mpf(seconds) / DAY / 365, mpmath.sqrt(mpmath.mpf(seconds) / DAY / 365)
    scale = (30 / max(mpmath.mpf(seconds) / DAY, 1)) ** mpmath.mpf("0.3" if seconds <= 30 * DAY else "0.13")
    v, K = exact(vol), exact(strike)
    x = mpmath.log(K / exact(F))
    width = max(mpmath.mpf("0.01"), s * 4 * (mpmath.mpf("0.6") - s / 10))
    if move[1] == "up":
        v = max(mpmath.mpf("0.45"), v * (1 + scale / 2))
    elif move[1] == "down":
        v *= max(0, 1 - mpmath.mpf("0.3") * scale)
    elif move[1] == "linear":
        v *= 1 + (mpmath.mpf("0.25") - s / 10) * max(-1, min(1, x / width))
    elif move[1] == "abs":
        v *= 1 + (mpmath.mpf("0.2") + s / 20) * min(1, abs(x) / width)
    forward = exact(F * move[0])
    discount = mpmath.exp(-mpmath.mpf("0.08") * t)
    if not v:
        return discount * max(0, forward - K if is_call else K - forward)
    d, side = mpmath.log(forward / K) / (v * s) + v * s / 2, 1 if is_call else -1
    return discount * side * (forward * mpmath.ncdf(side * d) - K * mpmath.ncdf(side * (d - v * s)))


@trials(15, 300)
@pytest.mark.parametrize("is_call", [True, False])
def test_values_lie_between_their_bounds(is_call: bool, trials: int) -> None:
    rng = random.Random(is_call)
    for _ in range(trials):
        low, vol, seconds = Q(rng.randrange(500, 4000)), Q(rng.randrange(5, 150), 100), rng.randrange(1, 90 * DAY)
        forward = low, low * Q(rng.choice([100, 101, 120]), 100)
        vols = vol, vol * Q(rng.choice([100, 110]), 100)
        left = seconds, seconds + rng.choice([0, DAY])
        held = option(is_call=is_call, strike=Q(rng.randrange(1000, 3000)), forward=forward, vol=vols)
        values = unit_values(held, PORTFOLIO, ExpiryShocks.of(PORTFOLIO, EXPIRY, left), MOVES)
        for _ in range(4):
            F, v = (a + (b - a) * rng.choice([Q(0), Q(1), Q(rng.randrange(100), 100)]) for a, b in (forward, vols))
            at = rng.randrange(left[0], left[1] + 1)
            for move, (least, most) in zip(MOVES, values, strict=True):
                true = truth(is_call, F, held.contract.strike, v, at, move) * ATTO * 2**VALUE_BITS
                assert least <= true <= most, (move, F, v, at)


def test_at_a_point_the_bounds_are_close() -> None:
    """Within a few atto a unit: what is rounded is rounded at 10^-18."""
    held = option(is_call=True, strike=Q(2100), forward=(Q(2000), Q(2000)), vol=(Q(6, 10), Q(6, 10)))
    values = unit_values(held, PORTFOLIO, ExpiryShocks.of(PORTFOLIO, EXPIRY, (20 * DAY, 20 * DAY)), MOVES)
    for least, most in values:
        assert 0 < most - least < 10**4 << VALUE_BITS


def test_shocks_hold_for_all_of_a_lifetime() -> None:
    """What depends on the time that is left lies within what is taken for a whole day, on both sides of 30 days."""
    for start in (1, DAY // 2, 29 * DAY + DAY // 2, 80 * DAY):
        over = ExpiryShocks.of(PORTFOLIO, EXPIRY, (start, start + DAY))
        for at in range(start, start + DAY + 1, DAY // 7):
            then = ExpiryShocks.of(PORTFOLIO, EXPIRY, (at, at))
            for wide, narrow in (
                (over.discount, then.discount),
                (over.multiple, then.multiple),
                (over.up, then.up),
                (over.down, then.down),
                (over.skews["abs"][0], then.skews["abs"][0]),
                (over.skews["linear"][1], then.skews["linear"][1]),
            ):
                assert wide[0] <= narrow[1]
                assert narrow[0] <= wide[1]
            assert then.basis <= over.basis


def test_multiples_hold_gains_and_losses_in_whatever_order() -> None:
    for gain, loss in (("0.95", "1.03"), ("1.05", "0.9")):
        both = {"gains": {"base": gain, "rate": "0.1"}, "losses": {"base": loss, "rate": "0.1"}}
        portfolio = Portfolio.from_value(PORTFOLIO.to_value() | both | {"rates": None})
        low, high = ExpiryShocks.of(portfolio, EXPIRY, (DAY, 90 * DAY)).multiple
        for days in (1, 30, 90):
            t = mpmath.mpf(days) / 365 / 10
            gained, lost = mpmath.mpf(gain) * mpmath.exp(-t), min(1, mpmath.mpf(loss) * mpmath.exp(t))
            assert exact(low) <= min(gained, lost)
            assert max(gained, lost) <= exact(high)
