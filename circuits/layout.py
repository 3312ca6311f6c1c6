"""The relation of n hidden sizes, one hidden cash and one margin row.

Values:  v_0 = cash0, v_(1+m) = q_m.
Slots:   per market a gate (A-entry u: the short part, R-entry w: the long part), then its size digits d_e;
         after all markets the slack digits y_j.
Rows:    per market  u + w = sum b^e d_e  and  w - u = q_m, an abs gadget;
         then  sum b^j y_j + sum (B_m - A_m) u_m = cash0 + sum A_m q_m.

A is the coefficient of the long part, -B that of the short part: A w - B u = A q - (B - A) u, and B >= A by concavity.
cash0 has coefficient 1, so that the closure of the relation bounds it: there is no D*cash (docs/margin.md, "Integers").
Everything but the margin row depends on the number of markets alone and is made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from zkmargin.errors import InputError, WitnessError
from zkmargin.range_argument import Assignment
from zkmargin.relation import Abs, Digit, Gate, Relation, Row, padded, rounds_of
from zkmargin.slots import Slot

MAX_MARKETS = 500
SIZE_BITS = 48
SLACK_BITS = 104
BASE_BITS = (4, 5, 6, 7, 8)
"""Candidate digit bases 16, 32, 64, 128, 256."""

Coefficients = tuple[tuple[int, int], ...]
"""(A, -B) of every market: what one lot of the long part and one of the short part add to the slack, in atto."""


@dataclass(frozen=True)
class Layout:
    """Everything about the relation of ``markets`` markets but the coefficients of its margin row."""

    markets: int
    base: int
    size_digits: int
    slack_digits: int

    @property
    def stride(self) -> int:
        """Slots of one market: a gate and the digits of the size."""
        return 1 + self.size_digits

    @property
    def slots(self) -> int:
        """N."""
        return self.markets * self.stride + self.slack_digits

    @property
    def size_bound(self) -> int:
        """Every |q| in lots below this is provable: at least 2^48."""
        return int(self.base**self.size_digits)

    @property
    def slack_bound(self) -> int:
        """Every slack in atto from 0 to below this is provable: at least 2^104."""
        return int(self.base**self.slack_digits)

    def terms(self) -> int:
        """Terms of the verifier's one multi-scalar multiplication: 4 + J + 2K + L + N'."""
        linear = 4 + self.base
        K = rounds_of(self.slots, linear)
        return 4 + (1 + self.markets) + 2 * K + linear + padded(self.slots, K)


@lru_cache(maxsize=MAX_MARKETS)
def layout(markets: int) -> Layout:
    """The layout with the fewest terms; of two that tie, the smaller base. A function of the number of markets alone.

    Raises: InputError: no market, or more than 500.
    """
    if not 1 <= markets <= MAX_MARKETS:
        raise InputError(f"a statement covers 1 to {MAX_MARKETS} markets")
    candidates = (Layout(markets, 1 << bits, -(-SIZE_BITS // bits), -(-SLACK_BITS // bits)) for bits in BASE_BITS)
    return min(candidates, key=lambda candidate: (candidate.terms(), candidate.base))


@lru_cache(maxsize=16)
def _static(shape: Layout) -> tuple[tuple[int, ...], tuple[Slot, ...], tuple[Row, ...], tuple[Abs, ...]]:
    """Table, slots, rows of the gadgets, gadgets: shared by all statements of this many markets."""
    slots: list[Slot] = []
    rows: list[Row] = []
    gadgets: list[Abs] = []
    for m in range(shape.markets):
        g = len(slots)
        slots += [Gate(), *[Digit(0)] * shape.size_digits]
        digits = tuple((g + 1 + e, -(shape.base**e)) for e in range(shape.size_digits))
        gadgets.append(Abs(g, (len(rows), len(rows) + 1)))
        rows += [Row(W=((g, 1), *digits), U=((g, 1),)), Row(W=((g, -1),), U=((g, 1),), P=((1 + m, 1),))]
    slots += [Digit(0)] * shape.slack_digits
    return tuple(range(shape.base)), tuple(slots), tuple(rows), tuple(gadgets)


@lru_cache(maxsize=64)
def relation(coefficients: Coefficients) -> Relation:
    """The relation whose margin row has these coefficients; the last ones made are kept.

    Raises: RelationError if the row could wrap around modulo r.
    """
    shape = layout(len(coefficients))
    table, slots, rows, gadgets = _static(shape)
    # A zero coefficient has no place in a sparse row; its size is still bounded, by its gadget.
    parts = tuple((m * shape.stride, -(long + short)) for m, (long, short) in enumerate(coefficients) if long + short)
    first = shape.markets * shape.stride
    margin = Row(
        W=parts + tuple((first + j, shape.base**j) for j in range(shape.slack_digits)),
        P=((0, 1), *((1 + m, long) for m, (long, _) in enumerate(coefficients) if long)),
    )
    return Relation((table,), slots, (*rows, margin), gadgets, 1 + shape.markets)


def assign(coefficients: Coefficients, cash0_atto: int, size_lots: Sequence[int]) -> Assignment:
    """The entries that satisfy ``relation(coefficients)`` for these hidden values.

    Raises: WitnessError, without amounts: a size or the slack is outside what the relation can hold.
    """
    shape = layout(len(coefficients))
    slack = cash0_atto
    a: list[int] = []
    w: dict[int, int] = {}
    for (long, short), size in zip(coefficients, size_lots, strict=True):
        if abs(size) >= shape.size_bound:
            raise WitnessError("a size is above the provable range", code="above_range")
        w[len(a)], u = max(size, 0), max(-size, 0)
        a += [u, *_digits(abs(size), shape.base, shape.size_digits)]
        slack += long * max(size, 0) + short * u
    if slack < 0:
        raise WitnessError("the account does not satisfy the claim over the whole box")
    if slack >= shape.slack_bound:
        raise WitnessError("the slack is above the provable range", code="above_range")
    return Assignment([*a, *_digits(slack, shape.base, shape.slack_digits)], w)


def _digits(value: int, base: int, count: int) -> list[int]:
    digits = []
    for _ in range(count):
        value, digit = divmod(value, base)
        digits.append(digit)
    return digits
