"""zkmargin verify."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from circuits.policy import Verified, verify_bundle
from zkmargin import canonical
from zkmargin.bundle import MAX_BUNDLE_BYTES, Bundle
from zkmargin.documents import Policy, read, verify_receipt
from zkmargin.envelope import Envelope, check_public_key
from zkmargin.errors import ContextError, InputError

from .. import clock, files, public
from ..client import Verifier
from ..collateral import checking
from ..console import Output, OutputOption, emit, fields, progress
from ..errors import EXIT_NEGATIVE
from .options import OptionalOracleFiles, OptionalParamsFile, VerifierUrl, optional_verifier


def verify_(
    bundle: Annotated[Path | None, typer.Argument(metavar="FILE", help="Bundle to verify.", show_default=False)] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use the files that are named, and no network.")] = False,
    params: OptionalParamsFile = None,
    oracle: OptionalOracleFiles = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="Whose signatures count, and limits (zkmargin/policy/v1)."),
    ] = None,
    registry: Annotated[
        Path | None,
        typer.Option("--registry", metavar="FILE", help="Signed registry of collateral; else asked of the verifier."),
    ] = None,
    members: Annotated[
        list[Path] | None,
        typer.Option("--set", metavar="FILE", help="Signed attestors of a chain (repeat); else asked of the verifier."),
    ] = None,
    evidence: Annotated[
        list[Path] | None,
        typer.Option("--evidence", metavar="FILE", help="Evidence of a lock (repeat); else asked of the verifier."),
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
    A bundle that counts locks on other chains:
      zkmargin verify --offline --policy policy.json --params params.json --oracle oracle.json \\
          --registry registry.json --set members.json --evidence lock.json proof.zkmargin.json
    """
    if receipt is not None:
        if (
            offline
            or verifier
            or params
            or oracle
            or policy
            or registry
            or members
            or evidence
            or allow_unattested
            or at
        ):
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
    now = clock.now_unix_s() if at is None else canonical.parse_time(at)
    given = checking.Given.load(registry, members or [], evidence or [])
    with optional_verifier(verifier) as service:
        sources = public.load(params, oracle or [], service)
        rules = _policy(policy, service)
        decoded = Bundle.from_bytes(files.read(bundle, limit=MAX_BUNDLE_BYTES))
        collateral = checking.evidence(decoded.request.collateral, given, service, now_unix_s=now)
    start = perf_counter()
    with progress("verifying"):
        verified = verify_bundle(
            decoded,
            policy=rules,
            params=sources.params,
            round=sources.round,
            now_unix_s=now,
            allow_unattested=allow_unattested,
            collateral=collateral,
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
