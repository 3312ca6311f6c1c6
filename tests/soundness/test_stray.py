"""Stray components: every base placed in V, A, R, S, X, Y, by a prover who then solves the error slots.

Refused, except for what docs/protocol.md, section 11.2, lists as harmless. An accepted one changes no value.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from small_relations import ranges

from zkmargin.errors import ProofError
from zkmargin.range_argument import verify

from . import weak
from .algebra import H1, H2, H4, HM, Comb, H, linear, norm
from .malicious import Attack, Forgery, commitments, forge

RELATION = ranges([7, 9], 16, 3).relation
DIGITS = [7, 0, 0, 9, 0, 0]
DIGIT, NULL, OTHER_NULL = 0, 6, 7
assert RELATION.N_padded == 8

HONEST = Attack(RELATION, commitments([7, 9]), DIGITS)


def passes(check: Callable[..., None], attack: Attack, forgery: Forgery) -> bool:
    try:
        check(attack.relation, forgery.V, forgery.proof, context=b"c")
    except ProofError:
        return False
    return True


def accepted(attack: Attack) -> bool:
    """What the real verifier says; the model must say the same."""
    forgery = forge(attack, context=b"c")
    verdict = passes(verify, attack, forgery)
    assert passes(weak.verify, attack, forgery) == verdict
    return verdict


def in_V(component: Comb) -> Attack:
    first, second = HONEST.V
    return replace(HONEST, V=[first + component, second])


STRAY = 0x1234567890ABCDEF

REFUSED = {
    "H_2 in V": in_V(linear(H2, STRAY)),
    "H_4 in V": in_V(linear(H4, STRAY)),
    "Hm in V": in_V(linear(HM, STRAY)),
    "last Hm in V": in_V(linear(HM + 15, STRAY)),
    "digit base in V": in_V(norm(DIGIT, STRAY)),
    "null base in V": in_V(norm(NULL, STRAY)),
    "H_2 in A": replace(HONEST, in_A=linear(H2, STRAY)),
    "H_4 in A": replace(HONEST, in_A=linear(H4, STRAY)),
    "Hm in A": replace(HONEST, in_A=linear(HM, STRAY)),
    "digit base in A": replace(HONEST, in_A=norm(DIGIT, STRAY)),
    "H_1 in R": replace(HONEST, in_R=linear(H1, STRAY)),
    "H_4 in R": replace(HONEST, in_R=linear(H4, STRAY)),
    "digit base in R": replace(HONEST, in_R=norm(DIGIT, STRAY)),
    "H_2 in A and H_1 in R that do not cancel": replace(HONEST, in_A=linear(H2, STRAY), in_R=linear(H1, STRAY)),
    "H_4 in A and H_2 in V that do not cancel for good": replace(in_V(linear(H2, -STRAY)), in_A=linear(H4, 2 * STRAY)),
    "both entries of a null slot": replace(HONEST, in_A=norm(NULL, STRAY), in_R=norm(NULL, STRAY)),
}

HARMLESS = {
    "nothing": HONEST,
    "G in V is another value": replace(HONEST, V=commitments([7 + 16, 9]), a=[7, 1, 0, 9, 0, 0]),
    "H in V": in_V(linear(H, STRAY)),
    "H_1 in V": in_V(linear(H1, STRAY)),
    "H_1 in A": replace(HONEST, in_A=linear(H1, STRAY)),
    "G and H in A": replace(HONEST, in_A=Comb(STRAY, [STRAY])),
    "Hm in R": replace(HONEST, in_R=linear(HM, STRAY)),
    "G, H and H_2 in R": replace(HONEST, in_R=Comb(STRAY, [STRAY, 0, STRAY])),
    "H_2 in A and minus that H_1 in R": replace(HONEST, in_A=linear(H2, STRAY), in_R=linear(H1, -STRAY)),
    "A-entry of a null slot": replace(HONEST, in_A=norm(NULL, STRAY)),
    "R-entry of a null slot": replace(HONEST, in_R=norm(NULL, STRAY)),
    "A-entry of one null slot, R-entry of another": replace(
        HONEST, in_A=norm(NULL, STRAY), in_R=norm(OTHER_NULL, STRAY)
    ),
    "null slot in S": replace(HONEST, in_S=norm(NULL, STRAY)),
    "everything in S": replace(HONEST, in_S=Comb(STRAY, [STRAY] * 20, [STRAY] * 8)),
}


@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED)
def test_refused(attack: Attack) -> None:
    assert not accepted(attack)


@pytest.mark.parametrize("attack", HARMLESS.values(), ids=HARMLESS)
def test_accepted_and_harmless(attack: Attack) -> None:
    assert accepted(attack)


@pytest.mark.parametrize("attack", HARMLESS.values(), ids=HARMLESS)
def test_harmless_components_do_not_help_a_lie(attack: Attack) -> None:
    """The same components under a commitment to another value."""
    V = [attack.V[0] + Comb(1), attack.V[1]]
    assert not accepted(replace(attack, V=V))


BASES = {
    "G": Comb(1),
    **{name: linear(index) for name, index in (("H", H), ("H_1", H1), ("H_2", H2), ("H_4", H4), ("Hm", HM))},
    "last Hm": linear(HM + 15),
    **{f"G_{i}": norm(i) for i in (0, 1, NULL, OTHER_NULL)},
}


@pytest.mark.parametrize("place", range(2 * RELATION.K), ids=["X_0", "Y_0", "X_1", "Y_1"])
@pytest.mark.parametrize("base", BASES)
def test_any_base_in_X_or_Y(base: str, place: int) -> None:
    assert not accepted(replace(HONEST, in_XY=[*[Comb()] * place, BASES[base] * STRAY]))


HARMLESS_ALONE = {("A", "H_1"), ("V", "H_1"), ("R", "Hm"), ("R", "H_2"), ("A", "G_6"), ("R", "G_6")}


def with_part(attack: Attack, point: str, component: Comb) -> Attack:
    if point == "V":
        return replace(attack, V=[attack.V[0] + component, attack.V[1]])
    if point == "A":
        return replace(attack, in_A=attack.in_A + component)
    return replace(attack, in_R=attack.in_R + component)


def test_no_pair_of_stray_parts_cancels() -> None:
    """Over all pairs of (point, base): refused unless each is harmless by itself, for coefficients of either sign."""
    places = list(itertools.product("VAR", ("H_1", "H_2", "H_4", "Hm", "G_6")))
    for (one, other), sign in itertools.product(itertools.combinations(places, 2), (1, -1)):
        attack = with_part(HONEST, one[0], BASES[one[1]] * STRAY)
        attack = with_part(attack, other[0], BASES[other[1]] * (sign * STRAY))
        pair = {one, other}
        expected = pair <= HARMLESS_ALONE and pair != {("A", "G_6"), ("R", "G_6")}
        expected |= pair == {("A", "H_2"), ("R", "H_1")} and sign == -1
        assert passes(verify, attack, forge(attack, context=b"c")) == expected, (one, other, sign)
