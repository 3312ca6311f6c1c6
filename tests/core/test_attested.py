"""Attested values: bounds that others checked. What the closure takes from them, what the digest says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_relations import absolute, attested

from zkmargin import reference_encoding
from zkmargin.errors import ProofError, RelationError, WitnessError
from zkmargin.field import R
from zkmargin.pedersen import Opening, commit
from zkmargin.range_argument import prove, verify
from zkmargin.relation import MAX_ATTESTED_BITS, Digit, Relation, Row

CASE = attested()
RELATION = CASE.relation
BIT = ((0, 1),)


def test_a_value_that_is_not_declared_is_bounded_by_nothing() -> None:
    for declared in ((), RELATION.attested[:1], RELATION.attested[1:], ((1, 8), *RELATION.attested[:1])):
        with pytest.raises(RelationError, match="bounded by no row"):
            replace(RELATION, attested=declared)


def test_a_declared_value_needs_no_row_and_bounds_nothing_else() -> None:
    """Cash has coefficient 1 beside it; without a row of its own, a second value has no bound."""
    *rows, margin = RELATION.rows
    assert replace(RELATION, rows=(*rows, replace(margin, P=margin.P[:2]))).J == 4
    with pytest.raises(RelationError, match="bounded by no row"):
        replace(RELATION, J=5)
    with pytest.raises(RelationError, match="bounded by no row"):
        replace(RELATION, rows=(*rows, replace(margin, P=((0, 2), *margin.P[1:]))))


@pytest.mark.parametrize("bits", [1, 48, MAX_ATTESTED_BITS])
def test_the_bits_count_in_what_a_row_can_reach(bits: int) -> None:
    """c (2^n - 1) + |b|, to the last unit below r/2."""
    c = 2**180
    most = (R - 1) // 2 - c * (2**bits - 1)

    def relation(b: int) -> Relation:
        return Relation(BIT, (Digit(0),), (Row((), P=((0, c),), b=b),), (), 1, ((0, bits),))

    assert relation(most).J == 1
    with pytest.raises(RelationError, match="reach r/2"):
        relation(most + 1)


def test_more_bits_than_a_row_can_hold_are_refused() -> None:
    for bits, c in ((64, 2**190), (48, 2**206), (1, R // 2 + 1)):
        rows = (*RELATION.rows[:2], replace(RELATION.rows[2], P=(*RELATION.rows[2].P[:3], (3, c))))
        with pytest.raises(RelationError):
            replace(RELATION, rows=rows, attested=((2, 6), (3, bits)))


def test_they_bound_the_values_that_rows_bound() -> None:
    """v_0 = 2^100 v_1, and 2^90 v_0 in a row that 64 bits of v_1 make wrap and 60 do not."""
    rows = (Row((), P=((0, 1), (1, -(2**100)))), Row((), P=((0, 2**90),)))
    assert Relation(BIT, (Digit(0),), rows, (), 2, ((1, 60),)).J == 2
    with pytest.raises(RelationError, match="reach r/2"):
        Relation(BIT, (Digit(0),), rows, (), 2, ((1, 64),))


@pytest.mark.parametrize(
    "declared",
    [((4, 6),), ((-1, 6),), ((2, 6), (2, 6)), ((3, 4), (2, 6)), ((2, 0), (3, 4)), ((2, -1), (3, 4)), ((2, 6), (3, 65))],
)
def test_shape(declared: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(RelationError, match=r"attested value"):
        replace(RELATION, attested=declared)


def test_the_digest_says_which_and_how_many_bits() -> None:
    others = [RELATION, *(replace(RELATION, attested=((2, a), (3, b))) for a, b in ((7, 4), (6, 3), (4, 6)))]
    others.append(replace(RELATION, attested=((1, 6), *RELATION.attested)))
    plain = absolute(-3, 1000).relation
    others += [plain, replace(plain, attested=((1, 6),)), replace(plain, attested=((0, 6),))]
    assert len({relation.digest for relation in others}) == len(others)
    for relation in others:
        assert reference_encoding.relation_digest(relation) == relation.digest


def test_a_value_outside_its_bits_is_proved_all_the_same() -> None:
    """The proof does not show the bound: docs/protocol.md, section 11.4. 35 lots of 4 bits are 20 too many."""
    lie = attested(locks=(40, 35))
    openings = lie.openings()
    proof = prove(lie.relation, openings, lie.assignment, context=b"c")
    verify(lie.relation, [commit(opening) for opening in openings], proof, context=b"c")


def test_another_value_than_the_committed_one_is_not() -> None:
    openings = CASE.openings()
    V = [commit(opening) for opening in openings]
    proof = prove(RELATION, openings, CASE.assignment, context=b"c")
    verify(RELATION, V, proof, context=b"c")
    for j, by in ((2, 1), (2, -1), (3, 1)):
        changed = [*openings]
        changed[j] = Opening(openings[j].value + by, openings[j].blinding)
        with pytest.raises(WitnessError):
            prove(RELATION, changed, CASE.assignment, context=b"c")
        with pytest.raises(ProofError):
            verify(RELATION, [*V[:j], commit(changed[j]), *V[j + 1 :]], proof, context=b"c")
