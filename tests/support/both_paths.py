"""Statements, and the question that the reference tests ask of them: do both verifiers say the same?"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache

import pytest
import small_relations
from quick_sums import quick_reference
from small_relations import Case, digits_of

from zkmargin import field, reference
from zkmargin.errors import VerificationError
from zkmargin.group import decode, encode
from zkmargin.pedersen import commit
from zkmargin.range_argument import Assignment, prove, verify
from zkmargin.relation import Digit, Gate, Relation, Row, Square

R = field.R
CONTEXT = b"both paths"
IDENTITY = b"\xc0" + bytes(47)


def several_bit_lengths() -> Case:
    """v_0 of 3 bits, v_1 of 2 digits in base 16, v_2 of 4 digits in base 4, and 2 v_0 - v_1 + v_2 = 0..15."""
    values = (5, 0xA7, 0xA1)
    tables = ((0, 1), tuple(range(16)), tuple(range(4)))
    blocks = ((0, 2, 3), (1, 16, 2), (2, 4, 4))  # table, base, digits
    slots, rows, a = [], [], []
    for j, (table, base, count) in enumerate(blocks):
        rows.append(Row(W=tuple((len(slots) + e, base**e) for e in range(count)), P=((j, 1),)))
        slots += [Digit(table)] * count
        a += digits_of(values[j], base, count)
    rows.append(Row(W=((len(slots), 1),), P=((0, 2), (1, -1), (2, 1))))
    slots.append(Digit(1))
    a.append(2 * values[0] - values[1] + values[2])
    relation = Relation(tables=tables, slots=tuple(slots), rows=tuple(rows), gadgets=(), J=3)
    return Case("three tables", relation, values, Assignment(a, {}))


def no_table() -> Case:
    """u = 5, v_0 = 25 = u^2: a gate and no digit, so M = 0 and L = 4."""
    relation = Relation(
        tables=(),
        slots=(Gate(constant=25),),
        rows=(Row(W=((0, 1),), U=((0, -1),)), Row(W=((0, 1),), b=5), Row(W=((0, 5),), P=((0, 1),))),
        gadgets=(Square(0, 0),),
        J=1,
    )
    return Case("no table", relation, (25,), Assignment([5], {0: 5}))


def no_commitment() -> Case:
    """Nothing is committed: four bits of the public number 9."""
    relation = Relation(
        tables=((0, 1),),
        slots=(Digit(0),) * 4,
        rows=(Row(W=tuple((e, 2**e) for e in range(4)), b=9),),
        gadgets=(),
        J=0,
    )
    return Case("no commitment", relation, (), Assignment(digits_of(9, 2, 4), {}))


CASES = {case.name: case for case in [*small_relations.cases(), several_bit_lengths(), no_table(), no_commitment()]}
MARGIN = "margin of q = -3"
every_case = pytest.mark.parametrize("name", CASES)
one_of_a_kind = pytest.mark.parametrize("name", ["a bit and a table with a gap", MARGIN, "three tables", "no table"])


@cache
def proved(name: str) -> tuple[Relation, tuple[bytes, ...], bytes]:
    case = CASES[name]
    V = tuple(encode(commit(opening)) for opening in case.openings())
    return case.relation, V, prove(case.relation, case.openings(), case.assignment, context=CONTEXT)


def outcome(verifier, *args, **kwargs) -> str:
    try:
        verifier(*args, **kwargs)
    except VerificationError as error:
        return type(error).__name__
    return "accepted"


def fast(relation, V, proof, *, context=CONTEXT) -> None:
    verify(relation, [decode(encoded, allow_identity=True) for encoded in V], proof, context=context)


def both(relation, V, proof, *, context=CONTEXT, literally: bool = False) -> str:
    """What both verifiers say; the reference ``literally``, or with its sums in integers."""
    with nullcontext() if literally else quick_reference():
        verdicts = {outcome(verifier, relation, V, proof, context=context) for verifier in (fast, reference.verify)}
    assert len(verdicts) == 1, f"the two paths disagree: {verdicts}"
    return verdicts.pop()


def flipped(proof: bytes, position: int, bit: int) -> bytes:
    return proof[:position] + bytes([proof[position] ^ 1 << bit]) + proof[position + 1 :]
