"""Position files: one zkmargin/account/v1 file an account, found by its owner's key. The venue's truth, and its
secret."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

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

        Raises: ContextError "unknown_owner".   Unavailable: the directory cannot be read, or two files name this owner.
        """
        try:
            files = sorted(self._directory.glob("*.json"))
            found = [self._parse(path, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in files]
        except OSError:
            raise Unavailable("the venue cannot read its positions", code="positions_unavailable") from None
        accounts = [account for account in found if account is not None and account.owner == owner]
        if not accounts:
            raise ContextError("the venue has no account with this owner", code="unknown_owner")
        if len(accounts) > 1:
            raise Unavailable("the venue has more than one position file with this owner", code="positions_unavailable")
        return accounts[0]


def _parse(path: Path, _mtime_ns: int, _size: int) -> Account | None:
    """The account in ``path``; None, and a line in the log, if it is not one. Others are not held up by it."""
    try:
        return read(disk.read(path), Account).document
    except InputError as error:
        logs.event(_LOGGER, "position_file_refused", file=path.name, code=error.code)
        return None
