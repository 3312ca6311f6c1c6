"""What options are worth in the scenarios of a portfolio: integer bounds over a box and a lifetime.

Everything that a value depends on is an interval: the forward and the volatility of the box, the time that is left, and
what follows from it, the discount factor and the shocks. A value rises with volatility and time, with the forward a
call's rises and a put's falls: each end of it is at one end of each interval, rounded outwards there. Forwards are
rounded to an atto a unit, volatilities and factors to 10^-18, values to 2^-32 atto a unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from zkmargin.canonical import parse_decimal, parse_time
from zkmargin.documents import Discount, Portfolio
from zkmargin.errors import InputError

from . import black76
from .boxes import ATTO
from .options import SECONDS_A_YEAR, Ends, Option
from .powers import exp, power

DAY_S = 24 * 3600
MAX_EXPONENT = 32
"""Of a discount factor: what a rate times a time may be."""
FAR = black76.UNIT << 64
"""ln(strike / forward) at a forward of zero, in its unit: beyond the width of every skew."""

VALUE_BITS = 32
"""Values are in units of 2^-32 atto."""

_CUT = black76.BITS - VALUE_BITS
_YEAR = ATTO * ATTO * SECONDS_A_YEAR
_ONE = (Fraction(1), Fraction(1))

Bounds = tuple[int, int]

Move = tuple[Fraction, str | None]
"""What the price is multiplied by, and how volatilities move."""

MARK: Move = (Fraction(1), None)


class _Terms(NamedTuple):
    """What an option is, in integers: forward and strike in atto, the time left in seconds, the discount by 10^18."""

    is_call: bool
    forward: Bounds
    strike: int
    seconds: Bounds
    discount: Bounds


@dataclass(frozen=True)
class ExpiryShocks:
    """What depends on the time that is left until one expiry, and on nothing else; each from low to high."""

    seconds: Bounds
    discount: Ends
    multiple: Ends
    """The least and the greatest factor of a gain or a loss."""
    up: Ends
    down: Ends
    basis: Fraction
    """The greatest share of what the basis moves lose."""
    skews: Mapping[str, tuple[Bounds, Bounds]]
    """The cap and the width of every skew, by 10^18."""

    @classmethod
    def of(cls, portfolio: Portfolio, expiry_unix_s: int, seconds: Bounds) -> ExpiryShocks:
        """The shocks of an expiry that this time is left until.

        Raises: InputError "bad_params": the cap of a skew falls below zero, or a rate is too high for the time.
        """
        known = {parse_time(rate.expiry): parse_decimal(rate.rate) for rate in portfolio.rates or ()}
        rate = known.get(expiry_unix_s, Fraction(0))
        years = Fraction(seconds[0], SECONDS_A_YEAR), Fraction(seconds[1], SECONDS_A_YEAR)
        for rates in (portfolio.gains, portfolio.losses):
            total = rate if rates is None else _total(rates, rate)
            if max(rate, total) * years[1] > MAX_EXPONENT:
                raise InputError("a rate of a portfolio is too high for so long a time", code="bad_params")
        discount = _decay(years, rate)
        gains = _discount(portfolio.gains, rate, years, -1)
        losses = _discount(portfolio.losses, rate, years, 1)
        if portfolio.losses is not None:
            # No loss is more than it would be if its value were not discounted.
            losses = min(losses[0], 1 / discount[1]), min(losses[1], 1 / discount[0])
        shock = portfolio.volatility
        scale = _time_scale(portfolio, seconds)
        up, down = parse_decimal(shock.up), parse_decimal(shock.down)
        basis = portfolio.basis
        return cls(
            seconds,
            discount,
            (min(gains[0], losses[0]), max(gains[1], losses[1])),
            (1 + up * scale[0], 1 + up * scale[1]),
            (max(Fraction(0), 1 - down * scale[1]), max(Fraction(0), 1 - down * scale[0])),
            Fraction(0) if basis is None else parse_decimal(basis.add) + parse_decimal(basis.per_year) * years[1],
            _skews(portfolio, seconds),
        )


def unit_values(option: Option, portfolio: Portfolio, shocks: ExpiryShocks, moves: Sequence[Move]) -> Sequence[Bounds]:
    """What a unit of ``option`` is worth after every move, in units of 2^-32 atto."""
    contract = option.contract
    terms = _Terms(
        contract.is_call,
        outwards(*option.forward),
        int(contract.strike * ATTO),
        shocks.seconds,
        outwards(*shocks.discount),
    )
    volatilities = {vol: _volatility(option, portfolio, shocks, vol) for vol in {vol for _, vol in moves}}
    shifts = tuple((spot.numerator, spot.denominator, *volatilities[vol]) for spot, vol in moves)
    return _values(terms, shifts)


@lru_cache(maxsize=1 << 11)
def _values(terms: _Terms, shifts: tuple[tuple[int, int, int, int], ...]) -> Sequence[Bounds]:
    return [_value(terms, *shift) for shift in shifts]


def _value(terms: _Terms, numerator: int, denominator: int, vol_low: int, vol_high: int) -> Bounds:
    low_f = terms.forward[0] * numerator // denominator
    high_f = -(-terms.forward[1] * numerator // denominator)
    k, (soon, late) = terms.strike, terms.seconds
    for_low, for_high = (low_f, high_f) if terms.is_call else (high_f, low_f)
    low = black76.call(for_low, k, vol_low * vol_low * soon, _YEAR)[0]
    high = black76.call(for_high, k, vol_high * vol_high * late, _YEAR)[1]
    if not terms.is_call:
        low, high = low - (for_low - k << black76.BITS), high - (for_high - k << black76.BITS)
    # Rounded down twice, and up twice.
    return (low >> _CUT) * terms.discount[0] // ATTO, -((-high >> _CUT) * terms.discount[1] // ATTO)


def _volatility(option: Option, portfolio: Portfolio, shocks: ExpiryShocks, vol: str | None) -> Bounds:
    low, high = option.volatility
    least = Fraction(0)
    if vol == "up":
        least = parse_decimal(portfolio.volatility.least_up)
        times = shocks.up
    elif vol == "down":
        times = shocks.down
    elif vol is not None:
        times = _skewed(option, *shocks.skews[vol], linear=vol == "linear")
    else:
        times = _ONE
    return outwards(max(least, low * times[0]), max(least, high * times[1]))


def _skews(portfolio: Portfolio, seconds: Bounds) -> dict[str, tuple[Bounds, Bounds]]:
    """The cap and the width of both skews, by 10^18."""
    skew = portfolio.skew
    if skew is None:
        return {}
    s = _root(seconds[0], down=True), _root(seconds[1], down=False)
    vols = _sum(parse_decimal(skew.vol), _product(s, parse_decimal(skew.vol_slope)))
    widths = [root * level * parse_decimal(skew.width) for root in s for level in vols]
    least = parse_decimal(skew.least_width)
    width = outwards(max(least, min(widths)), max(least, max(widths)))
    caps = {
        kind: outwards(*_sum(parse_decimal(cap), _product(s, parse_decimal(slope))))
        for kind, cap, slope in (
            ("linear", skew.linear_cap, skew.linear_slope),
            ("abs", skew.abs_cap, skew.abs_slope),
        )
    }
    if min(cap[0] for cap in caps.values()) < 0:
        raise InputError("the cap of a skew falls below zero before the last expiry", code="bad_params")
    return {kind: (cap, width) for kind, cap in caps.items()}


def _skewed(option: Option, cap: Bounds, width: Bounds, *, linear: bool) -> Ends:
    """What the volatility is multiplied by: 1 + c clip(x / w, -1, 1) rises or falls with each of c, w and x, whatever
    the others are, so that its ends are among the corners."""
    x = _log_moneyness(option)
    if not linear:
        x = (0 if x[0] <= 0 <= x[1] else min(map(abs, x))), max(map(abs, x))
    corners = [(c * max(-w, min(w, at)), w) for c in cap for w in width for at in x]
    low, high = min(n // d for n, d in corners), max(-(-n // d) for n, d in corners)
    return max(Fraction(0), 1 + Fraction(low, ATTO)), max(Fraction(0), 1 + Fraction(high, ATTO))


def _log_moneyness(option: Option) -> Bounds:
    """ln(strike / forward), by 10^18; a forward of zero is beyond every width that clips it."""
    logs = []
    for forward in reversed(option.forward):
        if not forward:
            logs.append((FAR, 0))
            continue
        ratio = option.contract.strike / forward
        logs.append(black76.ln(ratio.numerator, ratio.denominator))
    (low, below), (high, above) = logs
    return (low - below) * ATTO >> black76.BITS, -(-(high + above) * ATTO >> black76.BITS)


def _time_scale(portfolio: Portfolio, seconds: Bounds) -> Ends:
    """(30 / days)^power: it falls while time rises, and both powers give 1 at 30 days."""
    shock = portfolio.volatility
    ends = []
    for left, end in zip(reversed(seconds), (0, 1), strict=True):
        exponent = parse_decimal(shock.short_power if left <= 30 * DAY_S else shock.long_power)
        days = max(Fraction(left, DAY_S), parse_decimal(shock.least_days))
        ends.append(power(30 / days, exponent)[end])
    return ends[0], ends[1]


def _discount(discount: Discount | None, rate: Fraction, years: Ends, sign: int) -> Ends:
    if discount is None:
        return _ONE
    total = _total(discount, rate)
    base = parse_decimal(discount.base)
    low, high = (
        (exp(-total * years[1])[0], exp(-total * years[0])[1])
        if sign < 0
        else (exp(total * years[0])[0], exp(total * years[1])[1])
    )
    return base * low, base * high


def _total(discount: Discount, rate: Fraction) -> Fraction:
    return parse_decimal(discount.rate_share) * rate + parse_decimal(discount.rate)


def _decay(years: Ends, rate: Fraction) -> Ends:
    return exp(-rate * years[1])[0], exp(-rate * years[0])[1]


def _root(seconds: int, *, down: bool) -> Fraction:
    """The square root of so many years."""
    root = isqrt(seconds * ATTO * ATTO // SECONDS_A_YEAR)
    return Fraction(root + (0 if down else 1), ATTO)


def _sum(constant: Fraction, ends: Ends) -> Ends:
    return constant + ends[0], constant + ends[1]


def _product(ends: Ends, factor: Fraction) -> Ends:
    low, high = sorted((ends[0] * factor, ends[1] * factor))
    return low, high


def outwards(low: Fraction, high: Fraction) -> Bounds:
    """Two ends by 10^18, rounded down and up."""
    return low.numerator * ATTO // low.denominator, -(-high.numerator * ATTO // high.denominator)
