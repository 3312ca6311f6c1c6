"""Lines that an adversary broke without a test noticing; each of these tests fails on its mutant."""

import subprocess
import sys

import pytest
from small_relations import ranges

from zkmargin.errors import EncodingError, RelationError
from zkmargin.field import R
from zkmargin.pedersen import commit
from zkmargin.range_argument import MAX_CONTEXT_BYTES, prove, verify
from zkmargin.relation import Abs, Digit, Gate, Relation, Row

BIT = (0, 1)


def test_a_symbol_counts_by_its_distance_from_zero():
    """Only negative symbols, near -r/2: times 3 they wrap."""
    with pytest.raises(RelationError):
        Relation(((-(R // 2) + 5, 0),), (Digit(0),), (Row(((0, 3),), P=((0, 1),)),), (), 1)


def test_the_constant_of_a_row_is_part_of_the_bound_that_it_gives():
    rows = (Row(((0, 1),), P=((0, 1),), b=R // 2 - 5), Row((), P=((0, 3), (1, 1))))
    with pytest.raises(RelationError):
        Relation((BIT,), (Digit(0),), rows, (), 2)


def test_a_gate_belongs_to_one_gadget():
    total, difference = Row(((0, 1), (1, -1)), U=((0, 1),)), Row(((0, -1),), U=((0, 1),), P=((0, 1),))
    rows = (total, difference, total, difference)
    with pytest.raises(RelationError):
        Relation((BIT,), (Gate(), Digit(0)), rows, (Abs(0, (0, 1)), Abs(0, (2, 3))), 1)


def test_an_abs_needs_two_symbols():
    rows = (Row(((0, 1), (1, -1)), U=((0, 1),)), Row(((0, -1),), U=((0, 1),), P=((0, 1),)))
    with pytest.raises(RelationError):
        Relation(((0,),), (Gate(), Digit(0)), rows, (Abs(0, (0, 1)),), 1)


def test_the_context_is_limited_on_both_sides_to_the_byte():
    case = ranges([1], 2, 1)
    openings = case.openings()
    V = [commit(opening) for opening in openings]
    longest = bytes(MAX_CONTEXT_BYTES)
    proof = prove(case.relation, openings, case.assignment, context=longest)
    verify(case.relation, V, proof, context=longest)
    with pytest.raises(EncodingError):
        verify(case.relation, V, proof, context=longest + b"\x00")
    with pytest.raises(EncodingError):
        prove(case.relation, openings, case.assignment, context=longest + b"\x00")


def test_deep_json_is_refused_whatever_the_recursion_limit_is():
    """py_ecc raises the limit when it is imported; the parser of json then overflows the stack of the process."""
    code = (
        "import sys; sys.setrecursionlimit(1000000)\n"
        "from zkmargin import canonical, errors\n"
        "n = 1_000_000\n"
        "for data in (b'[' * n, b'[{\"a\":' * n, b'{\"a' + b'\\\\\"' * n, b'\"\\\\' * n):\n"
        "    try: canonical.parse(data)\n"
        "    except errors.InputError: continue\n"
        "    sys.exit(1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
