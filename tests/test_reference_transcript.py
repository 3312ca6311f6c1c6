"""The fast verifier and the reference verifier agree, on accept and on every class of reject: the transcript.

Both follow docs/protocol.md; where they part, one of them departs from it.
"""

from __future__ import annotations

import pytest
import reference_prover
import small_relations
from both_paths import CONTEXT, R, both, proved

from zkmargin import reference_encoding
from zkmargin import transcript as fast_transcript
from zkmargin.group import encode
from zkmargin.pedersen import commit
from zkmargin.reference_encoding import Transcript

# The same honest prover, with one thing about its transcript changed.


class Variant(Transcript):
    """A transcript that leaves out, renames or reorders something."""

    def __init__(self, *, drop: str = "", rename: str = "", domain: bytes = b"") -> None:
        super().__init__()
        self.drop, self.rename = drop, rename
        if domain:
            self.state = reference_encoding.sha256(domain)

    def absorb(self, label: str, x: bytes) -> None:
        if label != self.drop:
            super().absorb(label + "'" if label == self.rename else label, x)


def variant_is_refused(transcript: Transcript) -> None:
    case = small_relations.two_tables()
    V = [encode(commit(opening)) for opening in case.openings()]
    proof = reference_prover.prove(
        case.relation, case.openings(), case.assignment, context=CONTEXT, transcript=transcript
    )
    assert both(case.relation, V, proof) == "ProofError"


ABSORBED = ["generators", "relation", "context", "J", "V", "A", "R", "S", "X", "Y", "c"]
CHALLENGES = ["alpha", "rho", "x", "lambda", "y", "T", "e"]


@pytest.mark.parametrize("label", ABSORBED)
def test_everything_absorbed_counts(label):
    variant_is_refused(Variant(drop=label))


@pytest.mark.parametrize("label", CHALLENGES)
def test_every_label_of_a_challenge_counts(label):
    variant_is_refused(Variant(rename=label))


def test_the_domain_counts():
    variant_is_refused(Variant(domain=b"zkmargin/v2/range-argument"))


@pytest.mark.parametrize(("first", "second"), [("rho", "x"), ("x", "lambda"), ("lambda", "y")])
def test_the_order_of_challenges_counts(first, second):
    class Swapped(Transcript):
        def challenge(self, label: str) -> int:
            return super().challenge({first: second, second: first}.get(label, label))

    variant_is_refused(Swapped())


def test_x_and_y_are_absorbed_in_this_order():
    class Swapped(Transcript):
        held = b""

        def absorb(self, label: str, x: bytes) -> None:
            if label == "X":
                self.held = x
            else:
                super().absorb(label, x)
            if label == "Y":
                super().absorb("X", self.held)

    variant_is_refused(Swapped())


def test_both_refuse_alpha_on_a_pole(monkeypatch):
    """Cannot be reached in practice: the challenge is forced to be -1, and 1 is a symbol."""
    relation, V, proof = proved("a bit and a table with a gap")
    for transcript in ("zkmargin.transcript.Transcript", "zkmargin.reference.Transcript"):
        monkeypatch.setattr(f"{transcript}.challenge", lambda *_: R - 1)
    assert both(relation, V, proof) == "ProofError"


@pytest.mark.parametrize("zeros", [1, 2])
def test_a_challenge_of_zero_is_drawn_again(monkeypatch, zeros):
    """Both transcripts repeat the whole of challenge(label), so their states agree afterwards."""
    ends = []
    for module in (fast_transcript, reference_encoding):
        transcript = module.Transcript()
        multiples_of_r = [R] * zeros

        def from_bytes(data, order, left=multiples_of_r):
            return left.pop() if left else int.from_bytes(data, order)

        monkeypatch.setattr(module, "int", type("Int", (int,), {"from_bytes": staticmethod(from_bytes)}), raising=False)
        ends.append((transcript.challenge("alpha"), transcript.state))
        assert not multiples_of_r
    assert ends[0] == ends[1]
