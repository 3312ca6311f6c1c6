"""Where a password comes from: a prompt or a file. Never an argument or the environment: other programs read those."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from zkmargin.errors import InputError

from . import files

MIN_CHARACTERS = 8
_MAX_FILE_BYTES = 1024


def read_password(password_file: Path | None, *, new: bool = False) -> str:
    """The password, without its final line end. A new one is asked for twice and must not be trivially short.

    Raises: InputError.
    """
    if password_file is not None:
        password = _from_file(password_file)
    elif files.is_terminal(sys.stdin):
        password = _ask("Wallet password: ")
        if new and _ask("The same again: ") != password:
            raise InputError("the two passwords differ", code="password")
    else:
        raise InputError("no terminal to ask for the password: name a file with --password-file", code="password")
    if not _encodable(password):
        raise InputError("the password is not valid text", code="password")
    if new and len(password) < MIN_CHARACTERS:
        raise InputError(f"a wallet password has at least {MIN_CHARACTERS} characters", code="password")
    return password


def _ask(prompt: str) -> str:
    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError:
        raise InputError("no password was given", code="password") from None


def _from_file(path: Path) -> str:
    try:
        return files.read(path, limit=_MAX_FILE_BYTES).decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InputError(f"{path}: the password is not UTF-8", code="password") from None


def _encodable(text: str) -> bool:
    """False for what a terminal with another encoding leaves behind: half characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
