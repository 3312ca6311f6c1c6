"""The bytes of a proof: A, R, S, (X_k, Y_k) for every round, then n' and l' in the clear.

Source: docs/protocol.md, "Proof bytes". The length follows from the relation alone and is checked before anything is
decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import EncodingError
from .field import SCALAR_BYTES, R, to_bytes
from .group import POINT_BYTES, Point, decode, encode
from .relation import Relation


@dataclass(frozen=True, slots=True)
class Proof:
    """A decoded proof: subgroup-checked points, none the identity, and scalars below r."""

    A: Point
    R: Point
    S: Point
    rounds: tuple[tuple[Point, Point], ...]
    n: tuple[int, ...]
    l: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """48 (3 + 2K) + 32 (|n'| + |l'|) bytes."""
        points = (self.A, self.R, self.S, *(point for pair in self.rounds for point in pair))
        return b"".join(map(encode, points)) + b"".join(map(to_bytes, (*self.n, *self.l)))


def split(relation: Relation, proof: bytes) -> list[bytes]:
    """The 3 + 2K encoded points of ``proof``, once its length is right. Nothing is decoded.

    Raises: EncodingError: the length is not the relation's.
    """
    if len(proof) != relation.proof_bytes:
        raise EncodingError(f"the proof must be {relation.proof_bytes} bytes for this statement")
    return [proof[i * POINT_BYTES : (i + 1) * POINT_BYTES] for i in range(3 + 2 * relation.K)]


def decode_proof(relation: Relation, proof: bytes) -> Proof:
    """Decode ``proof``.

    Raises: EncodingError: wrong length; a point that is non-canonical, outside the subgroup or the identity;
            a scalar >= r.
    Cost:   3 + 2K square roots and subgroup checks.
    """
    A, R_point, S, *points = (decode(data) for data in split(relation, proof))
    tail = proof[(3 + len(points)) * POINT_BYTES :]
    scalars = [int.from_bytes(tail[i : i + SCALAR_BYTES], "big") for i in range(0, len(tail), SCALAR_BYTES)]
    if any(scalar >= R for scalar in scalars):
        raise EncodingError("a scalar of the proof is not reduced")
    n_length = relation.final_lengths[0]
    return Proof(
        A,
        R_point,
        S,
        rounds=tuple(zip(points[::2], points[1::2], strict=True)),
        n=tuple(scalars[:n_length]),
        l=tuple(scalars[n_length:]),
    )
