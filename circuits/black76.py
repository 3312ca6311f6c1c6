"""Black-76: what a European option on a forward is worth, between two proved bounds. No floats, the same everywhere.

    call = D (F N(d1) - K N(d2))     put = call - D (F - K)
    d1 = (ln(F/K) + v^2 T / 2) / (v sqrt T)     d2 = d1 - v sqrt T

F forward, K strike, v volatility a year, T years, D discount factor: exact numbers. Everything between is an integer in
units of u = 2^-128 with an error that is stated beside it, and the bounds are moved outwards by the sum of the errors:
less than 2^-110 (F + K) apart for options of days, 2^-80 in the last second, far from the strike.

ln   y = F/K 2^-k in [1, 2) is near some c = (64+i)/64, and ln(y/c) = 2 atanh z with z = (y-c)/(y+c), |z| <= 2^-8.
N    the Taylor series at the nearest x_i = i/16. Its terms are N'(x) He_n(x) (-h)^n h / (n+1)!, He_n the Hermite
     polynomials; |He_n(x)| N'(x) <= 0.44 sqrt(n!) for every x (Cramer's inequality), so that with |h| <= 1/16 what
     is left out after 24 terms is below 2^-144.
The tables of both are made once with 64 bits more, so that only their last rounding counts. 1/sqrt(2 pi) is the number
that makes the whole integral 1.

Source: Black, "The pricing of commodity contracts" (1976).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import isqrt

from zkmargin.errors import InputError

BITS = 128
GUARD = BITS + 64
UNIT = 1 << BITS
LOGS = 64
NODES = 16
END = 16
ORDER = 24
CDF_ERROR = 4
"""``_cdf`` is wrong by less: Taylor's coefficients and the value at x_i by 1 each, Horner's rule by 2 in all."""

Bounds = tuple[Fraction, Fraction]


@lru_cache(maxsize=1 << 14)
def value(
    is_call: bool,
    forward: Fraction | int,
    strike: Fraction | int,
    vol: Fraction | int,
    years: Fraction | int,
    discount: Fraction | int = 1,
) -> Bounds:
    """Two numbers that the value of one option lies between, in the unit of ``forward`` and ``strike``.

    At expiry, or without volatility, both are the discounted intrinsic value. Both are never below it, nor above what
    is certain: the forward for a call, the strike for a put.

    Raises: InputError "bad_option": a number is below zero, or the strike is zero.
    """
    _check(forward, strike, vol, years, discount)
    # forward = f / scale and strike = k / scale
    f, k = forward.numerator * strike.denominator, strike.numerator * forward.denominator
    scale = forward.denominator * strike.denominator
    low, high = call(f, k, *_variance(vol, years))
    carry = 0 if is_call else (f - k) << BITS
    per, scale = discount.numerator, discount.denominator * scale << BITS
    return Fraction(per * (low - carry), scale), Fraction(per * (high - carry), scale)


@lru_cache(maxsize=1 << 14)
def delta(
    is_call: bool,
    forward: Fraction | int,
    strike: Fraction | int,
    vol: Fraction | int,
    years: Fraction | int,
    discount: Fraction | int = 1,
) -> Bounds:
    """Two numbers that lie around how much ``value`` rises with ``forward``: D N(d1), or D (N(d1) - 1) for a put.

    Where the value has a kink, at the strike and at expiry, these are the slopes on its sides.

    Raises: as ``value``.
    """
    _check(forward, strike, vol, years, discount)
    f, k = forward.numerator * strike.denominator, strike.numerator * forward.denominator
    low, high = _rise(f, k, *_variance(vol, years))
    carry = 0 if is_call else UNIT
    per, scale = discount.numerator, discount.denominator << BITS
    return Fraction(per * (low - carry), scale), Fraction(per * (high - carry), scale)


def _check(
    forward: Fraction | int,
    strike: Fraction | int,
    vol: Fraction | int,
    years: Fraction | int,
    discount: Fraction | int,
) -> None:
    if min(forward, vol, years, discount) < 0 or strike <= 0:
        raise InputError(
            "an option needs a strike above 0, and a price, a volatility and a time of at least 0", code="bad_option"
        )


def _variance(vol: Fraction | int, years: Fraction | int) -> tuple[int, int]:
    """v^2 T as a numerator and a denominator."""
    return vol.numerator * vol.numerator * years.numerator, vol.denominator * vol.denominator * years.denominator


def call(f: int, k: int, n: int, d: int) -> tuple[int, int]:
    """Bounds of an undiscounted call, in u; n / d is the variance."""
    intrinsic = max(f - k, 0) << BITS
    if not f or not n:
        return intrinsic, intrinsic
    root = _root(n, d)
    # Vega is F N'(d1) sqrt(T) < F sqrt(T) / 2: these bound the value whatever the errors below are.
    cheapest, dearest = intrinsic, min(f << BITS, intrinsic + f * (root + 2) // 2)
    if not root:
        return cheapest, dearest
    d1, moved, n1 = _d1(f, k, n, d, root)
    # N' < 1/2, so that N moves by half as much
    e1, e2 = moved // 2 + 1 + CDF_ERROR, (moved + 1) // 2 + 1 + CDF_ERROR
    n2 = _cdf(d1 - root)
    return max(cheapest, f * (n1 - e1) - k * (n2 + e2)), min(dearest, f * (n1 + e1) - k * (n2 - e2))


def _rise(f: int, k: int, n: int, d: int) -> tuple[int, int]:
    """Bounds of N(d1), in u."""
    if not f:
        return 0, 0
    root = _root(n, d)
    if not root:
        # Anything between 0 and 1 is possible if there is some variance, below u^2.
        return (0 if n or f <= k else UNIT), (0 if not n and f < k else UNIT)
    _, moved, n1 = _d1(f, k, n, d, root)
    e1 = moved // 2 + 1 + CDF_ERROR
    return max(0, n1 - e1), min(UNIT, n1 + e1)


def _root(n: int, d: int) -> int:
    """root <= v sqrt(T) < root + 1, in u."""
    return isqrt((n << 2 * BITS) // d)


@lru_cache(maxsize=1 << 14)
def _d1(f: int, k: int, n: int, d: int, root: int) -> tuple[int, int, int]:
    """d1 in u, what it is wrong by less than, and N of it; a value and its slope have it in common."""
    log, error = ln(f, k)
    top = log + (n << BITS) // (2 * d)
    d1 = (top << BITS) // root
    # top is wrong by error + 1, which the division scales; root by 1, which moves d1 by at most |d1| u / root.
    moved = ((error + 1) << BITS) // root + 2
    return d1, moved + (abs(d1) + moved) // root + 2, _cdf(d1)


def ln(n: int, d: int) -> tuple[int, int]:
    """ln(n/d) for n, d > 0, and what it is wrong by less than, in u."""
    k = n.bit_length() - d.bit_length()
    n, d = n << max(-k, 0), d << max(k, 0)
    if n < d:
        n, k = 2 * n, k - 1
    # 1 <= n/d < 2
    i = (2 * LOGS * n + d) // (2 * d) - LOGS
    near = (LOGS + i) * d
    z = ((LOGS * n - near) << BITS) // (LOGS * n + near)
    # z is wrong by 1, each of the 8 terms by less than 2; the next one is below 2^-139
    return _logs()[i] + k * _logs()[LOGS] + 2 * _atanh(z, BITS, 8), 40 + abs(k)


def _atanh(z: int, bits: int, terms: int) -> int:
    """atanh(z) = z + z^3 / 3 + .. in units of 2^-bits."""
    square, power, total = z * z >> bits, z, z
    for j in range(3, 2 * terms + 1, 2):
        power = power * square >> bits
        total += power // j
    return total


@lru_cache(maxsize=1)
def _logs() -> Sequence[int]:
    """ln((64+i)/64) for i = 0..64, each wrong by less than 1: ln(c+1) - ln(c) = 2 atanh(1/(2c+1))."""
    logs = [0]
    for c in range(LOGS, 2 * LOGS):
        logs.append(logs[-1] + 2 * _atanh((1 << GUARD) // (2 * c + 1), GUARD, 16))
    return [log >> GUARD - BITS for log in logs]


def _cdf(x: int) -> int:
    """The normal distribution function, wrong by less than CDF_ERROR; ``x`` and the result in u."""
    if x < 0:
        return UNIT - _cdf(-x)
    i = (x * NODES * 2 + UNIT) >> BITS + 1
    if i > END * NODES:
        return UNIT
    at_node, series = _normal()[i]
    h = x - i * (UNIT // NODES)
    return at_node + (_horner(series, h, BITS) * h >> BITS)


def _horner(coefficients: Sequence[int], h: int, bits: int) -> int:
    total = 0
    for coefficient in reversed(coefficients):
        total = coefficient + (total * h >> bits)
    return total


@lru_cache(maxsize=1)
def _normal() -> Sequence[tuple[int, Sequence[int]]]:
    """For each x_i = i/16, i = 0..256: N(x_i), and the Taylor coefficients of (N(x_i + h) - N(x_i)) / h, in u.

    The density is first exp(-x^2/2), then divided by the whole integral. Beyond 16 lies less than 2^-188 of it.
    """
    one, step = 1 << GUARD, (1 << GUARD) // NODES
    # exp(-x^2/2) at x = i/16 is exp(-1/512)^(i^2): each density is the last one times a ratio, each ratio the last one
    # times exp(-1/256). All factors are below 1, so that errors add: below 2^24 of 2^-192 after 256 steps.
    ratio = _exp_minus(2 * NODES * NODES)
    squared = ratio * ratio >> GUARD
    density, area = one, 0
    areas: list[int] = []
    series: list[list[int]] = []
    for i in range(END * NODES + 1):
        areas.append(area)
        series.append(_taylor(i, density))
        area += _horner(series[-1], step, GUARD) * step >> GUARD
        density, ratio = density * ratio >> GUARD, ratio * squared >> GUARD
    whole = 2 * areas[-1]
    half = UNIT // 2
    return [
        (half + (at << BITS) // whole, [(c << BITS) // whole for c in coefficients])
        for at, coefficients in zip(areas, series, strict=True)
    ]


def _taylor(i: int, density: int) -> list[int]:
    """density (-1)^n He_n(x) / (n+1)! for n = 0..23, with 16^n He_n(i/16) an exact integer."""
    before, hermite, factorial = 0, 1, 1
    series = []
    for n in range(ORDER):
        factorial *= n + 1
        series.append((-1) ** n * density * hermite // (factorial << 4 * n))
        before, hermite = hermite, i * hermite - n * NODES * NODES * before
    return series


def _exp_minus(d: int) -> int:
    """exp(-1/d) in units of 2^-192, wrong by less than 32 of them."""
    term = total = 1 << GUARD
    for n in range(1, 32):
        term = -term // (n * d)
        total += term
    return total
