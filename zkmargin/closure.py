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
    largest = [max(abs(centred(symbol)) for symbol in table) for table in tables]
    bounds = [largest[slot.table] if isinstance(slot, Digit) else 0 for slot in slots] + [0] * J
    unbounded = {i for i, slot in enumerate(slots) if not isinstance(slot, Digit)} | set(range(N, N + J))
    for j, bits in attested:
        bounds[N + j] = (1 << bits) - 1
        unbounded.remove(N + j)
    R_bounds: dict[int, int] = {}
    not_spreading: set[int] = set()
    for gadget in gadgets:
        if isinstance(gadget, Abs):
            # Its second row spreads as if it had no R-entry: -u + w = x, one of u and w is 0, and both have this bound.
            bounds[gadget.gate] = R_bounds[gadget.gate] = abs_bounds[gadget.gate]
            unbounded.remove(gadget.gate)
            not_spreading.add(gadget.rows[0])
        else:
            not_spreading.add(gadget.row)

    _spread(rows, N, bounds, unbounded, not_spreading)
    if any(variable < N for variable in unbounded):
        raise RelationError("an entry is bounded by no row: the rule could be satisfied by a wrap-around")
    if unbounded:
        raise RelationError(
            "a committed value is bounded by no row with coefficient 1: the rule could be satisfied by a wrap-around"
        )
    for gadget in gadgets:
        if isinstance(gadget, Square):
            _check_square(slots[gadget.gate], bounds[gadget.gate], bounds)
            R_bounds[gadget.gate] = bounds[gadget.gate]
    for row in rows:
        if 2 * (_reach(row, N, bounds) + sum(abs(centred(c)) * R_bounds[i] for i, c in row.U)) >= R:
            raise RelationError("a row can reach r/2: it could be satisfied by a wrap-around")


def _spread(
    rows: Sequence[Row], N: int, bounds: list[int], unbounded: set[int], not_spreading: Collection[int]
) -> None:
    """Fill ``bounds`` and empty ``unbounded`` as far as the rows bound something; each row is visited a bounded number
    of times."""
    of_row: list[set[int]] = [set() for _ in rows]  # what is still unbounded in it
    rows_of: dict[int, list[int]] = {variable: [] for variable in unbounded}
    for k, row in enumerate(rows):
        if k not in not_spreading:
            variables = [i for i, _ in row.W] + [N + j for j, _ in row.P]
            of_row[k] = unbounded.intersection(variables)
            for variable in of_row[k]:
                rows_of[variable].append(k)
    ready = deque(k for k, variables in enumerate(of_row) if len(variables) == 1)
    while ready:
        k = ready.popleft()
        if not of_row[k]:
            continue  # bounded by another row meanwhile
        (target,) = of_row[k]
        weight = dict(rows[k].W)[target] if target < N else dict(rows[k].P)[target - N]
        if abs(centred(weight)) != 1:
            continue
        rest = _reach(rows[k], N, bounds)  # the bound of the target counts as 0 in it
        if 2 * rest >= R:
            continue  # it could itself wrap
        bounds[target] = rest
        unbounded.remove(target)
        for other in rows_of[target]:
            of_row[other].remove(target)
            if len(of_row[other]) == 1:
                ready.append(other)


def _reach(row: Row, N: int, bounds: Sequence[int]) -> int:
    """The greatest absolute value of W, P and b together; R-entries apart."""
    reach = abs(centred(row.b))
    for i, c in row.W:
        reach += abs(centred(c)) * bounds[i]
    for j, c in row.P:
        reach += abs(centred(c)) * bounds[N + j]
    return reach


def _check_square(slot: Slot, u: int, bounds: Sequence[int]) -> None:
    form, constant = (slot.form, slot.constant) if isinstance(slot, Gate) else ((), 0)
    reach = abs(centred(constant)) + sum(abs(centred(c)) * bounds[i] for i, c in form)
    if 2 * u * u >= R or 2 * reach >= R:
        raise RelationError("a square can reach r/2: it could be satisfied by a wrap-around")
