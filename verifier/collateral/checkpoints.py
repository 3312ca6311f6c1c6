"""Checkpoints: each follows the one before, and two of one epoch freeze the chain, whether it went by one of them or
passed the epoch over.

``examine`` is the work: signatures, leaves, points; it needs no write lock. ``take`` asks again what may have changed
meanwhile, and books: all of a checkpoint, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.collateral import (
    EXPIRY_BYTES,
    ChainEntry,
    Checkpoint,
    SignedCheckpoint,
    check_checkpoint,
    check_follows,
    check_signed,
)
from zkmargin.collateral.revocation import revoked_root
from zkmargin.errors import ContextError

from . import locks, registry, sets
from .locks import Counts, Pledged, Seen
from .tables import ChainRow, CheckpointRow, TreeRow

WITNESSED_EPOCHS = 1000
"""So far back a checkpoint of an epoch that the chain passed over is kept. Bounded by epochs, not by number: no quorum,
not even of members long gone, can fill the database with them, or crowd out what convicts it."""


@dataclass(frozen=True)
class Examined:
    """A checkpoint whose signatures hold. Of its leaves, ``kept`` are those that the last checkpoint had too, and
    ``others`` the rest; neither is told if the chain has, or passed over, its epoch."""

    file: SignedCheckpoint
    digest: str
    chain: ChainEntry
    venue: bytes
    registry_version: int
    set_version: int
    kept: AbstractSet[bytes] = frozenset()
    others: Sequence[Pledged] = ()

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint itself."""
        return self.file.checkpoint


@dataclass(frozen=True)
class Taken:
    """What became of a checkpoint. ``accepted``: the chain went by it; else it is kept as evidence only. ``frozen``:
    nothing on the chain counts now, as two checkpoints of one epoch are known. ``created`` is false if it was taken
    before: then nothing changed."""

    chain: str
    epoch: int
    digest: str
    accepted: bool
    frozen: bool
    created: bool
    counts: Counts = field(default_factory=Counts)

    def to_value(self) -> dict[str, Any]:
        """What an answer says."""
        own = {name: getattr(self, name) for name in ("chain", "epoch", "digest", "accepted", "frozen")}
        return own | vars(self.counts)


def examine(session: Session, file: SignedCheckpoint, *, now_unix_s: int, late: bool) -> Examined:
    """Check all of a checkpoint but whether it is the next one. ``late``: past its expiry, or without its leaves, it
    still links the next one to the one before, though nothing counts by it.

    Raises: ContextError "no_registry", "unknown_chain", "no_members", and those of ``check_checkpoint``; EncodingError,
            "bad_commitment" among them.
    """
    checkpoint = file.checkpoint
    row = registry.current_row(session)
    chains = registry.stored(row.envelope).document
    chain = chains.chain_of_digest(canonical.from_hex(checkpoint.chain))
    members = sets.stored(sets.row_at(session, chain.chain, checkpoint.epoch).content)
    digest = canonical.to_hex(checkpoint.signing_digest(chains.venue_id))
    found = Examined(file, digest, chain, chains.venue_id, row.version, members.version)
    others = of_epoch(session, chain.chain, checkpoint.epoch)
    if digest in others:
        return found
    if others or _is_passed_over(session.get(ChainRow, chain.chain), checkpoint.epoch):
        members.quorum(checkpoint, file.signatures)  # two stories are two stories, however old and whatever they tell
        return found
    at_unix_s = min(now_unix_s, checkpoint.block_time) if late else now_unix_s
    if late and not file.leaves:
        # Those whose leaves the last checkpoint had keep what they have by it: as if this one had not renewed them.
        check_signed(checkpoint, file.signatures, chains, chain, members, now_unix_s=at_unix_s)
        if revoked_root(file.revocations) != canonical.from_hex(checkpoint.revoked_root):
            raise ContextError("the revocations are not those of the checkpoint", code="bad_root")
        return found
    current = locks.current(session, chain.chain)
    new = check_checkpoint(file, chains, members, now_unix_s=at_unix_s, checked=current.keys())
    for leaf in new:
        leaf.point  # noqa: B018 - raises; that of a leaf of the last checkpoint was decoded when it came
    kept = current.keys() & {leaf[:-EXPIRY_BYTES] for leaf in file.encoded}
    return replace(found, kept=kept, others=locks.pledged(new, chain.chain, chains))


def take(session: Session, found: Examined, *, now_unix_s: int) -> Taken:
    """Book what ``examine`` found in this transaction. A checkpoint that was taken is left alone; one that the chain
    does not go by is kept as evidence.

    Raises: ContextError "registry_moved" (what it was examined by changed meanwhile), "chain_frozen", "wrong_set", and
            those of ``check_follows``.
    """
    checkpoint, name = found.checkpoint, found.chain.chain
    chain, rows = session.get(ChainRow, name), of_epoch(session, name, checkpoint.epoch)
    if chain is not None and (rows or _is_passed_over(chain, checkpoint.epoch)):
        known = rows.get(found.digest)
        created = known is None and _witness(session, found, rows, chain, now_unix_s)
        accepted, frozen = known is not None and known.accepted, chain.frozen_set is not None
        return Taken(name, checkpoint.epoch, found.digest, accepted=accepted, frozen=frozen, created=created)
    if (registry.current_row(session).version, sets.row_at(session, name, checkpoint.epoch).version) != (
        found.registry_version,
        found.set_version,
    ):
        raise ContextError(
            "the registry or the members changed while the checkpoint was checked: send it again", code="registry_moved"
        )
    if chain is not None and chain.frozen_set is not None:
        raise ContextError("the chain is frozen: its members signed two checkpoints of one epoch", code="chain_frozen")
    if chain is not None and checkpoint.set_version < chain.set_version:
        # After a thaw: the members that signed two stories may still have epochs before those after them begin.
        raise ContextError("the chain goes by later members", code="wrong_set")
    check_follows(checkpoint, _last(session, chain, checkpoint.previous), found.venue)
    before = None if chain is None else Seen(name, chain.epoch, chain.block_unix_s, chain.expiry_unix_s)
    if chain is None:
        chain = ChainRow(chain=name)
        session.add(chain)
    chain.set_version, chain.epoch, chain.digest = checkpoint.set_version, checkpoint.epoch, found.digest
    chain.height, chain.block_unix_s, chain.expiry_unix_s = checkpoint.height, checkpoint.block_time, checkpoint.expiry
    _keep(session, found, accepted=True, now_unix_s=now_unix_s)
    session.merge(TreeRow(chain=name, hashes=b"".join(found.file.hashes)))
    counts = locks.apply(session, checkpoint.epoch, name, before, found.kept, found.others, found.file.revocations)
    return Taken(name, checkpoint.epoch, found.digest, accepted=True, frozen=False, created=True, counts=counts)


def stored(row: CheckpointRow) -> SignedCheckpoint:
    """The checkpoint and signatures of a row; its leaves are not kept."""
    return SignedCheckpoint.from_bytes(row.content)


def thaw(session: Session, name: str, *, now_unix_s: int) -> bool:
    """Let a frozen chain count again; whether it was frozen. What the members counted that signed two stories is void:
    locks count again by the first checkpoint of the members after them.

    Raises: ContextError "unknown_chain", "chain_frozen": the members are still the same.
    """
    chain = session.get(ChainRow, name)
    if chain is None:
        raise ContextError("the chain has no checkpoint here", code="unknown_chain")
    if chain.frozen_set is None:
        return False
    newest = sets.newest_row(session, name)
    if newest is None or newest.version <= chain.frozen_set:
        raise ContextError(
            "the members that signed two checkpoints of one epoch are still those of the chain: publish the next set",
            code="chain_frozen",
        )
    chain.frozen_set, chain.set_version = None, newest.version
    chain.expiry_unix_s = min(chain.expiry_unix_s, now_unix_s)
    locks.void(session, name, now_unix_s=now_unix_s)
    return True


def _last(session: Session, chain: ChainRow | None, previous: str) -> Checkpoint | None:
    """The checkpoint that the next one must name. After a thaw that may be either of the two that froze the chain: the
    members that followed did not choose which of them came here first."""
    if chain is None:
        return None
    rows = of_epoch(session, chain.chain, chain.epoch)
    return stored(rows.get(previous, rows[chain.digest])).checkpoint


def of_epoch(session: Session, chain: str, epoch: int) -> dict[str, CheckpointRow]:
    """The checkpoints of an epoch by their digests: one, or two that contradict each other."""
    query = select(CheckpointRow).where(CheckpointRow.chain == chain, CheckpointRow.epoch == epoch)
    return {row.digest: row for row in session.scalars(query)}


def _is_passed_over(chain: ChainRow | None, epoch: int) -> bool:
    """Whether the chain is beyond ``epoch``, and not too far."""
    return chain is not None and chain.epoch - WITNESSED_EPOCHS <= epoch < chain.epoch


def _witness(
    session: Session, found: Examined, rows: dict[str, CheckpointRow], chain: ChainRow, now_unix_s: int
) -> bool:
    """Keep a checkpoint of an epoch that the chain has or passed over; whether that is new. Alone it says nothing; a
    second one convicts its members, and that is enough.

    The members of the chain freeze it. Of those that it no longer goes by, and of those before them, nothing counts any
    more: what the members after them attested, they looked at themselves.
    """
    if len(rows) > 1:
        return False
    _keep(session, found, accepted=False, now_unix_s=now_unix_s)
    if rows and found.set_version >= chain.set_version:
        chain.frozen_set = found.set_version
    elif rows:
        began = sets.began_at(session, chain.chain, found.set_version + 1)
        locks.void(session, chain.chain, before_epoch=began, now_unix_s=now_unix_s)
    session.flush()
    session.expire_all()
    return True


def _keep(session: Session, found: Examined, *, accepted: bool, now_unix_s: int) -> None:
    session.add(
        CheckpointRow(
            chain=found.chain.chain, epoch=found.checkpoint.epoch, digest=found.digest, accepted=accepted,
            content=found.file.model_copy(update={"leaves": ()}).to_bytes(), received_unix_s=now_unix_s,
        )
    )  # fmt: skip
    session.flush()
