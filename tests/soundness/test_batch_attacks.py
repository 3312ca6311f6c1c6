"""Batches: errors that cancel under equal or foreseen weights, and how the bad ones are named."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import pytest
from small_relations import ranges

from zkmargin import batch
from zkmargin.batch import BatchError, Item, verify_batch
from zkmargin.errors import ProofError
from zkmargin.field import R
from zkmargin.group import encode
from zkmargin.pedersen import commit
from zkmargin.range_argument import prove, verify

CASE = ranges([5, 77], 4, 4)
V = [commit(opening) for opening in CASE.openings()]
PROOF = prove(CASE.relation, CASE.openings(), CASE.assignment, context=b"c")
GOOD = Item(CASE.relation, V, PROOF, b"c")


def off_by(delta: int) -> Item:
    """The proof with its last l' entry shifted: l' is in no challenge and is linear, so the error is delta * D."""
    last = (int.from_bytes(PROOF[-32:], "big") + delta) % R
    return Item(CASE.relation, V, PROOF[:-32] + last.to_bytes(32, "big"), b"c")


def equal_weights(items: Sequence[Item], weights: Sequence[int]) -> bool:
    """A batch verifier that weights with ``weights``."""
    with pytest.MonkeyPatch.context() as patch:
        drawn = iter(weights[1:])
        patch.setattr(batch.secrets, "randbits", lambda _: next(drawn))
        try:
            verify_batch(items)
        except (BatchError, StopIteration):
            return False
    return True


def test_two_errors_that_cancel_under_equal_weights() -> None:
    pair = [off_by(1), off_by(-1)]
    for item in pair:
        with pytest.raises(ProofError):
            verify(item.relation, item.V, item.proof, context=item.context)
    assert equal_weights(pair, [1, 1])
    with pytest.raises(BatchError) as caught:
        verify_batch(pair)
    assert set(caught.value.failures) == {0, 1}


def test_errors_that_cancel_under_foreseen_weights() -> None:
    z = 0x123456789
    items = [GOOD, off_by(z), off_by(-1), GOOD]
    assert equal_weights(items, [1, 1, z, 1])
    with pytest.raises(BatchError) as caught:
        verify_batch(items)
    assert set(caught.value.failures) == {1, 2}


def test_weights_are_drawn_after_the_proofs_and_anew_for_every_half(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def record(bits: int) -> int:
        calls.append(bits)
        return secrets.SystemRandom().getrandbits(bits)

    monkeypatch.setattr(batch.secrets, "randbits", record)
    verify_batch([GOOD] * 4)
    assert calls == [128] * 3
    calls.clear()
    with pytest.raises(BatchError):
        verify_batch([GOOD, off_by(5), GOOD, off_by(-5)])
    assert len(calls) == 3 + 1 + 1


def test_many_that_cancel_in_every_half() -> None:
    """Pairs placed so that each level of the bisection holds both halves of some pair."""
    items = [off_by(d) for d in (1, -1, 2, 3, -2, 4, -3, -4)]
    assert equal_weights(items, [1] * 8)
    with pytest.raises(BatchError) as caught:
        verify_batch(items)
    assert set(caught.value.failures) == set(range(8))


def test_a_commitment_of_another_item_does_not_leak_over() -> None:
    """Points are not shared between items: the second's V under the first's proof is the first's failure alone."""
    other = ranges([6, 77], 4, 4)
    W = [commit(opening) for opening in other.openings()]
    assert encode(W[0]) != encode(V[0])
    wrong = Item(CASE.relation, W, PROOF, b"c")
    with pytest.raises(BatchError) as caught:
        verify_batch([GOOD, wrong, GOOD])
    assert set(caught.value.failures) == {1}
