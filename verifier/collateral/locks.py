"""Locks by their tags: what checkpoints say of them. A tag has one account, commitment and class, for ever.

Where the leaf of a checkpoint says otherwise it is passed over and told of, not refused with all the others: anyone can
make two locks of one secret, and must not hold up a chain with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from zkmargin.collateral import Chains, Leaf, Revocation
from zkmargin.errors import ContextError

from ..tables import Table
from .standing import LockState
from .tables import LockRow

_TAGS_AT_A_TIME = 500
_TABLE = Table.metadata.tables[LockRow.__tablename__]
_PLEDGED = (_TABLE.c.tag, _TABLE.c.account, _TABLE.c["class"], _TABLE.c.commitment)
_OF = update(_TABLE).where(_TABLE.c.tag == bindparam("of"))
_CHANGE = _OF.values({name: bindparam(name) for name in ("state", "epoch", "seen_unix_s", "expiry_unix_s")})
_REVOKE = _OF.values(state=bindparam("state"), epoch=bindparam("epoch"))
_OVER = tuple(state.value for state in LockState if state.is_over)
_HERE = {"epoch": None, "seen_unix_s": None, "expiry_unix_s": None}
"""A lock of which the last checkpoint has a leaf (tables.py)."""


class Pledged(NamedTuple):
    """What a tag stands for, for ever."""

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


@dataclass(frozen=True)
class Known:
    """What is registered of some locks. ``current``: those of the chain that its last checkpoint has. ``others``: state
    and epoch of those beside that were asked for."""

    current: Mapping[tuple[str, str, str, str], None]
    others: Mapping[tuple[str, str, str, str], tuple[str, int | None]]

    def pledge_of(self) -> dict[str, tuple[str, str, str, str]]:
        """What each tag is pledged as."""
        return {pledged[0]: pledged for pledged in (*self.current, *self.others)}


def pledged(leaves: Iterable[Leaf], chain: str, registry: Chains) -> list[Pledged]:
    """What ``leaves``, which were checked, say for ever. Raises: ContextError "unknown_class"."""
    names: dict[bytes, str] = {}
    found = []
    for leaf in leaves:
        name = names.get(leaf.asset)
        if name is None:
            name = names[leaf.asset] = registry.class_of_asset(chain, leaf.asset).name
        found.append(Pledged(f"0x{leaf.tag.hex()}", f"0x{leaf.account.hex()}", name, f"0x{leaf.commitment.hex()}"))
    return found


def commitments(session: Session, chain: str) -> set[str]:
    """The commitments of the locks that the last checkpoint of ``chain`` has."""
    return set(session.scalars(select(_TABLE.c.commitment).where(_TABLE.c.chain == chain, _TABLE.c.epoch.is_(None))))


def known(session: Session, chain: str, leaves: Sequence[Pledged]) -> Known:
    """What is registered of the tags of ``leaves``, and whatever the last checkpoint of ``chain`` has."""
    connection = session.connection()
    rows = connection.execute(select(*_PLEDGED).where(_TABLE.c.chain == chain, _TABLE.c.epoch.is_(None))).all()
    current: dict[tuple[str, str, str, str], None] = dict.fromkeys(map(tuple, rows))
    here = {row[0] for row in rows}
    query, others = select(*_PLEDGED, _TABLE.c.state, _TABLE.c.epoch), {}
    for tags in _in_parts(leaf.tag for leaf in leaves if leaf.tag not in here):
        for *of, state, epoch in connection.execute(query.where(_TABLE.c.tag.in_(tags))):
            others[tuple(of)] = state, epoch
    return Known(current, others)


def apply(
    session: Session,
    epoch: int,
    chain: str,
    before: Seen | None,
    leaves: Sequence[Pledged],
    revocations: Sequence[Revocation],
) -> Counts:
    """Register and renew the locks of ``leaves``, let go of those of ``before`` that are not among them, and drop the
    revoked ones; of all that only locks of ``chain``.

    The points of the leaves were decoded before, and their tags are not revoked by the same checkpoint.
    """
    session.flush()  # what is expired below is on the way to the database already
    found = known(session, chain, leaves)
    gone = found.current.keys() - set(leaves)
    counted = _book(session, epoch, chain, found, [leaf for leaf in leaves if leaf not in found.current])
    if before is not None:
        last = {"epoch": before.epoch, "seen_unix_s": before.block_unix_s, "expiry_unix_s": before.expiry_unix_s}
        _run(session, _CHANGE, [{"of": tag, "state": LockState.FINAL.value} | last for tag, *_ in gone])
    revoked = _revoke(session, epoch, chain, revocations)
    session.expire_all()
    renewed = len(found.current) - len(gone) + counted.renewed
    return Counts(counted.registered, renewed, revoked, counted.double_pledges, counted.over)


def register(session: Session, epoch: int, chain: str, lock: Pledged) -> bool:
    """Register or renew one lock, of which evidence at the last checkpoint of ``chain``, of ``epoch``, was shown by
    itself; whether that changed anything.

    Raises: ContextError "double_pledge", "collateral_released", "collateral_seized", "collateral_reorged" (by this very
            checkpoint).
    """
    found = known(session, chain, [lock])
    pledge = found.pledge_of().get(lock.tag)
    if pledge is not None and pledge != lock:
        raise ContextError(
            "this tag is pledged already, for another account, commitment or class", code="double_pledge"
        )
    if lock in found.current:
        return False
    if pledge is not None:
        state, last = LockState(found.others[lock][0]), found.others[lock][1]
        if state.is_over or (state is LockState.REORGED and last is not None and last >= epoch):
            raise ContextError("the attestors have revoked this lock", code=f"collateral_{state.value}")
    _book(session, epoch, chain, found, [lock])
    session.expire_all()
    return True


def void(session: Session, chain: str, *, now_unix_s: int) -> None:
    """No evidence of a lock of ``chain`` lives on; that of the last checkpoint ends with the chain's own."""
    session.flush()
    ended = update(_TABLE).where(_TABLE.c.chain == chain, _TABLE.c.expiry_unix_s > now_unix_s)
    session.connection().execute(ended.values(expiry_unix_s=now_unix_s))
    session.expire_all()


def _book(session: Session, epoch: int, chain: str, found: Known, leaves: Sequence[Pledged]) -> Counts:
    """Register what is new of ``leaves``, and take back what was here before; none of them is current."""
    pledges, new, back, double_pledges, over = found.pledge_of() if leaves else {}, [], [], 0, 0
    for leaf in leaves:
        if leaf.tag not in pledges:
            new.append(_row(leaf, epoch, chain))
        elif pledges[leaf.tag] != leaf:
            double_pledges += 1
        elif found.others[leaf][0] in _OVER:
            over += 1
        else:
            back.append({"of": leaf.tag, "state": LockState.FINAL.value} | _HERE)
    _run(session, insert(_TABLE), new)
    _run(session, _CHANGE, back)
    return Counts(registered=len(new), renewed=len(back), double_pledges=double_pledges, over=over)


def _revoke(session: Session, epoch: int, chain: str, revocations: Sequence[Revocation]) -> int:
    reasons = {revocation.tag: revocation.reason for revocation in revocations}
    query = select(_TABLE.c.tag).where(_TABLE.c.chain == chain, _TABLE.c.state.not_in(_OVER))
    dropped = []
    for tags in _in_parts(reasons):
        for (tag,) in session.connection().execute(query.where(_TABLE.c.tag.in_(tags))):
            dropped.append({"of": tag, "state": LockState(reasons[tag]).value, "epoch": epoch})
    _run(session, _REVOKE, dropped)
    return len(dropped)


def _run(session: Session, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.connection().execute(statement, rows)


def _row(leaf: Pledged, epoch: int, chain: str) -> dict[str, Any]:
    return {
        "tag": leaf.tag, "account": leaf.account, "class": leaf.class_, "commitment": leaf.commitment, "chain": chain,
        "state": LockState.FINAL.value, "first_epoch": epoch,
    } | _HERE  # fmt: skip


def _in_parts(tags: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """As many at a time as one statement takes well."""
    rest = iter(tags)
    while some := tuple(islice(rest, _TAGS_AT_A_TIME)):
        yield some
