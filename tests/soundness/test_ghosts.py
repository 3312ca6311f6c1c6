"""Padding: a norm entry without a base forges; with real generators in every padded place it does not.

This proved v = -1, and an insolvent account, in an earlier draft and in published code.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from small_relations import ranges

from zkmargin.errors import ProofError
from zkmargin.range_argument import verify
from zkmargin.relation import Digit, Relation, Row

from . import weak
from .algebra import norm, square_root
from .malicious import Attack, Forgery, NotThisTime, Opened, commitments, forge
from .weak import Switches

SMALL = (1, 2, 3, 50)
LARGE = (208, 328, 410)
TRUNCATING = Switches(short_norm_bases=True)


def bits(N: int) -> Relation:
    """v in [0, 2^N), one bit a slot; beyond 200 bits further slots are bits that no row names."""
    width = min(N, 200)
    return Relation(((0, 1),), (Digit(0),) * N, (Row(tuple((i, 1 << i) for i in range(width)), P=((0, 1),)),), (), 1)


@dataclass
class Ghost(Attack):
    """A square that fits, in one padded place."""

    place: int = 0

    def ghosts(self, C: Opened) -> list[int]:
        root = square_root(C.error)
        if root is None:
            raise NotThisTime
        return [*[0] * (self.place - self.relation.N), root]


def places(relation: Relation) -> list[int]:
    return list(range(relation.N, relation.N_padded))


def forge_ghost(relation: Relation, place: int) -> Forgery:
    for seed in range(60):
        try:
            attack = Ghost(relation, commitments([-1]), [0] * relation.N, seed=seed, place=place)
            return forge(attack, context=b"c", switches=TRUNCATING)
        except NotThisTime:
            continue
    raise AssertionError("no square in 60 attempts")


def check(relation: Relation, place: int) -> None:
    """The transcripts of both verifiers are the same, so the very same bytes go to each."""
    forgery = forge_ghost(relation, place)
    weak.verify(relation, forgery.V, forgery.proof, context=b"c", switches=TRUNCATING)
    weak.verify(relation, forgery.V, forgery.proof, context=b"c", switches=Switches(ghost_padding=True))
    with pytest.raises(ProofError):
        verify(relation, forgery.V, forgery.proof, context=b"c")


@pytest.mark.parametrize("N", SMALL)
def test_every_padded_place(N: int) -> None:
    for place in places(bits(N)):
        check(bits(N), place)


@pytest.mark.parametrize("N", LARGE)
def test_first_and_last_padded_place(N: int) -> None:
    for place in {places(bits(N))[0], places(bits(N))[-1]}:
        check(bits(N), place)


@pytest.mark.slow
@pytest.mark.parametrize("N", LARGE)
def test_every_padded_place_of_the_large_ones(N: int) -> None:
    for place in places(bits(N)):
        check(bits(N), place)


@pytest.mark.parametrize("N", [*SMALL, *LARGE])
def test_shapes(N: int) -> None:
    """Every folded norm vector is even, and the padding is what the document says."""
    relation = bits(N)
    size = relation.N_padded
    assert size >= N
    assert size - N < 1 << relation.K
    for _ in range(relation.K):
        assert size % 2 == 0
        size //= 2
    assert size == relation.final_lengths[0]


def test_the_same_square_on_a_real_base_is_seen() -> None:
    """The honest way to a null entry, through S, pays for it in the value."""
    relation = ranges([1, 2], 16, 3).relation
    for place in places(relation):
        attack = Attack(relation, commitments([-1, 2]), [0] * 6, in_S=norm(place, 77))
        forgery = forge(attack, context=b"c")
        with pytest.raises(ProofError):
            verify(relation, forgery.V, forgery.proof, context=b"c")
