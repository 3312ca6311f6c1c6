"""``zkmargin-verifier``: set the service up, run it, publish documents, ask for statuses.

Exit codes: 0 valid, 1 refused or not live, 2 usage or bad input, 3 cannot say (disk, database or service failed).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zkmargin.envelope import PrivateKey
from zkmargin.errors import InputError

from . import disk, keys, operations, setup, signing
from .app import create_app
from .collateral.cli import app as chains_app
from .console import Commands, Output, OutputOption, emit
from .errors import EXIT_NEGATIVE
from .service import Service
from .serving import serve as serve_app

app = typer.Typer(
    name="zkmargin-verifier",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # their tracebacks print values
    help=__doc__,
)
params_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Risk parameters.")
oracle_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Oracle reports.")
trust_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Trust documents: whose signatures count.")
keys_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Signing keys of the operator.")
app.add_typer(params_app, name="params")
app.add_typer(oracle_app, name="oracle")
app.add_typer(trust_app, name="trust")
app.add_typer(keys_app, name="keys")
app.add_typer(chains_app, name="chains")

Directory = Annotated[Path, typer.Option("--dir", help="Directory of the service.")]
DirectoryOrNone = Annotated[Path | None, typer.Option("--dir", help="Directory of the service: work on its database.")]
Url = Annotated[str | None, typer.Option("--url", help="Address of a running service: work over HTTP.")]
Seconds = Annotated[int | None, typer.Option(min=0, help="See config.toml.")]


@app.command()
def init(
    directory: Directory,
    venue: Annotated[str | None, typer.Option(help="The venue whose documents are accepted.")] = None,
    audience: Annotated[
        str | None, typer.Option(help="The name of this verifier, which bundles are addressed to.")
    ] = None,
    trust: Annotated[Path | None, typer.Option(help="The first trust document, signed by its root.")] = None,
    grace_s: Seconds = None,
    params_grace_s: Seconds = None,
    max_round_age_s: Seconds = None,
    max_expiry_s: Seconds = None,
    max_box_percent: Annotated[str | None, typer.Option(help="See config.toml.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a service: its key, database and config.toml. On an old one: bring the database up to date.

    Example: zkmargin-verifier init --dir verifier --venue demo --audience risk.example --trust trust.json
    """
    given: dict[str, Any] = {
        "venue": venue,
        "audience": audience,
        "grace_s": grace_s,
        "params_grace_s": params_grace_s,
        "max_round_age_s": max_round_age_s,
        "max_expiry_s": max_expiry_s,
        "max_box_percent": max_box_percent,
    }
    values = {name: value for name, value in given.items() if value is not None}
    service = setup.make(directory, values, None if trust is None else disk.read(trust))
    settings = service.settings
    emit(
        output,
        {
            "directory": str(directory),
            "venue": settings.venue,
            "audience": settings.audience,
            "receipt_key": service.receipt_key,
        },
    )


@app.command()
def serve(
    directory: Directory,
    host: Annotated[str, typer.Option(help="Address to listen on. Beyond this machine: behind TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one; it is printed.")] = 8080,
) -> None:
    """Run the service until SIGTERM. The first line of stdout is {"url": ...}; logs are JSON lines on stderr.

    Example: zkmargin-verifier serve --dir verifier --port 8080
    """
    service = Service.open(directory)
    serve_app(create_app(service), host, port, trusted_proxies=service.settings.trusted_proxies)


@params_app.command("publish")
def publish_params(
    file: Annotated[Path, typer.Argument(help="Risk parameters in an envelope.")],
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Publish the next version of the risk parameters.

    Example: zkmargin-verifier params publish params.signed.json --url http://127.0.0.1:8080
    """
    emit(output, operations.at(directory, url).publish_params(disk.read(file)))


@trust_app.command("publish")
def publish_trust(
    file: Annotated[Path, typer.Argument(help="A trust document in an envelope.")],
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Publish the next trust document; the first one with --dir only.

    Example: zkmargin-verifier trust publish trust-2.signed.json --dir verifier
    """
    emit(output, operations.at(directory, url).publish_trust(disk.read(file)))


@oracle_app.command("publish")
def publish_reports(
    files: Annotated[list[Path], typer.Argument(help="Oracle reports in envelopes, one key each.")],
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send oracle reports; the one that makes its round complete makes it current.

    Example: zkmargin-verifier oracle publish report-a.json report-b.json --url http://127.0.0.1:8080
    """
    at = operations.at(directory, url)
    reports = [at.report(disk.read(file)) for file in files]
    emit(output, reports[-1])


@app.command()
def status(
    account: Annotated[str | None, typer.Argument(help="An account, or none: the service as a whole.")] = None,
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """The status of an account (exit 0 if it is live, 1 if not), or what the service is and what is current there.

    Example: zkmargin-verifier status --dir verifier -o json
    """
    at = operations.at(directory, url)
    value = at.summary() if account is None else at.account(account)
    emit(output, value)
    if account is not None and value.get("status") != "live":
        raise typer.Exit(EXIT_NEGATIVE)


@app.command()
def bench(
    collateral: Annotated[bool, typer.Option("--collateral", help="Aggregate checkpoints of locks.")] = False,
    locks: Annotated[int, typer.Option(min=1, help="Over all chains.")] = 10_000,
    chains: Annotated[int, typer.Option(min=1, max=64)] = 4,
    members: Annotated[int, typer.Option(min=1, max=64, help="Attestors of a chain.")] = 5,
    threshold: Annotated[int, typer.Option(min=1, max=64, help="How many of them sign.")] = 3,
    accounts: Annotated[int, typer.Option(min=0, help="Live by a lock on every chain.")] = 1000,
    output: OutputOption = Output.TEXT,
) -> None:
    """Measure how long checkpoints of collateral take, first and renewed, into a database of its own.

    Example: zkmargin-verifier bench --collateral -o json
    """
    if not collateral:
        raise InputError("say what to measure: --collateral", code="usage")
    from .collateral.bench import run  # nothing else needs it

    emit(output, run(locks=locks, chains=chains, members=members, threshold=threshold, accounts=accounts))


@keys_app.command("new")
def new_key(
    out: Annotated[Path, typer.Option(help="File to write, mode 0600. It must not exist.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Make an Ed25519 key, and print its public half, which is its name.

    Example: zkmargin-verifier keys new --out root.key
    """
    key = PrivateKey.generate()
    keys.write_new(out, key)
    emit(output, {"file": str(out), "public_key": key.public})


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="A document of the operator's, signed or not.")],
    key: Annotated[list[Path], typer.Option(help="Key file; give several to sign with each.")],
    out: Annotated[Path, typer.Option(help="Envelope to write. It must not exist.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Put a document into an envelope and sign it; signatures that it has are kept.

    Example: zkmargin-verifier sign params.json --key params.key --out params.signed.json
    """
    envelope = signing.sign(disk.read(file), [keys.read_signing(path) for path in key])
    disk.write_new(out, envelope.to_bytes())
    emit(output, {"file": str(out), "digest": envelope.digest, "signed_by": list(envelope.keys)})
