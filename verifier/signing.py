"""Signing documents at the operator's desk: which kinds there are, and one more signature on one of them."""

from __future__ import annotations

from collections.abc import Sequence

from zkmargin import canonical
from zkmargin.collateral import Chains, MemberSet
from zkmargin.documents import Document, Oracle, Params, Signed, Trust
from zkmargin.envelope import Envelope, PrivateKey, is_envelope
from zkmargin.errors import InputError

KINDS: dict[str, type[Document]] = {kind.SCHEMA: kind for kind in (Trust, Params, Oracle, Chains, MemberSet)}
_OF_MEDIA_TYPE = {kind.media_type(): kind for kind in KINDS.values()}


def sign(data: bytes, keys: Sequence[PrivateKey]) -> Envelope:
    """An envelope around the document in ``data``, signed by ``keys``; if it is in an envelope already, their
    signatures are added.

    Raises: InputError: none of ``KINDS``, or a bad one.
    """
    value = canonical.parse(data)
    kind = _kind(value)
    if kind is None:
        raise InputError(f"only these documents are signed here: {', '.join(KINDS)}", code="bad_document")
    signed = Signed.from_value(value, kind)
    envelope = signed.envelope or signed.document.sign()
    for key in keys:
        envelope = envelope.with_signature(key)
    return envelope


def _kind(value: object) -> type[Document] | None:
    if not isinstance(value, dict):
        return None
    name = value.get("payloadType") if is_envelope(value) else value.get("schema")
    return (_OF_MEDIA_TYPE if is_envelope(value) else KINDS).get(name) if isinstance(name, str) else None
