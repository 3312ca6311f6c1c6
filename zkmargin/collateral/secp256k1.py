"""ECDSA over secp256k1 as Ethereum writes it: 65 bytes r | s | v, s in the lower half, v = 27 or 28 by the parity of R.

A signature is checked by the key that is expected, never by recovering one. What v says must be true all the same: so
that a digest has one signature a nonce, and so that a contract which does recover finds the same key.

    what has to hold           s R = z G + r Q,   with R = (r, y) and y of the parity that v says
    the library shows          R* = (z G + r Q) / s  has x(R*) = r:  R* is R or -R
    and a second time          x(R* + G) = x(R + G):  R* is R, since R + G and -R + G differ in x (the order is odd)

R + G is computed here; R* + G = ((z + s) G + r Q) / s, so the second check is the library's own check of the signature
(r', s') on z', with r' = x(R + G), s' = r' s / r, z' = r' (z + s) / r.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import ContextError, InputError

P = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_GX = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
_GY = 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8
# Any hash of 32 bytes: the digest is taken as it is.
_DIGEST = ec.ECDSA(Prehashed(SHA256()))
_SIGN = ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True)


@lru_cache(maxsize=1024)
def public_key(compressed: bytes) -> ec.EllipticCurvePublicKey:
    """The key of 33 bytes. Raises: InputError: another length, or no point of the curve."""
    try:
        if len(compressed) != 33:
            raise ValueError
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), compressed)
    except ValueError:
        raise InputError("this is not a valid secp256k1 public key") from None


def private_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """The key of 32 secret bytes. Raises: InputError: not from 1 to the order - 1."""
    scalar = int.from_bytes(secret, "big")
    if len(secret) != 32 or not 0 < scalar < ORDER:
        raise InputError("a secp256k1 key is 32 bytes, above zero and below the order of the curve")
    return ec.derive_private_key(scalar, ec.SECP256K1())


def compressed(key: ec.EllipticCurvePublicKey) -> bytes:
    """The 33 bytes of a key."""
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def sign(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """65 bytes over a digest of 32, deterministic (RFC 6979)."""
    r, s = decode_dss_signature(key.sign(digest, _SIGN))
    s = min(s, ORDER - s)
    v = 27 if _is_odd(key.public_key(), digest, r, s, odd=False) else 28
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


def verify(public: bytes, digest: bytes, signature: bytes) -> None:
    """Accept only the signature of ``public`` over a digest of 32 bytes, in its one form.

    Raises: ContextError "high_s", "bad_signature"; InputError: not a key.   Cost: two checks of the library.
    """
    key = public_key(public)
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64:]
    if len(signature) != 65 or not 0 < r < ORDER or not 0 < s < ORDER or v not in (b"\x1b", b"\x1c"):
        raise _wrong()
    if s > ORDER // 2:
        raise ContextError("a secp256k1 signature has s in the lower half of the order", code="high_s")
    if not _holds(key, digest, r, s) or not _is_odd(key, digest, r, s, odd=v == b"\x1c"):
        raise _wrong()


def _is_odd(key: ec.EllipticCurvePublicKey, digest: bytes, r: int, s: int, *, odd: bool) -> bool:
    """Whether the R of a signature that holds has a y that is ``odd``."""
    if r == _GX:
        return False  # R = +-G: the nonce was 1, and the key is public
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), bytes([2 + odd]) + r.to_bytes(32, "big"))
    except ValueError:
        return False  # x(R) is r + the order: once in 2^128 signatures, and v has no value for it
    y = point.public_numbers().y
    slope = (y - _GY) * pow(r - _GX, -1, P) % P
    shifted = (slope * slope - r - _GX) % P
    factor = shifted * pow(r, -1, ORDER) % ORDER
    z = int.from_bytes(digest, "big")
    return _holds(key, ((z + s) * factor % ORDER).to_bytes(32, "big"), shifted % ORDER, s * factor % ORDER)


def _holds(key: ec.EllipticCurvePublicKey, digest: bytes, r: int, s: int) -> bool:
    try:
        key.verify(encode_dss_signature(r, s), digest, _DIGEST)
    except InvalidSignature:
        return False
    return True


def _wrong() -> ContextError:
    return ContextError("a signature is wrong", code="bad_signature")
