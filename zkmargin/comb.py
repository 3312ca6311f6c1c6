"""Combinations of fixed points with few scalars, the same for many groups of points.

Source: Lim and Lee, "More flexible exponentiation with precomputation", CRYPTO '94. A scalar is cut into ``teeth`` rows
of bits, one above the other; the table of a point holds its multiple for everything that a column can be, so that a
combination costs one doubling a column, and one addition a column and point.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import getitem

from .field import R
from .group import IDENTITY, Point, double


class Comb:
    """Tables of 2^teeth points for those of ``points`` that need one; width = ceil(255 / teeth) columns."""

    def __init__(self, points: Sequence[Point], teeth: int) -> None:
        self._points = points
        self._teeth = teeth
        self._width = -(-R.bit_length() // teeth)
        self._tables: dict[int, list[Point]] = {}  # by index; made on first use: the first of a group needs none

    def fold(self, factors: Sequence[int]) -> list[Point]:
        """P_0 + sum of factors_j P_(j+1), for every group P of len(factors) + 1 neighbours; the last may be shorter.

        Args:   factors: below r, the same for every group.   Cost: width (1 + len(factors)) additions a group.
        """
        size = 1 + len(factors)
        columns = list(zip(*map(self._columns, factors), strict=True))
        return [
            self._points[i]
            + _combine([self._table(j) for j in range(i + 1, min(i + size, len(self._points)))], columns)
            for i in range(0, len(self._points), size)
        ]

    def _table(self, i: int) -> list[Point]:
        """Of point i. Entry b: the sum of 2^(t width) point over the set bits t of b."""
        if i not in self._tables:
            table = [IDENTITY]
            for t in range(self._teeth):
                tooth = double(self._points[i], t * self._width)
                table += [tooth + entry for entry in table]
            self._tables[i] = table
        return self._tables[i]

    def _columns(self, scalar: int) -> list[int]:
        """The columns of ``scalar`` from the highest: bit t of column c is bit c + t width of the scalar."""
        return [
            sum((scalar >> c + t * self._width & 1) << t for t in range(self._teeth))
            for c in reversed(range(self._width))
        ]


def _combine(tables: Sequence[list[Point]], columns: Sequence[tuple[int, ...]]) -> Point:
    total = IDENTITY
    for column in columns:
        total = sum(map(getitem, tables, column), start=total + total)
    return total
