"""Cross-chain collateral: notes, pledges, leaves, checkpoints, sets of attestors, the registry of chains, evidence.

Pure formats and their checks. Source: docs/collateral.md.
"""

from .chain import chain_digest
from .checkpoint import FIRST_PREVIOUS, Checkpoint, check_follows, check_time
from .evidence import (
    CollateralLock,
    LeafFields,
    SignedCheckpoint,
    StorageEvidence,
    check_checkpoint,
    check_lock,
    check_signed,
)
from .keccak import keccak256
from .leaf import EXPIRY_BYTES, KIND_LOCK, KIND_TAG, LEAF_BYTES, Leaf
from .members import Member, MemberSet, SignedMemberSet, check_member_set, possession, verify_members
from .note import Note, commitment_point, note_blinding, note_secret, tag_of, units
from .pledge import NoteOpening, Pledge, check_note, check_pledge, leaf_of, prove_pledge, verify_pledge
from .registry import AssetClass, ChainEntry, Chains, Peg, after_haircut, check_continues, verify_registry
from .revocation import Revocation, revoked_root
from .signatures import Ed25519Key, MemberSignature, Secp256k1Key, SigningKey, signed_by
from .venue import venue_id

__all__ = [
    "EXPIRY_BYTES",
    "FIRST_PREVIOUS",
    "KIND_LOCK",
    "KIND_TAG",
    "LEAF_BYTES",
    "AssetClass",
    "ChainEntry",
    "Chains",
    "Checkpoint",
    "CollateralLock",
    "Ed25519Key",
    "Leaf",
    "LeafFields",
    "Member",
    "MemberSet",
    "MemberSignature",
    "Note",
    "NoteOpening",
    "Peg",
    "Pledge",
    "Revocation",
    "Secp256k1Key",
    "SignedCheckpoint",
    "SignedMemberSet",
    "SigningKey",
    "StorageEvidence",
    "after_haircut",
    "chain_digest",
    "check_checkpoint",
    "check_continues",
    "check_follows",
    "check_lock",
    "check_member_set",
    "check_note",
    "check_pledge",
    "check_signed",
    "check_time",
    "commitment_point",
    "keccak256",
    "leaf_of",
    "note_blinding",
    "note_secret",
    "possession",
    "prove_pledge",
    "revoked_root",
    "signed_by",
    "tag_of",
    "units",
    "venue_id",
    "verify_members",
    "verify_pledge",
    "verify_registry",
]
