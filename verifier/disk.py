"""Files of the operator and the venue: read with a limit, written whole or not at all, secrets readable by their owner
only."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zkmargin.errors import InputError

from .errors import Unavailable

MAX_FILE_BYTES = 16 << 20
PRIVATE = 0o600
PUBLIC = 0o644
_PATH_ERRORS = {
    errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EPERM
}  # fmt: skip
"""The path is wrong, or not for this user; everything else is the disk's."""


@contextmanager
def _failures_told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise InputError(f"{path}: already exists and is not overwritten", code="file_exists") from None
    except OSError as error:
        told = f"{path}: {(error.strerror or 'cannot be used').lower()}"
        if error.errno in _PATH_ERRORS:
            raise InputError(told, code="bad_file") from None
        raise Unavailable(told, code="io_error") from None


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
    Whatever interrupts it, what is at ``path`` afterwards is all of ``content`` or nothing.

    Raises: InputError: it exists, or its directory does not.   Unavailable: the disk failed.
    """
    temporary = path.with_name(f".zkmargin-{secrets.token_hex(8)}.tmp")
    with _failures_told(path):
        try:
            # The mode is given at creation: there is no moment at which others can read a key.
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _name(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_directory(path.parent)


def _name(temporary: Path, path: Path) -> None:
    """Give a whole file its name, which nothing has yet."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # no links on this file system, such as that of a memory stick: reserve the name, and take it
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        temporary.replace(path)


def replace(path: Path, content: bytes, *, mode: int = PUBLIC) -> None:
    """Put ``content`` in the place of ``path``, at once and synced: a crash leaves the old file or the new one.

    Raises: InputError, Unavailable.
    """
    temporary = path.with_name(f".zkmargin-{secrets.token_hex(8)}.tmp")
    write_new(temporary, content, mode=mode)
    with _failures_told(path):
        try:
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_directory(path.parent)


def exists(path: Path) -> bool:
    """Whether there is something at ``path``. Raises: InputError: no path at all.   Unavailable."""
    with _failures_told(path):
        return path.exists()


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
