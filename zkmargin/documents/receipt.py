"""The verifier's signed answer to a submission. Public."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ..envelope import Envelope
from .base import Counter, Digest, Document, Name, Signed, Time

ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
ClaimText = Annotated[str, Field(pattern=r"^[a-z]+((>=|<=)[0-9]+(\.[0-9]+)?)?$", max_length=40)]


class Receipt(Document):
    """zkmargin/receipt/v1: what was asked (the bundle by its digest), what was decided, when, and why."""

    SCHEMA: ClassVar[str] = "zkmargin/receipt/v1"
    schema_: Literal["zkmargin/receipt/v1"] = Field(default="zkmargin/receipt/v1", alias="schema")
    audience: Name
    bundle: Digest
    account: Digest
    seq: Counter
    state_digest: Digest
    params: Digest
    round: Digest
    claim: ClaimText
    expiry: Time
    verdict: Literal["accepted", "refused"]
    reason: ReasonCode
    decided: Time


def verify_receipt(envelope: Envelope, key: str) -> Receipt:
    """The receipt, once ``key`` has signed it.

    Raises: InputError (not a receipt), ContextError "unsigned", "bad_signature".
    """
    return Signed.from_value(envelope.to_value(), Receipt).verify([key])
