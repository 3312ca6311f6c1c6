"""What is not hashed may be chosen afterwards; what is not checked may be anything.

The variants of docs/protocol.md, section 15, that need no attack on the equation: an honest proof serves for another
statement.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from bad_points import NEVER_VALID

from zkmargin import reference
from zkmargin.errors import EncodingError, ProofError
from zkmargin.field import R
from zkmargin.group import Point, encode
from zkmargin.range_argument import verify
from zkmargin.transcript import Transcript

from . import weak
from .algebra import Comb
from .malicious import Attack, Forgery, commitments, forge
from .test_variants import NIBBLE, WIDE
from .weak import Switches


def honest_wide(switches: Switches) -> Forgery:
    return forge(Attack(WIDE, commitments([1, 2]), [1, 0, 0, 2, 0, 0]), context=b"c", switches=switches)


def test_V_not_hashed() -> None:
    """V_0 + aV_1 D and V_1 - aV_0 D satisfy the finished proof, for any D."""
    switches = Switches(V_not_hashed=True)
    forgery = honest_wide(switches)
    a, b = forgery.public.aV
    V = [comb.point(WIDE.M, WIDE.N_padded) for comb in commitments([1, 2])]
    shifts = [Comb(b), Comb(-a)]
    wrong = [point + shift.point(0, 0) for point, shift in zip(V, shifts, strict=True)]
    weak.verify(WIDE, wrong, forgery.proof, context=b"c", switches=switches)
    with pytest.raises(ProofError):
        weak.verify(WIDE, [V[0], wrong[1]], forgery.proof, context=b"c", switches=switches)
    for points, proof in ((wrong, forgery.proof), (wrong, honest_wide(weak.REAL).proof)):
        with pytest.raises(ProofError):
            verify(WIDE, points, proof, context=b"c")


def test_relation_not_hashed() -> None:
    """Two constants b_0, b_1 move against each other: kappa stays, the rule does not."""
    switches = Switches(relation_not_hashed=True)
    forgery = honest_wide(switches)
    other = None
    for t in range(1, 40):  # b_0 must not be so large that the closure refuses it
        b_0 = forgery.challenges.lambda_ * t % R
        if b_0 < R // 5:
            first, second = WIDE.rows
            other = replace(WIDE, rows=(replace(first, b=b_0), replace(second, b=-t)))
            break
    assert other is not None
    weak.verify(other, forgery.V, forgery.proof, context=b"c", switches=switches)
    with pytest.raises(ProofError):
        verify(other, forgery.V, forgery.proof, context=b"c")
    with pytest.raises(ProofError):
        verify(other, forgery.V, honest_wide(weak.REAL).proof, context=b"c")


def test_context_not_hashed() -> None:
    switches = Switches(context_not_hashed=True)
    forgery = honest_wide(switches)
    weak.verify(WIDE, forgery.V, forgery.proof, context=b"another", switches=switches)
    for proof in (forgery.proof, honest_wide(weak.REAL).proof):
        with pytest.raises(ProofError):
            verify(WIDE, forgery.V, proof, context=b"another")


def test_extra_commitments_ignored() -> None:
    """A reader who takes the proof for one about both commitments is fooled about the second."""
    switches = Switches(extra_V_ignored=True)
    V = [*commitments([1]), *commitments([-1], seed=2)]
    forgery = forge(Attack(NIBBLE, V, [1, 0, 0, 0]), context=b"c", switches=switches)
    weak.verify(NIBBLE, forgery.V, forgery.proof, context=b"c", switches=switches)
    with pytest.raises(ProofError):
        verify(NIBBLE, forgery.V, forgery.proof, context=b"c")
    with pytest.raises(ProofError):
        verify(NIBBLE, forgery.V[:1], forgery.proof, context=b"c")


def test_alpha_on_a_pole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the hash had met the last symbol: no other sum alpha + s is 0 or 1."""
    forgery = honest_wide(weak.REAL)
    pole = R - WIDE.tables[0][-1]
    for transcript in (Transcript, reference.Transcript):
        plain = transcript.challenge
        monkeypatch.setattr(
            transcript, "challenge", lambda self, name, plain=plain: pole if name == "alpha" else plain(self, name)
        )
    with pytest.raises(ProofError, match="symbol"):
        verify(WIDE, forgery.V, forgery.proof, context=b"c")
    with pytest.raises(ProofError, match="pole"):
        reference.verify(WIDE, [encode(point) for point in forgery.V], forgery.proof, context=b"c")


def test_points_of_small_order() -> None:
    """Unchecked, A plus a point of order 3 passes whenever 3 divides T; decoding refuses it always."""
    torsion = Point.from_compressed_bytes_unchecked(NEVER_VALID["order 3"])
    switches = Switches(no_subgroup_check=True)
    accepted = 0
    for seed in range(12):
        attack = Attack(NIBBLE, commitments([1]), [1, 0, 0, 0], seed=seed, torsion=torsion)
        forgery = forge(attack, context=b"c", switches=switches)
        try:
            weak.verify(NIBBLE, forgery.V, forgery.proof, context=b"c", switches=switches)
            accepted += 1
        except ProofError:
            pass
        with pytest.raises(EncodingError):
            verify(NIBBLE, forgery.V, forgery.proof, context=b"c")
    assert 0 < accepted < 12
