"""Evidence: what attestors publish for the verifier, and what a holder shows of one lock; and how both are checked.

Every check is pure: what the registry, the set of members and the clock say is given. What needs memory (that epochs
rise, that a tag is of one account for ever) is for who keeps it: checkpoint.check_follows, docs/collateral.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from ..documents.base import Digest, Document, Hex32, Part, PointHex, Text
from ..errors import ContextError
from . import merkle
from .checkpoint import Checkpoint, check_time
from .fields import BaseUnits, ChainId, Hex64, Number
from .keccak import keccak256
from .leaf import EXPIRY_BYTES, KIND_LOCK, KIND_TAG, LEAF_BYTES, MAX_BITS, TAG, Leaf
from .members import MemberSet, Signatures
from .pledge import NoteOpening, Pledge, check_pledge, leaf_of
from .registry import ChainEntry, Chains
from .revocation import Revocation, revoked_root
from .signatures import MemberSignature
from .storage_proof import MAX_HEADER_BYTES, MAX_NODE_BYTES, MAX_NODES, StorageProof, check_storage_proof

MAX_FILE_LEAVES = 8192
MAX_REVOCATIONS = 500
"""In one checkpoint. A proposal has two lists of them, and as many leaves as attestors take pledges."""
_LeafHex = Annotated[
    str, Text(rf"^0x[0-9a-f]{{{2 * LEAF_BYTES}}}$", f"must be 0x and {2 * LEAF_BYTES} hex digits", 2 + 2 * LEAF_BYTES)
]


def _bytes_up_to(length: int) -> Text:
    return Text(r"^0x([0-9a-f]{2})+$", f"must be 0x and hex of 1 to {length} bytes", 2 + 2 * length)


_Header = Annotated[str, _bytes_up_to(MAX_HEADER_BYTES)]
_Node = Annotated[str, _bytes_up_to(MAX_NODE_BYTES)]
_Nodes = Annotated[tuple[_Node, ...], Field(min_length=1, max_length=MAX_NODES)]


class SignedCheckpoint(Document):
    """zkmargin/collateral-checkpoint-file/v1: a checkpoint, its signatures, and all that it commits to. Public.

    ``leaves`` in the order of their hashes, ``revocations`` in that of their tags: tags that must not count any more,
    since this checkpoint. Nothing is verified yet.
    """

    SCHEMA: ClassVar[str] = "zkmargin/collateral-checkpoint-file/v1"
    schema_: Literal["zkmargin/collateral-checkpoint-file/v1"] = Field(
        default="zkmargin/collateral-checkpoint-file/v1", alias="schema"
    )
    checkpoint: Checkpoint
    signatures: Signatures
    leaves: tuple[_LeafHex, ...] = Field(max_length=MAX_FILE_LEAVES)
    revocations: tuple[Revocation, ...] = Field(default=(), max_length=MAX_REVOCATIONS)

    @cached_property
    def encoded(self) -> tuple[bytes, ...]:
        """The bytes of the leaves."""
        return tuple(bytes.fromhex(leaf[2:]) for leaf in self.leaves)

    @cached_property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes of the leaves: what the tree stands on."""
        return tuple(map(merkle.leaf_hash, self.encoded))


class LeafFields(Part):
    """A leaf in JSON: ``lot`` in base units, ``expiry`` in Unix seconds, ``chain`` and ``venue`` as digests."""

    bits: int = Field(ge=1, le=MAX_BITS)
    venue: Hex32
    chain: Hex32
    vault: Hex32
    asset: Hex32
    account: Digest
    tag: Hex32
    commitment: PointHex
    lot: BaseUnits
    expiry: Number

    @classmethod
    def of(cls, leaf: Leaf) -> LeafFields:
        """The JSON form of ``leaf``."""
        words = ("venue", "chain", "vault", "asset", "account", "tag", "commitment")
        fields = {name: canonical.to_hex(getattr(leaf, name)) for name in words}
        return cls(bits=leaf.bits, lot=str(leaf.lot), expiry=leaf.expiry, **fields)

    def leaf(self) -> Leaf:
        """The leaf itself. Raises: EncodingError "bad_leaf"."""
        words = ("venue", "chain", "vault", "asset", "account", "tag", "commitment")
        fields = {name: canonical.from_hex(getattr(self, name)) for name in words}
        return Leaf(kind=KIND_TAG, bits=self.bits, lot=int(self.lot), expiry=self.expiry, **fields)


class StorageEvidence(Part):
    """The lock itself, with its link to the account: a pledge, and the path from the block's header to the vault."""

    note: NoteOpening = Field(repr=False)
    pledge: Hex64
    header: _Header
    account_proof: _Nodes
    storage_proof: tuple[_Nodes, _Nodes]

    def proof(self) -> StorageProof:
        """The bytes of the storage proof."""
        account, first, second = (
            [canonical.from_hex(node) for node in nodes] for nodes in (self.account_proof, *self.storage_proof)
        )
        return StorageProof(canonical.from_hex(self.header), account, (first, second))


class CollateralLock(Document):
    """zkmargin/collateral-lock/v1: one lock that counts at a checkpoint.

    ``kind`` "tag": a leaf and its path to the checkpoint's root; which lock it is stays with the attestors.
    ``kind`` "lock": the lock's note is opened, and the chain's own state shows the lock; of the attestors only the
    block hash is believed.
    """

    SCHEMA: ClassVar[str] = "zkmargin/collateral-lock/v1"
    schema_: Literal["zkmargin/collateral-lock/v1"] = Field(default="zkmargin/collateral-lock/v1", alias="schema")
    kind: Literal["tag", "lock"]
    chain: ChainId
    leaf: LeafFields | None = None
    index: Number | None = None
    path: tuple[Hex32, ...] | None = Field(default=None, max_length=merkle.depth(merkle.MAX_LEAVES))
    storage: StorageEvidence | None = Field(default=None, repr=False)
    checkpoint: Checkpoint
    signatures: Signatures

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        attested = (self.leaf is not None, self.index is not None, self.path is not None)
        if attested != (self.kind == "tag",) * 3 or (self.storage is not None) != (self.kind == "lock"):
            raise ValueError("a tag has leaf, index and path, a lock has storage, and neither has the other's")
        return self


def check_checkpoint(
    file: SignedCheckpoint,
    registry: Chains,
    members: MemberSet,
    *,
    now_unix_s: int,
    checked: Collection[bytes] = frozenset(),
) -> tuple[Leaf, ...]:
    """The leaves of a checkpoint that holds now, in their order. Their points are not decoded: ``Leaf.point`` does.

    ``checked``: leaves without their expiry, a set, that were found good before in a checkpoint of this chain, by a
    version of this registry; of those nothing but the expiry is looked at, and they are not returned. What a chain and
    a class are never changes (``check_continues``), and with it what a leaf of them must say.

    Raises: ContextError: as ``check_signed``; "bad_count", "bad_root" (leaves or revocations are not what was signed),
            "wrong_kind", "repeated_tag", "revoked_leaf" (a tag that counts and does not), and those of a leaf:
            "wrong_venue", "wrong_chain", "wrong_vault", "wrong_asset", "bad_lot", "bad_bits", "bad_expiry".
            EncodingError: "bad_leaf", "unsorted_leaves", "unsorted_revocations".
    Cost:   one quorum; some 15 us a leaf.
    """
    checkpoint = file.checkpoint
    entry = registry.chain_of_digest(canonical.from_hex(checkpoint.chain))
    check_signed(checkpoint, file.signatures, registry, entry, members, now_unix_s=now_unix_s)
    if len(file.leaves) != checkpoint.leaf_count:
        raise ContextError("the checkpoint has another number of leaves", code="bad_count")
    encoded = file.encoded
    # The file must be what was signed before it is looked at any closer.
    if merkle.root(file.hashes) != canonical.from_hex(checkpoint.leaf_root):
        raise ContextError("the leaves are not those of the checkpoint", code="bad_root")
    if revoked_root(file.revocations) != canonical.from_hex(checkpoint.revoked_root):
        raise ContextError("the revocations are not those of the checkpoint", code="bad_root")
    leaves = tuple(Leaf.from_bytes(leaf) for leaf in encoded if leaf[:-EXPIRY_BYTES] not in checked)
    rules = _LeafRules(checkpoint, registry, entry)
    for leaf in leaves:
        rules.check(leaf)
    expiry = checkpoint.expiry.to_bytes(EXPIRY_BYTES, "big")
    if not all(leaf.endswith(expiry) for leaf in encoded):
        raise ContextError("a leaf expires at another time than the checkpoint", code="bad_expiry")
    tags = {leaf[TAG] for leaf in encoded}
    if len(tags) != len(encoded):
        raise ContextError("a tag occurs in two leaves of the checkpoint", code="repeated_tag")
    if any(canonical.from_hex(revocation.tag) in tags for revocation in file.revocations):
        raise ContextError("a tag of a leaf is revoked by the same checkpoint", code="revoked_leaf")
    return leaves


def check_lock(lock: CollateralLock, registry: Chains, members: MemberSet, *, now_unix_s: int) -> Leaf:
    """What the evidence says of a lock: its leaf, with a point that is one.

    Of kind 1 the leaf stands in the checkpoint. Of kind 2 it was made here, of a lock that was Active in the block that
    the checkpoint names; its expiry is the checkpoint's, and its tag the same: it counts under the same rules.

    Raises: ContextError: as ``check_signed``; "unknown_chain", "bad_path", and those of a leaf (``check_checkpoint``);
            of kind 2 those of ``check_pledge``, "wrong_lock" (not the owner, asset or amount of the note), "wrong_kind"
            (no storage proofs on this chain), and those of ``check_storage_proof``. EncodingError: "bad_leaf",
            "bad_commitment" and those of a storage proof. ProofError: "bad_pledge", "bad_storage_proof".
    """
    entry = registry.chain_of(lock.chain)
    check_signed(lock.checkpoint, lock.signatures, registry, entry, members, now_unix_s=now_unix_s)
    if lock.storage is not None:
        return _check_storage(lock.storage, lock.checkpoint, registry, entry)
    if lock.leaf is None or lock.index is None or lock.path is None:
        raise ContextError("the evidence names neither a leaf nor a lock", code="wrong_kind")
    leaf = lock.leaf.leaf()
    _LeafRules(lock.checkpoint, registry, entry).check(leaf)
    siblings = [canonical.from_hex(sibling) for sibling in lock.path]
    root, count = canonical.from_hex(lock.checkpoint.leaf_root), lock.checkpoint.leaf_count
    merkle.check_path(leaf.hash, lock.index, siblings, root=root, count=count)
    leaf.point  # noqa: B018 - raises
    return leaf


def check_signed(
    checkpoint: Checkpoint,
    signatures: Sequence[MemberSignature],
    registry: Chains,
    entry: ChainEntry,
    members: MemberSet,
    *,
    now_unix_s: int,
) -> tuple[str, ...]:
    """The members that signed a checkpoint of this chain that holds now; what it commits to is not looked at.

    Raises: ContextError "wrong_chain", "wrong_venue" (the members are another venue's), "bad_height" (not on the grid
            of epochs), those of ``check_time`` and of ``MemberSet.quorum``.
    """
    if canonical.from_hex(checkpoint.chain) != entry.chain_digest:
        raise ContextError("the checkpoint is of another chain", code="wrong_chain")
    if members.venue != registry.venue:
        raise ContextError("the members are another venue's", code="wrong_venue")
    if checkpoint.height != checkpoint.epoch * entry.epoch_blocks:
        raise ContextError("the height of a checkpoint is its epoch times the blocks of one", code="bad_height")
    check_time(checkpoint, now_unix_s, max_age_s=entry.max_age_s, skew_s=entry.skew_s)
    return members.quorum(checkpoint, signatures)


class _LeafRules:
    """What a leaf of one checkpoint must say, looked up once for all of them."""

    def __init__(self, checkpoint: Checkpoint, registry: Chains, entry: ChainEntry) -> None:
        self._venue, self._chain, self._vault = registry.venue_id, entry.chain_digest, canonical.from_hex(entry.vault)
        self._expiry = checkpoint.expiry
        self._assets = registry.lots_and_bits(entry.chain)

    def check(self, leaf: Leaf) -> None:
        """Raises: ContextError, one code a field."""
        if leaf.kind != KIND_TAG:
            raise ContextError("a leaf of a checkpoint is of kind 1", code="wrong_kind")
        if leaf.venue != self._venue:
            raise ContextError("a leaf is of another venue", code="wrong_venue")
        if leaf.chain != self._chain:
            raise ContextError("a leaf is of another chain than the checkpoint", code="wrong_chain")
        if leaf.vault != self._vault:
            raise ContextError("a leaf is of another vault than the venue's on this chain", code="wrong_vault")
        if leaf.asset not in self._assets:
            raise ContextError("a leaf is of an asset that does not count on this chain", code="wrong_asset")
        lot, bits = self._assets[leaf.asset]
        if leaf.lot != lot:
            raise ContextError("a leaf has another lot than its class", code="bad_lot")
        if leaf.bits != bits:
            raise ContextError("a leaf has another range than its class", code="bad_bits")
        if leaf.expiry != self._expiry:
            raise ContextError("a leaf expires at another time than the checkpoint", code="bad_expiry")


def _check_storage(evidence: StorageEvidence, checkpoint: Checkpoint, registry: Chains, entry: ChainEntry) -> Leaf:
    if entry.code_hash is None:
        raise ContextError("this chain is believed through attestors alone", code="wrong_kind")
    note, asset = check_pledge(Pledge(note=evidence.note, proof=evidence.pledge), registry)
    if note.chain != entry.chain_digest:
        raise ContextError("the note is of another chain than the checkpoint", code="wrong_chain")
    header, lock = check_storage_proof(
        evidence.proof(),
        block_hash=canonical.from_hex(checkpoint.block_hash),
        vault=note.vault,
        code_hash=canonical.from_hex(entry.code_hash),
        lock_id=keccak256(note.owner + note.digest),
    )
    if (header.height, header.time_unix_s) != (checkpoint.height, checkpoint.block_time):
        raise ContextError("the header is of another height or time than the checkpoint says", code="wrong_block")
    if (lock.owner, lock.asset, lock.amount) != (note.owner, note.asset, note.amount):
        raise ContextError("the lock has another owner, asset or amount than its note says", code="wrong_lock")
    return leaf_of(note, asset, expiry=checkpoint.expiry, kind=KIND_LOCK)
