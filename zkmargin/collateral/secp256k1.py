"""ECDSA over secp256k1 as Ethereum writes it: 65 bytes r | s | v, s in the lower half, v = 27 or 28 by the parity of R.

libsecp256k1 (coincurve) recovers the key of a signature, and it has to be the one that is registered: so r, s and v are
checked together, a digest has one signature a nonce, and a contract that recovers finds the same key.
"""

from __future__ import annotations

from coincurve import PrivateKey, PublicKey

from ..errors import ContextError, InputError

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_V = 27
"""What Ethereum adds to the parity of R."""


def check_public_key(compressed: bytes) -> None:
    """Accept only the 33 bytes of a point of the curve. Raises: InputError."""
    try:
        if len(compressed) != 33:
            raise ValueError
        PublicKey(compressed)
    except ValueError:
        raise InputError("this is not a valid secp256k1 public key") from None


def private_key(secret: bytes) -> PrivateKey:
    """The key of 32 secret bytes. Raises: InputError: not from 1 to the order - 1."""
    if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < ORDER:
        raise InputError("a secp256k1 key is 32 bytes, above zero and below the order of the curve")
    return PrivateKey(secret)


def compressed(key: PrivateKey) -> bytes:
    """The 33 bytes of the public key."""
    public: bytes = key.public_key.format()
    return public


def sign(key: PrivateKey, digest: bytes) -> bytes:
    """65 bytes over a digest of 32, deterministic (RFC 6979), with s in the lower half."""
    signature: bytes = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([_V + signature[64]])


def verify(public: bytes, digest: bytes, signature: bytes) -> None:
    """Accept only the signature of ``public`` over a digest of 32 bytes, in its one form.

    Raises: ContextError "high_s", "bad_signature"; InputError: not a key.
    """
    check_public_key(public)
    if len(signature) != 65 or signature[64] - _V not in (0, 1):
        raise _wrong()
    if int.from_bytes(signature[32:64], "big") > ORDER // 2:
        raise ContextError("a secp256k1 signature has s in the lower half of the order", code="high_s")
    try:
        # libsecp256k1 refuses r or s of zero, or not below the order.
        recovered = PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - _V]), digest, hasher=None
        )
    except Exception:  # coincurve raises ValueError, and Exception itself, for what cannot be recovered from
        raise _wrong() from None
    if recovered.format() != public:
        raise _wrong()


def _wrong() -> ContextError:
    return ContextError("a signature is wrong", code="bad_signature")
