"""Checkpoints: what this member would sign at an epoch, and its signature of what is proposed.

It signs only leaves and revocations that it makes itself, of what its own node shows at that moment; and of an epoch
one checkpoint: which one is on the disk before the signature leaves.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from verifier import clock
from zkmargin import canonical
from zkmargin.collateral import Checkpoint, MemberSignature, check_follows, check_time
from zkmargin.collateral.members import MemberSet
from zkmargin.collateral.merkle import leaf_hash, root
from zkmargin.collateral.revocation import revoked_root
from zkmargin.errors import ContextError

from . import links, papers, sets
from .desk import Desk
from .look import View, look
from .messages import Candidates, ChainState, Passed, Proposal
from .tables import PledgeRow, QuorumRow, SignedRow
from .watched import Watched


def state(desk: Desk, chain: str) -> ChainState:
    """How far this member is. Raises: ContextError, Unavailable as ``Desk.chain``."""
    newest = desk.chain(chain).newest_epoch()
    with desk.store.reading() as session:
        return ChainState(chain=chain, newest_epoch=newest, signed_epoch=_last_signed_epoch(session, chain))


def candidates(desk: Desk, chain: str, epoch: int) -> Candidates:
    """What this member would sign at ``epoch``.

    Raises: ContextError "no_registry", "unknown_chain", "not_followed", "unknown_set", "not_a_member", "not_final".
            Unavailable: the node or the database fails; the node is of another chain, stands still, or is behind.
    """
    watched = desk.chain(chain)
    with desk.store.reading() as session:
        members = papers.member_set(session, _digest(watched), epoch=epoch)
    sets.key_of(members, desk.settings.member, desk.keys)
    view = look(desk, watched, epoch)
    return Candidates(
        chain=members.chain, set_version=members.version, epoch=epoch, height=view.block.height,
        block_hash=canonical.to_hex(view.block.hash), block_time=view.block.time_unix_s,
        leaves=view.leaves, revocations=view.revocations,
    )  # fmt: skip


def sign(desk: Desk, chain: str, data: bytes) -> MemberSignature:
    """This member's signature of the checkpoint that ``data`` proposes. The same one again gets one again.

    Raises: InputError: malformed.
            ContextError "already_signed" (another checkpoint of this epoch), "old_checkpoint" (a later epoch is),
            "wrong_chain", "wrong_set", "not_a_member", "bad_height", "bad_expiry", "bad_count", "bad_root",
            "future_checkpoint", "expired_checkpoint", those of ``check_follows`` and ``MemberSet.quorum`` about the
            checkpoint before, "old_previous", "not_final", "other_block", "unseen_leaf", "unseen_revocation".
            EncodingError "unsorted_leaves", "unsorted_revocations".   Unavailable: as ``candidates``.
    """
    proposal = Proposal.from_bytes(data)
    checkpoint = proposal.checkpoint
    watched = desk.chain(chain)
    with desk.store.reading() as session:
        members = papers.member_set(session, _digest(watched), epoch=checkpoint.epoch)
        key = sets.key_of(members, desk.settings.member, desk.keys)
        digest = canonical.to_hex(checkpoint.signing_digest(members.venue_id))
        if not _is_signed(session, chain, checkpoint.epoch, digest):
            _check_terms(proposal, watched, members)
            _check_previous(session, proposal, chain, members)
        else:
            return checkpoint.sign_as(desk.settings.member, key, members.venue_id)
    _check_seen(proposal, look(desk, watched, checkpoint.epoch))
    with desk.store.writing() as session:
        if not _is_signed(session, chain, checkpoint.epoch, digest):  # two proposals at once: the first one counts
            _keep(session, proposal, chain, digest)
    # Committed, and synced: from here on this member signs no other checkpoint of this epoch, whatever happens.
    return checkpoint.sign_as(desk.settings.member, key, members.venue_id)


def _is_signed(session: Session, chain: str, epoch: int, digest: str) -> bool:
    """Whether this is the checkpoint of its epoch. Raises: ContextError "already_signed", "old_checkpoint"."""
    row = session.get(SignedRow, (chain, epoch))
    if row is None:
        if epoch <= _last_signed_epoch(session, chain):
            raise ContextError("this member has signed a later epoch already", code="old_checkpoint")
        return False
    if row.digest != digest:
        raise ContextError("this member has signed another checkpoint of this epoch", code="already_signed")
    return True


def _check_terms(proposal: Proposal, watched: Watched, members: MemberSet) -> None:
    """All that can be said of a proposal without looking at the chain."""
    checkpoint, entry = proposal.checkpoint, watched.entry
    if checkpoint.chain != members.chain:
        raise ContextError("the checkpoint is of another chain", code="wrong_chain")
    if checkpoint.set_version != members.version:
        raise ContextError("another set of members signs this epoch", code="wrong_set")
    if checkpoint.height != checkpoint.epoch * entry.epoch_blocks:
        raise ContextError("the height of a checkpoint is its epoch times the blocks of one", code="bad_height")
    if checkpoint.expiry != checkpoint.block_time + entry.max_age_s:
        raise ContextError("a checkpoint expires max_age_s after the time of its block", code="bad_expiry")
    check_time(checkpoint, clock.now_unix_s(), max_age_s=entry.max_age_s, skew_s=entry.skew_s)
    if checkpoint.leaf_count != len(proposal.leaves):
        raise ContextError("the checkpoint has another number of leaves", code="bad_count")
    found = root([leaf_hash(canonical.from_hex(leaf)) for leaf in proposal.leaves])
    if found != canonical.from_hex(checkpoint.leaf_root):
        raise ContextError("the leaves are not those of the checkpoint", code="bad_root")
    if revoked_root(proposal.revocations) != canonical.from_hex(checkpoint.revoked_root):
        raise ContextError("the revocations are not those of the checkpoint", code="bad_root")


def _check_previous(session: Session, proposal: Proposal, chain: str, members: MemberSet) -> None:
    """The checkpoint before has a quorum of its own set, and none that is newer was ever shown here."""
    previous = proposal.previous
    if previous is not None:
        before = papers.member_set(session, members.chain, version=previous.checkpoint.set_version)
        before.quorum(previous.checkpoint, previous.signatures)
    check_follows(proposal.checkpoint, None if previous is None else previous.checkpoint, members.venue_id)
    row = session.get(QuorumRow, chain)
    if row is None:
        return
    known = Checkpoint.from_bytes(row.checkpoint)
    if previous is None or previous.checkpoint.epoch < known.epoch:
        raise ContextError("a later checkpoint than the one before has passed already", code="old_previous")
    if previous.checkpoint.epoch == known.epoch and previous.checkpoint != known:
        raise ContextError("two checkpoints of one epoch have the signatures of a quorum", code="equivocation")


def _check_seen(proposal: Proposal, view: View) -> None:
    """Everything that is proposed is what this member sees, or saw when it was asked what it would sign.

    A lock whose release is asked for in between stays in the proposal: else whoever asks and takes it back at every
    block, for the price of two transactions, would spoil every checkpoint with a lock of dust. It is safe: the lock was
    Active at the height, so its release was asked for at a T later than the block's time, and no coins move before
    T + delay; the checkpoint expires max_age_s after the block's time, and the registry has max_age_s below the delay.

    Raises: ContextError.
    """
    checkpoint, block = proposal.checkpoint, view.block
    if (checkpoint.block_hash, checkpoint.block_time) != (canonical.to_hex(block.hash), block.time_unix_s):
        raise ContextError("this member sees another block at this height", code="other_block")
    if not set(proposal.leaves) <= {*view.leaves, *view.kept}:
        raise ContextError("this member does not see a lock that the checkpoint attests", code="unseen_leaf")
    mine = {(revocation.tag, revocation.reason) for revocation in view.revocations}
    if not {(revocation.tag, revocation.reason) for revocation in proposal.revocations} <= mine:
        raise ContextError("this member does not see why the checkpoint revokes a tag", code="unseen_revocation")


def _keep(session: Session, proposal: Proposal, chain: str, digest: str) -> None:
    checkpoint = proposal.checkpoint
    session.add(
        SignedRow(
            chain=chain, epoch=checkpoint.epoch, digest=digest, height=checkpoint.height,
            block_hash=checkpoint.block_hash,
        )
    )  # fmt: skip
    if proposal.previous is not None:
        _keep_passed(session, proposal.previous, chain)


def _keep_passed(session: Session, passed: Passed, chain: str) -> None:
    known = session.get(QuorumRow, chain)
    if known is None or Checkpoint.from_bytes(known.checkpoint).epoch < passed.checkpoint.epoch:
        session.merge(QuorumRow(chain=chain, checkpoint=passed.checkpoint.to_bytes()))
        links.keep(session, passed, chain)
    tags = [revocation.tag for revocation in passed.revocations]
    for row in session.scalars(select(PledgeRow).where(PledgeRow.tag.in_(tags), PledgeRow.chain == chain)):
        row.told = max(row.told, passed.checkpoint.epoch)


def _last_signed_epoch(session: Session, chain: str) -> int:
    epochs = select(SignedRow.epoch).where(SignedRow.chain == chain).order_by(SignedRow.epoch.desc()).limit(1)
    return session.scalars(epochs).first() or 0


def _digest(watched: Watched) -> str:
    return canonical.to_hex(watched.entry.chain_digest)
