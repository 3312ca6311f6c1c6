import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_relations import absolute, cases, ranges, square

from zkmargin import nonces
from zkmargin.errors import EncodingError, ProofError, VerificationError, WitnessError
from zkmargin.field import R
from zkmargin.group import IDENTITY, encode
from zkmargin.pedersen import ZERO, Opening, commit
from zkmargin.range_argument import MAX_CONTEXT_BYTES, Assignment, prove, verify
from zkmargin.relation import Digit, Gate, Relation, Row, Square

CASES = cases()
CONTEXT = b"a statement"


def proved(case):
    openings = case.openings()
    return [commit(o) for o in openings], prove(case.relation, openings, case.assignment, context=CONTEXT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_accepts(case):
    V, proof = proved(case)
    assert len(proof) == case.relation.proof_bytes
    verify(case.relation, V, proof, context=CONTEXT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_proofs_of_one_statement_share_no_block(case):
    _, first = proved(case)
    _, second = proved(case)
    blocks = [{proof[i : i + 16] for i in range(0, len(proof), 16)} for proof in (first, second)]
    assert not blocks[0] & blocks[1]


def test_known_commitments_may_be_given():
    case = CASES[2]
    openings = case.openings()
    V = [commit(o) for o in openings]
    proof = prove(case.relation, openings, case.assignment, context=CONTEXT, commitments=V)
    verify(case.relation, V, proof, context=CONTEXT)


def test_an_unused_label_is_the_identity():
    case = ranges([0, 9], 4, 2)
    openings = [ZERO, Opening(9, 77)]
    V = [commit(o) for o in openings]
    assert V[0] == IDENTITY
    proof = prove(case.relation, openings, case.assignment, context=CONTEXT)
    verify(case.relation, V, proof, context=CONTEXT)


@pytest.mark.parametrize("i", range(16))
def test_every_byte_flipped(i):
    """Every byte of a proof, sixteen to a test, each with another bit."""
    case = absolute(-3, 1000)
    V, proof = proved(case)
    for position in range(i, len(proof), 16):
        bad = bytearray(proof)
        bad[position] ^= 1 << position % 8
        with pytest.raises((EncodingError, ProofError)):
            verify(case.relation, V, bytes(bad), context=CONTEXT)


@pytest.mark.parametrize("change", [-1, 1, -32, 32, -48, 48])
def test_length_is_fixed(change):
    case = CASES[1]
    V, proof = proved(case)
    bad = proof[:change] if change < 0 else proof + bytes(change)
    with pytest.raises(EncodingError):
        verify(case.relation, V, bad, context=CONTEXT)
    with pytest.raises(EncodingError):
        verify(case.relation, V, b"", context=CONTEXT)


def test_scalars_are_canonical():
    case = CASES[1]
    V, proof = proved(case)
    last = int.from_bytes(proof[-32:], "big")
    with pytest.raises(EncodingError, match="not reduced"):
        verify(case.relation, V, proof[:-32] + (last + R).to_bytes(32, "big"), context=CONTEXT)


@pytest.mark.parametrize("index", range(3))
def test_identity_in_the_proof_is_refused(index):
    case = CASES[1]
    V, proof = proved(case)
    bad = proof[: 48 * index] + b"\xc0" + bytes(47) + proof[48 * (index + 1) :]
    with pytest.raises(EncodingError, match="infinity"):
        verify(case.relation, V, bad, context=CONTEXT)


def test_number_of_commitments():
    case = CASES[1]
    V, proof = proved(case)
    for wrong in (V[:-1], [*V, V[0]], [*V, IDENTITY], []):
        with pytest.raises(ProofError):
            verify(case.relation, wrong, proof, context=CONTEXT)


def test_statement_is_bound():
    case = CASES[2]
    V, proof = proved(case)
    other = ranges([7, 4095, 101], 16, 3)
    with pytest.raises(ProofError):
        verify(case.relation, V, proof, context=b"another statement")
    with pytest.raises(ProofError):
        verify(case.relation, [V[1], V[0], V[2]], proof, context=CONTEXT)
    with pytest.raises(ProofError):
        verify(case.relation, [commit(o) for o in other.openings()], proof, context=CONTEXT)
    row = dataclasses.replace(case.relation.rows[0], b=1)
    relation = dataclasses.replace(case.relation, rows=(row, *case.relation.rows[1:]))
    with pytest.raises(ProofError):
        verify(relation, V, proof, context=CONTEXT)


@pytest.mark.parametrize("value", [-1, R - 1, 16, 2**200, (R + 1) // 2])
def test_out_of_range_values_have_no_witness(value):
    case = ranges([5], 4, 2)
    for digits in ([value % 4, value // 4 % 4], [value, 0], [value % 4, value // 4]):
        with pytest.raises(WitnessError):
            prove(case.relation, [Opening(value, 3)], Assignment(digits, {}), context=CONTEXT)


def test_a_gate_with_a_constant_after_a_digit():
    """u^2 = d + 24 with u = 5 and a bit d; v_0 = 5 u."""
    relation = Relation(
        tables=((0, 1),),
        slots=(Digit(0), Gate(form=((0, 1),), constant=24)),
        rows=(Row(W=((1, 1),), U=((1, -1),)), Row(W=((1, 1),), b=5), Row(W=((1, 5),), P=((0, 1),))),
        gadgets=(Square(1, 0),),
        J=1,
    )
    opening = Opening(25, 7)
    proof = prove(relation, [opening], Assignment([1, 5], {1: 5}), context=CONTEXT)
    verify(relation, [commit(opening)], proof, context=CONTEXT)
    with pytest.raises(WitnessError):
        prove(relation, [opening], Assignment([0, 5], {1: 5}), context=CONTEXT)


@pytest.mark.parametrize("case", [absolute(-3, 1000), square()], ids=lambda case: case.name)
def test_entries_and_values_count_modulo_r(case):
    """Also where a sum is then another number: r more or less of an entry is the same witness."""
    shifted = Assignment([entry + R for entry in case.assignment.a], {g: w - R for g, w in case.assignment.w.items()})
    openings = [Opening(opening.value - R, opening.blinding) for opening in case.openings()]
    proof = prove(case.relation, openings, shifted, context=CONTEXT)
    verify(case.relation, [commit(opening) for opening in case.openings()], proof, context=CONTEXT)


def test_bad_witnesses_name_no_amount():
    case = absolute(-3, 1000)
    a, w = list(case.assignment.a), dict(case.assignment.w)
    long_and_short = Assignment([a[0] + 1, *a[1:]], {0: w[0] + 1})
    swapped = Assignment([w[0], *a[1:]], {0: a[0]})
    for bad in (Assignment(a[:-1], w), Assignment(a, {}), long_and_short, swapped):
        with pytest.raises(WitnessError) as caught:
            prove(case.relation, case.openings(), bad, context=CONTEXT)
        assert not any(character.isdigit() for character in str(caught.value))


def test_context_is_limited():
    case = CASES[0]
    with pytest.raises(VerificationError):
        verify(
            case.relation,
            [commit(o) for o in case.openings()],
            bytes(case.relation.proof_bytes),
            context=bytes(MAX_CONTEXT_BYTES + 1),
        )


@settings(max_examples=15, deadline=None)
@given(q=st.integers(-63, 63), slack=st.integers(0, 4**8 - 1))
def test_margin_of_random_accounts(q, slack):
    """Slack 0 and the largest slack prove like any other; the reprs of secrets show nothing."""
    cash = slack - 90 * q + 20 * max(-q, 0)
    case = absolute(q, cash)
    V, proof = proved(case)
    verify(case.relation, V, proof, context=CONTEXT)
    assert "hidden" in repr(nonces.NonceSource(b"x"))
    assert repr(case.openings()[0]) == "Opening()"


def test_one_less_than_solvent_has_no_witness():
    case = absolute(-3, 330)
    assert case.relation.rows[2].P == ((0, 1), (1, 90))
    openings = [Opening(329, 5), Opening(-3, 6)]
    with pytest.raises(WitnessError):
        prove(case.relation, openings, case.assignment, context=CONTEXT)


def test_hedged_nonces_differ_with_anything(monkeypatch):
    monkeypatch.setattr(nonces, "fresh_entropy", lambda: bytes(32))
    seen = {
        nonces.NonceSource(label, *inputs).scalar(name, index)
        for label in (b"a", b"b")
        for inputs in ((b"x",), (b"y",), (b"x", b""), (b"", b"x"))
        for name in ("s", "t")
        for index in (0, 1)
    }
    assert len(seen) == 2 * 4 * 2 * 2


def test_fresh_entropy_differs():
    assert nonces.fresh_entropy() != nonces.fresh_entropy()
    assert encode(commit(Opening.random(5))) != encode(commit(Opening.random(5)))
