"""Proofs of opening, zero and equality: what passes, and every way in which a proof is not what it claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from zkmargin import sigma
from zkmargin.errors import EncodingError, InputError, ProofError, VerificationError, WitnessError
from zkmargin.field import R, inverse, to_bytes
from zkmargin.generators import ERRORS, G, H
from zkmargin.group import IDENTITY, Point, encode, msm
from zkmargin.pedersen import ZERO, Opening, commit
from zkmargin.sigma_linear import (
    COMPACT,
    SUITE,
    Equation,
    LinearRelation,
    prove_batchable,
    prove_compact,
    verify_batchable,
    verify_compact,
)
from zkmargin.sigma_sponge import DuplexSponge, decode_scalar, derive_session_id

CONTEXT = b"trade 17"
FIVE, FIVE_AGAIN, SIX, NOTHING = Opening(5, 11), Opening(5, 2**200 + 3), Opening(6, 23), Opening(0, 99)


@dataclass(frozen=True)
class Case:
    """A statement that holds, its proof, and verification of the proof of any statement of the same kind."""

    name: str
    points: tuple[Point, ...]
    prove: Callable[[], bytes]
    verify: Callable[..., None]
    length: int
    other: tuple[Point, ...]


CASES = [
    Case(
        "opening",
        (commit(FIVE),),
        lambda: sigma.prove_opening(commit(FIVE), FIVE, context=CONTEXT),
        sigma.verify_opening,
        sigma.OPENING_BYTES,
        (commit(SIX),),
    ),
    Case(
        "zero",
        (commit(NOTHING),),
        lambda: sigma.prove_zero(commit(NOTHING), NOTHING, context=CONTEXT),
        sigma.verify_zero,
        sigma.ZERO_BYTES,
        (commit(FIVE),),
    ),
    Case(
        "equality",
        (commit(FIVE), commit(FIVE_AGAIN)),
        lambda: sigma.prove_equality(commit(FIVE), FIVE, commit(FIVE_AGAIN), FIVE_AGAIN, context=CONTEXT),
        sigma.verify_equality,
        sigma.EQUALITY_BYTES,
        (commit(FIVE), commit(SIX)),
    ),
]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cases
def test_a_proof_verifies_and_has_its_length(case: Case) -> None:
    proof = case.prove()
    case.verify(*case.points, proof, context=CONTEXT)
    assert len(proof) == case.length


@cases
def test_two_proofs_differ(case: Case) -> None:
    assert case.prove() != case.prove()


@cases
def test_replay_under_another_context(case: Case) -> None:
    for context in (b"", b"trade 18", CONTEXT + b"\x00"):
        with pytest.raises(ProofError):
            case.verify(*case.points, case.prove(), context=context)


@cases
def test_replay_for_another_commitment(case: Case) -> None:
    with pytest.raises(ProofError):
        case.verify(*case.other, case.prove(), context=CONTEXT)


def test_replay_for_a_pair_with_the_same_difference() -> None:
    """Only the difference enters the equation; the hash has both points."""
    case, shift = CASES[2], commit(SIX)
    V1, V2 = case.points
    with pytest.raises(ProofError):
        sigma.verify_equality(V1 + shift, V2 + shift, case.prove(), context=CONTEXT)
    with pytest.raises(ProofError):
        sigma.verify_equality(V2, V1, case.prove(), context=CONTEXT)


def test_tags_are_what_the_document_says() -> None:
    assert sigma._tag("opening", b"\x01\xff") == (
        b"ZKMARGIN-V01-opening-CMPT-with-sigma-proofs_Shake128_BLS12381-context-01ff"
    )
    names = ("opening", "zero", "equality")
    assert len({sigma._tag(name, context) for name in names for context in (b"", b"\x00", b"\x00\x00")}) == 9


def test_replay_as_another_kind() -> None:
    proof = sigma.prove_zero(commit(NOTHING), NOTHING, context=CONTEXT)
    with pytest.raises(ProofError):
        sigma.verify_equality(commit(NOTHING) + G, G, proof, context=CONTEXT)


@cases
def test_wrong_lengths(case: Case) -> None:
    proof = case.prove()
    for bad in (b"", proof[:-1], proof + b"\x00", proof[:-32], proof + bytes(32)):
        with pytest.raises(EncodingError):
            case.verify(*case.points, bad, context=CONTEXT)


@cases
def test_scalars_have_one_encoding(case: Case) -> None:
    proof = case.prove()
    for i in range(0, len(proof), 32):
        lifted = int.from_bytes(proof[i : i + 32], "big") + R
        encodings = [R.to_bytes(32, "big"), b"\xff" * 32]
        if lifted < 2**256:
            encodings.append(lifted.to_bytes(32, "big"))
        for bad in encodings:
            with pytest.raises(EncodingError):
                case.verify(*case.points, proof[:i] + bad + proof[i + 32 :], context=CONTEXT)


@cases
def test_every_byte_counts(case: Case) -> None:
    proof = case.prove()
    for i in range(len(proof)):
        bad = bytearray(proof)
        bad[i] ^= 1 << (i % 8)
        with pytest.raises(VerificationError):
            case.verify(*case.points, bytes(bad), context=CONTEXT)


def test_swapped_responses() -> None:
    proof = CASES[0].prove()
    with pytest.raises(ProofError):
        sigma.verify_opening(commit(FIVE), proof[:32] + proof[64:] + proof[32:64], context=CONTEXT)


@cases
def test_the_all_zero_proof(case: Case) -> None:
    with pytest.raises(ProofError):
        case.verify(*case.points, bytes(case.length), context=CONTEXT)


def test_identity_is_refused() -> None:
    """Its opening (0, 0) is public. Provers refuse it, and so does a verifier that is handed an honest transcript."""
    for prove in (sigma.prove_opening, sigma.prove_zero):
        with pytest.raises(WitnessError):
            prove(IDENTITY, ZERO, context=CONTEXT)
    with pytest.raises(WitnessError):
        sigma.prove_equality(commit(FIVE), FIVE, commit(FIVE), FIVE, context=CONTEXT)
    honest = {
        name: prove_compact(sigma._tag(name, CONTEXT), relation, [0] * n, range(1, n + 1))
        for name, relation, n in (
            ("opening", sigma._opening(IDENTITY), 2),
            ("zero", sigma._zero(IDENTITY), 1),
            ("equality", sigma._equality(G, G), 1),
        )
    }
    for name, relation in (("opening", sigma._opening(IDENTITY)), ("zero", sigma._zero(IDENTITY))):
        verify_compact(sigma._tag(name, CONTEXT), relation, honest[name])
    with pytest.raises(ProofError, match="identity"):
        sigma.verify_opening(IDENTITY, honest["opening"], context=CONTEXT)
    with pytest.raises(ProofError, match="identity"):
        sigma.verify_zero(IDENTITY, honest["zero"], context=CONTEXT)
    with pytest.raises(ProofError, match="identity"):
        sigma.verify_equality(G, G, honest["equality"], context=CONTEXT)


def test_false_statements_are_not_provable() -> None:
    with pytest.raises(WitnessError):
        sigma.prove_opening(commit(FIVE), SIX, context=CONTEXT)
    with pytest.raises(WitnessError):
        sigma.prove_zero(commit(FIVE), FIVE, context=CONTEXT)
    with pytest.raises(WitnessError):
        sigma.prove_zero(commit(FIVE), NOTHING, context=CONTEXT)
    with pytest.raises(WitnessError):
        sigma.prove_equality(commit(FIVE), FIVE, commit(SIX), SIX, context=CONTEXT)
    with pytest.raises(WitnessError):
        sigma.prove_equality(commit(FIVE), FIVE, commit(SIX), FIVE_AGAIN, context=CONTEXT)


def test_errors_show_no_secret() -> None:
    with pytest.raises(WitnessError) as caught:
        sigma.prove_opening(commit(FIVE), Opening(123456789, 987654321), context=CONTEXT)
    assert "123456789" not in str(caught.value)
    assert "987654321" not in str(caught.value)


def test_values_are_residues() -> None:
    """A proof of opening bounds nothing: -1 and r - 1 are one value."""
    sigma.verify_opening(
        commit(Opening(-1, 4)), sigma.prove_opening(commit(Opening(R - 1, 4)), Opening(-1, 4), context=b""), context=b""
    )
    sigma.verify_zero(
        commit(Opening(0, 4)), sigma.prove_zero(commit(Opening(R, 4)), Opening(R, 4), context=b""), context=b""
    )


# --- The attack that statement hashing stops ------------------------------------------------------------------------


def weak_challenge(commitment: bytes) -> int:
    """A challenge over the commitment alone: context and statement forgotten."""
    sponge = DuplexSponge(derive_session_id(COMPACT + SUITE))
    sponge.absorb(commitment)
    return decode_scalar(sponge.squeeze(48))


def test_forgery_where_the_statement_is_not_hashed() -> None:
    """Pick commitment and response first, then solve for the commitment that is to be proved.

    The result has a part of H_1, a base of unknown logarithm, so the forger knows no opening of it over (G, H).
    """
    stranger = ERRORS[0]
    challenge, responses = weak_challenge(encode(stranger)), [3, 4]
    V = msm([G, H, stranger], [s * inverse(challenge) for s in (*responses, -1)])
    assert msm([G, H], responses) == stranger + msm([V], [challenge])  # what the weakened verifier checks
    with pytest.raises(ProofError):
        sigma.verify_opening(V, b"".join(map(to_bytes, (challenge, *responses))), context=CONTEXT)


# --- The general machine --------------------------------------------------------------------------------------------


def schnorr(X: Point) -> LinearRelation:
    return LinearRelation((X,), (Equation(((2, 1),), ((0, 1, 1),)),))


@pytest.mark.parametrize(
    ("elements", "equations"),
    [
        ((G,), (Equation(((3, 1),), ((0, 1, 1),)),)),
        ((G,), (Equation(((2, 1),), ((0, -1, 1),)),)),
        ((G, H), (Equation(((2, 1),), ((0, 1, 1),)),)),
        ((G,), (Equation(((2, R),), ((0, 1, 1),)),)),
        ((G,), (Equation(((2, 1),), ((0, 1, -1),)),)),
        ((G,), (Equation(((2, 1),), ((2**32, 1, 1),)),)),
        ((G,), (Equation(((2, 1),), ((-1, 1, 1),)),)),
    ],
)
def test_ill_formed_relations_are_refused(elements: tuple[Point, ...], equations: tuple[Equation, ...]) -> None:
    with pytest.raises(InputError):
        LinearRelation(elements, equations)


@pytest.mark.parametrize("prove", [prove_compact, prove_batchable])
def test_scalar_counts_are_checked(prove: Callable[..., bytes]) -> None:
    for witness, nonces in (([1, 2], [3]), ([1], [3, 4]), ([], [3])):
        with pytest.raises(ValueError, match="as many scalars"):
            prove(b"tag", schnorr(G), witness, nonces)


def test_swapped_commitments_of_a_batchable_proof() -> None:
    relation = LinearRelation(
        (G, H, commit(FIVE), commit(SIX)),
        (Equation(((4, 1),), ((0, 2, 1), (1, 3, 1))), Equation(((5, 1),), ((2, 2, 1), (3, 3, 1)))),
    )
    proof = prove_batchable(b"tag", relation, [5, 11, 6, 23], [1, 2, 3, 4])
    verify_batchable(b"tag", relation, proof)
    with pytest.raises(ProofError):
        verify_batchable(b"tag", relation, proof[48:96] + proof[:48] + proof[96:])
