"""What collector and attestor say to each other. Strict documents, as all others."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zkmargin import canonical
from zkmargin.collateral import LEAF_BYTES, Checkpoint
from zkmargin.collateral.evidence import MAX_FILE_LEAVES, MAX_REVOCATIONS
from zkmargin.collateral.fields import ChainId, Number
from zkmargin.collateral.members import Signatures
from zkmargin.collateral.merkle import leaf_hash
from zkmargin.collateral.revocation import Revocation, revoked_root
from zkmargin.documents.base import Counter, Document, Hex32, Part, Text
from zkmargin.errors import EncodingError

_CHARACTERS = 2 + 2 * LEAF_BYTES
LeafHex = Annotated[
    str,
    Text(rf"^0x[0-9a-f]{{{2 * LEAF_BYTES}}}$", f"must be 0x and {2 * LEAF_BYTES} lower-case hex digits", _CHARACTERS),
]
Leaves = Annotated[tuple[LeafHex, ...], Field(max_length=MAX_FILE_LEAVES)]
Revocations = Annotated[tuple[Revocation, ...], Field(max_length=MAX_REVOCATIONS)]


class ChainState(Part):
    """How far a member is on a chain. Epochs are 0 where there is none yet."""

    chain: ChainId
    newest_epoch: Number
    signed_epoch: Number


class Candidates(Document):
    """What a member would sign at an epoch: its leaves and revocations, and the block that it sees there."""

    SCHEMA: ClassVar[str] = "zkmargin/collateral-candidates/v1"
    schema_: Literal["zkmargin/collateral-candidates/v1"] = Field(
        default="zkmargin/collateral-candidates/v1", alias="schema"
    )
    chain: Hex32
    set_version: Counter
    epoch: Counter
    height: Number
    block_hash: Hex32
    block_time: Number
    leaves: Leaves
    revocations: Annotated[tuple[Revocation, ...], Field(max_length=MAX_FILE_LEAVES)]
    """More than one checkpoint has room for: which of them come first is for what others have too."""

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        hashes = [leaf_hash(canonical.from_hex(leaf)) for leaf in self.leaves]
        tags = [revocation.tag for revocation in self.revocations]
        if any(a >= b for a, b in pairwise(hashes)) or any(a >= b for a, b in pairwise(tags)):
            raise ValueError("leaves and revocations are in order, each once")
        return self


class Passed(Part):
    """A checkpoint that a quorum has signed, with what it revokes."""

    checkpoint: Checkpoint
    signatures: Signatures
    revocations: Revocations

    @model_validator(mode="after")
    def _is_of_its_root(self) -> Self:
        _check_root(self.checkpoint, self.revocations)
        return self


class Proposal(Document):
    """A checkpoint for a member to sign, with all that its roots stand for, and the one that passed before it."""

    SCHEMA: ClassVar[str] = "zkmargin/collateral-proposal/v1"
    schema_: Literal["zkmargin/collateral-proposal/v1"] = Field(
        default="zkmargin/collateral-proposal/v1", alias="schema"
    )
    checkpoint: Checkpoint
    leaves: Leaves
    revocations: Revocations
    previous: Passed | None = None


def _check_root(checkpoint: Checkpoint, revocations: tuple[Revocation, ...]) -> None:
    """Raises: ValueError (for validators)."""
    try:
        found = revoked_root(revocations)
    except EncodingError as error:
        raise ValueError(str(error)) from None
    if canonical.to_hex(found) != checkpoint.revoked_root:
        raise ValueError("the revocations are not those of the checkpoint")
