"""Checkpoints that have passed, kept for a verifier that lost them, in a backup that was put in its place say: members
sign no checkpoint that does not follow the last one that they know, so without these its chain would stand still.

They are links, without leaves: nothing counts by them, but the next checkpoint can follow.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from zkmargin.collateral import SignedCheckpoint
from zkmargin.errors import ContextError

from .desk import Desk
from .messages import Passed
from .tables import PassedRow

KEPT = 1000
"""The newest, of each chain."""


def keep(session: Session, passed: Passed, chain: str) -> None:
    """Keep a checkpoint that is newer than all that are kept."""
    file = SignedCheckpoint(
        checkpoint=passed.checkpoint, signatures=passed.signatures, leaves=(), revocations=passed.revocations
    )
    session.add(PassedRow(chain=chain, epoch=passed.checkpoint.epoch, file=file.to_bytes()))
    session.flush()
    mine = select(PassedRow.epoch).where(PassedRow.chain == chain).order_by(PassedRow.epoch.desc())
    oldest = session.scalars(mine.offset(KEPT - 1).limit(1)).first()
    if oldest is not None:
        session.execute(delete(PassedRow).where(PassedRow.chain == chain, PassedRow.epoch < oldest))


def after(desk: Desk, chain: str, epoch: int) -> SignedCheckpoint:
    """The first checkpoint after ``epoch`` that is kept, without leaves. It need not follow one of ``epoch``: a member
    knows only those that it was shown.

    Raises: ContextError "unknown_checkpoint".
    """
    query = select(PassedRow).where(PassedRow.chain == chain, PassedRow.epoch > epoch).order_by(PassedRow.epoch)
    with desk.store.reading() as session:
        row = session.scalars(query.limit(1)).first()
        if row is None:
            raise ContextError("this attestor knows no later checkpoint of this chain", code="unknown_checkpoint")
        return SignedCheckpoint.from_bytes(row.file)
