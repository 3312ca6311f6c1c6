"""Receipts: what was decided about which bytes, signed by the verifier, so that anyone can check it offline."""

from __future__ import annotations

from zkmargin import canonical
from zkmargin.bundle import Request
from zkmargin.documents import Receipt
from zkmargin.envelope import Envelope, PrivateKey

OK = "ok"
"""The reason code of what is accepted."""


def accepted(key: PrivateKey, *, bundle: str, request: Request, decided_unix_s: int) -> Envelope:
    """The receipt for the bundle with this id, whose proof verified."""
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
        verdict="accepted",
        reason=OK,
        decided=canonical.format_time(decided_unix_s),
    ).sign(key)


def refused(key: PrivateKey, *, audience: str, bundle: str, reason: str, decided_unix_s: int) -> Envelope:
    """The receipt for bytes that are refused by ``audience``: nothing that they say is in it."""
    return Receipt(
        audience=audience,
        bundle=bundle,
        verdict="refused",
        reason=reason,
        decided=canonical.format_time(decided_unix_s),
    ).sign(key)
