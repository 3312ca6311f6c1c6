"""A member signs what it saw, once an epoch, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from attestor_world import CHAIN, DEPTH, EPOCH_BLOCKS, MAX_AGE_S, Society, tags_of
from paper_chain import PaperChain

from verifier.attestor import checkpoints, links, look, pledges
from verifier.attestor.collector import _proposal
from verifier.attestor.messages import Passed, Proposal
from verifier.attestor.reader import LockStatus
from verifier.attestor.settings import DATABASE_FILE
from verifier.attestor.survey import State, first_of
from verifier.errors import Unavailable
from zkmargin import canonical
from zkmargin.collateral import KIND_TAG, Leaf, MemberSignature, SignedCheckpoint
from zkmargin.collateral.evidence import MAX_REVOCATIONS
from zkmargin.collateral.members import MAX_MEMBER_SIGNATURES
from zkmargin.collateral.revocation import Revocation, revoked_root
from zkmargin.errors import ContextError, InputError, ZkMarginError


def propose(society: Society, epoch: int, *names: str, **changes: Any) -> Proposal:
    """What an honest collector would propose of these members' candidates."""
    offers = [society.candidates(name, epoch) for name in names or ("a",)]
    proposal = _proposal(offers, society.entry, society.sets[-1], society.last)
    return alter(proposal, **changes) if changes else proposal


def alter(proposal: Proposal, **changes: Any) -> Proposal:
    """``proposal`` with another checkpoint."""
    checkpoint = type(proposal.checkpoint).from_value(proposal.checkpoint.to_value() | changes)
    return proposal.model_copy(update={"checkpoint": checkpoint})


def sign(society: Society, name: str, proposal: Proposal) -> Any:
    return checkpoints.sign(society.desks[name], CHAIN, proposal.to_bytes())


def refusal(society: Society, name: str, proposal: Proposal) -> str:
    """The code of a refusal, which must have stored nothing."""
    before = signed_rows(society, name)
    with pytest.raises(ZkMarginError) as caught:
        sign(society, name, proposal)
    assert signed_rows(society, name) == before
    return caught.value.code


def signed_rows(society: Society, name: str) -> list[Any]:
    connection = society.desks[name].store.engine.raw_connection()
    try:
        return connection.cursor().execute("SELECT chain, epoch, digest FROM signed").fetchall()
    finally:
        connection.close()


def test_a_leaf_only_at_depth(society: Society) -> None:
    society.chain.mine(EPOCH_BLOCKS - 1)
    lock = society.pledged()  # in block 5, the height of epoch 1
    society.chain.mine(DEPTH - 1)
    with pytest.raises(ContextError) as caught:
        society.candidates("a", 1)
    assert caught.value.code == "not_final"
    assert pledges.status(society.desks["a"], lock.tag).state is State.PENDING
    society.chain.mine()
    leaf = Leaf.from_bytes(canonical.from_hex(society.candidates("a", 1).leaves[0]))
    assert pledges.status(society.desks["a"], lock.tag).state is State.FINAL
    note = lock.note
    assert leaf == Leaf(
        KIND_TAG, 40, note.venue, note.chain, note.vault, note.asset, note.account, note.tag, note.commitment,
        10**14, society.chain.blocks[5].time_unix_s + MAX_AGE_S,
    )  # fmt: skip


def test_a_lock_above_the_height_waits_for_the_next_epoch(society: Society) -> None:
    society.chain.mine(EPOCH_BLOCKS)
    lock = society.pledged()  # block 6
    society.chain.mine(DEPTH)
    assert society.tags("a", 1) == set()
    assert society.tags("a", society.to_final()) == {lock.tag}


def test_no_leaf_once_a_release_is_visible_while_the_coins_are_locked(society: Society) -> None:
    lock, other = society.pledged(), society.pledged()
    epoch = society.to_final()
    assert society.tags("a", epoch) == {lock.tag, other.tag}
    society.chain.put_pending(lock.note, LockStatus.RELEASE_REQUESTED)
    assert society.tags("a", epoch) == {other.tag}  # not even mined
    society.chain.pending = None
    assert society.tags("a", epoch) == {lock.tag, other.tag}
    society.chain.put(lock.note, LockStatus.RELEASE_REQUESTED)
    assert society.tags("a", epoch) == {other.tag}  # at the head, far from final
    epoch = society.to_final()
    candidates = society.candidates("a", epoch)
    assert tags_of(candidates.leaves) == {other.tag}  # final
    assert candidates.revocations == ()  # what was attested runs out by itself
    society.chain.put(lock.note)  # extended: Active again
    assert society.tags("a", society.to_final()) == {lock.tag, other.tag}


@pytest.mark.parametrize("status", [LockStatus.RELEASED, LockStatus.SEIZED])
def test_an_end_is_told_once_it_is_final_and_until_it_is_known(society: Society, status: LockStatus) -> None:
    reason = status.name.lower()
    lock, never = society.pledged(), society.pledged(to="ab")
    society.to_final()
    society.collect("ac")
    for ended in (lock, never):
        society.chain.put(ended.note, status, amount=0)
    epoch = society.to_final()
    assert society.revocations("c", epoch) == {lock.tag: reason}
    assert society.collect("ac").file.revocations[0].tag == lock.tag
    society.to_next_epoch()
    # Once more: that it has passed is only known with the proposal of this epoch.
    assert society.collect("ac").file.revocations[0].tag == lock.tag
    society.to_next_epoch()
    assert society.collect("ac").file.revocations == ()
    society.chain.put(lock.note)  # a chain that says so is not believed: an end is an end
    assert society.tags("a", society.to_final()) == set()
    assert pledges.status(society.desks["a"], lock.tag).state == reason


def test_what_was_never_offered_is_not_revoked(society: Society) -> None:
    lock = society.pledged()
    society.chain.put(lock.note, LockStatus.RELEASE_REQUESTED)
    society.chain.put(lock.note, LockStatus.RELEASED, amount=0)
    candidates = society.candidates("a", society.to_final())
    assert candidates.leaves == ()
    assert candidates.revocations == ()


def test_a_deep_reorganisation_revokes_and_the_lock_counts_again_once_it_is_final(
    society: Society, caplog: pytest.LogCaptureFixture
) -> None:
    before = society.chain.mine()
    lock = society.pledged()
    society.to_final()
    assert tags_of(society.collect().file.leaves) == {lock.tag}
    society.chain.reorg(before.height, 20)  # the block that was signed is gone, and the lock with it
    caplog.set_level("INFO", logger="zkmargin.attestor")
    file = society.collect().file
    assert (file.leaves, [(r.tag, r.reason) for r in file.revocations]) == ((), [(lock.tag, "reorged")])
    assert "reorganised" in caplog.messages
    for told in (1, 0):
        society.to_next_epoch()
        assert len(society.collect().file.revocations) == told
    society.chain.put(lock.note)
    assert society.tags("a", (society.chain.blocks[-1].height - DEPTH) // EPOCH_BLOCKS) == set()
    society.to_final()
    assert tags_of(society.collect().file.leaves) == {lock.tag}
    gone = society.chain.blocks[-1].height - 12
    society.chain.reorg(gone, 20)
    society.chain.states = [{} for _ in society.chain.states]
    assert society.collect().file.revocations[0].reason == "reorged"  # a second time, told a second time


def test_one_checkpoint_an_epoch_also_after_a_restart(society: Society) -> None:
    society.pledged()
    epoch = society.to_final()
    one = propose(society, epoch)
    other = alter(one.model_copy(update={"leaves": ()}), leaf_count=0, leaf_root="0x" + "00" * 32)
    first = sign(society, "a", one)
    assert sign(society, "a", one) == first
    assert refusal(society, "a", other) == "already_signed"
    society.restart("a")
    assert refusal(society, "a", other) == "already_signed"
    assert sign(society, "a", one) == first
    assert len(signed_rows(society, "a")) == 1
    assert sign(society, "b", other).signer == "b"  # an honest member signs less than it could


def test_the_digest_is_on_the_disk_before_the_signature_exists(
    society: Society, monkeypatch: pytest.MonkeyPatch
) -> None:
    society.pledged()
    proposal = propose(society, society.to_final())

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(proposal.checkpoint), "sign_as", crash)
        with pytest.raises(KeyboardInterrupt):
            sign(society, "a", proposal)
    society.restart("a")
    assert [row[1] for row in signed_rows(society, "a")] == [proposal.checkpoint.epoch]
    assert sign(society, "a", proposal).signer == "a"


def test_no_epoch_before_a_signed_one(society: Society) -> None:
    society.pledged()
    first = society.to_final()
    later = society.to_next_epoch()
    earlier = propose(society, first)
    sign(society, "a", propose(society, later))
    assert refusal(society, "a", earlier) == "old_checkpoint"


def test_a_member_without_the_pledge_refuses(society: Society) -> None:
    society.pledged(to="ab")
    epoch = society.to_final()
    proposal = propose(society, epoch, "a", "b")
    assert sign(society, "b", proposal).signer == "b"
    assert refusal(society, "c", proposal) == "unseen_leaf"


def test_a_member_signs_no_leaf_that_it_does_not_see_any_more(society: Society) -> None:
    lock = society.pledged()
    proposal = propose(society, society.to_final(), "a")
    society.chain.put_pending(lock.note, LockStatus.RELEASE_REQUESTED)
    assert refusal(society, "b", proposal) == "unseen_leaf"  # it has not offered it
    society.to_next_epoch()
    proposal = propose(society, society.to_next_epoch(), "a")
    assert proposal.leaves == ()


@pytest.mark.parametrize("status", [LockStatus.RELEASE_REQUESTED, LockStatus.SEIZED])
def test_a_lock_that_flaps_spoils_no_checkpoint(society: Society, status: LockStatus) -> None:
    """Its release is asked for at every block, and taken back, so that it differs when members are asked to sign."""
    lock, flapping = society.pledged(), society.pledged()
    epoch = society.to_final()
    offered = propose(society, epoch, "a", "b", "c")
    society.chain.put(flapping.note, status)
    assert society.tags("a", epoch) == {lock.tag}  # offered to nobody any more
    assert {sign(society, name, offered).signer for name in "abc"} == set("abc")
    society.last = None
    epoch = society.to_final()  # where it is not Active at the height either
    block = society.candidates("a", epoch)
    again = alter(
        offered, epoch=block.epoch, height=block.height, block_hash=block.block_hash, block_time=block.block_time,
        expiry=block.block_time + MAX_AGE_S,
    )  # fmt: skip
    assert refusal(society, "a", again) == "unseen_leaf"


def test_what_was_offered_at_an_earlier_epoch_is_not_what_was_offered_at_this_one(society: Society) -> None:
    lock = society.pledged()
    society.tags("a", society.to_final())
    epoch = society.to_next_epoch()
    proposal = propose(society, epoch, "b")
    society.chain.put(lock.note, LockStatus.RELEASE_REQUESTED)
    assert refusal(society, "a", proposal) == "unseen_leaf"
    assert sign(society, "b", proposal).signer == "b"


def test_no_revocation_that_the_member_does_not_see(society: Society) -> None:
    lock = society.pledged()
    society.to_final()
    society.collect()
    society.chain.put(lock.note, LockStatus.SEIZED)
    epoch = society.to_final()
    seized = propose(society, epoch)
    society.readers["b"] = stale = PaperChain(CHAIN, 0)
    stale.blocks, stale.told = society.chain.blocks, society.chain.told
    stale.states = [dict(society.chain.states[epoch * EPOCH_BLOCKS - EPOCH_BLOCKS]) for _ in society.chain.states]
    society.restart("b")
    assert refusal(society, "b", seized) == "unseen_revocation"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"set_version": 2}, "wrong_set"),
        ({"chain": "0x" + "11" * 32}, "wrong_chain"),
        ({"height": 6}, "bad_height"),
        ({"expiry": 2**40}, "bad_expiry"),
        ({"leaf_count": 2}, "bad_count"),
        ({"leaf_root": "0x" + "11" * 32}, "bad_root"),
        ({"revoked_root": "0x" + "11" * 32}, "bad_root"),
        ({"block_hash": "0x" + "11" * 32}, "other_block"),
        ({"previous": "0x" + "11" * 32}, "skipped_checkpoint"),
    ],
)
def test_terms_that_are_not_the_members_own(society: Society, changes: dict[str, Any], code: str) -> None:
    society.pledged()
    assert refusal(society, "a", propose(society, society.to_final(), **changes)) == code


def test_the_checkpoint_before_has_a_quorum_and_is_the_newest(society: Society) -> None:
    society.pledged()
    first_epoch = society.to_final()
    first = society.collect().file
    society.to_next_epoch()
    second = society.collect().file
    epoch = society.to_next_epoch()
    good = propose(society, epoch)
    assert good.previous is not None
    lone = good.previous.model_copy(update={"signatures": second.signatures[:1]})
    assert refusal(society, "a", good.model_copy(update={"previous": lone})) == "too_few_signatures"
    assert refusal(society, "a", good.model_copy(update={"previous": None})) == "skipped_checkpoint"
    sign(society, "a", good)
    epoch = society.to_next_epoch()
    society.last = first
    assert refusal(society, "a", propose(society, epoch)) == "old_previous"
    society.last = None
    assert refusal(society, "a", propose(society, epoch)) == "old_previous"
    assert first.checkpoint.epoch == first_epoch


def test_a_node_that_is_down_stands_still_or_runs_ahead_gets_no_signature(society: Society) -> None:
    society.pledged()
    epoch = society.to_final()
    proposal = propose(society, epoch)
    society.chain.is_down = True
    assert refusal(society, "a", proposal) == "chain_unavailable"
    society.chain.is_down = False
    society.lag_s = MAX_AGE_S  # of the head: the block of the epoch is older
    assert refusal(society, "a", proposal) == "expired_checkpoint"
    with pytest.raises(Unavailable) as caught:
        society.candidates("a", epoch)
    assert caught.value.code == "chain_stalled"
    society.lag_s = -DEPTH * 10 - 120
    with pytest.raises(Unavailable) as caught:
        society.candidates("a", epoch)
    assert caught.value.code == "future_block"
    society.lag_s = 1
    society.chain.pending = None
    assert sign(society, "a", proposal).signer == "a"


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"chain": "eip155:1"}, "wrong_chain"),
        ({"genesis": b"\x11" * 32}, "wrong_genesis"),
        ({"code_hash": b"\x11" * 32}, "wrong_code"),
        ({"code_hash": None}, "wrong_code"),
    ],
)
def test_a_node_of_another_chain_gets_no_signature(society: Society, lie: dict[str, Any], code: str) -> None:
    society.pledged()
    proposal = propose(society, society.to_final())
    society.chain.told = replace(society.chain.told, **lie)
    assert refusal(society, "a", proposal) == code
    assert society.desks["a"].check_chains() == {CHAIN: code}


def test_a_reorganisation_while_reading_is_no_view(society: Society, monkeypatch: pytest.MonkeyPatch) -> None:
    society.pledged()
    proposal = propose(society, society.to_final())
    read = society.chain.locks

    def reorganised(*args: Any) -> Any:
        views = read(*args)
        society.chain.reorg(1, len(society.chain.blocks) - 2)
        return views

    monkeypatch.setattr(society.chain, "locks", reorganised)
    assert refusal(society, "a", proposal) == "chain_moved"


def full(society: Society, leaves: int, revoked: int) -> tuple[tuple[str, ...], tuple[Revocation, ...]]:
    """As many leaves and revocations, made up but of the right size."""
    society.pledged(to="a")
    (leaf,) = society.candidates("a", society.to_final()).leaves
    revocations = (Revocation(tag=f"0x{number:064x}", reason="released") for number in range(revoked))
    return (leaf,) * leaves, tuple(revocations)


def test_a_full_proposal_is_a_document(society: Society) -> None:
    leaves, revocations = full(society, pledges.MAX_LIVE, MAX_REVOCATIONS)
    one = propose(society, society.to_next_epoch(), "a")
    signature = MemberSignature(signer="m" * 16, scheme="secp256k1", sig="0x" + "11" * 65)
    previous = Passed(
        checkpoint=alter(one, revoked_root=canonical.to_hex(revoked_root(revocations))).checkpoint,
        signatures=(signature,) * MAX_MEMBER_SIGNATURES, revocations=revocations,
    )  # fmt: skip
    proposal = one.model_copy(update={"leaves": leaves, "revocations": revocations, "previous": previous})
    assert len(proposal.to_bytes()) < 0.95 * canonical.MAX_DOCUMENT_BYTES


def test_what_presses_is_revoked_first_and_the_rest_waits() -> None:
    def of(reason: Any, *numbers: int) -> list[Revocation]:
        return [Revocation(tag=f"0x{number:064x}", reason=reason) for number in numbers]

    taken = first_of([*of("released", *range(600)), *of("seized", 700), *of("reorged", 650, 800)])
    assert list(taken) == [*of("released", *range(MAX_REVOCATIONS - 3)), *of("reorged", 650), *of("seized", 700),
                           *of("reorged", 800)]  # fmt: skip


def test_what_was_released_takes_no_room_and_what_was_seized_does_until_it_is_told(
    society: Society, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pledges, "MAX_LIVE", 2)
    monkeypatch.setattr(look, "MAX_REVOCATIONS", 1)
    locks = [society.pledged(to="a") for _ in range(2)]
    society.tags("a", society.to_final())
    for lock in locks:
        society.chain.put(lock.note, LockStatus.RELEASED, amount=0)
    assert len(society.revocations("a", society.to_final())) == 2  # seen to be released just now
    assert len(society.revocations("a", society.to_next_epoch())) == 1
    lock, _ = (society.pledged(to="a") for _ in range(2))
    society.tags("a", society.to_final())
    society.chain.put(lock.note, LockStatus.SEIZED, amount=0)
    assert society.revocations("a", society.to_final())[lock.tag] == "seized"
    with pytest.raises(Unavailable) as caught:
        society.pledged(to="a")
    assert caught.value.code == "full"


def test_what_has_passed_is_given_to_a_verifier_that_lost_it(society: Society, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "KEPT", 2)
    society.pledged()
    files = []
    for _ in range(4):
        society.to_final() if not files else society.to_next_epoch()
        files.append(society.collect().file)
    path, token = f"/v1/chains/{CHAIN}/checkpoints", {"authorization": f"Bearer {society.desks['a'].token}"}
    client = society.client("a")
    assert client.get(path, params={"after": 0}).status_code == 401
    first, second, third, last = (file.checkpoint.epoch for file in files)
    told = [client.get(path, params={"after": epoch}, headers=token).json() for epoch in (0, first, second)]
    wanted = [file.model_copy(update={"leaves": ()}) for file in files[1:3]]  # the first one is not kept any more
    assert [SignedCheckpoint.from_value(value) for value in told] == [wanted[0], wanted[0], wanted[1]]
    answer = client.get(path, params={"after": third}, headers=token)  # the last one is not known to have passed
    assert answer.json()["code"] == "unknown_checkpoint"
    society.last = files[1]
    epoch = society.to_next_epoch()
    assert refusal(society, "a", propose(society, epoch)) == "old_previous"
    society.last = SignedCheckpoint.from_value(told[2])
    assert society.collect().file.checkpoint.epoch == epoch > last


@pytest.mark.parametrize("left", [b"", None])
def test_without_its_database_a_member_does_not_start(society: Society, left: bytes | None) -> None:
    society.pledged()
    society.to_final()
    society.collect()
    society.desks["a"].store.close()
    for file in (society.directory / "a").glob(f"{DATABASE_FILE}*"):
        file.unlink()
    if left is not None:
        (society.directory / "a" / DATABASE_FILE).write_bytes(left)
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            society.restart("a")
        assert caught.value.code == "no_database"
