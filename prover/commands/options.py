"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from zkmargin import canonical
from zkmargin.documents import Account, Params
from zkmargin.errors import InputError

from .. import files
from ..client import Verifier
from ..console import progress
from ..importers import import_account
from ..passwords import read_password
from ..public import load_file
from ..wallet import Wallet

AccountFile = Annotated[
    Path, typer.Option("--account", metavar="FILE", help="Account file: account/v1 JSON, CSV or ccxt. Secret.")
]
OptionalAccountFile = Annotated[
    Path | None, typer.Option("--account", metavar="FILE", help="Account file: account/v1 JSON, CSV or ccxt. Secret.")
]
ParamsFile = Annotated[Path, typer.Option("--params", metavar="FILE", help="Risk parameters of the venue.")]
OptionalParamsFile = Annotated[
    Path | None,
    typer.Option("--params", metavar="FILE", help="Risk parameters of the venue; else asked of the verifier."),
]
OracleFiles = Annotated[
    list[Path],
    typer.Option("--oracle", metavar="FILE", help="Oracle round, or reports of one round (repeat the option)."),
]
OptionalOracleFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--oracle", metavar="FILE", help="Oracle round, or reports of one round (repeat); else asked of the verifier."
    ),
]
WalletFile = Annotated[
    Path | None,
    typer.Option("--wallet", metavar="FILE", help="Wallet file.", show_default="wallet.json in your data directory"),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", metavar="FILE", help="File that holds the wallet's password; else it is asked for."
    ),
]
TrustFile = Annotated[
    Path | None,
    typer.Option("--trust", metavar="FILE", help="Trust document: parameters and prices must be signed by its keys."),
]
VerifierUrl = Annotated[str | None, typer.Option("--verifier", metavar="URL", help="Address of the verifier.")]
RequiredVerifierUrl = Annotated[str, typer.Option("--verifier", metavar="URL", help="Address of the verifier.")]


def wallet_path(path: Path | None) -> Path:
    """The wallet's file: the one named, or the one in the user's data directory."""
    return path or Path(platformdirs.user_data_dir("zkmargin", appauthor=False)) / "wallet.json"


def open_wallet(path: Path | None, password_file: Path | None) -> Wallet:
    """Ask for the password and open the wallet."""
    where = _existing(path)
    password = read_password(password_file)
    with progress("opening the wallet"):
        return Wallet.open(where, password)


def _existing(path: Path | None) -> Path:
    where = wallet_path(path)
    if not files.exists(where):
        raise InputError(f"{where}: there is no wallet yet: make one with zkmargin wallet new", code="no_wallet")
    return where


def load_account(path: Path, params: Params) -> Account:
    """The account in ``path``: account/v1, CSV or ccxt, as ``zkmargin import`` reads them."""
    return load_file(path, lambda content: import_account(content, params, unnamed=account_name(path)))


def account_name(path: Path) -> str:
    """A name for an account whose file gives none."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", path.stem).lstrip("._-") or "account"


@contextmanager
def locked_wallet(path: Path | None, password_file: Path | None) -> Iterator[Wallet]:
    """The opened wallet, with nobody else moving it meanwhile."""
    where = _existing(path)
    with files.locked(where):
        yield open_wallet(where, password_file)


@contextmanager
def optional_verifier(url: str | None) -> Iterator[Verifier | None]:
    """A client for the verifier at ``url``, if one is named."""
    if url is None:
        yield None
        return
    with Verifier(url) as verifier:
        yield verifier


def percent(text: str) -> Fraction:
    """A width such as "2.5" or "2.5%". Raises: InputError."""
    try:
        return canonical.parse_decimal(text.strip().removesuffix("%").rstrip())
    except InputError:
        raise InputError("--box is a number of percent, such as 2.5", code="bad_box") from None
