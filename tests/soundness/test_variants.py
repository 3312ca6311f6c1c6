"""Every forgeable variant of docs/protocol.md, section 15, is forged; the real verifier refuses each forgery.

For each variant, four things: an honest proof passes it (it is a protocol), a plain lie does not (it is not just open),
the attack does (it bites), and neither the forged proof nor the same attack run against the real transcript passes the
real verifier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from small_relations import ranges

from zkmargin.errors import ProofError, VerificationError
from zkmargin.field import R, inverse
from zkmargin.group import Point
from zkmargin.range_argument import verify
from zkmargin.relation import Digit, Relation, Row

from . import weak
from .algebra import H1, Comb, linear, norm, square_root
from .malicious import Attack, Expansion, NotThisTime, Opened, commitments, forge
from .weak import Challenges, Switches

NIBBLE = ranges([1], 2, 4).relation
"""v in [0, 16), four bits: one folding round."""
WIDE = ranges([1, 2], 16, 3).relation
"""v_0, v_1 in [0, 16^3): six digits and two null slots."""
TWO_TABLES = Relation(
    tables=((0, 1), (0, 1, 2, 3)),
    slots=(Digit(0), Digit(1)),
    rows=(Row(W=((0, 1),), P=((0, 1),)), Row(W=((1, 1),), P=((1, 1),))),
    gadgets=(),
    J=2,
)
MINUS_ONE = [-1, 0, 0, 0]
"""The digits of an attacker: v = -1, one digit is no symbol."""


class AlphaKnown(Attack):
    """Multiplicities that balance the lookup at this one alpha."""

    def multiplicities(self, alpha: int | None) -> list[int]:
        alpha = alpha or 12345
        return [alpha * sum(inverse(alpha + d) for d in self.a) % R, 0]


class ChallengesKnown(Attack):
    """The reciprocal of the wrong digit cancels the whole of T^3."""

    def reciprocals(self, alpha: int, challenges: Challenges | None) -> dict[int, int]:
        rho, x = (challenges.rho, challenges.x) if challenges else (2, 3)
        mu = rho * rho
        return {**super().reciprocals(alpha, challenges), 0: mu * inverse(mu * (alpha + self.a[0]) - x) % R}


class TKnown(Attack):
    """The G-part of S is what E(T) needs."""

    def final_S(self, S: Comb, E: Sequence[int], T: int) -> Comb:
        return S + Comb(-sum(e * pow(T, k, R) for k, e in enumerate(E)))


class EKnown(Attack):
    """The G-part of the first X takes the whole error."""

    def knows_e(self) -> bool:
        return True


class NormPartInV(Attack):
    """V carries two norm parts that cancel at T^6; through them n_S, chosen late, reaches T^3."""

    def blinding_n(self, n_S: list[int], expansion: Expansion) -> list[int]:
        slot = self.relation.N_padded - 1
        at = [expansion.coefficients(Comb(0, [0] * self.relation.L, [*n_S[:slot], k]))[3] for k in (0, 1)]
        if at[0] == at[1]:
            raise NotThisTime
        return [*n_S[:slot], at[0] * inverse(at[0] - at[1]) % R]


class Ghost(Attack):
    """A norm entry that no base holds brings the missing square."""

    place = 0

    def ghosts(self, C: Opened) -> list[int]:
        root = square_root(C.error)
        if root is None:
            raise NotThisTime
        return [*[0] * self.place, root]


@dataclass(frozen=True)
class Variant:
    name: str
    switches: Switches
    relation: Relation
    values: tuple[int, ...]
    honest_a: Sequence[int]
    attack: Callable[[int], Attack]
    forced_alpha: int | None = None


def lie(
    kind: type[Attack], relation: Relation, values: Sequence[int], a: Sequence[int], **more: Any
) -> Callable[[int], Attack]:
    return lambda seed: kind(relation, commitments(values), a, seed=seed, **more)


def nibble(name: str, kind: type[Attack], a: Sequence[int] = MINUS_ONE, **more: Any) -> Variant:
    return Variant(name, Switches(**{name: True}), NIBBLE, (-1,), [1, 1, 0, 0], lie(kind, NIBBLE, [-1], a, **more))


def stray_V() -> list[Comb]:
    """The values -1 and -1; norm parts i on slot 7 of V_0 and 1 on slot 6 of V_1, with i^2 = -1."""
    first, second = commitments([-1, -1])
    return [first + norm(7, square_root(-1) or 0), second + norm(6)]


VARIANTS = [
    nibble("alpha_before_A", AlphaKnown),
    nibble("challenges_before_R", ChallengesKnown),
    nibble("T_before_S", TKnown),
    # Row 0 is off by 1 - (-1) = 2; without challenges of its own it is cancelled by an H_1-part of R.
    nibble("lambda_from_0_without_y", Attack, [1, 0, 0, 0], in_R=linear(H1, -4)),
    nibble("X_Y_not_absorbed", EKnown),
    Variant(
        "one_x_for_all_tables",
        Switches(one_x_for_all_tables=True),
        TWO_TABLES,
        (3, 2),  # the first is a "bit"
        [1, 2],
        lie(Attack, TWO_TABLES, [3, 2], [3, 2], m=[0, 0, 0, 0, 1, 1]),
    ),
    Variant(
        "row_weight_with_rho",
        Switches(row_weight_with_rho=True),
        WIDE,
        (-1, -1),
        [1, 0, 0, 2, 0, 0],
        lambda seed: NormPartInV(WIDE, stray_V(), [0] * 6, seed=seed),
    ),
    Variant(
        "ghost_padding",
        Switches(ghost_padding=True),
        WIDE,
        (-1, 2),
        [1, 0, 0, 2, 0, 0],
        lie(Ghost, WIDE, [-1, 2], [0] * 6),
    ),
    Variant(
        "short_norm_bases",
        Switches(short_norm_bases=True),
        WIDE,
        (-1, 2),
        [1, 0, 0, 2, 0, 0],
        lie(Ghost, WIDE, [-1, 2], [0] * 6),
    ),
    # alpha = -0: all weights of symbols vanish, and two digits z, -z have reciprocals that cancel.
    Variant(
        "pole_as_zero",
        Switches(pole_as_zero=True),
        ranges([1], 2, 2).relation,
        (-1,),
        [1, 1],
        lie(Attack, ranges([1], 2, 2).relation, [-1], [1, -1], m=[0, 0]),
        forced_alpha=R,
    ),
]
variants = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


def submit(variant: Variant, attack: Attack, switches: Switches) -> tuple[list[Point], bytes]:
    """Forge for ``switches`` and have the verifier with these switches accept, or raise."""
    forgery = forge(attack, context=b"c", switches=switches, forced_alpha=variant.forced_alpha)
    weak.verify(
        variant.relation,
        forgery.V,
        forgery.proof,
        context=b"c",
        switches=switches,
        forced_alpha=variant.forced_alpha,
    )
    return forgery.V, forgery.proof


def first_success(variant: Variant) -> tuple[list[Point], bytes]:
    for seed in range(40):
        try:
            return submit(variant, variant.attack(seed), variant.switches)
        except NotThisTime:
            continue
    raise AssertionError("no attempt succeeded")


@variants
def test_honest_proofs_pass(variant: Variant) -> None:
    rows, a = variant.relation.rows, variant.honest_a
    values = [sum(c * a[i] for i, c in row.W) for row in rows]
    if variant.forced_alpha is None:  # at a pole nobody is honest
        submit(variant, Attack(variant.relation, commitments(values), a), variant.switches)


@variants
def test_a_plain_lie_does_not(variant: Variant) -> None:
    plain = Attack(variant.relation, commitments(variant.values), variant.honest_a)
    with pytest.raises(ProofError):
        submit(variant, plain, variant.switches)


@variants
def test_the_attack_does(variant: Variant) -> None:
    first_success(variant)


@variants
def test_the_real_verifier_refuses_the_forgery(variant: Variant) -> None:
    V, proof = first_success(variant)
    with pytest.raises(VerificationError):
        verify(variant.relation, V, proof, context=b"c")


@variants
def test_and_the_attack_against_its_own_transcript(variant: Variant) -> None:
    """The attacker does not learn the challenges early, but does all the rest."""
    attack = variant.attack(0)
    if isinstance(attack, Ghost):
        return  # a ghost needs no early challenge: the test above was this one
    forgery = forge(attack, context=b"c")
    with pytest.raises(VerificationError):
        verify(variant.relation, forgery.V, forgery.proof, context=b"c")
