"""Which relations docs/protocol.md refuses (§2.2, §2.3, §9), transcribed from the text and compared with the code.

Random relations, most of them one random change away from a sound one.
"""

from __future__ import annotations

import random
from collections import deque

import pytest

from zkmargin.errors import RelationError
from zkmargin.field import R
from zkmargin.relation import Abs, Digit, Gate, Relation, Row, Square


def centred(z: int) -> int:
    z %= R
    return z if 2 * z < R else z - R


def form(sparse) -> dict[int, int]:
    return {index: centred(coefficient) for index, coefficient in sparse}


def accepted_by_the_document(tables, slots, rows, gadgets, J, attested) -> bool:
    return gadgets_match(tables, slots, rows, gadgets) and closes(tables, slots, rows, gadgets, J, attested)


def gadgets_match(tables, slots, rows, gadgets) -> bool:
    """§2.3."""
    gates = [i for i, slot in enumerate(slots) if isinstance(slot, Gate)]
    rows_of = [list(gadget.rows) if isinstance(gadget, Abs) else [gadget.row] for gadget in gadgets]
    used = [k for own in rows_of for k in own]
    if sorted(gadget.gate for gadget in gadgets) != gates or len(set(used)) != len(used):
        return False
    if any(not 0 <= k < len(rows) for k in used) or any(row.U for k, row in enumerate(rows) if k not in used):
        return False
    return all(
        abs_matches(tables, slots, rows, gadget) if isinstance(gadget, Abs) else square_matches(rows, gadget)
        for gadget in gadgets
    )


def abs_matches(tables, slots, rows, gadget) -> bool:
    g, first, second = gadget.gate, rows[gadget.rows[0]], rows[gadget.rows[1]]
    weights = form(first.W)
    if form(slots[g].form) or centred(slots[g].constant) or form(second.W) != {g: -1} or weights.pop(g, None) != 1:
        return False
    if not form(first.U) == form(second.U) == {g: 1} or first.P or centred(first.b):
        return False
    digits = [slots[i] for i in weights]
    if not digits or any(not isinstance(slot, Digit) or slot.table != digits[0].table for slot in digits):
        return False
    base, n = len(tables[digits[0].table]), len(digits)
    return (
        base >= 2
        and [symbol % R for symbol in tables[digits[0].table]] == list(range(base))
        and sorted(weights.values(), reverse=True) == [-(base**e) for e in range(n)]
        and 4 * (base**n - 1) < R
    )


def square_matches(rows, gadget) -> bool:
    row = rows[gadget.row]
    return form(row.W) == {gadget.gate: 1} and form(row.U) == {gadget.gate: -1} and not row.P and not centred(row.b)


def closes(tables, slots, rows, gadgets, J, attested) -> bool:
    """§9, items 1 to 6."""
    # 1
    B = {("a", i): max(abs(centred(s)) for s in tables[d.table]) for i, d in enumerate(slots) if isinstance(d, Digit)}
    B |= {("v", j): 2**n - 1 for j, n in attested}
    Bw, allowance, aside = {}, {}, set()
    # 2
    for gadget in gadgets:
        if isinstance(gadget, Abs):
            table = next(slots[i].table for i, _ in rows[gadget.rows[0]].W if i != gadget.gate)
            bound = len(tables[table]) ** (len(rows[gadget.rows[0]].W) - 1) - 1
            B["a", gadget.gate] = Bw[gadget.gate] = allowance[gadget.rows[1]] = bound
            aside.add(gadget.rows[0])
        else:
            aside.add(gadget.row)
    # 3
    variables = {}
    for k, row in enumerate(rows):
        if k not in aside:
            own = {} if k in allowance else {("a", i): c for i, c in form(row.W).items()}
            variables[k] = own | {("v", j): c for j, c in form(row.P).items()}
    number = {k: sum(variable not in B for variable in own) for k, own in variables.items()}
    queue = deque(k for k in variables if number[k] == 1)
    while queue:
        k = queue.popleft()
        rest = abs(centred(rows[k].b)) + allowance.get(k, 0)
        rest += sum(abs(c) * B[variable] for variable, c in variables[k].items() if variable in B)
        unbounded = [variable for variable in variables[k] if variable not in B]
        if unbounded and variables[k][unbounded[0]] in (1, -1) and 2 * rest < R:
            B[unbounded[0]] = rest
            for other, own in variables.items():
                if unbounded[0] in own:
                    number[other] -= 1
                    if number[other] == 1:
                        queue.append(other)
    # 4
    if any(("a", i) not in B for i in range(len(slots))) or any(("v", j) not in B for j in range(J)):
        return False
    # 5
    for gadget in gadgets:
        if isinstance(gadget, Square):
            gate, Bw[gadget.gate] = slots[gadget.gate], B["a", gadget.gate]
            reach = abs(centred(gate.constant)) + sum(abs(c) * B["a", i] for i, c in form(gate.form).items())
            if 2 * Bw[gadget.gate] ** 2 >= R or 2 * reach >= R:
                return False
    # 6
    return all(
        2
        * (
            sum(abs(c) * B["a", i] for i, c in form(row.W).items())
            + sum(abs(c) * Bw[i] for i, c in form(row.U).items())
            + sum(abs(c) * B["v", j] for j, c in form(row.P).items())
            + abs(centred(row.b))
        )
        < R
        for row in rows
    )


class Draft:
    """A relation under construction; forms are dictionaries."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        base = chance.choice([2, 3, 4, 16])
        self.tables = [list(range(base)), chance.choice([[0, 1], [-1, 0, 1, 2], [0, R - 5, 7], [0], [2**200]])]
        self.slots: list = []
        self.rows: list = []
        self.gadgets: list = []
        self.J = chance.randrange(1, 4)
        for make in chance.choices([self.range, self.abs, self.square], [4, 2, 1], k=chance.randrange(1, 5)):
            make()
        for j in range(self.J):
            self.rows.append({"W": self.digits(2, 1), "U": {}, "P": {j: chance.choice([1, 1, 1, -1, 2])}, "b": 0})
            if chance.random() < 0.3:
                self.rows[-1]["P"][chance.randrange(self.J)] = self.coefficient()
        for _ in range(chance.choice([0, 0, 1])):
            self.change()
        self.attested = tuple((j, chance.choice([1, 8, 48, 64])) for j in range(self.J) if chance.random() < 0.2)
        order = list(range(len(self.rows)))
        chance.shuffle(order)  # the order of rows decides the order of the queue
        place = {old: new for new, old in enumerate(order)}
        self.rows = [self.rows[k] for k in order]
        self.gadgets = [
            Abs(g.gate, (place[g.rows[0]], place[g.rows[1]])) if isinstance(g, Abs) else Square(g.gate, place[g.row])
            for g in self.gadgets
        ]

    def coefficient(self) -> int:
        return self.chance.choice([1, -1, R - 1, 1 + R, 2, -3, 2**120, R // 2, R // 3])

    def digits(self, count: int, sign: int, table: int = 0) -> dict[int, int]:
        base, start = len(self.tables[table]), len(self.slots)
        self.slots += [{"table": table}] * count
        return {start + e: sign * base**e for e in range(count)}

    def range(self) -> None:
        table = self.chance.randrange(2)
        W = self.digits(self.chance.choice([1, 2, 3, 90]), 1, table)
        self.rows.append({"W": W, "U": {}, "P": {self.chance.randrange(self.J): 1}, "b": self.chance.randrange(3)})

    def abs(self) -> None:
        g = len(self.slots)
        self.slots.append({"form": {}, "constant": 0})
        digits = self.digits(self.chance.choice([1, 2, 3, 62, 63, 127]), -1, self.chance.choice([0, 0, 0, 1]))
        x = {j: self.chance.choice([1, 1, 1, -1, 2]) for j in range(self.J) if self.chance.random() < 0.6}
        self.rows.append({"W": {g: 1} | digits, "U": {g: 1}, "P": {}, "b": 0})
        self.rows.append({"W": {g: -1}, "U": {g: 1}, "P": x, "b": self.chance.randrange(3)})
        self.gadgets.append(Abs(g, (len(self.rows) - 2, len(self.rows) - 1)))

    def square(self) -> None:
        g = len(self.slots)
        constant = self.chance.choice([0, 1, R // 2, R - 3])
        self.slots.append({"form": {}, "constant": constant})
        self.slots[g]["form"] = self.digits(self.chance.choice([1, 3]), 1)
        digits = self.digits(self.chance.choice([1, 2, 62, 64]), -1)
        self.rows.append({"W": {g: 1}, "U": {g: -1}, "P": {}, "b": 0})
        self.rows.append({"W": {g: 1} | digits, "U": {}, "P": {}, "b": 0})
        self.gadgets.append(Square(g, len(self.rows) - 2))

    def change(self) -> None:
        row, chance = self.chance.choice(self.rows), self.chance
        kinds = [
            "W",
            "U",
            "P",
            "b",
            "drop",
            "drop gadget",
            "gadget",
            "table",
            "free gate",
            "loose square",
            "two squares",
        ]
        what = chance.choice(kinds)
        if what in ("W", "P"):
            row[what][chance.randrange(len(self.slots) if what == "W" else self.J)] = self.coefficient()
        elif what == "U":
            gates = [i for i, slot in enumerate(self.slots) if "form" in slot]
            row["U"][chance.choice(gates or [0])] = chance.choice([1, -1])
        elif what == "b":
            row["b"] = chance.choice([R // 2, 1, -1])
        elif what == "drop" and row["W"]:
            row["W"].pop(chance.choice(list(row["W"])))
        elif what == "drop gadget" and self.gadgets:
            self.gadgets.pop()
        elif what == "gadget" and self.gadgets:
            self.gadgets.append(self.gadgets[0])
        elif what == "free gate":  # a bounded gate in no gadget
            self.slots.append({"form": {}, "constant": 0})
            self.rows.append({"W": {len(self.slots) - 1: 1}, "U": {}, "P": {}, "b": 3})
        elif what == "loose square":  # u is bounded by no row
            self.square()
            self.rows.pop()
        elif what == "two squares":  # of one gate
            self.square()
            g = self.gadgets[-1].gate
            self.rows.append({"W": {g: 1}, "U": {g: -1}, "P": {}, "b": 0})
            self.gadgets.append(Square(g, len(self.rows) - 1))
        elif what == "table":
            self.tables[0] = chance.choice([[*self.tables[0], -1], self.tables[0][::-1], self.tables[0][1:] or [0]])

    def parts(self) -> dict:
        def sparse(entries: dict[int, int]) -> tuple[tuple[int, int], ...]:
            return tuple(sorted((index, c) for index, c in entries.items() if c % R))

        return {
            "tables": tuple(map(tuple, self.tables)),
            "slots": tuple(
                Digit(slot["table"]) if "table" in slot else Gate(sparse(slot["form"]), slot["constant"])
                for slot in self.slots
            ),
            "rows": tuple(Row(sparse(r["W"]), sparse(r["U"]), sparse(r["P"]), r["b"]) for r in self.rows),
            "gadgets": tuple(self.gadgets),
            "J": self.J,
            "attested": self.attested,
        }


@pytest.mark.parametrize("part", range(4))
def test_the_code_refuses_what_the_document_refuses(part):
    verdicts = []
    for seed in range(part, 3000, 4):
        parts = Draft(random.Random(seed)).parts()
        try:
            Relation(**parts)
            accepted = True
        except RelationError:
            accepted = False
        assert accepted == accepted_by_the_document(**parts), seed
        verdicts.append(accepted)
    assert 0.2 < sum(verdicts) / len(verdicts) < 0.8
