"""The norm-linear argument: C = v G + <l, H> + <n, G> with v = <c, l> + |n|^2_mu, in logarithmic size.

Source: docs/protocol.md, "Norm-linear argument". Vectors are pre-weighted once, n~_i = rho^(i+1) n_i on bases
rho^-(i+1) G_i, and then fold plainly. One round (index 0 = even half, 1 = odd half):

    v_X = 2<n_0,n_1> + <c_0,l_1> + <c_1,l_0>     X = v_X G + <l_1,H_0> + <l_0,H_1> + <n_1,G_0> + <n_0,G_1>
    v_Y = <n_1,n_1> + <c_1,l_1>                  Y = v_Y G + <l_1,H_1> + <n_1,G_1>
    e <- challenge(X, Y)    z' = z_0 + e z_1     C' = C + e X + (e^2 - 1) Y

|n| is even in every round because null slots have real generators; an odd |l| is harmless: its missing half has c = 0
and no base.

In the first rounds the bases stay as they are. With delta = rho^-(2^k), an odd entry has delta times the weight of
its even neighbour, and stands on the generator 2^k further on, so

    X = sum over pairs of (delta n_0 + n_1)(G_even + G_odd) + linear part - delta C + (delta - 1/delta) Y

takes half the terms, over sums G_i + G_(i+2^k) that are the same for every proof. And Y is what the odd entries of
the round before have folded to, so round 0 sums its pairs in two halves, every other pair in one: from the second
half's C, X and Y comes the Y of round 1. Later the bases are folded, once: all groups of neighbours have the same
factors, and tables of the generators make that cheap. A process's first proof has none, and folds later. From there on
the same formulas hold for a part of the bases. Tests check all of it against the plain formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from .field import R, inner, inverse, powers
from .generators import Bases, G, Generators
from .group import Point, encode, msm
from .transcript import Transcript

MIN_ROUNDS_LEFT = 3
"""Folding the bases costs about as much as two rounds save."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What the prover sends: (X_k, Y_k) for every round, n' and l'."""

    rounds: tuple[tuple[Point, Point], ...]
    n: tuple[int, ...]
    l: tuple[int, ...]


def challenge(transcript: Transcript, X: bytes, Y: bytes) -> int:
    """Absorb one round's X and Y, encoded, and draw e."""
    transcript.absorb("X", X)
    transcript.absorb("Y", Y)
    return transcript.challenge("e")


def fold_products(challenges: Sequence[int], s: Sequence[int] = (1,)) -> list[int]:
    """s_0 .. s_(2^K - 1): s_i is the product of e_k over the set bits k of i. ``s`` holds those of earlier rounds."""
    products = list(s)
    for e in challenges:
        products += [e * value % R for value in products]
    return products


def prove(
    transcript: Transcript,
    generators: Generators,
    rho_inv: int,
    c: list[int],
    l: list[int],
    n: list[int],
    rounds: int,
) -> Folded:
    """Fold ``rounds`` times.

    Args:   rho_inv: 1/rho.   c, l: L scalars.   n: N' scalars, pre-weighted (n~). l and n are secret.
    Cost:   each round two sums of about N'/2 + L terms, one more in the first, one less in the second; of a quarter
            or less of that from ``fold_round`` on.
    """
    v = (inner(c, l) + inner(n, n)) % R
    bases: Bases = generators
    weights = powers(rho_inv, len(n))
    s = [1]
    delta, delta_inv = rho_inv, inverse(rho_inv)
    e = 0
    tables = generators.in_demand()
    fold_round = max(2, rounds // 3) if tables else max(4, rounds // 2)
    sent: list[tuple[Point, Point]] = []
    second: tuple[Point, ...] = ()  # C_0, X_0 and Y_0 of the second half
    known: list[Point] = []  # C as a combination of points: C_0, then every X_k and Y_k
    weights_of_known: list[int] = []
    for k in range(rounds):
        if k == fold_round and rounds - k >= MIN_ROUNDS_LEFT:
            # 2^k neighbours share an entry, with the weights s_j (linear) and s_j rho^-j (norm) relative to the first.
            factors = s[1:], [s_j * power % R for s_j, power in zip(s[1:], weights, strict=False)]
            bases = generators.fold_by_tables(*factors) if tables else generators.fold(*factors)
            weights, s = weights[:: 1 << k], [1]
        n_0, n_1, l_0, l_1, c_0, c_1 = n[::2], n[1::2], l[::2], l[1::2], c[::2], c[1::2]
        v_X = (2 * inner(n_0, n_1) + inner(c_0, l_1) + inner(c_1, l_0)) % R
        v_Y = (inner(n_1, n_1) + inner(c_1, l_1)) % R
        pairs = _pairs(bases, weights, s, l, n, delta, delta_inv)
        if k == 0:
            first, second = pairs.half(0).commit(v, v_X, v_Y), pairs.half(1).commit(0, 0, 0)
            C, X, Y = map(Point.__add__, first, second)
            known, weights_of_known = [C], [1]
        else:
            Y = msm([G, *second], [v_Y, 1, e, e * e - 1]) if k == 1 else pairs.odd(v_Y)
            X = pairs.cross(v, v_X, v_Y, known, weights_of_known, Y)
        e = challenge(transcript, encode(X), encode(Y))
        sent.append((X, Y))
        known += [X, Y]
        weights_of_known += [e, e * e - 1]
        v = (v + e * v_X + (e * e - 1) * v_Y) % R
        n, l, c = _fold(n_0, n_1, e), _fold(l_0, l_1, e), _fold(c_0, c_1, e)
        s = fold_products([e], s)
        delta, delta_inv = delta * delta % R, delta_inv * delta_inv % R
    return Folded(tuple(sent), tuple(n), tuple(l))


@dataclass(frozen=True, slots=True, repr=False)
class _Pairs:
    """Neighbouring entries of a round, or of half a round, with the bases that they stand on. Secret.

    linear_even, linear_odd: (base, weight, entry, its neighbour);  norm: (even base, odd base, their sum, weight of
    the even base, even entry, odd entry), the odd base has delta times that weight.
    """

    linear_even: list[tuple[Point, int, int, int]]
    linear_odd: list[tuple[Point, int, int, int]]
    norm: list[tuple[Point, Point, Point, int, int, int]]
    delta: int
    delta_inv: int

    def half(self, first: int) -> _Pairs:
        """Every other pair, of round 0: later, several bases stand for an entry."""
        return replace(
            self,
            linear_even=self.linear_even[first::2],
            linear_odd=self.linear_odd[first::2],
            norm=self.norm[first::2],
        )

    def commit(self, v: int, v_X: int, v_Y: int) -> tuple[Point, Point, Point]:
        """C, X and Y of these pairs."""
        Y = self.odd(v_Y)
        C = self.even(v - v_Y) + Y
        return C, self.cross(v, v_X, v_Y, [C], [1], Y), Y

    def even(self, v: int) -> Point:
        """v G and the even entries on their bases: C - Y."""
        return msm(
            [G, *(H for H, *_ in self.linear_even), *(pair[0] for pair in self.norm)],
            [v, *(w * x for _, w, x, _ in self.linear_even), *(w * a for _, _, _, w, a, _ in self.norm)],
        )

    def odd(self, v_Y: int) -> Point:
        """v_Y G and the odd entries on their bases: Y."""
        return msm(
            [G, *(H for H, *_ in self.linear_odd), *(pair[1] for pair in self.norm)],
            [
                v_Y,
                *(w * x for _, w, x, _ in self.linear_odd),
                *(self.delta * w * b for _, _, _, w, _, b in self.norm),
            ],
        )

    def cross(self, v: int, v_X: int, v_Y: int, C: Sequence[Point], weights_of_C: Sequence[int], Y: Point) -> Point:
        """X, from the sums of neighbouring bases, C (a combination) and Y."""
        delta, delta_inv = self.delta, self.delta_inv
        linear = [
            (H, w * (other + factor * x))
            for factor, side in ((delta, self.linear_even), (delta_inv, self.linear_odd))
            for H, w, x, other in side
        ]
        return msm(
            [G, *(H for H, _ in linear), *(pair[2] for pair in self.norm), Y, *C],
            [
                v_X + delta * v - (delta - delta_inv) * v_Y,
                *(weight for _, weight in linear),
                *(w * (delta * a + b) for _, _, _, w, a, b in self.norm),
                delta - delta_inv,
                *(-delta * weight for weight in weights_of_C),
            ],
        )


def _pairs(
    bases: Bases,
    weights: Sequence[int],
    s: Sequence[int],
    l: Sequence[int],
    n: Sequence[int],
    delta: int,
    delta_inv: int,
) -> _Pairs:
    """The pairs of a round. ``stride`` = len(s) neighbours share an entry: 2^k of them, until the bases are folded.

    With j = i mod stride, H_i has weight s_j. G_i of an even entry has weight s_j rho^-(i+1); G_(i + stride), in the
    odd entry after it, has delta times that. An odd |l| ends with an even entry without a neighbour.
    """
    stride = len(s)
    padded = [*l, 0]
    linear = [(H, s[i % stride], i // stride) for i, H in enumerate(bases.linear)]
    even = [i for i in range(len(bases.norm)) if not i & stride]
    return _Pairs(
        [(H, s_j, l[p], padded[p + 1]) for H, s_j, p in linear if not p & 1],
        [(H, s_j, l[p], l[p - 1]) for H, s_j, p in linear if p & 1],
        [
            (
                bases.norm[i],
                bases.norm[i + stride],
                pair_sum,
                s[i % stride] * weights[i] % R,
                n[i // stride],
                n[i // stride + 1],
            )
            for i, pair_sum in zip(even, bases.pair_sums(stride), strict=True)
        ],
        delta,
        delta_inv,
    )


def _fold(z_0: Sequence[int], z_1: Sequence[int], e: int) -> list[int]:
    """z_0 + e z_1; z_1 may be one shorter."""
    return [(a + e * b) % R for a, b in zip_longest(z_0, z_1, fillvalue=0)]
