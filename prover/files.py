"""Files of the holder: read with a limit, written whole or not at all.

A path that cannot be used is bad input (exit 2); a disk that fails is "cannot say" (exit 3).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Any

from zkmargin.errors import InputError

from .errors import Unavailable, WalletError

MAX_FILE_BYTES = 16 * 1024 * 1024
PRIVATE = 0o600
PUBLIC = 0o644
_PATH_ERRORS = {
    errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EPERM
}  # fmt: skip
"""The path is wrong, or not for this user; everything else is the disk's."""


@contextmanager
def _failures_told(path: Path, code: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise InputError(f"{path}: already exists and is not overwritten", code="file_exists") from None
    except OSError as error:
        told = f"{path}: {(error.strerror or 'cannot be used').lower()}"
        if error.errno in _PATH_ERRORS:
            raise InputError(told, code=code) from None
        raise Unavailable(told, code="io_error") from None


def read(path: Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of ``path``.

    Raises: InputError: no such file, a directory, not readable by this user, or above ``limit``.
            Unavailable: the disk failed.
    """
    with _failures_told(path, "unreadable_file"), path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(f"{path}: larger than {limit} bytes", code="file_too_large")
    return content


def write_new(path: Path, content: bytes, *, mode: int = PUBLIC) -> None:
    """Write ``content`` to ``path``, which must not exist yet. All of it, synced to the disk, or nothing.

    Raises: InputError: the file exists or the directory does not.   Unavailable: the disk failed.
    """
    _write(path, content, mode, overwrite=False)


def exists(path: Path) -> bool:
    """Whether there is something at ``path``. Raises: as ``read``."""
    with _failures_told(path, "unreadable_file"):
        return path.exists()


def check_new(path: Path) -> None:
    """Refuse early what ``write_new`` would refuse after the work is done.

    Raises: InputError: the file exists, or could not.
    """
    if exists(path):
        raise InputError(f"{path}: already exists and is not overwritten", code="file_exists")


def make_directory(path: Path) -> None:
    """Make ``path`` and what it lies in, readable by its owner only, unless it is there.

    Raises: as ``write_new``.
    """
    with _failures_told(path, "unwritable_file"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def replace(path: Path, content: bytes, *, mode: int = PUBLIC) -> None:
    """Put ``content`` in the place of ``path``, atomically: a crash leaves the old file or the new one, synced.

    Raises: as ``write_new``, but an existing file is no error.
    """
    _write(path, content, mode, overwrite=True)


def _write(path: Path, content: bytes, mode: int, *, overwrite: bool) -> None:
    if not overwrite:
        check_new(path)
    leftovers: list[Path] = []
    with _failures_told(path, "unwritable_file"):
        try:
            # mkstemp makes the file 0600 before a byte is in it: no moment at which others can read a keystore.
            descriptor, name = mkstemp(dir=path.parent, prefix=".zkmargin-", suffix=".tmp")
            temporary = Path(name)
            leftovers.append(temporary)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if mode != PRIVATE:
                temporary.chmod(mode)
            if not overwrite:
                # Reserve the name: a rename alone would overwrite a file that appeared meanwhile.
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
                leftovers.append(path)
            temporary.replace(path)
            leftovers.clear()
            _sync_directory(path.parent)
        finally:
            for leftover in leftovers:
                leftover.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Make a rename durable: the entry itself lives in the directory."""
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock beside ``path``: two commands must not move one wallet at the same time.

    Raises: WalletError: another process holds it. On systems without flock there is no lock.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    lock_path = path.with_name(path.name + ".lock")
    with _failures_told(lock_path, "unwritable_file"):
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT, PRIVATE)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WalletError(f"{path}: another command is using this wallet; wait until it ends") from None
        yield


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether a person is at ``stream``. Python has None for a stream that was closed before it started."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False
