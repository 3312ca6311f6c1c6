"""Key files: one line of 0x-hex, mode 0600. Meant for machines; root keys belong offline (docs/operations.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from zkmargin import canonical
from zkmargin.envelope import PrivateKey
from zkmargin.errors import InputError
from zkmargin.sealing import SealingKey

from . import disk

_SEED_BYTES = 32
_MAX_KEY_FILE_BYTES = 256


class Secret(Protocol):
    """What a key file holds: 32 secret bytes, of whatever kind."""

    def to_bytes(self) -> bytes:
        """The 32 bytes."""


def write_new(path: Path, key: Secret) -> None:
    """Write ``key`` to ``path``, which must not exist yet.

    Raises: InputError, Unavailable.
    """
    disk.write_new(path, _content(key), mode=disk.PRIVATE)


def rotate(path: Path, old: PrivateKey | SealingKey, new: PrivateKey | SealingKey) -> Path:
    """Put ``new`` in the place of ``old`` at ``path``; ``old`` stays beside it, under a name that has its public half.

    Returns: the file that ``old`` is in now.
    Raises:  InputError, Unavailable: ``old`` is still at ``path``.
    """
    kept = path.with_name(f"{path.stem}-{old.public[2:18]}{path.suffix}")
    if not disk.exists(kept):  # an interrupted rotation has kept it already
        write_new(kept, old)
    disk.replace(path, _content(new), mode=disk.PRIVATE)
    return kept


def read_signing(path: Path) -> PrivateKey:
    """The Ed25519 key in ``path``.

    Raises: InputError: no key file, or one that others may read.   Unavailable.
    """
    return PrivateKey(_read(path))


def read_sealing(path: Path) -> SealingKey:
    """The X25519 key in ``path``.

    Raises: as ``read_signing``.
    """
    return SealingKey(_read(path))


def read_secret(path: Path) -> bytes:
    """The 32 secret bytes in ``path``, whatever they are for.

    Raises: as ``read_signing``.
    """
    return _read(path)


def _content(key: Secret) -> bytes:
    return canonical.to_hex(key.to_bytes()).encode("ascii") + b"\n"


def _read(path: Path) -> bytes:
    content = disk.read_private(path, limit=_MAX_KEY_FILE_BYTES)
    try:
        return canonical.from_hex(content.decode("ascii").strip(), _SEED_BYTES)
    except (UnicodeDecodeError, InputError):
        # The reason is not told: it could quote a part of the key.
        raise InputError(f"{path}: not a key file", code="bad_key_file") from None
