"""The trust document: whose signatures count. The first comes from the operator; each later one is signed by a root of
the one before."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from zkmargin.documents import Signed, Trust
from zkmargin.errors import ContextError

from . import documents
from .publication import Published, check_venue, check_version, envelope_of
from .tables import TrustRow


def current_row(session: Session) -> TrustRow:
    """The row of the current version.

    Raises: ContextError "no_trust".
    """
    row = session.scalars(select(TrustRow).order_by(TrustRow.version.desc()).limit(1)).first()
    if row is None:
        raise ContextError("the operator has not set up this service: no trust document is published", code="no_trust")
    return row


def current(session: Session) -> Trust:
    """The current version.

    Raises: ContextError "no_trust".
    """
    return documents.stored_trust(current_row(session).envelope).document


def publish_first(session: Session, signed: Signed[Trust], *, venue: str, now_unix_s: int) -> Published:
    """Make ``signed`` the first version: only the operator, at the database itself, may do this. Any version number can
    be the first.

    Raises: ContextError "unsigned", "bad_signature" (it must be signed by a root of its own), "version_conflict";
            InputError.
    """
    check_venue(signed.document.venue, venue)
    signed.verify(signed.document.root)
    if session.scalars(select(TrustRow).limit(1)).first() is not None:
        return publish(session, signed, venue=venue, now_unix_s=now_unix_s)
    return _add(session, signed, now_unix_s)


def publish(session: Session, signed: Signed[Trust], *, venue: str, now_unix_s: int) -> Published:
    """Make ``signed`` the current version. A version that is there already is left alone, whoever signs it again.

    Raises: ContextError "no_trust", "unsigned", "bad_signature", "old_version", "version_conflict", "version_gap";
            InputError.
    """
    check_venue(signed.document.venue, venue)
    row = current_row(session)
    known = session.scalars(select(TrustRow).where(TrustRow.digest == signed.digest)).first()
    if known is not None:
        return Published(known.version, known.digest, created=False)
    check_version(signed.document.version, row.version)
    documents.stored_trust(row.envelope).document.verify_successor(signed)
    return _add(session, signed, now_unix_s)


def _add(session: Session, signed: Signed[Trust], now_unix_s: int) -> Published:
    document = signed.document
    envelope = envelope_of(signed.envelope).to_bytes()
    session.add(
        TrustRow(version=document.version, digest=signed.digest, envelope=envelope, published_unix_s=now_unix_s)
    )
    session.flush()
    return Published(document.version, signed.digest, created=True)
