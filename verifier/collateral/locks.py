"""Locks by their tags: what checkpoints say of them. A tag has one account, commitment and class, for ever.

Where the leaf of a checkpoint says otherwise it is passed over and told of, not refused with all the others: anyone can
make two locks of one secret, and must not hold up a chain with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.collateral import EXPIRY_BYTES, KIND_TAG, Chains, Leaf, Revocation
from zkmargin.errors import ContextError

from ..tables import Table
from .standing import LockState
from .tables import ChainRow, LockRow

_TAGS_AT_A_TIME = 500
_TABLE = Table.metadata.tables[LockRow.__tablename__]
_OF = update(_TABLE).where(_TABLE.c.tag == bindparam("of"))
_CHANGE = _OF.values({name: bindparam(name) for name in ("state", "epoch", "seen_unix_s", "expiry_unix_s")})
_REVOKE = _OF.values(state=bindparam("state"), epoch=bindparam("epoch"))
_OVER = tuple(state.value for state in LockState if state.is_over)
_HERE = {"epoch": None, "seen_unix_s": None, "expiry_unix_s": None}
"""A lock of which the last checkpoint has a leaf (tables.py)."""


class Pledged(NamedTuple):
    """What a tag stands for, for ever: the leaf as tables.py keeps it, which has account and commitment."""

    tag: str
    class_: str
    leaf: bytes


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


def pledged(leaves: Iterable[Leaf], chain: str, registry: Chains) -> list[Pledged]:
    """What ``leaves``, which were checked, say for ever. Raises: ContextError "unknown_class"."""
    return [
        Pledged(
            canonical.to_hex(leaf.tag),
            registry.class_of_asset(chain, leaf.asset).name,
            (leaf if leaf.kind == KIND_TAG else replace(leaf, kind=KIND_TAG)).to_bytes()[:-EXPIRY_BYTES],
        )
        for leaf in leaves
    ]


def current(session: Session, chain: str) -> dict[bytes, str]:
    """The leaves that the last checkpoint of ``chain`` has, but their expiry, and their tags."""
    query = select(_TABLE.c.leaf, _TABLE.c.tag).where(_TABLE.c.chain == chain, _TABLE.c.epoch.is_(None))
    return dict(map(tuple, session.connection().execute(query).all()))


def apply(
    session: Session,
    epoch: int,
    chain: str,
    before: Seen | None,
    kept: AbstractSet[bytes],
    others: Sequence[Pledged],
    revocations: Sequence[Revocation],
) -> Counts:
    """Renew the locks of the last checkpoint that this one has too, let go of those that it has not, register or take
    back the ``others`` that it has, and drop the revoked ones; of all that only locks of ``chain``.

    Args:   kept: leaves that the last checkpoint had when this one was examined.   others: those that it had not; their
            points were decoded. No tag of either is revoked by the same checkpoint.
    Raises: ContextError "registry_moved": the last checkpoint has one of ``kept`` no more.
    """
    session.flush()  # what is expired below is on the way to the database already
    found = current(session, chain)
    if not kept <= found.keys():
        raise ContextError("locks changed while the checkpoint was checked: send it again", code="registry_moved")
    has = kept | {leaf.leaf for leaf in others}
    gone = [tag for leaf, tag in found.items() if leaf not in has]
    counted = _book(session, epoch, chain, [leaf for leaf in others if leaf.leaf not in found])
    if before is not None:
        last = {"epoch": before.epoch, "seen_unix_s": before.block_unix_s, "expiry_unix_s": before.expiry_unix_s}
        _run(session, _CHANGE, [{"of": tag, "state": LockState.FINAL.value} | last for tag in gone])
    revoked = _revoke(session, epoch, chain, revocations)
    session.expire_all()
    renewed = len(found) - len(gone) + counted.renewed
    return Counts(counted.registered, renewed, revoked, counted.double_pledges, counted.over)


def register(session: Session, epoch: int, chain: str, lock: Pledged) -> bool:
    """Register or renew one lock, of which evidence at the last checkpoint of ``chain``, of ``epoch``, was shown by
    itself; whether that changed anything.

    Raises: ContextError "double_pledge", "collateral_released", "collateral_seized", "collateral_reorged" (by this very
            checkpoint).
    """
    row = session.get(LockRow, lock.tag)
    if row is not None:
        if row.leaf != lock.leaf:
            raise ContextError(
                "this tag is pledged already, for another account, commitment or class", code="double_pledge"
            )
        if row.epoch is None:
            return False
        state = LockState(row.state)
        if state.is_over or (state is LockState.REORGED and row.epoch >= epoch):
            raise ContextError("the attestors have revoked this lock", code=f"collateral_{state.value}")
    _book(session, epoch, chain, [lock])
    session.expire_all()
    return True


def seizing(session: Session, tag: str) -> bool:
    """End the lock of ``tag`` by the venue's word, as if attestors had seen it seized; whether that changed anything.

    Raises: ContextError "unknown_lock", "collateral_released": there is nothing to seize.
    """
    row = session.get(LockRow, tag)
    if row is None:
        raise ContextError("no lock with this tag was attested here", code="unknown_lock")
    if row.state == LockState.RELEASED.value:
        raise ContextError("the lock was released: there is nothing to seize", code="collateral_released")
    changed = row.state != LockState.SEIZED.value
    row.state = LockState.SEIZED.value
    if row.epoch is None:  # of the last checkpoint's locks it is none any more
        row.epoch = session.get_one(ChainRow, row.chain).epoch
    session.flush()
    return changed


def void(session: Session, chain: str, *, before_epoch: int | None = None, now_unix_s: int) -> None:
    """No evidence of a lock of ``chain`` lives on, or none of a checkpoint ``before_epoch``; that of the last
    checkpoint ends with the chain's own."""
    session.flush()
    ended = update(_TABLE).where(_TABLE.c.chain == chain, _TABLE.c.expiry_unix_s > now_unix_s)
    if before_epoch is not None:
        ended = ended.where(_TABLE.c.epoch < before_epoch)
    session.connection().execute(ended.values(expiry_unix_s=now_unix_s))
    session.expire_all()


def _book(session: Session, epoch: int, chain: str, leaves: Sequence[Pledged]) -> Counts:
    """Register what is new of ``leaves``, and take back what was here before; none of them is current."""
    known, new, back, double_pledges, over = _known(session, leaves), [], [], 0, 0
    for leaf in leaves:
        if leaf.tag not in known:
            new.append(_row(leaf, epoch, chain))
            continue
        pledge, state = known[leaf.tag]
        if pledge != leaf.leaf:
            double_pledges += 1
        elif state in _OVER:
            over += 1
        else:
            back.append({"of": leaf.tag, "state": LockState.FINAL.value} | _HERE)
    _run(session, insert(_TABLE), new)
    _run(session, _CHANGE, back)
    return Counts(registered=len(new), renewed=len(back), double_pledges=double_pledges, over=over)


def _known(session: Session, leaves: Sequence[Pledged]) -> dict[str, tuple[bytes, str]]:
    """What is registered under the tags of ``leaves``, on whatever chain: leaf and state."""
    query, found = select(_TABLE.c.tag, _TABLE.c.leaf, _TABLE.c.state), {}
    for tags in _in_parts(leaf.tag for leaf in leaves):
        for tag, leaf, state in session.connection().execute(query.where(_TABLE.c.tag.in_(tags))):
            found[tag] = leaf, state
    return found


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
    row = {"tag": leaf.tag, "class": leaf.class_, "leaf": leaf.leaf, "chain": chain}
    return row | {"state": LockState.FINAL.value, "first_epoch": epoch}  # and what is null while it is here


def _in_parts(tags: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """As many at a time as one statement takes well."""
    rest = iter(tags)
    while some := tuple(islice(rest, _TAGS_AT_A_TIME)):
        yield some
