"""Bases with no known discrete-logarithm relation, by hash-to-curve: nobody chose them, there is no set-up.

Source: docs/protocol.md, "Generators". A base is ``hash_to_curve(role || index)``; bases are hashed on first use
and kept for the life of the process (160 us each).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache

from .comb import Comb
from .group import Point, encode, hash_to_curve, msm

DST = b"ZKMARGIN-V1-GENERATORS_BLS12381G1_XMD:SHA-256_SSWU_RO_"
MAX_TABLE_POINTS = 1 << 19


@cache
def base(role: str, index: int = 0) -> Point:
    """The base of a role: "value", "blinding", "error-1", "error-2", "error-4", "multiplicity" or "norm"."""
    return hash_to_curve(role.encode("ascii") + index.to_bytes(4, "big"), DST)


G = base("value")
H = base("blinding")
ERRORS = (base("error-1"), base("error-2"), base("error-4"))


def bases(role: str, count: int) -> list[Point]:
    """The first ``count`` bases of an indexed role."""
    return [base(role, i) for i in range(count)]


def linear_bases(L: int) -> list[Point]:
    """(H, H_1, H_2, H_4, Hm..), of length L."""
    return [H, *ERRORS, *bases("multiplicity", L - 4)]


class Bases:
    """Bases of a norm-linear argument: L ``linear`` and N' ``norm`` ones."""

    def __init__(self, linear: list[Point], norm: list[Point]) -> None:
        self.linear = linear
        self.norm = norm
        self._pair_sums: dict[int, list[Point]] = {}

    def pair_sums(self, stride: int) -> list[Point]:
        """G_i + G_(i + stride) for every i without the bit ``stride``, a power of 2, in order. Computed once."""
        if stride not in self._pair_sums:
            sums = [point + self.norm[i + stride] for i, point in enumerate(self.norm) if not i & stride]
            self._pair_sums[stride] = sums
        return self._pair_sums[stride]

    def fold(self, linear: Sequence[int], norm: Sequence[int]) -> Bases:
        """2^k neighbours summed to one base: the first of each, and factors_j times the j-th next.

        Args:   linear, norm: the 2^k - 1 factors of either kind; the last linear base may have fewer neighbours.
        Cost:   one small sum for every base that is left.
        """
        return Bases(_fold(self.linear, linear), _fold(self.norm, norm))


class Generators(Bases):
    """The bases of one shape: M multiplicity bases and N' norm bases (docs/protocol.md, "Generators").

    ``linear`` is (H, H_1, H_2, H_4, Hm..) of length L = 4 + M, ``norm`` has length N'; ``digest`` is SHA-256 over
    all of them, compressed, in the order G, H, H_1, H_2, H_4, Hm, norm.
    """

    def __init__(self, M: int, N_padded: int) -> None:
        super().__init__(linear_bases(4 + M), bases("norm", N_padded))
        self.digest: bytes = hashlib.sha256(b"".join(map(encode, (G, *self.linear, *self.norm)))).digest()
        self._proofs = 0

    def in_demand(self) -> bool:
        """Whether it was asked before: the tables of ``fold_by_tables`` cost what ten proofs save."""
        self._proofs += 1
        return self._proofs > 1

    def fold_by_tables(self, linear: Sequence[int], norm: Sequence[int]) -> Bases:
        """``fold``, by tables that are kept.

        Cost:   32 additions a base, more if tables are smaller; at first also the tables, 480 additions a base.
        """
        linear_comb, norm_comb = _combs(self)
        return Bases(linear_comb.fold(linear), norm_comb.fold(norm))


def _fold(points: Sequence[Point], factors: Sequence[int]) -> list[Point]:
    size = 1 + len(factors)
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [msm(group, [1, *factors][: len(group)]) for group in groups]


@lru_cache(maxsize=32)
def generators(M: int, N_padded: int) -> Generators:
    """The (cached) bases of a shape."""
    return Generators(M, N_padded)


@lru_cache(maxsize=4)
def _combs(shape: Generators) -> tuple[Comb, Comb]:
    """Combs over the bases of ``shape``, with tables of 2^19 points (90 MB) at most."""
    teeth = min(8, (MAX_TABLE_POINTS // len(shape.linear + shape.norm)).bit_length() - 1)
    return Comb(shape.linear, teeth), Comb(shape.norm, teeth)
