"""Relations: what a proof is about. Tables, slots, public linear rows, gadgets over J committed values.

Source: docs/protocol.md, "Relation". A relation is checked when it is made (shape and limits here, gadgets.py,
closure.py), on the prover's side and on the verifier's, so a ``Relation`` that exists is well-formed, within limits,
and cannot wrap around modulo r.

    digit slot of table t:  a_i is a symbol of the table
    gate slot:              a_i * w_i = sum_j c_ij a_j + c_i
    row k:                  sum_i W_ki a_i + sum_i U_ki w_i = sum_j P_kj v_j + b_k      (mod r)
    attested value (j, n):  0 <= v_j < 2^n, by others who checked the opening of V_j; the proof does not show it
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from . import closure, gadgets
from .errors import RelationError
from .field import R, to_bytes
from .slots import Abs, Digit, Gadget, Gate, Row, Slot, Sparse, Square

__all__ = ["Abs", "Digit", "Gate", "Relation", "Row", "Sparse", "Square"]

MAX_SLOTS = 8192
MAX_COMMITMENTS = 2048
MAX_ROWS = 8192
MAX_TABLES = 16
MAX_SYMBOLS = 4096
MAX_ENTRIES = 262144
MAX_ATTESTED_BITS = 64
MIN_SAVING = 4
"""A round of folding must save at least this many scalars."""


@dataclass(frozen=True)
class Relation:
    """A well-formed relation over J commitments. Immutable; construction validates.

    ``attested``: (j, bits), j rising strictly. **Whoever accepts a proof must have it from someone who checked an
    opening (v_j, beta_j) of V_j in (G, H) that 0 <= v_j < 2^bits**: the closure takes it as given, and no row has to.

    Raises: RelationError: ill-formed, above the limits, or not closed over the integers.
    Cost:   linear in the number of sparse entries.
    """

    tables: tuple[tuple[int, ...], ...]
    slots: tuple[Slot, ...]
    rows: tuple[Row, ...]
    gadgets: tuple[Gadget, ...]
    J: int
    attested: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        _check_shape(self)
        abs_bounds = gadgets.check(self.tables, self.slots, self.rows, self.gadgets)
        closure.check(self.tables, self.slots, self.rows, self.gadgets, self.J, abs_bounds, self.attested)

    # Sizes: everything follows from (N, L) alone.

    @property
    def N(self) -> int:
        """Number of digit and gate slots; slots N..N'-1 are null."""
        return len(self.slots)

    @cached_property
    def M(self) -> int:
        """Total table size."""
        return sum(map(len, self.tables))

    @property
    def L(self) -> int:
        """Length of the linear vector: H, three error slots, M multiplicities."""
        return 4 + self.M

    @cached_property
    def K(self) -> int:
        """Rounds of folding: while a round saves at least ``MIN_SAVING`` scalars."""
        return rounds_of(self.N, self.L)

    @cached_property
    def N_padded(self) -> int:
        """N' = 2^K ceil(N / 2^K): null slots have real generators, so that every folded norm vector is even."""
        return padded(self.N, self.K)

    @property
    def final_lengths(self) -> tuple[int, int]:
        """(|n'|, |l'|), the lengths of the vectors sent in the clear."""
        return self.N_padded >> self.K, -(-self.L >> self.K)

    @property
    def proof_bytes(self) -> int:
        """48 (3 + 2K) + 32 (|n'| + |l'|)."""
        return 48 * (3 + 2 * self.K) + 32 * sum(self.final_lengths)

    @property
    def terms(self) -> int:
        """Terms of the verifier's one multi-scalar multiplication."""
        return 4 + self.J + 2 * self.K + self.L + self.N_padded

    # What a verifier needs at every use.

    @cached_property
    def digits(self) -> tuple[tuple[int, int], ...]:
        """(slot, table) of every digit slot."""
        return tuple((i, slot.table) for i, slot in enumerate(self.slots) if isinstance(slot, Digit))

    @cached_property
    def digits_of(self) -> tuple[tuple[int, ...], ...]:
        """The digit slots of every table."""
        slots: list[list[int]] = [[] for _ in self.tables]
        for i, table in self.digits:
            slots[table].append(i)
        return tuple(map(tuple, slots))

    @cached_property
    def gates(self) -> tuple[tuple[int, Gate], ...]:
        """(slot, gate) of every gate slot."""
        return tuple((i, slot) for i, slot in enumerate(self.slots) if isinstance(slot, Gate))

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical encoding (docs/protocol.md, "Relation digest")."""
        return hashlib.sha256(b"".join(_encode(self))).digest()


def rounds_of(N: int, L: int) -> int:
    """K of a relation with N slots and a linear vector of length L: part of what a proof is."""
    n, l, k = N, L, 0
    while n // 2 + l // 2 >= MIN_SAVING:
        n, l, k = (n + 1) // 2, (l + 1) // 2, k + 1
    return k


def padded(N: int, K: int) -> int:
    """N' = 2^K ceil(N / 2^K)."""
    return -(-N >> K) << K


def _check_shape(relation: Relation) -> None:
    tables, slots, rows, J = relation.tables, relation.slots, relation.rows, relation.J
    N = len(slots)
    if not 1 <= N <= MAX_SLOTS or not 0 <= J <= MAX_COMMITMENTS or len(rows) > MAX_ROWS:
        raise RelationError("the relation is above the size limits: too many slots, commitments or rows")
    if len(tables) > MAX_TABLES or sum(map(len, tables)) > MAX_SYMBOLS:
        raise RelationError("the relation is above the size limits: too many tables or symbols")
    entries = sum(len(row.W) + len(row.U) + len(row.P) for row in rows)
    entries += sum(len(slot.form) for slot in slots if isinstance(slot, Gate))
    if entries > MAX_ENTRIES:
        raise RelationError("the relation is above the size limits: too many sparse entries")
    for table in tables:
        if not table or len({symbol % R for symbol in table}) != len(table):
            raise RelationError("a table needs distinct symbols, at least one")
    for slot in slots:
        if isinstance(slot, Gate):
            _check_sparse(slot.form, N, "a gate's form")
        elif not 0 <= slot.table < len(tables):
            raise RelationError("a digit slot names a table that does not exist")
    for row in rows:
        _check_sparse(row.W, N, "W")
        _check_sparse(row.U, N, "U")
        _check_sparse(row.P, J, "P")
    _check_attested(relation.attested, J)


def _check_attested(attested: tuple[tuple[int, int], ...], J: int) -> None:
    last = -1
    for j, bits in attested:
        if not last < j < J:
            raise RelationError("attested values must be named once each, in their order, and exist")
        if not 1 <= bits <= MAX_ATTESTED_BITS:
            raise RelationError(f"an attested value has 1 to {MAX_ATTESTED_BITS} bits")
        last = j


def _check_sparse(entries: Sparse, size: int, name: str) -> None:
    last = -1
    for index, coefficient in entries:
        if not last < index < size:
            raise RelationError(f"indices of {name} must rise strictly and stay within what exists")
        if coefficient % R == 0:
            raise RelationError(f"a coefficient of {name} is zero modulo r")
        last = index


def _encode(relation: Relation) -> Iterable[bytes]:
    yield _count(relation.J)
    yield _count(len(relation.tables))
    for table in relation.tables:
        yield _count(len(table))
        yield from map(to_bytes, table)
    yield _count(relation.N)
    for slot in relation.slots:
        if isinstance(slot, Digit):
            yield b"\x00" + _count(slot.table)
        else:
            yield b"\x01"
            yield from _encode_sparse(slot.form)
            yield to_bytes(slot.constant)
    yield _count(len(relation.rows))
    for row in relation.rows:
        yield from _encode_sparse(row.W)
        yield from _encode_sparse(row.U)
        yield from _encode_sparse(row.P)
        yield to_bytes(row.b)
    yield _count(len(relation.gadgets))
    for gadget in relation.gadgets:
        if isinstance(gadget, Abs):
            yield b"\x00" + _count(gadget.gate) + _count(gadget.rows[0]) + _count(gadget.rows[1])
        else:
            yield b"\x01" + _count(gadget.gate) + _count(gadget.row)
    if relation.attested:  # what has none is encoded as ever; every part before this one says how long it is
        yield _count(len(relation.attested))
        for j, bits in relation.attested:
            yield _count(j) + _count(bits)


def _encode_sparse(entries: Sparse) -> Iterable[bytes]:
    yield _count(len(entries))
    # Index and coefficient at once: 4 bytes and 32.
    yield b"".join([(index << 256 | coefficient % R).to_bytes(36, "big") for index, coefficient in entries])


def _count(n: int) -> bytes:
    return n.to_bytes(4, "big")
