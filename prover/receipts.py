"""Receipts of the verifier: believed only if signed by its key and about what was sent."""

from __future__ import annotations

from zkmargin.bundle import Bundle
from zkmargin.documents import Receipt, verify_receipt
from zkmargin.envelope import Envelope
from zkmargin.errors import ZkMarginError

from .answers import SubmissionAnswer
from .errors import Refused


def check_receipt(answer: SubmissionAnswer, key: str, sent: Bundle) -> tuple[Receipt, Envelope]:
    """The receipt in ``answer``, signed by ``key`` and about ``sent``, and its envelope.

    Raises: Refused "bad_receipt": anything else; then the verifier's word is worth nothing.
    """
    try:
        envelope = Envelope.from_value(answer.receipt)
        receipt = verify_receipt(envelope, key)
    except ZkMarginError as error:
        raise Refused(f"the receipt of the verifier is not good: {error}", code="bad_receipt") from None
    if receipt.bundle != sent.id or receipt.verdict != answer.verdict:
        raise Refused("the receipt of the verifier is about something else", code="bad_receipt")
    return receipt, envelope
