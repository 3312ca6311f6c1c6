"""Receipts: what was decided about which bytes, signed by the verifier, so that anyone can check it offline."""

from __future__ import annotations

from zkmargin import canonical
from zkmargin.bundle import Request
from zkmargin.documents import Receipt
from zkmargin.envelope import Envelope, PrivateKey

OK = "ok"
"""The reason code of what is accepted."""


def sign(key: PrivateKey, *, bundle: str, request: Request, reason: str, decided_unix_s: int) -> Envelope:
    """The receipt for the bundle with this id. Every field of the request was checked to be well-formed when it was
    read."""
    return Receipt(
        audience=request.audience,
        bundle=bundle,
        account=request.account,
        seq=request.seq,
        state_digest=request.state_digest,
        params=request.params,
        round=request.round,
        claim=request.claim,
        expiry=request.expiry,
        verdict="accepted" if reason == OK else "refused",
        reason=reason,
        decided=canonical.format_time(decided_unix_s),
    ).sign(key)
