"""The attestor's own small database: the documents that it goes by, the pledges that it knows, what it has signed.

The opening of a pledge is in it, amount and secret too: whoever reads this file knows which account which lock backs.
Its directory is readable by its owner only.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, MetaData, String, and_, inspect, or_
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from verifier.store import Store, failures_told
from verifier.tables import NAMING

from .survey import ENDED, State

_DIGEST = String(66)
_CHAIN = String(41)


class Table(DeclarativeBase):
    """Base of the attestor's tables."""

    metadata = MetaData(naming_convention=NAMING)


class TrustRow(Table):
    """A version of the trust document."""

    __tablename__ = "trust"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    envelope: Mapped[bytes]


class RegistryRow(Table):
    """A version of the registry of chains."""

    __tablename__ = "registry"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    envelope: Mapped[bytes]


class MemberSetRow(Table):
    """A version of the set of attestors of a chain, which is named by its digest."""

    __tablename__ = "member_sets"

    chain: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_epoch: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes]


class ApprovedRow(Table):
    """A set that this member approved: at most one a version of a chain's."""

    __tablename__ = "approved"

    chain: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST)


class PledgeRow(Table):
    """A pledge: one a tag, and one a note.

    ``offered``: the last epoch in which this member offered a leaf of it; 0 before the first. ``told``: the last epoch
    whose checkpoint, signed by a quorum, revokes it; 0 if none does.
    """

    __tablename__ = "pledges"

    tag: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    note: Mapped[str] = mapped_column(_DIGEST, unique=True)
    chain: Mapped[str] = mapped_column(_CHAIN, index=True)
    opening: Mapped[bytes]
    state: Mapped[str] = mapped_column(String(16))
    offered: Mapped[int] = mapped_column(BigInteger)
    told: Mapped[int] = mapped_column(BigInteger)


def is_open() -> ColumnElement[bool]:
    """The condition for pledges that may get a leaf, or whose seizure is still to be told."""
    untold = and_(PledgeRow.state == State.SEIZED, PledgeRow.offered > PledgeRow.told)
    return or_(PledgeRow.state.not_in(ENDED), untold)


class SignedRow(Table):
    """A checkpoint that this member signs: the primary key is what keeps it to one an epoch."""

    __tablename__ = "signed"

    chain: Mapped[str] = mapped_column(_CHAIN, primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST)
    height: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[str] = mapped_column(_DIGEST)


class QuorumRow(Table):
    """The newest checkpoint with the signatures of a quorum that this member was shown, one a chain."""

    __tablename__ = "quorum"

    chain: Mapped[str] = mapped_column(_CHAIN, primary_key=True)
    checkpoint: Mapped[bytes]


class PassedRow(Table):
    """A checkpoint with the signatures of a quorum that this member was shown, as a file without leaves."""

    __tablename__ = "passed"

    chain: Mapped[str] = mapped_column(_CHAIN, primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    file: Mapped[bytes]


def is_made(store: Store) -> bool:
    """Whether ``init`` has made this database: a file of 0 bytes is a good one to SQLite.

    Raises: Unavailable.
    """
    with failures_told():
        return inspect(store.engine).has_table(SignedRow.__tablename__)


def create(store: Store) -> None:
    """Make the tables that are not there yet, all or none.

    Raises: Unavailable.
    """
    with failures_told(), store.writer.begin() as connection:
        Table.metadata.create_all(connection)
