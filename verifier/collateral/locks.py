"""Locks by their tags: what checkpoints say of them. A tag has one account, commitment and class, for ever.

Where the leaf of a checkpoint says otherwise it is passed over and told of, not refused with all the others: anyone can
make two locks of one secret, and must not hold up a chain with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.orm import Session

from zkmargin.collateral import Chains, Leaf, Revocation
from zkmargin.errors import ContextError

from ..tables import Table
from .standing import LockState
from .tables import LockRow

_TAGS_AT_A_TIME = 500
_TABLE = Table.metadata.tables[LockRow.__tablename__]
_RENEW = (
    update(_TABLE)
    .where(_TABLE.c.tag == bindparam("of"))
    .values({name: bindparam(name) for name in ("state", "epoch", "seen_unix_s", "expiry_unix_s")})
)
_REVOKE = (
    update(_TABLE).where(_TABLE.c.tag == bindparam("of")).values(state=bindparam("state"), epoch=bindparam("epoch"))
)
Kept = Row[str, str, str, str, str, int]
"""What ``known`` tells of a lock, in that order."""
_OVER = tuple(state.value for state in LockState if state.is_over)


class Pledged(NamedTuple):
    """What a tag stands for, for ever; ``commitment`` is a point, or is known here."""

    tag: str
    account: str
    class_: str
    commitment: str


class Seen(NamedTuple):
    """Which checkpoint speaks of a lock: chain, epoch, time of its block, and until when its leaves count."""

    chain: str
    epoch: int
    block_unix_s: int
    expiry_unix_s: int


@dataclass(frozen=True)
class Counts:
    """What a checkpoint changed. ``double_pledges``: leaves of a tag that is another account's, commitment's or
    class's; ``over``: leaves of locks that were released or seized."""

    registered: int = 0
    renewed: int = 0
    revoked: int = 0
    double_pledges: int = 0
    over: int = 0


def pledged(leaf: Leaf, chain: str, registry: Chains) -> Pledged:
    """What ``leaf``, which was checked, says for ever. Raises: ContextError "unknown_class"."""
    class_ = registry.class_of_asset(chain, leaf.asset).name
    return Pledged(_hex(leaf.tag), _hex(leaf.account), class_, _hex(leaf.commitment))


def known(session: Session, tags: Iterable[str]) -> dict[str, Kept]:
    """Tag, account, class, commitment, state and epoch of those of ``tags`` that are registered."""
    query = select(
        _TABLE.c.tag, _TABLE.c.account, _TABLE.c["class"], _TABLE.c.commitment, _TABLE.c.state, _TABLE.c.epoch
    )
    connection, found = session.connection(), {}
    for some in _in_parts(tags):
        for row in connection.execute(query.where(_TABLE.c.tag.in_(some))):
            found[row[0]] = row
    return found


def apply(session: Session, seen: Seen, leaves: Sequence[Pledged], revocations: Sequence[Revocation]) -> Counts:
    """Register and renew the locks of ``leaves``, then drop the revoked ones; of those only locks of this chain.

    The points of the leaves were decoded before, and their tags are not revoked by the same checkpoint.
    """
    session.flush()  # what is expired below is on the way to the database already
    before = known(session, (leaf.tag for leaf in leaves))
    new: list[dict[str, object]] = []
    renewed: list[dict[str, object]] = []
    double_pledges = over = 0
    final: dict[str, object] = {"state": LockState.FINAL.value, "epoch": seen.epoch}
    final |= {"seen_unix_s": seen.block_unix_s, "expiry_unix_s": seen.expiry_unix_s}
    for leaf in leaves:
        row = before.get(leaf.tag)
        if row is None:
            new.append(_row(leaf, seen))
        elif row[1:4] != leaf[1:4]:
            double_pledges += 1
        elif row[4] in _OVER:
            over += 1
        else:
            renewed.append({"of": leaf.tag} | final)
    connection = session.connection()
    if new:
        connection.execute(insert(_TABLE), new)
    if renewed:
        connection.execute(_RENEW, renewed)
    revoked = _revoke(session, seen, revocations)
    session.expire_all()
    return Counts(len(new), len(renewed), revoked, double_pledges, over)


def register(session: Session, seen: Seen, lock: Pledged) -> bool:
    """Register or renew one lock, of which evidence was shown by itself; whether that changed anything.

    Raises: ContextError "double_pledge", "collateral_released", "collateral_seized", "collateral_reorged" (by this very
            checkpoint).
    """
    row = known(session, [lock.tag]).get(lock.tag)
    if row is not None:
        if row[1:4] != lock[1:4]:
            raise ContextError(
                "this tag is pledged already, for another account, commitment or class", code="double_pledge"
            )
        state, epoch = LockState(row[4]), row[5]
        if state.is_over or (state is LockState.REORGED and epoch >= seen.epoch):
            raise ContextError("the attestors have revoked this lock", code=f"collateral_{state.value}")
        if state is LockState.FINAL and epoch == seen.epoch:
            return False
    apply(session, seen, [lock], [])
    return True


def void(session: Session, chain: str, *, now_unix_s: int) -> None:
    """No evidence of a lock of ``chain`` lives on."""
    session.flush()
    ended = update(_TABLE).where(_TABLE.c.chain == chain, _TABLE.c.expiry_unix_s > now_unix_s)
    session.connection().execute(ended.values(expiry_unix_s=now_unix_s))
    session.expire_all()


def _revoke(session: Session, seen: Seen, revocations: Sequence[Revocation]) -> int:
    reasons = {revocation.tag: revocation.reason for revocation in revocations}
    query = select(LockRow.tag).where(LockRow.chain == seen.chain, LockRow.state.not_in(_OVER))
    dropped = []
    for some in _in_parts(reasons):
        for tag in session.scalars(query.where(LockRow.tag.in_(some))):
            dropped.append({"of": tag, "state": LockState(reasons[tag]).value, "epoch": seen.epoch})
    if dropped:
        session.connection().execute(_REVOKE, dropped)
    return len(dropped)


def _row(leaf: Pledged, seen: Seen) -> dict[str, object]:
    return {
        "tag": leaf.tag, "account": leaf.account, "class": leaf.class_, "commitment": leaf.commitment,
        "chain": seen.chain, "state": LockState.FINAL.value, "first_epoch": seen.epoch, "epoch": seen.epoch,
        "seen_unix_s": seen.block_unix_s, "expiry_unix_s": seen.expiry_unix_s,
    }  # fmt: skip


def _in_parts(tags: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """As many at a time as one statement takes well."""
    rest = iter(tags)
    while some := tuple(islice(rest, _TAGS_AT_A_TIME)):
        yield some


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
