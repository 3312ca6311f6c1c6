"""zkmargin collateral: evidence, show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from circuits.evidence import Evidence
from zkmargin import canonical
from zkmargin.collateral import CollateralLock, Note, Pledge
from zkmargin.errors import InputError

from .. import clock, files, public
from ..client import Verifier
from ..collateral import locks, services, storage
from ..console import Output, OutputOption, emit, note, progress
from ..errors import Unavailable, WalletError
from .collateral import Number, Rpc, open_vault
from .options import PasswordFile, RequiredVerifierUrl, TrustFile, WalletFile, locked_wallet, open_wallet


def evidence(
    number: Number,
    verifier: RequiredVerifierUrl,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file; never overwritten.")],
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    trust: TrustFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Write the evidence of a lock that stands in the newest checkpoint, for whoever verifies a bundle that counts it.

    It tells the account and the class, as the bundle does, and nothing of which lock it is. It ends with the
    checkpoint: get it again then.

    \b
    Examples:
      zkmargin collateral evidence 1 --verifier https://verifier.example --out lock.json
    """
    files.check_new(out)
    opened = open_wallet(wallet, password_file)
    lock = opened.require_lock(number)
    note_ = locks.note(opened, lock)
    with Verifier(verifier) as service:
        # Of a tag that nobody was shown there is none, and the question would tell whose lock it is.
        found = services.evidence(service, note_.tag) if lock.pledged else None
        if found is None:
            raise WalletError(
                f"lock {number} is not in the newest checkpoint: see zkmargin collateral list", code="no_evidence"
            )
        _check(service, found, note_, trust)
    files.write_new(out, found.to_bytes())
    _tell(output, number, found, out)


def show(
    number: Number,
    verifier: RequiredVerifierUrl,
    rpc: Rpc,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the evidence too, to a new file. Secret.")
    ] = None,
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    trust: TrustFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show a lock to the verifier itself, instead of pledging it to attestors, so that it counts.

    WARNING: the verifier learns which lock on the chain backs this account, and how much it holds. Attestors learn
    nothing. Only for chains whose state can be proved, at the block of the newest checkpoint: the lock must be there
    by then, and the node must still have that state. It counts until that checkpoint ends: show it again before.

    \b
    Examples:
      zkmargin collateral show 1 --rpc http://127.0.0.1:8545 --verifier https://verifier.example --trust trust.json
    """
    if out is not None:
        files.check_new(out)
    with locked_wallet(wallet, password_file) as opened, Verifier(verifier) as service:
        lock = opened.require_lock(number)
        note_ = locks.note(opened, lock)
        if not service.confidential:
            raise InputError("an opened note is a secret: it is not sent over plain http", code="insecure")
        newest = services.newest_checkpoint(service, lock.chain)
        if newest is None:
            raise WalletError("the verifier has no checkpoint of this chain yet", code="no_checkpoint")
        vault = open_vault(opened, lock, rpc)
        with progress("asking the node for a proof"):
            pledge = Pledge.of(note_, locks.opening(opened, lock))
            shown = storage.evidence(vault.ask, lock.chain, note_, pledge, newest)
        _check(service, shown, note_, trust)
        note(f"the verifier is told which lock backs account {opened.account_id}, and how much it holds")
        answer = services.show(service, shown)
        opened.pledged(number)
    if out is not None:
        files.write_new(out, shown.to_bytes(), mode=files.PRIVATE)
    if answer.state != "final":
        raise Unavailable(f"the verifier answered that the lock is {answer.state}", code="bad_answer")
    _tell(output, number, shown, out)


def _check(service: Verifier, found: CollateralLock, of: Note, trust: Path | None) -> None:
    """It holds, as the verifier and whoever reads a bundle will check it, and it is of the lock under this note.

    Raises: whatever ``check_lock`` does.   Unavailable: it is of another lock.
    """
    sets = services.sets(service, found.chain)
    known = Evidence.of_signed(services.registry(service), sets, [found], now_unix_s=clock.now_unix_s())
    known.check_signatures(public.load_trust(trust))
    leaf = known.leaves.get(canonical.to_hex(of.tag))
    if leaf is None or (leaf.account, leaf.commitment) != (of.account, of.commitment):
        raise Unavailable("the verifier gave evidence of another lock", code="bad_answer")


def _tell(output: Output, number: int, of: CollateralLock, out: Path | None) -> None:
    until = canonical.format_time(of.checkpoint.expiry)
    value = {"lock": number, "kind": of.kind, "epoch": of.checkpoint.epoch, "evidence_until": until}
    value |= {} if out is None else {"out": str(out)}
    where = "counts" if out is None else f"evidence in {out}"
    emit(output, value, lambda: print(f"lock {number}: {where}, until {until}"))
