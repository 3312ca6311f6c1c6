"""Small relations and their witnesses, for tests of the proof core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zkmargin.pedersen import Opening
from zkmargin.range_argument import Assignment
from zkmargin.relation import Abs, Digit, Gate, Relation, Row, Square


@dataclass(frozen=True)
class Case:
    name: str
    relation: Relation
    values: tuple[int, ...]
    assignment: Assignment

    def openings(self) -> list[Opening]:
        """Blindings 1000, 1001, ..: not secret, and different."""
        return [Opening(value, 1000 + j) for j, value in enumerate(self.values)]


def digits_of(x: int, base: int, count: int) -> list[int]:
    """Little-endian digits; fails when x does not fit."""
    digits = [x // base**e % base for e in range(count)]
    assert sum(d * base**e for e, d in enumerate(digits)) == x
    return digits


def ranges(values: Sequence[int], base: int, count: int) -> Case:
    """Every v_j in [0, base^count)."""
    rows = tuple(Row(W=tuple((j * count + e, base**e) for e in range(count)), P=((j, 1),)) for j in range(len(values)))
    relation = Relation(
        tables=(tuple(range(base)),), slots=(Digit(0),) * (count * len(values)), rows=rows, gadgets=(), J=len(values)
    )
    a = [d for value in values for d in digits_of(value, base, count)]
    return Case(f"{len(values)} values in base {base}^{count}", relation, tuple(values), Assignment(a, {}))


def two_tables(bit: int = 1, d: int = -7) -> Case:
    """v_0 = b + 2 d with a bit b and a digit d of {-7, 0, 100}; v_1 = 3 d - 4."""
    relation = Relation(
        tables=((0, 1), (-7, 0, 100)),
        slots=(Digit(0), Digit(1)),
        rows=(Row(W=((0, 1), (1, 2)), P=((0, 1),)), Row(W=((1, 3),), P=((1, 1),), b=4)),
        gadgets=(),
        J=2,
    )
    return Case("a bit and a table with a gap", relation, (bit + 2 * d, 3 * d - 4), Assignment([bit, d], {}))


def absolute(
    q: int, cash: int, *, base: int = 4, count: int = 3, A: int = 90, B: int = 110, slack_digits: int = 8
) -> Case:
    """cash + A q - (B - A) max(-q, 0) = y in [0, base^slack_digits): one market of a margin rule."""
    long, short = max(q, 0), max(-q, 0)
    y = cash + A * q - (B - A) * short
    g, first_y = 0, 1 + count
    relation = Relation(
        tables=(tuple(range(base)),),
        slots=(Gate(), *(Digit(0) for _ in range(count + slack_digits))),
        rows=(
            Row(W=((g, 1), *((1 + e, -(base**e)) for e in range(count))), U=((g, 1),)),
            Row(W=((g, -1),), U=((g, 1),), P=((1, 1),)),
            Row(W=((g, B - A), *((first_y + e, base**e) for e in range(slack_digits))), P=((0, 1), (1, A))),
        ),
        gadgets=(Abs(g, (0, 1)),),
        J=2,
    )
    a = [short, *digits_of(abs(q), base, count), *digits_of(y, base, slack_digits)]
    return Case(f"margin of q = {q}", relation, (cash, q), Assignment(a, {g: long}))


def square(u: int = 6, base: int = 4, count: int = 2) -> Case:
    """v_0 = u in [0, base^count) and v_1 = u^2, by a square gadget over the digits of u^2."""
    wide = 2 * count
    g = 0
    relation = Relation(
        tables=(tuple(range(base)),),
        slots=(Gate(form=tuple((1 + e, base**e) for e in range(wide))), *(Digit(0) for _ in range(wide + count))),
        rows=(
            Row(W=((g, 1),), U=((g, -1),)),
            Row(W=((g, -1), *((1 + wide + e, base**e) for e in range(count)))),
            Row(W=((g, 1),), P=((0, 1),)),
            Row(W=tuple((1 + e, base**e) for e in range(wide)), P=((1, 1),)),
        ),
        gadgets=(Square(g, 0),),
        J=2,
    )
    a = [u, *digits_of(u * u, base, wide), *digits_of(u, base, count)]
    return Case(f"square of {u}", relation, (u, u * u), Assignment(a, {g: u}))


def attested(q: int = -3, cash: int = -200, locks: Sequence[int] = (40, 9)) -> Case:
    """As ``absolute``, with 7 v_2 + 35 v_3 added to the slack: v_2 of 6 and v_3 of 4 bits are attested."""
    counted = 7 * locks[0] + 35 * locks[1]
    plain = absolute(q, cash + counted)
    *rows, margin = plain.relation.rows
    relation = replace(
        plain.relation,
        rows=(*rows, replace(margin, P=(*margin.P, (2, 7), (3, 35)))),
        J=4,
        attested=((2, 6), (3, 4)),
    )
    return Case(f"margin of q = {q} with attested values", relation, (cash, q, *locks), plain.assignment)


def cases() -> list[Case]:
    """One of each kind: several bit lengths, tables, gadgets; a value 0, whose commitment may be the identity."""
    return [
        ranges([1], 2, 1),
        ranges([0, 255], 2, 8),
        ranges([7, 4095, 100], 16, 3),
        two_tables(),
        absolute(-3, 1000),
        absolute(5, 0),
        absolute(0, 65535),
        square(),
        attested(),
    ]
