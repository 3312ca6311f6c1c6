"""Signed envelopes: DSSE v1 with Ed25519.

Source: DSSE v1 (github.com/secure-systems-lab/dsse, protocol.md). The signature covers the pre-authentication encoding

    PAE(type, body) = "DSSEv1" SP len(type) SP type SP len(body) SP body        lengths in decimal ASCII

so that a signature over one type of document can never be read as one over another. A key is named by its 32 bytes in
0x-hex; ``keyid`` is that name.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from . import canonical
from .errors import ContextError, InputError

MAX_SIGNATURES = 64
MAX_PAYLOAD_TYPE_CHARACTERS = 128
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
# The y-coordinates of the eight points of small order: such a "key" signs anything.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _P - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)


class PrivateKey:
    """An Ed25519 signing key. Secret: its repr shows only the public half.

    Raises: InputError unless the seed is 32 bytes.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise InputError("an Ed25519 seed is 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = canonical.to_hex(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> PrivateKey:
        """A fresh key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    def to_bytes(self) -> bytes:
        """The 32-byte seed. Secret."""
        return self._key.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes, deterministic."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.public})"


def check_public_key(text: str) -> str:
    """``text`` if it is the 0x-hex of the canonical encoding of an Ed25519 point that is not of small order.

    Raises: InputError.
    """
    y = int.from_bytes(canonical.from_hex(text, 32), "little") & (1 << 255) - 1
    if y >= _P or y in _SMALL_ORDER_Y or not _on_curve(y):
        raise InputError("this is not a valid Ed25519 public key")
    return text


@lru_cache(maxsize=1024)
def _on_curve(y: int) -> bool:
    # x^2 = (y^2 - 1) / (d y^2 + 1) has a root exactly if numerator * denominator is a square; y^2 = 1 is refused above.
    return pow((y * y - 1) * (_D * y * y + 1), (_P - 1) // 2, _P) == 1


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """PAE of DSSE v1."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True)
class Envelope:
    """A payload, its media type, and signatures as (keyid, signature); nothing is verified yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def digest(self) -> str:
        """The digest of the payload: signatures do not change what a document is."""
        return canonical.digest(self.payload)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that claim to have signed, in order."""
        return tuple(key for key, _ in self.signatures)

    def with_signature(self, key: PrivateKey) -> Envelope:
        """The same envelope, also signed by ``key``; whatever stood under its name before is replaced."""
        signatures = dict(self.signatures)
        signatures[key.public] = key.sign(pre_authentication_encoding(self.payload_type, self.payload))
        return Envelope(self.payload_type, self.payload, tuple(signatures.items()))

    def verify(self, keys: Collection[str], *, payload_type: str, threshold: int = 1) -> bytes:
        """The payload, once at least ``threshold`` distinct keys of ``keys`` have signed it.

        Signatures by other keys are ignored. Raises: ContextError "bad_signature" (one of ``keys`` is named, but its
        signature is wrong, or the type is another), "unsigned" (fewer than ``threshold``).
        """
        if threshold < 1:
            raise ValueError("a threshold below one accepts anything")
        if self.payload_type != payload_type:
            raise ContextError("the envelope holds another type of document", code="bad_signature")
        message = pre_authentication_encoding(self.payload_type, self.payload)
        trusted = frozenset(keys)
        # A set: a key counts once, however often it signs.
        signers = {key for key, signature in self.signatures if key in trusted and _signed(key, signature, message)}
        if len(signers) < threshold:
            needed = "a trusted key" if threshold == 1 else f"{threshold} trusted keys"
            raise ContextError(f"the document is not signed by {needed}", code="unsigned")
        return self.payload

    def to_value(self) -> dict[str, Any]:
        """The JSON form of DSSE."""
        return {
            "payloadType": self.payload_type,
            "payload": base64.b64encode(self.payload).decode("ascii"),
            "signatures": [
                {"keyid": key, "sig": base64.b64encode(signature).decode("ascii")} for key, signature in self.signatures
            ],
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical.to_bytes(self.to_value())

    @classmethod
    def from_value(cls, value: Any) -> Envelope:
        """Raises: InputError."""
        if not isinstance(value, dict) or set(value) != {"payloadType", "payload", "signatures"}:
            raise InputError("an envelope has exactly payloadType, payload and signatures")
        entries = value["signatures"]
        if not isinstance(entries, list) or len(entries) > MAX_SIGNATURES:
            raise InputError(f"an envelope has a list of at most {MAX_SIGNATURES} signatures")
        kind = value["payloadType"]
        if not isinstance(kind, str) or len(kind) > MAX_PAYLOAD_TYPE_CHARACTERS or not kind.isascii():
            raise InputError("the payloadType of an envelope is a media type")
        signatures = tuple(map(_signature, entries))
        if len({key for key, _ in signatures}) != len(signatures):
            raise InputError("a key signs an envelope at most once")
        return cls(kind, _base64(value["payload"]), signatures)

    @classmethod
    def from_bytes(cls, data: bytes) -> Envelope:
        """Raises: InputError."""
        return cls.from_value(canonical.parse(data))


def sign(payload_type: str, payload: bytes, *keys: PrivateKey) -> Envelope:
    """An envelope around ``payload``, signed by every key."""
    envelope = Envelope(payload_type, payload, ())
    for key in keys:
        envelope = envelope.with_signature(key)
    return envelope


def is_envelope(value: Any) -> bool:
    """Whether a JSON value looks like an envelope rather than a bare document."""
    return isinstance(value, dict) and "payloadType" in value


def _signed(key: str, signature: bytes, message: bytes) -> bool:
    """True. Raises: ContextError "bad_signature": a wrong signature under a trusted name is refused, not skipped."""
    try:
        Ed25519PublicKey.from_public_bytes(canonical.from_hex(check_public_key(key), 32)).verify(signature, message)
    except (InvalidSignature, InputError):
        raise ContextError("a signature is wrong", code="bad_signature") from None
    return True


def _signature(entry: Any) -> tuple[str, bytes]:
    if not isinstance(entry, dict) or set(entry) != {"keyid", "sig"} or not isinstance(entry["keyid"], str):
        raise InputError("a signature has exactly keyid and sig")
    signature = _base64(entry["sig"])
    if len(signature) != 64:
        raise InputError("an Ed25519 signature is 64 bytes")
    # Only the form: whether it is a usable key is asked of trusted names, when the signature is verified.
    canonical.from_hex(entry["keyid"], 32)
    return entry["keyid"], signature


def _base64(text: Any) -> bytes:
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        data = None
    if data is None or base64.b64encode(data).decode("ascii") != text:
        raise InputError("base64 must be standard, padded and canonical")
    return data
