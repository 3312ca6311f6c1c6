"""The fast verifier and the reference verifier agree, on accept and on every class of reject: bytes of the proof.

Both follow docs/protocol.md; where they part, one of them departs from it.
"""

from __future__ import annotations

import pytest
from both_paths import IDENTITY, MARGIN, R, both, every_case, flipped, one_of_a_kind, proved

from zkmargin import reference_encoding
from zkmargin.errors import EncodingError
from zkmargin.generators import generators
from zkmargin.group import encode
from zkmargin.reference_encoding import decode_point, encode_point
from zkmargin.relation import Relation

P_FIELD = reference_encoding.P
ORDER_3 = b"\x80" + bytes(47)


def flips(relation: Relation) -> list[tuple[int, int]]:
    """(position, bit) of every class: each flag and both ends of each point, both ends of each scalar."""
    points = [48 * i for i in range(3 + 2 * relation.K)]
    scalars = [48 * len(points) + 32 * i for i in range(sum(relation.final_lengths))]
    found = [(start, bit) for start in points for bit in (7, 6, 5, 0)] + [(start + 47, 0) for start in points]
    return found + [(start, bit) for start in scalars for bit in (7, 0)] + [(start + 31, 0) for start in scalars]


@pytest.mark.parametrize("part", range(4))
def test_both_reject_a_flipped_bit(part):
    relation, V, proof = proved(MARGIN)
    for position, bit in flips(relation)[part::4]:
        assert both(relation, V, flipped(proof, position, bit)) != "accepted", (position, bit)


@one_of_a_kind
def test_both_reject_a_flipped_bit_of_each_kind(name):
    relation, V, proof = proved(name)
    last_point, last_scalar = 48 * (2 + 2 * relation.K), len(proof) - 1
    for position, bit in ((last_point, 5), (last_point + 47, 1), (last_scalar, 0)):
        assert both(relation, V, flipped(proof, position, bit)) != "accepted", (position, bit)


@every_case
def test_both_reject_another_length(name):
    relation, V, proof = proved(name)
    for wrong in (b"", proof[:-1], proof[:-32], proof[48:], proof + b"\x00", proof + bytes(32), proof + proof):
        assert both(relation, V, wrong) == "EncodingError"


@pytest.mark.parametrize(
    "encoded",
    [
        IDENTITY,
        b"\xc0" + bytes(46) + b"\x01",
        b"\xe0" + bytes(47),
        b"\xff" * 48,
        bytes(48),
        b"\x40" + bytes(47),
        ORDER_3,
        b"\xa0" + bytes(47),
        (P_FIELD | 1 << 383).to_bytes(48, "big"),
        (1 << 383 | 1).to_bytes(48, "big"),  # 1 + 4 = 5 is no square
        (1 << 383 | 4).to_bytes(48, "big"),  # on the curve, outside the subgroup
    ],
    ids=lambda encoded: encoded.hex()[:4] + ".." + encoded.hex()[-2:],
)
def test_both_refuse_a_bad_point(encoded):
    relation, V, proof = proved(MARGIN)
    for i in (0, 1, 2, 3, 2 + 2 * relation.K):
        assert both(relation, V, proof[: 48 * i] + encoded + proof[48 * (i + 1) :]) == "EncodingError"
    if encoded != IDENTITY:
        assert both(relation, [encoded, *V[1:]], proof) == "EncodingError"


def test_both_refuse_a_coordinate_of_the_field_size_and_more():
    """x and x + p are the same field element, and both fit into 381 bits when x is small."""
    relation, V, proof = proved(MARGIN)
    small = next(P for P in map(encode, generators(0, 32).norm) if coordinate(P) + P_FIELD < 2**381)
    decode_point(small, allow_identity=False)
    shifted = (int.from_bytes(small, "big") + P_FIELD).to_bytes(48, "big")
    assert coordinate(shifted) % P_FIELD == coordinate(small)
    assert both(relation, [small, V[1]], proof) == "ProofError"
    assert both(relation, [shifted, V[1]], proof) == "EncodingError"


def test_a_point_off_the_curve_is_found_before_the_subgroup_check():
    with pytest.raises(EncodingError, match="not on the curve"):
        decode_point((1 << 383 | 1).to_bytes(48, "big"), allow_identity=False)


def coordinate(encoded: bytes) -> int:
    return int.from_bytes(encoded, "big") % 2**381


def test_both_refuse_a_part_of_order_3():
    """A point of the proof plus one of order 3 is on the curve, and its multiple by 3 is in the subgroup."""
    relation, V, proof = proved(MARGIN)
    small = (reference_encoding.FQ(0), reference_encoding.FQ(2), reference_encoding.FQ(1))
    assert encode_point(small) == ORDER_3
    for i in range(3 + 2 * relation.K):
        point = decode_point(proof[48 * i : 48 * (i + 1)], allow_identity=False)
        shifted = encode_point(reference_encoding.add(point, small))
        assert both(relation, V, proof[: 48 * i] + shifted + proof[48 * (i + 1) :]) == "EncodingError"
    shifted = encode_point(reference_encoding.add(decode_point(V[0], allow_identity=False), small))
    assert both(relation, [shifted, V[1]], proof) == "EncodingError"


def test_both_refuse_a_scalar_that_is_not_reduced():
    relation, V, proof = proved(MARGIN)
    for start in range(48 * (3 + 2 * relation.K), len(proof), 32):
        scalar = int.from_bytes(proof[start : start + 32], "big")
        for wrong in (R, 2**256 - 1, scalar + R):
            if wrong < 2**256:
                replaced = proof[:start] + wrong.to_bytes(32, "big") + proof[start + 32 :]
                assert both(relation, V, replaced) == "EncodingError"


def test_both_refuse_parts_in_another_order():
    relation, V, proof = proved(MARGIN)
    points = [proof[48 * i : 48 * (i + 1)] for i in range(3 + 2 * relation.K)]
    tail = proof[48 * len(points) :]
    scalars = [tail[i : i + 32] for i in range(0, len(tail), 32)]
    for i in range(len(points) - 1):
        swapped = [*points[:i], points[i + 1], points[i], *points[i + 2 :]]
        assert both(relation, V, b"".join([*swapped, tail])) == "ProofError"
    assert both(relation, V, b"".join([*points, *scalars[1:], scalars[0]])) == "ProofError"
