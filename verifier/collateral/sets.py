"""The attestors of every chain: sets with versions, each approved by a quorum of the one before and by the operator."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.collateral import MemberSet, SignedMemberSet, check_member_set
from zkmargin.envelope import is_envelope
from zkmargin.errors import ContextError

from .. import trust
from ..publication import Published, check_venue
from . import registry
from .tables import ChainRow, MemberSetRow

LOST_AFTER_S = 7 * 86_400
"""So long after the evidence of a chain ended, the operator alone can replace members of which no quorum is left."""
_KEPT = 64


def read(data: bytes) -> SignedMemberSet:
    """A set with approvals, or only in its envelope, as the first one is. Raises: InputError."""
    value = canonical.parse(data)
    return SignedMemberSet(members=value) if is_envelope(value) else SignedMemberSet.from_value(value)


@lru_cache(maxsize=_KEPT)
def stored(content: bytes) -> MemberSet:
    """The set in stored bytes."""
    return SignedMemberSet.from_bytes(content).document


def newest_row(session: Session, chain: str) -> MemberSetRow | None:
    """The latest version of the set of ``chain``, in force or not yet."""
    query = select(MemberSetRow).where(MemberSetRow.chain == chain).order_by(MemberSetRow.version.desc())
    return session.scalars(query.limit(1)).first()


def row_at(session: Session, chain: str, epoch: int) -> MemberSetRow:
    """The version that signs the checkpoint of ``epoch``.

    Raises: ContextError "no_members".
    """
    row = session.scalars(
        select(MemberSetRow)
        .where(MemberSetRow.chain == chain, MemberSetRow.from_epoch <= epoch)
        .order_by(MemberSetRow.version.desc())
        .limit(1)
    ).first()
    if row is None:
        raise ContextError("the chain has no attestors at this epoch: publish their set", code="no_members")
    return row


def began_at(session: Session, chain: str, version: int) -> int:
    """The first epoch of a version that was published."""
    return session.get_one(MemberSetRow, (chain, version)).from_epoch


def publish(session: Session, file: SignedMemberSet, *, venue: str, now_unix_s: int) -> Published:
    """Make ``file`` the next set of its chain. A version that is there already is left alone.

    Raises: ContextError "no_trust", "no_registry", "unknown_chain", "wrong_epoch" (it would begin at an epoch that has
            its checkpoint), and those of ``check_member_set``; InputError.
    """
    following = file.document
    check_venue(following.venue, venue)
    entry = registry.current(session).chain_of_digest(canonical.from_hex(following.chain))
    row = session.scalars(select(MemberSetRow).where(MemberSetRow.digest == following.digest)).first()
    if row is not None:
        return Published(row.version, row.digest, created=False)
    before, chain = newest_row(session, entry.chain), session.get(ChainRow, entry.chain)
    check_member_set(
        file,
        None if before is None else stored(before.content),
        trust.current(session).params,
        quorum_lost=not file.approvals and _is_lost(before, chain, now_unix_s),
    )
    if chain is not None and following.from_epoch <= chain.epoch:
        raise ContextError("a set of members begins after the last checkpoint", code="wrong_epoch")
    session.add(
        MemberSetRow(
            chain=entry.chain, version=following.version, digest=following.digest, from_epoch=following.from_epoch,
            content=file.to_bytes(), published_unix_s=now_unix_s,
        )
    )  # fmt: skip
    session.flush()
    return Published(following.version, following.digest, created=True)


def _is_lost(before: MemberSetRow | None, chain: ChainRow | None, now_unix_s: int) -> bool:
    """Whether nothing on the chain has counted for long enough: no evidence of it lives longer than its newest."""
    if before is None:
        return False
    newest_unix_s = max(before.published_unix_s, 0 if chain is None else chain.expiry_unix_s)
    return now_unix_s > newest_unix_s + LOST_AFTER_S
