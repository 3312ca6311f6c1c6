"""Sealed bytes: opened by the right key for the right document only, and as RFC 9180 has it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from zkmargin.canonical import from_hex
from zkmargin.errors import InputError
from zkmargin.sealing import SealingKey, seal

KEY = SealingKey(b"\x02" * 32)


def test_what_is_sealed_opens() -> None:
    sealed = seal(b"openings", KEY.public, info=b"state")
    assert KEY.open(sealed, info=b"state") == b"openings"
    assert sealed != seal(b"openings", KEY.public, info=b"state")


def test_nobody_else_and_for_nothing_else() -> None:
    sealed = seal(b"openings", KEY.public, info=b"state")
    for key, data, info in (
        (SealingKey.generate(), sealed, b"state"),
        (KEY, sealed, b"another state"),
        (KEY, sealed, b""),
        (KEY, sealed[:-1], b"state"),
        (KEY, sealed + b"\x00", b"state"),
        (KEY, sealed[:31], b"state"),
        (KEY, b"", b"state"),
        (KEY, b"\x00" * len(sealed), b"state"),
    ):
        with pytest.raises(InputError) as caught:
            key.open(data, info=info)
        assert caught.value.code == "bad_seal"


def test_every_byte_counts() -> None:
    sealed = seal(b"x", KEY.public, info=b"")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(InputError):
            KEY.open(bytes(changed), info=b"")


@pytest.mark.parametrize("public", ["0x" + "00" * 32, "0x01" + "00" * 31, "0x00", "02" * 32])
def test_what_is_no_key_is_not_sealed_to(public: str) -> None:
    with pytest.raises(InputError):
        seal(b"openings", public, info=b"")


def test_secrets_stay_out_of_repr() -> None:
    assert KEY.to_bytes() == b"\x02" * 32
    assert "0202" not in repr(KEY)
    assert KEY.public in repr(KEY)
    with pytest.raises(InputError, match="32 bytes"):
        SealingKey(b"\x02" * 31)


# RFC 9180 in thirty lines: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, one message.


def _extract(salt: bytes, key: bytes) -> bytes:
    return hmac.new(salt, key, hashlib.sha256).digest()


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    block, output = b"", b""
    while len(output) < length:
        block = hmac.new(key, block + info + bytes([len(output) // 32 + 1]), hashlib.sha256).digest()
        output += block
    return output[:length]


def _labelled(suite: bytes) -> tuple[Callable[..., bytes], Callable[..., bytes]]:
    def extract(salt: bytes, label: bytes, key: bytes) -> bytes:
        return _extract(salt, b"HPKE-v1" + suite + label + key)

    def expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return _expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)

    return extract, expand


def _seal_by_the_rfc(plaintext: bytes, recipient: bytes, info: bytes, ephemeral: bytes) -> bytes:
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(recipient))
    extract, expand = _labelled(b"KEM" + (0x0020).to_bytes(2, "big"))
    secret = expand(extract(b"", b"eae_prk", shared), b"shared_secret", enc + recipient, 32)
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0003))
    extract, expand = _labelled(suite)
    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(secret, b"secret", b"")
    key = expand(secret, b"key", context, 32)
    nonce = expand(secret, b"base_nonce", context, 12)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")


def test_bytes_sealed_by_another_implementation_open() -> None:
    sealed = _seal_by_the_rfc(b"openings", from_hex(KEY.public), b"state", b"\x09" * 32)
    assert KEY.open(sealed, info=b"state") == b"openings"
