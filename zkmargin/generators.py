"""Bases with no known discrete-logarithm relation, by hash-to-curve: nobody chose them, there is no set-up.

Source: docs/protocol.md, "Generators". A base is ``hash_to_curve(role || index)``; bases are hashed on first use
and kept for the life of the process (160 us each).
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache

from .group import Point, encode, hash_to_curve

DST = b"ZKMARGIN-V1-GENERATORS_BLS12381G1_XMD:SHA-256_SSWU_RO_"


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


class Generators:
    """The bases of one shape: M multiplicity bases and N' norm bases (docs/protocol.md, "Generators").

    ``linear`` is (H, H_1, H_2, H_4, Hm..) of length L = 4 + M, ``norm`` has length N'; ``digest`` is SHA-256 over
    all of them, compressed, in the order G, H, H_1, H_2, H_4, Hm, norm.
    """

    def __init__(self, M: int, N_padded: int) -> None:
        self.linear: list[Point] = linear_bases(4 + M)
        self.norm: list[Point] = bases("norm", N_padded)
        self.digest: bytes = hashlib.sha256(b"".join(map(encode, (G, *self.linear, *self.norm)))).digest()
        self._pair_sums: dict[int, list[Point]] = {}

    def pair_sums(self, k: int) -> list[Point]:
        """G_i + G_(i + 2^k) for every i < N' whose bit k is 0, in order. Static, so computed once."""
        if k not in self._pair_sums:
            stride = 1 << k
            self._pair_sums[k] = [point + self.norm[i + stride] for i, point in enumerate(self.norm) if not i & stride]
        return self._pair_sums[k]


@lru_cache(maxsize=32)
def generators(M: int, N_padded: int) -> Generators:
    """The (cached) bases of a shape."""
    return Generators(M, N_padded)
