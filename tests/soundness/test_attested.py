"""Attested values against a malicious prover: what the proof refuses by itself, and what the attestation is for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_relations import attested, digits_of

from zkmargin import closure
from zkmargin.errors import ProofError, RelationError, WitnessError
from zkmargin.field import R, inverse
from zkmargin.generators import G
from zkmargin.group import msm
from zkmargin.pedersen import Opening
from zkmargin.range_argument import verify
from zkmargin.sigma import prove_zero, verify_zero

from . import weak
from .algebra import H2, H4, HM, Comb, H, linear, norm
from .malicious import Attack, Forgery, commitments, forge

CASE = attested()
RELATION = CASE.relation
HONEST = Attack(RELATION, commitments(CASE.values), CASE.assignment.a, dict(CASE.assignment.w))
CASH, SIZE, LOCK, OTHER = range(4)
A, A_OTHER = 7, 35
STRAY = 0x1234567890ABCDEF


def accepted(attack: Attack) -> bool:
    """What the real verifier says; the model must say the same."""
    forgery = forge(attack, context=b"c")
    verdict = _passes(verify, attack, forgery)
    assert _passes(weak.verify, attack, forgery) == verdict
    return verdict


def _passes(check, attack: Attack, forgery: Forgery) -> bool:
    try:
        check(attack.relation, forgery.V, forgery.proof, context=b"c")
    except ProofError:
        return False
    return True


def holding(**values: int) -> Attack:
    """Other values under the same digits; ``slack`` is what the digits of the slack say."""
    of = dict(zip(("cash", "size", "lock", "other"), CASE.values, strict=True)) | {"slack": None} | values
    a = [*CASE.assignment.a]
    if of["slack"] is not None:
        a[4:] = digits_of(of["slack"], 4, 8)
    return replace(HONEST, V=commitments([of["cash"], of["size"], of["lock"], of["other"]]), a=a)


def with_strays(strays: dict[int, Comb]) -> Attack:
    return replace(HONEST, V=[comb + strays.get(j, Comb()) for j, comb in enumerate(HONEST.V)])


def test_the_honest_one_is_accepted() -> None:
    assert accepted(HONEST)


@pytest.mark.parametrize(
    "lie",
    [
        holding(lock=41),
        holding(lock=-40),
        holding(lock=40 + R // 7),
        holding(other=2**200),
        holding(lock=0, other=0),
        holding(cash=CASE.values[CASH] - 1),
        holding(cash=-(2**200), lock=2**200),
        holding(slack=66),
        holding(lock=2**200, slack=4**8 - 1),
    ],
)
def test_no_value_passes_but_what_the_row_says(lie: Attack) -> None:
    """A huge one neither, whatever the digits of the slack: what they say is not what V adds up to."""
    assert not accepted(lie)


# Without the declaration there is no relation; past the closure, a huge value would pass.


WRAPPING = {
    "1/A of what is missing": (-1000, (1000 + 330 + 65) * inverse(A) % R, 0),
    "below zero, and another that pays": (-200, -5 * 10**9, (200 + 330 + 65 + A * 5 * 10**9) * inverse(A_OTHER) % R),
}


@pytest.mark.parametrize("values", WRAPPING.values(), ids=WRAPPING)
def test_undeclared_it_would_prove_a_lie(values: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is insolvent by any lock of 6 and 4 bits, or the value is none: refused as a relation, or by the
    attestation; the equations modulo r hold."""
    cash, lock, other = values
    with pytest.raises(RelationError):
        replace(RELATION, attested=())
    monkeypatch.setattr(closure, "check", lambda *_: None)
    undeclared = replace(RELATION, attested=())
    assert accepted(replace(holding(cash=cash, lock=lock, other=other), relation=undeclared))
    # Declared it is the attestation that it lacks: no attestor is shown a v below 2^6 (or 2^4) under this commitment.
    assert not (0 <= lock < 2**6 and 0 <= other < 2**4)


def test_a_proof_for_the_undeclared_relation_is_none_for_the_declared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(closure, "check", lambda *_: None)
        lie = replace(holding(cash=-1000, lock=WRAPPING["1/A of what is missing"][1], other=0), relation=RELATION)
        undeclared = replace(lie, relation=replace(RELATION, attested=()))
    forgery = forge(undeclared, context=b"c")
    with pytest.raises(ProofError):
        verify(RELATION, forgery.V, forgery.proof, context=b"c")


# Stray components.


STRAYS = {"H_2": linear(H2, STRAY), "H_4": linear(H4, STRAY), "Hm": linear(HM, STRAY), "G_0": norm(0, STRAY)}


@pytest.mark.parametrize("place", [LOCK, OTHER, CASH])
@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_a_stray_component_is_refused(stray: Comb, place: int) -> None:
    assert not accepted(with_strays({place: stray}))


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_two_that_cancel_in_every_row_are_what_the_pledge_is_for(stray: Comb) -> None:
    """The argument sees only rows: an attested V_j has no row of its own. So its opening in (G, H) is proved apart."""
    attack = with_strays({LOCK: stray, CASH: stray * -A})
    assert accepted(attack)
    V = attack.V[LOCK].point(RELATION.M, RELATION.N_padded)
    left = msm([V, G], [1, -CASE.values[LOCK]])
    gamma = Opening(0, attack.V[LOCK].l[H])
    with pytest.raises(WitnessError):
        prove_zero(left, gamma, context=b"pledge")
    clean = msm([HONEST.V[LOCK].point(RELATION.M, RELATION.N_padded), G], [1, -CASE.values[LOCK]])
    proof = prove_zero(clean, gamma, context=b"pledge")
    verify_zero(clean, proof, context=b"pledge")
    with pytest.raises(ProofError):
        verify_zero(left, proof, context=b"pledge")


def test_two_that_cancel_in_one_row_alone_are_refused() -> None:
    """A size has a row of its own."""
    for stray in STRAYS.values():
        assert not accepted(with_strays({LOCK: stray, SIZE: stray * (-A * inverse(90))}))
