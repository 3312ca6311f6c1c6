"""Risk parameters: signed versions, one after the other. What a commitment means never changes; rates may, and markets
may be added."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from circuits import statement
from circuits.markets import RiskParameters
from zkmargin.documents import MarketParams, Params, Signed
from zkmargin.errors import ContextError

from . import documents, trust
from .publication import Published, check_venue, check_version, envelope_of
from .tables import ParamsRow


def latest_row(session: Session) -> ParamsRow | None:
    """The row of the current version, if any was published."""
    return session.scalars(select(ParamsRow).order_by(ParamsRow.version.desc()).limit(1)).first()


def current_row(session: Session) -> ParamsRow:
    """The row of the current version.

    Raises: ContextError "no_params".
    """
    row = latest_row(session)
    if row is None:
        raise ContextError("no risk parameters are published yet", code="no_params")
    return row


def row_of(session: Session, digest: str) -> ParamsRow | None:
    """The row of the version with this digest, if there is one."""
    return session.scalars(select(ParamsRow).where(ParamsRow.digest == digest)).first()


def publish(session: Session, signed: Signed[Params], *, venue: str, now_unix_s: int) -> Published:
    """Make ``signed`` the current version. A version that is there already is left alone, whoever signs it again.

    Any version number can be the first that a service sees.

    Raises: ContextError "no_trust", "unsigned", "bad_signature", "old_version", "version_conflict", "version_gap",
            "lot_changed", "market_removed"; InputError, also "bad_params": no account could prove anything under them.
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
        check_continues(documents.stored_params(row.envelope).document, document)
    statement.check_usable(RiskParameters.from_document(document), now_unix_s)
    envelope = envelope_of(signed.envelope).to_bytes()
    session.add(
        ParamsRow(version=document.version, digest=signed.digest, envelope=envelope, published_unix_s=now_unix_s)
    )
    session.flush()
    return Published(document.version, signed.digest, created=True)


def check_continues(before: Params, after: Params) -> None:
    """Commitments made under ``before`` mean the same under ``after``: quote, order, names, lots and kinds of its
    markets are kept, which of them are isolated, and the terms of its options. Rates may change, and what they depend
    on: a verdict whose box does not say that covers no round from then on.

    Order too: older verdicts are read against the first markets of newer parameters.

    Raises: ContextError "lot_changed", "market_removed".
    """
    if before.model != after.model or before.quote != after.quote:
        raise ContextError("the model and the quote currency of a venue never change", code="lot_changed")
    names = [market.market for market in after.markets]
    if names[: len(before.markets)] != [market.market for market in before.markets]:
        raise ContextError("markets are only added, at the end: none may go or move", code="market_removed")
    if any(_meaning(a) != _meaning(b) for a, b in zip(before.markets, after.markets, strict=False)):
        raise ContextError(
            "what a market is never changes (lot, kind, isolated, terms of an option): list it under a new name",
            code="lot_changed",
        )


def _meaning(market: MarketParams) -> tuple[object, ...]:
    """What one lot of a market is, and which cash it is paid from."""
    return (
        market.lot, market.kind, market.isolated,
        market.underlying, market.forward, market.option, market.strike, market.expiry,
    )  # fmt: skip


def ends(session: Session, *, grace_s: int) -> dict[int, int]:
    """When verdicts under each version that is not current stop counting: a grace after the next version came."""
    rows = session.execute(select(ParamsRow.version, ParamsRow.published_unix_s).order_by(ParamsRow.version)).all()
    return {version: published + grace_s for (version, _), (_, published) in pairwise(rows)}
