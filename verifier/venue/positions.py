"""Position files: one zkmargin/account/v1 file an account, found by its owner's key. The venue's truth, and its
secret."""

from __future__ import annotations

import errno
import logging
import os
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG

from verifier import disk, logs
from verifier.errors import Unavailable
from zkmargin.documents import Account, read
from zkmargin.errors import ContextError, InputError

_LOGGER = logging.getLogger("zkmargin.venue")


class Positions:
    """The directory of position files. Files may be replaced, added and removed while the venue runs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._parse = lru_cache(maxsize=4096)(_parse)

    def of(self, owner: str) -> Account:
        """What the account of ``owner`` holds.

        A file that is not an account, or a link to nothing or out of the directory, is told in the log and passed over:
        other accounts are not held up by it.

        Raises: ContextError "unknown_owner".   Unavailable: the directory cannot be read, or two files name this owner.
        """
        try:
            inside = Path(os.path.realpath(self._directory, strict=True))
            with os.scandir(inside) as entries:
                files = sorted((e for e in entries if e.name.endswith(".json")), key=lambda e: e.name)
            found = [self._read(entry, inside) for entry in files]
        except (OSError, Unavailable):  # without the sentence of either: it names a file of the venue
            raise Unavailable("the venue cannot read its positions", code="positions_unavailable") from None
        accounts = [account for account in found if account is not None and account.owner == owner]
        if not accounts:
            raise ContextError("the venue has no account with this owner", code="unknown_owner")
        if len(accounts) > 1:
            raise Unavailable("the venue has more than one position file with this owner", code="positions_unavailable")
        return accounts[0]

    def _read(self, entry: os.DirEntry[str], inside: Path) -> Account | None:
        try:
            return self._account(entry, inside)
        except InputError as error:  # not kept in the cache: a file can become readable without being written to
            logs.event(_LOGGER, "position_file_refused", file=entry.name, code=error.code)
            return None

    def _account(self, entry: os.DirEntry[str], inside: Path) -> Account:
        path = Path(entry.path)
        try:
            if entry.is_symlink() and not Path(os.path.realpath(path, strict=True)).is_relative_to(inside):
                raise InputError("a link out of the directory", code="link_outside")
            status = path.stat()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            raise InputError("removed since it was listed, or a link to nothing", code="missing") from None
        if not S_ISREG(status.st_mode):
            raise InputError("no file: what is read from a pipe or a device might never end", code="not_a_file")
        return self._parse(path, status.st_mtime_ns, status.st_size)


def _parse(path: Path, _mtime_ns: int, _size: int) -> Account:
    return read(disk.read(path), Account).document
