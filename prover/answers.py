"""What services say of themselves and of accounts. Untrusted; a key that is not known here is ignored."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from zkmargin.documents import Part
from zkmargin.documents.base import Digest, Hex32, Name, PublicKey


class Answer(Part):
    """A JSON answer of a service."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


class VenueAnswer(Answer):
    """``GET /v1/venue``, and what ``zkmargin-venue key`` prints."""

    venue: Name
    attestation_key: PublicKey
    sealing_key: Hex32


class VerifierAnswer(Answer):
    """``GET /v1/verifier``."""

    audience: Name
    receipt_key: PublicKey
    policy: dict[str, Any] | None = None


class AccountAnswer(Answer):
    """``GET /v1/accounts/{id}``: zkmargin/status/v1."""

    account: Digest
    seq: int
    status: str
    reason: str | None = None
    since_round: int | None = None
    deadline: str | None = None
    round: int | None = None
    claim: str | None = None


class SubmissionAnswer(Answer):
    """``POST /v1/submissions``: verdict, reason code, and the receipt (DSSE)."""

    verdict: str
    reason: str
    receipt: dict[str, Any]
