"""The tables. Times are seconds since 1970 in UTC; digests and ids are 0x-hex text; documents are kept as the bytes
that were signed.

Nothing here is particular to SQLite. No amount is stored but what is public: prices, boxes, parameters.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_DIGEST = String(66)
MAX_CLAIM_CHARACTERS = 800

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)


class TrustRow(Table):
    """A version of the trust document: who may sign what."""

    __tablename__ = "trust"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    envelope: Mapped[bytes]
    published_unix_s: Mapped[int] = mapped_column(BigInteger)


class ParamsRow(Table):
    """A version of the risk parameters."""

    __tablename__ = "params"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    envelope: Mapped[bytes]
    published_unix_s: Mapped[int] = mapped_column(BigInteger)


class ReportRow(Table):
    """One oracle key's report for one round: the primary key is what makes a second one an equivocation."""

    __tablename__ = "reports"

    round: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    keyid: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    digest: Mapped[str] = mapped_column(_DIGEST)
    time_unix_s: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes]
    received_unix_s: Mapped[int] = mapped_column(BigInteger)


class RoundRow(Table):
    """A completed round. It never changes; the current round is the one with the greatest number."""

    __tablename__ = "rounds"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    time_unix_s: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes]
    completed_unix_s: Mapped[int] = mapped_column(BigInteger)


class AccountRow(Table):
    """An account: its current sequence, and the edge of its status (statuses.py)."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    registered_unix_s: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(16), index=True)
    reason: Mapped[str | None] = mapped_column(String(32))
    since_round: Mapped[int | None] = mapped_column(BigInteger)
    deadline_unix_s: Mapped[int | None] = mapped_column(BigInteger)
    live_until_unix_s: Mapped[int | None] = mapped_column(BigInteger)
    live_until_reason: Mapped[str | None] = mapped_column(String(32))
    claim: Mapped[str | None] = mapped_column(String(MAX_CLAIM_CHARACTERS))


class StateRow(Table):
    """A state of an account, attested by the venue and signed by the owner."""

    __tablename__ = "states"

    account: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(_DIGEST, unique=True)
    attestation_key: Mapped[str] = mapped_column(_DIGEST)
    envelope: Mapped[bytes]
    accepted_unix_s: Mapped[int] = mapped_column(BigInteger)


class SubmissionRow(Table):
    """An accepted bundle with its receipt. ``standing``: its claim implies maintenance, so that it can make an account
    live. ``registry_version``: what it counts locks by, if it does (collateral/tables.py)."""

    __tablename__ = "submissions"
    __table_args__ = (
        ForeignKeyConstraint(["account", "seq"], ["states.account", "states.seq"]),
        Index(None, "account", "seq"),
    )

    n: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(_DIGEST, unique=True)
    account: Mapped[str] = mapped_column(_DIGEST)
    seq: Mapped[int] = mapped_column(BigInteger)
    params_version: Mapped[int] = mapped_column(ForeignKey("params.version"))
    round: Mapped[int] = mapped_column(ForeignKey("rounds.number"))
    claim: Mapped[str] = mapped_column(String(MAX_CLAIM_CHARACTERS))
    standing: Mapped[bool]
    expiry_unix_s: Mapped[int] = mapped_column(BigInteger)
    box: Mapped[bytes]
    bundle: Mapped[bytes]
    receipt: Mapped[bytes]
    decided_unix_s: Mapped[int] = mapped_column(BigInteger)
    registry_version: Mapped[int | None] = mapped_column(BigInteger)
