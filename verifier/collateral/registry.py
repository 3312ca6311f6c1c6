"""The registry: which chains and classes of collateral there are, and their haircuts and caps. Signed versions, one
after the other, by the keys of risk parameters; what a chain or a class is never changes."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from zkmargin.collateral import Chains, check_continues
from zkmargin.documents import Signed, read
from zkmargin.errors import ContextError

from .. import trust
from ..publication import Published, check_venue, check_version, envelope_of
from .tables import RegistryRow

_KEPT = 16


@lru_cache(maxsize=_KEPT)
def stored(envelope: bytes) -> Signed[Chains]:
    """The registry in a stored envelope."""
    return read(envelope, Chains)


def latest_row(session: Session) -> RegistryRow | None:
    """The row of the current version, if any was published."""
    return session.scalars(select(RegistryRow).order_by(RegistryRow.version.desc()).limit(1)).first()


def current_row(session: Session) -> RegistryRow:
    """The row of the current version.

    Raises: ContextError "no_registry".
    """
    row = latest_row(session)
    if row is None:
        raise ContextError("no registry of chains is published yet: no collateral counts", code="no_registry")
    return row


def current(session: Session) -> Chains:
    """The current version. Raises: ContextError "no_registry"."""
    return stored(current_row(session).envelope).document


def row_of(session: Session, digest: str) -> RegistryRow | None:
    """The row of the version with this digest, if there is one."""
    return session.scalars(select(RegistryRow).where(RegistryRow.digest == digest)).first()


def publish(session: Session, signed: Signed[Chains], *, venue: str, grace_s: int, now_unix_s: int) -> Published:
    """Make ``signed`` the current version. A version that is there already is left alone, whoever signs it again.

    Args:   grace_s: from stale to liquidatable. Coins are there for ``margin_s`` after their evidence has ended.
    Raises: ContextError "no_trust", "unsigned", "bad_signature", "old_version", "version_conflict", "version_gap",
            "short_margin" (an account could not be liquidated before its coins are free), and those of
            ``check_continues``; InputError.
    """
    document = signed.document
    check_venue(document.venue, venue)
    known = row_of(session, signed.digest)
    if known is not None:
        return Published(known.version, known.digest, created=False)
    signed.verify(trust.current(session).params)
    row = latest_row(session)
    if row is not None:
        check_version(document.version, row.version)
        check_continues(stored(row.envelope).document, document)
    if any(entry.margin_s < grace_s for entry in document.chains):
        raise ContextError(
            "the margin_s of a chain is less than the grace of this service: coins would be free before the account "
            "that counts them is liquidatable",
            code="short_margin",
        )
    envelope = envelope_of(signed.envelope).to_bytes()
    session.add(
        RegistryRow(version=document.version, digest=signed.digest, envelope=envelope, published_unix_s=now_unix_s)
    )
    session.flush()
    return Published(document.version, signed.digest, created=True)


def ends(session: Session, *, grace_s: int) -> dict[int, int]:
    """When verdicts under each version that is not current stop counting: a grace after the next version came."""
    rows = session.execute(
        select(RegistryRow.version, RegistryRow.published_unix_s).order_by(RegistryRow.version)
    ).all()
    return {version: published + grace_s for (version, _), (_, published) in pairwise(rows)}
