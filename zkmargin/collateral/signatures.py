"""Signatures of members of an attestor set: Ed25519 over a message, secp256k1 over its Keccak-256.

One rule for whatever members sign: the 66 bytes of a checkpoint, whose Keccak-256 is its digest of EIP-712, and the 32
bytes of ``signed_message``, for keys and sets. Their lengths keep the two apart.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Annotated, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import model_validator

from .. import canonical
from ..documents.base import Part, Text
from ..envelope import PrivateKey, check_public_key
from ..errors import ContextError
from ..framing import framed
from . import secp256k1
from .fields import MemberId
from .keccak import keccak256

Scheme = Literal["ed25519", "secp256k1"]
SIGNATURE_BYTES: dict[str, int] = {"ed25519": 64, "secp256k1": 65}

_SignatureHex = Annotated[str, Text(r"^0x[0-9a-f]{128}([0-9a-f]{2})?$", "must be 0x and 64 or 65 bytes in hex", 132)]


class MemberSignature(Part):
    """Who signed, by which of its keys, and the bytes. Nothing is verified yet."""

    signer: MemberId
    scheme: Scheme
    sig: _SignatureHex

    @model_validator(mode="after")
    def _length(self) -> Self:
        if len(self.sig) != 2 + 2 * SIGNATURE_BYTES[self.scheme]:
            raise ValueError("an Ed25519 signature is 64 bytes, one of secp256k1 65")
        return self


class Ed25519Key:
    """A member's Ed25519 key. Secret: its repr shows only the public half. Raises: InputError: not 32 bytes."""

    scheme: Scheme = "ed25519"

    def __init__(self, seed: bytes) -> None:
        self._key = PrivateKey(seed)
        self.public = self._key.public

    def sign(self, message: bytes) -> bytes:
        """64 bytes, deterministic."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"Ed25519Key(public={self.public})"


class Secp256k1Key:
    """A member's secp256k1 key. Secret: its repr shows only the public half.

    Raises: InputError: not 32 bytes, zero, or not below the order of the curve.
    """

    scheme: Scheme = "secp256k1"

    def __init__(self, secret: bytes) -> None:
        self._key = secp256k1.private_key(secret)
        self.public = canonical.to_hex(secp256k1.compressed(self._key))

    def sign(self, message: bytes) -> bytes:
        """65 bytes over the Keccak-256 of ``message``, deterministic (RFC 6979), s in the lower half."""
        return secp256k1.sign(self._key, keccak256(message))

    def __repr__(self) -> str:
        return f"Secp256k1Key(public={self.public})"


SigningKey = Ed25519Key | Secp256k1Key


def signed_message(name: str, *fields: bytes) -> bytes:
    """SHA-256 of the length-prefixed fields ``name``, ``fields``: what members sign of anything but checkpoints."""
    return hashlib.sha256(framed(name.encode("utf-8"), *fields)).digest()


def signed_by(signer: str, key: SigningKey, message: bytes) -> MemberSignature:
    """The signature of member ``signer`` by ``key``."""
    return MemberSignature(signer=signer, scheme=key.scheme, sig=canonical.to_hex(key.sign(message)))


def verify(scheme: Scheme, public: str, message: bytes, signature: bytes) -> None:
    """Accept only a signature of ``public``, in its one form.

    Args:   public: 0x-hex, 32 bytes (Ed25519) or 33 (secp256k1), registered.   signature: untrusted.
    Raises: ContextError "bad_signature", "high_s"; InputError: not a key.   Cost: 0.1 ms each.
    """
    if scheme == "secp256k1":
        secp256k1.verify(canonical.from_hex(public), keccak256(message), signature)
        return
    try:
        _ed25519(public).verify(signature, message)
    except InvalidSignature:
        raise ContextError("a signature is wrong", code="bad_signature") from None


@lru_cache(maxsize=1024)
def _ed25519(public: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(canonical.from_hex(check_public_key(public), 32))
