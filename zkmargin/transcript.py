"""Fiat-Shamir: every public byte enters before the challenge that must depend on it.

Source: docs/protocol.md, "Transcript". SHA-256 throughout, so that a contract can redo it.

    absorb(label, x):  state = SHA256(state || len(label) || label || len(x) || x)
    challenge(label):  absorb(label, ""); z = SHA256(state || 00) || SHA256(state || 01); c = z mod r;
                       absorb("c", c); if c = 0 draw again
"""

from __future__ import annotations

import hashlib

from .field import R, to_bytes

DOMAIN = b"zkmargin/v1/range-argument"


class Transcript:
    """A running hash of all that was said so far."""

    def __init__(self, domain: bytes = DOMAIN) -> None:
        self.state: bytes = hashlib.sha256(domain).digest()

    def absorb(self, label: str, data: bytes) -> None:
        """Bind ``data`` under ``label``; lengths go first, so no two sequences of calls hash alike."""
        name = label.encode("ascii")
        self.state = hashlib.sha256(
            self.state + len(name).to_bytes(4, "big") + name + len(data).to_bytes(4, "big") + data
        ).digest()

    def challenge(self, label: str) -> int:
        """A non-zero scalar, uniform up to 2^-257."""
        while True:
            self.absorb(label, b"")
            z = hashlib.sha256(self.state + b"\x00").digest() + hashlib.sha256(self.state + b"\x01").digest()
            c = int.from_bytes(z, "big") % R
            self.absorb("c", to_bytes(c))
            if c:
                return c
