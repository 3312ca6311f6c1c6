"""Account states: commitments by label, one sequence number after the other; attested by the venue and the owner.

    id           = SHA-256 of fields "zkmargin/account-id/v1", venue, owner, sealing_key, salt
    state_digest = SHA-256 of fields "zkmargin/state/v1", venue, id, epoch (8 bytes), seq (8), number of labels (4),
                   then label, unit, V of each label whose V is not the identity, sorted by label

Every field is prefixed with its length in 4 bytes. A label that is absent stands for the identity, opening (0, 0): so a
venue can add labels without touching the digest of states that do not use them.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from ..errors import ContextError
from ..field import R
from ..framing import framed
from ..group import IDENTITY, encode
from ..pedersen import Opening
from .base import (
    Counter,
    Digest,
    Document,
    Hex32,
    IntegerText,
    Name,
    Part,
    PointHex,
    PositiveDecimal,
    PublicKey,
    Text,
    unique,
)
from .signed import Signed, all_signed
from .trust import Trust

CASH_LABEL = "cash0"
CASH_UNIT = "0.000000000000000001"
NO_STATE = "0x" + "00" * 32
MAX_LABELS = 2048
Label = Annotated[
    str, Text(r"^[a-z0-9]+(/[A-Za-z0-9][A-Za-z0-9._:/-]*)?$", 'must be a label such as "cash0" or "q/BTC-USD"', 80)
]
_IDENTITY_HEX = canonical.to_hex(encode(IDENTITY))


def position_label(market: str) -> str:
    """The label of a market's size."""
    return f"q/{market}"


def collateral_label(asset: str) -> str:
    """The label of what is deposited of an asset."""
    return f"c/{asset}"


def margin_label(market: str) -> str:
    """The label of the cash that an isolated position has to itself."""
    return f"i/{market}"


def debt_label(asset: str) -> str:
    """The label of what is owed of an asset."""
    return f"d/{asset}"


def account_id(venue: str, owner: str, sealing_key: str, salt: str) -> str:
    """The identifier of an account, fixed at its first state."""
    keys = (canonical.from_hex(text, 32) for text in (owner, sealing_key, salt))
    return _hash(b"zkmargin/account-id/v1", venue.encode(), *keys)


class LabelledCommitment(Part):
    """V = value*G + blinding*H; ``unit`` is what 1 means: a lot of the market, or an atto of the quote currency."""

    label: Label
    unit: PositiveDecimal
    commitment: PointHex


class State(Document):
    """zkmargin/state/v1. An attestation is an envelope around it with the signatures of the venue and of the owner."""

    SCHEMA: ClassVar[str] = "zkmargin/state/v1"
    schema_: Literal["zkmargin/state/v1"] = Field(default="zkmargin/state/v1", alias="schema")
    venue: Name
    account: Digest
    owner: PublicKey
    sealing_key: Hex32
    salt: Hex32
    epoch: Counter
    seq: Counter
    previous: Digest
    commitments: tuple[LabelledCommitment, ...] = Field(min_length=1, max_length=MAX_LABELS)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique([entry.label for entry in self.commitments], "a label")
        if (self.seq == 1) != (self.previous == NO_STATE):
            raise ValueError("the first state, and only the first, has no previous one")
        if self.seq == 1 and self.epoch != 1:
            raise ValueError("the first state is of key epoch 1")
        if self.account != account_id(self.venue, self.owner, self.sealing_key, self.salt):
            # Nothing rotates the keys of an account yet, so this holds in every state, not only in the first.
            raise ValueError("the account is not the identifier of this venue, these keys and this salt")
        return self

    @cached_property
    def state_digest(self) -> str:
        """What the next state, and every proof about this one, refers to."""
        used = sorted(
            (entry.label.encode(), entry.unit.encode(), canonical.from_hex(entry.commitment))
            for entry in self.commitments
            if entry.commitment != _IDENTITY_HEX
        )
        counters = (self.epoch.to_bytes(8, "big"), self.seq.to_bytes(8, "big"), len(used).to_bytes(4, "big"))
        fields = (part for entry in used for part in entry)
        return _hash(
            self.SCHEMA.encode(), self.venue.encode(), canonical.from_hex(self.account, 32), *counters, *fields
        )

    @property
    def commitment_of(self) -> dict[str, LabelledCommitment]:
        """The entry of every label."""
        return {entry.label: entry for entry in self.commitments}


def verify_attestation(attestation: Signed[State], trust: Trust) -> State:
    """The state, once an attestation key of its venue *and* its owner have signed it: two keys, two signatures.

    Raises: ContextError "unsigned", "bad_signature" (also: another venue's keys, or one key in both roles).
    """
    state = attestation.document
    if state.venue != trust.venue:
        raise ContextError("the state is of another venue than the trusted keys", code="bad_signature")
    if state.owner in trust.attestation:
        raise ContextError("an attestation key of the venue cannot own an account", code="bad_signature")
    all_signed(lambda: attestation.verify(trust.attestation), lambda: attestation.verify([state.owner]))
    return state


class LabelledOpening(Part):
    """Opens one commitment. Secret."""

    label: Label
    value: IntegerText = Field(repr=False)
    blinding: Hex32 = Field(repr=False)

    @model_validator(mode="after")
    def _canonical_scalar(self) -> Self:
        if int(self.blinding, 16) >= R:
            raise ValueError("a blinding is below the order of the group")
        return self

    @classmethod
    def of(cls, label: str, opening: Opening) -> LabelledOpening:
        """The document form of ``opening``."""
        blinding = canonical.to_hex(opening.blinding.to_bytes(32, "big"))
        return cls(label=label, value=str(opening.value), blinding=blinding)

    @property
    def opening(self) -> Opening:
        """The opening itself. Secret."""
        return Opening(int(self.value), int(self.blinding, 16))


class Openings(Document):
    """zkmargin/openings/v1. Secret: it leaves the wallet only sealed to the venue."""

    SCHEMA: ClassVar[str] = "zkmargin/openings/v1"
    schema_: Literal["zkmargin/openings/v1"] = Field(default="zkmargin/openings/v1", alias="schema")
    openings: tuple[LabelledOpening, ...] = Field(max_length=MAX_LABELS, repr=False)

    @model_validator(mode="after")
    def _labels_once(self) -> Self:
        unique([entry.label for entry in self.openings], "a label")
        return self

    @property
    def by_label(self) -> dict[str, Opening]:
        """The opening of every label."""
        return {entry.label: entry.opening for entry in self.openings}


def _hash(*fields: bytes) -> str:
    return canonical.to_hex(hashlib.sha256(framed(*fields)).digest())
