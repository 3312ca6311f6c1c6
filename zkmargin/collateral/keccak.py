"""Keccak-256, the hash of Ethereum: what EIP-712, lock ids and storage proofs are made of."""

from __future__ import annotations

# Named, not ``eth_hash.auto``: which code hashes must not depend on an environment variable.
from eth_hash.backends.pycryptodome import keccak256 as _keccak256


def keccak256(data: bytes) -> bytes:
    """32 bytes: Keccak with the padding of 2011, not SHA3-256."""
    return _keccak256(data)
