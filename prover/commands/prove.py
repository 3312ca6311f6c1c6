"""zkmargin prove and verify."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from circuits.claims import Claims
from circuits.policy import Verified, verify_bundle
from zkmargin import canonical
from zkmargin.bundle import MAX_BUNDLE_BYTES, Bundle
from zkmargin.documents import Policy, read, verify_receipt
from zkmargin.envelope import Envelope, check_public_key
from zkmargin.errors import ContextError, InputError

from .. import files, public
from ..client import Verifier
from ..collateral.counting import count
from ..console import Output, OutputOption, emit, fields, progress
from ..errors import EXIT_NEGATIVE
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
    now_unix_s,
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


def verify_(
    bundle: Annotated[Path | None, typer.Argument(metavar="FILE", help="Bundle to verify.", show_default=False)] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use the files that are named, and no network.")] = False,
    params: OptionalParamsFile = None,
    oracle: OptionalOracleFiles = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="Whose signatures count, and limits (zkmargin/policy/v1)."),
    ] = None,
    allow_unattested: Annotated[
        bool, typer.Option("--allow-unattested", help="Accept documents without a trusted signature, and say so.")
    ] = False,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Decide as of this time (RFC 3339, UTC); else as of now.")
    ] = None,
    verifier: VerifierUrl = None,
    receipt: Annotated[
        Path | None, typer.Option("--receipt", metavar="FILE", help="Verify a verifier's receipt instead.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="The verifier's receipt key, 0x and 64 hex digits.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Verify a bundle with your own parameters and prices, or a receipt with the verifier's key.

    Exit code 0: valid. 1: not valid, or the receipt says refused. 2: bad input. 3: cannot say.

    \b
    Examples:
      zkmargin verify --offline --policy policy.json --params params.json --oracle oracle.json proof.zkmargin.json
      zkmargin verify --offline --allow-unattested --params params.json --oracle oracle.json proof.zkmargin.json
      zkmargin verify --receipt receipt.json --key 0x5f... proof.zkmargin.json
    """
    if receipt is not None:
        if offline or verifier or params or oracle or policy or allow_unattested or at:
            raise InputError(
                "a receipt is verified with --key, and with the bundle if you name it; nothing else belongs to it, and"
                " no network is used",
                code="usage",
            )
        _verify_receipt(receipt, key, bundle, output)
        return
    if key is not None:
        raise InputError("--key is the key of a receipt: name the receipt with --receipt", code="usage")
    if bundle is None:
        raise InputError("name the bundle to verify", code="usage")
    if offline == (verifier is not None):
        raise InputError(
            "say where parameters and prices come from: --offline with files, or --verifier URL", code="usage"
        )
    now = now_unix_s() if at is None else canonical.parse_time(at)
    with optional_verifier(verifier) as service:
        sources = public.load(params, oracle or [], service)
        rules = _policy(policy, service)
    decoded = Bundle.from_bytes(files.read(bundle, limit=MAX_BUNDLE_BYTES))
    start = perf_counter()
    with progress("verifying"):
        verified = verify_bundle(
            decoded,
            policy=rules,
            params=sources.params,
            round=sources.round,
            now_unix_s=now,
            allow_unattested=allow_unattested,
        )
    value = _verdict(verified) | {"verify_ms": round(1000 * (perf_counter() - start), 1)}
    emit(output, value, lambda: _tell_valid(value))


def _verdict(verified: Verified) -> dict[str, Any]:
    return {
        "valid": True,
        "account": verified.account,
        "seq": verified.seq,
        "claim": str(verified.claims),
        "round": verified.round_number,
        "expiry": verified.expiry,
        "unattested": verified.unattested,
        "covers_maintenance": verified.covers_maintenance,
    }


def _tell_valid(value: dict[str, Any]) -> None:
    print("valid")
    fields({name: str(value[name]) for name in ("claim", "account", "seq", "round", "expiry")})
    if not value["covers_maintenance"]:
        print("WEAK CLAIM: it does not imply the maintenance requirement; an account in liquidation may satisfy it")
    if value["unattested"]:
        print("NOT ATTESTED: no trusted key says that this is a real account or that these are the real prices")


def _verify_receipt(path: Path, key: str | None, bundle: Path | None, output: Output) -> None:
    if key is None:
        raise InputError("name the verifier's receipt key with --key", code="usage")
    check_public_key(key)
    receipt = verify_receipt(public.load_file(path, Envelope.from_bytes), key)
    if bundle is not None and canonical.digest(files.read(bundle, limit=MAX_BUNDLE_BYTES)) != receipt.bundle:
        raise ContextError("the receipt is about another bundle", code="other_bundle")
    value = receipt.to_value()
    emit(output, value, lambda: fields({name: str(shown) for name, shown in value.items() if name != "schema"}))
    if receipt.verdict != "accepted":
        raise typer.Exit(EXIT_NEGATIVE)


def _policy(path: Path | None, service: Verifier | None) -> Policy | None:
    if path is not None:
        return public.load_file(path, lambda data: read(data, Policy)).document
    if service is None:
        return None
    return service.understood(lambda: Policy.from_value(service.identity().policy))


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
    start = max(now_unix_s(), canonical.parse_time(sources.round.time))
    return start + (DEFAULT_EXPIRY_S if seconds is None else seconds)
