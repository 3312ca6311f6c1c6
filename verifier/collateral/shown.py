"""Evidence of one lock, as anyone can check it: its leaf, and the path to the root that attestors signed.

Only of a lock that counts by the last checkpoint of its chain: of an earlier one the leaves are not kept, and what has
been revoked since would still look like evidence.
"""

from __future__ import annotations

from bisect import bisect_left

from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.collateral import EXPIRY_BYTES, CollateralLock, Leaf, LeafFields, merkle
from zkmargin.errors import ContextError

from . import checkpoints, registry
from .standing import LockState, evidence_end_unix_s
from .tables import ChainRow, CheckpointRow, LockRow, TreeRow

_HASH_BYTES = 32


def evidence(session: Session, tag: str, *, now_unix_s: int) -> CollateralLock:
    """The evidence of the lock of ``tag``, which ``check_lock`` accepts now.

    Raises: ContextError "unknown_lock"; "collateral_reorged", "collateral_released", "collateral_seized",
            "collateral_expired", "chain_frozen": it does not count; "no_leaf": the last checkpoint has none of it.
    Cost:   one tree of hashes; some 15 ms for 8192 leaves.
    """
    row = session.get(LockRow, tag)
    if row is None:
        raise ContextError("no lock with this tag was attested here", code="unknown_lock")
    chain = session.get_one(ChainRow, row.chain)
    if row.state != LockState.FINAL.value:
        raise ContextError("the lock counts no more: there is no evidence of it", code=f"collateral_{row.state}")
    if chain.frozen_set is not None:
        raise ContextError("the chain is frozen: nothing on it counts", code="chain_frozen")
    max_age_s = registry.current(session).chain_of(row.chain).max_age_s
    if now_unix_s >= evidence_end_unix_s(chain.block_unix_s, chain.expiry_unix_s, max_age_s):
        raise ContextError("the last checkpoint of the chain has expired", code="collateral_expired")
    checkpoint_row = session.get_one(CheckpointRow, (row.chain, chain.epoch, chain.digest))
    signed = checkpoints.stored(checkpoint_row)
    leaf = Leaf.from_bytes(row.leaf + signed.checkpoint.expiry.to_bytes(EXPIRY_BYTES, "big"))
    hashes = _hashes(session, row.chain)
    index = bisect_left(hashes, leaf.hash)
    # Not there: the lock was shown by a storage proof, or not all attestors of the last quorum saw it.
    if hashes[index : index + 1] != [leaf.hash]:
        raise ContextError("the last checkpoint of the chain has no leaf of this lock", code="no_leaf")
    return CollateralLock(
        kind="tag",
        chain=row.chain,
        leaf=LeafFields.of(leaf),
        index=index,
        path=tuple(map(canonical.to_hex, merkle.path(hashes, index))),
        checkpoint=signed.checkpoint,
        signatures=signed.signatures,
    )


def _hashes(session: Session, chain: str) -> list[bytes]:
    joined = session.get_one(TreeRow, chain).hashes
    return [joined[at : at + _HASH_BYTES] for at in range(0, len(joined), _HASH_BYTES)]
