"""A checkpoint: what a quorum of attestors says of one chain at one block, as EIP-712 typed data.

    preimage = 1901 | domain separator | struct hash  (66 bytes)          digest = keccak256(preimage)
    domain   = {name: "zkmargin collateral", version: "1", salt: venue id}

Ed25519 signs the preimage, secp256k1 the digest: any wallet that knows EIP-712 shows the fields before it signs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from ..documents.base import Counter, Document, Hex32
from ..errors import ContextError
from .fields import Number
from .keccak import keccak256
from .merkle import MAX_LEAVES
from .signatures import MemberSignature, SigningKey, signed_by

FIRST_PREVIOUS = "0x" + "00" * 32
"""``previous`` of a chain's first checkpoint."""

DOMAIN_NAME, DOMAIN_VERSION = "zkmargin collateral", "1"
DOMAIN_TYPE = "EIP712Domain(string name,string version,bytes32 salt)"
# The fields in the order of the struct: name in EIP-712, type, name in the document.
FIELDS = (
    ("chain", "bytes32", "chain"),
    ("setVersion", "uint64", "set_version"),
    ("epoch", "uint64", "epoch"),
    ("height", "uint64", "height"),
    ("blockHash", "bytes32", "block_hash"),
    ("blockTime", "uint64", "block_time"),
    ("expiry", "uint64", "expiry"),
    ("leafCount", "uint64", "leaf_count"),
    ("leafRoot", "bytes32", "leaf_root"),
    ("revokedRoot", "bytes32", "revoked_root"),
    ("previous", "bytes32", "previous"),
)
STRUCT_TYPE = f"Checkpoint({','.join(f'{kind} {name}' for name, kind, _ in FIELDS)})"
_STRUCT_HASH = keccak256(STRUCT_TYPE.encode())


class Checkpoint(Document):
    """zkmargin/collateral-checkpoint/v1. ``chain`` is the digest of chain.py; times are Unix seconds of that chain."""

    SCHEMA: ClassVar[str] = "zkmargin/collateral-checkpoint/v1"
    schema_: Literal["zkmargin/collateral-checkpoint/v1"] = Field(
        default="zkmargin/collateral-checkpoint/v1", alias="schema"
    )
    chain: Hex32
    set_version: Counter
    epoch: Counter
    height: Number
    block_hash: Hex32
    block_time: Number
    expiry: Number
    leaf_count: int = Field(ge=0, le=MAX_LEAVES)
    leaf_root: Hex32
    revoked_root: Hex32
    previous: Hex32

    @model_validator(mode="after")
    def _lives(self) -> Self:
        if self.expiry <= self.block_time:
            raise ValueError("a checkpoint expires after the time of its block")
        return self

    def preimage(self, venue: bytes) -> bytes:
        """The 66 bytes that are signed for the venue of this id."""
        words = b"".join(_word(getattr(self, name)) for *_, name in FIELDS)
        return b"\x19\x01" + domain_separator(venue) + keccak256(_STRUCT_HASH + words)

    def signing_digest(self, venue: bytes) -> bytes:
        """keccak256 of the preimage: the digest of EIP-712, and ``previous`` of the checkpoint after this one."""
        return keccak256(self.preimage(venue))

    def sign_as(self, signer: str, key: SigningKey, venue: bytes) -> MemberSignature:
        """The signature of member ``signer``."""
        return signed_by(signer, key, self.preimage(venue))

    def typed_data(self, venue: bytes) -> dict[str, Any]:
        """The JSON that wallets take (eth_signTypedData_v4)."""
        return {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "salt", "type": "bytes32"},
                ],
                "Checkpoint": [{"name": name, "type": kind} for name, kind, _ in FIELDS],
            },
            "primaryType": "Checkpoint",
            "domain": {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "salt": canonical.to_hex(venue)},
            "message": {name: getattr(self, ours) for name, _, ours in FIELDS},
        }


@lru_cache(maxsize=64)
def domain_separator(venue: bytes) -> bytes:
    """The domain separator of EIP-712 for the venue of this id."""
    parts = [DOMAIN_TYPE.encode(), DOMAIN_NAME.encode(), DOMAIN_VERSION.encode()]
    return keccak256(b"".join(map(keccak256, parts)) + venue)


def check_time(checkpoint: Checkpoint, now_unix_s: int, *, max_age_s: int, skew_s: int) -> None:
    """Accept only while -skew <= now - block time <= max age, and before the expiry, which is within max age too.

    Raises: ContextError "future_checkpoint", "expired_checkpoint", "bad_expiry".
    """
    age_s = now_unix_s - checkpoint.block_time
    if age_s < -skew_s:
        raise ContextError("the block of the checkpoint is of a time that has not come", code="future_checkpoint")
    if checkpoint.expiry - checkpoint.block_time > max_age_s:
        raise ContextError("the checkpoint would live longer than the chain's evidence may", code="bad_expiry")
    if age_s > max_age_s or now_unix_s >= checkpoint.expiry:
        raise ContextError("the checkpoint is past its expiry", code="expired_checkpoint")


def check_follows(checkpoint: Checkpoint, last: Checkpoint | None, venue: bytes) -> None:
    """Accept only the checkpoint that may come after ``last``; None: after none.

    Raises: ContextError "wrong_chain", "old_checkpoint" (the epoch does not rise), "bad_height" and "bad_time" (one
            fell), "skipped_checkpoint" (it names another one as the checkpoint before).
    """
    expected = FIRST_PREVIOUS
    if last is not None:
        if checkpoint.chain != last.chain:
            raise ContextError("the checkpoint is of another chain than the one before", code="wrong_chain")
        if checkpoint.epoch <= last.epoch:
            raise ContextError("the epoch of a checkpoint rises", code="old_checkpoint")
        if checkpoint.height < last.height:
            raise ContextError("the height of a checkpoint never falls", code="bad_height")
        if checkpoint.block_time < last.block_time:
            raise ContextError("the time of a checkpoint never falls", code="bad_time")
        expected = canonical.to_hex(last.signing_digest(venue))
    if checkpoint.previous != expected:
        message = "the checkpoint does not name the one before it: one is missing between"
        raise ContextError(message, code="skipped_checkpoint")


def _word(value: str | int) -> bytes:
    return canonical.from_hex(value, 32) if isinstance(value, str) else value.to_bytes(32, "big")
