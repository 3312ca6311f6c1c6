"""The verifier's signed answer to a submission. Public."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ..envelope import Envelope
from .base import Counter, Digest, Document, Name, Text, Time
from .signed import Signed

ReasonCode = Annotated[str, Text(r"^[a-z][a-z0-9_]*$", "must be a reason code in lower case", 64)]
_CLAIM = r"[a-z]+(\[[A-Za-z0-9][A-Za-z0-9._:/;=-]*\])?((>=|<=)[0-9]+(\.[0-9]+)?)?"
ClaimText = Annotated[
    str,
    Text(
        rf"^{_CLAIM}(,{_CLAIM})*$",
        'must be a claim without spaces, such as "health>=1.25" or "initial,gross<=1000"',
        800,
    ),
]


class Receipt(Document):
    """zkmargin/receipt/v1: what was decided about which bytes (the bundle by its digest), when, and why.

    Of an accepted bundle it also says what was asked. A refusal does not: the bytes may be anybody's, and what they
    name, an account above all, has nothing to do with them until a proof says so.
    """

    SCHEMA: ClassVar[str] = "zkmargin/receipt/v1"
    schema_: Literal["zkmargin/receipt/v1"] = Field(default="zkmargin/receipt/v1", alias="schema")
    audience: Name
    bundle: Digest
    account: Digest | None = None
    seq: Counter | None = None
    state_digest: Digest | None = None
    params: Digest | None = None
    round: Digest | None = None
    claim: ClaimText | None = None
    expiry: Time | None = None
    verdict: Literal["accepted", "refused"]
    reason: ReasonCode
    decided: Time

    @model_validator(mode="after")
    def _decided_once(self) -> Self:
        if (self.verdict == "accepted") != (self.reason == "ok"):
            raise ValueError('the reason is "ok" exactly if the verdict is "accepted"')
        asked = (self.account, self.seq, self.state_digest, self.params, self.round, self.claim, self.expiry)
        if any((part is not None) != (self.verdict == "accepted") for part in asked):
            raise ValueError("what was asked is told exactly if the verdict is accepted")
        return self


def verify_receipt(envelope: Envelope, key: str) -> Receipt:
    """The receipt, once ``key`` has signed it.

    Raises: InputError (not a receipt), ContextError "unsigned", "bad_signature".
    """
    return Signed.from_value(envelope.to_value(), Receipt).verify([key])
