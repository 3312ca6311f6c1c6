"""Chords: a concave value of a size, bounded from below by the least of a few straight lines. All in integers.

A line that lies below a concave value at both ends of an interval lies below it between them. So with lots
0 = x_0 < x_1 < .. < x_n and any lines l_j below the value at x_(j-1) and at x_j, the value is at least the least of
them on all of [0, x_n]. Nothing else is needed for that; that they are chords only makes the bound good.

Longs and shorts of a market have the same lines, constant for constant, because one of the two parts is always 0:

    min_j  k_j + a_j long + b_j short

with k_0 = 0. The constants are those of the chords of longs. A short's requirement grows as a power of its size times
another price, and chords of a power have the same constants on a grid that is scaled: so has the grid of the shorts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from .layout import MAX_SIZE_BITS

RATIO = Fraction(5, 4)
"""Of neighbours on the grid."""

END = 1 << MAX_SIZE_BITS
"""No size is proved to be less than this, so that the last chord ends here."""

PRECISION = 21
"""Coefficients are rounded down to 2^-21 of the price: blocks of digits need to tell no more than that apart."""

Value = Callable[[int], int]
"""Lots -> atto, rounded down; concave but for that, and 0 of 0."""


@dataclass(frozen=True)
class Line:
    """``constant`` + ``long`` times the long part + ``short`` times the short part, in atto and atto per lot."""

    constant: int
    long: int
    short: int


def lines(long: Value, short: Value, *, start: int, most: int, scale: Fraction, unit: int) -> Iterator[Line]:
    """The chords of both values: one of all sizes up to ``start`` lots, then from point to point of a grid up to
    ``most`` and one up to END. ``scale``: that of the grid of shorts, at most 1. All numbers are multiples of ``unit``.
    """
    grid = list(_grid(start, most, scale))
    scaled = [*(max(start, min(int(x * scale), END)) for x in grid[:-1]), END]
    longs, shorts = [(x, long(x)) for x in grid], [(x, short(x)) for x in scaled]
    first = Line(0, _below(0, longs[:1], unit), _below(0, shorts[:1], unit))
    yield first
    for over, under in zip(pairwise(longs), pairwise(shorts), strict=True):
        (x, at_x), (y, at_y) = over
        constant = (at_x * y - at_y * x) // ((y - x) * unit) * unit
        # An interval of the scaled grid that is one point is covered by its neighbours: any line will do.
        slope = first.short if under[0] == under[1] else _below(constant, under, unit)
        yield Line(constant, _below(constant, over, unit), slope)


def _grid(start: int, most: int, scale: Fraction) -> Iterator[int]:
    x = start
    while x * scale < most and x < END:
        yield x
        x = max(x + 1, int(x * RATIO))
    yield from sorted({min(x, END), END})


def _below(constant: int, points: Iterable[tuple[int, int]], unit: int) -> int:
    """The steepest slope, from ``constant`` at 0, that is above none of ``points``."""
    return min((at - constant) // (x * unit) for x, at in points) * unit


def unit_of(price: int) -> int:
    """A power of two that is at most 2^-21 of ``price``, or 1."""
    return 1 << max(0, price.bit_length() - 1 - PRECISION)


def root_down(x: Fraction, degree: int) -> Fraction:
    """The root of a number from 0 to 1, rounded down to 2^-32."""
    low, high = 0, (1 << 32) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if Fraction(middle, 1 << 32) ** degree <= x else (low, middle)
    return Fraction(low, 1 << 32)
