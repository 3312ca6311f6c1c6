"""The engine: what can be proved is what a rule says by definition: never more, and for honest accounts never less."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import pytest
import sympy
from symbolic_rules import CASH, program, random_rule, value
from trials import seeds

from circuits.language import (
    Abs,
    CeilDiv,
    FloorDiv,
    Largest,
    Least,
    Max,
    Min,
    Total,
    Where,
    amount,
    family,
    interval,
    public,
    size,
)
from circuits.layout import Layout
from circuits.program import ONE, Form, Hidden, Program, evaluate
from zkmargin import range_argument
from zkmargin.errors import InputError, RelationError, WitnessError
from zkmargin.pedersen import Opening, commit

q, r, a, m = size("q"), size("r"), amount("a"), size("m")
k, d, w = public("k"), public("d"), public("w")
M, T = family("market"), family("tier")


def _is_provable(layout: Layout, values: Sequence[int]) -> bool:
    try:
        layout.assign(values)
    except WitnessError as error:
        if error.code != "not_provable":
            raise
        return False
    return True


def _greatest(layout: Layout, held: Sequence[int], low: int, high: int) -> int:
    """The greatest provable slack but for the cash, which is at least ``low`` and below ``high``."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _is_provable(layout, [-middle, *held]) else (low, middle)
    return low


def _drawn(rng: random.Random, hidden: Sequence[Hidden]) -> dict[str, int]:
    """Values of hidden numbers: often at their bounds, often small."""
    values = {}
    for of in hidden:
        x = rng.choice([of.bound, of.bound, 0, rng.randint(0, min(of.bound, 9)), rng.randint(0, of.bound)])
        values[of.label] = -x if of.kind == "size" and rng.random() < 0.5 else x
    return values


# The greatest provable slack is the value of the rule


@seeds(24, 200)
def test_the_greatest_provable_slack_is_the_value(seed: int) -> None:
    """Depth 1 to 3, bounds up to 2^40, hidden numbers at their bounds too: M and blocks are never too small."""
    rng = random.Random(seed)
    expression, hidden, scope = random_rule(rng, 1 + seed % 3, rng.choice([3, 1000, 2**40]))
    layout = Layout(program(expression, hidden, scope))
    for _ in range(8):
        values = _drawn(rng, hidden)
        worth = value(expression, scope, values)
        assert worth.denominator == 1
        held = list(values.values())
        assert _is_provable(layout, [-int(worth), *held]), expression
        assert not _is_provable(layout, [-int(worth) - 1, *held]), expression


def _admitted(layout: Layout, values: Sequence[int]) -> Iterator[int]:
    """Every slack that some assignment of the unknowns gives: free ones and bits by enumeration, the rest by rows."""
    unknowns = layout.program.unknowns[:-1]

    def search(i: int, known: list[int]) -> Iterator[int]:
        if i == len(unknowns):
            yield evaluate(layout.program.unknowns[-1].row or {}, known)
            return
        row = unknowns[i].row
        for x in range(layout.bound(i)) if row is None else [evaluate(row, known)]:
            if 0 <= x < layout.bound(i):
                yield from search(i + 1, [*known, x])

    yield from search(0, [*values, *(max(-x, 0) for x in values)])


def _freedom(layout: Layout) -> int:
    free = 1
    for i, unknown in enumerate(layout.program.unknowns):
        free *= layout.bound(i) if unknown.row is None else 1
    return free


SMALL: list[tuple[Any, dict[str, Any]]] = [
    (Max(q + r, a), {}),
    (Max(q + r, a, 2 * q - 1), {}),
    (-Max(q + r, a) + Min(q, r - a), {}),
    (Abs(q + r) - Abs(q - r), {}),
    (Max(Min(q + r, 1), a - 1), {}),
    (Min(Max(q, r), a), {}),
    (FloorDiv(q - 2 * r, d) - CeilDiv(q + a, d), {"d": 3}),
    (CeilDiv(Max(q + r, a), d), {"d": 2}),
    (Largest(M, Where(w * q + 1, w * r - a)), {"market": [{"w": 0}, {"w": 1}, {"w": 2}]}),
    (-Largest(M, w * r - a), {"market": [{"w": 0}, {"w": 1}, {"w": 2}]}),
]


@pytest.mark.parametrize(("expression", "scope"), SMALL, ids=lambda x: str(x) if isinstance(x, sympy.Basic) else "")
def test_no_assignment_at_all_gives_more_than_the_value(expression: Any, scope: dict[str, Any]) -> None:
    """Every one is tried; and beyond the bounds, where an honest witness may not exist, none gives more either."""
    hidden = [Hidden("q/A", "size", 1), Hidden("q/B", "size", 1), Hidden("c/C", "amount", 1)]
    scope |= {"q": "q/A", "r": "q/B", "a": "c/C"}
    layout = Layout(program(expression, hidden, scope))
    assert _freedom(layout) <= 16**3
    for held in itertools.product((-1, 0, 1, 37), (-41, -1, 1), (0, 1, 19)):
        worth = value(expression, scope, dict(zip(("q/A", "q/B", "c/C"), held, strict=True)))
        slacks = list(_admitted(layout, [0, *held]))
        if max(map(abs, held)) <= 1:
            assert max(slacks) == worth
        else:
            assert all(slack <= worth for slack in slacks)


@seeds(20, 100)
def test_no_assignment_gives_more_in_random_rules(seed: int) -> None:
    rng = random.Random(1000 + seed)
    expression, hidden, scope = random_rule(rng, 1 + seed % 2, 1)
    layout = Layout(program(expression, hidden, scope))
    if _freedom(layout) > 2**12:
        return
    for _ in range(2):
        values = _drawn(rng, hidden)
        assert max(_admitted(layout, [0, *values.values()])) == value(expression, scope, values)


@pytest.mark.parametrize(
    ("expression", "scope"),
    [
        (-Max(q + r, a, k * q) + Min(q, 5), {"k": 3}),
        (Max(Abs(q + r) - a, FloorDiv(7 * q - r, d)), {"d": 1000}),
        (
            Largest(T, Where(w - Abs(q), -k * Abs(q))) + Total(M, Least(T, k * m)),
            {
                "market": [{"m": "q/B", "tier": [{"k": 3}, {"k": 5}]}],
                "tier": [{"w": 10, "k": 1}, {"w": 100, "k": 2}, {"w": 2**20, "k": 7}],
            },
        ),
        (-CeilDiv(3 * Abs(q), d) + k * Min(r, a), {"d": 7, "k": 2}),
    ],
    ids=["concave", "not concave", "tiers", "rounded"],
)
def test_with_the_real_proof_system(expression: Any, scope: dict[str, Any]) -> None:
    hidden = [Hidden("q/A", "size", 2**20), Hidden("q/B", "size", 2**20), Hidden("c/C", "amount", 2**20)]
    scope |= {"q": "q/A", "r": "q/B", "a": "c/C"}
    layout = Layout(program(expression, hidden, scope))
    for held in ((0, 0, 0), (-(2**20), 2**20, 2**20), (57, -3, 11)):
        worth = int(value(expression, scope, dict(zip(("q/A", "q/B", "c/C"), held, strict=True))))
        openings = [Opening(x, 10**30 + j) for j, x in enumerate((-worth, *held))]
        witness = layout.assign([-worth, *held])
        proof = range_argument.prove(layout.relation, openings, witness, context=b"test")
        range_argument.verify(layout.relation, [commit(opening) for opening in openings], proof, context=b"test")
        with pytest.raises(WitnessError) as error:
            layout.assign([-worth - 1, *held])
        assert error.value.code == "not_provable"


# Coefficients round against the prover


@pytest.mark.parametrize("seed", range(20))
def test_fractions_and_intervals_only_ever_cost(seed: int) -> None:
    """By less than an atto for every hidden lot and constant of a coefficient that is rounded."""
    rng = random.Random(seed)
    p, F, f = interval("p"), interval("F", signed=True), public("f")
    expression = Total(M, Least(T, m * (p - F) - f * p * Abs(m) + k)) - f * p * a
    low, high = rng.randint(0, 100), rng.randint(100, 10**6)
    tiers = [{"f": Fraction(rng.randint(0, 3 * 10**6), 10**6), "k": Fraction(rng.randint(0, 99), 7)} for _ in range(3)]
    scope = {
        "market": [{"m": "q/M", "p_low": low, "p_high": high, "F_low": -5, "F_high": 9, "tier": tiers}],
        "f": Fraction(rng.randint(0, 10**6), 10**6),
        "a": "c/C",
        "p_low": low,
        "p_high": high,
    }
    hidden = [Hidden("q/M", "size", 10**6), Hidden("c/C", "amount", 10**6)]
    layout = Layout(program(expression, hidden, scope))
    for lots, held in ((0, 0), (10**6, 10**6), (-(10**6), 3), (rng.randint(-9, 9), 0)):
        values = {"q/M": lots, "c/C": held}
        least = min(
            value(expression, _at(scope, price, index, other), values)
            for price, index, other in itertools.product((low, high), (-5, 9), (low, high))
        )
        granted = _greatest(layout, [lots, held], int(least // 1) - 2**22, int(least // 1) + 1)
        assert least - abs(lots) - held - 2 < granted <= least


def _at(scope: dict[str, Any], price: int, index: int, other: int) -> dict[str, Any]:
    (market,) = scope["market"]
    point = {"p_low": price, "p_high": price, "F_low": index, "F_high": index}
    return scope | {"market": [market | point], "p_low": other, "p_high": other}


def test_a_common_divisor_saves_digits_and_loses_nothing() -> None:
    """Alternatives that are 10^12 apart in everything have blocks as small as those that are 1 apart."""
    hidden = [Hidden("q/A", "size", 1000), Hidden("q/B", "size", 1000)]
    programs = [
        program(Min(u * q, u * r) + Max(u * q, u * r, 0), hidden, {"q": "q/A", "r": "q/B", "u": unit})
        for unit in (1, 10**12)
        for u in [public("u")]
    ]
    small, large = ([(x.bits, x.is_bit) for x in made.unknowns] for made in programs)
    assert small == large
    layout = Layout(programs[1])
    for held in itertools.product((-1000, -1, 0, 3, 1000), repeat=2):
        worth = 10**12 * (min(held) + max(*held, 0))
        assert _is_provable(layout, [-worth, *held])
        assert not _is_provable(layout, [-worth - 1, *held])


def test_a_constant_between_them_leaves_the_divisor_at_one() -> None:
    hidden = [Hidden("q/A", "size", 1000), Hidden("q/B", "size", 1000)]
    layout = Layout(program(Min(10**12 * q, 10**12 * r + 1), hidden, {"q": "q/A", "r": "q/B"}))
    assert _is_provable(layout, [-(10**12) * 3, 3, 3])
    assert not _is_provable(layout, [-(10**12) * 3 - 1, 3, 3])
    assert _is_provable(layout, [-(10**12) * 3 - 1, 4, 3])


# M and the blocks come from public bounds


def test_what_is_waived_is_waived_for_every_honest_account() -> None:
    """At the bounds of max_size, whichever alternative is chosen, all the others must let go."""
    most = 2**48 - 1
    hidden = [Hidden("q/A", "size", most), Hidden("q/B", "size", most), Hidden("c/C", "amount", most)]
    scope = {"q": "q/A", "r": "q/B", "a": "c/C"}
    scope["market"] = [{"w": w, "k": k} for w, k in ((10, 1), (1000, 50), (2**49, 10**9))]
    expression = Largest(M, Where(w - Abs(q + r), -k * Abs(q + r))) + Max(10**20 * q, -(10**20) * r, q - r)
    expression += Max(10**9 * a, q) + Largest(M, Where(w - a, -k * a))
    layout = Layout(program(expression, hidden, scope))
    edges = (-most, -1000, -10, 0, 11, most)
    for held in itertools.product(edges, edges, (0, most)):
        worth = int(value(expression, scope, dict(zip(("q/A", "q/B", "c/C"), held, strict=True))))
        assert _is_provable(layout, [-worth, *held])
        assert not _is_provable(layout, [-worth - 1, *held])


@pytest.mark.parametrize("share", [0, 1, 2, 10])
def test_bounds_that_are_too_small_refuse_and_never_accept(share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With M and blocks guessed at a tenth, a half, or nothing of what they must be: honest accounts are refused, false
    claims are too. Nothing but the bounds of honest accounts hangs on M."""
    exact = Program._bounds

    def guessed(self: Program, form: Form) -> tuple[int, int]:
        low, high = exact(self, form)
        return (low // share, high // share) if share else (0, 0)

    monkeypatch.setattr(Program, "_bounds", guessed)
    hidden = [Hidden("q/A", "size", 1), Hidden("q/B", "size", 1), Hidden("c/C", "amount", 1)]
    scope = {"q": "q/A", "r": "q/B", "a": "c/C", "d": 3, "market": [{"w": 0}, {"w": 7}, {"w": 9}]}
    refused = 0
    for expression in (
        Max(9 * (q + r), 7 * a, -5 * q),
        10 * Abs(q + r) - Max(q, r, a),
        Largest(M, Where(w * q + 1, w * r - a)),
    ):
        layout = Layout(program(expression, hidden, scope))
        assert _freedom(layout) <= 2**14
        for held in itertools.product((-1, 0, 1), (-1, 1), (0, 1)):
            worth = value(expression, scope, dict(zip(("q/A", "q/B", "c/C"), held, strict=True)))
            slacks = list(_admitted(layout, [0, *held]))
            assert all(slack <= worth for slack in slacks)
            refused += worth not in slacks
    assert (refused > 0) is (share != 1)


def test_an_alternative_that_is_not_open_cannot_be_chosen() -> None:
    """The first tier asks for nothing and is for 2 lots at most; 3 lots in it would be solvent for free."""
    hidden = [Hidden("q/A", "size", 5)]
    scope = {"q": "q/A", "tier": [{"w": 2, "k": 0}, {"w": 5, "k": 1}]}
    layout = Layout(program(Largest(T, Where(w - Abs(q), -k * Abs(q))), hidden, scope))
    for side in (1, -1):
        assert max(_admitted(layout, [0, side * 2])) == 0
        assert max(_admitted(layout, [0, side * 3])) == -3
        assert list(_admitted(layout, [0, side * 6])) == []
        assert not _is_provable(layout, [2, side * 3])
        with pytest.raises(WitnessError) as error:
            layout.assign([10**9, side * 6])
        assert error.value.code == "above_range"


# What the public numbers must not be


@pytest.mark.parametrize("word", [Least, Largest])
def test_an_empty_family_has_no_least(word: Any) -> None:
    with pytest.raises(InputError, match="a family of the risk parameters is empty") as error:
        program(word(M, q), [Hidden("q/A", "size", 1)], {"q": "q/A", "market": []})
    assert error.value.code == "bad_params"
    assert program(Total(M, q), [Hidden("q/A", "size", 1)], {"q": "q/A", "market": []}).unknowns[0].row == {0: 1}


@pytest.mark.parametrize("by", [0, -1, Fraction(1, 2), Fraction(7, 2)])
def test_a_divisor_is_an_integer_above_zero(by: Any) -> None:
    """Rounded either way, a divisor of 7/2 could be for the prover."""
    for expression in (FloorDiv(a, d), -CeilDiv(a, d)):
        with pytest.raises(InputError, match="a divisor of the risk parameters") as error:
            program(expression, [Hidden("c/C", "amount", 9)], {"a": "c/C", "d": by})
        assert error.value.code == "bad_params"


@pytest.mark.parametrize("times", [Fraction(1, 2), Fraction(-1, 2)])
def test_what_a_quotient_is_counted_by_is_an_integer(times: Fraction) -> None:
    with pytest.raises(InputError) as error:
        program(k * FloorDiv(a, d), [Hidden("c/C", "amount", 9)], {"a": "c/C", "d": 3, "k": times})
    assert error.value.code == "bad_params"


def test_numbers_that_could_wrap_are_refused() -> None:
    for expression in (public("x") * q, Max(public("x") * q, r), FloorDiv(public("x") * a, d)):
        scope = {"q": "q/A", "r": "q/B", "a": "c/C", "x": 2**210, "d": 3}
        hidden = [Hidden("q/A", "size", 2**48), Hidden("q/B", "size", 2**48), Hidden("c/C", "amount", 2**48)]
        with pytest.raises(RelationError, match=r"bounded by no row|reach r/2"):
            Layout(program(expression, hidden, scope))


def test_cash_is_bounded_by_the_slack_alone() -> None:
    """A program whose slack does not hold the cash leaves it unbounded: any false claim could be proved of it."""
    made = Program([Hidden("cash0", "cash"), Hidden("q/A", "size", 9)])
    made.require({1: 5, 3: 1, ONE: 7}, 104)
    with pytest.raises(RelationError, match="bounded by no row"):
        Layout(made)
    assert CASH.name == "cash0"
