"""Revocations: tags that must not count any more, and why. A checkpoint commits to the list of its own.

entry = 02 | tag | reason (1)       1 reorged, 2 released, 3 seized       root as in merkle.py, over the entries
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from .. import canonical
from ..documents.base import Hex32, Part
from ..errors import EncodingError
from . import merkle

Reason = Literal["reorged", "released", "seized"]
_VERSION = b"\x02"
_CODES: dict[Reason, bytes] = {"reorged": b"\x01", "released": b"\x02", "seized": b"\x03"}


class Revocation(Part):
    """A tag and why it no longer counts: its block was dropped (it may come again), or it was paid out, or taken."""

    tag: Hex32
    reason: Reason

    def leaf_bytes(self) -> bytes:
        """The 34 bytes of the entry."""
        return _VERSION + canonical.from_hex(self.tag) + _CODES[self.reason]


def revoked_root(revocations: Sequence[Revocation]) -> bytes:
    """The root over revocations that are sorted by tag, each tag once; of none, 32 zero bytes.

    Raises: EncodingError "unsorted_revocations".
    """
    if any(one.tag >= other.tag for one, other in pairwise(revocations)):
        raise EncodingError("the revocations are not sorted by tag, each once", code="unsorted_revocations")
    return merkle.root(sorted(merkle.leaf_hash(revocation.leaf_bytes()) for revocation in revocations))
