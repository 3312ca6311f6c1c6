"""The operations of the aggregator: each is one transaction, and a refused one changes nothing. What an operation does
to a lock and what that does to accounts is booked together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.collateral import Chains, CollateralLock, SignedCheckpoint, check_lock
from zkmargin.documents import read
from zkmargin.errors import ContextError

from .. import clock
from ..publication import Published
from ..store import Store
from . import checkpoints, classes, locks, registry, sets, shown, usage, views
from .checkpoints import Taken
from .locks import Pledged
from .tables import ChainRow, LockRow

Refresh = Callable[[Session, int, ColumnElement[bool] | None], None]
"""Turns the statuses of all accounts, or of some, at a time."""


@dataclass(frozen=True)
class Registered:
    """A lock that was shown by itself. ``created`` is false if nothing changed by it."""

    value: dict[str, Any]
    created: bool


class Aggregator:
    """The collateral of a venue, on the database of its verifier. Safe to share between threads."""

    def __init__(self, store: Store, venue: str, grace_s: int, refresh: Refresh) -> None:
        self._store, self._venue, self._grace_s, self._refresh = store, venue, grace_s, refresh

    def publish_registry(self, data: bytes) -> Published:
        """Publish a registry; haircuts and pegs turn accounts at once. Raises: as ``registry.publish``."""
        signed, now = read(data, Chains), clock.now_unix_s()
        with self._store.writing() as session:
            published = registry.publish(session, signed, venue=self._venue, grace_s=self._grace_s, now_unix_s=now)
            if published.created:
                classes.watch(session, is_new_round=False)
                self._refresh(session, now, None)
        return published

    def publish_set(self, data: bytes) -> Published:
        """Publish the next attestors of a chain. Raises: as ``sets.publish``."""
        file, now = sets.read(data), clock.now_unix_s()
        with self._store.writing() as session:
            return sets.publish(session, file, venue=self._venue, now_unix_s=now)

    def take_checkpoint(self, data: bytes, *, late: bool = False) -> Taken:
        """Take the next checkpoint of a chain, or evidence against its members; the accounts that count locks of the
        chain turn with it. Raises: as ``checkpoints.examine`` and ``checkpoints.take``."""
        file, now = SignedCheckpoint.from_bytes(data), clock.now_unix_s()
        # First the work: leaves are read, and the write lock is taken, for nobody without a quorum.
        with self._store.reading() as session:
            found = checkpoints.examine(session, file, now_unix_s=now, late=late)
        with self._store.writing() as session:
            taken = checkpoints.take(session, found, now_unix_s=now)
            if taken.created:
                self._refresh(session, now, usage.by_lock(LockRow.chain == taken.chain))
        return taken

    def take_lock(self, data: bytes) -> Registered:
        """Take evidence of one lock at the last checkpoint of its chain. Raises: ContextError "no_registry",
        "unknown_checkpoint", "old_checkpoint", "chain_frozen", and those of ``check_lock`` and ``locks.register``."""
        evidence, now = CollateralLock.from_bytes(data), clock.now_unix_s()
        with self._store.reading() as session:
            pledged = self._shown(session, evidence, now)
        with self._store.writing() as session:
            self._last(session, evidence)
            created = locks.register(session, evidence.checkpoint.epoch, evidence.chain, pledged)
            if created:
                self._refresh(session, now, usage.by_lock(LockRow.tag == pledged.tag))
            return Registered(views.lock(session, pledged.tag, now_unix_s=now), created)

    def seizing(self, tag: str) -> dict[str, Any]:
        """The venue is about to seize the lock of ``tag``: it counts no more, for ever, and the accounts that count it
        turn with it; the lock as it is then. Raises: as ``locks.seizing``."""
        now = clock.now_unix_s()
        with self._store.writing() as session:
            if locks.seizing(session, tag):
                self._refresh(session, now, usage.by_lock(LockRow.tag == tag))
            return views.lock(session, tag, now_unix_s=now)

    def thaw(self, chain: str) -> bool:
        """Let a frozen chain count again. Raises: as ``checkpoints.thaw``."""
        now = clock.now_unix_s()
        with self._store.writing() as session:
            changed = checkpoints.thaw(session, chain, now_unix_s=now)
            if changed:
                self._refresh(session, now, usage.by_lock(LockRow.chain == chain))
        return changed

    def chains(self) -> list[dict[str, Any]]:
        """Every chain of the registry, as it is now. Raises: ContextError "no_registry"."""
        with self._store.reading() as session:
            return views.chains(session)

    def sets(self, chain: str) -> list[dict[str, Any]]:
        """The sets of ``chain``, the newest version first."""
        with self._store.reading() as session:
            return views.sets(session, chain)

    def checkpoints(self, chain: str, epoch: int) -> list[dict[str, Any]]:
        """The checkpoint of an epoch, and a second one if there is evidence of it."""
        with self._store.reading() as session:
            return views.checkpoints(session, chain, epoch)

    def registry(self) -> bytes:
        """The envelope of the current registry. Raises: ContextError "no_registry"."""
        with self._store.reading() as session:
            return registry.current_row(session).envelope

    def classes(self) -> list[dict[str, Any]]:
        """Every class of the registry, and what a lot of it may count at now. Raises: ContextError "no_registry"."""
        with self._store.reading() as session:
            return views.classes(session, now_unix_s=clock.now_unix_s())

    def lock(self, tag: str) -> dict[str, Any]:
        """The lock of a tag. Raises: ContextError "unknown_lock"."""
        with self._store.reading() as session:
            return views.lock(session, tag, now_unix_s=clock.now_unix_s())

    def evidence(self, tag: str) -> CollateralLock:
        """The evidence of the lock of a tag. Raises: as ``shown.evidence``."""
        with self._store.reading() as session:
            return shown.evidence(session, tag, now_unix_s=clock.now_unix_s())

    def _shown(self, session: Session, evidence: CollateralLock, now: int) -> Pledged:
        chains = registry.current(session)
        chains.chain_of(evidence.chain)
        self._last(session, evidence)
        members = sets.stored(sets.row_at(session, evidence.chain, evidence.checkpoint.epoch).content)
        leaf = check_lock(evidence, chains, members, now_unix_s=now)
        return locks.pledged([leaf], evidence.chain, chains)[0]

    def _last(self, session: Session, evidence: CollateralLock) -> None:
        """Evidence is of the checkpoint that the chain is at: an earlier one may have been revoked since, and nothing
        but a checkpoint itself makes a later one known."""
        checkpoint, row = evidence.checkpoint, session.get(ChainRow, evidence.chain)
        if row is not None and row.frozen_set is not None:
            raise ContextError("the chain is frozen", code="chain_frozen")
        if row is not None and (checkpoint.epoch < row.epoch or checkpoint.set_version < row.set_version):
            raise ContextError("the chain has a later checkpoint, or later members", code="old_checkpoint")
        chains = registry.current(session)
        if row is None or row.digest != canonical.to_hex(checkpoint.signing_digest(chains.venue_id)):
            raise ContextError("this checkpoint was not taken here", code="unknown_checkpoint")
