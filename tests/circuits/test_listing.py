"""Rules for reading: every node has its words, and the cost is that of the relation."""

from __future__ import annotations

import pytest
from symbolic_rules import program

from circuits.language import (
    CeilDiv,
    FloorDiv,
    Largest,
    Least,
    Max,
    Min,
    Total,
    Where,
    amount,
    at,
    cash,
    family,
    interval,
    public,
    size,
)
from circuits.layout import Layout
from circuits.listing import cost, listing
from circuits.lowering import Rule, lower
from circuits.models import CLAIM_RULES, MODELS
from circuits.program import Hidden
from circuits.rule import from_value, load

q, r, a = size("q"), size("r"), amount("a")
p, f, k, d = interval("p"), public("f"), public("k"), public("d")
M, T = family("market"), family("tier")


def _listing(expression: object) -> list[str]:
    return listing(from_value(lower(Rule("test", expression))))


def test_every_node_has_words() -> None:
    expression = (
        cash("cash0")
        + Total(M, Least(T, q * p - f * p * Max(q, 0) - 3 * at(k, T)))
        + Largest(T, Where(k - a, -2 * a))
        - Max(q + r, 0)
        + FloorDiv(a, d)
        - k * CeilDiv(r, 1 + d)
    )
    seen = _listing(expression)
    assert [line for line in seen if not line.startswith("  ")] == ["sum of"]
    text = "\n".join(seen)
    for part in (
        "  for every market, sum of\n    least, over every tier, of\n"
        "      q, long: least of [p_low - f*p_low] and [p_high - f*p_high]\n"
        "      q, short: -p_high\n      -3*k[tier]\n",
        "  greatest, over every tier, of\n    a: -2\n    open while this is not negative\n      a: -1\n      k\n",
        "  least of\n    either\n      0\n    or\n      q, long: -1\n      q, short: 1\n",
        "  (1) times the quotient by (d), rounded down, of\n    a: 1\n",
        "  (k) times the quotient by (1 + d), rounded down, of\n    r, long: -1\n    r, short: 1\n",
        "  cash0: 1",
    ):
        assert part in text


@pytest.mark.parametrize("name", sorted(MODELS | CLAIM_RULES))
def test_every_rule_can_be_read(name: str) -> None:
    seen = listing(load(name))
    assert seen
    assert all(line.strip() for line in seen)


def test_the_cost_is_that_of_the_relation() -> None:
    expression = Max(q + r, a, 5) + Min(q, r) + FloorDiv(a, d)
    hidden = [Hidden("q/A", "size", 99), Hidden("q/B", "size", 99), Hidden("c/C", "amount", 99)]
    layout = Layout(program(expression, hidden, {"q": "q/A", "r": "q/B", "a": "c/C", "d": 7}))
    seen = cost(layout)
    assert seen == {
        "hidden": {"cash": 1, "size": 2, "amount": 1},
        "unknowns": {"bit": 3, "row alone": 1, "free block": 3, "block with a row": 4, "slack": 1},
        "digit_base": 1 << layout.base_bits,
        "slots": layout.relation.N,
        "rows": len(layout.relation.rows),
        "terms": layout.relation.terms,
        "proof_bytes": layout.relation.proof_bytes,
    }
