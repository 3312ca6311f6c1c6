"""The secrets of a member, each in a file of its own as all key files are: 0x-hex, mode 0600."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from verifier import keys
from zkmargin import canonical
from zkmargin.collateral import Ed25519Key, Secp256k1Key, SigningKey

from .settings import TOKEN_FILE

KEY_FILES: dict[str, Callable[[bytes], SigningKey]] = {
    "ed25519.key": Ed25519Key,
    "secp256k1.key": Secp256k1Key,
}
"""A member has a key of each scheme; the set of attestors says which of them count."""


class NewSecret:
    """32 fresh bytes from the system's randomness: a key of either scheme, or a token. Its repr shows nothing.

    A secp256k1 key must be below the order of the curve, and is, but for one in 2^127.
    """

    def __init__(self) -> None:
        self._bytes = secrets.token_bytes(32)

    def to_bytes(self) -> bytes:
        """The 32 bytes. Secret."""
        return self._bytes


def to_make() -> Mapping[str, Callable[[], keys.Secret]]:
    """The files that ``init`` makes, and what comes into them."""
    return dict.fromkeys((*KEY_FILES, TOKEN_FILE), NewSecret)


def read_signing(directory: Path) -> tuple[SigningKey, ...]:
    """The member's keys, one of each scheme.

    Raises: InputError: no key file, or one that others may read.   Unavailable.
    """
    return tuple(kind(keys.read_secret(directory / file)) for file, kind in KEY_FILES.items())


def read_token(path: Path) -> str:
    """The token of collectors, as it stands in an Authorization header.

    Raises: as ``read_signing``.
    """
    return canonical.to_hex(keys.read_secret(path)).removeprefix("0x")
