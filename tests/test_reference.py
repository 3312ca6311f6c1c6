"""The fast verifier and the reference verifier agree, on accept and on every class of reject: statements.

Both follow docs/protocol.md; where they part, one of them departs from it.
"""

from __future__ import annotations

import pytest
import reference_prover
import small_relations
from both_paths import CASES, CONTEXT, IDENTITY, MARGIN, both, every_case, flipped, one_of_a_kind, proved

from zkmargin import reference, reference_encoding
from zkmargin.errors import EncodingError, ProofError
from zkmargin.generators import generators
from zkmargin.group import encode
from zkmargin.pedersen import ZERO, Opening, commit
from zkmargin.range_argument import MAX_CONTEXT_BYTES, prove
from zkmargin.reference_encoding import encode_point, relation_digest

# Accept.


@every_case
def test_both_accept_a_fast_proof(name):
    assert both(*proved(name), literally=True) == "accepted"


@one_of_a_kind
def test_both_accept_a_reference_proof(name):
    case = CASES[name]
    V = [reference_prover.commit(opening.value, opening.blinding) for opening in case.openings()]
    assert [encode(commit(opening)) for opening in case.openings()] == V
    proof = reference_prover.prove(case.relation, case.openings(), case.assignment, context=CONTEXT)
    assert both(case.relation, V, proof) == "accepted"


def test_both_accept_the_identity_as_a_commitment():
    case = small_relations.ranges([0, 9], 4, 2)
    openings = [ZERO, Opening(9, 77)]
    V = [encode(commit(opening)) for opening in openings]
    assert V[0] == IDENTITY
    proof = prove(case.relation, openings, case.assignment, context=CONTEXT)
    assert both(case.relation, V, proof) == "accepted"
    assert both(case.relation, V[::-1], proof) == "ProofError"


@every_case
def test_same_lengths_digest_and_bases(name):
    relation = CASES[name].relation
    shape = reference.shape_of(relation)
    assert (shape.M, shape.L, shape.K, shape.N_padded) == (relation.M, relation.L, relation.K, relation.N_padded)
    assert (shape.n_final, shape.l_final) == relation.final_lengths
    assert shape.proof_bytes == relation.proof_bytes
    assert relation_digest(relation) == relation.digest
    _, linear, norm = reference_encoding.generators(shape.M, shape.N_padded)
    fast_bases = generators(relation.M, relation.N_padded)
    assert [encode_point(P) for P in linear + norm] == [encode(P) for P in fast_bases.linear + fast_bases.norm]


# Reject: the statement.


@every_case
def test_both_refuse_another_context(name):
    relation, V, proof = proved(name)
    assert both(relation, V, proof, context=CONTEXT + b"\x00") == "ProofError"


def test_both_refuse_a_context_above_the_limit():
    relation, V, proof = proved(MARGIN)
    assert both(relation, V, proof, context=b"") == "ProofError"
    assert both(relation, V, proof, context=bytes(MAX_CONTEXT_BYTES)) == "ProofError"
    assert both(relation, V, proof, context=bytes(MAX_CONTEXT_BYTES + 1)) == "EncodingError"


@one_of_a_kind
def test_both_refuse_other_commitments(name):
    relation, V, proof = proved(name)
    if len(V) > 1:
        assert both(relation, (V[1], V[0], *V[2:]), proof) == "ProofError"
    negated = bytes([V[0][0] ^ 0x20]) + V[0][1:]
    assert both(relation, (negated, *V[1:]), proof) == "ProofError"
    assert both(relation, (IDENTITY, *V[1:]), proof) == "ProofError"
    assert both(relation, V[1:], proof) == "ProofError"
    assert both(relation, (*V, V[0]), proof) == "ProofError"
    assert both(relation, (*V, IDENTITY), proof) == "ProofError"


def test_both_refuse_another_relation_of_the_same_shape():
    _, V, proof = proved(MARGIN)
    for other in (small_relations.absolute(-3, 1000, A=91), small_relations.absolute(-3, 1000, B=111)):
        assert both(other.relation, V, proof) == "ProofError"


def test_errors_say_nothing_of_the_input():
    relation, V, proof = proved(MARGIN)
    for wrong, error in ((proof[:-1], EncodingError), (flipped(proof, len(proof) - 1, 0), ProofError)):
        with pytest.raises(error) as caught:
            reference.verify(relation, V, wrong, context=CONTEXT)
        assert str(caught.value).endswith(".")
        assert not any(character.isdigit() for character in str(caught.value))
