"""Hedged randomness of the prover.

A scalar is H(seed, label, index) with seed = H(fresh entropy, secrets, transcript). If the system's entropy fails, two
different statements still get different scalars; if the rest is known, the entropy still hides them. Reusing a
randomiser under two challenges would reveal the witness (docs/protocol.md, "Zero knowledge").
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator

from .field import R
from .framing import framed


def fresh_entropy() -> bytes:
    """32 bytes from the operating system. Tests replace this function to re-prove vectors; nothing else may."""
    return secrets.token_bytes(32)


class NonceSource:
    """Scalars for one proof, or one commitment, from ``inputs``: secrets and public state, in a fixed order."""

    def __init__(self, label: bytes, *inputs: bytes) -> None:
        self._seed = hashlib.sha512(framed(b"zkmargin/v1/nonces", label, fresh_entropy(), *inputs)).digest()

    def scalar(self, label: str, index: int = 0) -> int:
        """A scalar, uniform up to 2^-256; every (label, index) is drawn at most once in a proof."""
        return next(self._draw(label, (index,)))

    def scalars(self, label: str, count: int) -> list[int]:
        """``count`` scalars of one label."""
        return list(self._draw(label, range(count)))

    def _draw(self, label: str, indices: Iterable[int]) -> Iterator[int]:
        start = hashlib.sha512(framed(self._seed, label.encode("ascii")))  # the same for all: frames are just joined
        for index in indices:
            state = start.copy()
            state.update(framed(index.to_bytes(4, "big")))
            yield int.from_bytes(state.digest(), "big") % R

    def __repr__(self) -> str:
        return "NonceSource(hidden)"
