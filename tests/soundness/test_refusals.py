"""Relations that must not exist: shapes, gadgets and the integer closure, one mistake each.

Every case names the sound relation that it mutates; the sound one is accepted.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from math import isqrt
from typing import Any

import pytest
from small_relations import absolute, ranges, square

from zkmargin.errors import RelationError
from zkmargin.field import R
from zkmargin.relation import Abs, Digit, Gate, Relation, Row, Square

ABS = absolute(-3, 1000).relation
"""Slots: gate 0, digits 1-3 of |q|, digits 4-11 of the slack. Rows: u + w, w - u, margin. v_0 = cash, v_1 = q."""
SQUARE = square().relation
"""Slots: gate 0, digits 1-4 of u^2, digits 5-6 of u. Rows: u = w, u = digits, v_0 = u, v_1 = u^2."""
RANGE = ranges([5], 4, 3).relation


def row(relation: Relation, k: int, **changes: Any) -> Relation:
    rows = list(relation.rows)
    rows[k] = replace(rows[k], **changes)
    return replace(relation, rows=tuple(rows))


def slot(relation: Relation, i: int, new: Digit | Gate) -> Relation:
    slots = list(relation.slots)
    slots[i] = new
    return replace(relation, slots=tuple(slots))


W_SUM = ABS.rows[0].W  # ((0, 1), (1, -1), (2, -4), (3, -16))
HALF_R = R // 2

SHAPE: dict[str, Callable[[], Relation]] = {
    "no slot": lambda: Relation((), (), (), (), 0),
    "an empty table": lambda: replace(RANGE, tables=(*RANGE.tables, ())),
    "a symbol twice": lambda: replace(RANGE, tables=((0, 1, 2, 2),)),
    "a symbol twice modulo r": lambda: replace(RANGE, tables=((0, 1, 2, R + 1),)),
    "a digit of no table": lambda: slot(RANGE, 0, Digit(1)),
    "a digit of table -1": lambda: slot(RANGE, 0, Digit(-1)),
    "W on a null slot": lambda: row(RANGE, 0, W=(*RANGE.rows[0].W, (3, 1))),
    "U on a null slot": lambda: row(ABS, 0, U=((0, 1), (12, 1))),
    "W at -1": lambda: row(RANGE, 0, W=((-1, 1), *RANGE.rows[0].W)),
    "P beyond J": lambda: row(RANGE, 0, P=((1, 1),)),
    "indices that fall": lambda: row(RANGE, 0, W=tuple(reversed(RANGE.rows[0].W))),
    "an index twice": lambda: row(RANGE, 0, W=((0, 1), (0, 1), (1, 4), (2, 16))),
    "a coefficient 0": lambda: row(RANGE, 0, W=((0, 0), (1, 4), (2, 16))),
    "a coefficient r": lambda: row(RANGE, 0, W=((0, R), (1, 4), (2, 16))),
    "a form on a null slot": lambda: slot(SQUARE, 0, Gate(form=((7, 1),))),
    "a negative number of commitments": lambda: replace(RANGE, J=-1),
}

GADGETS: dict[str, Callable[[], Relation]] = {
    "a gate in no gadget": lambda: replace(ABS, gadgets=()),
    "a gate in no gadget, whose u a row bounds": lambda: Relation(
        ((0, 1),), (Gate(), Digit(0)), (Row(((0, 1), (1, -1))),), (), 0
    ),
    "a gate in two gadgets": lambda: replace(ABS, gadgets=(*ABS.gadgets, Square(0, 2))),
    "the same gadget twice": lambda: replace(ABS, gadgets=ABS.gadgets * 2),
    "a gadget on a digit": lambda: replace(ABS, gadgets=(Abs(1, (0, 1)),)),
    "a gadget on a slot that is not there": lambda: replace(ABS, gadgets=(Abs(12, (0, 1)),)),
    "a gadget on slot -12": lambda: replace(ABS, gadgets=(Abs(-12, (0, 1)),)),
    "a row that is not there": lambda: replace(ABS, gadgets=(Abs(0, (0, 3)),)),
    "row -2": lambda: replace(ABS, gadgets=(Abs(0, (0, -2)),)),
    "one row for both": lambda: replace(ABS, gadgets=(Abs(0, (0, 0)),)),
    "rows swapped": lambda: replace(ABS, gadgets=(Abs(0, (1, 0)),)),
    "a gate with a constant": lambda: slot(ABS, 0, Gate(constant=1)),
    "a gate with a form": lambda: slot(ABS, 0, Gate(form=((1, 1),))),
    "u - w = digits": lambda: row(ABS, 0, U=((0, -1),)),
    "u + 2 w = digits": lambda: row(ABS, 0, U=((0, 2),)),
    "2 u + w = digits": lambda: row(ABS, 0, W=((0, 2), *W_SUM[1:])),
    "u + w = digits + 1": lambda: row(ABS, 0, b=1),
    "u + w = digits + v": lambda: row(ABS, 0, P=((0, 1),)),
    "w + u = x": lambda: row(ABS, 1, W=((0, 1),)),
    "w - u - d = x": lambda: row(ABS, 1, W=((0, -1), (4, -1))),
    "2 w - u = x": lambda: row(ABS, 1, U=((0, 2),)),
    "a weight too few": lambda: row(ABS, 0, W=((0, 1), (1, -1), (3, -16))),
    "a weight missing at the bottom": lambda: row(ABS, 0, W=((0, 1), (2, -4), (3, -16))),
    "a weight twice": lambda: row(ABS, 0, W=((0, 1), (1, -1), (2, -4), (3, -4))),
    "a weight of other sign": lambda: row(ABS, 0, W=((0, 1), (1, -1), (2, -4), (3, 16))),
    "a weight of another base": lambda: row(ABS, 0, W=((0, 1), (1, -1), (2, -2), (3, -4))),
    "no digit at all": lambda: row(ABS, 0, W=((0, 1),)),
    "a table with a negative symbol": lambda: replace(ABS, tables=((-1, 0, 1, 2),)),
    "a table with a gap": lambda: replace(ABS, tables=((0, 1, 2, 4),)),
    "a table in another order": lambda: replace(ABS, tables=((1, 0, 2, 3),)),
    "a table written modulo r": lambda: replace(ABS, tables=((0, 1, 2, 3 - R),)),
    "digits of two tables": lambda: slot(replace(ABS, tables=((0, 1, 2, 3), (0, 1, 2, 3))), 1, Digit(1)),
    "a gate among the digits": lambda: replace(slot(ABS, 1, Gate()), gadgets=(*ABS.gadgets, Abs(1, (2, 1)))),
    "U on a digit": lambda: row(ABS, 2, U=((4, 1),)),
    "U on a digit in a gadget's row": lambda: row(ABS, 1, U=((0, 1), (4, 1))),
    "U on the gate outside its gadget": lambda: row(ABS, 2, U=((0, 1),)),
    "u = -w for a square": lambda: row(SQUARE, 0, U=((0, 1),)),
    "u = w + 1 for a square": lambda: row(SQUARE, 0, b=1),
    "u = w + v for a square": lambda: row(SQUARE, 0, P=((0, 1),)),
    "u = w + d for a square": lambda: row(SQUARE, 0, W=((0, 1), (1, 1))),
    "an abs read as a square": lambda: replace(ABS, gadgets=(Square(0, 1),)),
}


def wide_abs(count: int) -> Relation:
    """|q| with ``count`` bits."""
    return Relation(
        ((0, 1),),
        (Gate(), *(Digit(0),) * count),
        (
            Row(W=((0, 1), *((1 + e, -(1 << e)) for e in range(count))), U=((0, 1),)),
            Row(W=((0, -1),), U=((0, 1),), P=((0, 1),)),
        ),
        (Abs(0, (0, 1)),),
        1,
    )


def wide_square(count: int) -> Relation:
    """u with ``count`` bits, and its square modulo r."""
    return Relation(
        ((0, 1),),
        (Gate(form=((1, 1),)), *(Digit(0),) * count),
        (Row(((0, 1),), U=((0, -1),)), Row(((0, 1), *((1 + e, -(1 << e)) for e in range(count))))),
        (Square(0, 0),),
        0,
    )


CLOSURE: dict[str, Callable[[], Relation]] = {
    "D * cash": lambda: row(ABS, 2, P=((0, 3), (1, 90))),
    "-3 * cash": lambda: row(ABS, 2, P=((0, R - 3), (1, 90))),
    "x = 2 q": lambda: row(ABS, 1, P=((1, 2),)),
    "x = q_1 + q_2": lambda: row(ABS, 1, P=((0, 1), (1, 1))),
    "a value in no row": lambda: replace(ABS, J=3),
    "a value in the sum row only, twice unbounded": lambda: replace(
        RANGE, J=2, rows=(replace(RANGE.rows[0], P=((0, 1), (1, 1))),)
    ),
    "a huge price": lambda: row(ABS, 2, P=((0, 1), (1, HALF_R // 32))),
    "a huge public constant": lambda: row(ABS, 2, b=HALF_R - 5),
    "a huge constant that bounds nothing": lambda: row(RANGE, 0, b=HALF_R),
    "a huge weight on a digit": lambda: row(RANGE, 0, W=((0, 1), (1, 4), (2, HALF_R // 3))),
    "a huge symbol": lambda: replace(RANGE, tables=((0, 1, 2, HALF_R),)),
    "an abs that reaches r/2": lambda: wide_abs(254),
    "a square that reaches r/2": lambda: wide_square(128),
    "a square whose form reaches r/2": lambda: slot(SQUARE, 0, Gate(form=((1, 1), (2, 4), (3, HALF_R // 3)))),
    "a square whose constant reaches r/2": lambda: slot(SQUARE, 0, Gate(SQUARE.slots[0].form, HALF_R - 3)),
    "a square whose u no row bounds": lambda: replace(SQUARE, rows=(SQUARE.rows[0], Row(((5, 1),)), *SQUARE.rows[2:])),
    "u bounded only by -2 u": lambda: row(SQUARE, 1, W=((0, -2), (5, 1), (6, 4))),
    "a square whose u nothing at all mentions": lambda: Relation(
        ((0, 1),), (Gate(form=((1, 1),)), Digit(0)), (Row(((0, 1),), U=((0, -1),)),), (Square(0, 0),), 0
    ),
    "a square whose u has only the coefficient 2": lambda: Relation(
        ((0, 1),),
        (Gate(form=((1, 1),)), Digit(0)),
        (Row(((0, 1),), U=((0, -1),)), Row(((0, 2), (1, 1)))),
        (Square(0, 0),),
        0,
    ),
    "a row that bounds nothing and wraps": lambda: replace(
        RANGE, rows=(*RANGE.rows, Row(((0, HALF_R // 2), (1, 1)), P=((0, -1),)))
    ),
    "a row of values that wraps": lambda: replace(RANGE, rows=(*RANGE.rows, Row((), P=((0, HALF_R // 60),), b=1))),
    "two values that bound each other": lambda: Relation(
        ((0, 1),), (Digit(0),), (Row((), P=((0, 1), (1, 1))), Row((), P=((0, 1), (1, -1)))), (), 2
    ),
}


@pytest.mark.parametrize("relation", [ABS, SQUARE, RANGE, wide_abs(200), wide_square(100)])
def test_the_sound_ones_are_accepted(relation: Relation) -> None:
    assert replace(relation) == relation


@pytest.mark.parametrize("make", SHAPE.values(), ids=SHAPE)
def test_shape(make: Callable[[], Relation]) -> None:
    with pytest.raises(RelationError):
        make()


def test_no_index_counts_from_the_end() -> None:
    """Else W at -1 would stand for the last value, and the row would be bounded like any other."""
    for name in ("W", "U", "P"):
        with pytest.raises(RelationError, match=f"indices of {name} must rise"):
            row(ABS, 2, **{name: ((-1, 1), *getattr(ABS.rows[2], name))})
    with pytest.raises(RelationError, match="indices of a gate's form"):
        slot(SQUARE, 0, Gate(form=((-1, 1),)))


@pytest.mark.parametrize("make", GADGETS.values(), ids=GADGETS)
def test_gadgets(make: Callable[[], Relation]) -> None:
    with pytest.raises(RelationError):
        make()


@pytest.mark.parametrize("make", CLOSURE.values(), ids=CLOSURE)
def test_closure(make: Callable[[], Relation]) -> None:
    with pytest.raises(RelationError, match=r"wrap-around|reach r/2"):
        make()


def test_the_largest_relation_stands_and_nothing_above_it() -> None:
    """Every limit is reached exactly; one more of anything is refused by counting, before anything is derived."""

    def row_of(entries: int) -> Row:
        return Row(tuple((i, 1) for i in range(entries)))

    digit, tables = (Digit(0),), (tuple(range(256)),) * 16
    values = tuple(Row(((0, 1),), P=((j, 1),)) for j in range(2048))
    rows = (*values, *(row_of(1),) * (8191 - 2048 - 30), *(row_of(8192),) * 30)
    left = 262144 - sum(len(row.W) + len(row.P) for row in rows)
    largest = Relation(tables, digit * 8192, (*rows, row_of(left)), (), 2048)
    assert (largest.N, largest.M, largest.J, len(largest.rows)) == (8192, 4096, 2048, 8192)

    hostile: list[Callable[[], Relation]] = [
        lambda: Relation(((0, 1),), digit * 8193, (), (), 0),
        lambda: Relation((tuple(range(4097)),), digit, (), (), 0),
        lambda: Relation(((0, 1),) * 17, digit, (), (), 0),
        lambda: Relation(((0, 1),), digit, values, (), 2049),
        lambda: Relation(((0, 1),), digit, (row_of(1),) * 8193, (), 0),
        lambda: Relation(tables, digit * 8192, (*rows, row_of(left + 1)), (), 2048),
    ]
    for make in hostile:
        with pytest.raises(RelationError, match="size limits"):
            make()


def test_entries_count_wherever_they_stand() -> None:
    """One entry above the limit in W, in U, in P and in the form of a gate: each is counted."""
    slots = (Gate(), *(Digit(0),) * 8191)
    thousands = tuple((i, 1) for i in range(8192))
    full = (Row(thousands),) * 31
    for last in (Row(thousands, U=((0, 1),)), Row(thousands, P=((0, 1),))):
        with pytest.raises(RelationError, match="too many sparse entries"):
            Relation(((0, 1),), slots, (*full, last), (), 1)
    with pytest.raises(RelationError, match="too many sparse entries"):
        Relation(((0, 1),), (Gate(form=((1, 1),)), *slots[1:]), (*full, Row(thousands)), (), 1)


def bounded_square(u: int, constant: int) -> Relation:
    """A square of an u of at most ``u``, of which the form is a bit and a constant."""
    rows = (Row(((0, 1),), U=((0, -1),)), Row(((0, 1),), b=u))
    return Relation(((0, 1),), (Gate(((1, 1),), constant), Digit(0)), rows, (Square(0, 0),), 0)


def test_the_largest_square_stands_and_nothing_above_it() -> None:
    """2 u^2 and 2 |form| below r, to the unit."""
    most = isqrt(HALF_R)
    assert bounded_square(most, HALF_R - 1).N == 2
    for u, constant in ((most + 1, 0), (1, HALF_R)):
        with pytest.raises(RelationError, match="a square can reach r/2"):
            bounded_square(u, constant)


def test_bounds_spread_through_chains() -> None:
    """v_3 is bounded by v_2 by v_1 by digits, in any order of the rows; -1 is as good as 1."""
    rows = (
        Row((), P=((2, 1), (3, -1)), b=5),
        Row((), P=((1, 7), (2, -1))),
        Row(((0, 1),), P=((0, -1),)),
        Row((), P=((0, -1), (1, R - 1))),
    )
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)):
        assert Relation(((0, 1),), (Digit(0),), tuple(rows[k] for k in order), (), 4).J == 4


def test_an_abs_bounds_its_parts_by_its_largest_number() -> None:
    """63 here: b^n - 1."""
    assert replace(ABS, rows=(*ABS.rows, Row(((0, 1),), b=HALF_R - 63))).N == ABS.N
    with pytest.raises(RelationError, match="reach r/2"):
        replace(ABS, rows=(*ABS.rows, Row(((0, 1),), b=HALF_R - 62)))


def test_the_long_part_counts_in_what_a_row_can_reach() -> None:
    """w - u = v + b with both parts of at most 63: 63 + 63 + (63 + b) + b."""
    sound = wide_abs(6)
    b = (HALF_R - 3 * 63) // 2
    assert row(sound, 1, b=b).N == sound.N
    with pytest.raises(RelationError, match="a row can reach r/2"):
        row(sound, 1, b=b + 1)


def test_a_constant_is_zero_modulo_r() -> None:
    for relation in (ABS, SQUARE):
        assert row(relation, 0, b=R).gadgets == relation.gadgets


def test_a_permuted_abs_is_an_abs() -> None:
    """Digits may stand anywhere: the weights count."""
    assert row(ABS, 0, W=((0, 1), (1, -4), (2, -16), (3, -1))).gadgets == ABS.gadgets


def test_an_abs_of_thousands_of_digits_is_refused_at_little_cost() -> None:
    """Base 4096, 8191 digits: powers of up to 98000 bits, tens of megabytes, seconds. 254 digits reach r/2 anyway."""
    weights = tuple((1 + e, -(4096 ** min(e, 20))) for e in range(8191))
    rows = (Row(W=((0, 1), *weights), U=((0, 1),)), Row(W=((0, -1),), U=((0, 1),), P=((0, 1),)))
    slots = (Gate(), *(Digit(0),) * 8191)
    tracemalloc.start()
    try:
        with pytest.raises(RelationError):
            Relation((tuple(range(4096)),), slots, rows, (Abs(0, (0, 1)),), 1)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
