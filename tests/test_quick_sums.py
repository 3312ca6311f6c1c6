"""What makes the reference verifier quick in tests changes nothing of what it says."""

from __future__ import annotations

import random

import pytest
from both_paths import CASES, CONTEXT, proved
from py_ecc.optimized_bls12_381 import Z1, add, double, eq, is_inf, neg
from quick_sums import quick_reference, weighted_sum

from zkmargin import reference, reference_encoding
from zkmargin.errors import EncodingError, ProofError
from zkmargin.field import R

G, LINEAR, NORM = reference_encoding.generators(2, 4)
SCALARS = (0, 1, 2, 15, 16, R - 1, R, 2**255 - 1)


def _same(*terms: tuple[int, object]) -> bool:
    return bool(eq(weighted_sum(terms), reference_encoding.weighted_sum(terms)))


@pytest.mark.parametrize("scalar", SCALARS, ids=hex)
def test_one_term(scalar: int) -> None:
    assert _same((scalar, G))
    assert is_inf(weighted_sum([(scalar, Z1)]))


def test_terms_that_meet() -> None:
    """Equal points, opposite points, the identity, and points whose third coordinate is not one."""
    twice = double(G)
    for terms in (
        [(1, G), (1, G)],
        [(1, G), (1, neg(G))],
        [(5, G), (R - 5, G)],
        [(2, G), (1, neg(twice))],
        [(3, twice), (7, add(twice, LINEAR[0])), (1, Z1)],
        [],
    ):
        assert _same(*terms)


def test_many_terms() -> None:
    rng = random.Random(1)
    points = [G, *LINEAR, *NORM]
    for _ in range(3):
        assert _same(*((rng.choice([*SCALARS, rng.randrange(R)]), rng.choice(points)) for _ in range(8)))


def test_a_point_outside_the_subgroup_is_refused_as_ever() -> None:
    outside = next(
        x.to_bytes(48, "big")
        for x in range(1 << 383, (1 << 383) + 99)
        if pow(y := pow(x % 2**381, 3) + 4, (reference_encoding.P - 1) // 2, reference_encoding.P) == 1 and y
    )
    with pytest.raises(EncodingError, match="subgroup"):
        reference_encoding.decode_point(outside, allow_identity=False)
    with quick_reference(), pytest.raises(EncodingError, match="subgroup"):
        reference_encoding.decode_point(outside, allow_identity=False)


def test_a_proof_is_accepted_and_another_is_not() -> None:
    relation, V, proof = proved(next(iter(CASES)))
    with quick_reference():
        reference.verify(relation, V, proof, context=CONTEXT)
        with pytest.raises(ProofError):
            reference.verify(relation, V, proof, context=CONTEXT + b"x")
