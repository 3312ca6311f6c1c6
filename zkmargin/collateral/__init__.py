"""Cross-chain collateral: notes, leaves, checkpoints, sets of attestors, the registry of chains, evidence.

Pure formats and their checks. Source: docs/collateral.md.
"""

from .chain import chain_digest
from .checkpoint import FIRST_PREVIOUS, Checkpoint, check_follows, check_time
from .keccak import keccak256
from .leaf import KIND_LOCK, KIND_TAG, LEAF_BYTES, Leaf
from .note import Note, commitment_point, note_blinding, note_secret, tag_of, units
from .signatures import Ed25519Key, MemberSignature, Secp256k1Key, SigningKey
from .venue import venue_id

__all__ = [
    "FIRST_PREVIOUS",
    "KIND_LOCK",
    "KIND_TAG",
    "LEAF_BYTES",
    "Checkpoint",
    "Ed25519Key",
    "Leaf",
    "MemberSignature",
    "Note",
    "Secp256k1Key",
    "SigningKey",
    "chain_digest",
    "check_follows",
    "check_time",
    "commitment_point",
    "keccak256",
    "note_blinding",
    "note_secret",
    "tag_of",
    "units",
    "venue_id",
]
