"""The tree over the leaves of a checkpoint: SHA-256, sorted, without repeats, filled up with zeros.

    leaf hash = SHA-256(00 | leaf)      node = SHA-256(01 | left | right)      no leaves: 32 zero bytes

The hashes stand in ascending order, each once, then zeros up to 2^d of them, d as small as it can be. A path has
exactly d hashes and its index is below the count: so no node passes for a leaf, and no zero either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

from ..errors import ContextError, EncodingError

EMPTY_ROOT = bytes(32)
MAX_LEAVES = 2**20


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(00 | leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def depth(count: int) -> int:
    """d: the length of every path in a tree of ``count`` leaves."""
    return max(count - 1, 0).bit_length()


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in their order. Raises: EncodingError "unsorted_leaves": out of order, or one twice."""
    return _levels(hashes)[-1][0] if hashes else EMPTY_ROOT


def path(hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings of leaf ``index``, from the bottom. Raises: EncodingError "unsorted_leaves"; IndexError."""
    if not 0 <= index < len(hashes):
        raise IndexError("no such leaf")
    return tuple(level[index >> height ^ 1] for height, level in enumerate(_levels(hashes)[:-1]))


def check_path(leaf: bytes, index: int, siblings: Sequence[bytes], *, root: bytes, count: int) -> None:
    """Accept only if the tree of ``root`` and ``count`` leaves has the hash ``leaf`` at ``index``.

    Args:    leaf: a leaf hash.   siblings: 32 bytes each, untrusted.   root, count: signed.
    Raises:  ContextError "bad_path": index not below the count, another length than the depth, another root.
    """
    if not 0 <= index < count:
        raise ContextError("the index is not below the number of leaves", code="bad_path")
    if len(siblings) != depth(count) or any(len(sibling) != 32 for sibling in siblings):
        raise ContextError("the path is not as long as the tree is deep", code="bad_path")
    running = leaf
    for height, sibling in enumerate(siblings):
        running = _node(sibling, running) if index >> height & 1 else _node(running, sibling)
    if running != root:
        raise ContextError("the path does not lead to the root of the checkpoint", code="bad_path")


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    if any(one >= other for one, other in pairwise(hashes)):
        raise EncodingError("the leaves are not sorted by their hashes, each once", code="unsorted_leaves")
    levels = [[*hashes, *[bytes(32)] * ((1 << depth(len(hashes))) - len(hashes))]]
    while len(levels[-1]) > 1:
        below = iter(levels[-1])
        levels.append([_node(left, right) for left, right in zip(below, below, strict=True)])
    return levels
