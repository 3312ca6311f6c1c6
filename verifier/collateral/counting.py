"""Whether the locks that a request counts may count now: asked when a proof comes, and again when it is booked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.bundle import Collateral, CountedLock
from zkmargin.collateral import Chains
from zkmargin.collateral.leaf import ACCOUNT, COMMITMENT
from zkmargin.errors import ContextError

from . import classes, registry, standing
from .standing import LockState, UsedLock
from .tables import EXPIRY_UNIX_S, SEEN_UNIX_S, ChainRow, LockRow, RegistryRow, SubmissionLockRow

_WHY_NOT = {
    standing.EXPIRED: "the evidence of a lock has expired: wait for a checkpoint that has it",
    standing.COEFFICIENT: "a coefficient is above what a lot of its class may count at now: prove with a smaller one",
    standing.FROZEN: "the chain of a lock is frozen: its attestors contradict each other",
}
_DROPPED = "the attestors have revoked a lock: leave it out"


@dataclass(frozen=True)
class Counted:
    """What a request counts, by a version of the registry that is in force."""

    registry: Chains
    version: int
    locks: tuple[CountedLock, ...]


def check(session: Session, collateral: Collateral, account: str, *, clock_unix_s: int, grace_s: int) -> Counted:
    """Every lock is ``account``'s, of that class and commitment, and counts at its coefficient now.

    Raises: ContextError "unknown_registry", "old_registry"; "collateral_unattested", "collateral_mismatch";
            "chain_frozen", "collateral_reorged", "collateral_released", "collateral_seized", "collateral_expired",
            "collateral_coefficient".
    """
    row = _registry(session, collateral.registry, clock_unix_s, grace_s)
    terms = classes.terms(session)
    kept = _kept(session, [lock.tag for lock in collateral.locks])
    for lock in collateral.locks:
        if lock.tag not in kept:
            raise ContextError("no attestor said anything of a lock with this tag", code="collateral_unattested")
        class_, leaf, state, frozen_set, seen_unix_s, expiry_unix_s = kept[lock.tag]
        pledged = canonical.to_hex(leaf[ACCOUNT]), class_, canonical.to_hex(leaf[COMMITMENT])
        if pledged != (account, lock.class_, lock.commitment):
            raise ContextError(
                "a lock is another account's, or of another class or commitment than the request says",
                code="collateral_mismatch",
            )
        used = UsedLock(
            lock.tag, lock.class_, int(lock.coefficient), LockState(state), frozen_set is not None,
            seen_unix_s, expiry_unix_s,
        )  # fmt: skip
        reason = standing.why_not(used, terms, clock_unix_s)
        if reason is not None:
            raise ContextError(_WHY_NOT.get(reason, _DROPPED), code=reason)
    return Counted(registry.stored(row.envelope).document, row.version, collateral.locks)


def keep(session: Session, n: int, counted: Counted) -> None:
    """Note which locks submission ``n`` counts."""
    session.add_all(
        SubmissionLockRow(n=n, tag=lock.tag, class_=lock.class_, coefficient_atto=lock.coefficient)
        for lock in counted.locks
    )
    session.flush()


def _registry(session: Session, digest: str, clock_unix_s: int, grace_s: int) -> RegistryRow:
    row = registry.row_of(session, digest)
    if row is None:
        raise ContextError("the request refers to a registry that was never published here", code="unknown_registry")
    end_unix_s = registry.ends(session, grace_s=grace_s).get(row.version)
    if end_unix_s is not None and clock_unix_s > end_unix_s:
        raise ContextError("the request refers to a registry that is no longer in force", code="old_registry")
    return row


def _kept(session: Session, tags: list[str]) -> dict[str, list[Any]]:
    rows = session.execute(
        select(
            LockRow.tag, LockRow.class_, LockRow.leaf, LockRow.state,
            ChainRow.frozen_set, SEEN_UNIX_S, EXPIRY_UNIX_S,
        )
        .join(ChainRow, ChainRow.chain == LockRow.chain)
        .where(LockRow.tag.in_(tags))
    )  # fmt: skip
    return {tag: members for tag, *members in rows}
