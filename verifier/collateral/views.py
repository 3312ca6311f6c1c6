"""What the service tells of collateral. Nothing of what it tells links a lock on its chain to an account: whoever asks
for a tag knows it, from a bundle that tells all that is told here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.collateral import ChainEntry, Chains
from zkmargin.errors import ContextError

from . import classes as rates
from . import registry
from .checkpoints import of_epoch
from .sets import newest_row
from .standing import LockState, evidence_end_unix_s
from .tables import EXPIRY_UNIX_S, SEEN_UNIX_S, ChainRow, ClassRow, LockRow, MemberSetRow


def chains(session: Session) -> list[dict[str, Any]]:
    """Every chain of the current registry, with its last checkpoint. Raises: ContextError "no_registry"."""
    return [_chain(session, entry) for entry in registry.current(session).chains]


def _chain(session: Session, entry: ChainEntry) -> dict[str, Any]:
    row, newest = session.get(ChainRow, entry.chain), newest_row(session, entry.chain)
    return {
        "chain": entry.chain,
        "members_version": None if newest is None else newest.version,
        "epoch": None if row is None else row.epoch,
        "checkpoint": None if row is None else row.digest,
        "height": None if row is None else row.height,
        "block_time": None if row is None else canonical.format_time(row.block_unix_s),
        "expiry": None if row is None else canonical.format_time(_end_unix_s(row, entry)),
        "frozen": row is not None and row.frozen_set is not None,
    }


def sets(session: Session, chain: str) -> list[dict[str, Any]]:
    """The sets of ``chain`` with their approvals, the newest version first."""
    query = select(MemberSetRow.content).where(MemberSetRow.chain == chain).order_by(MemberSetRow.version.desc())
    return [canonical.parse(content) for content in session.scalars(query)]


def checkpoints(session: Session, chain: str, epoch: int) -> list[dict[str, Any]]:
    """The checkpoints of an epoch with their signatures, the accepted one first. Their leaves are not kept."""
    rows = sorted(of_epoch(session, chain, epoch).values(), key=lambda row: not row.accepted)
    return [{"digest": row.digest, "accepted": row.accepted, "file": canonical.parse(row.content)} for row in rows]


def classes(session: Session, *, now_unix_s: int) -> list[dict[str, Any]]:
    """Every class of the current registry: the greatest coefficient that a lock in the last checkpoint of its chain may
    count at now, and how many locks count. Raises: ContextError "no_registry"."""
    found, terms = registry.current(session), rates.terms(session)
    off = {row.name for row in session.scalars(select(ClassRow)) if row.off_peg}
    live = _live(session, found, now_unix_s)
    told = []
    for entry in found.classes:
        chain, of_class = session.get(ChainRow, entry.chain), terms.get(entry.name)
        allowed_atto = 0
        if of_class and chain is not None and chain.frozen_set is None:
            counts = now_unix_s < _end_unix_s(chain, found.chain_of(entry.chain))
            allowed_atto = of_class.at(now_unix_s - chain.block_unix_s) if counts else 0
        told.append(
            {
                "class": entry.name,
                "chain": entry.chain,
                "allowed_atto_per_lot": str(allowed_atto),
                "off_peg": entry.peg is not None and entry.name in off,
                "locks": live.get(entry.name, 0),
            }
        )
    return told


def lock(session: Session, tag: str, *, now_unix_s: int) -> dict[str, Any]:
    """The lock of a tag; its ``state`` is "expired" once nobody has seen it for too long.

    Raises: ContextError "unknown_lock".
    """
    row = session.get(LockRow, tag)
    if row is None:
        raise ContextError("no lock with this tag was attested here", code="unknown_lock")
    chain = session.get_one(ChainRow, row.chain)
    expiry_unix_s = _end_unix_s(chain, registry.current(session).chain_of(row.chain), row)
    expired = row.state == LockState.FINAL.value and now_unix_s >= expiry_unix_s
    return {
        "tag": tag,
        "class": row.class_,
        "chain": row.chain,
        "state": "expired" if expired else row.state,
        "frozen": chain.frozen_set is not None,
        "first_epoch": row.first_epoch,
        "epoch": chain.epoch if row.epoch is None else row.epoch,
        "expiry": canonical.format_time(expiry_unix_s),
    }


def _end_unix_s(chain: ChainRow, entry: ChainEntry, lock: LockRow | None = None) -> int:
    """When the evidence of the last checkpoint ends, or of ``lock``."""
    seen_unix_s, expiry_unix_s = chain.block_unix_s, chain.expiry_unix_s
    if lock is not None and lock.seen_unix_s is not None and lock.expiry_unix_s is not None:
        seen_unix_s, expiry_unix_s = lock.seen_unix_s, lock.expiry_unix_s
    return evidence_end_unix_s(seen_unix_s, expiry_unix_s, entry.max_age_s)


def _live(session: Session, found: Chains, now_unix_s: int) -> dict[str, int]:
    """How many locks of every class count: the set that one of them hides in."""
    max_age_s = case({entry.chain: entry.max_age_s for entry in found.chains}, value=LockRow.chain, else_=0)
    query = (
        select(LockRow.class_, func.count())
        .join(ChainRow, ChainRow.chain == LockRow.chain)
        .where(LockRow.state == LockState.FINAL.value, now_unix_s < EXPIRY_UNIX_S, now_unix_s < SEEN_UNIX_S + max_age_s)
        .group_by(LockRow.class_)
    )
    return {name: int(count) for name, count in session.execute(query)}
