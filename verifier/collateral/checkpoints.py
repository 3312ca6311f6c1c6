"""Checkpoints: each follows the one before, and two of one epoch freeze the chain.

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
)
from zkmargin.errors import ContextError

from . import locks, registry, sets
from .locks import Counts, Pledged, Seen
from .tables import ChainRow, CheckpointRow


@dataclass(frozen=True)
class Examined:
    """A checkpoint whose signatures hold. Of its leaves, ``kept`` are those that the last checkpoint had too, and
    ``others`` the rest; neither is told if one of its epoch was taken before."""

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
    """What became of a checkpoint. ``frozen``: nothing on the chain counts now, as it has another one of its epoch.
    ``created`` is false if it was taken before: then nothing changed."""

    chain: str
    epoch: int
    digest: str
    frozen: bool
    created: bool
    counts: Counts = field(default_factory=Counts)

    def to_value(self) -> dict[str, Any]:
        """What an answer says."""
        return {"chain": self.chain, "epoch": self.epoch, "digest": self.digest, "frozen": self.frozen} | vars(
            self.counts
        )


def examine(session: Session, file: SignedCheckpoint, *, now_unix_s: int, late: bool) -> Examined:
    """Check all of a checkpoint but whether it is the next one. ``late``: past its expiry it still links the next one
    to the one before, though nothing counts by it.

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
    if others:
        members.quorum(checkpoint, file.signatures)  # two stories are two stories, however old and whatever they tell
        return found
    at_unix_s = min(now_unix_s, checkpoint.block_time) if late else now_unix_s
    current = locks.current(session, chain.chain)
    new = check_checkpoint(file, chains, members, now_unix_s=at_unix_s, checked=current.keys())
    for leaf in new:
        leaf.point  # noqa: B018 - raises; that of a leaf of the last checkpoint was decoded when it came
    kept = current.keys() & {bytes.fromhex(leaf[2 : -2 * EXPIRY_BYTES]) for leaf in file.leaves}
    return replace(found, kept=kept, others=locks.pledged(new, chain.chain, chains))


def take(session: Session, found: Examined, *, now_unix_s: int) -> Taken:
    """Book what ``examine`` found in this transaction; a checkpoint that was taken is left alone.

    Raises: ContextError "registry_moved" (what it was examined by changed meanwhile), "chain_frozen", "wrong_set", and
            those of ``check_follows``.
    """
    checkpoint, name = found.checkpoint, found.chain.chain
    chain, rows = session.get(ChainRow, name), of_epoch(session, name, checkpoint.epoch)
    created = found.digest not in rows
    if chain is not None and rows:
        if created:
            created = _contradict(session, found, rows, chain, now_unix_s)
        return Taken(name, checkpoint.epoch, found.digest, frozen=chain.frozen_set is not None, created=created)
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
    counts = locks.apply(session, checkpoint.epoch, name, before, found.kept, found.others, found.file.revocations)
    return Taken(name, checkpoint.epoch, found.digest, frozen=False, created=True, counts=counts)


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


def _contradict(
    session: Session, found: Examined, rows: dict[str, CheckpointRow], chain: ChainRow, now_unix_s: int
) -> bool:
    """Keep a second checkpoint of an epoch as evidence, and freeze the chain; whether that is new. One is enough.

    Members that the chain no longer goes by cannot freeze it any more.
    """
    if len(rows) > 1:
        return False
    _keep(session, found, accepted=False, now_unix_s=now_unix_s)
    if found.set_version >= chain.set_version:
        chain.frozen_set = found.set_version
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
