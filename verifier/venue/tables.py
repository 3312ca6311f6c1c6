"""The venue's own small database: what it attested, and the public documents that it goes by. No amount is in it."""

from __future__ import annotations

from sqlalchemy import BigInteger, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from verifier.store import Store, failures_told
from verifier.tables import NAMING


class Table(DeclarativeBase):
    """Base of the venue's tables."""

    metadata = MetaData(naming_convention=NAMING)


class TrustRow(Table):
    """A version of the trust document."""

    __tablename__ = "trust"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    envelope: Mapped[bytes]


class ParamsRow(Table):
    """A version of the risk parameters."""

    __tablename__ = "params"

    digest: Mapped[str] = mapped_column(String(66), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, unique=True)
    envelope: Mapped[bytes]


class AttestedRow(Table):
    """A state that was attested: at most one a sequence number of an account."""

    __tablename__ = "attested"

    account: Mapped[str] = mapped_column(String(66), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(String(66), index=True)
    digest: Mapped[str] = mapped_column(String(66))
    envelope: Mapped[bytes]
    attested_unix_s: Mapped[int] = mapped_column(BigInteger)


ONLY = 1
"""The key of a table with one row."""


class NewestRoundRow(Table):
    """The newest oracle round that a state was attested at."""

    __tablename__ = "newest_round"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)


def create(store: Store) -> None:
    """Make the tables that are not there yet.

    Raises: Unavailable.
    """
    with failures_told(), store.writer.begin() as connection:
        Table.metadata.create_all(connection)
