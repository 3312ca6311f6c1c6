"""What an account holder asks its venue: attest this state, whose openings are sealed to you."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .. import canonical
from ..errors import InputError
from ..sealing import SealingKey, seal
from .base import MAX_INTEGER_CHARACTERS, Digest, Document, Text
from .oracle import Round
from .state import Openings, State

SealedHex = Annotated[str, Text(r"^0x([0-9a-f]{2})+$", "must be 0x and lower-case hex digits", 1_000_000)]


class AttestationRequest(Document):
    """zkmargin/attestation-request/v1, signed by the owner. ``round`` fixes the funding index of cash0."""

    SCHEMA: ClassVar[str] = "zkmargin/attestation-request/v1"
    schema_: Literal["zkmargin/attestation-request/v1"] = Field(
        default="zkmargin/attestation-request/v1", alias="schema"
    )
    state: State
    params: Digest
    round: dict[str, Any]
    sealed: SealedHex

    @model_validator(mode="after")
    def _round_is_one(self) -> Self:
        try:
            canonical_form = self.oracle_round.to_value()
        except InputError as error:
            raise ValueError(str(error)) from None
        if canonical_form != self.round:
            raise ValueError("the round is not in canonical form")
        return self

    @cached_property
    def oracle_round(self) -> Round:
        """The round, parsed; its signatures are not verified yet."""
        return Round.from_value(self.round)

    @staticmethod
    def seal(openings: Openings, state: State, venue_key: str) -> str:
        """``openings`` for the venue's sealing key, bound to ``state``."""
        info = canonical.from_hex(state.state_digest)
        # Spaces after the JSON: the sealed length tells the labels, not how many digits an amount has.
        spare = sum(MAX_INTEGER_CHARACTERS - len(entry.value) for entry in openings.openings)
        return canonical.to_hex(seal(openings.to_bytes() + b" " * spare, venue_key, info=info))

    def open(self, key: SealingKey) -> Openings:
        """The openings. Raises: InputError: sealed to another key, bound to another state, or malformed."""
        info = canonical.from_hex(self.state.state_digest)
        return Openings.from_bytes(key.open(canonical.from_hex(self.sealed), info=info))
