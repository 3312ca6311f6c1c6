"""Files of the operator and the venue: read with a limit, written whole or not at all, secrets readable by their owner
only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zkmargin.errors import InputError

from .errors import Unavailable

MAX_FILE_BYTES = 16 << 20
PRIVATE = 0o600
PUBLIC = 0o644


@contextmanager
def _failures_told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise InputError(f"{path}: already exists and is not overwritten", code="file_exists") from None
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"{path}: {(error.strerror or 'cannot be used').lower()}", code="bad_file") from None
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or 'cannot be used').lower()}", code="io_error") from None


def read(path: Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of ``path``.

    Raises: InputError: no such file, not readable by this user, or larger than ``limit``.   Unavailable: the disk
            failed.
    """
    with _failures_told(path), path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(f"{path}: larger than {limit} bytes", code="bad_file")
    return content


def read_private(path: Path, *, limit: int) -> bytes:
    """``read``, of a file that nobody but its owner may read or write.

    Raises: as ``read``; InputError if its mode is wider than 0600.
    """
    with _failures_told(path):
        mode = path.stat().st_mode
    if mode & 0o077:
        raise InputError(f"{path}: others may read this key; chmod it to 600", code="bad_key_file")
    return read(path, limit=limit)


def write_new(path: Path, content: bytes, *, mode: int = PUBLIC) -> None:
    """Write ``content`` to ``path``, which must not exist yet, and sync it: the file and its name in the directory.

    Raises: InputError: it exists, or its directory does not.   Unavailable: the disk failed.
    """
    with _failures_told(path):
        # The mode is given at creation: there is no moment at which others can read a key.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Make ``path``, readable by its owner only, unless it is there."""
    with _failures_told(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
