"""The vocabulary of relations: slots, rows and gadgets, as plain immutable data.

Source: docs/protocol.md, "Relation".
"""

from __future__ import annotations

from dataclasses import dataclass

Sparse = tuple[tuple[int, int], ...]
"""(index, coefficient) pairs: indices strictly rising, coefficients non-zero modulo r."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A slot whose A-entry is a symbol of ``tables[table]``."""

    table: int


@dataclass(frozen=True, slots=True)
class Gate:
    """A slot with u*w = sum_j form_j a_j + constant."""

    form: Sparse = ()
    constant: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """<W, a> + <U, w> = <P, v> + b. U is non-zero only in a gadget's own rows, on its own gate."""

    W: Sparse
    U: Sparse = ()
    P: Sparse = ()
    b: int = 0


@dataclass(frozen=True, slots=True)
class Abs:
    """|x| for the affine form x = <P, v> + b of row ``rows[1]``: then (w, u) is (|x|, 0) or (0, |x|).

    Row ``rows[0]``: u + w = sum_e b^e d_e;  row ``rows[1]``: w - u = x;  gate: u w = 0.
    """

    gate: int
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Square:
    """form = u^2 over the integers. Gate: u w = form; row ``row``: u = w."""

    gate: int
    row: int


Slot = Digit | Gate
Gadget = Abs | Square
