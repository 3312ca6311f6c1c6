"""Which locks the standing verdicts of accounts count, with what is known of those locks now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from ..tables import AccountRow, SubmissionRow
from .standing import LockState, UsedLock
from .tables import EXPIRY_UNIX_S, SEEN_UNIX_S, ChainRow, LockRow, SubmissionLockRow

_STATE = {state.value: state for state in LockState}
_ROWS_AT_A_TIME = 256

_NONE: tuple[str, Iterator[Any]] = ("", iter(()))

Locks = tuple[UsedLock, ...]


class Used:
    """The locks behind the standing verdicts of the accounts ``of``, read along in the order of accounts."""

    def __init__(self, session: Session, of: ColumnElement[bool]) -> None:
        rows = session.execute(
            select(
                AccountRow.id, SubmissionLockRow.n,
                SubmissionLockRow.tag, SubmissionLockRow.class_, SubmissionLockRow.coefficient_atto,
                LockRow.state, ChainRow.frozen_set, SEEN_UNIX_S, EXPIRY_UNIX_S,
            )
            .join(SubmissionRow, SubmissionRow.n == SubmissionLockRow.n)
            .join(AccountRow, and_(AccountRow.id == SubmissionRow.account, AccountRow.seq == SubmissionRow.seq))
            .join(LockRow, LockRow.tag == SubmissionLockRow.tag)
            .join(ChainRow, ChainRow.chain == LockRow.chain)
            .where(SubmissionRow.standing, of)
            .order_by(AccountRow.id, SubmissionLockRow.n, SubmissionLockRow.tag)
            .execution_options(yield_per=_ROWS_AT_A_TIME)
        )  # fmt: skip
        self._groups: Iterator[tuple[str, Iterator[Any]]] = groupby(rows, key=itemgetter(0))
        self._account, self._rows = next(self._groups, _NONE)

    def by(self, account: str) -> Mapping[int, Locks]:
        """Locks of ``account`` by the number of the submission. Asked of accounts in ascending order, each once."""
        while self._account and self._account < account:
            self._account, self._rows = next(self._groups, _NONE)
        if self._account != account:
            return {}
        found = {n: tuple(map(_used, rows)) for n, rows in groupby(self._rows, key=itemgetter(1))}
        self._account, self._rows = next(self._groups, _NONE)
        return found


def by_lock(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The accounts of which a standing verdict counts a lock that meets ``condition``."""
    return AccountRow.id.in_(
        select(SubmissionRow.account)
        .join(SubmissionLockRow, SubmissionLockRow.n == SubmissionRow.n)
        .join(LockRow, LockRow.tag == SubmissionLockRow.tag)
        .where(SubmissionRow.standing, condition)
    )


def _used(row: Any) -> UsedLock:
    _, _, tag, class_, coefficient, state, frozen_set, seen_unix_s, expiry_unix_s = row
    return UsedLock(tag, class_, int(coefficient), _STATE[state], frozen_set is not None, seen_unix_s, expiry_unix_s)
