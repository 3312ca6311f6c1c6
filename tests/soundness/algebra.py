"""Points as what they are made of: coefficients over G, the linear bases and the norm bases.

A malicious prover knows the representation of every point that it makes (the algebraic group model), so attacks are
written in coefficients and become points only when they are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from zkmargin.field import R
from zkmargin.generators import G, generators
from zkmargin.group import Point, msm

H, H1, H2, H4, HM = 0, 1, 2, 3, 4
"""Indices of the linear bases; the multiplicity bases begin at HM."""


@dataclass(frozen=True)
class Comb:
    """g*G + sum l_i H_i + sum n_i G_i. Shorter lists stand for zeros."""

    g: int = 0
    l: Sequence[int] = field(default=())
    n: Sequence[int] = field(default=())

    def __add__(self, other: Comb) -> Comb:
        return Comb((self.g + other.g) % R, add(self.l, other.l), add(self.n, other.n))

    def __mul__(self, k: int) -> Comb:
        return Comb(self.g * k % R, [x * k % R for x in self.l], [x * k % R for x in self.n])

    def point(self, M: int, N_padded: int) -> Point:
        bases = generators(M, N_padded)
        return msm([G, *bases.linear[: len(self.l)], *bases.norm[: len(self.n)]], [self.g, *self.l, *self.n])


def add(a: Iterable[int], b: Iterable[int]) -> list[int]:
    return [(x + y) % R for x, y in zip_longest(a, b, fillvalue=0)]


def total(combs: Iterable[Comb]) -> Comb:
    return sum(combs, start=Comb())


def unit(index: int, value: int = 1) -> list[int]:
    """The vector with ``value`` at ``index``."""
    return [0] * index + [value]


def linear(index: int, value: int = 1) -> Comb:
    """value * (linear base ``index``)."""
    return Comb(l=unit(index, value))


def norm(index: int, value: int = 1) -> Comb:
    """value * (norm base ``index``)."""
    return Comb(n=unit(index, value))


def square_root(x: int) -> int | None:
    """A square root modulo r, or None (Tonelli-Shanks: r - 1 = 2^32 * odd)."""
    x %= R
    if x == 0:
        return 0
    if pow(x, (R - 1) // 2, R) != 1:
        return None
    s, q = 32, (R - 1) >> 32
    z = 5  # no square modulo r
    c, root, t = pow(z, q, R), pow(x, (q + 1) // 2, R), pow(x, q, R)
    while t != 1:
        i, power = 0, t
        while power != 1:
            i, power = i + 1, power * power % R
        b = pow(c, 1 << (s - i - 1), R)
        s, c = i, b * b % R
        root, t = root * b % R, t * c % R
    return root
