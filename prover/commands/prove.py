"""zkmargin prove."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from circuits.claims import Claims
from zkmargin import canonical
from zkmargin.errors import InputError

from .. import clock, files, public
from ..client import Verifier
from ..collateral.counting import count
from ..console import Output, OutputOption, emit, progress
from ..proving import DEFAULT_EXPIRY_S, OFFLINE_AUDIENCE, Wish, prove, prove_offline
from ..public import Public
from .options import (
    OptionalAccountFile,
    OptionalOracleFiles,
    OptionalParamsFile,
    PasswordFile,
    TrustFile,
    VerifierUrl,
    WalletFile,
    load_account,
    open_wallet,
    optional_verifier,
    percent,
)


def prove_(
    claim: Annotated[
        str,
        typer.Option("--claim", help="One claim of those below, or several joined by commas.", metavar="CLAIM"),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="New bundle file (*.zkmargin.json); never overwritten.")
    ],
    offline: Annotated[
        bool, typer.Option("--offline", help="Prove about an account file, under keys made for this bundle.")
    ] = False,
    account: OptionalAccountFile = None,
    params: OptionalParamsFile = None,
    oracle: OptionalOracleFiles = None,
    box: Annotated[
        str, typer.Option("--box", metavar="PERCENT", help="The proof holds while prices move this much, either way.")
    ] = "0",
    expiry: Annotated[
        int | None, typer.Option("--expiry", metavar="SECONDS", min=1, help="From now; a day unless given.")
    ] = None,
    collateral: Annotated[
        list[str] | None,
        typer.Option(
            "--collateral", metavar="LOCK", help="Count this lock on another chain (repeat), or all that count now."
        ),
    ] = None,
    audience: Annotated[
        str | None, typer.Option("--audience", help="Who is to accept the proof; else the verifier's own name.")
    ] = None,
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    verifier: VerifierUrl = None,
    trust: TrustFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Prove a claim about the account and write the proof as one self-contained bundle.

    With a wallet: about its current, attested state. With --offline: about an account file, unattested, with no
    wallet and no service. If the claim does not hold, the shortfall is told here and nothing is written.

    \b
    Claims, over every price of the box (M: a market; one proof shows up to 8):
      maintenance, initial            equity covers the requirement
      health>=1.25, leverage<=5       equity is 1.25 times maintenance; gross notional is 5 times equity
      survives>=10, survives[M]>=25   maintenance still holds after every price, or that of M, moved by 10 or 25 percent
      stress[M=-30;N=-20.5]           the same after this one scenario: M falls by 30 percent and N by 20.5
      gross<=1000000, delta[M]<=2.5   gross notional in quote units; net position in M, in units of it
      gamma[M]<=0.5, vega[M]<=1000    of options on M: what a percent does to the net position; a point of volatility
      collateral>=1.5, equity>=100    what the account has is 1.5 times its debts, or is worth 100, before haircuts
      health<=2, leverage>=3, gross>=1000    the opposite direction

    \b
    Examples:
      zkmargin prove --claim initial --box 5 --verifier https://verifier.example --out proof.zkmargin.json
      zkmargin prove --offline --account account.json --params params.json --oracle oracle.json \\
          --claim "health>=1.25,survives[BTC-USD]>=30" --box 2.5 --out proof.zkmargin.json
    With what is locked on other chains:
      zkmargin prove --claim maintenance --collateral all --verifier https://verifier.example --out proof.zkmargin.json
    """
    wanted = Claims.parse(claim), percent(box)
    if offline and verifier is not None:
        raise InputError("--offline asks no verifier: leave --verifier out", code="usage")
    if offline != (account is not None):
        raise InputError(
            "--offline proves about an account file, named with --account; without --offline the proof is about the"
            " committed state of the wallet",
            code="usage",
        )
    if offline and (wallet is not None or password_file is not None):
        raise InputError("--offline opens no wallet: leave --wallet and --password-file out", code="usage")
    numbers = _numbers(collateral)
    if collateral and verifier is None:
        raise InputError("which locks count is asked of the verifier: name it with --verifier", code="usage")
    files.check_new(out)
    opened = open_wallet(wallet, password_file) if account is None else None
    with optional_verifier(verifier) as service:
        sources = public.load(params, oracle or [], service, trust=public.load_trust(trust))
        wish = Wish(*wanted, audience or _audience(service), _expiry(sources, expiry))
        counted = None
        if collateral and opened is not None and service is not None:
            trusted = public.load_trust(trust)
            counted = count(opened, service, sources.round, wish.box_percent, numbers=numbers, trust=trusted)
    start = perf_counter()
    with progress(f"proving over {len(sources.risk.markets)} markets"):
        if opened is not None:
            current = opened.require_current()
            bundle = prove(current.signed, current.openings, sources, wish, counted=counted)
        elif account is not None:
            bundle = prove_offline(load_account(account, sources.params.document), sources, wish)
    prove_ms = round(1000 * (perf_counter() - start), 1)
    files.write_new(out, bundle.to_bytes())
    value = {
        "out": str(out),
        "bundle": bundle.id,
        "account": bundle.request.account,
        "seq": bundle.request.seq,
        "claim": bundle.request.claim,
        "expiry": bundle.request.expiry,
        "locks": 0 if bundle.request.collateral is None else len(bundle.request.collateral.locks),
        "proof_bytes": len(bundle.proof),
        "prove_ms": prove_ms,
    }
    emit(output, value, lambda: print(f"wrote {out}: {bundle.request.claim}, a proof of {len(bundle.proof)} bytes"))


def _numbers(collateral: list[str] | None) -> list[int] | None:
    """The locks that are named; None: all of them."""
    if not collateral or "all" in collateral:
        return None
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in collateral):
        raise InputError(
            "--collateral is the number of a lock, as zkmargin collateral list shows it, or all", code="usage"
        )
    return [int(text) for text in collateral]


def _audience(service: Verifier | None) -> str:
    return OFFLINE_AUDIENCE if service is None else service.identity().audience


def _expiry(sources: Public, seconds: int | None) -> int:
    """From now, or from the round if it lies in the future: a bundle about an old round must not be born expired."""
    start = max(clock.now_unix_s(), canonical.parse_time(sources.round.time))
    return start + (DEFAULT_EXPIRY_S if seconds is None else seconds)
