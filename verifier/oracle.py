"""Oracle rounds: one report a key, complete at M of N, and then never changed.

A round is made of the M reports that are there when it completes. A key that lies about the time, or about which
markets there are, holds nobody up: its report is left out, and the round waits for another one. Nor does one that
reports far ahead: what waits of it is bounded, and so is how far the numbers of rounds rise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from circuits.boxes import MarketBox, PriceBox
from circuits.markets import RiskParameters
from circuits.prices import price_of
from zkmargin import canonical
from zkmargin.documents import Oracle, Round, Signed, Trust, read, reporter
from zkmargin.errors import ContextError, InputError

from . import documents, parameters, trust
from .publication import check_venue, envelope_of
from .tables import ReportRow, RoundRow

MAX_ROUND_BYTES = canonical.MAX_DOCUMENT_BYTES // 4
"""A round travels in bundles, beside parameters and a state."""
MAX_STEP = 1_000_000
"""From the number of the current round to that of the next, at most: no round uses the numbers up. At a round a second,
a service that was down for 11 days takes part again."""
MAX_PENDING = 8
"""Reports of one key for later rounds than the current; when another comes, the one that came first is dropped."""


@dataclass(frozen=True)
class Reported:
    """How far a round is after a report. ``digest``: None while it is pending; ``completed``: by this report."""

    round: int
    digest: str | None
    reports: int
    needed: int
    completed: bool

    def to_value(self) -> dict[str, Any]:
        """What an answer says."""
        return {
            "round": self.round,
            "status": "pending" if self.digest is None else "complete",
            "reports": self.reports,
            "needed": self.needed,
            "digest": self.digest,
        }


def current_row(session: Session) -> RoundRow | None:
    """The row of the current round: the one with the greatest number."""
    return session.scalars(select(RoundRow).order_by(RoundRow.number.desc()).limit(1)).first()


def required_row(session: Session) -> RoundRow:
    """``current_row``. Raises: ContextError "no_round"."""
    row = current_row(session)
    if row is None:
        raise ContextError("no oracle round is complete yet", code="no_round")
    return row


def row_of(session: Session, digest: str) -> RoundRow | None:
    """The row of the round with this digest, if there is one."""
    return session.scalars(select(RoundRow).where(RoundRow.digest == digest)).first()


def report(
    session: Session, signed: Signed[Oracle], *, venue: str, now_unix_s: int, skew_s: int, max_age_s: int
) -> Reported:
    """Take one key's report; the M-th makes the round complete, and with that current.

    Raises: ContextError "no_trust", "no_params", "unsigned", "bad_signature", "equivocation" (this key reported another
            thing for this round), "round_closed" (the round, or a later one, is complete), "round_gap", "future_time",
            "earlier_time", "old_round" (no bundle could refer to it), "missing_price"; InputError.
    """
    document = signed.document
    check_venue(document.venue, venue)
    keys = trust.current(session)
    key = reporter(signed, keys)
    known = session.get(ReportRow, (document.round, key))
    if known is not None:
        if known.digest != signed.digest:
            raise ContextError("this key has reported something else for this round", code="equivocation")
    else:
        _check_time(document, now_unix_s, skew_s, max_age_s)
        _check_report(session, signed, threshold=keys.oracle_threshold)
        session.add(
            ReportRow(
                round=document.round, keyid=key, digest=signed.digest, time_unix_s=canonical.parse_time(document.time),
                envelope=envelope_of(signed.envelope).to_bytes(), received_unix_s=now_unix_s,
            )
        )  # fmt: skip
        session.flush()
        _bound_pending(session, key, document.round)
    completed = _complete(session, document, keys, now_unix_s, now_unix_s - max_age_s)
    row = session.get(RoundRow, document.round)
    reports = session.scalar(select(func.count()).where(ReportRow.round == document.round)) or 0
    return Reported(document.round, row.digest if row else None, reports, keys.oracle_threshold, completed)


def _check_time(document: Oracle, now_unix_s: int, skew_s: int, max_age_s: int) -> None:
    time_unix_s = canonical.parse_time(document.time)
    if time_unix_s > now_unix_s + skew_s:
        raise ContextError("the time of the report is in the future", code="future_time")
    if time_unix_s < now_unix_s - max_age_s:
        raise ContextError(f"the time of the report is more than {max_age_s} seconds ago", code="old_round")


def _check_report(session: Session, signed: Signed[Oracle], *, threshold: int) -> None:
    document = signed.document
    row = current_row(session)
    if row is not None:
        if document.round <= row.number:
            raise ContextError("this round, or a later one, is complete: it takes no more reports", code="round_closed")
        if document.round > row.number + MAX_STEP:
            raise ContextError(f"the number of a round is at most {MAX_STEP} above the current one", code="round_gap")
        if canonical.parse_time(document.time) < row.time_unix_s:
            raise ContextError("the time of the report is before that of the current round", code="earlier_time")
    if len(envelope_of(signed.envelope).to_bytes()) * threshold > MAX_ROUND_BYTES:
        raise InputError("the report is too long for a round of this venue")
    params = documents.risk_parameters(parameters.current_row(session).envelope)
    if len(prices(Round((signed,)), params)) < len(params.markets):
        raise ContextError(
            "the report must price every market of the current parameters, below 2^91 atto per lot, and say the open"
            " interest and volatility that rates depend on",
            code="missing_price",
        )


def _bound_pending(session: Session, key: str, newest: int) -> None:
    """Drop what came first of ``key``'s reports that wait, beyond ``MAX_PENDING``; that for ``newest`` came last."""
    row = current_row(session)
    waiting = (ReportRow.keyid == key, ReportRow.round > (row.number if row is not None else 0))
    crowded_out = (
        select(ReportRow.round)
        .where(*waiting, ReportRow.round != newest)
        .order_by(ReportRow.received_unix_s.desc(), ReportRow.round.desc())
        .offset(MAX_PENDING - 1)
    )
    rounds = session.scalars(crowded_out).all()
    session.execute(delete(ReportRow).where(*waiting, ReportRow.round.in_(rounds)))


def _complete(session: Session, latest: Oracle, keys: Trust, now_unix_s: int, earliest_unix_s: int) -> bool:
    """Make the round of ``latest`` if it has its M reports, by keys that are trusted now, of the same markets, none too
    early. What waits for a round before it is dropped: no such round can come."""
    row = current_row(session)
    before = row.number if row is not None else 0
    if latest.round <= before:
        return False
    earliest = max(earliest_unix_s, row.time_unix_s if row is not None else 0)
    pending = session.scalars(
        select(ReportRow)
        .where(ReportRow.round == latest.round, ReportRow.keyid.in_(keys.oracle), ReportRow.time_unix_s >= earliest)
        .order_by(ReportRow.keyid)
    )
    reports = [read(entry.envelope, Oracle) for entry in pending]
    reports = [entry for entry in reports if entry.document.price_of.keys() == latest.price_of.keys()]
    if len(reports) < keys.oracle_threshold:
        return False
    complete = Round(tuple(reports))
    session.add(
        RoundRow(
            number=complete.number, digest=complete.digest, time_unix_s=complete.time_unix_s,
            content=complete.to_bytes(), completed_unix_s=now_unix_s,
        )
    )  # fmt: skip
    session.execute(delete(ReportRow).where(ReportRow.round > before, ReportRow.round < complete.number))
    session.flush()
    return True


def prices(round_: Round, params: RiskParameters) -> PriceBox:
    """From the lower to the upper median of every market of ``params``, outwards to integers, in their order.

    Ends before the first market of which the round does not say all that its rates depend on, or prices beyond every
    box: no box of that market can hold.
    """
    return tuple(_priced(round_, params))


def _priced(round_: Round, params: RiskParameters) -> Iterator[MarketBox]:
    for market in params.markets:
        try:
            yield market.around(price_of(round_, market))
        except (InputError, ContextError):
            return
