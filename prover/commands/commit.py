"""zkmargin commit: move the account to its next state."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zkmargin import canonical
from zkmargin.documents import Trust
from zkmargin.errors import InputError

from .. import commit, files, public
from ..answers import VenueAnswer
from ..client import Venue, Verifier
from ..console import Output, OutputOption, emit, note, progress
from ..errors import WalletError
from ..wallet import Wallet
from .options import (
    OptionalAccountFile,
    OptionalOracleFiles,
    OptionalParamsFile,
    PasswordFile,
    TrustFile,
    VerifierUrl,
    WalletFile,
    load_account,
    locked_wallet,
    optional_verifier,
)


def commit_(
    account: OptionalAccountFile = None,
    params: OptionalParamsFile = None,
    oracle: OptionalOracleFiles = None,
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    venue: Annotated[str | None, typer.Option("--venue", metavar="URL", help="Address of the venue.")] = None,
    verifier: VerifierUrl = None,
    trust: TrustFile = None,
    venue_key: Annotated[
        Path | None,
        typer.Option(
            "--venue-key", metavar="FILE", help="The venue's public keys, as zkmargin-venue key -o json prints them."
        ),
    ] = None,
    request_out: Annotated[
        Path | None,
        typer.Option("--request-out", metavar="FILE", help="Write the request to this file instead of sending it."),
    ] = None,
    attestation_in: Annotated[
        Path | None, typer.Option("--attestation-in", metavar="FILE", help="The venue's answer, if it came as a file.")
    ] = None,
    state_out: Annotated[
        Path | None, typer.Option("--state-out", metavar="FILE", help="Write the attested state to this file.")
    ] = None,
    abandon_pending: Annotated[
        bool,
        typer.Option(
            "--abandon-pending", help="Give an unfinished commit up that has no attestation yet; its openings are kept."
        ),
    ] = False,
    restore_pending: Annotated[
        bool,
        typer.Option("--restore-pending", help="Go on with the commit given up last: the venue has attested it."),
    ] = False,
    accept_new_venue_keys: Annotated[
        bool, typer.Option("--accept-new-venue-keys", help="The venue has announced new keys: use them from now on.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Commit to an account: make the next state, have the venue attest it, and post it to the verifier.

    The openings go to the venue only, sealed to its key. The wallet moves to the new state last; after a crash or a
    refusal the same command goes on with the same request.

    \b
    Examples:
      zkmargin commit --account account.json --venue https://venue.example --verifier https://verifier.example
    By file, for a venue without a network:
      zkmargin commit --account account.json --params params.json --oracle oracle.json --venue-key venue.json \\
          --request-out request.json
      zkmargin commit --attestation-in attestation.json --verifier https://verifier.example
    """
    if request_out is None and verifier is None and state_out is None:
        raise InputError("name the verifier to post the state to (--verifier), or --state-out FILE", code="usage")
    if abandon_pending and restore_pending:
        raise InputError("a commit is either given up or taken up again", code="usage")
    for new_file in filter(None, (request_out, state_out)):
        files.check_new(new_file)
    with locked_wallet(wallet, password_file) as opened, optional_verifier(verifier) as service:
        if abandon_pending:
            opened.abandon()
        trusted = public.load_trust(trust)
        if accept_new_venue_keys or not commit.is_attested(opened):
            _pin_venue(opened, venue, venue_key, trusted, replace=accept_new_venue_keys)
        resumed = restore_pending or opened.content.pending is not None
        if restore_pending:
            commit.restore(opened, public.load(params, oracle or [], service, trust=trusted))
        if resumed:
            note("going on with the unfinished commit of this wallet")
        else:
            if venue is None and request_out is None:
                raise InputError("name the venue with --venue URL, or ask it by file with --request-out", code="usage")
            _begin(opened, account, params, oracle or [], service, trusted)
        same = not resumed or account is None or _same(opened, account, params, oracle or [], service)
        if request_out is not None:
            _write_request(opened, request_out, output)
            return
        _attest(opened, venue, attestation_in)
        if state_out is not None:
            files.write_new(state_out, commit.attested_state(opened))
        if service is not None:
            with progress("posting the state to the verifier"):
                commit.post(opened, service)
        else:
            opened.finish()
        if not same:
            raise WalletError(
                "the unfinished commit is done, but it was for another account file; run the command again for this"
                " one",
                code="resumed_other",
            )
        state = opened.require_current().signed.document
        value = {"account": state.account, "seq": state.seq, "state_digest": state.state_digest, "resumed": resumed}
        emit(output, value, lambda: print(f"state {state.seq} of account {state.account} is current"))


def _pin_venue(wallet: Wallet, url: str | None, key_file: Path | None, trusted: Trust | None, *, replace: bool) -> None:
    """Learn the venue's keys, from a file or at first sight over a connection that nobody else can answer on."""
    if key_file is not None:
        answer = public.load_file(key_file, lambda data: VenueAnswer.from_value(canonical.parse(data)))
    elif url is not None:
        with Venue(url) as venue, progress("asking the venue for its keys"):
            if (replace or wallet.content.venue_keys is None) and not venue.confidential:
                raise InputError(
                    "the venue's keys cannot be learned over plain http: use https, or name them with --venue-key",
                    code="insecure",
                )
            answer = venue.keys()
    elif wallet.content.venue_keys is not None and not replace:
        return
    else:
        raise InputError("name the venue with --venue URL, or its keys with --venue-key FILE", code="usage")
    if trusted is not None and answer.attestation_key not in trusted.attestation:
        raise WalletError("the venue's attestation key is not in the trust document", code="untrusted_venue")
    wallet.pin(commit.keys_for(wallet, answer), replace=replace)


def _begin(
    wallet: Wallet,
    account: Path | None,
    params: Path | None,
    oracle: list[Path],
    service: Verifier | None,
    trusted: Trust | None,
) -> None:
    if account is None:
        raise InputError("name the account to commit to with --account", code="usage")
    sources = public.load(params, oracle, service, trust=trusted)
    with progress("committing to the account"):
        commit.begin(wallet, load_account(account, sources.params.document), sources)


def _write_request(wallet: Wallet, path: Path, output: Output) -> None:
    pending = wallet.require_pending()
    files.write_new(path, pending.request_envelope.to_bytes())
    value = {"account": wallet.account_id, "pending_seq": pending.state.seq, "request": str(path)}
    emit(output, value, lambda: print(f"wrote {path}: bring the venue's answer back with --attestation-in"))


def _attest(wallet: Wallet, url: str | None, attestation_in: Path | None) -> None:
    if commit.is_attested(wallet):
        return
    if attestation_in is not None:
        commit.accept_attestation(wallet, public.load_file(attestation_in, canonical.parse))
    elif url is not None:
        with Venue(url) as venue, progress("the venue checks the openings against its books"):
            commit.ask(wallet, venue)
    else:
        raise InputError("name the venue with --venue URL, or its answer with --attestation-in FILE", code="usage")


def _same(wallet: Wallet, account: Path, params: Path | None, oracle: list[Path], service: Verifier | None) -> bool:
    """Whether the pending commit is for ``account``. Asked before it is finished: nothing can fail afterwards."""
    sources = public.load(params, oracle, service)
    return commit.same_account(wallet.require_pending(), load_account(account, sources.params.document), sources.risk)
