"""Sealing a document to one reader: HPKE (RFC 9180), base mode, X25519, HKDF-SHA256, ChaCha20-Poly1305.

``info`` binds what the sealed bytes belong to; opening under another ``info`` fails.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from . import canonical
from .errors import InputError

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class SealingKey:
    """An X25519 key that opens what was sealed to it. Secret: its repr shows only the public half.

    Raises: InputError unless ``private`` is 32 bytes.
    """

    def __init__(self, private: bytes) -> None:
        if len(private) != 32:
            raise InputError("an X25519 key is 32 bytes")
        self._key = X25519PrivateKey.from_private_bytes(private)
        self.public = canonical.to_hex(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SealingKey:
        """A fresh key from the system's randomness."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    def to_bytes(self) -> bytes:
        """The 32 private bytes. Secret."""
        return self._key.private_bytes_raw()

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """The plaintext. Raises: InputError: not sealed to this key, under this info, or altered."""
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError):
            raise InputError("the sealed bytes do not open with this key for this document", code="bad_seal") from None

    def __repr__(self) -> str:
        return f"SealingKey(public={self.public})"


def seal(plaintext: bytes, public_key: str, *, info: bytes) -> bytes:
    """Seal to the holder of ``public_key`` (0x-hex).

    Raises: InputError: not a usable public key (a point of small order).
    """
    try:
        key = X25519PublicKey.from_public_bytes(canonical.from_hex(public_key, 32))
        return _SUITE.encrypt(plaintext, key, info)
    except ValueError:
        raise InputError("this is not a usable X25519 public key") from None
