"""Gadgets and closure: entries that are no absolute value, and what refused relations would have proved.

A relation that the checker refuses is forced past it here, and a false statement is then proved to the real verifier:
that is what the refusal is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from small_relations import absolute, digits_of

from zkmargin import closure, gadgets
from zkmargin.errors import ProofError, RelationError
from zkmargin.field import R, inverse
from zkmargin.pedersen import Opening, commit
from zkmargin.range_argument import Assignment, prove, verify
from zkmargin.relation import Abs, Digit, Gate, Relation, Row

from .malicious import Attack, commitments, forge

MARGIN = absolute(-3, 1000)
GATE = 0


def margin_attack(*, u: int, w: int, q: int, digits: list[int]) -> Attack:
    """cash = 1000 and q, with parts u, w and digits of the attacker's choice; the other digits are those of q = -3."""
    relation = MARGIN.relation
    a = [u, *digits, *MARGIN.assignment.a[4:]]
    return Attack(relation, commitments([1000, q]), a, {GATE: w})


def accepted(attack: Attack) -> bool:
    forgery = forge(attack, context=b"c")
    try:
        verify(attack.relation, forgery.V, forgery.proof, context=b"c")
    except ProofError:
        return False
    return True


def test_the_honest_parts_are_accepted() -> None:
    assert accepted(margin_attack(u=3, w=0, q=-3, digits=[3, 0, 0]))


@pytest.mark.parametrize(
    ("what", "attack"),
    [
        ("both parts non-zero", margin_attack(u=4, w=1, q=-3, digits=[1, 1, 0])),
        ("parts swapped", margin_attack(u=0, w=3, q=-3, digits=[3, 0, 0])),
        ("short part one less", margin_attack(u=2, w=0, q=-3, digits=[2, 0, 0])),
        ("short part one more", margin_attack(u=4, w=0, q=-3, digits=[0, 1, 0])),
        ("short part negative", margin_attack(u=-3, w=0, q=-3, digits=[-3, 0, 0])),
        ("a negative digit", margin_attack(u=3, w=0, q=-3, digits=[-1, 1, 0])),
        ("a digit of 4", margin_attack(u=4, w=0, q=-4, digits=[4, 0, 0])),
        ("nothing at all", margin_attack(u=0, w=0, q=-3, digits=[0, 0, 0])),
        ("long and short both zero for a long", margin_attack(u=0, w=0, q=3, digits=[3, 0, 0])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parts_of_an_abs(what: str, attack: Attack) -> None:
    """Whatever the slack digits, which are given their honest values or solved for."""
    assert not accepted(attack)
    assert not accepted(replace(attack, a=[*attack.a[:4], *slack_digits(attack)]))


def slack_digits(attack: Attack) -> list[int]:
    """The digits of the slack that row 3 gives for the attacker's u."""
    cash, q, u = attack.V[0].g, attack.V[1].g, attack.a[GATE]
    q = q if q < R // 2 else q - R
    slack = cash + 90 * q - 20 * u
    return [slack // 4**e % 4 for e in range(8)]


# --- Relations that the checker refuses, forced past it -------------------------------------------------------------


@dataclass(frozen=True)
class Hole:
    """A rule that reads as ``claim``, values that break it, and a witness that passes modulo r."""

    claim: str
    relation: Callable[[], Relation]
    values: tuple[int, ...]
    a: list[int]
    w: dict[int, int]


def margin(
    *,
    tables: tuple[tuple[int, ...], ...] = ((0, 1, 2, 3), (0, 1, 2, 3)),
    weights: tuple[int, ...] = (-1, -4, -16),
    P: tuple[tuple[int, int], ...] = ((1, 1),),
    J: int = 2,
    abs_listed: bool = True,
    cash: int = 1,
) -> Relation:
    """cash * v_0 + 90 v_1 - 20 u in [0, 4^8), with u the short part of <P, v>. Slots: gate, 3 digits, 8 digits."""
    return Relation(
        tables=tables,
        slots=(Gate(), *(Digit(0),) * len(weights), *(Digit(1),) * 8),
        rows=(
            Row(W=((0, 1), *((1 + e, weight) for e, weight in enumerate(weights))), U=((0, 1),)),
            Row(W=((0, -1),), U=((0, 1),), P=P),
            Row(W=((0, 20), *((4 + e, 4**e) for e in range(8))), P=((0, cash), (1, 90))),
        )
        if abs_listed
        else (Row(W=((0, 20), *((4 + e, 4**e) for e in range(8))), P=((0, cash),)),),
        gadgets=(Abs(0, (0, 1)),) if abs_listed else (),
        J=J,
    )


def bits(count: int) -> Relation:
    return Relation(
        ((0, 1),), (Digit(0),) * count, (Row(tuple((i, 1 << i) for i in range(count)), P=((0, 1),)),), (), 1
    )


THIRD, HALF = inverse(3), inverse(2)

HOLES = {
    # Equity -280 + 270 = -10, but the "short part" -3 of a long position adds 60.
    "a table with a negative symbol": Hole(
        "the account is solvent",
        lambda: margin(tables=((-1, 0, 1, 2), (0, 1, 2, 3))),
        (-280, 3),
        [-3, 1, -1, 0, *digits_of(50, 4, 8)],
        {0: 0},
    ),
    "another weight": Hole(
        "the account is solvent",
        lambda: margin(weights=(-1, -4, 16)),
        (-280, 3),
        [-3, 1, 3, 1, *digits_of(50, 4, 8)],
        {0: 0},
    ),
    "a gate in no gadget": Hole(
        "cash of at least 0", lambda: margin(abs_listed=False, J=1), (-1000,), [-50, 0, 0, 0, *[0] * 8], {0: 0}
    ),
    "D * cash": Hole("cash below 4^8", lambda: margin(cash=3), (THIRD, 0), [0, 0, 0, 0, 1, *[0] * 7], {0: 0}),
    "x = 2 q": Hole(
        "|q| below 32",
        lambda: margin(P=((1, 2),)),
        (0, HALF),
        [0, 1, 0, 0, *digits_of(45, 4, 8)],
        {0: 1},
    ),
    "x = q_1 + q_2": Hole(
        "q_1 and q_2 small",
        lambda: margin(P=((1, 1), (2, 1)), J=3),
        (-90 * 2**200, 2**200, -(2**200)),
        [0, 0, 0, 0, *[0] * 8],
        {0: 0},
    ),
    "weights that wrap": Hole(
        "v is not negative", lambda: bits(255), (-1,), [(R - 1) >> i & 1 for i in range(255)], {}
    ),
    "a value in no row": Hole(
        "v_1 is anything in particular",
        lambda: Relation(((0, 1),), (Digit(0),), (Row(((0, 1),), P=((0, 1),)),), (), 2),
        (1, R // 3),
        [1],
        {},
    ),
}
holes = pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)


@holes
def test_it_is_refused(hole: Hole) -> None:
    with pytest.raises(RelationError):
        hole.relation()


@holes
def test_and_would_have_proved_a_lie(hole: Hole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gadgets, "check", lambda *_: {})
    monkeypatch.setattr(closure, "check", lambda *_: None)
    relation = hole.relation()
    openings = [Opening(value, 100 + j) for j, value in enumerate(hole.values)]
    proof = prove(relation, openings, Assignment(hole.a, hole.w), context=b"c")
    verify(relation, [commit(opening) for opening in openings], proof, context=b"c")


def test_the_sound_forms_are_accepted() -> None:
    assert margin().J == 2
    assert bits(200).N == 200
