"""The statuses of accounts, kept in the database: edges.py decides, this file reads and writes. Time is an argument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, select, true, update
from sqlalchemy.orm import Session

from zkmargin import canonical

from . import documents, edges, oracle, packed, parameters, trust
from .collateral import classes, registry, usage
from .edges import Edge, Moment, Status, Verdict
from .tables import AccountRow, StateRow, SubmissionRow, Table

SCHEMA = "zkmargin/status/v1"
MAX_STANDING = 32
"""Standing verdicts of one state that are asked (``retire``). Bounds the work of a round."""
_ROWS_AT_A_TIME = 64


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
        registry_end_unix_s=registry.ends(session, grace_s=params_grace_s),
        terms=classes.terms(session),
    )


def edge_of(row: AccountRow) -> Edge:
    """The stored edge of an account."""
    return Edge(Status(row.status), *(getattr(row, name) for name in Edge._fields[1:]))


def store(row: AccountRow, edge: Edge) -> None:
    """Keep ``edge`` as the status of ``row``."""
    for name, value in edge._asdict().items():
        setattr(row, name, value)


_EDGE = tuple(getattr(AccountRow, name) for name in Edge._fields)
_STATUS = {status.value: status for status in Status}
_KEEP = (
    update(Table.metadata.tables[AccountRow.__tablename__])
    .where(AccountRow.id == bindparam("of"))
    .values({name: bindparam(name) for name in Edge._fields})
)


def refresh(session: Session, at: Moment, *, seen_round: int, of: ColumnElement[bool] | None = None) -> None:
    """Turn the statuses of all accounts, or ``of`` some. ``seen_round``: the round that was current until now."""
    turned = []
    for identifier, before, verdicts in _stored(session, true() if of is None else of):
        seen = edges.seen(before, clock_unix_s=at.clock_unix_s, round_number=seen_round, grace_s=at.grace_s)
        after = edges.turned(seen, verdicts, at)
        if after != before:
            turned.append({"of": identifier} | after._asdict())
    if turned:
        session.connection().execute(_KEEP, turned)
        session.expire_all()


_VERDICT = (
    SubmissionRow.claim, SubmissionRow.params_version, SubmissionRow.expiry_unix_s, StateRow.attestation_key,
    SubmissionRow.box, SubmissionRow.registry_version,
)  # fmt: skip
"""The members of a ``Verdict`` but its locks."""
_BOX = 4


def _verdict(members: Sequence[Any], locks: usage.Locks) -> Verdict:
    return Verdict._make((*members, locks))


def _stored(session: Session, of: ColumnElement[bool]) -> Iterator[tuple[str, Edge, list[Verdict]]]:
    """Accounts with their edges and the standing verdicts on their current states, newest first.

    In the order of identifiers, a few rows at a time: the boxes of all accounts together may not fit into memory.
    """
    query = (
        select(AccountRow.id, *_EDGE, SubmissionRow.n, *_VERDICT)
        .outerjoin(
            SubmissionRow,
            and_(SubmissionRow.account == AccountRow.id, SubmissionRow.seq == AccountRow.seq, SubmissionRow.standing),
        )
        .outerjoin(StateRow, and_(StateRow.account == AccountRow.id, StateRow.seq == AccountRow.seq))
        .where(of)
        .order_by(AccountRow.id, SubmissionRow.n)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    used = usage.Used(session, of)
    first, n, verdict = 1, 1 + len(_EDGE), 2 + len(_EDGE)
    for identifier, rows in groupby(session.execute(query), key=itemgetter(0)):
        found = list(rows)
        status, *members = found[0][first:n]
        locks = used.by(identifier)
        verdicts = [
            _verdict(row[verdict:], locks.get(row[n], ())) for row in reversed(found) if row[verdict + _BOX] is not None
        ]
        yield identifier, Edge(_STATUS[status], *members), verdicts


def retire(session: Session, account: str, seq: int) -> None:
    """Let at most ``MAX_STANDING`` verdicts of a state stand: those that matter most, and always the newest."""
    rows = session.execute(
        select(SubmissionRow.n, *_VERDICT)
        .join(StateRow, and_(StateRow.account == SubmissionRow.account, StateRow.seq == SubmissionRow.seq))
        .where(SubmissionRow.account == account, SubmissionRow.seq == seq, SubmissionRow.standing)
        .order_by(SubmissionRow.n.desc())
    ).all()
    locks = usage.Used(session, AccountRow.id == account).by(account)
    standing = {row[0]: _verdict(row[1:], locks.get(row[0], ())) for row in rows}
    while len(standing) > MAX_STANDING:
        numbers = list(standing)
        n = numbers[edges.least_needed(list(standing.values()))]
        del standing[n]
        session.execute(update(SubmissionRow).where(SubmissionRow.n == n).values(standing=False))


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
