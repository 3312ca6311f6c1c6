"""The prover and the verifier of this directory are the real ones as long as nobody cheats."""

from __future__ import annotations

import pytest
from small_relations import Case, cases

from zkmargin import reference
from zkmargin.field import R
from zkmargin.group import encode
from zkmargin.pedersen import commit
from zkmargin.range_argument import prove, verify

from . import weak
from .algebra import Comb, square_root
from .malicious import Attack, forge

CASES = cases()


def honest(case: Case, seed: int = 3) -> Attack:
    V = [Comb(opening.value, [opening.blinding]) for opening in case.openings()]
    return Attack(case.relation, V, list(case.assignment.a), dict(case.assignment.w), seed=seed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_real_proofs_pass_the_model(case: Case) -> None:
    V = [commit(opening) for opening in case.openings()]
    weak.verify(case.relation, V, prove(case.relation, case.openings(), case.assignment, context=b"c"), context=b"c")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_honest_proofs_of_the_model_pass_the_real_verifier(case: Case) -> None:
    forgery = forge(honest(case), context=b"c")
    verify(case.relation, forgery.V, forgery.proof, context=b"c")


def test_and_the_reference_verifier() -> None:
    forgery = forge(honest(CASES[0]), context=b"c")
    reference.verify(CASES[0].relation, [encode(point) for point in forgery.V], forgery.proof, context=b"c")


def test_square_roots() -> None:
    roots = [square_root(x) for x in range(2, 40)]
    assert {root is None for root in roots} == {True, False}
    assert all(root is None or root * root % R == x for x, root in zip(range(2, 40), roots, strict=True))
