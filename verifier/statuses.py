"""The statuses of accounts, kept in the database: edges.py decides, this file reads and writes. Time is an argument."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import and_, case, func, select, update
from sqlalchemy.orm import Session

from zkmargin import canonical

from . import documents, edges, oracle, packed, parameters, trust
from .edges import Edge, Moment, Status, Verdict
from .tables import AccountRow, StateRow, SubmissionRow

SCHEMA = "zkmargin/status/v1"
MAX_STANDING = 32
"""Standing verdicts of one state that are asked; older ones count no more. Bounds the work of a round."""


def moment(session: Session, *, now_unix_s: int, grace_s: int, params_grace_s: int) -> Moment | None:
    """What is current; None before the first round: nothing can be live or stale then."""
    round_row = oracle.current_row(session)
    if round_row is None:
        return None
    params = documents.risk_parameters(parameters.current_row(session).envelope)
    return Moment(
        now_unix_s=now_unix_s,
        round=round_row.number,
        round_unix_s=round_row.time_unix_s,
        prices=packed.pack(oracle.prices(documents.stored_round(round_row.content), params)),
        params_end_unix_s=parameters.ends(session, grace_s=params_grace_s),
        attestation_keys=frozenset(trust.current(session).attestation),
        grace_s=grace_s,
    )


def edge_of(row: Any) -> Edge:
    """The stored edge of an account: of its row, or of a result with the columns ``_EDGE``."""
    return Edge(Status(row.status), row.reason, row.since_round, row.deadline_unix_s, row.live_until_unix_s, row.claim)


def refresh(session: Session, at: Moment, *, seen_round: int, account: str | None = None) -> None:
    """Turn the statuses of all accounts, or of one. ``seen_round``: the round that was current until now."""
    of_one = () if account is None else (AccountRow.id == account,)
    verdicts = _standing(session, account)
    turned = []
    for row in session.execute(select(AccountRow.id, *_EDGE).where(*of_one)):
        identifier, before = row.id, edge_of(row)
        seen = edges.seen(before, clock_unix_s=at.clock_unix_s, round_number=seen_round, grace_s=at.grace_s)
        after = edges.turned(seen, verdicts.get(identifier, []), at)
        if after != before:
            turned.append({"id": identifier} | _columns(after))
    if turned:
        session.execute(update(AccountRow), turned)
        session.expire_all()


def store(row: AccountRow, edge: Edge) -> None:
    """Keep ``edge`` as the status of ``row``."""
    for name, value in _columns(edge).items():
        setattr(row, name, value)


_EDGE = (
    AccountRow.status, AccountRow.reason, AccountRow.since_round, AccountRow.deadline_unix_s,
    AccountRow.live_until_unix_s, AccountRow.claim,
)  # fmt: skip


def _columns(edge: Edge) -> dict[str, Any]:
    return {
        "status": edge.status.value,
        "reason": edge.reason,
        "since_round": edge.since_round,
        "deadline_unix_s": edge.deadline_unix_s,
        "live_until_unix_s": edge.live_until_unix_s,
        "claim": edge.claim,
    }


def _standing(session: Session, account: str | None) -> dict[str, list[Verdict]]:
    """The standing verdicts on current states, newest first."""
    of_one = () if account is None else (AccountRow.id == account,)
    rows = session.execute(
        select(
            SubmissionRow.account, SubmissionRow.claim, SubmissionRow.params_version, SubmissionRow.expiry_unix_s,
            StateRow.attestation_key, SubmissionRow.box,
        )
        .join(AccountRow, and_(AccountRow.id == SubmissionRow.account, AccountRow.seq == SubmissionRow.seq))
        .join(StateRow, and_(StateRow.account == SubmissionRow.account, StateRow.seq == SubmissionRow.seq))
        .where(SubmissionRow.standing, *of_one)
        .order_by(SubmissionRow.n.desc())
    )  # fmt: skip
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for owner, claim, version, expiry_unix_s, key, box in rows:
        verdicts[owner].append(Verdict(claim, version, expiry_unix_s, key, box))
    return verdicts


def retire(session: Session, account: str, seq: int) -> None:
    """Let only the newest standing verdicts of a state stand."""
    standing = select(SubmissionRow.n).where(
        SubmissionRow.account == account, SubmissionRow.seq == seq, SubmissionRow.standing
    )
    oldest_kept = session.scalar(standing.order_by(SubmissionRow.n.desc()).offset(MAX_STANDING - 1).limit(1))
    if oldest_kept is not None:
        session.execute(
            update(SubmissionRow)
            .where(SubmissionRow.account == account, SubmissionRow.seq == seq, SubmissionRow.n < oldest_kept)
            .values(standing=False)
        )


def clock_and_round(session: Session, now_unix_s: int) -> tuple[int, int | None]:
    """The later of this machine's clock and the current round's, and that round's number."""
    row = oracle.current_row(session)
    return (now_unix_s, None) if row is None else (max(now_unix_s, row.time_unix_s), row.number)


def move(session: Session, row: AccountRow, *, now_unix_s: int, grace_s: int) -> None:
    """Turn the status of an account that has a new state."""
    clock_unix_s, number = clock_and_round(session, now_unix_s)
    seen = edges.seen(edge_of(row), clock_unix_s=clock_unix_s, round_number=number, grace_s=grace_s)
    store(row, edges.moved(seen, clock_unix_s=clock_unix_s, round_number=number, grace_s=grace_s))
    session.flush()


def view(row: AccountRow, *, clock_unix_s: int, round_number: int | None, grace_s: int) -> dict[str, Any]:
    """The status document of an account, as it is by ``clock_and_round``."""
    edge = edges.seen(edge_of(row), clock_unix_s=clock_unix_s, round_number=round_number, grace_s=grace_s)
    return {
        "schema": SCHEMA,
        "account": row.id,
        "seq": row.seq,
        "status": edge.status.value,
        "reason": edge.reason,
        "since_round": edge.since_round,
        "deadline": None if edge.deadline_unix_s is None else canonical.format_time(edge.deadline_unix_s),
        "round": round_number,
        "claim": edge.claim,
    }


def count(session: Session, *, now_unix_s: int, grace_s: int) -> dict[str, int]:
    """How many accounts are of each status now: ``edges.seen`` in SQL."""
    clock_unix_s, _ = clock_and_round(session, now_unix_s)
    lapsed = and_(AccountRow.status == Status.LIVE, AccountRow.live_until_unix_s < clock_unix_s)
    seen = case(
        (and_(lapsed, AccountRow.live_until_unix_s + grace_s < clock_unix_s), Status.LIQUIDATABLE.value),
        (lapsed, Status.STALE.value),
        (AccountRow.deadline_unix_s < clock_unix_s, Status.LIQUIDATABLE.value),
        else_=AccountRow.status,
    )
    rows = session.execute(select(seen, func.count()).group_by(seen)).all()
    return {status.value: 0 for status in Status} | {str(status): int(number) for status, number in rows}
