"""zkmargin submit and status: what the verifier says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zkmargin import canonical
from zkmargin.envelope import check_public_key
from zkmargin.errors import InputError

from .. import files, public
from ..client import Verifier
from ..console import Output, OutputOption, emit, fields, progress
from ..errors import EXIT_NEGATIVE
from ..receipts import check_receipt
from .options import PasswordFile, RequiredVerifierUrl, WalletFile, open_wallet


def submit(
    bundle: Annotated[Path, typer.Argument(metavar="FILE", help="Bundle to submit.")],
    verifier: RequiredVerifierUrl,
    receipt_out: Annotated[
        Path | None, typer.Option("--receipt-out", metavar="FILE", help="Write the signed receipt to this new file.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", help="The verifier's receipt key, as you know it; else the one that it names itself."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Submit a bundle to the verifier and tell its verdict. The same bundle again gets the first receipt.

    Exit code 0: accepted. 1: refused, with a reason. 3: no answer, which says nothing about the proof.

    \b
    Examples:
      zkmargin submit proof.zkmargin.json --verifier https://verifier.example --receipt-out receipt.json
    """
    if receipt_out is not None:
        files.check_new(receipt_out)
    if key is not None:
        check_public_key(key)
    sent = public.load_bundle(bundle)
    with Verifier(verifier) as service:
        with progress("the verifier decides"):
            answer = service.submit(sent.to_bytes())
        receipt, envelope = check_receipt(answer, key or service.identity().receipt_key, sent)
    if receipt_out is not None:
        files.write_new(receipt_out, envelope.to_bytes())
    value = {
        "verdict": receipt.verdict,
        "reason": receipt.reason,
        "bundle": receipt.bundle,
        "account": sent.request.account,
        "seq": sent.request.seq,
        "claim": sent.request.claim,
        "expiry": sent.request.expiry,
        "decided": receipt.decided,
    }
    emit(output, value, lambda: fields({name: str(shown) for name, shown in value.items()}))
    if receipt.verdict != "accepted":
        raise typer.Exit(EXIT_NEGATIVE)


def status(
    verifier: RequiredVerifierUrl,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ID", help="Account identifier; else the wallet's.")
    ] = None,
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Tell what the verifier says of an account: unproven, live, stale (until its deadline) or liquidatable.

    Exit code 0: live. 1: anything else. 3: no answer, which says nothing about the account.

    \b
    Examples:
      zkmargin status --verifier https://verifier.example
      zkmargin status --verifier https://verifier.example --account 0x3f... -o json
    """
    if account is None:
        account = open_wallet(wallet, password_file).account_id
    else:
        if wallet is not None or password_file is not None:
            raise InputError("name the account with --account or the wallet with --wallet, not both", code="usage")
        canonical.from_hex(account, 32)
    with Verifier(verifier) as service, progress("asking the verifier"):
        answer = service.account(account)
    value = answer.model_dump()
    shown = {name: "-" if told is None else str(told) for name, told in value.items()}
    emit(output, {"schema": "zkmargin/status/v1"} | value, lambda: fields(shown))
    if answer.status != "live":
        raise typer.Exit(EXIT_NEGATIVE)
