"""ECDSA over secp256k1 as Ethereum writes it: 65 bytes r | s | v, s in the lower half, v = 27 or 28 by the parity of R.

A signature is checked by the key that is expected, never by recovering one. What v says must be true all the same: so
that a digest has one signature a nonce, and so that a contract which does recover finds the same key. One check of the
library shows both:

    what has to hold     R* = R        R* = (z G + r Q) / s,  R = (r, y) with y of the parity that v says
    what is checked      x(R* + T) = x(R + T)                 T = t G, t random, of this process, told to nobody

for R* + T = ((z + t s) G + r Q) / s is what the library computes of the signature (r', s') on z', with r' = x(R + T),
s' = r' s / r, z' = r' (z + t s) / r. It holds if R* = R, or if T = -(R* + R) / 2. Signature, key and digest are there
before anybody can know T, so the latter has a chance of 2^-256; a T that a signer knew would let it through
(tests/collateral/test_signatures.py).
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
    v = 27 if _holds(key.public_key(), digest, r, s, odd=False) else 28
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


def verify(public: bytes, digest: bytes, signature: bytes) -> None:
    """Accept only the signature of ``public`` over a digest of 32 bytes, in its one form.

    Raises: ContextError "high_s", "bad_signature"; InputError: not a key.   Cost: one check of the library.
    """
    key = public_key(public)
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64:]
    if len(signature) != 65 or not 0 < r < ORDER or not 0 < s < ORDER or v not in (b"\x1b", b"\x1c"):
        raise _wrong()
    if s > ORDER // 2:
        raise ContextError("a secp256k1 signature has s in the lower half of the order", code="high_s")
    if not _holds(key, digest, r, s, odd=v == b"\x1c"):
        raise _wrong()


@lru_cache(maxsize=1)
def _shift() -> tuple[int, int, int]:
    """t, and x and y of T = t G."""
    numbers = ec.generate_private_key(ec.SECP256K1()).private_numbers()
    return numbers.private_value, numbers.public_numbers.x, numbers.public_numbers.y


def _holds(key: ec.EllipticCurvePublicKey, digest: bytes, r: int, s: int, *, odd: bool) -> bool:
    """Whether (r, s) is a signature of ``key`` whose R has a y that is ``odd``."""
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), bytes([2 + odd]) + r.to_bytes(32, "big"))
    except ValueError:
        return False  # no x of the curve; or it was r + the order: once in 2^128 signatures, and v has no value for it
    t, x, y = _shift()
    if r == x:
        return False  # once in 2^256
    slope = (point.public_numbers().y - y) * pow(r - x, -1, P) % P
    shifted = (slope * slope - r - x) % P
    factor = shifted * pow(r, -1, ORDER) % ORDER
    z = (int.from_bytes(digest, "big") + t * s) * factor % ORDER
    try:
        key.verify(encode_dss_signature(shifted % ORDER, s * factor % ORDER), z.to_bytes(32, "big"), _DIGEST)
    except InvalidSignature:
        return False
    return True


def _wrong() -> ContextError:
    return ContextError("a signature is wrong", code="bad_signature")
