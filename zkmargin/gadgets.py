"""Gadgets: the only way applications use gates. The checker matches their slots and rows exactly.

Source: docs/protocol.md, "Gadgets". Other weights, tables or a negative symbol are refused: a table {-1, 0, 1, 2} under
an ``Abs`` proves an insolvent account.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .errors import RelationError
from .field import R, centred
from .slots import Abs, Digit, Gadget, Gate, Row, Slot, Sparse, Square


def check(
    tables: Sequence[tuple[int, ...]], slots: Sequence[Slot], rows: Sequence[Row], gadgets: Sequence[Gadget]
) -> dict[int, int]:
    """Refuse unless every gate is in exactly one gadget, every row in at most one, and U only in those.

    Returns: for the gate slot of every abs gadget, the largest |x| that it admits.
    Raises:  RelationError.
    """
    gates: set[int] = set()
    used_rows: set[int] = set()
    bounds: dict[int, int] = {}
    bases = [len(table) if table == tuple(range(len(table))) else 0 for table in tables]
    for gadget in gadgets:
        gate = slots[gadget.gate] if 0 <= gadget.gate < len(slots) else None
        used = gadget.rows if isinstance(gadget, Abs) else (gadget.row,)
        if not isinstance(gate, Gate) or gadget.gate in gates:
            raise RelationError("a gadget must own one gate slot that no other gadget owns")
        if len(set(used)) != len(used) or used_rows.intersection(used):
            raise RelationError("a row may belong to at most one gadget, once")
        if not all(0 <= k < len(rows) for k in used):
            raise RelationError("a gadget names a row that does not exist")
        gates.add(gadget.gate)
        used_rows.update(used)
        if isinstance(gadget, Abs):
            bounds[gadget.gate] = _check_abs(gadget, bases, slots, rows)
        else:
            _check_square(gadget, rows[gadget.row])
    if len(gates) != sum(isinstance(slot, Gate) for slot in slots):
        raise RelationError("every gate slot must belong to a gadget")
    if any(row.U for k, row in enumerate(rows) if k not in used_rows):
        raise RelationError("only a gadget's own row may use an R-entry")
    return bounds


def _check_abs(gadget: Abs, bases: Sequence[int], slots: Sequence[Slot], rows: Sequence[Row]) -> int:
    """The largest |x| that ``gadget`` admits, b^n - 1. ``bases``: b of every table [0..b-1], 0 of any other.

    Raises: RelationError if slots and rows are not exactly those of the gadget:
            gate (empty form, 0); row 0: W = {g: 1, digit_e: -b^e}, U = {g: 1}, P = {}, b = 0;
            row 1: W = {g: -1}, U = {g: 1}; the digits are distinct slots of one table [0..b-1]; 2(b^n - 1) < r/2.
    """
    g = gadget.gate
    gate, total, difference = slots[g], rows[gadget.rows[0]], rows[gadget.rows[1]]
    if gate != Gate() or not _is(total.U, {g: 1}) or total.P or total.b % R:
        raise RelationError("an abs gadget needs an empty gate and a first row u + w = digits")
    if not _is(difference.U, {g: 1}) or not _is(difference.W, {g: -1}):
        raise RelationError("an abs gadget needs a second row w - u = x")
    weights = dict(total.W)
    if centred(weights.pop(g, 0)) != 1:
        raise RelationError("an abs gadget needs a first row u + w = digits")
    digit = slots[next(iter(weights), g)]
    if not isinstance(digit, Digit) or any(slots[i] != digit for i in weights):
        raise RelationError("the digits of an abs gadget must be of one table")
    base = bases[digit.table]
    if base < 2:
        raise RelationError("the table of an abs gadget must be exactly 0..b-1")
    if (base.bit_length() - 1) * len(weights) >= R.bit_length():
        raise RelationError("the digits of an abs gadget reach r/2")  # before any power of the base is worked out
    if sorted([-centred(weight) for weight in weights.values()]) != _powers(base, len(weights)):
        raise RelationError("the digits of an abs gadget must have the weights -1, -b, -b^2, ...")
    bound = int(base ** len(weights)) - 1
    if 4 * bound >= R:
        raise RelationError("the digits of an abs gadget reach r/2")
    return bound


@lru_cache(maxsize=64)
def _powers(base: int, count: int) -> list[int]:
    return [base**e for e in range(count)]


def _check_square(gadget: Square, row: Row) -> None:
    g = gadget.gate
    if not _is(row.W, {g: 1}) or not _is(row.U, {g: -1}) or row.P or row.b % R:
        raise RelationError("a square gadget needs the row u = w")


def _is(entries: Sparse, expected: dict[int, int]) -> bool:
    # Coefficients are as a rule centred already.
    return dict(entries) == expected or {index: centred(c) for index, c in entries} == expected
