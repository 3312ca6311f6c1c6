"""From a program to a relation: the digit base, the slots and rows, and the entries that satisfy them.

Slots:  per hidden size a gate (A-entry u: the short part, R-entry w: the long part), then its digits d_e; per hidden
        amount its digits; then per unknown of the program its digits, or the one digit of a bit.
Rows:   per size    u + w = sum b^e d_e  and  w - u = q, an abs gadget;   per amount  sum b^e d_e = c;
        per hidden nothing  0 = q;   per attested amount none: the relation takes its range from elsewhere;
        then per unknown that a row defines   sum b^e d_e = form.   The slack comes last.

Cash has no slots: it stands in the slack with coefficient 1, so that the closure of the relation bounds it; there is no
D*cash (docs/margin.md, "Integers"). What belongs to the hidden values alone is made once for all statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from zkmargin.errors import InputError, WitnessError
from zkmargin.range_argument import Assignment
from zkmargin.relation import Abs, Digit, Gate, Relation, Row, padded, rounds_of
from zkmargin.slots import Slot

from .program import BASE_BITS, ONE, SIZE_BITS, Program

MAX_HIDDEN = 1500

MAX_SIZE_BITS = max(-(-SIZE_BITS // bits) * bits for bits in BASE_BITS)
"""Every size and amount is proved to be below 2^MAX_SIZE_BITS, in whatever base."""

_BITS = 1
"""The index of the table {0, 1}."""


@dataclass(frozen=True)
class Shape:
    """What decides everything but the coefficients: the kinds of the hidden values, the bits of every block, and how
    many bits choose."""

    kinds: tuple[str, ...]
    blocks: tuple[int, ...]
    choices: int

    @classmethod
    def of(cls, program: Program) -> Shape:
        """The shape of ``program``."""
        return cls(
            tuple(value.kind for value in program.hidden),
            tuple(unknown.bits for unknown in program.unknowns if not unknown.is_bit),
            sum(unknown.is_bit for unknown in program.unknowns),
        )

    def slots(self, base_bits: int) -> int:
        """N, with digits in base 2^base_bits."""
        gates, amounts = self.kinds.count("size"), self.kinds.count("amount")
        sizes = (gates + amounts) * _digits_of(SIZE_BITS, base_bits)
        return gates + sizes + self.choices + sum(_digits_of(bits, base_bits) for bits in self.blocks)

    def terms(self, base_bits: int) -> int:
        """Terms of the verifier's one multi-scalar multiplication: 4 + J + 2K + L + N'."""
        linear = 4 + (1 << base_bits) + 2 * bool(self.choices)
        N = self.slots(base_bits)
        K = rounds_of(N, linear)
        return 4 + len(self.kinds) + 2 * K + linear + padded(N, K)

    @property
    def base_bits(self) -> int:
        """The base with the fewest terms; of two that tie, the smaller."""
        return _base_bits(self)


@lru_cache(maxsize=1024)
def _base_bits(shape: Shape) -> int:
    return min(BASE_BITS, key=lambda bits: (shape.terms(bits), bits))


def _digits_of(bits: int, base_bits: int) -> int:
    return -(-bits // base_bits)


@lru_cache(maxsize=16)
def _hidden_part(kinds: tuple[str, ...], base_bits: int) -> tuple[tuple[Slot, ...], tuple[Row, ...], tuple[Abs, ...]]:
    """Slots, rows and gadgets of the hidden values: shared by all statements about such an account."""
    slots: list[Slot] = []
    rows: list[Row] = []
    gadgets: list[Abs] = []
    count = _digits_of(SIZE_BITS, base_bits)
    for j, kind in enumerate(kinds):
        first = len(slots)
        if kind == "size":
            slots += [Gate(), *[Digit(0)] * count]
            digits = tuple((first + 1 + e, -(1 << base_bits * e)) for e in range(count))
            gadgets.append(Abs(first, (len(rows), len(rows) + 1)))
            rows += [
                Row(W=((first, 1), *digits), U=((first, 1),)),
                Row(W=((first, -1),), U=((first, 1),), P=((j, 1),)),
            ]
        elif kind == "amount":
            slots += [Digit(0)] * count
            rows.append(Row(W=tuple((first + e, 1 << base_bits * e) for e in range(count)), P=((j, 1),)))
        elif kind == "none":
            rows.append(Row(W=(), P=((j, 1),)))
    return tuple(slots), tuple(rows), tuple(gadgets)


class Layout:
    """A program in slots and rows.

    Raises: InputError: too many hidden values.   RelationError: above the limits of a relation, or a row could wrap
            around modulo r.
    """

    def __init__(self, program: Program) -> None:
        if not 1 <= len(program.hidden) <= MAX_HIDDEN:
            raise InputError(f"a statement covers 1 to {MAX_HIDDEN} hidden values")
        self.program = program
        self.shape = Shape.of(program)
        self.base_bits = self.shape.base_bits
        hidden_slots, hidden_rows, gadgets = _hidden_part(self.shape.kinds, self.base_bits)
        slots, rows = list(hidden_slots), list(hidden_rows)
        self._first: list[int] = []  # the first slot of every unknown
        sizes = (j for j, kind in enumerate(self.shape.kinds) if kind == "size")
        self._gate_of = {j: gadget.gate for j, gadget in zip(sizes, gadgets, strict=True)}
        for unknown in program.unknowns:
            first = len(slots)
            self._first.append(first)
            slots += [Digit(_BITS)] if unknown.is_bit else [Digit(0)] * self._count(unknown.bits)
            if unknown.row is not None:
                rows.append(self._row(unknown.row, first, len(slots)))
        tables = (tuple(range(1 << self.base_bits)),) + (((0, 1),) if self.shape.choices else ())
        attested = tuple((j, v.bound.bit_length()) for j, v in enumerate(program.hidden) if v.kind == "attested")
        self.relation = Relation(tables, tuple(slots), tuple(rows), gadgets, program.J, attested)

    @property
    def size_bound(self) -> int:
        """Every size and amount below this, in lots, is provable: at least 2^48."""
        return 1 << self.base_bits * self._count(SIZE_BITS)

    def bound(self, unknown: int) -> int:
        """The unknown is proved to be below this."""
        made = self.program.unknowns[unknown]
        return 2 if made.is_bit else 1 << self.base_bits * self._count(made.bits)

    def assign(self, values: Sequence[int]) -> Assignment:
        """The entries that satisfy the relation for these hidden values.

        Raises: WitnessError, without amounts: "not_provable"; "above_range": a size, an amount or the slack is above
                what the relation can hold.
        """
        a: list[int] = []
        w: dict[int, int] = {}
        for hidden, value in zip(self.program.hidden, values, strict=True):
            kind = hidden.kind
            if kind == "cash":
                continue
            if kind == "attested":
                if not 0 <= value <= hidden.bound:
                    raise WitnessError("a lock holds more than its class allows", code="above_range")
                continue
            if kind == "none":
                if value:
                    raise WitnessError(
                        "the account holds an option that has expired, or owes an asset that hedges options",
                        code="expired_option",
                    )
                continue
            if abs(value) >= self.size_bound:
                raise WitnessError("a size is above the provable range", code="above_range")
            if kind == "amount" and value < 0:
                raise WitnessError("an amount is below zero", code="above_range")
            if kind == "size":
                w[len(a)] = max(value, 0)
                a.append(max(-value, 0))
            a += self._digits(abs(value), SIZE_BITS)
        for i, (unknown, x) in enumerate(zip(self.program.unknowns, self.program.witness(values), strict=True)):
            if x >= self.bound(i):
                raise WitnessError("the slack is above the provable range", code="above_range")
            a += [x] if unknown.is_bit else self._digits(x, unknown.bits)
        return Assignment(a, w)

    def _row(self, form: dict[int, int], first: int, end: int) -> Row:
        """sum b^e d_e - entries of the form = values of the form + constant."""
        J = self.program.J
        values: list[tuple[int, int]] = []
        entries: list[tuple[int, int]] = []
        for variable, coefficient in form.items():
            if not coefficient or variable == ONE:
                continue
            if variable < J:
                values.append((variable, coefficient))
            elif variable < 2 * J:
                entries.append((self._gate_of[variable - J], -coefficient))
            else:
                k = variable - 2 * J
                start, stop = self._first[k], self._first[k + 1]
                entries += [(start + e, -coefficient << self.base_bits * e) for e in range(stop - start)]
        entries.sort()
        values.sort()
        entries += [(first + e, 1 << self.base_bits * e) for e in range(end - first)]
        return Row(W=tuple(entries), P=tuple(values), b=form.get(ONE, 0))

    def _count(self, bits: int) -> int:
        return _digits_of(bits, self.base_bits)

    def _digits(self, value: int, bits: int) -> list[int]:
        mask = (1 << self.base_bits) - 1
        return [value >> self.base_bits * e & mask for e in range(self._count(bits))]
