"""zkmargin wallet: new, show, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import files
from ..console import Output, OutputOption, emit, fields, progress
from ..errors import Unavailable
from ..passwords import read_password
from ..wallet import Wallet
from .options import PasswordFile, WalletFile, locked_wallet, open_wallet, wallet_path

app = typer.Typer(
    name="wallet", help="Keys and openings, in one encrypted file.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def new(
    venue: Annotated[str, typer.Option("--venue", help="Name of the venue that this account is at.")],
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a wallet: fresh keys for one account at one venue.

    The file is encrypted (Argon2id, AES-256-GCM), readable by you only, and never overwritten.

    \b
    Examples:
      zkmargin wallet new --venue demo
      zkmargin wallet new --venue demo --wallet alice.json --password-file secret.txt
    """
    path = wallet_path(wallet)
    password = read_password(password_file, new=True)
    if wallet is None:
        files.make_directory(path.parent)
    with progress("deriving the key of the wallet"):
        made = Wallet.new(path, venue, password)
    _tell(made, output)


@app.command()
def show(
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show the public side of a wallet: account, keys, state. No secret is printed.

    \b
    Examples:
      zkmargin wallet show
      zkmargin wallet show --wallet alice.json -o json
    """
    _tell(open_wallet(wallet, password_file), output)


@app.command()
def backup(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file for the copy; never overwritten.")],
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Copy the wallet, still encrypted under its password, after checking that it opens.

    Back up after every commit: an older copy has no openings of the current state.

    \b
    Examples:
      zkmargin wallet backup --out /media/usb/wallet-2026-11-22.json
    """
    with locked_wallet(wallet, password_file) as opened:
        content = files.read(opened.keystore.path)
        files.write_new(out, content, mode=files.PRIVATE)
        if files.read(out) != content:
            raise Unavailable(f"{out}: the copy is not what was written", code="io_error")
    emit(output, {"backup": str(out)}, lambda: print(f"wrote {out}"))


def _tell(wallet: Wallet, output: Output) -> None:
    content = wallet.content
    current = content.current.signed.document if content.current else None
    value: dict[str, object] = {
        "wallet": str(wallet.keystore.path),
        "venue": content.venue,
        "account": wallet.account_id,
        "owner": wallet.identity.public,
        "sealing_key": wallet.sealing_key.public,
        "epoch": content.epoch,
        "seq": current.seq if current else None,
        "state_digest": current.state_digest if current else None,
        "pending_seq": content.pending.state.seq if content.pending else None,
    }
    emit(output, value, lambda: fields({name: "-" if shown is None else str(shown) for name, shown in value.items()}))
