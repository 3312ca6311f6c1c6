"""A leaf: what attestors say of one lock, 267 bytes. Who opens its note can make it; nobody else can read the amount.

    01 | kind (1) | bits (1) | venue | chain | vault | asset | account | tag | C (48) | lot (16) | expiry (8)

Words are 32 bytes, integers big-endian. Meaning: a lock of this asset was Active in this vault, its note names this
venue, account, commitment and tag, C opens to floor(amount / lot) < 2^bits, and all this may count before ``expiry``.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from ..canonical import MAX_INTEGER
from ..errors import EncodingError
from ..group import Point
from .merkle import leaf_hash
from .note import commitment_point

LEAF_BYTES = 267
EXPIRY_BYTES = 8
"""At the end of a leaf: all that a renewal changes."""
ACCOUNT, TAG, COMMITMENT = slice(131, 163), slice(163, 195), slice(195, 243)
"""Where they stand in a leaf."""
KIND_TAG = 1
"""In the tree of a checkpoint: the attestors know the lock, the reader does not."""
KIND_LOCK = 2
"""Made by the reader itself from a storage proof: never in a tree."""
MAX_BITS = 48
MAX_LOT = 2**128 - 1

_VERSION = 1
_FORMAT = Struct(">BBB32s32s32s32s32s32s48s16sQ")


@dataclass(frozen=True, slots=True)
class Leaf:
    """The fields of a leaf. ``lot`` in base units of the asset, ``expiry`` in Unix seconds.

    Raises: EncodingError "bad_leaf": a field out of its range. The point C is not looked at: ``point`` does.
    """

    kind: int
    bits: int
    venue: bytes
    chain: bytes
    vault: bytes
    asset: bytes
    account: bytes
    tag: bytes
    commitment: bytes
    lot: int
    expiry: int

    def __post_init__(self) -> None:
        words = (self.venue, self.chain, self.vault, self.asset, self.account, self.tag)
        if set(map(len, words)) != {32} or len(self.commitment) != 48:
            raise EncodingError("a field of a leaf has another length", code="bad_leaf")
        if self.kind not in (KIND_TAG, KIND_LOCK) or not 1 <= self.bits <= MAX_BITS:
            raise EncodingError(f"a leaf is of kind 1 or 2, and has 1 to {MAX_BITS} bits", code="bad_leaf")
        if not 1 <= self.lot <= MAX_LOT or not 0 <= self.expiry <= MAX_INTEGER:
            raise EncodingError("the lot or the expiry of a leaf is out of range", code="bad_leaf")

    def to_bytes(self) -> bytes:
        """The 267 bytes."""
        words = (self.venue, self.chain, self.vault, self.asset, self.account, self.tag)
        lot = self.lot.to_bytes(16, "big")
        return _FORMAT.pack(_VERSION, self.kind, self.bits, *words, self.commitment, lot, self.expiry)

    @classmethod
    def from_bytes(cls, data: bytes) -> Leaf:
        """The leaf of exactly these bytes. Raises: EncodingError "bad_leaf"."""
        if len(data) != LEAF_BYTES or data[0] != _VERSION:
            raise EncodingError(f"a leaf is {LEAF_BYTES} bytes, the first of them 01", code="bad_leaf")
        _, kind, bits, venue, chain, vault, asset, account, tag, commitment, lot, expiry = _FORMAT.unpack(data)
        return cls(kind, bits, venue, chain, vault, asset, account, tag, commitment, int.from_bytes(lot, "big"), expiry)

    @property
    def hash(self) -> bytes:
        """Where it stands in a tree: SHA-256(00 | bytes)."""
        return leaf_hash(self.to_bytes())

    @property
    def point(self) -> Point:
        """C as a point. Raises: EncodingError "bad_commitment": off the curve or the subgroup, or the identity."""
        return commitment_point(self.commitment)
