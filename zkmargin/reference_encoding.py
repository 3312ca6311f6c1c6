"""Bytes and bases of the reference verifier: docs/protocol.md §3 and §6 in plain py_ecc, shared with no other module.

py_ecc's own decoder makes no subgroup check, and its scalar multiplication never returns on a negative scalar:
neither is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.optimized_bls12_381 import FQ, Z1, add, double, field_modulus, is_inf, normalize

from .errors import EncodingError
from .field import R
from .relation import Abs, Digit, Relation

Point = Any  # py_ecc has no types: a projective triple of field elements

P = int(field_modulus)
DST = b"ZKMARGIN-V1-GENERATORS_BLS12381G1_XMD:SHA-256_SSWU_RO_"


# §3: generators.


@cache
def generator(role: bytes, index: int) -> Point:
    return hash_to_G1(role + u32(index), DST, hashlib.sha256)


def generators(M: int, N_padded: int) -> tuple[Point, list[Point], list[Point]]:
    """G, the linear bases (H, H_1, H_2, H_4, Hm..) and the N' norm bases."""
    single = [generator(role, 0) for role in (b"blinding", b"error-1", b"error-2", b"error-4")]
    multiplicity = [generator(b"multiplicity", i) for i in range(M)]
    norm = [generator(b"norm", i) for i in range(N_padded)]
    return generator(b"value", 0), single + multiplicity, norm


# §6.1: counts, scalars, sparse forms.


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def u32(count: int) -> bytes:
    return count.to_bytes(4, "big")


def scalar_bytes(value: int) -> bytes:
    return (value % R).to_bytes(32, "big")


def sparse_bytes(form: Sequence[tuple[int, int]]) -> bytes:
    return u32(len(form)) + b"".join(u32(index) + scalar_bytes(coefficient) for index, coefficient in form)


def decode_scalar(encoded: bytes) -> int:
    value = int.from_bytes(encoded, "big")
    if value >= R:
        raise EncodingError("A scalar of the proof is not below the group order.")
    return value


# §6.2: points.


def decode_point(encoded: bytes, *, allow_identity: bool) -> Point:
    """Checks a to g, in that order."""
    # a: length
    if len(encoded) != 48:
        raise EncodingError("A point is not 48 bytes long.")
    compressed, infinity, larger = encoded[0] >> 7 & 1, encoded[0] >> 6 & 1, encoded[0] >> 5 & 1
    x = int.from_bytes(encoded, "big") % 2**381
    # b: form
    if not compressed:
        raise EncodingError("A point is not in compressed form.")
    # c, d: the identity
    if infinity:
        if larger or x:
            raise EncodingError("A point at infinity is not in its one canonical form.")
        if not allow_identity:
            raise EncodingError("A point of the proof is the identity.")
        return Z1
    # e: range
    if x >= P:
        raise EncodingError("A point has a coordinate that is not reduced.")
    # f: curve
    y_squared = (x**3 + 4) % P
    y = pow(y_squared, (P + 1) // 4, P)  # a square root if there is one, since P = 3 mod 4
    if y * y % P != y_squared:
        raise EncodingError("A point is not on the curve.")
    if (y > (P - 1) // 2) != bool(larger):
        y = P - y  # y is not 0: the curve has no point of order 2
    point = (FQ(x), FQ(y), FQ(1))
    # g: subgroup
    if not is_inf(weighted_sum([(R, point)])):
        raise EncodingError("A point is not in the subgroup of prime order.")
    return point


def encode_point(point: Point) -> bytes:
    if is_inf(point):
        return b"\xc0" + bytes(47)
    x, y = (int(coordinate) for coordinate in normalize(point))
    return (1 << 383 | (y > (P - 1) // 2) << 381 | x).to_bytes(48, "big")


def weighted_sum(terms: Sequence[tuple[int, Point]]) -> Point:
    """sum scalar * point for 0 <= scalar < 2^255, all terms sharing the doublings.

    Scalars are taken as they are, not modulo r: r itself is the scalar of the subgroup check.
    """
    result = Z1
    for bit in range(254, -1, -1):
        result = double(result)
        for scalar, point in terms:
            if scalar >> bit & 1:
                result = add(result, point)
    return result


# §6.3: transcript.


class Transcript:
    """One SHA-256 state."""

    def __init__(self) -> None:
        self.state = sha256(b"zkmargin/v1/range-argument")

    def absorb(self, label: str, x: bytes) -> None:
        name = label.encode("ascii")
        self.state = sha256(self.state, u32(len(name)), name, u32(len(x)), x)

    def challenge(self, label: str) -> int:
        while True:
            self.absorb(label, b"")
            z = sha256(self.state, b"\x00") + sha256(self.state, b"\x01")
            c = int.from_bytes(z, "big") % R
            self.absorb("c", scalar_bytes(c))
            if c != 0:
                return c


# §6.4: relation digest.


def relation_digest(relation: Relation) -> bytes:
    parts = [u32(relation.J), u32(len(relation.tables))]
    for table in relation.tables:
        parts += [u32(len(table)), *(scalar_bytes(symbol) for symbol in table)]
    parts += [u32(len(relation.slots))]
    for slot in relation.slots:
        if isinstance(slot, Digit):
            parts += [b"\x00", u32(slot.table)]
        else:
            parts += [b"\x01", sparse_bytes(slot.form), scalar_bytes(slot.constant)]
    parts += [u32(len(relation.rows))]
    for row in relation.rows:
        parts += [sparse_bytes(row.W), sparse_bytes(row.U), sparse_bytes(row.P), scalar_bytes(row.b)]
    parts += [u32(len(relation.gadgets))]
    for gadget in relation.gadgets:
        if isinstance(gadget, Abs):
            parts += [b"\x00", u32(gadget.gate), *(u32(row_index) for row_index in gadget.rows)]
        else:
            parts += [b"\x01", u32(gadget.gate), u32(gadget.row)]
    if relation.attested:
        parts += [u32(len(relation.attested))]
        for j, bits in relation.attested:
            parts += [u32(j), u32(bits)]
    return sha256(*parts)
