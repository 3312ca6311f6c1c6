"""Points of BLS12-381 G1: strict codec and multi-scalar multiplication.

The only file that names the curve library. Its traps are closed here and nowhere else:

- ``from_compressed_bytes`` checks curve, subgroup and x < p but accepts several encodings of infinity:
  the identity is compared byte for byte with its one encoding;
- ``multiexp_unchecked`` truncates lists of different length without a word: lengths are compared;
- ``Scalar(int)`` reduces silently and is slow: scalars are built from their 32 canonical bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from py_arkworks_bls12381 import G1Point as Point
from py_arkworks_bls12381 import Scalar

from .errors import EncodingError
from .field import R

__all__ = ["IDENTITY", "POINT_BYTES", "Point", "decode", "double", "encode", "hash_to_curve", "msm", "sum_points"]

POINT_BYTES = 48
IDENTITY: Point = Point.identity()
_IDENTITY_BYTES = b"\xc0" + bytes(POINT_BYTES - 1)
_INFINITY_FLAG = 0x40
_from_bytes = Scalar.from_be_bytes
_to_bytes = int.to_bytes


def decode(data: bytes, *, allow_identity: bool = False) -> Point:
    """The point that ``data`` is the canonical compressed encoding of.

    Args:    data: 48 bytes, untrusted.   allow_identity: only where a commitment may be a label never used.
    Raises:  EncodingError: wrong length, not on the curve, outside the subgroup of order r, x >= p,
             an encoding of infinity that is not ``c0 00..00``, or infinity where it may not be.
    Cost:    one square root and one subgroup check. The check cannot be batched away by random weights:
             the cofactor has the factor 3.
    """
    if len(data) != POINT_BYTES:
        raise EncodingError("a point is 48 bytes")
    if data[0] & _INFINITY_FLAG:
        if not allow_identity or data != _IDENTITY_BYTES:
            raise EncodingError("the point at infinity is not allowed here")
        return IDENTITY
    try:
        return Point.from_compressed_bytes(data)
    except ValueError:
        raise EncodingError("not a canonical point of the subgroup of order r") from None


def encode(point: Point) -> bytes:
    """The 48 canonical compressed bytes of ``point``."""
    return point.to_compressed_bytes()


def msm(points: Sequence[Point], scalars: Iterable[int]) -> Point:
    """sum of scalars_i * points_i; scalars are reduced modulo r.

    Raises: ValueError if the lengths differ: a truncated sum would make proofs forgeable.
    Cost:   12 to 20 us a full-width term; some 16 times less when every scalar is small.
    """
    exponents = [_from_bytes(_to_bytes(s % R, 32, "big")) for s in scalars]
    if len(points) != len(exponents):
        raise ValueError("as many scalars as points are needed")
    if not exponents:
        return IDENTITY
    return Point.multiexp_unchecked(list(points), exponents)


def msm_small(points: Sequence[Point], scalars: Sequence[int]) -> Point:
    """``msm`` for signed integers far below r: a negative one negates its point and so stays small."""
    return msm(
        [point if s >= 0 else -point for point, s in zip(points, scalars, strict=True)], [abs(s) for s in scalars]
    )


def double(point: Point, times: int) -> Point:
    """2^times * point, for times < 255."""
    return point * _from_bytes(_to_bytes(1 << times, 32, "big"))


def sum_points(points: Iterable[Point]) -> Point:
    """The sum of ``points``."""
    return sum(points, start=IDENTITY)


def hash_to_curve(message: bytes, dst: bytes) -> Point:
    """RFC 9380 hash_to_curve, suite BLS12381G1_XMD:SHA-256_SSWU_RO_, with domain separation tag ``dst``."""
    return Point.hash_to_curve(message, dst)
