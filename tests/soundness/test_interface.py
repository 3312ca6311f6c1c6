"""What surrounds the equation: numbers of commitments and bases, encodings, order of checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bad_points import NEVER_VALID
from py_ecc.optimized_bls12_381 import FQ, add, normalize
from quick_sums import quick_reference
from small_relations import ranges

from zkmargin import range_argument, reference
from zkmargin.errors import EncodingError, ProofError, VerificationError
from zkmargin.field import R
from zkmargin.generators import generators
from zkmargin.group import IDENTITY, Point, encode, msm
from zkmargin.pedersen import commit
from zkmargin.range_argument import prove, verify
from zkmargin.reference_encoding import decode_point, encode_point

CASE = ranges([5, 77], 4, 4)
RELATION = CASE.relation
V = [commit(opening) for opening in CASE.openings()]
PROOF = prove(RELATION, CASE.openings(), CASE.assignment, context=b"c")
POINTS = 3 + 2 * RELATION.K


def fast(points: list[Point], proof: bytes, context: bytes = b"c") -> None:
    verify(RELATION, points, proof, context=context)


def slow(points: list[Point], proof: bytes, context: bytes = b"c") -> None:
    with quick_reference():
        reference.verify(RELATION, [encode(point) for point in points], proof, context=context)


both = pytest.mark.parametrize("check", [fast, slow])


@both
def test_the_number_of_commitments(check: Callable[..., None]) -> None:
    """One too many and one too few, the surplus being the identity, a repeat, or a commitment to anything."""
    for points in (V[:1], V[1:], [], [*V, IDENTITY], [*V, V[0]], [IDENTITY, *V]):
        with pytest.raises(VerificationError) as caught:
            check(points, PROOF)
        assert isinstance(caught.value, ProofError)


@both
def test_commitments_swapped(check: Callable[..., None]) -> None:
    with pytest.raises(ProofError):
        check(V[::-1], PROOF)


@both
@pytest.mark.parametrize("change", [-48, -32, -1, 1, 32, 48])
def test_the_length_of_the_proof(check: Callable[..., None], change: int) -> None:
    bad = PROOF[:change] if change < 0 else PROOF + bytes(change)
    with pytest.raises(EncodingError):
        check(V, bad)


@both
def test_scalar_plus_r(check: Callable[..., None]) -> None:
    """Every scalar of the proof, where s + r still fits 32 bytes."""
    lifted = 0
    for i in range(48 * POINTS, len(PROOF), 32):
        s = int.from_bytes(PROOF[i : i + 32], "big") + R
        for bad in (s, R, 2**256 - 1):
            if bad < 2**256:
                lifted += 1
                with pytest.raises(EncodingError):
                    check(V, PROOF[:i] + bad.to_bytes(32, "big") + PROOF[i + 32 :])
    assert lifted > 2 * sum(RELATION.final_lengths)


@pytest.mark.parametrize("bad", [e for e in NEVER_VALID.values() if len(e) == 48], ids=bytes.hex)
def test_bad_points_in_every_place(bad: bytes) -> None:
    for i in range(POINTS):
        for check in (fast, slow) if i == 0 else (fast,):
            with pytest.raises(EncodingError):
                check(V, PROOF[: 48 * i] + bad + PROOF[48 * (i + 1) :])


@both
def test_the_identity_is_no_proof_point(check: Callable[..., None]) -> None:
    for i in range(POINTS):
        with pytest.raises(EncodingError):
            check(V, PROOF[: 48 * i] + encode(IDENTITY) + PROOF[48 * (i + 1) :])


@both
def test_a_proof_point_plus_a_point_of_order_3(check: Callable[..., None]) -> None:
    """On the curve, one third of the group apart from the honest point: only the subgroup check sees it."""
    honest = decode_point(PROOF[:48], allow_identity=False)
    shifted = encode_point(add(honest, (FQ(0), FQ(2), FQ(1))))
    assert shifted != PROOF[:48]
    assert normalize(honest) is not None
    with pytest.raises(EncodingError, match="subgroup"):
        check(V, shifted + PROOF[48:])


def test_lists_of_different_length_are_never_summed() -> None:
    for points, scalars in (([V[0]], [1, 2]), (V, [1]), ([], [1]), (V, [])):
        with pytest.raises(ValueError, match="as many"):
            msm(points, scalars)


@pytest.mark.parametrize("drop", ["linear", "norm"])
@pytest.mark.parametrize("by", [-1, 1])
def test_bases_of_another_length(drop: str, by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier that is handed one base too few, or too many, fails loudly; it does not sum what is left."""

    class Wrong:
        def __init__(self, M: int, N_padded: int) -> None:
            right = generators(M, N_padded)
            self.digest, self.linear, self.norm = right.digest, right.linear, right.norm
            have = getattr(self, drop)
            setattr(self, drop, have[:-1] if by < 0 else [*have, have[0]])

    monkeypatch.setattr(range_argument, "generators", Wrong)
    with pytest.raises(ValueError, match="as many"):
        fast(V, PROOF)
