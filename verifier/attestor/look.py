"""A look at a chain: every pledge at the height of an epoch and later, what becomes of it, and what that lets this
member say."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from verifier import clock, logs
from verifier.errors import Unavailable
from zkmargin import canonical
from zkmargin.collateral import Checkpoint, Leaf, Note
from zkmargin.collateral.evidence import MAX_REVOCATIONS
from zkmargin.collateral.pledge import Pledge, leaf_of
from zkmargin.collateral.revocation import Revocation

from . import papers
from .desk import Desk
from .reader import Block
from .survey import ENDED, Finding, State, find, name_of
from .tables import PledgeRow, QuorumRow, SignedRow, is_open
from .watched import Watched

_LOGGER = logging.getLogger("zkmargin.attestor")
_MAX_WAIT_S = 30.0


@dataclass(frozen=True)
class View:
    """What this member would say at an epoch: leaves by their hashes, revocations by their tags, both in 0x-hex.

    ``kept``: leaves of locks that are Active at the height, no more in what is newer, and were when this member offered
    them, at this epoch or later. It offers them to nobody any more, and keeps its word to whom it did.
    """

    block: Block
    leaves: tuple[str, ...]
    revocations: tuple[Revocation, ...]
    kept: tuple[str, ...] = ()


def look(desk: Desk, watched: Watched, epoch: int) -> View:
    """Look at the pledges of a chain, and keep what became of them.

    Raises: ContextError "not_final".   Unavailable: as ``Watched``, and "busy".
    """
    busy = desk.busy[watched.entry.chain]
    if not busy.acquire(timeout=_MAX_WAIT_S):
        raise Unavailable("this chain is being looked at already: try again", code="busy")
    try:
        watched.check_identity()
        block = watched.block_of(epoch, clock.now_unix_s())
        return _look(desk, watched, epoch, block)
    finally:
        busy.release()


def _look(desk: Desk, watched: Watched, epoch: int, block: Block) -> View:
    chain = watched.entry.chain
    with desk.store.reading() as session:
        registry = papers.registry(session)
        _tell_reorganisations(session, watched)
        rows = _rows(session, chain)
    found = _find(watched, rows, epoch, block)
    expiry = block.time_unix_s + watched.entry.max_age_s
    leaves: list[Leaf] = []
    kept: list[Leaf] = []
    revocations = []
    for row in rows:
        finding = found[row.tag]
        if finding.leaf or (finding.stood and finding.reason is None and row.offered >= epoch):
            note = _note(row.opening)
            leaf = leaf_of(note, registry.class_of_asset(chain, note.asset), expiry=expiry)
            (leaves if finding.leaf else kept).append(leaf)
        elif (reason := finding.reason) is not None and row.told < row.offered <= epoch:
            revocations.append(Revocation(tag=row.tag, reason=reason))
    _keep(desk, found, epoch)
    in_order = tuple(sorted(revocations, key=lambda revocation: revocation.tag))
    return View(block, _in_order(leaves), in_order, _in_order(kept))


def _rows(session: Session, chain: str) -> list[PledgeRow]:
    """Every pledge that is open; and of those that were released, and of which that is still to be told, the newest.

    Nothing counts by a lock that was released, told or not; and of one that a single member knows it is never told. So
    they neither take the room of others nor, however many they become, the time of every look.
    """
    mine = select(PledgeRow).where(PledgeRow.chain == chain)
    untold = mine.where(PledgeRow.state == State.RELEASED, PledgeRow.offered > PledgeRow.told)
    newest = untold.order_by(PledgeRow.offered.desc(), PledgeRow.tag).limit(MAX_REVOCATIONS)
    return [*session.scalars(mine.where(is_open())), *session.scalars(newest)]


def _find(watched: Watched, rows: Iterable[PledgeRow], epoch: int, block: Block) -> dict[str, Finding]:
    rows = list(rows)
    live = [row for row in rows if row.state not in ENDED]
    seen = watched.see([name_of(_note(row.opening)) for row in live], block)
    found = {row.tag: Finding(State(row.state)) for row in rows}
    for row, views in zip(live, seen, strict=True):
        found[row.tag] = find(
            State(row.state), _note(row.opening),
            offered=0 < row.offered <= epoch, final=views.final, newer=views.newer,
        )  # fmt: skip
    return found


def _keep(desk: Desk, found: dict[str, Finding], epoch: int) -> None:
    with desk.store.writing() as session:
        for row in session.scalars(select(PledgeRow).where(PledgeRow.tag.in_(found))):
            finding = found[row.tag]
            if row.state not in ENDED:
                row.state = finding.state
            if finding.leaf:
                row.offered = max(row.offered, epoch)


def _in_order(leaves: Iterable[Leaf]) -> tuple[str, ...]:
    return tuple(canonical.to_hex(leaf.to_bytes()) for leaf in sorted(leaves, key=lambda leaf: leaf.hash))


def _tell_reorganisations(session: Session, watched: Watched) -> None:
    """A block that was signed, or that a quorum signed, is not there any more: the chain went back deeper than its
    depth. What is gone with it is found lock by lock; that it happened is for the operator to know."""
    chain = watched.entry.chain
    last = select(SignedRow).where(SignedRow.chain == chain).order_by(SignedRow.epoch.desc()).limit(1)
    mine, passed = session.scalars(last).first(), session.get(QuorumRow, chain)
    signed = {(mine.height, mine.block_hash)} if mine else set()
    if passed is not None:
        checkpoint = Checkpoint.from_bytes(passed.checkpoint)
        signed.add((checkpoint.height, checkpoint.block_hash))
    for height, block_hash in sorted(signed):
        if not watched.stands(height, canonical.from_hex(block_hash)):
            logs.event(_LOGGER, "reorganised", chain=chain, height=height)


@lru_cache(maxsize=8192)
def _note(opening: bytes) -> Note:
    return Pledge.from_bytes(opening).note.note
