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

takes half the terms, over sums G_i + G_(i+2^k) that are the same for every proof. Before round ``FOLD_ROUND`` the
bases are folded, once: all groups of neighbours have the same factors, and tables of the generators make that cheap.
From there on the same formulas hold for a quarter of the bases. Tests check both ways against the plain formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from .field import R, inner, inverse, powers
from .generators import Bases, G, Generators
from .group import Point, encode, msm
from .transcript import Transcript

FOLD_ROUND = 2
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
    Cost:   each round two sums of about N'/2 + L terms, of N'/8 + L/4 from ``FOLD_ROUND`` on; one more in the first.
    """
    v = (inner(c, l) + inner(n, n)) % R
    bases: Bases = generators
    weights = powers(rho_inv, len(n))
    s = [1]
    delta, delta_inv = rho_inv, inverse(rho_inv)
    sent: list[tuple[Point, Point]] = []
    known: list[Point] = []  # C as a combination of points: C_0, then every X_k and Y_k
    weights_of_known: list[int] = []
    for k in range(rounds):
        if k == FOLD_ROUND and rounds - k >= MIN_ROUNDS_LEFT and generators.in_demand():
            # 2^k neighbours share an entry, with the weights s_j (linear) and s_j rho^-j (norm) relative to the first.
            bases = generators.fold(s[1:], [s_j * power % R for s_j, power in zip(s[1:], weights, strict=False)])
            weights, s = weights[:: 1 << k], [1]
        n_0, n_1, l_0, l_1, c_0, c_1 = n[::2], n[1::2], l[::2], l[1::2], c[::2], c[1::2]
        v_X = (2 * inner(n_0, n_1) + inner(c_0, l_1) + inner(c_1, l_0)) % R
        v_Y = (inner(n_1, n_1) + inner(c_1, l_1)) % R

        # ``stride`` neighbours share an entry: 2^k of them, until the bases are folded. With j = i mod stride, G_i of
        # an even entry has weight s_j rho^-(i+1); G_(i + stride), in the odd entry after it, has delta times that.
        stride = len(s)
        even = [i for i in range(len(bases.norm)) if not i & stride]
        weight = [s[i % stride] * weights[i] % R for i in even]
        n_even = [n_0[i // (2 * stride)] for i in even]
        n_odd = [n_1[i // (2 * stride)] for i in even]
        # H_i stands in entry p = i // stride with weight s_j. An odd |l| ends with an even entry without a neighbour.
        H = [(i, i // stride, s[i % stride]) for i in range(len(bases.linear))]
        padded = [*l, 0]

        Y = msm(
            [G, *(bases.linear[i] for i, p, _ in H if p & 1), *(bases.norm[i + stride] for i in even)],
            [
                v_Y,
                *(weight_i * l[p] for _, p, weight_i in H if p & 1),
                *(delta * w * odd for w, odd in zip(weight, n_odd, strict=True)),
            ],
        )
        if k == 0:
            E = msm(
                [G, *bases.linear[::2], *bases.norm[::2]],
                [v - v_Y, *l_0, *map(int.__mul__, weight, n_even)],
            )
            known, weights_of_known = [E + Y], [1]
        X = msm(
            [G, *bases.linear, *bases.pair_sums(stride), Y, *known],
            [
                v_X + delta * v - (delta - delta_inv) * v_Y,
                *(
                    weight_i * (padded[p - 1] + delta_inv * l[p] if p & 1 else padded[p + 1] + delta * l[p])
                    for _, p, weight_i in H
                ),
                *((delta * a + b) * w for a, b, w in zip(n_even, n_odd, weight, strict=True)),
                delta - delta_inv,
                *(-delta * w for w in weights_of_known),
            ],
        )
        e = challenge(transcript, encode(X), encode(Y))
        sent.append((X, Y))
        known += [X, Y]
        weights_of_known += [e, e * e - 1]
        v = (v + e * v_X + (e * e - 1) * v_Y) % R
        n, l, c = _fold(n_0, n_1, e), _fold(l_0, l_1, e), _fold(c_0, c_1, e)
        s = fold_products([e], s)
        delta, delta_inv = delta * delta % R, delta_inv * delta_inv % R
    return Folded(tuple(sent), tuple(n), tuple(l))


def _fold(z_0: Sequence[int], z_1: Sequence[int], e: int) -> list[int]:
    """z_0 + e z_1; z_1 may be one shorter."""
    return [(a + e * b) % R for a, b in zip_longest(z_0, z_1, fillvalue=0)]
