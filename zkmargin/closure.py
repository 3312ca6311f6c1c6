"""The static integer closure: rows hold modulo r, and mean what they say only if nothing can wrap around.

Source: docs/protocol.md, "Integers, not field elements". Run on both sides before anything is proved or verified.

Bounds spread from the digits: a gadget bounds its gate; a row without R-entries (or the second row of an abs) that
has exactly one unbounded variable, with coefficient +1 or -1, bounds it by the rest, if that is below r/2. Any other
coefficient D would let 1/D mod r pass as a small number. Because each value is bounded by a row of its own, P has full
column rank; only attested values, whose openings others checked, are bounded from the start and need no such row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from .errors import RelationError
from .field import R, centred
from .slots import Abs, Digit, Gadget, Gate, Row, Slot, Square


def check(
    tables: Sequence[tuple[int, ...]],
    slots: Sequence[Slot],
    rows: Sequence[Row],
    gadgets: Sequence[Gadget],
    J: int,
    abs_bounds: Mapping[int, int],
    attested: Sequence[tuple[int, int]],
) -> None:
    """Refuse unless every value and entry is bounded and no row, form or square reaches r/2.

    Args:   abs_bounds: for the gate of every abs gadget, the largest |x| that it admits (gadgets.check).
            attested: (j, bits): 0 <= v_j < 2^bits is known from elsewhere.
    Raises: RelationError.   Cost: linear in the number of sparse entries.
    """
    N = len(slots)
    # Variable i < N is the A-entry a_i, variable N + j is the value v_j. R-entries of gates have bounds of their own.
    bounds: list[int | None] = [None] * (N + J)
    R_bounds: dict[int, int] = {}
    largest = [max(abs(centred(symbol)) for symbol in table) for table in tables]
    for i, slot in enumerate(slots):
        if isinstance(slot, Digit):
            bounds[i] = largest[slot.table]
    for j, bits in attested:
        bounds[N + j] = (1 << bits) - 1

    x_bounds: dict[int, int] = {}  # second row of an abs -> bound of x = w - u: one of the two is 0
    not_spreading: set[int] = set()
    for gadget in gadgets:
        if isinstance(gadget, Abs):
            bounds[gadget.gate] = R_bounds[gadget.gate] = x_bounds[gadget.rows[1]] = abs_bounds[gadget.gate]
            not_spreading.add(gadget.rows[0])
        else:
            not_spreading.add(gadget.row)

    entries = [_entries(row, N) for row in rows]
    _spread(rows, entries, bounds, x_bounds, not_spreading)

    if any(bound is None for bound in bounds[:N]):
        raise RelationError("an entry is bounded by no row: the rule could be satisfied by a wrap-around")
    if any(bound is None for bound in bounds[N:]):
        raise RelationError(
            "a committed value is bounded by no row with coefficient 1: the rule could be satisfied by a wrap-around"
        )
    known = [bound or 0 for bound in bounds]
    for gadget in gadgets:
        if isinstance(gadget, Square):
            _check_square(slots[gadget.gate], known[gadget.gate], known)
            R_bounds[gadget.gate] = known[gadget.gate]
    for row, (ws, ps) in zip(rows, entries, strict=True):
        reach = abs(centred(row.b))
        for part in (ws, ps):
            for variable, weight in part:
                reach += weight * known[variable]
        for i, c in row.U:
            reach += abs(centred(c)) * R_bounds[i]
        if 2 * reach >= R:
            raise RelationError("a row can reach r/2: it could be satisfied by a wrap-around")


Entries = tuple[list[tuple[int, int]], list[tuple[int, int]]]
"""Of one row: (variable, |coefficient|) of its W and of its P."""


def _spread(
    rows: Sequence[Row],
    entries: Sequence[Entries],
    bounds: list[int | None],
    x_bounds: Mapping[int, int],
    not_spreading: Collection[int],
) -> None:
    """Fill ``bounds`` with everything the rows bound; each row and entry is visited a bounded number of times."""
    unbounded = [0] * len(rows)
    rows_of: dict[int, list[int]] = {}
    for k in range(len(rows)):
        if k in not_spreading:
            continue
        for part in _spreading(entries[k], k in x_bounds):
            for variable, _ in part:
                if bounds[variable] is None:
                    unbounded[k] += 1
                    rows_of.setdefault(variable, []).append(k)
    ready = deque(k for k, count in enumerate(unbounded) if count == 1)
    while ready:
        k = ready.popleft()
        rest = abs(centred(rows[k].b)) + x_bounds.get(k, 0)
        target = None
        for part in _spreading(entries[k], k in x_bounds):
            for variable, weight in part:
                bound = bounds[variable]
                if bound is not None:
                    rest += weight * bound
                elif weight == 1:
                    target = variable
        # Nothing left to bound, or a coefficient that is not +-1, or a rest that could itself wrap: no bound from here.
        if target is None or 2 * rest >= R:
            continue
        bounds[target] = rest
        for other in rows_of[target]:
            unbounded[other] -= 1
            if unbounded[other] == 1:
                ready.append(other)


def _spreading(entries: Entries, second_of_abs: bool) -> Sequence[list[tuple[int, int]]]:
    """What counts when a row bounds something: the second row of an abs is ``x = <P, v> + b``."""
    return entries[1:] if second_of_abs else entries


def _entries(row: Row, N: int) -> Entries:
    return [(i, abs(centred(c))) for i, c in row.W], [(N + j, abs(centred(c))) for j, c in row.P]


def _check_square(slot: Slot, u: int, known: list[int]) -> None:
    form, constant = (slot.form, slot.constant) if isinstance(slot, Gate) else ((), 0)
    reach = abs(centred(constant)) + sum(abs(centred(c)) * known[i] for i, c in form)
    if 2 * u * u >= R or 2 * reach >= R:
        raise RelationError("a square can reach r/2: it could be satisfied by a wrap-around")
