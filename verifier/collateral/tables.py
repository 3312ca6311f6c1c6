"""The tables of the aggregator. A tag is a primary key: the lock behind it has one account, commitment and class, for
ever. No amount is stored: only commitments to it, and public coefficients."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from ..tables import Table

_DIGEST = String(66)
_CHAIN = String(64)
_CLASS = String(64)


class RegistryRow(Table):
    """A version of the registry: chains, classes, haircuts, caps."""

    __tablename__ = "collateral_registries"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    envelope: Mapped[bytes]
    published_unix_s: Mapped[int] = mapped_column(BigInteger)


class MemberSetRow(Table):
    """A version of the attestors of a chain, with the approvals of those before. It signs from ``from_epoch`` on, until
    that of the next version."""

    __tablename__ = "collateral_sets"

    chain: Mapped[str] = mapped_column(_CHAIN, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    from_epoch: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes]
    published_unix_s: Mapped[int] = mapped_column(BigInteger)


class ChainRow(Table):
    """The last checkpoint of a chain. ``frozen_set``: the version of the set of which a quorum signed two of one epoch;
    nothing on the chain counts until the operator thaws it, under a later set."""

    __tablename__ = "collateral_chains"

    chain: Mapped[str] = mapped_column(_CHAIN, primary_key=True)
    set_version: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(_DIGEST)
    height: Mapped[int] = mapped_column(BigInteger)
    block_unix_s: Mapped[int] = mapped_column(BigInteger)
    expiry_unix_s: Mapped[int] = mapped_column(BigInteger)
    frozen_set: Mapped[int | None] = mapped_column(BigInteger)


class CheckpointRow(Table):
    """A checkpoint with its signatures, without leaves. Two of one epoch are the evidence that froze the chain; the one
    ``accepted`` came first."""

    __tablename__ = "collateral_checkpoints"

    chain: Mapped[str] = mapped_column(_CHAIN, primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    accepted: Mapped[bool]
    content: Mapped[bytes]
    received_unix_s: Mapped[int] = mapped_column(BigInteger)


class TreeRow(Table):
    """The hashes of the leaves of the last checkpoint of a chain, in their order, 32 bytes each: with them, whoever
    knows a lock's tag is shown that it stands in the signed tree. Those of the checkpoint before are gone."""

    __tablename__ = "collateral_trees"

    chain: Mapped[str] = mapped_column(_CHAIN, primary_key=True)
    hashes: Mapped[bytes]


class LockRow(Table):
    """A lock, by its tag. ``leaf`` is what it is pledged as, to an account, with a commitment: that of kind 1, without
    its expiry. It never changes, nor does the class; no row is ever deleted.

    While the last checkpoint of its chain has a leaf of it, ``epoch``, ``seen_unix_s`` and ``expiry_unix_s`` are null,
    and those of the chain count: a renewal writes nothing. Else ``epoch`` is of the last checkpoint that spoke of it,
    the others the block time and the end of the last one that had a leaf of it.
    """

    __tablename__ = "collateral_locks"
    __table_args__ = (Index(None, "chain", "epoch"),)

    tag: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    class_: Mapped[str] = mapped_column("class", _CLASS)
    leaf: Mapped[bytes]
    chain: Mapped[str] = mapped_column(_CHAIN)
    state: Mapped[str] = mapped_column(String(16))
    first_epoch: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    seen_unix_s: Mapped[int | None] = mapped_column(BigInteger)
    expiry_unix_s: Mapped[int | None] = mapped_column(BigInteger)


SEEN_UNIX_S = func.coalesce(LockRow.seen_unix_s, ChainRow.block_unix_s)
"""The time of the block that shows a lock, joined with its chain."""
EXPIRY_UNIX_S = func.coalesce(LockRow.expiry_unix_s, ChainRow.expiry_unix_s)
"""When its evidence ends, joined with its chain."""


class SubmissionLockRow(Table):
    """A lock that an accepted submission counts, and at which coefficient: integer 10^-18 quote a lot, as text."""

    __tablename__ = "submission_locks"
    __table_args__ = (
        ForeignKeyConstraint(["n"], ["submissions.n"]),
        Index(None, "tag"),
    )

    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(ForeignKey("collateral_locks.tag"), primary_key=True)
    class_: Mapped[str] = mapped_column("class", _CLASS)
    coefficient_atto: Mapped[str] = mapped_column(String(28))


class ClassRow(Table):
    """What rounds have said of a class that has a peg: whether it is off it, and how many rounds in a row were well
    above since."""

    __tablename__ = "collateral_classes"

    name: Mapped[str] = mapped_column(_CLASS, primary_key=True)
    off_peg: Mapped[bool]
    calm_rounds: Mapped[int]
