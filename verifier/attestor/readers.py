"""Which reader a kind of chain has. A new kind is one entry here."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from zkmargin.errors import InputError

from .reader import Reader


def _evm(url: str, vault: bytes, _delay_s: int) -> Reader:
    from .evm import EvmReader

    return EvmReader.at(url, vault)


def _solana(url: str, vault: bytes, delay_s: int) -> Reader:
    from .solana import SolanaReader

    return SolanaReader.at(url, vault, delay_s)


KINDS: dict[str, Callable[[str, bytes, int], Reader]] = {"evm": _evm, "solana": _solana}
"""By ``kind`` of the registry. Imported when one is needed: each has libraries of its own."""


def open_reader(kind: str, url: str, vault: bytes, delay_s: int) -> Reader:
    """The reader of the vault, through the node at ``url``. ``delay_s``: the registry's, for a vault that knows none.

    Raises: InputError "unknown_kind", "bad_url", "missing_extra": the libraries of this kind are not installed.
    """
    if kind not in KINDS:
        raise InputError("chains of this kind cannot be followed", code="unknown_kind")
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError("the address of a node must look like http://127.0.0.1:8545", code="bad_url")
    return KINDS[kind](url, vault, delay_s)
