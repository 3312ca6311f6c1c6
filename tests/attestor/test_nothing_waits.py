"""Locks that not all members know, all of them honest and online: none waits for ever, nor does the end of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import comb
from typing import Any

import pytest
from attestor_world import Society, tags_of

from verifier.attestor.messages import Candidates, ChainState
from verifier.attestor.reader import LockStatus
from verifier.errors import Unavailable
from zkmargin.collateral import MemberSignature, SignedCheckpoint

ROW = 4 * comb(3, 2)
"""Epochs in which each quorum has its turn."""
SOON = 3
"""Epochs in which one at least is of the most."""


def checkpoints(society: Society, epochs: int, **others: Any) -> Iterator[SignedCheckpoint]:
    """Those of the next epochs, whoever signs them; an epoch without a quorum has none."""
    for _ in range(epochs):
        society.to_next_epoch()
        with suppress(Unavailable):
            yield society.collect(**others).file


def attested(society: Society, tag: str, **others: Any) -> bool:
    """Whether the lock gets a leaf while each quorum has its turn."""
    return any(tag in tags_of(file.leaves) for file in checkpoints(society, ROW, **others))


def revoked(society: Society, tag: str, reason: str) -> bool:
    """Whether it is revoked soon."""
    files = checkpoints(society, SOON)
    return any((tag, reason) in {(r.tag, r.reason) for r in file.revocations} for file in files)


def test_a_seizure_is_told_though_one_member_never_had_the_pledge(society: Society) -> None:
    society.pledged()
    lock = society.pledged(to="bc")
    assert attested(society, lock.tag)
    society.chain.put(lock.note, LockStatus.SEIZED, amount=0)
    epoch = society.to_final()
    # The member without the pledge cannot know, and is not told which lock it is: it is left out.
    assert [len(society.revocations(name, epoch)) for name in "abc"] == [0, 1, 1]
    assert revoked(society, lock.tag, "seized")
    assert len(list(checkpoints(society, 2))) == 2
    epoch = society.to_next_epoch()
    assert [society.revocations(name, epoch) for name in "abc"] == [{}, {}, {}]  # they know that it has passed


def test_a_reorganisation_is_told_though_one_member_never_had_the_pledge(society: Society) -> None:
    before = society.chain.mine()
    lock = society.pledged(to="bc")
    assert attested(society, lock.tag)
    society.chain.reorg(before.height, society.chain.blocks[-1].height + 5)
    assert revoked(society, lock.tag, "reorged")


def test_a_holder_cannot_keep_the_seizure_of_its_lock_out(society: Society) -> None:
    """A lock that two members know, then dust for one of them and another, so that these two have the most leaves."""
    society.pledged()
    lock = society.pledged(10**19, to="ab")
    assert attested(society, lock.tag)
    for _ in range(2):
        society.pledged(10**14, to="bc")
    society.chain.put(lock.note, LockStatus.SEIZED, amount=0)
    society.to_final()
    assert revoked(society, lock.tag, "seized")


def test_the_dust_of_strangers_leaves_no_lock_out_for_ever(society: Society) -> None:
    everybody, lock = society.pledged(), society.pledged(to="ab")
    dust = [society.pledged(10**14, to=members) for members in ("bc", "bc", "ac", "ac")]
    society.to_final()
    waiting = {one.tag for one in (lock, *dust)}
    for file in checkpoints(society, ROW):
        assert everybody.tag in tags_of(file.leaves)  # who pledges to all waits for nobody
        waiting -= tags_of(file.leaves)
        if not waiting:
            break
    assert not waiting


@dataclass
class Mute:
    """Promises what it sees, and signs nothing."""

    honest: Any

    def state(self, chain: str) -> ChainState:
        return self.honest.state(chain)

    def candidates(self, chain: str, epoch: int) -> Candidates:
        return self.honest.candidates(chain, epoch)

    def sign(self, *_: Any) -> MemberSignature:
        raise Unavailable("no", code="unreachable")


@pytest.mark.parametrize("seized", [False, True])
def test_a_member_that_promises_and_signs_nothing_stops_nobody(society: Society, seized: bool) -> None:
    """With a lock that it and one other know: these two always have the most in common, and never two signatures."""
    lock, promised = society.pledged(), society.pledged(to="ac")
    assert attested(society, promised.tag)
    if seized:
        society.chain.put(promised.note, LockStatus.SEIZED, amount=0)
        society.to_final()
    assert attested(society, lock.tag, c=Mute(society.local("c")))
