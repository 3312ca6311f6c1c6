"""The duplex sponge of the sigma proofs: SHAKE128 behind absorb and squeeze.

Source: draft-irtf-cfrg-fiat-shamir-03, sections 3.2 (XOF duplex sponge), 4.2.2 (DecodeUint), 5.1 (DeriveSessionID),
suite SHAKE128. Apart from the transcript of the range argument on purpose: the two never share a domain.
"""

from __future__ import annotations

import hashlib

from .field import SCALAR_BYTES, R

RATE = 168
SESSION_BYTES = 32
SESSION_DOMAIN = b"irtf-cfrg-fiat-shamir/session-id"
CHALLENGE_BYTES = SCALAR_BYTES + 16


class DuplexSponge:
    """Absorb bytes, squeeze bytes. Squeezes continue one stream until something non-empty is absorbed."""

    def __init__(self, session_id: bytes) -> None:
        if len(session_id) != SESSION_BYTES:
            raise ValueError("a session identifier is 32 bytes")
        # Padded to the rate: whatever follows starts on a fresh block.
        self._absorbed = hashlib.shake_128(session_id + bytes(RATE - SESSION_BYTES))
        self._read = 0

    def absorb(self, data: bytes) -> None:
        """Add ``data``; no separators: absorbing x and then y is absorbing x || y."""
        if data:
            self._absorbed.update(data)
            self._read = 0

    def squeeze(self, n: int) -> bytes:
        """The next ``n`` bytes of the output stream over all that was absorbed."""
        start, self._read = self._read, self._read + n
        return self._absorbed.digest(self._read)[start:]


def derive_session_id(tag: bytes) -> bytes:
    """The 32 bytes that stand for ``tag``, which names application, version, context, flavour and suite."""
    sponge = DuplexSponge(SESSION_DOMAIN)
    sponge.absorb(tag)
    return sponge.squeeze(SESSION_BYTES)


def decode_scalar(data: bytes) -> int:
    """DecodeField over the scalar field: 48 uniform bytes, little-endian, reduced mod r; bias at most 2^-128."""
    if len(data) != CHALLENGE_BYTES:
        raise ValueError("a scalar is decoded from 48 bytes")
    return int.from_bytes(data, "little") % R
